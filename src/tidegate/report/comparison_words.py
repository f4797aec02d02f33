"""A comparison in words, as the page and the terminal say it."""

from collections.abc import Mapping

from tidegate.evidence import Span, Transform, View
from tidegate.figures import clock, part, percent
from tidegate.report import words
from tidegate.report.comparison import Comparison, Nearest, Piece, Side
from tidegate.report.words import plural

_TURNED: Mapping[Transform, str] = {
    "none": "as it is",
    "rotate90": "turned a quarter to the left",
    "rotate180": "turned upside down",
    "rotate270": "turned a quarter to the right",
    "flip_vertical": "mirrored top to bottom",
    "flip_horizontal": "mirrored left to right",
    "transpose": "mirrored at the falling diagonal",
    "transverse": "mirrored at the rising diagonal",
}

_NEAR = 64
"""Bits: beyond it, unrelated pictures begin to be as near."""

_WHOLE = 0.9
"""Share of both from which two videos are the same as a whole: their ends are not seen
to the frame."""


def headline(made: Comparison) -> str:
    """Return what was found, as a heading."""
    if made.exact is not None:
        return "The same bytes" if made.exact == "sha256" else "The same MD5"
    if made.verdict == "unknown":
        return "It cannot be told"
    if made.stills:
        if made.verdict == "different":
            return "Different pictures"
        how = position(made.pieces[0].transform, made.pieces[0].view)
        return "The same picture" + ("" if how == position("none") else f", {how}")
    film = next((s.media for s in (made.a, made.b) if s.media and not s.still), None)
    if film is not None and (made.a.still or made.b.still):
        if made.verdict == "different":
            return f"The picture is not seen in the {film.kind}"
        times = "" if len(made.pieces) == 1 else f", {len(made.pieces)} times"
        return f"The picture is seen in the {film.kind}{times}"
    if made.verdict == "different":
        return "Nothing of A is in B"
    return f"{percent(made.a_share)} of A is in B, {percent(made.b_share)} of B in A"


def meaning(made: Comparison) -> str:
    """Return what the distance is and says; never more than it does."""
    nearest = made.nearest
    if made.exact is not None:
        return f"The two files have one {made.exact.upper().replace('SHA256', 'SHA-256')}."
    if nearest is None:
        return "There are no two hashes to compare."
    what = "They" if made.stills else "The two nearest frames"
    if nearest.distance == 0:
        told = f"{what} have one hash: all 256 bits are the same."
    else:
        told = f"{what} differ in {nearest.distance} of 256 bits."
    return f"{told} {_standing(made, nearest)}"


def _standing(made: Comparison, nearest: Nearest) -> str:
    """Return how a distance stands to the limit."""
    limit = f"A distance up to {plural(made.limit, 'bit')} counts as the same"
    if made.verdict == "unknown":
        return f"{limit}, but this is one of what could be seen only."
    if nearest.distance <= made.limit:
        if made.pieces:
            return f"{limit}: re-encoded, resized or lightly changed."
        return f"{limit}, but too few frames agree on a shift in time."
    if nearest.distance <= _NEAR:
        return (
            f"{limit}. Heavily changed copies can be this far apart, and now and then "
            "unrelated pictures: look at both."
        )
    return f"{limit}; unrelated pictures are this far apart."


def position(transform: Transform, view: View = "whole") -> str:
    """Return how A has to be turned to meet B, and which part of it met."""
    told = [_TURNED[transform]] if transform != "none" or view == "whole" else []
    return ", ".join([*told, part(view)] if part(view) else told)


def between(piece: Piece) -> str:
    """Return which stretch of A is which of B: ``A 00:08.0–00:18.0 is B 00:03.4–00:13.4``."""
    sides = [f"{name} {when(span)}" for name, span in (("A", piece.a), ("B", piece.b)) if span]
    return " is ".join(sides) or "the picture"


def when(span: Span | None) -> str:
    """Return a stretch to a tenth of a second, or a dash for a still picture."""
    return f"{clock(span.start, 1)}–{clock(span.end, 1)}" if span else "–"


def speed(value: float) -> str:
    """Return a speed as ``1×``, ``1.5×``."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + "×"


def facts(side: Side) -> tuple[str, ...]:
    """Return what a side is, and how much of it can be compared."""
    # Frames are counted below, those of the second look too.
    told = words.media(side.media)[:3] if side.media else ("media unknown",)
    told += (words.size(side.size),) if side.size is not None else ("size unknown",)
    if side.quality is None:
        return *told, "not hashed"
    if side.still:
        return *told, f"PDQ quality {side.quality} of 100"
    flat = side.frames - side.usable
    hashed = f"{plural(side.frames, 'frame')} hashed"
    return *told, f"{hashed}, {flat:,} of them too flat to compare" if flat else hashed


def extent(made: Comparison) -> str:
    """Return the verdict, and whether it is one on all of both."""
    if made.verdict != "same" or made.stills or made.exact is not None:
        return made.verdict
    if made.a.still or made.b.still:
        return "seen"
    return "same" if min(made.a_share, made.b_share) >= _WHOLE else "same in part"


def covered(made: Comparison, label: str) -> str:
    """Return how much of one video, ``A`` or ``B``, is in the other file."""
    share, other, name = {
        "A": (made.a_share, made.b, "B"),
        "B": (made.b_share, made.a, "A"),
    }[label]
    if not made.pieces:
        what = "how much" if made.verdict == "unknown" else "nothing"
        return f"{what} is in {name}{' is unknown' if made.verdict == 'unknown' else ''}"
    return f"{percent(share)} shows {name}" if other.still else f"{percent(share)} is in {name}"
