"""The jobs that one thread of a worker takes, judges and records together."""

import time
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import NamedTuple, Self, TypeVar

from sqlalchemy import Connection

from tidegate.service.judging import Found
from tidegate.store import items
from tidegate.store.items import Item
from tidegate.store.jobs import Job

T = TypeVar("T")


class Work(NamedTuple):
    """A job that was leased, and its item as it was then."""

    job: Job
    item: Item

    @classmethod
    def of(cls, connection: Connection, job: Job) -> Self:
        """Return a job that was leased just now, with its item."""
        assert job.item is not None
        item = items.get(connection, job.item)
        assert item is not None  # The database keeps the items of its jobs.
        return cls(job, item)


class Judged:
    """A job whose item was looked at, and that is to be recorded yet.

    Attributes:
        work: The job.
        began: When it was begun, by the performance counter.
        found: What is known of the item; ``None`` where nothing is to be decided of it.
        until_recorded: What is held until it is recorded.
    """

    def __init__(self, work: Work, began: float) -> None:
        self.work = work
        self.began = began
        self.found: Found | None = None
        self.until_recorded = ExitStack()


class Batch:
    """What one thread has leased. Another may take from it: nothing is taken twice.

    Args:
        works: What is to be done, in this order.
    """

    def __init__(self, works: Iterable[Work]) -> None:
        self._waiting: deque[Work] = deque()
        self._judged: deque[Judged] = deque()
        self.extend(works)

    def extend(self, works: Iterable[Work]) -> None:
        """Have more to do."""
        self._since = self._began = time.monotonic()
        self._begun = 0
        self._waiting.extend(works)

    def begin(self) -> Work | None:
        """Take what is next, or return ``None`` where nothing is."""
        self._began = time.monotonic()
        self._begun += 1
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def add(self, judged: Judged) -> None:
        """Keep what was judged until it is taken to be recorded."""
        self._judged.append(judged)

    def judged(self) -> list[Judged]:
        """Take all that was judged."""
        return _all(self._judged)

    def waiting(self) -> list[Work]:
        """Take all that has not been begun."""
        return _all(self._waiting)

    @property
    def all_begun(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def lasts(self) -> float:
        """Return for how many seconds its thread has been at what it began last."""
        return time.monotonic() - self._began

    def pace(self) -> float:
        """Return how many seconds each took, since it last had more to do."""
        return (time.monotonic() - self._since) / max(1, self._begun)


def _all(queue: deque[T]) -> list[T]:
    """Take all of a queue that another thread may take from too."""
    taken: list[T] = []
    with suppress(IndexError):
        while True:
            taken.append(queue.popleft())
    return taken
