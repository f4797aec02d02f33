"""An evaluation as one HTML file: plots, each with its figures as a table."""

from dataclasses import dataclass

from tidegate.report import evaluation_drawing as drawing
from tidegate.report import evaluation_words as words
from tidegate.report.evaluation import Evaluation, Group, Measured, Opinion, Slice
from tidegate.report.page import page, sheet, style
from tidegate.report.statistics import Interval, Rate


@dataclass(frozen=True)
class Cell:
    """A rate of a group.

    Attributes:
        rate: The rate.
        difference: Where it may lie beside that of all.
        small: Whether it rests on few items.
        whisker: Its interval on the column's axis, or ``None`` where it is unmeasured.
    """

    rate: Rate
    difference: Interval | None
    small: bool
    whisker: drawing.Whisker | None


@dataclass(frozen=True)
class Split:
    """A slice as a table: the ends of its axes, and the cells of each group."""

    column: str
    ends: tuple[float, ...]
    rows: tuple[tuple[Group, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Shown:
    """One opinion as the page shows it; ``splits`` by threshold."""

    opinion: Opinion
    charts: tuple[drawing.Chart, ...]
    steps: tuple[drawing.Step, ...]
    splits: tuple[tuple[Split, ...], ...]


def render_evaluation(made: Evaluation) -> str:
    """Return an evaluation as a self-contained HTML document without any script.

    No picture of the media is in it, only paths and scores.
    """
    return page(
        "evaluation.html.j2",
        style(sheet("evaluation.css")),
        made=made,
        words=words,
        width=drawing.WIDTH,
        height=drawing.HEIGHT,
        results=[(result, [_shown(one) for one in result.opinions]) for result in made.categories],
    )


def _shown(opinion: Opinion) -> Shown:
    return Shown(
        opinion=opinion,
        charts=drawing.charts(opinion),
        steps=drawing.steps(opinion),
        splits=tuple(tuple(map(_split, one.slices)) for one in opinion.operating),
    )


def _split(part: Slice) -> Split:
    ends = {field: drawing.reach(part, field) for field in words.RATES}
    return Split(
        column=part.column,
        ends=tuple(ends.values()),
        rows=tuple(
            (group, tuple(_cell(group, field, end) for field, end in ends.items()))
            for group in part.groups
        ),
    )


def _cell(group: Group, field: str, end: float) -> Cell:
    measured: Measured = getattr(group.rates, field)
    return Cell(
        rate=measured.judged,
        difference=getattr(group.differences, field),
        small=field in group.small,
        whisker=drawing.whisker(measured.judged, end),
    )
