"""Where items came from, as far as it is shown: a URL may open the media to whoever reads it."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import Connection

from tidegate.service.auth import Principal
from tidegate.store import media
from tidegate.store.items import Item


def references(connection: Connection, who: Principal, found: Sequence[Item]) -> list[str | None]:
    """Return what is shown of the URL or key of each item; of an upload there is none.

    Of a URL only scheme and host are, where whoever asks may not see media, and to everybody where
    the media is quarantined, or anything with the same bytes: a URL that is signed, as those of
    object stores are, is as good as the media itself. A key that sends items has sent it.
    """
    sees = "media.read" in who.scopes or (who.kind == "key" and "items.write" in who.scopes)
    digests = {item.sha256 for item in found if item.source == "url" and item.sha256 is not None}
    hidden = media.quarantined_among(connection, digests) if sees and digests else set()
    return [
        _reference(item, whole=sees and item.action != "quarantine" and item.sha256 not in hidden)
        for item in found
    ]


def _reference(item: Item, *, whole: bool) -> str | None:
    if item.source == "upload":
        return None
    if item.source == "object" or whole:
        return item.reference
    parts = urlsplit(item.reference)  # It was read strictly when it came.
    return f"{parts.scheme}://{parts.hostname}"
