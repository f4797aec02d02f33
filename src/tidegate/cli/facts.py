"""Options for what the platform says of items."""

from difflib import get_close_matches
from typing import Annotated

import msgspec
import typer

from tidegate import taxonomy
from tidegate.evidence import Facts
from tidegate.policy import Policy

Surface = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Where the items are to be shown, for example avatar."),
]

Locale = Annotated[
    str | None,
    typer.Option(
        metavar="TAG", help="Language and region of the place where they are to be shown: de-AT."
    ),
]

Context = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FLAG",
        help="Context that the uploader or a reviewer has set: medical, art, news, "
        "breastfeeding, synthetic. May be repeated.",
    ),
]

AccountDays = Annotated[
    int | None,
    typer.Option(metavar="N", help="Days since the uploader's account was made."),
]


def stated(
    policy: Policy,
    surface: str | None,
    locale: str | None,
    context: list[str] | None,
    account_days: int | None,
) -> Facts:
    """Return what the options say.

    Args:
        policy: The policy. Where it declares surfaces, another one is a slip of the pen.
        surface: Where the items are to be shown.
        locale: Language and region of the place.
        context: Flags, with or without ``context.`` before them.
        account_days: Days since the account was made.

    Raises:
        typer.BadParameter: One of them means nothing.
    """
    known = policy.names.surfaces
    if surface is not None and known and surface not in known:
        close = get_close_matches(surface, known, n=1)
        meant = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
        raise typer.BadParameter(f"--surface: {policy.name} has no surface {surface!r}{meant}")
    given = {
        "surface": surface,
        "locale": locale,
        "context": list(dict.fromkeys(map(_flag, context or ()))),
        "uploader": {"account_days": account_days},
    }
    try:
        return msgspec.convert(given, Facts)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        option = where.rstrip("`").rpartition(".")[2].replace("_", "-")
        raise typer.BadParameter(f"--{option}: {message}") from None


def _flag(name: str) -> str:
    flags = [c.id for c in taxonomy.CATEGORIES.values() if c.source == "context"]
    for flag in flags:
        if name in (flag, flag.removeprefix("context.")):
            return flag
    short = ", ".join(flag.removeprefix("context.") for flag in flags)
    raise typer.BadParameter(f"--context: {name!r} is no context flag; there are {short}")
