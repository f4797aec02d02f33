"""The report as one HTML file that needs nothing else and loads nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidegate.evidence import ACTIONS, Item, Report, Unknown, strength
from tidegate.report import words
from tidegate.report.coverage import Coverage, coverage
from tidegate.report.page import page, style, uri
from tidegate.report.peaks import Peak, peaks
from tidegate.report.pictures import Picture
from tidegate.report.timeline import Timeline, timeline
from tidegate.report.withhold import withheld

_SAME_FRAME = 0.0005
"""Seconds by which a picture may miss a peak and still show it: times are milliseconds."""

_NARROWEST = 0.8
"""Percent of the summary bar that even a single item of many gets."""


@dataclass(frozen=True)
class Frame:
    """A picture and what peaked in it."""

    picture: Picture
    uri: str
    peaks: tuple[Peak, ...]


@dataclass(frozen=True)
class Card:
    """One item as the page shows it."""

    item: Item
    number: int
    folder: str
    name: str
    withheld: bool
    frames: tuple[Frame, ...]
    timeline: Timeline | None
    unknowns: tuple[Unknown, ...]
    not_looked_for: tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """One action's part of the summary bar, in percent."""

    action: str
    count: int
    at: float
    width: float


def render(report: Report, pictures: Mapping[int, Sequence[Picture]], title: str) -> str:
    """Return the report as a self-contained HTML document.

    Pictures are blurred until clicked and need no script. The pictures of a withheld
    item (see :func:`tidegate.report.withhold.withheld`) are not in the document at all.

    Args:
        report: What to show; strongest action first, then by path.
        pictures: Pictures by the index of their item in ``report.items``.
        title: Heading, for example the folder that was scanned.
    """
    found = coverage(item.evidence for item in report.items)
    cards = [_card(i, item, pictures.get(i, ()), found) for i, item in enumerate(report.items)]
    cards.sort(key=lambda card: (-strength(card.item.decision.action), card.item.path))
    return page(
        "report.html.j2",
        style(_filters()),
        report=report,
        title=title,
        cards=cards,
        shares=_shares(report),
        coverage=found,
        alarms=words.alarms(report.items),
        to_act_on=sum(map(_asks_for_action, report.items)),
        policies=sorted({(i.decision.policy, i.decision.policy_sha256) for i in report.items}),
    )


def _asks_for_action(item: Item) -> bool:
    return item.decision.judged and strength(item.decision.action) > strength("label")


def _card(number: int, item: Item, pictures: Sequence[Picture], found: Coverage) -> Card:
    hidden = withheld(item)
    marks = peaks(item.evidence)
    folder, slash, name = item.path.rpartition("/")
    return Card(
        item=item,
        number=number + 1,
        folder=folder + slash,
        name=name,
        withheld=hidden,
        frames=() if hidden else tuple(_frame(picture, marks) for picture in pictures),
        timeline=timeline(item),
        unknowns=_untold(item),
        not_looked_for=tuple(c for c in found.looked_for if c not in item.evidence.covered),
    )


def _untold(item: Item) -> tuple[Unknown, ...]:
    """Return the unknowns that no reason of the decision tells already."""
    told = {r.index for r in item.decision.reasons if r.ground == "unknown"}
    return tuple(u for i, u in enumerate(item.evidence.unknowns) if i not in told)


def _frame(picture: Picture, marks: Sequence[Peak]) -> Frame:
    return Frame(
        picture=picture,
        uri=uri(picture),
        peaks=tuple(mark for mark in marks if abs(mark.second - picture.second) <= _SAME_FRAME),
    )


def _shares(report: Report) -> list[Share]:
    counts = [(a, report.summary.get(a, 0)) for a in reversed(ACTIONS) if report.summary.get(a, 0)]
    total = sum(count for _, count in counts)
    widths = [max(100 * count / total, _NARROWEST) for _, count in counts]
    scale = 100 / sum(widths) if widths else 1
    shares = []
    at = 0.0
    for (action, count), width in zip(counts, widths, strict=True):
        shares.append(Share(action, count, round(at, 3), round(width * scale, 3)))
        at += width * scale
    return shares


def _filters() -> str:
    """Return the rules that make the chosen radio button hide all other items."""
    shown = {action: f".action-{action}" for action in ACTIONS} | {"unjudged": ".unjudged"}
    return "\n".join(
        f"body:has(.filter [value={value}]:checked) .item:not({kept}){{display:none}}"
        for value, kept in shown.items()
    )
