"""What leads look at: how much waits and how long, how much was decided, how far people agree.

Of queues and categories. Of people it says how much each has decided, by name and not by rank;
what they have looked at is theirs and is not read here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from tidegate.report.statistics import Rate, rate
from tidegate.service.agreement import Agreement, agreement
from tidegate.service.casework import ANSWERS
from tidegate.store import actors, appeals, quality
from tidegate.store.appeals import Waiting
from tidegate.store.caselists import Depth
from tidegate.store.clock import DAY, HOUR
from tidegate.store.quality import Against, Answers, Compared, Raised, Seen, Waits

RANGES: Mapping[int, int] = {7: 1, 30: 6, 90: 24}
"""Days that can be asked for, and how many hours are between two looks at the queues then."""

ALL = ""
"""In the place of a category: all of them together, and what concerns no single one."""


class Waited(NamedTuple):
    """How long the cases of a queue have waited for their answer.

    Attributes:
        queue: Its name.
        n: Cases that were answered.
        median: Half of them had waited no longer, microseconds; to 5 % from a minute on.
        ninth: Nine of ten had waited no longer.
    """

    queue: str
    n: int
    median: int
    ninth: int


class Shared(NamedTuple):
    """A share of answers, of a category or of all."""

    category: str
    rate: Rate


class Overturned(NamedTuple):
    """How many answers were changed, of those that could have been.

    Attributes:
        how: By an appeal, by whoever settled a disagreement, or because a decision was reversed.
        rate: Of the appeals answered, the disagreements settled, the decisions made.
    """

    how: Against
    rate: Rate


class Agreed(NamedTuple):
    """How far first and second answers agree, in a category or in all."""

    category: str
    agreement: Agreement


class Overview(NamedTuple):
    """All of it.

    Attributes:
        days: How many, today included.
        since: When the first of them began.
        now: The present.
        waiting: How long each queue is now.
        depths: How long they were.
        waits: How long cases have waited, by queue.
        decided: Decisions by reviewer and category, in the order of names.
        daily: Decisions of each day.
        agreed: First and second answers: all, then by category.
        golden: Known answers that were met: all, then by category.
        overturned: Decisions that were changed.
        raised: Alarms and breakers.
        appeals: What waits.
    """

    days: int
    since: int
    now: int
    waiting: list[Depth]
    depths: list[Seen]
    waits: list[Waited]
    decided: list[Answers]
    daily: dict[int, int]
    agreed: list[Agreed]
    golden: list[Shared]
    overturned: list[Overturned]
    raised: list[Raised]
    appeals: Waiting


def overview(connection: Connection, *, days: int, now: int) -> Overview:
    """Return the figures of some days, today included.

    Args:
        connection: To read by.
        days: How many; one of :data:`RANGES`.
        now: The present.
    """
    first = quality.day(now) - days + 1
    since = first * DAY
    compared = quality.compared(connection, since=since)
    decided = quality.answers(connection, since=first)
    return Overview(
        days=days,
        since=since,
        now=now,
        waiting=quality.now_waiting(connection, now=now),
        depths=quality.depths(connection, since=since // HOUR, every=RANGES[days]),
        waits=waited(quality.waits(connection, since=first)),
        decided=named(connection, decided),
        daily=quality.by_day(connection, since=first),
        agreed=agreed(compared),
        golden=met(compared),
        overturned=overturned(compared, sum(one.n for one in decided)),
        raised=quality.alarms(connection, since=since),
        appeals=appeals.waiting(connection, now=now),
    )


def waited(found: Iterable[Waits]) -> list[Waited]:
    """Return the median and the ninth decile of each queue's classes of length."""
    queues: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in found:
        queues[one.queue].append((one.length, one.n))
    return [
        Waited(queue, sum(n for _, n in lengths), _until(lengths, 0.5), _until(lengths, 0.9))
        for queue, lengths in sorted(queues.items())
    ]


def agreed(compared: Iterable[Compared]) -> list[Agreed]:
    """Return how far first and second answers agree: all, then by category."""
    by: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for one in compared:
        if one.kind == "second":
            by[one.category][one.expected, one.given] += one.n
    every = sum(by.values(), Counter())
    return [
        Agreed(category, agreement(pairs, ANSWERS))
        for category, pairs in ((ALL, every), *sorted((k, v) for k, v in by.items() if k))
    ]


def met(compared: Iterable[Compared]) -> list[Shared]:
    """Return how many known answers were met: all, then by category."""
    by: dict[str, tuple[int, int]] = {ALL: (0, 0)}
    for one in compared:
        if one.kind == "golden":
            hits = one.n if one.expected == one.given else 0
            for category in {ALL, one.category}:
                before = by.get(category, (0, 0))
                by[category] = before[0] + hits, before[1] + one.n
    return [Shared(category, rate(*of)) for category, of in sorted(by.items())]


def overturned(compared: Iterable[Compared], decisions: int) -> list[Overturned]:
    """Return how many answers were changed.

    Args:
        compared: What answers were held against.
        decisions: How many there were.
    """
    changed: Counter[Against] = Counter()
    asked: Counter[Against] = Counter()
    for one in compared:
        asked[one.kind] += one.n
        if one.expected != one.given:
            changed[one.kind] += one.n
    return [
        Overturned("appeal", rate(changed["appeal"], asked["appeal"])),
        Overturned("disagreement", rate(changed["disagreement"], asked["disagreement"])),
        # What was decided before these days may be reversed in them.
        Overturned("reversal", rate(changed["reversal"], max(decisions, changed["reversal"]))),
    ]


def named(connection: Connection, answers: Iterable[Answers]) -> list[Answers]:
    """Return answers under the names of who has given them, in their order."""
    names: dict[str, str] = {}
    for one in answers:
        if one.reviewer not in names:
            names[one.reviewer] = actors.name(connection, one.reviewer)
    shown = (one._replace(reviewer=names[one.reviewer]) for one in answers)
    return sorted(shown, key=lambda one: (one.reviewer.casefold(), one.reviewer, one.category))


def _until(lengths: list[tuple[int, int]], share: float) -> int:
    """Return the length that a share of them is no longer than, microseconds."""
    wanted = share * sum(n for _, n in lengths)
    seen = 0
    for length, n in sorted(lengths):
        seen += n
        if seen >= wanted:
            return quality.typical(length)
    raise ValueError("no lengths")
