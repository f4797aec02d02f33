"""A comparison laid out for drawing: the bits of two hashes, and two videos with their pieces.

Places along time are in percent. The bands between the videos are paths in a box 1000
wide and 100 high that stretches with the page.
"""

from dataclasses import dataclass

import numpy as np

from tidegate.evidence import Span
from tidegate.figures import pace, stretch
from tidegate.report import words
from tidegate.report.comparison import Comparison, Nearest, Piece, Side
from tidegate.report.comparison_words import between
from tidegate.report.timeline import Bar, Tick, ticks

_INSET = 0.1
_MOST_UNEVEN = 4.0
"""Videos whose lengths differ by more are each drawn over the whole width."""

_CLOSE = 1e-6

_THINNEST = 0.3
"""Percent of the width that even the shortest stretch gets."""


@dataclass(frozen=True)
class Grid:
    """The 256 bits of a hash as squares in a box of 16 by 16: SVG paths.

    The lowest frequencies, which are the coarse shapes, are at the top left.

    Attributes:
        alike: Bits that are 1 in both hashes.
        one: Bits that are 1 here and 0 in the other.
        zero: Bits that are 0 here and 1 in the other.
    """

    alike: str
    one: str
    zero: str


def grids(nearest: Nearest) -> tuple[Grid, Grid]:
    """Return the bits of both hashes, with those that differ apart."""
    a, b = _bits(nearest.a_pdq), _bits(nearest.b_pdq)
    both = _squares(a & b)
    return (
        Grid(both, _squares(a & ~b), _squares(b & ~a)),
        Grid(both, _squares(b & ~a), _squares(a & ~b)),
    )


def _bits(pdq: str) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
    # The first frequency is the last bit.
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(pdq), np.uint8))[::-1]
    return bits.reshape(16, 16).astype(bool)


def _squares(chosen: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]") -> str:
    side = 1 - 2 * _INSET
    return "".join(
        f"M{x + _INSET:g} {y + _INSET:g}h{side:g}v{side:g}h-{side:g}z"
        for y, x in np.argwhere(chosen).tolist()
    )


@dataclass(frozen=True)
class Stretch:
    """A stretch of one of the videos; ``number`` is that of its piece, from 1."""

    at: float
    width: float
    number: int
    text: str


@dataclass(frozen=True)
class Track:
    """One video over its length.

    Attributes:
        width: Percent of the drawing that the whole video takes.
        ticks: Marks on its axis, in percent of the drawing.
        stretches: What met.
        unknown: What could not be seen.
    """

    width: float
    ticks: tuple[Tick, ...]
    stretches: tuple[Stretch, ...]
    unknown: tuple[Bar, ...]


@dataclass(frozen=True)
class Band:
    """What connects a stretch of A and a stretch of B."""

    path: str
    text: str


@dataclass(frozen=True)
class Bands:
    """Two videos one above the other, or one where the other file is a picture.

    Attributes:
        a: The first file, or ``None`` where it has no time.
        b: The second file, or ``None`` where it has no time.
        bands: What connects them; one for each piece that both have a stretch of.
        one_scale: Whether a second is as long in both.
    """

    a: Track | None
    b: Track | None
    bands: tuple[Band, ...]
    one_scale: bool


def bands(made: Comparison) -> Bands | None:
    """Return the drawing, or ``None`` where neither file has a length."""
    lengths = [side.duration for side in (made.a, made.b)]
    if max(lengths) <= 0:
        return None
    one_scale = min(lengths) > 0 and max(lengths) <= _MOST_UNEVEN * min(lengths)
    scales = [max(lengths) if one_scale else length for length in lengths]
    a = _track(made.a, [p.a for p in made.pieces], made.pieces, scales[0])
    b = _track(made.b, [p.b for p in made.pieces], made.pieces, scales[1])
    joined = zip(made.pieces, a.stretches, b.stretches, strict=True) if a and b else ()
    links = [Band(_ribbon(one, other), _told(piece)) for piece, one, other in joined]
    return Bands(a, b, tuple(links), one_scale)


def _track(
    side: Side, spans: list[Span | None], pieces: tuple[Piece, ...], scale: float
) -> Track | None:
    if side.duration <= 0:
        return None
    width = 100 * side.duration / scale
    stretches = [
        Stretch(*_place(span, side.duration, width), number, _told(piece))
        for number, (span, piece) in enumerate(zip(spans, pieces, strict=True), 1)
    ]
    unknown = []
    for one in side.unknowns:
        at, wide = _place(one.span, side.duration, width)
        told = stretch(one.span) if one.span else "all of it"
        unknown.append(Bar(at, wide, f"{words.unknown(one)}, {told}"))
    return Track(
        width=round(width, 3),
        # Those of the scale, so that two videos on one scale have the same.
        ticks=tuple(tick for tick in ticks(scale) if tick.at <= width + _CLOSE),
        stretches=tuple(stretches),
        unknown=tuple(unknown),
    )


def _place(span: Span | None, duration: float, width: float) -> tuple[float, float]:
    """Return where a span begins and how wide it is, in percent of the drawing."""
    if span is None:
        return 0.0, round(width, 3)
    start = min(1.0, span.start / duration) * width
    end = min(1.0, span.end / duration) * width
    return round(start, 3), round(max(end - start, _THINNEST), 3)


def _ribbon(one: Stretch, other: Stretch) -> str:
    a, b = 10 * one.at, 10 * other.at
    c, d = 10 * (other.at + other.width), 10 * (one.at + one.width)
    return (
        f"M{a:.1f} 0C{a:.1f} 50 {b:.1f} 50 {b:.1f} 100L{c:.1f} 100C{c:.1f} 50 {d:.1f} 50 {d:.1f} 0Z"
    )


def _told(piece: Piece) -> str:
    how = words.plural(piece.distance, "bit") if piece.kind == "pdq" else f"same {piece.kind}"
    return ", ".join(filter(None, (between(piece), how, pace(piece.speed))))
