"""A decoding process for each thread that judges items."""

import os
import threading

from tidegate.closing import Closing
from tidegate.media import Budget, Reader, Sampling

MOST_THREADS = 8
"""Threads that decode one video; beyond, they wait for each other."""


class Readers(Closing):
    """Gives each thread that asks a reader of its own, and keeps it warm.

    Args:
        budget: Limits for one item.
        sampling: Which frames of a video are judged.
        jobs: Items that are judged at once: they share the processors.
        grey: As :class:`tidegate.media.Reader` has it.
    """

    def __init__(
        self, budget: Budget, sampling: Sampling, *, jobs: int, grey: bool = False
    ) -> None:
        self._budget = budget
        self._sampling = sampling
        self._threads = spare_threads(jobs)
        self._grey = grey
        self._local = threading.local()
        self._all: list[Reader] = []

    def mine(self) -> Reader:
        """Return the reader of the calling thread."""
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = Reader(
                self._budget, self._sampling, grey=self._grey, threads=self._threads
            )
            self._all.append(reader)
        return reader

    def close(self) -> None:
        """End the decoders. What they are at is given up; one that is asked again starts anew."""
        for reader in list(self._all):
            reader.close()


def spare_threads(jobs: int) -> int:
    """Return how many threads may decode each of so many videos."""
    return min(MOST_THREADS, max(1, (os.cpu_count() or 1) // jobs))
