"""How fast a detector is on this machine, and how much memory it takes."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.classifier import Classifier
from tidegate.evidence import Value

ROUNDS = 5
"""Rounds of each measurement. One of every size, then the next of every size: what slows the
machine for a while slows all of them."""

CUT = 3
"""Digits of a figure that mean anything."""


class Rate(Value, frozen=True, kw_only=True):
    """Pictures a second: the median of the rounds, the slowest and the fastest."""

    median: float
    low: float
    high: float


class Speed(Value, frozen=True, kw_only=True):
    """What was measured of one step.

    Attributes:
        batch: Pictures in a run; 1 for what is done picture by picture.
        pictures: Pictures of a round.
        rounds: Rounds.
        elapsed: Pictures a second of time, asked by one thread.
        core: Pictures a second of processor time, of all threads of the process. On an idle
            machine it is ``elapsed`` where one thread does the work.
        memory: Most bytes that the whole process had in memory so far, from before the model
            was loaded; ``None`` where the system does not tell.
    """

    batch: int
    pictures: int
    rounds: int
    elapsed: Rate
    core: Rate
    memory: int | None


class Measured(Value, frozen=True, kw_only=True):
    """What was measured of a detector.

    Attributes:
        prepare: Making tensors of pictures.
        infer: From tensors to scores, for each size of a batch.
    """

    prepare: Speed
    infer: tuple[Speed, ...]


def made(count: int, height: int, width: int) -> list[NDArray[np.uint8]]:
    """Return pictures that show nothing: slopes of colour under noise, (height, width, 3)."""
    random = np.random.default_rng(20)
    y, x = np.mgrid[:height, :width]
    pictures = []
    for _ in range(count):
        slopes = random.uniform(-1, 1, (3, 2))
        plane = np.stack([a * y / height + b * x / width for a, b in slopes], axis=2)
        noise = random.normal(0, 12, plane.shape)
        pictures.append((128 + 90 * plane + noise).clip(0, 255).astype(np.uint8))
    return pictures


def measure(
    detector: Classifier,
    pictures: Sequence[NDArray[np.uint8]],
    batches: Sequence[int],
    seconds: float,
) -> Measured:
    """Measure a loaded detector, on the thread that calls.

    Args:
        detector: Its runtime has to allow the largest of the batches.
        pictures: Pictures of shape (height, width, 3), at least one.
        batches: Sizes of batches, rising.
        seconds: What all of it should take. A round has one run at least, so a slow model
            takes longer.

    Raises:
        Exception: Whatever the model fails with.
    """
    tensors = [detector.prepare(picture) for picture in pictures]
    tensors = [tensors[i % len(tensors)] for i in range(max(batches))]

    def infer(batch: int) -> Callable[[], object]:
        return lambda: detector.scores(tensors[:batch])

    steps = [(1, infer(batch), batch) for batch in batches]
    share = seconds / (ROUNDS + 1) / (len(steps) + 1)
    # A first run may make the graph anew for its size.
    peaks = [(step(), peak())[1] for _, step, _ in steps]
    timed = [_Timed(lambda: [detector.prepare(p) for p in pictures], len(pictures), share)]
    timed += [_Timed(step, batch, share) for _, step, batch in steps]
    for _ in range(ROUNDS):
        for one in timed:
            one.round()
    prepare, *infers = timed
    return Measured(
        prepare=prepare.speed(1, None),
        infer=tuple(
            one.speed(batch, memory)
            for one, batch, memory in zip(infers, batches, peaks, strict=True)
        ),
    )


class _Timed:
    """A step that is repeated until a round is long enough to be timed."""

    def __init__(self, step: Callable[[], object], pictures: int, seconds: float) -> None:
        began = time.perf_counter()
        step()
        once = time.perf_counter() - began
        self._step = step
        self._repeats = max(1, round(seconds / max(once, 1e-6)))
        self._pictures = pictures * self._repeats
        self._elapsed: list[float] = []
        self._core: list[float] = []

    def round(self) -> None:
        began, spent = time.perf_counter(), time.process_time()
        for _ in range(self._repeats):
            self._step()
        self._elapsed.append(self._pictures / max(time.perf_counter() - began, 1e-9))
        self._core.append(self._pictures / max(time.process_time() - spent, 1e-9))

    def speed(self, batch: int, memory: int | None) -> Speed:
        return Speed(
            batch=batch,
            pictures=self._pictures,
            rounds=len(self._elapsed),
            elapsed=_rate(self._elapsed),
            core=_rate(self._core),
            memory=memory,
        )


def _rate(rates: Sequence[float]) -> Rate:
    middle, low, high = (
        float(f"{rate:.{CUT}g}") for rate in (statistics.median(rates), min(rates), max(rates))
    )
    return Rate(median=middle, low=low, high=high)


def forget_peak() -> None:
    """Let :func:`peak` start from what is in memory now, where the system can (Linux, proc(5))."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak() -> int | None:
    """Return the most bytes that this process had in memory; ``None`` where nobody tells."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    lines = (line.split() for line in status.splitlines())
    return next((int(words[1]) << 10 for words in lines if words[0] == "VmHWM:"), None)
