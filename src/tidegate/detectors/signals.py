"""From a detector's score per frame to signals and tracks.

A *signal* is a stretch of consecutive frames that score at least :data:`FLOOR`, with its
highest score. Where no frame does, one signal over the whole item carries the highest
score all the same: that a detector looked and saw little is an answer, and different
from not having looked.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.classifier import Classifier
from tidegate.evidence import Kind, Signal, Span, Track, seconds

FLOOR = 0.2
"""Scores below this do not start a span of their own."""


class Peak(NamedTuple):
    """The highest score so far of a run of frames: a candidate for a thumbnail.

    Attributes:
        category: Id in the taxonomy.
        run: Number of the run among the runs of this category, from 0.
        score: The score, in [0, 1].
    """

    category: str
    run: int
    score: float


class _Run:
    """Follows one category's scores and knows the peak of the current run."""

    def __init__(self) -> None:
        self.number = 0
        self._above: bool | None = None
        self._best = -1.0

    def is_peak(self, score: float) -> bool:
        above = score >= FLOOR
        if above is not self._above:
            self.number += self._above is not None
            self._above, self._best = above, -1.0
        better = score > self._best
        self._best = max(self._best, score)
        return better


class Scores:
    """The scores of one detector over the frames of one item, in their order."""

    def __init__(self, detector: Classifier) -> None:
        self.detector = detector
        self._seconds: list[float] = []
        self._rows: list[NDArray[np.float64]] = []
        self._runs = {category: _Run() for category in detector.categories}

    def add(self, at: float, row: NDArray[np.float64]) -> list[Peak]:
        """Add a frame: its second, and a score for each category.

        Returns:
            The runs of which this frame is the highest so far.
        """
        self._seconds.append(at)
        self._rows.append(row)
        return [
            Peak(category, run.number, float(score))
            for (category, run), score in zip(self._runs.items(), row, strict=True)
            if run.is_peak(float(score))
        ]

    def finish(self, kind: Kind, duration: float) -> tuple[list[Signal], list[Track]]:
        """Return the signals and, for what has a duration, the tracks."""
        signals: list[Signal] = []
        tracks: list[Track] = []
        for column, category in enumerate(self.detector.categories):
            values = [round(float(row[column]), 4) for row in self._rows]
            if not values:
                continue
            if kind == "image":
                signals.append(self._signal(category, max(values)))
                continue
            tracks.append(
                Track(
                    category=category,
                    detector=self.detector.id,
                    seconds=tuple(seconds(s) for s in self._seconds),
                    scores=tuple(values),
                )
            )
            for first, last in _runs(values):
                peak = max(range(first, last + 1), key=lambda i: (values[i], -i))
                end = self._seconds[last + 1] if last + 1 < len(values) else duration
                start = self._seconds[first] if first else 0.0
                span = Span(start=seconds(start), end=seconds(max(start, end)))
                signals.append(
                    self._signal(category, values[peak], span, seconds(self._seconds[peak]))
                )
        return signals, tracks

    def _signal(
        self, category: str, score: float, span: Span | None = None, peak: float | None = None
    ) -> Signal:
        manifest = self.detector.manifest
        return Signal(
            category=category,
            score=score,
            detector=manifest.id,
            version=manifest.version,
            span=span,
            peak=peak,
        )


def _runs(values: Sequence[float]) -> list[tuple[int, int]]:
    """Return first and last index of each run at or above the floor, or of everything."""
    runs: list[tuple[int, int]] = []
    for index, value in enumerate(values):
        if value < FLOOR:
            continue
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs or [(0, len(values) - 1)]
