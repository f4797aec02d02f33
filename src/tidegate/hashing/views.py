"""Views: parts of a picture that are hashed as well as the whole of it.

PDQ describes a picture from edge to edge. A border, a screenshot's bars or a deep crop
move everything in it, and the hash of the whole no longer meets the hash of the
original. A part of the one often still meets the whole of the other, so parts are
hashed too: those of an upload find what was added around a picture, those of an entry
find what was cut off. ``docs/robustness.md`` measures which view finds what.

Geometry alone decides: where lines of one colour end, and fixed shares of the sides.
Nothing looks at what a picture shows.
"""

from collections.abc import Collection, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.evidence import View
from tidegate.hashing.pdq import MIN_SIDE

Preset = Literal["whole", "standard", "thorough"]

PRESETS: dict[Preset, tuple[View, ...]] = {
    "whole": ("whole",),
    "standard": ("whole", "unframed"),
    "thorough": (
        "whole",
        "unframed",
        "centre",
        "top_left",
        "top_right",
        "bottom_left",
        "bottom_right",
    ),
}
"""Which views a setting stands for, cheapest first."""

CENTRE = 0.8
"""Share of each side that the centre keeps."""

CORNER = 0.5
"""Share of each side that a corner keeps: the four quarters of the picture."""

NEAR = (6, 16)
"""A value within this of the border's, of 255, is the border's: in plain lines, and in those
beside them, where JPEG lets the picture ring."""

EVEN = (0.98, 0.7)
"""A line belongs to a border when this share of its pixels has the border's colour. First
plain bars go, then, beside what is left, bars with letters and icons in them: in the
other order, wide bars left and right would make every row look like a bar. The numbers
here were chosen on photographs that ``docs/robustness.md`` does not report on."""

GAP = 0.04
"""Share of the side that something else in a border may be high, such as a line of bold
text: more border has to follow it."""

LEAST = 0.2
"""A picture keeps at least this share of each side. What keeps less is not a picture in a
frame but an empty page."""

FRAMES = 3
"""Frames within frames that are looked for: bars within a screen within bars."""

SLIGHT = 0.01
"""A border of less than this share of the side changes no hash and is left alone."""

SAMPLES = 256
"""Pixels looked at in a line, at most: they tell what the line is made of."""

STRIP = 32
"""Lines that are looked at together."""

_PLACES: dict[View, tuple[float, float, float]] = {
    "centre": (CENTRE, 0.5, 0.5),
    "top_left": (CORNER, 0.0, 0.0),
    "top_right": (CORNER, 0.0, 1.0),
    "bottom_left": (CORNER, 1.0, 0.0),
    "bottom_right": (CORNER, 1.0, 1.0),
}
"""Of each part: its share of the sides, and how far down and to the right it lies."""


def views(picture: NDArray[np.uint8], wanted: Collection[View]) -> dict[View, NDArray[np.uint8]]:
    """Return parts of a picture, without copying any of it.

    Args:
        picture: (height, width, 3) RGB or (height, width) grey, 0 to 255, not empty.
        wanted: Which parts.

    Returns:
        The parts in the order of :data:`View`. ``unframed`` is absent where the picture
        has no border: it would be the whole once more.
    """
    found: dict[View, NDArray[np.uint8]] = {}
    if "whole" in wanted:
        found["whole"] = picture
    if set(wanted) <= {"whole"}:
        return found
    rows, columns = inside(picture)
    inner = picture[rows, columns]
    if "unframed" in wanted and inner.shape != picture.shape:
        found["unframed"] = inner
    for view, (share, down, right) in _PLACES.items():
        if view in wanted:
            height, width = inner.shape[:2]
            found[view] = inner[_part(height, share, down), _part(width, share, right)]
    return found


def parts(
    picture: NDArray[np.uint8], wanted: Collection[View]
) -> Iterator[tuple[View, NDArray[np.uint8]]]:
    """Yield the parts of a picture, but for the whole, that are large enough to be judged."""
    for view, part in views(picture, wanted).items():
        if view != "whole" and min(part.shape[:2]) >= MIN_SIDE:
            yield view, part


def inside(picture: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Return which rows and columns are left when the border is cut off.

    A border is lines of nearly one colour along an edge: bars, frames, the empty parts
    of a screen. Each edge may have its own colour. Letters and icons within it are cut
    off with it; a bar that is not of one colour, such as a blurred one, stays.

    Args:
        picture: As for :func:`views`.

    Returns:
        Slices with a start and a stop, of at least a fifth of each side: all of the
        picture where there is no border, or where hardly anything would be left.
    """
    height, width = picture.shape[:2]
    edges = [_Edge(), _Edge(), _Edge(), _Edge()]
    for stage in range(len(EVEN)):
        for _ in range(FRAMES):
            before = [edge.cut for edge in edges]
            for at, edge in enumerate(edges):
                edge.extend(_lines(picture, edges, at), stage)
            if [edge.cut for edge in edges] == before:
                break
    top, bottom, left, right = (edge.cut for edge in edges)
    if top + bottom < SLIGHT * height:
        top = bottom = 0
    if left + right < SLIGHT * width:
        left = right = 0
    if height - top - bottom < LEAST * height or width - left - right < LEAST * width:
        return slice(0, height), slice(0, width)
    return slice(top, height - bottom), slice(left, width - right)


class _Edge:
    """The border along one edge of a picture.

    Attributes:
        cut: Lines of it that were found.
        colour: The colour of its innermost plain line, () for grey or (3,) for RGB.
    """

    def __init__(self) -> None:
        self.cut = 0
        self.colour: NDArray[np.uint8] | None = None

    def extend(self, lines: NDArray[np.uint8], stage: int) -> None:
        """Find more of it.

        Args:
            lines: What is left of the picture, from this edge inwards.
            stage: 0 for plain lines, of whichever colour; 1 for what has letters in it,
                of the colour that was found before.
        """
        if not lines.size:
            return
        if stage == 0:
            middle = lines.shape[1] // 2
            colour = np.partition(lines[0], middle, axis=0)[middle]
            if found := _border(lines, colour, stage):
                self.cut += found
                self.colour = colour
        elif self.colour is not None:
            self.cut += _border(lines, self.colour, stage)


def _lines(picture: NDArray[np.uint8], edges: list[_Edge], at: int) -> NDArray[np.uint8]:
    """Return what lies inside all four edges, as lines from the top, bottom, left or right.

    Of each line not more than :data:`SAMPLES` pixels.
    """
    height, width = picture.shape[:2]
    top, bottom, left, right = (edge.cut for edge in edges)
    lines = picture[top : max(top, height - bottom), left : max(left, width - right)]
    if at >= 2:
        lines = lines.swapaxes(0, 1)
    if at % 2:
        lines = lines[::-1]
    return lines[:, :: max(1, -(-lines.shape[1] // SAMPLES))]


def _border(lines: NDArray[np.uint8], colour: NDArray[np.uint8], stage: int) -> int:
    """Return how many of the first lines are border: 0 to all of them."""
    gap = round(GAP * len(lines))
    border = 0
    for at in range(0, len(lines), STRIP):
        even = _even(lines[at : at + STRIP], colour, stage)
        for line in at + np.flatnonzero(even):
            if line - border > gap:
                return border
            border = int(line) + 1
        if at + len(even) - border > gap:
            return border
    return border


def _even(lines: NDArray[np.uint8], colour: NDArray[np.uint8], stage: int) -> NDArray[np.bool_]:
    """Return which lines have nearly this colour, but for a share of their pixels."""
    least, off = EVEN[stage] * lines.shape[1], NEAR[stage]
    planes = lines[..., None] if lines.ndim == 2 else lines
    near = np.ones(lines.shape[:2], np.bool_)
    for plane, wanted in enumerate(colour.reshape(-1).tolist()):
        lowest, highest = max(wanted - off, 0), min(wanted + off, 255)
        # What is below the lowest wraps round to a large difference.
        near &= planes[..., plane] - np.uint8(lowest) <= np.uint8(highest - lowest)
        # Not np.count_nonzero, which is far slower along an axis. There are SAMPLES at most.
        even: NDArray[np.bool_] = np.add.reduce(near, axis=1, dtype=np.uint16) >= least
        if not even.any():  # As most often: the other planes can only take from it.
            break
    return even


def _part(side: int, share: float, place: float) -> slice:
    """Return a share of a side, at least one pixel of it, from its start (0) to its end (1)."""
    length = max(1, round(share * side))
    start = round((side - length) * place)
    return slice(start, start + length)
