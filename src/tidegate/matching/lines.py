"""At which speed, and from which second on, a query shows an entry.

Two videos that show the same lie on a line: the entry's second is ``speed`` times the
query's second, less ``shift``. Each frame of the query that met a run of the entry's
frames votes for the lines that pass through it. A stored frame stands for a stretch of
time, so at any one speed a vote is an interval of shifts, and the shift that most of the
query's time agrees on is found by a sweep over the ends of these intervals.

Normal speed is asked first, and another speed is believed only where it explains a tenth
more, where the moving frames tell it for sure, and where the line does not cut across the
steps of a film with cuts (:mod:`tidegate.matching.breaks`). So a still scene, which any
speed explains, plays at normal speed. The speeds
that are tried lie close enough to one another for any of the two to three per cent
between them to show in half a minute; a least-squares fit then finds the very speed, and
the line grows to all that lies on it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.matching import breaks
from tidegate.matching.timeline import stretches

SLOWEST, FASTEST = 0.5, 2.0
"""Seconds of the entry per second of the query between which a copy is looked for."""

TOLERANCE = 0.25
"""Seconds of the entry that a frame may be off the time that a stored frame stands for."""

MARGIN = 1.1
"""How many times as much as normal speed another speed has to explain."""

FEWEST = 4
"""Frames that it takes to tell a speed: two lie on a line always, a third may by chance."""

WIDE = 1.0
"""Seconds of the entry from which on a run is one of a still scene, that may begin or end
with a cut."""

NEAR = 2.0
"""Seconds of the entry that frames may be off a line and still tell that it is broken."""

MOST_VOTES = 10_000
"""Votes that are asked about other speeds, those first that know best when they were."""

ENOUGH = 0.9
"""How much of the longest stretch of a guessed line the fitted one has to explain."""

_GUESSES = 5
"""Other speeds that are fitted before normal speed is settled for."""

_SPEEDS = 2.0 ** (np.arange(-24, 25) / 24)
"""Evenly spaced on a logarithmic scale; normal speed in the middle."""

_NORMAL = len(_SPEEDS) // 2

_SURE = 4.0
"""Standard errors that a fitted speed must be off normal speed to be believed."""

_JITTER = 0.05
"""Seconds by which frames are not shown when they say."""

_MANY = 8
"""Observations from which on their misfit is believed to say how exact they are."""

_BEST = 0.3
"""Misfit that is believed at best, of that which the width of the runs lets expect."""

_BEYOND = 1.1
"""How far a copy at half or twice the speed may be fitted to a speed beyond."""

_FITS = 16
"""Most fits of one line. Each one reaches many times as far as the one before."""

_AT_ONCE = 1 << 18
"""Votes times speeds of which the sweeps go on at once, which bounds their memory."""

_EPSILON = 1e-6


class Line(NamedTuple):
    """A line: the entry's second is ``speed`` times the query's, less ``shift``.

    Attributes:
        speed: Seconds of the entry per second of the query.
        shift: Seconds of the entry.
        start: Second of the query from which on it holds.
        end: Second of the query until which it holds.
    """

    speed: float
    shift: float
    start: float = -np.inf
    end: float = np.inf


class Points(NamedTuple):
    """Where votes place a line, if they agree on one.

    Attributes:
        x: (n,) float64, second of the query, ascending.
        y: (n,) float64, second of the entry.
        weight: (n,) float64, one over the variance of ``y`` in seconds.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    weight: NDArray[np.float64]


class Votes(NamedTuple):
    """The runs of hits that have a vote, frames ascending, then the entry's seconds.

    Attributes:
        frame: (n,) int64, frame of the query.
        at: (n,) float64, second of the query.
        owned: (n, 2) float64, the time that the frame of the query stands for.
        met: (n, 2) float64, the time that the run of the entry stands for.
    """

    frame: NDArray[np.int64]
    at: NDArray[np.float64]
    owned: NDArray[np.float64]
    met: NDArray[np.float64]

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Votes":
        """Return some of the votes."""
        return Votes(self.frame[chosen], self.at[chosen], self.owned[chosen], self.met[chosen])

    def longest(self) -> "Votes":
        """Return the votes of the longest stretch without a hole."""
        part = max(stretches(self.owned), key=lambda s: s.stop - s.start)
        return self.only(np.arange(part.start, part.stop))

    @property
    def weight(self) -> NDArray[np.float64]:
        """(n,) float64: seconds of the query that each vote speaks for; a little if none."""
        return self.owned[:, 1] - self.owned[:, 0] + _EPSILON

    def reach(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return first and last second of the entry that each vote allows.

        The runs of one frame may touch: no frame votes twice for a line.
        """
        first, last = self.met[:, 0] - TOLERANCE, self.met[:, 1] + TOLERANCE
        same = self.frame[1:] == self.frame[:-1]
        first[1:] = np.where(same, np.maximum(first[1:], last[:-1]), first[1:])
        return first, last

    def agree(self, line: Line) -> NDArray[np.bool_]:
        """Return which votes a line passes through."""
        first, last = self.reach()
        at = line.speed * self.at
        passes = (at - last <= line.shift) & (line.shift < at - first)
        return passes & (line.start <= self.at) & (self.at <= line.end)

    def near(self, line: Line) -> "Votes":
        """Return the votes nearest to a line.

        One of each frame, and none that is farther off than :data:`NEAR`.
        """
        at = line.speed * self.at - line.shift
        off = np.maximum(np.maximum(self.met[:, 0] - at, at - self.met[:, 1]), 0.0)
        order = np.lexsort((off, self.frame))
        order = order[off[order] <= NEAR]
        _, nearest = np.unique(self.frame[order], return_index=True)
        return self.only(order[nearest])

    def support(self, line: Line) -> float:
        """Return the seconds of the query that a line explains."""
        return float(self.weight[self.agree(line)].sum())


class Search:
    """Finds lines, one after the other, while the votes become fewer.

    What a speed explains can only shrink with the votes, so a speed that once explained
    too little is not asked again.
    """

    def __init__(self, uncertain: float, work: float) -> None:
        """Begin.

        Args:
            uncertain: Seconds of the entry within which a single frame can be placed.
            work: Votes times speeds to be spent on other speeds than normal speed, and on
                whether lines are broken.
        """
        self._uncertain = uncertain
        self._work = work
        self._most = np.full(len(_SPEEDS), np.inf)

    def best(self, votes: Votes) -> Line:
        """Return the line that explains most, at normal speed unless another explains more."""
        line, normal = self._at_normal_speed(votes)
        line = self._at_another_speed(votes, normal) or line
        fit = fitted(line, votes)
        if fit is not None and votes.support(fit) >= ENOUGH * normal:
            line = fit
        line = self._unbroken(line, votes)
        # What could not be looked into any more is not believed.
        return line if self._work >= 0 else self._at_normal_speed(votes)[0]

    def _at_normal_speed(self, votes: Votes) -> tuple[Line, float]:
        """Return the best line at normal speed, and what it explains.

        Among equals the smallest shift wins, so that a still scene is met from one end to
        the other. Within the winning interval the shift is the middle; in a wide one,
        which a still scene makes, it keeps to the end by as much as a single frame is
        uncertain.
        """
        (support,), (left,), (right,) = sweep(votes, _SPEEDS[_NORMAL : _NORMAL + 1])
        shift = left + min((right - left) / 2, self._uncertain)
        return Line(1.0, float(shift)), float(support)

    def _at_another_speed(self, votes: Votes, normal: float) -> Line | None:
        """Return a line that explains much more than normal speed does, if there is one."""
        if votes.frame[0] == votes.frame[-1]:
            return None
        if len(votes.frame) > MOST_VOTES:
            width = votes.met[:, 1] - votes.met[:, 0]
            votes = votes.only(np.sort(np.argsort(width, kind="stable")[:MOST_VOTES]))
            normal = float(sweep(votes, _SPEEDS[_NORMAL : _NORMAL + 1])[0][0])
        new = np.concatenate(([True], votes.frame[1:] != votes.frame[:-1]))
        self._most = np.minimum(self._most, votes.weight[new].sum())
        asked = np.flatnonzero(self._most > MARGIN * normal)
        asked = asked[asked != _NORMAL]
        self._work -= len(asked) * len(votes.frame)
        if not len(asked) or self._work < 0:
            return None
        support, left, right = sweep(votes, _SPEEDS[asked])
        self._most[asked] = support
        # Most first; among equals the speed that is nearest to normal.
        refused: set[Line] = set()
        for best in np.lexsort((np.abs(asked - _NORMAL), -support))[:_GUESSES]:
            if support[best] <= MARGIN * normal:
                break
            shift = (left[best] + right[best]) / 2
            line = fitted(Line(float(_SPEEDS[asked[best]]), float(shift)), votes)
            if line is None or line in refused:
                continue
            refused.add(line)
            line = self._unbroken(line, votes)
            if line.speed != 1.0 and votes.support(line) > MARGIN * normal:
                return line
        return None

    def _unbroken(self, line: Line, votes: Votes) -> Line:
        """Return a line as it is, or where it is broken, that of its longest part."""
        self._work -= len(votes.frame)
        if self._work < 0:
            return line
        begin = votes.only(votes.agree(line)).longest().at[0]
        near = votes.near(line)
        around = next(s for s in stretches(near.owned) if begin <= near.at[s.stop - 1])
        near = near.only(np.arange(around.start, around.stop))
        points = _points(near)
        if points is None or len(points.x) < FEWEST:
            return line if line.speed == 1.0 else self._at_normal_speed(votes)[0]
        self._work -= breaks.work(len(points.x))
        part = breaks.longest(
            points.x,
            points.y,
            points.weight / _BEST,
            breaks.Believed(line.speed, line.shift),
            2 * self._uncertain,
        )
        if part is None:
            return line
        middle = np.concatenate(([-np.inf], (points.x[1:] + points.x[:-1]) / 2, [np.inf]))
        start, end = float(middle[part.first]), float(middle[part.end])
        inside = votes.only((start <= votes.at) & (votes.at <= end))
        line, normal = self._at_normal_speed(inside)
        if part.skewed:
            fit = _fit(near.only((start <= near.at) & (near.at <= end)))
            if fit is not None and inside.support(fit) >= ENOUGH * normal:
                line = fit
        return line._replace(start=start, end=end)


def sweep(
    votes: Votes, speeds: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each speed, what its best shift explains and from where to where it lies."""
    first, last = votes.reach()
    weight = votes.weight
    # Ends come before starts, so that intervals which only touch do not add up.
    change = np.concatenate((-weight, weight))
    chunks = []
    for part in np.array_split(speeds, -(-len(speeds) * len(weight) // _AT_ONCE)):
        at = part[:, np.newaxis] * votes.at
        edge = np.concatenate((at - first, at - last), axis=1)
        order = np.argsort(edge, axis=1, kind="stable")
        support = np.cumsum(change[order], axis=1)
        most = support.max(axis=1, keepdims=True)
        best = np.argmax(support > most - _EPSILON / 2, axis=1)
        row = np.arange(len(part))
        left, right = edge[row, order[row, best]], edge[row, order[row, best + 1]]
        chunks.append((most[:, 0], left, right))
    most, left, right = (np.concatenate(column) for column in zip(*chunks, strict=True))
    return most, left, right


def fitted(line: Line, votes: Votes) -> Line | None:
    """Fit a line to the votes that it passes through, and again while it reaches farther.

    Args:
        line: A first guess.
        votes: All votes.

    Returns:
        The line, or ``None`` where the votes do not tell that the speed is another than
        the normal one.
    """
    found: Line | None = None
    agree = votes.agree(line)
    least = ENOUGH * votes.only(agree).longest().weight.sum()
    for _ in range(_FITS):
        fit = _fit(votes.only(agree))
        if fit is None:
            break
        now = votes.agree(fit)
        if votes.weight[now].sum() < least:
            break
        found = fit
        if np.array_equal(now, agree):
            break
        agree = now
    return found


def _fit(votes: Votes) -> Line | None:
    """Fit a line by least squares, or return ``None`` where its speed cannot be told."""
    points = _points(votes)
    if points is None or len(points.x) < FEWEST:
        return None
    x, y, weight = points
    middle, height = np.average(x, weights=weight), np.average(y, weights=weight)
    spread = float(weight @ (x - middle) ** 2)
    if spread <= 0.0:
        return None
    speed = float(weight @ ((x - middle) * (y - height)) / spread)
    misfit = float(weight @ (speed * (x - middle) - (y - height)) ** 2) / (len(x) - 2)
    error = np.sqrt(max(_BEST if len(x) >= _MANY else 1.0, misfit) / spread)
    off = abs(speed - 1.0)
    told = off > _SURE * error and off * np.ptp(x) > TOLERANCE
    if not told or not SLOWEST / _BEYOND <= speed <= FASTEST * _BEYOND:
        return None
    speed = min(max(speed, SLOWEST), FASTEST)
    return Line(speed, float(speed * middle - height))


def _points(votes: Votes) -> Points | None:
    """Return what votes say about a line, or ``None`` where they say nothing.

    A run that met is where the query's second is, give or take its own width. The longest
    stretch of votes has the word, of those that are short against all that it shows: where
    a run begins and ends in a still scene says nothing of the time.
    """
    votes = votes.longest()
    width = votes.met[:, 1] - votes.met[:, 0]
    extent = max(np.ptp(votes.met), np.ptp(votes.at))
    votes = votes.only(width <= extent / 4)
    if not len(votes.frame):
        return None
    # Wide runs that begin or end together, at a cut, say one thing: where their middle is.
    apart = (votes.met[1:] != votes.met[:-1]).all(axis=1)
    first = np.flatnonzero(np.concatenate(([True], apart | (np.ptp(votes.met[1:], axis=1) < WIDE))))
    count = np.diff(first, append=len(votes.frame))
    x = np.add.reduceat(votes.at, first) / count
    met = np.add.reduceat(votes.met, first) / count[:, np.newaxis]
    return Points(x, met.mean(axis=1), 1.0 / (np.ptp(met, axis=1) ** 2 / 12 + _JITTER**2))
