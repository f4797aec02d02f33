"""An item becomes an entry of a bank: what is like it is met from then on."""

import shutil

import msgspec

from tidegate.matching import BankError
from tidegate.media import MediaError
from tidegate.service.banks import enrolled
from tidegate.service.bankviews import About
from tidegate.service.hasher import Unreadable
from tidegate.service.problems import Fault, Invalid
from tidegate.service.state import Service
from tidegate.store import items
from tidegate.store.banks import Added
from tidegate.store.error import MissingError


def enlist(at: Service, item: str, bank: str, about: About, *, actor: str) -> Added:
    """Hash the media of an item anew, as closely as a bank wants it, and add it to a bank.

    Takes as long as decoding the media does: not for a thread that others wait for.

    Args:
        at: The service.
        item: Id of the item.
        bank: The name of the bank.
        about: What is said of the entry.
        actor: Who adds it.

    Raises:
        MissingError: There is no such item or bank.
        Invalid: Its media is not here any more, or nothing of it can be read.
        Conflict: The same content was withdrawn.
    """
    with at.store.read() as connection:
        found = items.get(connection, item)
    if found is None:
        raise MissingError(f"there is no item {item:.40}")
    try:
        with at.sources.open(found) as source, at.hasher.file() as (file, path):
            shutil.copyfileobj(source.file, file)
            file.flush()
            entry = at.hasher.entry(
                path,
                category=about.category,
                note=about.note,
                provenance=about.provenance or f"item {item}",
            )
    except (MediaError, Unreadable) as error:
        told = error.detail if isinstance(error, MediaError) else str(error)
        raise Invalid(f"the media of the item {told}") from None
    except BankError as error:
        raise Invalid(errors=[Fault(pointer="/body/category", detail=str(error)[:200])]) from None
    entry = msgspec.structs.replace(entry, state=about.state)
    return enrolled(at, bank, entry, actor=actor, reason=about.reason, item=item)
