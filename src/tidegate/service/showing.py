"""Whose picture nobody is shown, and why.

What is known to be of the worst kinds is rendered to nobody: there is nothing in it that a person
has to see in order to decide. A match counts whatever the policy made of it, so that no lenient
policy is the reason that such a picture is shown.
"""

from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from tidegate import taxonomy
from tidegate.store import media
from tidegate.store.findings import findings
from tidegate.store.items import Item

NEVER: frozenset[str] = frozenset(
    {"child_safety.known_material", "extremism.known_material", "ncii.known_material"}
)
"""Categories of bank matches that are never rendered."""

Cause = Literal["deleted", "undecided", "quarantined", "known"]


class Hidden(NamedTuple):
    """Why an item is not shown.

    Attributes:
        cause: In a word.
        text: In a sentence.
    """

    cause: Cause
    text: str


class _Match(msgspec.Struct):
    category: str


class _Evidence(msgspec.Struct):
    """As much of evidence as is needed."""

    matches: tuple[_Match, ...] = ()


_DECODER = msgspec.json.Decoder(_Evidence)


def hidden(connection: Connection, item: Item) -> Hidden | None:
    """Return why nobody is shown an item, or ``None`` where it may be shown.

    What the item met is what :func:`~tidegate.store.findings.findings` tells.
    """
    if item.state == "deleted":
        return Hidden("deleted", "the media of this item was deleted")
    if item.action is None:
        return Hidden("undecided", "what is not decided is not shown")
    same = item.sha256 is not None and media.quarantined(connection, item.sha256)
    if same or item.action == "quarantine":
        return Hidden("quarantined", "what is quarantined is not shown")
    for text in findings(connection, item):
        for match in _DECODER.decode(text).matches:
            if match.category in NEVER:
                title = taxonomy.get(match.category).title
                return Hidden("known", f"it met a bank: {title}. Such material is never shown")
    return None
