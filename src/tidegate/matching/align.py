"""From frames that met to stretches of two videos that show the same.

Each pair of frames that met says by how much the entry would have to be shifted for
the two to coincide. A stored frame stands for a stretch of time, so it is an interval
of shifts. The shift that most of the query agrees on is a piece; then the rest of the
query votes again. Still scenes, where one frame meets many, allow many shifts and so
decide nothing by themselves: the moving frames around them do.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.evidence import Span, seconds
from tidegate.matching.timeline import HOLE, Timeline, span, stretches

TOLERANCE = 0.25
"""Seconds that a shift may be off the time that a stored frame stands for."""

WHOLE = 0.9
"""Share of the query or of the entry that a piece of a single frame has to cover."""

MOST_PIECES = 100
"""Pieces of one entry that are looked for in one query."""

_EPSILON = 1e-6


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
    """

    span: Span
    entry_span: Span
    distance: int
    peak: float


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
    """Find the pieces of an entry in a query, played at its own speed, in any order.

    Args:
        query: Frames of the query.
        entry: Frames of the entry.
        hits: Which frames met.

    Returns:
        The pieces, in the order of the query.
    """
    owned, stored = query.owned(), entry.owned()
    pieces: list[Piece] = []
    order = np.lexsort((hits.first, hits.frame))
    hits = Runs(*(column[order] for column in hits))
    for _ in range(MOST_PIECES):
        if not len(hits.frame):
            break
        shift, agree = _best_shift(query, owned, stored, hits)
        chosen = Runs(*(column[agree] for column in hits))
        taken = agree.copy()
        for stretch in stretches(owned[chosen.frame]):
            part = Runs(*(column[stretch] for column in chosen))
            piece = _piece(query, entry, owned, part, shift)
            if _convincing(piece, part, query, entry):
                pieces.append(piece)
                at = query.seconds[hits.frame]
                taken |= (piece.span.start <= at) & (at <= piece.span.end)
        hits = Runs(*(column[~taken] for column in hits))
    return _joined(pieces)


def _best_shift(
    query: Timeline,
    owned: NDArray[np.float64],
    stored: NDArray[np.float64],
    hits: Runs,
) -> tuple[float, NDArray[np.bool_]]:
    """Return the shift that most of the query's time agrees on, and which runs agree.

    Among equals the smallest shift wins, so that a still scene is met from one end to
    the other. Within the winning interval the shift is the middle; in a wide one, which
    a still scene makes, it keeps to the end by as much as a single frame is uncertain.
    """
    at = query.seconds[hits.frame]
    low = at - stored[hits.last, 1] - TOLERANCE
    high = at - stored[hits.first, 0] + TOLERANCE
    # The runs of one frame may touch: no frame votes twice for a shift.
    same = hits.frame[:-1] == hits.frame[1:]
    high[1:] = np.where(same, np.minimum(high[1:], low[:-1]), high[1:])
    weight = owned[hits.frame, 1] - owned[hits.frame, 0] + _EPSILON
    # Ends come before starts, so that intervals which only touch do not add up.
    edge = np.concatenate((high, low))
    order = np.argsort(edge, kind="stable")
    support = np.cumsum(np.concatenate((-weight, weight))[order])
    best = int(np.argmax(support > support.max() - _EPSILON / 2))
    left, right = edge[order[best]], edge[order[best + 1]]
    uncertain = float(np.median(stored[:, 1] - stored[:, 0])) / 2 + TOLERANCE
    shift = float(left + min((right - left) / 2, uncertain))
    return shift, (low <= shift) & (shift < high)


def _piece(
    query: Timeline, entry: Timeline, owned: NDArray[np.float64], part: Runs, shift: float
) -> Piece:
    """Describe a stretch; it ends where the entry does, but never before a frame of its own."""
    first, last = part.frame[0], part.frame[-1]
    start = min(max(owned[first, 0], shift), query.seconds[first])
    end = max(min(owned[last, 1], shift + entry.duration), query.seconds[last])
    best = int(np.argmin(part.distance))
    return Piece(
        span=span(start, end),
        entry_span=span(
            min(max(start - shift, 0.0), entry.duration),
            min(max(end - shift, 0.0), entry.duration),
        ),
        distance=int(part.distance[best]),
        peak=seconds(query.seconds[part.frame[best]]),
    )


def _convincing(piece: Piece, part: Runs, query: Timeline, entry: Timeline) -> bool:
    """Two frames that agree are enough; one is, where there is hardly more to see."""
    return len(part.frame) >= 2 or (
        piece.span.length >= WHOLE * query.duration
        or piece.entry_span.length >= WHOLE * entry.duration
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
            )
        joined.append(piece)
    return tuple(joined)


def _follows(before: Piece, after: Piece) -> bool:
    gap = after.span.start - before.span.end
    entry_gap = after.entry_span.start - before.entry_span.end
    return gap <= HOLE and abs(entry_gap) <= HOLE and after.entry_span.end > before.entry_span.end
