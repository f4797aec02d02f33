"""From frames that met to stretches of two videos that show the same.

Frames that met vote for the line that query and entry lie on when they are the same
(:mod:`tidegate.matching.lines`). Where the votes for the best line follow one another,
there is a piece; then the rest of the query votes again. So pieces are found in any
order, each at its own speed. Still scenes, where one frame meets many, allow many lines
and so decide nothing by themselves: the moving frames around them do.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.evidence import Span, seconds
from tidegate.matching.lines import SLOWEST, TOLERANCE, Line, Search, Votes
from tidegate.matching.timeline import HOLE, Timeline, span, stretches

WHOLE = 0.9
"""Share of the query or of the entry that a piece of a single frame has to cover."""

SILENCE = 10.0
"""Seconds of a hole that does not split a piece where the entry has no frames to meet."""

SAME_SPEED = 1.05
"""Ratio of two speeds up to which pieces that follow one another are one."""

DRIFT = 0.5
"""Seconds by which an entry's part of a piece may be longer or shorter than its speed
says, as where clocks drift. What is off by more was cut."""

WORK = 10_000_000
"""Votes of one entry that are counted to find its pieces: some seconds. What a hostile
video, of which every frame meets hundreds, has beyond them is not looked for."""

WORK_ON_SPEED = 4_000_000
"""Votes times speeds that are counted to find pieces at other speeds than normal speed and
to find cuts. Beyond them all plays at normal speed."""


class Runs(NamedTuple):
    """Frames of the query that met frames of an entry that follow one another.

    Attributes:
        frame: (n,) int64, frame of the query.
        first: (n,) int64, first frame of the entry.
        last: (n,) int64, last frame of the entry.
        distance: (n,) int64, smallest distance in the run, in bits.
    """

    frame: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    distance: NDArray[np.int64]


class Piece(NamedTuple):
    """A stretch of the query that shows a stretch of the entry.

    Attributes:
        span: When in the query.
        entry_span: When in the entry.
        distance: Smallest distance met, in bits.
        peak: Second of the query at which it was met first.
        speed: Seconds of the entry per second of the query; 1.0 unless told apart, and
            where the query holds a moment of the entry.
    """

    span: Span
    entry_span: Span
    distance: int
    peak: float
    speed: float = 1.0


def runs(frame: NDArray[np.int64], met: NDArray[np.int64], distance: NDArray[np.int64]) -> Runs:
    """Join hits of one query frame with neighbouring entry frames.

    Args:
        frame: (n,) frame of the query.
        met: (n,) frame of the entry; no pair comes twice.
        distance: (n,) bits.
    """
    order = np.lexsort((met, frame))
    frame, met, distance = frame[order], met[order], distance[order]
    if not len(frame):
        return Runs(frame, met, met, distance)
    starts = np.flatnonzero(np.concatenate(([True], (np.diff(frame) != 0) | (np.diff(met) != 1))))
    ends = np.concatenate((starts[1:], [len(frame)])) - 1
    return Runs(frame[starts], met[starts], met[ends], np.minimum.reduceat(distance, starts))


def align(query: Timeline, entry: Timeline, hits: Runs) -> tuple[Piece, ...]:
    """Find the pieces of an entry in a query, in any order, at half to twice the speed.

    Args:
        query: Frames of the query.
        entry: Frames of the entry.
        hits: Which frames met.

    Returns:
        The pieces, in the order of the query.
    """
    if not len(hits.frame):
        return ()
    owned, stored = query.owned(), entry.owned()
    order = np.lexsort((hits.first, hits.frame))
    hits = Runs(*(column[order] for column in hits))
    votes = Votes(
        frame=hits.frame,
        at=query.seconds[hits.frame],
        owned=owned[hits.frame],
        met=np.stack((stored[hits.first, 0], stored[hits.last, 1]), axis=1),
    )
    usual = float(np.median(stored[:, 1] - stored[:, 0]))
    search = Search(usual / 2 + TOLERANCE, WORK_ON_SPEED)
    pieces: list[Piece] = []
    counted = 0
    while len(votes.frame) and counted <= WORK:
        counted += len(votes.frame)
        line = search.best(votes)
        agree = np.flatnonzero(votes.agree(line))
        parts = _stretches(votes.owned[agree], line, entry, usual)
        longest = agree[max(parts, key=lambda part: part.stop - part.start)]
        piece = _piece(query, entry, owned, Runs(*(column[longest] for column in hits)), line)
        left = np.ones(len(votes.frame), bool)
        if _convincing(piece, len(longest), query, entry):
            still = _still(votes, longest)
            if len(still):
                longest = still
                piece = _moment(votes.only(still), hits.distance[still], query, entry)
            pieces.append(piece)
            first = np.searchsorted(votes.at, piece.span.start, "left")
            last = np.searchsorted(votes.at, piece.span.end, "right")
            left[first:last] = False
            left[longest] = False
        elif len(agree) > 1 or votes.weight.max() >= WHOLE * min(query.duration, entry.duration):
            left[agree] = False
        else:
            break
        hits, votes = Runs(*(column[left] for column in hits)), votes.only(left)
    return _joined(pieces)


def _stretches(
    owned: NDArray[np.float64], line: Line, entry: Timeline, usual: float
) -> list[slice]:
    """Split frames at holes, but for those in which the entry is silent as well.

    Args:
        owned: (n, 2) the time of the frames that agree on the line.
        line: The line.
        entry: Frames of the entry.
        usual: Seconds between two of them, as a rule.
    """
    found: list[slice] = []
    for stretch in stretches(owned):
        if found:
            hole = owned[found[-1].stop - 1, 1], owned[stretch.start, 0]
            at = line.speed * np.array(hole) - line.shift
            first, last = np.searchsorted(entry.seconds, at)
            if (last - first) * usual / line.speed <= HOLE and hole[1] - hole[0] <= SILENCE:
                stretch = slice(found.pop().start, stretch.stop)
        found.append(stretch)
    return found


def _piece(
    query: Timeline, entry: Timeline, owned: NDArray[np.float64], part: Runs, line: Line
) -> Piece:
    """Describe a stretch; it ends where the entry does, but never before a frame of its own."""
    first, last = part.frame[0], part.frame[-1]
    begins, ends = line.shift / line.speed, (line.shift + entry.duration) / line.speed
    start = min(max(owned[first, 0], begins), query.seconds[first])
    end = max(min(owned[last, 1], ends), query.seconds[last])
    best = int(np.argmin(part.distance))
    return Piece(
        span=span(start, end),
        entry_span=span(
            *(min(max(line.speed * at - line.shift, 0.0), entry.duration) for at in (start, end))
        ),
        distance=int(part.distance[best]),
        peak=seconds(query.seconds[part.frame[best]]),
        speed=round(line.speed, 4),
    )


def _convincing(piece: Piece, frames: int, query: Timeline, entry: Timeline) -> bool:
    """Two frames that agree are enough; one is, where there is hardly more to see."""
    return frames >= 2 or (
        piece.span.length >= WHOLE * query.duration
        or piece.entry_span.length >= WHOLE * entry.duration
    )


def _still(votes: Votes, part: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the votes for one moment of the entry that the query holds, or none.

    Args:
        votes: All votes.
        part: Those of a piece.
    """
    first, last = votes.met[part, 0].max(), votes.met[part, 1].min()
    nothing = part[:0]
    if first >= last:
        return nothing
    middle = (first + last) / 2
    showing = np.flatnonzero((votes.met[:, 0] <= middle) & (middle <= votes.met[:, 1]))
    around = next(
        showing[stretch]
        for stretch in stretches(votes.owned[showing])
        if part[0] <= showing[stretch.stop - 1]
    )
    held = votes.owned[around[-1], 1] - votes.owned[around[0], 0]
    length = float(np.median(np.ptp(votes.met[around], axis=1)))
    return around if SLOWEST * held > length + 2 * TOLERANCE else nothing


def _moment(votes: Votes, distance: NDArray[np.int64], query: Timeline, entry: Timeline) -> Piece:
    """Describe a moment of the entry that the query holds: at no speed, so at normal speed."""
    best = int(np.argmin(distance))
    first, last = np.median(votes.met, axis=0)
    return Piece(
        span=span(votes.owned[0, 0], min(votes.owned[-1, 1], query.duration)),
        entry_span=span(max(first, 0.0), min(last, entry.duration)),
        distance=int(distance[best]),
        peak=seconds(votes.at[best]),
    )


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Join pieces that follow one another in both videos, as when clocks drift."""
    joined: list[Piece] = []
    for piece in sorted(pieces, key=lambda p: (p.span.start, p.span.end)):
        if joined and _follows(joined[-1], piece):
            before = joined.pop()
            nearest = min(before, piece, key=lambda p: p.distance)
            piece = Piece(
                span=span(before.span.start, piece.span.end),
                entry_span=span(before.entry_span.start, piece.entry_span.end),
                distance=nearest.distance,
                peak=nearest.peak,
                speed=_mean_speed(before, piece),
            )
        joined.append(piece)
    return tuple(joined)


def _follows(before: Piece, after: Piece) -> bool:
    """Whether two pieces are one: what is missing of the one is missing of the other too.

    All that drifts within a piece adds up, so that a row of short cuts does not pass.
    """
    entry_length = after.entry_span.end - before.entry_span.start
    length = after.span.end - before.span.start
    return (
        after.span.start - before.span.end <= HOLE
        and after.entry_span.end > before.entry_span.end
        and 1 / SAME_SPEED <= after.speed / before.speed <= SAME_SPEED
        and abs(entry_length - _mean_speed(before, after) * length) <= DRIFT
    )


def _mean_speed(before: Piece, after: Piece) -> float:
    """Return the speed of two pieces, each as long as it lasts."""
    lengths = before.span.length, after.span.length
    if sum(lengths) <= 0.0:
        return before.speed
    mean = (before.speed * lengths[0] + after.speed * lengths[1]) / sum(lengths)
    return round(mean, 4)
