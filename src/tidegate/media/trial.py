"""What a decoder here is refused: found out by trying, not by asking."""

from collections.abc import Mapping
from typing import NamedTuple

from tidegate.media.settings import Budget
from tidegate.media.worker import Worker


class Refusals(NamedTuple):
    """What a decoder here is refused, found out by trying.

    Attributes:
        refused: For each topic of :func:`tidegate.media.probe.probe`, whether all that was
            tried was refused.
        lacking: What of the confinement is off, and why; empty where all is on.
    """

    refused: Mapping[str, bool]
    lacking: str


def refusals() -> Refusals:
    """Start a decoder as for an upload, and have it try what it must not be able to do.

    Raises:
        EOFError, TimeoutError, GarbledError, UnconfinedError: No decoder starts.
    """
    worker = Worker(Budget())
    try:
        worker.prepare()
        return Refusals(worker.probe(), worker.lacking)
    finally:
        worker.close()
