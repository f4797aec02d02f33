"""What somebody is shown of items in a list: a small veiled picture, or why there is none."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from tidegate.service.auth import Principal
from tidegate.service.media import links_for
from tidegate.service.showing import hidden
from tidegate.service.state import Service
from tidegate.store import items


class Look(NamedTuple):
    """What is shown of an item.

    Attributes:
        picture: Where a small picture is, for whoever asked, or ``None``.
        why: Why there is none; empty where there is one.
        external_id: What the platform calls the item.
    """

    picture: str | None
    why: str
    external_id: str | None


def looks(
    connection: Connection, at: Service, who: Principal, of: Iterable[str]
) -> dict[str, Look]:
    """Return what somebody is shown of items, by their ids; nothing of an item that is none."""
    found = {}
    for item in of:
        held = items.get(connection, item)
        if held is None:
            continue
        if "media.read" not in who.scopes:
            found[item] = Look(None, "your role sees no media", held.external_id)
        elif (why := hidden(connection, held)) is not None:
            found[item] = Look(None, why.text, held.external_id)
        else:
            link = links_for(connection, at, who, item).thumbnail
            found[item] = Look(link, "", held.external_id)
    return found
