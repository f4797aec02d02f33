"""Which stretch of time each judged frame stands for, and how stretches join."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.evidence import Span, seconds

REACH = 1.0
"""Seconds to each side that a frame stands for at most, where sampling is dense."""

HOLE = 2.0
"""Seconds without a match that do not yet split a stretch in two."""


class Timeline(NamedTuple):
    """The judged frames of a video.

    Attributes:
        seconds: (n,) float64, ascending: when each frame is shown.
        duration: Length of the video in seconds, not less than the last of them.
        held: Whether each frame is shown until the next one, as in an animation of which
            every change was judged. A video is only looked at from time to time.
    """

    seconds: NDArray[np.float64]
    duration: float
    held: bool = False

    @classmethod
    def of(cls, shown: Sequence[float], duration: float, *, held: bool = False) -> "Timeline":
        """Make a timeline; a duration that is too short or 0 is stretched to the frames."""
        times = np.asarray(shown, np.float64)
        return cls(times, float(max(duration, times.max(initial=0.0))), held)

    def owned(self) -> NDArray[np.float64]:
        """Return (n, 2): start and end of the time that each frame stands for.

        A held frame stands until the next one. Any other goes halfway to its neighbours
        and, at the ends, to the ends of the video, but no farther than a second or the
        usual gap: where frames are missing, nobody knows what was shown.
        """
        if self.held:
            return np.stack((self.seconds, np.append(self.seconds[1:], self.duration)), axis=1)
        gaps = np.diff(self.seconds)
        reach = max(REACH, float(np.median(gaps))) if len(gaps) else REACH
        if len(self.seconds) == 1:
            reach = max(reach, self.duration)
        middle = self.seconds[:-1] + gaps / 2
        start = np.concatenate(([0.0], middle))
        end = np.concatenate((middle, [self.duration]))
        return np.stack(
            (np.maximum(start, self.seconds - reach), np.minimum(end, self.seconds + reach)), axis=1
        )


def stretches(owned: NDArray[np.float64]) -> list[slice]:
    """Split frames where the time between two of them is longer than a hole.

    Args:
        owned: (n, 2) start and end of the time of each frame, ascending.
    """
    apart = np.flatnonzero(owned[1:, 0] - owned[:-1, 1] > HOLE) + 1
    bounds = [0, *apart.tolist(), len(owned)]
    return [slice(a, b) for a, b in pairwise(bounds) if a < b]


def span(start: float, end: float) -> Span:
    """Return a span, rounded to milliseconds."""
    return Span(start=seconds(start), end=seconds(max(start, end)))


def share(spans: Sequence[Span], length: float) -> float:
    """Return which share of a length the union of the spans covers, 0 to 1."""
    if length <= 0.0:
        return 1.0 if spans else 0.0
    covered, reached = 0.0, 0.0
    for piece in sorted(spans, key=lambda s: (s.start, s.end)):
        covered += max(0.0, piece.end - max(piece.start, reached))
        reached = max(reached, piece.end)
    return min(1.0, round(covered / length, 4))
