"""An entry on its way between the database and the banks that are searched."""

import hashlib

import msgspec

from tidegate.matching import BankError, Entry
from tidegate.matching.bank import content
from tidegate.store import banks
from tidegate.store.text import cut

LONGEST_NOTE = 2000
"""Characters that are kept of a note and of a provenance, each."""

_HEAD = '{"id":"0",'


def new(entry: Entry) -> banks.NewEntry:
    """Return an entry as the database takes it, which gives it an id of its own."""
    digest = hashlib.sha256(msgspec.json.encode(content(entry))).hexdigest()
    return banks.NewEntry(
        content=digest,
        entry=written(entry),
        state=entry.state,
        disabled_until=entry.disabled_until,
    )


def written(entry: Entry) -> str:
    """Return an entry as the database has it: without its id, its state and what is too long."""
    plain = msgspec.structs.replace(
        entry,
        id="0",
        state="active",
        disabled_until=None,
        note=cut(entry.note, LONGEST_NOTE),
        provenance=cut(entry.provenance, LONGEST_NOTE),
    )
    text = msgspec.json.encode(plain).decode()
    assert text.startswith(_HEAD)
    return "{" + text[len(_HEAD) :]


def read(row: banks.Entry) -> Entry:
    """Return an entry of the database as banks have it.

    Raises:
        BankError: It is not what it should be.
    """
    try:
        return msgspec.json.decode(line(row), type=Entry)
    except msgspec.DecodeError as error:
        raise BankError(f"entry {row.id} of bank {row.bank}: {error}") from None


def line(row: banks.Entry) -> bytes:
    """Return an entry of the database as a line of a bank's file."""
    head = f'{{"id":"{row.id}"'
    if row.state != "active":
        head += f',"state":"{row.state}"'
    if row.disabled_until is not None:
        head += f',"disabled_until":"{row.disabled_until}"'
    return f"{head},{row.entry[1:]}\n".encode()
