"""Where the bytes of an item are: in the room, in the folder of stored objects, behind a URL."""

import logging
from pathlib import Path
from typing import BinaryIO, cast

from tidegate.hashing import digests
from tidegate.media import Budget, MediaError, Source, open_source
from tidegate.service.addresses import Allowance
from tidegate.service.fetch import Caps, Fetcher
from tidegate.service.fetch_error import FetchError
from tidegate.service.room import Room, TooManyBytesError
from tidegate.store import items
from tidegate.store.engine import Store
from tidegate.store.error import StateError
from tidegate.store.items import Item

logger = logging.getLogger(__name__)

_CHANGED = "is not what it was when the item was first judged"


class Sources:
    """Opens the media of items. Safe to share between threads.

    Args:
        store: The database.
        room: Where uploads lie, and what was fetched.
        objects: The folder below which stored objects lie, or ``None``: none are taken.
        allowance: Where uploads may be fetched from.
        budget: Limits for one item.
        most: Bytes of what is fetched, at most.
        fetcher: Fetches; by default one with this allowance.

    Attributes:
        room: See above.
        objects: See above.
        allowance: See above.
        budget: See above.
    """

    def __init__(
        self,
        store: Store,
        room: Room,
        *,
        objects: Path | None = None,
        allowance: Allowance | None = None,
        budget: Budget | None = None,
        most: int = Caps.size,
        fetcher: Fetcher | None = None,
    ) -> None:
        self.room = room
        self.objects = objects
        self.allowance = allowance or Allowance()
        self.budget = budget or Budget()
        self._store = store
        self._most = most
        self._fetcher = fetcher or Fetcher(self.allowance, Caps(size=most))

    def open(self, item: Item) -> Source:
        """Open the media of an item that is here, and that it was judged by.

        Raises:
            MediaError: It is not here, cannot be opened, or has changed.
        """
        if item.source == "object":
            source = self.object(item.reference)
            try:
                # Whoever stores it may have put something else in its place, quarantined perhaps.
                if digests(source.file, source.size).sha256 != item.sha256:
                    raise MediaError("changed", _CHANGED)
            except BaseException:
                source.close()
                raise
            return source
        if item.sha256 is None:
            raise MediaError("unreadable", "was not fetched")
        return self.room.open(item.sha256, self.budget)

    def object(self, key: str) -> Source:
        """Open a stored object, wherever its key may want to lead.

        Raises:
            MediaError: There is no folder of these, or it cannot be opened.
        """
        if self.objects is None:
            raise MediaError("unreadable", "is a stored object, and there is no folder of these")
        return open_source(self.objects / key, self.budget, beneath=self.objects)

    def bring(self, item: Item) -> tuple[Source, str]:
        """Open the media of an item, fetched where it is not here, and return its digest too.

        What an item names does not change: its digest is noted the first time.

        Raises:
            MediaError: It cannot be opened, or has changed.
            FetchError: It cannot be fetched.
        """
        if item.source == "object":
            source = self.object(item.reference)
            try:
                told = digests(source.file, source.size)
                self._note(item, told.sha256, told.size)
            except BaseException:
                source.close()
                raise
            return source, told.sha256
        sha256 = item.sha256
        if sha256 is None or (item.source == "url" and not self.room.has(sha256)):
            sha256 = self._fetch(item)
        return self.room.open(sha256, self.budget), sha256

    def _fetch(self, item: Item) -> str:
        with self.room.receive(self._most) as incoming:
            try:
                # It needs no more than something to write to.
                self._fetcher.get(item.reference, cast("BinaryIO", incoming))
            except TooManyBytesError as error:
                raise FetchError("size", f"is {error}") from None
            except FetchError as error:
                logger.info("item %s cannot be fetched: %s %s", item.id, error, error.detail)
                raise
            if not incoming.size:
                raise MediaError("empty", "has no bytes")
            with self.room.keep(incoming) as sha256:
                self._note(item, sha256, incoming.size)
                return sha256

    def _note(self, item: Item, sha256: str, size: int) -> None:
        if item.sha256 == sha256:
            return
        try:
            with self._store.write() as connection:
                items.fetched(connection, item.id, sha256=sha256, size=size)
        except StateError:
            raise MediaError("changed", _CHANGED) from None
