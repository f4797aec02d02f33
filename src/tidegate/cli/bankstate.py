"""``tidegate bank withdraw``, ``disable`` and ``enable``: which entries may match."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import exits
from tidegate.cli.bankfiles import own, save
from tidegate.cli.files import alone_in
from tidegate.cli.say import say
from tidegate.matching import BankError, BankFolder, set_state
from tidegate.matching.bank import State, moment

File = Annotated[Path, typer.Argument(metavar="BANK", help="The bank's file or folder.")]

Ids = Annotated[list[str], typer.Argument(metavar="ENTRY", help="Ids of entries.")]


def withdraw(file: File, entries: Ids) -> int:
    """Withdraw entries, for good. They are kept for the record, and never match again."""
    return _change(file, entries, "withdrawn")


def disable(
    file: File,
    entries: Ids,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When they are active again, ISO 8601; without a time zone it is UTC. "
            "Default: when they are enabled.",
        ),
    ] = None,
) -> int:
    """Disable entries for a time, or until further notice."""
    return _change(file, entries, "disabled", until)


def enable(file: File, entries: Ids) -> int:
    """Enable disabled entries."""
    return _change(file, entries, "active")


def _change(file: Path, ids: list[str], state: State, until: str | None = None) -> int:
    term = None if until is None else _utc(until)
    if file.is_dir():
        BankFolder(file).change(ids, state, disabled_until=term)
    else:
        with alone_in(file.absolute().parent):
            bank = own(file)
            try:
                bank = set_state(bank, ids, state, disabled_until=term)
            except BankError as error:
                raise BankError(f"{file}: {error}") from None
            save(bank, file)
    count = len(set(ids))
    say(f"{file}: {count:,} {'entry' if count == 1 else 'entries'} {state}")
    return exits.OK


def _utc(text: str) -> str:
    """Return a time with its zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--until: {text!r} is no ISO 8601 time") from None
    until = moment((found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat())
    if until <= datetime.now(UTC):
        raise typer.BadParameter(f"--until: {text} is over")
    return until.isoformat()
