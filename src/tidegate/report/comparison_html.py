"""A comparison as one HTML file: both sides next to each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.report import comparison_words as words
from tidegate.report.comparison import Comparison, Pair, Side
from tidegate.report.comparison_drawing import bands, grids
from tidegate.report.page import page, sheet, style, uri
from tidegate.report.pictures import Picture


@dataclass(frozen=True)
class Half:
    """One side of a pair of frames."""

    label: str
    picture: Picture | None
    uri: str


@dataclass(frozen=True)
class Shown:
    """Two frames side by side.

    Attributes:
        halves: A and B.
        distance: Bits in which they differ, or ``None``.
        number: Number of their piece, from 1, or 0.
    """

    halves: tuple[Half, Half]
    distance: int | None
    number: int


def render_comparison(made: Comparison, pairs: Sequence[Pair]) -> str:
    """Return a comparison as a self-contained HTML document without any script.

    Pictures are blurred until clicked, both of a pair at once.

    Args:
        made: What was found.
        pairs: Frames to show side by side.
    """
    return page(
        "comparison.html.j2",
        style(sheet("comparison.css")),
        made=made,
        words=words,
        sides=[("A", made.a, *_name(made.a)), ("B", made.b, *_name(made.b))],
        pairs=[_shown(pair) for pair in pairs],
        grids=grids(made.nearest) if made.nearest else None,
        bands=bands(made),
    )


def _name(side: Side) -> tuple[str, str]:
    folder, slash, name = side.path.rpartition("/")
    return folder + slash, name


def _shown(pair: Pair) -> Shown:
    halves = (_half("A", pair.a), _half("B", pair.b))
    return Shown(halves, pair.distance, 0 if pair.piece is None else pair.piece + 1)


def _half(label: str, picture: Picture | None) -> Half:
    return Half(label, picture, "" if picture is None else uri(picture))
