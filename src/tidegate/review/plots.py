"""The plots of the dashboard, laid out for drawing.

Places are in the units of a box :data:`WIDTH` wide and :data:`HEIGHT` high, with the origin at
the top left; margins for the words are outside of it. The same figures are in a table beside.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tidegate.report.evaluation_drawing import Column, Tick
from tidegate.store import clock
from tidegate.store.caselists import Depth
from tidegate.store.clock import DAY, HOUR
from tidegate.store.quality import Seen

WIDTH = 560
HEIGHT = 190

MOST_LINES = 5
"""Queues with a line of their own: the longest. The others are one line together."""

OTHERS = "the others"

_APART = 15
"""Least height between two labels."""

_DATES = 6
"""Dates along the axis at most."""


class Line(NamedTuple):
    """A queue over time.

    Attributes:
        name: Its name.
        number: From 0; says how it is drawn.
        path: SVG path, with a gap where nobody looked.
        end: Height at which it ends.
        label: Height of its name.
    """

    name: str
    number: int
    path: str
    end: float
    label: float


class Plot(NamedTuple):
    """A plot.

    Attributes:
        id: Its id in the page.
        title: What it is.
        about: What it shows, in words.
        x_ticks: Marks, from the left.
        y_ticks: Marks, from the bottom.
        lines: Of a plot of lines.
        columns: Of a plot of columns.
        missing: Why there is nothing to draw; empty where there is.
    """

    id: str
    title: str
    about: str
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    lines: tuple[Line, ...] = ()
    columns: tuple[Column, ...] = ()
    missing: str = ""


def depths(
    seen: Sequence[Seen], waiting: Sequence[Depth], *, since: int, now: int, every: int
) -> Plot:
    """Return how long queues were over time.

    Args:
        seen: What was seen, in the order of hours.
        waiting: How long they are now.
        since: Where the time begins, microseconds.
        now: Where it ends.
        every: Hours from one look to the next.
    """
    plot = Plot("plot-depths", "Open cases by queue", "")
    points = _points(seen, waiting, now)
    if len({at for line in points.values() for at in line}) < 2:
        missing = "The queues are looked at once an hour: there is nothing to draw yet."
        return plot._replace(missing=missing)
    top = _top(max(n for line in points.values() for n in line.values()))

    def place(at: int, n: int) -> tuple[float, float]:
        return round(WIDTH * (at - since) / (now - since), 1), round(HEIGHT * (1 - n / top), 1)

    drawn = []
    for number, (name, line) in enumerate(points.items()):
        path, last = "", None
        for at, n in sorted(line.items()):
            gap = last is None or at - last > 1.5 * every * HOUR
            x, y = place(at, n)
            # A length of nothing is drawn as a dot, where a point stands alone.
            path += f"M{x:g} {y:g}h0" if gap else f"L{x:g} {y:g}"
            last = at
        end = place(now, line[now])[1]
        drawn.append(Line(name, number, path, end, end))
    told = ", ".join(f"{name} {line[now]:,}" for name, line in points.items())
    return plot._replace(
        about=f"From {_date(since)} to now; now: {told}.",
        x_ticks=_dates(since, now),
        y_ticks=_steps(top),
        lines=_spread(drawn),
    )


def decisions(daily: Mapping[int, int], *, since: int, days: int) -> Plot:
    """Return how many decisions were made on each day.

    Args:
        daily: How many, by days since 1970.
        since: When the first day began, microseconds.
        days: How many days.
    """
    first = since // DAY
    counts = [daily.get(first + number, 0) for number in range(days)]
    plot = Plot("plot-decisions", "Decisions by day", "")
    if not any(counts):
        return plot._replace(missing="Nothing was decided in this time.")
    top, width = _top(max(counts)), WIDTH / days
    columns = tuple(
        Column(
            x=round(number * width, 2),
            width=round(width, 2),
            height=round(HEIGHT * n / top, 1),
            text=f"{_date((first + number) * DAY)}: {n:,}",
        )
        for number, n in enumerate(counts)
    )
    return plot._replace(
        about=f"{sum(counts):,} decisions in {days} days, {max(counts):,} on the fullest.",
        x_ticks=_dates(since, since + days * DAY),
        y_ticks=_steps(top),
        columns=columns,
    )


def _points(seen: Sequence[Seen], waiting: Sequence[Depth], now: int) -> dict[str, dict[int, int]]:
    """Return the open cases by time of each line, the longest queue first."""
    queues: dict[str, dict[int, int]] = defaultdict(dict)
    for one in seen:
        queues[one.queue][one.hour * HOUR] = one.open
    for depth in waiting:
        queues[depth.queue][now] = depth.open
    ordered = sorted(queues, key=lambda name: (-max(queues[name].values()), name))
    ordered = [name for name in ordered if any(queues[name].values())]
    points = {name: queues[name] for name in ordered[:MOST_LINES]}
    rest: dict[int, int] = defaultdict(int)
    for name in ordered[MOST_LINES:]:
        for at, n in queues[name].items():
            rest[at] += n
    if rest:
        points[OTHERS] = dict(rest)
    for line in points.values():
        line.setdefault(now, 0)
    return points


def _spread(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Move labels apart that would stand upon each other."""
    placed: list[Line] = []
    for line in sorted(lines, key=lambda one: one.end):
        least = placed[-1].label + _APART if placed else 0.0
        placed.append(line._replace(label=max(line.end, least)))
    over = placed[-1].label - HEIGHT if placed else 0.0
    if over > 0:
        for at in range(len(placed) - 1, -1, -1):
            most = HEIGHT if at == len(placed) - 1 else placed[at + 1].label - _APART
            placed[at] = placed[at]._replace(label=min(placed[at].label, most))
    return tuple(sorted(placed, key=lambda one: one.number))


def _top(highest: int) -> int:
    """Return where an axis of counts ends: 4, or 1, 2 or 5 and zeros, so that it has quarters."""
    wanted = max(4, highest)
    power = 10 ** math.floor(math.log10(wanted))
    for step in (1, 2, 4, 6, 8, 10):
        if step * power >= wanted:
            return int(step * power)
    raise ValueError(highest)


def _steps(top: int) -> tuple[Tick, ...]:
    return tuple(
        Tick(round(HEIGHT * (1 - share / 2), 1), f"{round(top * share / 2):,}")
        for share in range(3)
    )


def _dates(since: int, until: int) -> tuple[Tick, ...]:
    days = max(1, (until - since) // DAY)
    step = math.ceil(days / _DATES)
    return tuple(
        Tick(round(WIDTH * number * DAY / (until - since), 1), _date(since + number * DAY)[5:])
        for number in range(0, days, step)
    )


def _date(at: int) -> str:
    return clock.text(at)[:10]
