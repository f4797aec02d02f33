"""From a detector's score per frame to signals and tracks.

A *signal* is a stretch of consecutive frames that score at least :data:`FLOOR`, with its
highest score. Where no frame does, one signal over the whole item carries the highest
score all the same: that a detector looked and saw little is an answer, and different
from not having looked.

A detector that says where sees several things in a picture. Each that scores at least the
floor is a signal of its own in a still picture; in time, a signal has the box of its peak.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.classifier import Classifier
from tidegate.detectors.locator import Located, Locator, Seen
from tidegate.evidence import Box, Kind, Signal, Span, Track, seconds

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
        self._seen: list[tuple[Seen, ...]] = []
        self._runs = {category: _Run() for category in detector.categories}

    def ask(
        self, tensors: Sequence[NDArray[np.generic]], sizes: Sequence[tuple[int, int]]
    ) -> list[Located]:
        """Show prepared frames to the detector.

        Args:
            tensors: Results of the detector's ``prepare``, at least one.
            sizes: Height and width of each frame before.

        Raises:
            ArithmeticError: The answer is no scores. A runtime has errors of its own besides.
        """
        if isinstance(self.detector, Locator):
            found = self.detector.locate(tensors, sizes)
        else:
            found = [Located(row, ()) for row in self.detector.scores(tensors)]
        if not all(np.isfinite(one.scores).all() for one in found):
            raise ArithmeticError("a score is not a number")
        return found

    def add(self, at: float, row: NDArray[np.float64], seen: tuple[Seen, ...] = ()) -> list[Peak]:
        """Add a frame: its second, a score for each category, and what was seen where.

        Returns:
            The runs of which this frame is the highest so far.
        """
        self._seconds.append(at)
        self._rows.append(row)
        self._seen.append(seen)
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
                signals.extend(self._still(category, max(values)))
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
                at, box = seconds(self._seconds[peak]), self._box(category, peak)
                signals.append(self._signal(category, values[peak], span, at, box))
        return signals, tracks

    def _still(self, category: str, score: float) -> list[Signal]:
        """Return what was seen in a still picture: each box, or the score of the whole."""
        seen = [s for s in self._seen[0] if s.category == category and s.score >= FLOOR]
        placed = [self._signal(category, round(s.score, 4), box=s.box) for s in seen]
        # What the model saw at no place that can be told is an answer all the same.
        if not any(signal.score >= score for signal in placed):
            placed.append(self._signal(category, score))
        return placed

    def _box(self, category: str, frame: int) -> Box | None:
        return next((s.box for s in self._seen[frame] if s.category == category), None)

    def _signal(
        self,
        category: str,
        score: float,
        span: Span | None = None,
        peak: float | None = None,
        box: Box | None = None,
    ) -> Signal:
        manifest = self.detector.manifest
        return Signal(
            category=category,
            score=score,
            detector=manifest.id,
            version=manifest.version,
            span=span,
            peak=peak,
            box=box,
            review_only=manifest.review_only,
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
