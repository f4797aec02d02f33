"""The plots of an evaluation, laid out for drawing.

Places are in the units of a box :data:`WIDTH` wide and :data:`HEIGHT` high, with the origin at
the top left; margins for the words are outside of it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from tidegate.report import evaluation_words as words
from tidegate.report.evaluation import Opinion, Slice
from tidegate.report.statistics import Rate, at, rate

WIDTH = 320
HEIGHT = 220

STEPS = tuple(step / 10 for step in range(1, 10))
"""Thresholds of the table beneath the plots."""

_COLUMN = 44
"""Height of the tallest column that tells how many items a bin has."""

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A place that is shown by itself.

    Attributes:
        x: Where it is.
        y: Where it is.
        text: What it says when pointed at.
        low: Lower end of its whisker, or ``None``.
        high: Upper end of its whisker, or ``None``.
    """

    x: float
    y: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Column:
    """How many items a bin has."""

    x: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Chart:
    """One plot.

    Attributes:
        title: What it is.
        about: How to read it.
        x: What is along it.
        y: What is up it.
        x_ticks: Marks, from the left.
        y_ticks: Marks, from the bottom.
        missing: Why there is nothing to draw; empty where there is.
        curve: SVG path, or empty.
        band: SVG path of the interval around the curve, or empty.
        guide: SVG path of what chance or perfection would give, or empty.
        marks: The thresholds in use, or the bins.
        columns: How many items each bin has.
    """

    title: str
    about: str
    x: str
    y: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    missing: str = ""
    curve: str = ""
    band: str = ""
    guide: str = ""
    marks: tuple[Mark, ...] = ()
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Step:
    """A row of the table beneath the plots."""

    threshold: float
    recall: Rate
    fpr: Rate
    precision: Rate


@dataclass(frozen=True)
class Whisker:
    """An interval in a cell, in percent of the cell's width."""

    low: float
    at: float
    high: float


def charts(opinion: Opinion) -> tuple[Chart, ...]:
    """Return the plots of one opinion: alarms, ROC, precision and recall, reliability."""
    return _alarms(opinion), _roc(opinion), _precision(opinion), _reliability(opinion)


def steps(opinion: Opinion) -> tuple[Step, ...]:
    """Return the rates at each tenth."""
    both = not _one_kind(opinion)
    rows = []
    for threshold in STEPS:
        found = at(opinion.points, threshold)
        rows.append(
            Step(
                threshold=threshold,
                recall=rate(found.tp, opinion.counts.positive),
                fpr=rate(found.fp, opinion.counts.negative),
                precision=rate(found.tp, found.tp + found.fp) if both else rate(0, 0),
            )
        )
    return tuple(rows)


def reach(part: Slice, field: str) -> float:
    """Return where the axis of a slice's whiskers ends: at the highest interval, up to a digit."""
    rates = [getattr(group.rates, field).judged for group in part.groups]
    highest = max((one.interval.high for one in rates if one.interval), default=1.0)
    magnitude = 10.0 ** math.floor(math.log10(highest))
    return min(1.0, math.ceil(highest / magnitude - 1e-9) * magnitude)


def whisker(made: Rate, end: float) -> Whisker | None:
    """Return an interval on an axis from 0 to ``end``; ``None`` where it is unmeasured."""
    if made.value is None or made.interval is None:
        return None
    places = (made.interval.low, made.value, made.interval.high)
    return Whisker(*(round(100 * place / end, 2) for place in places))


def _across(share: float) -> float:
    return round(share * WIDTH, 1)


def _up(share: float) -> float:
    return round((1 - share) * HEIGHT, 1)


_SHARES = tuple((part / 4, f"{25 * part} %") for part in range(5))
_X_SHARES = tuple(Tick(_across(share), text) for share, text in _SHARES)
_Y_SHARES = tuple(Tick(_up(share), text) for share, text in _SHARES)
_X_SCORES = tuple(Tick(_across(part / 5), f"{part / 5:.1f}") for part in range(6))


def _path(points: Iterable[tuple[float, float]]) -> str:
    """Return a line through points, without those that move it by less than can be seen."""
    kept: list[tuple[float, float]] = []
    for x, y in points:
        here = round(x * 2) / 2, round(y * 2) / 2
        # Of three in a row on one upright or level line the middle one says nothing.
        if len(kept) > 1 and any(here[i] == kept[-1][i] == kept[-2][i] for i in (0, 1)):
            kept.pop()
        if not kept or kept[-1] != here:
            kept.append(here)
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in kept)


def _staircase(steps: Sequence[tuple[float, float]], height: Scale) -> list[tuple[float, float]]:
    """Return the corners of values that hold up to a score: from the right end to the left."""
    corners: list[tuple[float, float]] = []
    right = 1.0
    for score, value in steps:
        corners += [(_across(right), height(value)), (_across(score), height(value))]
        right = score
    return corners


def _alarms(opinion: Opinion) -> Chart:
    n = opinion.counts.negative
    floor = math.floor(math.log10(1 / n)) - 1 if n else -3

    def height(share: float) -> float:
        """Powers of ten; what is below the last is on the ground, which is nothing."""
        power = math.log10(share) if share > 0 else floor
        return _up(1 - max(power, floor) / floor)

    powers = [10.0**power for power in range(floor + 1, 1)]
    chart = Chart(
        title="False alarms by threshold",
        about="Which share of the negatives is found, in powers of ten, with its interval. The "
        "fewer items, the more room above the line.",
        x="threshold",
        y="false positive rate",
        x_ticks=_X_SCORES,
        y_ticks=tuple(Tick(height(one), words.stated(one)) for one in (0.0, *powers)),
        missing="" if n else "Unmeasured: no judged item is negative.",
    )
    if not n:
        return chart
    # From above the highest score, where nothing is found, down to 0, where everything is.
    scores = [point.threshold for point in opinion.points]
    falls = [0, *(point.fp for point in opinion.points)]
    known = [rate(fp, n) for fp in falls]
    ends = [*scores, 0.0]
    curve = [(end, one.value or 0.0) for end, one in zip(ends, known, strict=True)]
    low = [(e, one.interval.low) for e, one in zip(ends, known, strict=True) if one.interval]
    high = [(e, one.interval.high) for e, one in zip(ends, known, strict=True) if one.interval]
    upper, lower = _staircase(high, height), _staircase(low, height)
    marks = []
    for one in opinion.operating:
        made = one.rates.fpr.judged
        assert made.value is not None
        marks.append(Mark(_across(one.threshold), height(made.value), _mark(one.threshold, made)))
    return replace(
        chart,
        curve=_path(_staircase(curve, height)),
        band=_path([*upper, *reversed(lower)]) + "Z",
        marks=tuple(marks),
    )


def _roc(opinion: Opinion) -> Chart:
    counts = opinion.counts
    chart = Chart(
        title="ROC: found of the positives and of the negatives",
        about="The further up and to the left, the better. The dashed line is chance.",
        x="false positive rate",
        y="recall",
        x_ticks=_X_SHARES,
        y_ticks=_Y_SHARES,
        guide=f"M0 {HEIGHT}L{WIDTH} 0",
        missing=_one_kind(opinion),
    )
    if chart.missing:
        return chart
    corners = [(0.0, float(HEIGHT))] + [
        (_across(point.fp / counts.negative), _up(point.tp / counts.positive))
        for point in opinion.points
    ]
    marks = [
        Mark(
            _across(one.rates.fp / counts.negative),
            _up(one.rates.tp / counts.positive),
            f"from {one.threshold:g}: recall {words.rate(one.rates.recall.judged)}; "
            f"false positive rate {words.rate(one.rates.fpr.judged)}",
        )
        for one in opinion.operating
    ]
    return replace(chart, curve=_path(corners), marks=tuple(marks))


def _precision(opinion: Opinion) -> Chart:
    counts = opinion.counts
    chart = Chart(
        title="Precision and recall",
        about="At the share of positives that this very file has; the dashed line is chance.",
        x="recall",
        y="precision",
        x_ticks=_X_SHARES,
        y_ticks=_Y_SHARES,
        missing=_one_kind(opinion),
    )
    if chart.missing:
        return chart
    corners: list[tuple[float, float]] = []
    for point in opinion.points:
        x, y = _across(point.tp / counts.positive), _up(point.tp / (point.tp + point.fp))
        # By steps, as the average precision is: what is between two points was not measured.
        corners += [(corners[-1][0] if corners else 0.0, y), (x, y)]
    chance = _up(counts.positive / (counts.positive + counts.negative))
    marks = [
        Mark(
            _across(one.rates.tp / counts.positive),
            _up(one.rates.precision.judged.value),
            f"from {one.threshold:g}: precision {words.rate(one.rates.precision.judged)}; "
            f"recall {words.rate(one.rates.recall.judged)}",
        )
        for one in opinion.operating
        if one.rates.precision.judged.value is not None
    ]
    return replace(
        chart, curve=_path(corners), marks=tuple(marks), guide=f"M0 {chance}L{WIDTH} {chance}"
    )


def _reliability(opinion: Opinion) -> Chart:
    most = max(one.positives.n for one in opinion.bins)
    marks, columns = [], []
    for one in opinion.bins:
        made = one.positives
        told = f"scores {one.low:.1f} to {one.high:.1f}: {made.n:,} items"
        columns.append(
            Column(
                x=_across(one.low),
                width=_across(one.high - one.low),
                height=round(_COLUMN * made.n / most, 2) if most else 0.0,
                text=told,
            )
        )
        if made.value is not None and made.interval is not None and one.mean is not None:
            marks.append(
                Mark(
                    x=_across(one.mean),
                    y=_up(made.value),
                    text=f"{told}, mean score {one.mean:.3f}, positive {words.rate(made)}",
                    low=_up(made.interval.low),
                    high=_up(made.interval.high),
                )
            )
    return Chart(
        title="Reliability",
        about="Of the items with such a score, how many are positive. On the dashed line a score "
        "is a probability, at the share of positives that this file has. The columns tell how many "
        "items a bin has.",
        x="score",
        y="positive",
        x_ticks=_X_SCORES,
        y_ticks=_Y_SHARES,
        guide=f"M0 {HEIGHT}L{WIDTH} 0",
        marks=tuple(marks),
        columns=tuple(columns),
        missing=_one_kind(opinion),
    )


def _one_kind(opinion: Opinion) -> str:
    lacking = [
        kind
        for kind, count in (
            ("positive", opinion.counts.positive),
            ("negative", opinion.counts.negative),
        )
        if not count
    ]
    return f"Unmeasured: no judged item is {' or '.join(lacking)}." if lacking else ""


def _mark(threshold: float, made: Rate) -> str:
    return f"from {threshold:g}: {words.rate(made)}"
