"""Opens an index in a process of its own; says how long that took and what memory it holds.

Memory is the proportional set size of the process: pages of a mapped file count, so a file
that is mapped is not free. Whatever the imports took is taken off.
"""

import gc
import json
import pickle
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.sets import FARTHEST, Hashes, hexes


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a process saw.

    Attributes:
        seconds: From nothing but the imports to the first answer.
        bytes: Memory that the index holds after all queries.
    """

    seconds: float
    bytes: float


def reopen(whose: str, index: Path, queries: Path) -> Opened:
    """Open in a process of its own.

    Args:
        whose: ``ours``, ``ours-populated`` or ``theirs``.
        index: A segment, or a pickle.
        queries: (n, 32) uint8, as NumPy saves them: all are asked before memory is read.
    """
    told = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-m", "benchmarks.reopen", whose, str(index), str(queries)],
        capture_output=True,
        check=True,
    )
    return msgspec.json.decode(told.stdout, type=Opened)


def _ours(index: Path, queries: Hashes, *, populate: bool) -> Opened:
    from tidegate.matching.segment import Segment

    before = _memory()
    began = time.perf_counter()
    segment = Segment(index, populate=populate)
    segment.search(queries[:1], FARTHEST)
    seconds = time.perf_counter() - began
    segment.search(queries, FARTHEST)
    return Opened(seconds=seconds, bytes=_memory() - before)


def _theirs(index: Path, queries: Hashes) -> Opened:
    from threatexchange.signal_type.pdq.pdq_index import PDQIndex

    asked = hexes(queries)
    before = _memory()
    began = time.perf_counter()
    with index.open("rb") as file:
        loaded: PDQIndex[int] = pickle.load(file)  # noqa: S301 - written by this benchmark
    loaded.query(asked[0])
    seconds = time.perf_counter() - began
    for query in asked:
        loaded.query(query)
    return Opened(seconds=seconds, bytes=_memory() - before)


def _memory() -> float:
    """Return the proportional set size of this process in bytes."""
    gc.collect()
    for text in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if text.startswith("Pss:"):
            return float(text.split()[1]) * 1024
    raise RuntimeError("the system does not tell the memory of a process")


def _main() -> None:
    whose, index, asked = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    queries = np.load(asked)
    if whose == "theirs":
        opened = _theirs(index, queries)
    else:
        opened = _ours(index, queries, populate=whose == "ours-populated")
    print(json.dumps(msgspec.to_builtins(opened)))


if __name__ == "__main__":
    _main()
