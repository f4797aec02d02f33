"""The active entries of all banks, laid out to be searched."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.matching.bank import Bank, Entry
from tidegate.matching.index import HASH_BYTES, BruteForceIndex, HammingIndex
from tidegate.matching.timeline import Timeline


class Known(NamedTuple):
    """An entry that may match.

    Attributes:
        bank: Its bank.
        entry: The entry.
        category: Its category, or else that of its bank.
        timeline: Its usable frames, in the order of their rows in the index.
        first_row: Where they begin in the index.
    """

    bank: Bank
    entry: Entry
    category: str
    timeline: Timeline
    first_row: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that a session asks. A number of an entry is its place in ``known``.

    Attributes:
        known: The active entries of all banks.
        by_sha256: Numbers of the entries that hold a digest.
        by_md5: Numbers of the entries that hold a digest.
        index: The usable PDQs of all entries.
        owner: (m,) int64, number of the entry that each row of the index belongs to.
        limit: (m,) int64, bits up to which each row counts as met.
    """

    known: tuple[Known, ...]
    by_sha256: Mapping[str, list[int]]
    by_md5: Mapping[str, list[int]]
    index: HammingIndex
    owner: NDArray[np.int64]
    limit: NDArray[np.int64]

    @property
    def radius(self) -> int:
        """The largest of the limits, in bits."""
        return int(self.limit.max(initial=0))


def catalogue(banks: Iterable[Bank], radius: int | None, now: datetime) -> Catalogue:
    """Lay out the entries that are active at a moment.

    Args:
        banks: The banks.
        radius: Distance in bits that replaces the banks' own, or ``None``.
        now: The present, with a time zone.
    """
    known: list[Known] = []
    by_sha256: defaultdict[str, list[int]] = defaultdict(list)
    by_md5: defaultdict[str, list[int]] = defaultdict(list)
    hashes = bytearray()
    limits: list[int] = []
    for bank in banks:
        limit = bank.max_distance if radius is None else radius
        for entry in bank.entries:
            if not entry.active(now):
                continue
            for digest in entry.sha256:
                by_sha256[digest].append(len(known))
            for digest in entry.md5:
                by_md5[digest].append(len(known))
            frames = [frame for frame in entry.pdq if frame.usable]
            timeline = Timeline.of([frame.second for frame in frames], entry.duration)
            category = entry.category or bank.category
            known.append(Known(bank, entry, category, timeline, len(limits)))
            hashes += bytes.fromhex("".join(frame.pdq for frame in frames))
            limits += [limit] * len(frames)
    sizes = [len(k.timeline.seconds) for k in known]
    return Catalogue(
        known=tuple(known),
        by_sha256=dict(by_sha256),
        by_md5=dict(by_md5),
        index=BruteForceIndex(np.frombuffer(hashes, np.uint8).reshape(-1, HASH_BYTES)),
        owner=np.repeat(np.arange(len(known)), sizes),
        limit=np.array(limits, np.int64),
    )
