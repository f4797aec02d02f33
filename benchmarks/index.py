"""The index of PDQ hashes beside threatexchange's, at a hundred thousand to ten million.

Each query is answered by both; our answers are compared with brute force, the peer's with
ours.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gc
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import faiss
import numpy as np
from threatexchange.signal_type.pdq.pdq_index import PDQIndex
from threatexchange.signal_type.pdq.pdq_index2 import PDQIndex2

from benchmarks import peers, record, sets
from benchmarks.duel import Goal, Row, Spread, duel, versus
from benchmarks.reopen import reopen
from benchmarks.sets import FARTHEST, Hashes
from tidegate.matching.index import BruteForceIndex
from tidegate.matching.segment import Segment, build_segment

SINGLE = 200
"""Queries of a round, half of them copies and half strangers, asked one at a time."""

BATCH = 5000
"""Queries that are asked in one call."""

CHECKED = 64
"""Queries that are compared with brute force."""

LITTLE = 100_000
"""Entries that the index of the next version is compared at: it is filled one by one."""

GOALS = {1_000_000: Goal(ratio=10.0), 10_000_000: Goal(ratio=30.0)}


def main() -> None:
    """Run the topic."""
    record.main("index", ("threatexchange", "faiss-cpu"), rows)


def rows(options: record.Options) -> Iterator[Row]:
    """Measure at each size, largest last."""
    # A single query is work for one thread; more of them only wait for each other.
    faiss.omp_set_num_threads(1)
    rounds = 3 if options.quick else 15
    sizes = (LITTLE,) if options.quick else (1_000_000, options.entries)
    with tempfile.TemporaryDirectory() as folder:
        yield _next_version(Path(folder), rounds)
        for count in sorted(set(sizes)):
            kinds: tuple[sets.Kind, ...] = ("random", "lifelike")
            for kind in kinds:
                yield from _size(Path(folder), kind, count, rounds)
                gc.collect()


def _size(folder: Path, kind: sets.Kind, count: int, rounds: int) -> Iterator[Row]:
    """Measure one set of hashes."""
    name = f"{amount(count)} {kind} entries"
    hashes = sets.make(kind, count)
    path = folder / f"{kind}-{count}.segment"
    built = _timed(lambda: build_segment(path, hashes))
    started = time.perf_counter()
    theirs = peers.pdq_index(hashes)
    yield versus(
        f"build, {name}", "`PDQIndex.add_all`", "s", [(built, time.perf_counter() - started)]
    )
    segment = Segment(path, populate=True)
    yield from _answers(name, segment, theirs, hashes, _queries(kind, hashes, CHECKED))
    asked = _queries(kind, hashes, SINGLE * (rounds + 1))
    case = f"one query at a time, {name}"
    yield _singly(case, segment, "`PDQIndex.query`", theirs, asked, rounds, GOALS.get(count))
    yield from _batches(name, segment, theirs, _queries(kind, hashes, BATCH), rounds)
    if kind == "random":
        np.save(folder / "queries.npy", _queries(kind, hashes, 1000))
        del hashes
        pickled = folder / "index.pickle"
        with pickled.open("wb") as file:
            pickle.dump(theirs, file)
        del theirs, segment
        gc.collect()
        yield from _opened(name, path, pickled, folder / "queries.npy", count, min(rounds, 3))
        pickled.unlink()
    path.unlink()


def _queries(kind: sets.Kind, hashes: Hashes, count: int) -> Hashes:
    """Half copies of entries, half strangers from another set of the kind, mixed."""
    copies, _ = sets.copies(hashes, count // 2)
    strangers = sets.make(kind, count // 2 * sets.SHOT, seed=3)[:: sets.SHOT]
    mixed = np.concatenate((copies, strangers))
    return mixed[np.random.default_rng(4).permutation(len(mixed))]


def _answers(
    name: str, segment: Segment, theirs: PDQIndex[int], hashes: Hashes, queries: Hashes
) -> Iterator[Row]:
    """Check ours against brute force, and count what the peer finds of it."""
    ours, exact = (
        segment.search(queries, FARTHEST),
        BruteForceIndex(hashes).search(queries, FARTHEST),
    )
    for mine, right in zip(ours, exact, strict=True):
        assert np.array_equal(mine, right), f"not the answers of brute force: {name}"
    met = set(zip(exact.query.tolist(), exact.row.tolist(), strict=True))
    found = {
        (number, match.metadata)
        for number, query in enumerate(sets.hexes(queries))
        for match in theirs.query(query)
    }
    yield Row(
        case=f"found of all {len(met):,} pairs within {FARTHEST} bits, {name}",
        peer="`PDQIndex.query`",
        unit="%",
        ours=_certain(100.0),
        theirs=_certain(100.0 * len(found & met) / len(met)),
        rounds=len(queries),
        goal=Goal(least=100.0),
    )


def _batches(
    name: str, segment: Segment, theirs: PDQIndex[int], queries: Hashes, rounds: int
) -> Iterator[Row]:
    """Ask many queries in one call, on one core and on all of them."""
    asked = sets.hexes(queries)
    every = len(os.sched_getaffinity(0))
    for threads in dict.fromkeys((1, every)):
        faiss.omp_set_num_threads(threads)
        yield duel(
            f"a query of {BATCH:,} in a call, threads: {threads}, {name}",
            lambda threads=threads: segment.search(queries, FARTHEST, threads=threads),
            "`PDQMultiHashIndex.search`",
            lambda: theirs.index.search(asked, FARTHEST, return_as_ids=True),
            rounds=min(rounds, 5),
            per=BATCH,
        )
    faiss.omp_set_num_threads(1)


def _opened(
    name: str, path: Path, pickled: Path, queries: Path, count: int, rounds: int
) -> Iterator[Row]:
    """Open both from files that are in the page cache, in processes of their own."""
    seen = [
        (
            reopen("ours", path, queries),
            reopen("ours-populated", path, queries),
            reopen("theirs", pickled, queries),
        )
        for _ in range(rounds + 1)
    ][1:]
    large = count >= max(GOALS)
    yield versus(
        f"open to the first answer, {name}",
        "`pickle.load`",
        "s",
        [(mine.seconds, theirs.seconds) for mine, _, theirs in seen],
        goal=Goal(most=0.2) if large else None,
    )
    yield versus(
        f"open and read all in, {name}",
        "`pickle.load`",
        "s",
        [(mine.seconds, theirs.seconds) for _, mine, theirs in seen],
    )
    yield versus(
        f"memory an entry, {name}",
        "`PDQIndex`",
        "bytes",
        [(mine.bytes / count, theirs.bytes / count) for _, mine, theirs in seen],
        goal=Goal(most=125.0) if large else None,
    )


def _next_version(folder: Path, rounds: int) -> Row:
    """Compare with the index that is to replace the peer's, at a size that it can be filled to."""
    hashes = sets.make("random", LITTLE)
    path = folder / "little.segment"
    build_segment(path, hashes)
    theirs = peers.pdq_index2(hashes)
    rounds = min(rounds, 5)
    asked = _queries("random", hashes, SINGLE * (rounds + 1))
    case = f"one query at a time, {amount(LITTLE)} random entries"
    return _singly(case, Segment(path), "`PDQIndex2.query`", theirs, asked, rounds)


def _singly(
    case: str,
    segment: Segment,
    peer: str,
    theirs: PDQIndex[int] | PDQIndex2[int],
    queries: Hashes,
    rounds: int,
    goal: Goal | None = None,
) -> Row:
    """Ask one query at a time; no query comes twice, so no cache has seen it."""
    turns = np.split(queries, rounds + 1)
    mine, others = iter(turns), iter([sets.hexes(turn) for turn in turns])
    return duel(
        case,
        lambda: [segment.search(query[np.newaxis], FARTHEST) for query in next(mine)],
        peer,
        lambda: [theirs.query(query) for query in next(others)],
        rounds=rounds,
        per=SINGLE,
        goal=goal,
    )


def amount(count: int) -> str:
    """Return a number of entries as people say it."""
    return f"{count / 1e6:g} M" if count >= 1_000_000 else f"{count / 1e3:g} k"


def _certain(value: float) -> Spread:
    return Spread(median=value, low=value, high=value)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
