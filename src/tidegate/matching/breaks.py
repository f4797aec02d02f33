"""Where what looks like one line is several: the cuts of an edit.

Seconds cut out of a film here and there leave pieces at normal speed that lie on steps. A
skewed line through the steps meets many frames too, and would tell a speed at which
nothing plays. So a line is believed only where no row of shorter lines fits so much
better that it is worth its breaks. The row is the best of all, found by dynamic
programming over where it breaks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BREAK = 12.0
"""What a further line costs: so much less two lines have to be off than one, in squared
seconds times weight."""

SPEED = 15.0
"""What another speed than normal speed costs. At 25 and more, true speeds were lost."""

SLACK = 2.0
"""By how much a row has to be better than the line that is believed."""

TURN = 0.2
"""Difference of two speeds that makes a break even where the lines meet."""

SHORTEST = 3
"""Observations that a line takes at least."""

MOST_POINTS = 600
"""Observations that are weighed one by one; of more, neighbours are taken together."""

_SLOWEST, _FASTEST = 0.0, 2.2
"""Speeds that a line of a row may have: from a held frame on."""


class Believed(NamedTuple):
    """A line that may be broken.

    Attributes:
        speed: Seconds of the entry per second of the query.
        shift: What the entry's second is less, in seconds.
    """

    speed: float
    shift: float


class Part(NamedTuple):
    """A line of a row.

    Attributes:
        first: The first point that it goes through.
        end: The point after its last.
        skewed: Whether another speed than normal speed fits it better.
    """

    first: int
    end: int
    skewed: bool


def longest(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    weight: NDArray[np.float64],
    believed: Believed,
    least: float,
) -> Part | None:
    """Return the longest of the lines that points lie on, if it is not the one believed.

    Args:
        x: (n,) seconds of the query, ascending.
        y: (n,) seconds of the entry.
        weight: (n,) what a squared second off counts.
        believed: The line on which all points are believed to lie.
        least: Seconds of the entry that lines of one speed have to be apart.

    Returns:
        The line that lasts longest, or ``None`` where the one believed is as good.
    """
    group = max(-(-len(x) // MOST_POINTS), 1)
    first = np.arange(0, len(x), group)
    if len(first) < SHORTEST:
        return None
    total = np.add.reduceat(weight, first)
    mean = np.add.reduceat(weight * x, first) / total
    off = np.add.reduceat(weight * (y - x), first) / total
    cost = float(total @ (off - (believed.speed - 1.0) * mean + believed.shift) ** 2)
    row, least_cost = _row(mean, off, total)
    if cost + (SPEED if believed.speed != 1.0 else 0.0) <= least_cost + SLACK:
        return None
    slope, far = _lines(mean, off, total, row)
    if len(row) > 2 and not ((far >= least) | (np.abs(np.diff(slope)) > TURN)).any():
        return None
    bounds = np.append(first, len(x))[row]
    best = int(np.argmax(x[bounds[1:] - 1] - x[bounds[:-1]]))
    return Part(int(bounds[best]), int(bounds[best + 1]), bool(slope[best]))


def work(points: int) -> int:
    """Return what it costs to look for breaks, about as much as so many votes counted."""
    return points * MOST_POINTS // 4


def _row(
    x: NDArray[np.float64], off: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[list[int], float]:
    """Return where the best row of lines begins, breaks and ends, and what it costs.

    Args:
        x: (n,) seconds of the query.
        off: (n,) seconds of the entry, less those of the query.
        weight: (n,) what a squared second off counts.
    """
    x, off = x - x.mean(), off - off.mean()
    moments = np.stack((np.ones(len(x)), x, off, x * x, x * off, off * off))
    sums = np.zeros((6, len(x) + 1))
    np.cumsum(weight * moments, axis=1, out=sums[:, 1:])
    cost = np.full(len(x) + 1, np.inf)
    cost[0] = 0.0
    begin = np.zeros(len(x) + 1, np.int64)
    for end in range(SHORTEST, len(x) + 1):
        first = end - SHORTEST + 1
        row = cost[:first] + _misfit(sums[:, end, np.newaxis] - sums[:, :first])
        begin[end] = np.argmin(row)
        cost[end] = row[begin[end]] + BREAK
    bounds = [len(x)]
    while bounds[-1]:
        bounds.append(int(begin[bounds[-1]]))
    return bounds[::-1], float(cost[-1]) - BREAK


def _misfit(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how badly one line fits, from (6, n) sums of weights and weighted moments."""
    still, skewed, _ = _fits(sums)
    return np.minimum(still, skewed)


def _fits(
    sums: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the misfit at normal speed, that at the best speed, and that speed less 1."""
    total, x, off, xx, xo, oo = sums
    spread = np.maximum(xx - x * x / total, 1e-9)
    both = xo - x * off / total
    still = np.maximum(oo - off * off / total, 0.0)
    slope = np.clip(both / spread, _SLOWEST - 1.0, _FASTEST - 1.0)
    skewed = np.maximum(still - slope * (2.0 * both - slope * spread), 0.0) + SPEED
    return still, skewed, slope


def _lines(
    x: NDArray[np.float64],
    off: NDArray[np.float64],
    weight: NDArray[np.float64],
    row: list[int],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the speeds of the lines of a row, less 1, and how far apart neighbours meet."""
    moments = weight * np.stack((np.ones(len(x)), x, off, x * x, x * off, off * off))
    sums = np.add.reduceat(moments, row[:-1], axis=1)
    still, skewed, slope = _fits(sums)
    slope = np.where(skewed < still, slope, 0.0)
    height = (sums[2] - slope * sums[1]) / sums[0]
    after = np.array(row[1:-1], int)
    at = (x[after] + x[after - 1]) / 2
    far: NDArray[np.float64] = np.abs(np.diff(slope) * at + np.diff(height))
    return slope, far
