"""Options for what the platform says of items."""

from typing import Annotated

import msgspec
import typer

from tidegate import taxonomy
from tidegate.evidence import Facts
from tidegate.policy import Policy
from tidegate.policy.facts import FactsError, check_facts

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
    given = {
        "surface": surface,
        "locale": locale,
        "context": list(dict.fromkeys(map(_flag, context or ()))),
        "uploader": {"account_days": account_days},
    }
    try:
        facts = msgspec.convert(given, Facts)
        check_facts(facts, policy)
        return facts
    except FactsError as error:
        raise typer.BadParameter(f"--{error.fact}: {error}") from None
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        option = where.rstrip("`").rpartition(".")[2].replace("_", "-")
        if option == "locale":
            message = f"{locale!r} is no language tag; one is written de, or de-AT"
        raise typer.BadParameter(f"--{option}: {message}") from None


def _flag(name: str) -> str:
    flags = taxonomy.contexts()
    for flag in flags:
        if name in (flag, flag.removeprefix("context.")):
            return flag
    short = ", ".join(flag.removeprefix("context.") for flag in flags)
    raise typer.BadParameter(f"--context: {name!r} is no context flag; there are {short}")
