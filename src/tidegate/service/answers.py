"""Who waits for an item to be judged, and is woken by the worker that has."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Answers:
    """Wakes whoever waits in this process. Workers of other processes wake nobody here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, set[Waiter]] = {}

    @contextmanager
    def expect(self, item: str) -> "Iterator[Waiter]":
        """Have something to wait at, in a coroutine, that is woken from now on."""
        waiter = Waiter()
        with self._lock:
            self._waiting.setdefault(item, set()).add(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiting[item].discard(waiter)
                if not self._waiting[item]:
                    del self._waiting[item]

    def tell(self, item: str) -> None:
        """Wake whoever waits for an item, from any thread."""
        with self._lock:
            woken = list(self._waiting.get(item, ()))
        for waiter in woken:
            waiter.wake()


class Waiter:
    """One coroutine that waits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        """End the waiting, from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> bool:
        """Wait so long at most, and return whether it was woken, now or before."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        return True
