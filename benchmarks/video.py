"""A 1080p video to the hashes of its frames, beside vpdq.

Ours is what `tidegate hash` does: it decodes in a child process, and reads the digests of
the file as well. vpdq decodes every frame, whatever it hashes, and converts with FFmpeg's
scaler to RGB. Each frame of ours is compared with the peer's of the same moment.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import vpdq

from benchmarks import clips, record
from benchmarks.duel import Goal, Row, Spread, Work, duel, one_core, wall
from tidegate.hashing import hamming
from tidegate.media import Reader, Sampling
from tidegate.pipeline import Fingerprint, Found, fingerprint, spare_threads

SECONDS = 30.0

GOPS = {"2 s": (50, 2.5), "250": (250, 1.7)}
"""Frames from keyframe to keyframe, and how much faster ours is to be."""

CLOSE = 10
"""Bits within which a frame's hash is the peer's, up to the conversion of its colours."""

RATES = {1.0: "1 frame/s", 0.125: "8 frames/s"}


def main() -> None:
    """Run the topic."""
    record.main("video", ("av", "vpdq"), rows)


def rows(options: record.Options) -> Iterator[Row]:
    """Measure 1 frame a second on each video, then 8 frames a second."""
    rounds = 2 if options.quick else 5
    size, length = ((640, 360), 6.0) if options.quick else (clips.FULL_HD, SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        for name, (gop, goal) in GOPS.items():
            path = Path(folder, f"{gop}.mp4")
            layout = {"g": f"{gop}", "keyint_min": f"{gop}", "sc_threshold": "0", "crf": "23"}
            clips.encode(path, clips.film(length, size), size, options=layout)
            case = f"{size[1]}p H.264, GOP {name}"
            yield _agree(path, case)
            for how, pinned, threads in _SETTINGS:
                with one_core() if pinned else nullcontext():
                    ours = 1 if pinned else spare_threads(1)
                    name = f"{case}, {how}"
                    yield _race(path, 1.0, name, threads, rounds, Goal(ratio=goal), ours=ours)
            with one_core():
                goals = Goal(ratio=2.5)
                yield _race(path, 0.125, f"{case}, one core", 1, rounds, goals, processor)
            yield _race(path, 0.125, f"{case}, all cores", 0, rounds, goals, processor)


_SETTINGS = (
    ("one core for each", True, 1),
    ("all cores, vpdq with one thread", False, 1),
    ("all cores, vpdq as it comes", False, 0),
)
"""Name, whether all is kept on one core, and the threads that vpdq hashes with (0: all)."""


def _race(
    path: Path,
    gap: float,
    case: str,
    threads: int,
    rounds: int,
    goal: Goal,
    clock: Callable[[Reader], Callable[[Work], float]] | None = None,
    *,
    ours: int = 1,
) -> Row:
    """Time both. The child is started here, so that it keeps to the cores of the case."""
    with Reader(sampling=Sampling(gap=gap), threads=ours) as reader:
        return duel(
            f"{RATES[gap]}, {case}{', processor time' if clock else ''}",
            lambda: _ours(path, reader),
            f"`vpdq.computeHash`, thread_count={threads}",
            lambda: vpdq.computeHash(path, seconds_per_hash=gap, thread_count=threads),
            rounds=rounds,
            goal=goal,
            clock=clock(reader) if clock else wall,
        )


def _ours(path: Path, reader: Reader) -> Fingerprint:
    found = fingerprint(Found(path, named=True), reader)
    assert found is not None
    assert not found.unknowns, found.unknowns
    return found


def processor(reader: Reader) -> Callable[[Work], float]:
    """Return a clock of processor time, that of the decoding child included."""

    def clock(work: Work) -> float:
        began = time.process_time() + _spent(reader)
        work()
        return time.process_time() + _spent(reader) - began

    return clock


def _spent(reader: Reader) -> float:
    """Return the seconds of processor time that the child has had."""
    if reader.pid is None:
        return 0.0
    # The name of the program stands in brackets and may hold anything.
    fields = Path(f"/proc/{reader.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _agree(path: Path, case: str) -> Row:
    """Compare the hashes of each moment that both have hashed."""
    with Reader(sampling=Sampling(gap=1.0)) as reader:
        ours = {round(frame.second, 3): frame for frame in _ours(path, reader).frames}
    theirs = {round(f.timestamp, 3): f for f in vpdq.computeHash(path, seconds_per_hash=1.0)}
    both = sorted(ours.keys() & theirs.keys())
    assert len(both) >= 0.9 * len(theirs), "the two do not look at the same moments"
    far = [
        hamming(bytes.fromhex(ours[at].pdq), bytes.fromhex(theirs[at].hex))
        for at in both
        if theirs[at].quality >= 50
    ]
    share = 100.0 * float(np.mean(np.array(far) <= CLOSE))
    return Row(
        case=f"frames whose hash is within {CLOSE} bits of the peer's, {case}",
        peer="`vpdq.computeHash`",
        unit="%",
        ours=Spread(median=share, low=share, high=share),
        rounds=len(far),
    )


if __name__ == "__main__":
    main()
