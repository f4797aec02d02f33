"""One chart a topic, as SVG that follows the reader's light or dark page."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.duel import Row, Spread
from benchmarks.record import Run

FOLDER = Path(__file__).parent / "plots"

INK = "#24292f"
"""Of text and lines; it turns light on a dark page."""

OURS = "#2f81f7"
PEER = "#9aa4b2"
GOAL = "#e5534b"

_DARK = f"""<style>
@media (prefers-color-scheme: dark) {{
  [style*="fill: {INK}"] {{ fill: #e6edf3 !important }}
  [style*="stroke: {INK}"] {{ stroke: #e6edf3 !important }}
}}
</style>
"""

_STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "tidegate",  # the same figures make the same file
    "font.family": "sans-serif",
    "font.size": 10.0,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
}


def drawn(run: Run) -> bool:
    """Return whether a run holds something to draw: ratios or shares."""
    return any(row.ratio is not None or row.unit == "%" for row in run.rows)


def draw(topic: str, run: Run) -> Path:
    """Draw the newest run of a topic; return the path of the picture."""
    ratios = [row for row in run.rows if row.ratio is not None]
    shares = [row for row in run.rows if row.theirs is not None and row.unit == "%"]
    with mpl.rc_context(_STYLE):
        if ratios:
            figure, axes = _paper(len(ratios))
            _ratios(axes, ratios)
        else:
            figure, axes = _paper(2 * len(shares))
            _shares(axes, shares)
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / f"{topic}.svg"
        figure.savefig(path, transparent=True, metadata={"Date": None})
    head, start, rest = path.read_text().partition("<defs>")
    path.write_text(head + _DARK + start + rest)
    return path


def _paper(bars: int) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9.0, 0.9 + 0.3 * bars), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    return figure, axes


def _ratios(axes: Axes, rows: list[Row]) -> None:
    """Bars of how many times better ours is, on a scale of powers of ten."""
    goals = []
    for place, row in enumerate(rows):
        ratio = row.ratio
        assert ratio is not None
        _bar(axes, place, ratio, OURS, 0.62, start=1.0)
        axes.annotate(
            f"{ratio.median:,.1f}×" if ratio.median < 100 else f"{ratio.median:,.0f}×",
            (ratio.high, place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
        if row.goal is not None and row.goal.ratio is not None:
            goals.append((row.goal.ratio, place))
    for number, (goal, place) in enumerate(goals):
        label = "goal" if number == 0 else None
        axes.plot([goal, goal], [place - 0.42, place + 0.42], color=GOAL, lw=2.2, label=label)
    axes.axvline(1.0, color=INK, lw=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.set_xlabel("times faster or smaller than the peer (median, smallest, largest)")
    axes.set_yticks(range(len(rows)), [f"{row.case}" for row in rows])
    if goals:
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0))


def _shares(axes: Axes, rows: list[Row]) -> None:
    """Pairs of bars of shares, with their intervals."""
    for place, row in enumerate(rows):
        assert row.theirs is not None
        _bar(axes, place - 0.2, row.ours, OURS, 0.36, label="ours" if place == 0 else None)
        _bar(axes, place + 0.2, row.theirs, PEER, 0.36, label="peer" if place == 0 else None)
    axes.set_xlim(0, 100)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.set_xlabel("share of the cases, with its 95 % interval")
    names = [f"{row.case}\n{row.peer.replace('`', '')}, n = {row.rounds}" for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)


def _bar(
    axes: Axes,
    place: float,
    spread: Spread,
    colour: str,
    height: float,
    *,
    start: float = 0.0,
    label: str | None = None,
) -> None:
    """Draw a bar to the median, and a line from the smallest to the largest."""
    axes.barh(place, spread.median - start, height, left=start, color=colour, label=label)
    axes.plot([spread.low, spread.high], [place, place], color=INK, lw=1.1)
