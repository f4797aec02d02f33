"""Notes how long the queues are, once an hour: what has gone by cannot be counted afterwards."""

import logging
import threading
from collections.abc import Callable

from tidegate.store import quality
from tidegate.store.clock import HOUR, SECOND
from tidegate.store.engine import Store

logger = logging.getLogger(__name__)

MOST = 300.0
"""Seconds between two looks at the clock at most: it may be set."""


class Depths:
    """One for each process. Of several, the first in an hour does it.

    Args:
        store: The database.
        now: What time it is, in microseconds since 1970.
    """

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.is_set():
            try:
                self.look()
            except Exception:
                # The database is away, or restarts: an hour that nobody saw is a gap in a plot.
                logger.exception("the queues could not be looked at")
            left = (HOUR - self._now() % HOUR) / SECOND
            stop.wait(min(left, MOST))

    def look(self) -> bool:
        """Note how long the queues are, and return whether this hour had no note yet."""
        with self._store.write() as connection:
            return quality.look(connection, now=self._now())
