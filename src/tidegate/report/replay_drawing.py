"""The drawings of a replay: where changed decisions go, and what each threshold finds.

Places are in the units of a box with the origin at the top left; margins for the words are
outside of it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.evidence import ACTIONS, Action, strength
from tidegate.report import evaluation_words
from tidegate.report.evaluation_drawing import HEIGHT, WIDTH, Tick
from tidegate.report.replay import Flow, Replay, Sweep
from tidegate.report.replay_words import goal
from tidegate.report.statistics import Interval, Rate
from tidegate.report.words import plural

OPEN = 12
"""Changes that are shown at once; the others are folded away."""

BOX = 220
"""Width of the Sankey between the outer edges of its nodes."""

_NODE = 12
"""Width of a node."""

_TALL = 260
"""Height of all changed items together."""

_ROOM = 40
"""Least height from one node to the next, for two lines of words."""

_GAP = 12
_THINNEST = 1.5

_X_SCORES = tuple(Tick(round(part * WIDTH / 5, 1), f"{part / 5:.1f}") for part in range(6))
_Y_SHARES = tuple(Tick(round((1 - part / 4) * HEIGHT, 1), f"{25 * part} %") for part in range(5))


@dataclass(frozen=True)
class Node:
    """An action on one side.

    Attributes:
        action: The action, or ``None`` where it cannot be told.
        x: Left edge.
        y: Upper edge.
        height: For the items that come or go.
        moving: Items that come or go.
        staying: Items that keep this action.
    """

    action: Action | None
    x: float
    y: float
    height: float
    moving: int
    staying: int

    @property
    def middle(self) -> float:
        """Height at which the words are."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Band:
    """Items that go from one action to another, as an SVG path."""

    new: Action | None
    path: str
    text: str


@dataclass(frozen=True)
class Sankey:
    """Where changed decisions go; the strongest action is at the top.

    Attributes:
        height: Of the box.
        left: Old actions.
        right: New actions.
        bands: What connects them.
        text: The drawing in words.
    """

    height: float
    left: tuple[Node, ...]
    right: tuple[Node, ...]
    bands: tuple[Band, ...]
    text: str


def sankey(made: Replay) -> Sankey | None:
    """Return the drawing, or ``None`` where every action stays."""
    moving = [flow for flow in made.flows if flow.old != flow.new]
    if not moving:
        return None
    total = sum(flow.items for flow in moving)
    scale = _TALL / total
    staying = {flow.old: flow.items for flow in made.flows if flow.old == flow.new}
    thick = {(flow.old, flow.new): max(_THINNEST, scale * flow.items) for flow in moving}
    left = _nodes({f.old for f in moving}, moving, thick, staying, old=True)
    right = _nodes({f.new for f in moving}, moving, thick, staying, old=False)
    tall = max(node.y + node.height for node in (*left, *right))
    starts, ends = ({n.action: n.y for n in side} for side in (left, right))
    bands = []
    for flow in sorted(moving, key=lambda f: (_height_of(f.old), _height_of(f.new))):
        width = thick[flow.old, flow.new]
        a, b = starts[flow.old], ends[flow.new]
        starts[flow.old] += width
        ends[flow.new] += width
        text = f"{plural(flow.items, 'item')} from {flow.old} to {goal(flow.new)}"
        bands.append(Band(flow.new, _ribbon(a, b, width), text))
    told = "; ".join(band.text for band in bands)
    return Sankey(round(tall, 1), left, right, tuple(bands), told)


def _height_of(action: Action | None) -> int:
    """Return how far down an action stands."""
    return len(ACTIONS) if action is None else -strength(action)


def _nodes(
    actions: set[Action] | set[Action | None],
    moving: Sequence[Flow],
    thick: dict[tuple[Action, Action | None], float],
    staying: dict[Action, int],
    *,
    old: bool,
) -> tuple[Node, ...]:
    nodes, y = [], 0.0
    for action in sorted(actions, key=_height_of):
        flows = [f for f in moving if (f.old if old else f.new) == action]
        height = sum(thick[f.old, f.new] for f in flows)
        slot = max(height, _ROOM - _GAP)
        nodes.append(
            Node(
                action=action,
                x=0 if old else BOX - _NODE,
                y=round(y + (slot - height) / 2, 1),
                height=round(height, 1),
                moving=sum(f.items for f in flows),
                staying=0 if action is None else staying.get(action, 0),
            )
        )
        y += slot + _GAP
    return tuple(nodes)


def _ribbon(a: float, b: float, width: float) -> str:
    left, right, middle = _NODE, BOX - _NODE, BOX / 2
    c, d = a + width, b + width
    return (
        f"M{left} {a:.1f}C{middle:g} {a:.1f} {middle:g} {b:.1f} {right} {b:.1f}"
        f"V{d:.1f}C{middle:g} {d:.1f} {middle:g} {c:.1f} {left} {c:.1f}Z"
    )


@dataclass(frozen=True)
class Line:
    """A curve with the band of its interval; empty paths where it is unmeasured.

    Attributes:
        name: What it is.
        kind: Its class in the style sheet.
        curve: SVG path.
        band: SVG path.
    """

    name: str
    kind: str
    curve: str
    band: str


@dataclass(frozen=True)
class Limit:
    """A threshold of the policy."""

    x: float
    action: Action
    text: str


@dataclass(frozen=True)
class Plot:
    """One plot over all thresholds.

    Attributes:
        title: What it is.
        about: How to read it.
        y: What is up it.
        x_ticks: Marks, from the left.
        y_ticks: Marks.
        lines: Curves.
        limits: Thresholds of the policy.
        missing: Why there is nothing to draw; empty where there is.
    """

    title: str
    about: str
    y: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    limits: tuple[Limit, ...]
    missing: str = ""


def plots(sweep: Sweep) -> tuple[Plot, Plot]:
    """Return the plots of a sweep: how many items are found, and how rightly."""
    limits = tuple(_limits(sweep))
    return _found(sweep, limits), _right(sweep, limits)


def _limits(sweep: Sweep) -> Iterator[Limit]:
    """Yield a line for each score; its words name all actions from there on."""
    for score in sorted({one.score for one in sweep.thresholds}):
        here = [one for one in sweep.thresholds if one.score == score]
        named = [one.action + (f" by {one.detectors}" if one.detectors > 1 else "") for one in here]
        strongest = max((one.action for one in here), key=strength)
        yield Limit(round(score * WIDTH, 1), strongest, ", ".join(named))


def _found(sweep: Sweep, limits: tuple[Limit, ...]) -> Plot:
    most = max(1, math.ceil(math.log10(max(10, sweep.scored))))

    def height(items: int) -> float:
        """Powers of ten from 1; nothing is on the ground, which is half a power beneath."""
        power = math.log10(items) + 0.5 if items else 0.0
        return round((1 - power / (most + 0.5)) * HEIGHT, 1)

    corners = [(step.threshold * WIDTH, height(step.items)) for step in sweep.steps]
    ticks = (Tick(height(0), "0"), *(Tick(height(10**p), f"{10**p:,}") for p in range(most + 1)))
    return Plot(
        title="Items from each threshold on",
        about="How many items score at least this, in powers of ten.",
        y="items",
        x_ticks=_X_SCORES,
        y_ticks=ticks,
        lines=(Line("items", "items", _path(corners), ""),),
        limits=limits,
        missing="" if sweep.scored else "No replayed item has a score for this category.",
    )


def _right(sweep: Sweep, limits: tuple[Limit, ...]) -> Plot:
    lines = tuple(
        _line(name, [(step.threshold, getattr(step, name)) for step in sweep.steps])
        for name in ("precision", "recall")
    )
    return Plot(
        title="Precision and recall, among the reviewed",
        about="With Wilson's intervals. Where only what was flagged is reviewed, recall is too "
        "high: nobody looked at the rest.",
        y="share of reviewed items",
        x_ticks=_X_SCORES,
        y_ticks=_Y_SHARES,
        lines=lines,
        limits=limits,
        missing=""
        if sweep.positive + sweep.negative
        else "Unmeasured: nobody has reviewed an item that has a score for this category.",
    )


def _line(name: str, rates: Sequence[tuple[float, Rate]]) -> Line:
    known = [(at, made.value, made.interval) for at, made in rates]
    curve = [(at * WIDTH, _up(value)) for at, value, _ in known if value is not None]
    ends: list[tuple[float, Interval]] = [(at * WIDTH, end) for at, _, end in known if end]
    upper = [(x, _up(end.high)) for x, end in ends]
    lower = [(x, _up(end.low)) for x, end in reversed(ends)]
    return Line(name, name, _path(curve), f"{_path([*upper, *lower])}Z" if ends else "")


def _up(share: float) -> float:
    return round((1 - share) * HEIGHT, 1)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:g}" for x, y in points) if points else ""


@dataclass(frozen=True)
class Row:
    """A row of the table beneath the plots."""

    threshold: str
    items: int
    precision: str
    recall: str


def rows(sweep: Sweep) -> tuple[Row, ...]:
    """Return what every fifth step finds."""
    return tuple(
        Row(
            threshold=f"{step.threshold:.2f}",
            items=step.items,
            precision=evaluation_words.rate(step.precision),
            recall=evaluation_words.rate(step.recall),
        )
        for step in sweep.steps[::5]
    )
