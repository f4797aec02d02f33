"""A 60-second clip against an index of videos, beside threatexchange's.

The entries are frames: ten million are two weeks of film at eight frames a second. The
clip is looked at once a second. The peer tells which videos hold enough of the frames;
ours also aligns them, and tells which seconds are which.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks import peers, record, sets
from benchmarks.duel import Goal, Row, duel
from benchmarks.index import amount
from benchmarks.sets import FARTHEST, Hashes
from tidegate.matching.align import Piece, align, runs
from tidegate.matching.index import BruteForceIndex
from tidegate.matching.segment import Segment, build_segment
from tidegate.matching.timeline import Timeline

RATE = 8
"""Frames of a second of an entry."""

FRAMES = 2400
"""Frames of an entry: five minutes."""

SECONDS = 60
"""Frames of the clip, one a second."""

NOISE = 10
"""Bits by which the frames of the copied clip differ from the entry's, at most."""


def main() -> None:
    """Run the topic."""
    record.main("video_index", ("threatexchange", "faiss-cpu"), rows)


def rows(options: record.Options) -> Iterator[Row]:
    """Measure at each size, largest last."""
    rounds = 3 if options.quick else 9
    for count in sorted({100_000} if options.quick else {1_000_000, options.entries}):
        yield from _size(count, rounds)
        gc.collect()


def _size(count: int, rounds: int) -> Iterator[Row]:
    hashes = sets.make("lifelike", count // FRAMES * FRAMES)
    clip = _clip(hashes)
    stranger = sets.make("lifelike", SECONDS * sets.SHOT, seed=3)[:: sets.SHOT]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "videos.segment")
        build_segment(path, hashes)
        segment = Segment(path, populate=True)
        theirs = peers.video_index(peers.cut(hashes, FRAMES))
        _check(segment, hashes, clip)
        del hashes
        every = len(os.sched_getaffinity(0))
        for name, query in (("a copy", clip), ("a stranger", stranger)):
            written = peers.signal(query)
            met = {match.metadata for match in theirs.query(written)}
            assert (
                met == set(_query(segment, query, 1)) == ({_VIDEO} if name == "a copy" else set())
            )
            for threads in dict.fromkeys((1, every)):
                faiss.omp_set_num_threads(threads)
                yield duel(
                    f"60-second clip, {name}, {amount(count)} frames, threads: {threads}",
                    lambda query=query, threads=threads: _query(segment, query, threads),
                    "`VPDQIndex.query`",
                    lambda written=written: theirs.query(written),
                    rounds=rounds,
                    goal=Goal(ratio=50.0) if count >= 10_000_000 else None,
                )
            faiss.omp_set_num_threads(every)


_VIDEO = 7
"""Number of the entry that the copy is of."""

_FIRST = 1003
"""Frame of it that the copy begins with."""


def _clip(hashes: Hashes) -> Hashes:
    """Return every eighth frame of a minute of an entry, each up to some bits off."""
    rng = np.random.default_rng(5)
    first = _VIDEO * FRAMES + _FIRST
    bits = np.unpackbits(hashes[first : first + SECONDS * RATE : RATE], axis=1)
    for row, far in zip(bits, rng.integers(0, NOISE + 1, len(bits)), strict=True):
        row[rng.permutation(256)[:far]] ^= 1
    return np.packbits(bits, axis=1)


def _query(segment: Segment, query: Hashes, threads: int) -> dict[int, tuple[Piece, ...]]:
    """Return the pieces of each entry that the clip shows."""
    found = segment.search(query, FARTHEST, threads=threads)
    order = np.argsort(found.row, kind="stable")
    number = found.row[order] // FRAMES
    shown = Timeline.of([float(second) for second in range(SECONDS)], float(SECONDS))
    stored = Timeline(np.arange(FRAMES) / RATE, FRAMES / RATE)
    pieces = {}
    for part in np.split(order, np.flatnonzero(np.diff(number)) + 1):
        if len(part):
            rows: NDArray[np.int64] = found.row[part]
            entry = int(rows[0]) // FRAMES
            hits = runs(found.query[part], rows - entry * FRAMES, found.distance[part])
            aligned = align(shown, stored, hits)
            if aligned:
                pieces[entry] = aligned
    return pieces


def _check(segment: Segment, hashes: Hashes, clip: Hashes) -> None:
    """Hold our hits against brute force, and the alignment against what was planted."""
    for mine, right in zip(
        segment.search(clip, FARTHEST), BruteForceIndex(hashes).search(clip, FARTHEST), strict=True
    ):
        assert np.array_equal(mine, right), "not the answers of brute force"
    (piece,) = _query(segment, clip, 1)[_VIDEO]
    assert abs(piece.entry_span.start - _FIRST / RATE) <= 1.0, piece
    assert piece.span.length >= 0.9 * SECONDS, piece


if __name__ == "__main__":
    main()
