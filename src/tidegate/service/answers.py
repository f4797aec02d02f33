"""Who waits for an item to be judged, and is woken when a worker has, in whatever process."""

import asyncio
import logging
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from tidegate.closing import Closing
from tidegate.store import items
from tidegate.store.engine import Store

LOOK = 0.25
"""Seconds between two looks at what was judged, should nobody have told of it."""

_STOP = 0.1
"""Seconds between two looks whether to stop listening."""

_RETRY = 1.0
"""Seconds before a database that cannot be listened to is tried again."""

logger = logging.getLogger(__name__)


class Answers(Closing):
    """Wakes whoever waits in this process. It listens from the first one on, until closed.

    Args:
        store: The database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: dict[str, set[Waiter]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def expect(self, item: str) -> "Iterator[Waiter]":
        """Have something to wait at, in a coroutine, that is woken from now on."""
        waiter = Waiter()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="tidegate-answers")
                self._thread.start()
            self._waiting.setdefault(item, set()).add(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiting[item].discard(waiter)
                if not self._waiting[item]:
                    del self._waiting[item]

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with self._store.bell("judged") as bell:
                    look_at = time.monotonic()
                    while not self._stop.is_set():
                        self._tell(bell.wait(_STOP))
                        if time.monotonic() >= look_at:
                            self._look()
                            look_at = time.monotonic() + LOOK
            except Exception:
                logger.exception("nobody is told what was judged")
                self._stop.wait(_RETRY)

    def _look(self) -> None:
        """Wake whoever waits for what was judged already."""
        with self._lock:
            awaited = list(self._waiting)
        if awaited:
            with self._store.read() as connection:
                self._tell(items.settled(connection, awaited))

    def _tell(self, judged: Collection[str]) -> None:
        """Wake whoever waits for one of these items."""
        if not judged:
            return
        with self._lock:
            woken = [waiter for item in judged for waiter in self._waiting.get(item, ())]
        for waiter in woken:
            waiter.wake()


class Waiter:
    """One coroutine that waits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        """End the waiting, from any thread."""
        with suppress(RuntimeError):  # Its loop has ended, and it with it.
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> bool:
        """Wait so long at most, and return whether it was woken, now or before."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        return True
