"""Meta's indexes, set up as their own library sets them up, and filled.

`PdqSignal.get_index_cls()` of threatexchange is `PDQIndex`: multi-index hashing of faiss
with 16 tables, exact up to 31 bits. `PDQIndex2` is to replace it; it compares the query
with all entries, as `VPDQIndex`, the index for videos, does.
"""

import json
from collections.abc import Iterable, Iterator

from threatexchange.extensions.vpdq.vpdq_index import VPDQIndex
from threatexchange.signal_type.pdq.pdq_index import PDQIndex
from threatexchange.signal_type.pdq.pdq_index2 import PDQIndex2

from benchmarks.sets import Hashes, hexes

PORTION = 1_000_000
"""Hashes added in one call: `PDQIndex` builds a map of all of them anew after each."""


def pdq_index(hashes: Hashes) -> PDQIndex[int]:
    """Fill the default index; the entries are the rows."""
    index: PDQIndex[int] = PDQIndex()
    for start in range(0, len(hashes), PORTION):
        part = hashes[start : start + PORTION]
        index.add_all(zip(hexes(part), range(start, start + len(part)), strict=True))
    return index


def pdq_index2(hashes: Hashes) -> PDQIndex2[int]:
    """Fill the index of the next version, as it comes."""
    return PDQIndex2(entries=zip(hexes(hashes), range(len(hashes)), strict=True))


def video_index(videos: Iterable[Hashes]) -> VPDQIndex[int]:
    """Fill the index of videos; the entries are the numbers of the videos."""
    index: VPDQIndex[int] = VPDQIndex()
    for number, video in enumerate(videos):
        index.add(signal(video), number)
    return index


def signal(video: Hashes) -> str:
    """Return the frames of a video as the library writes them: hash, quality, second."""
    return json.dumps([f"{digits},100,{at:.3f}" for at, digits in enumerate(hexes(video))])


def cut(hashes: Hashes, frames: int) -> Iterator[Hashes]:
    """Take the hashes for those of videos of so many frames each."""
    for start in range(0, len(hashes), frames):
        yield hashes[start : start + frames]
