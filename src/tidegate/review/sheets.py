"""The tables of the dashboard: as a page shows them, and as a file for a spreadsheet."""

import csv
import io
from collections.abc import Callable
from typing import NamedTuple

from tidegate.figures import percent
from tidegate.report.statistics import Interval, Rate
from tidegate.review import words
from tidegate.service.agreement import Kappa
from tidegate.service.oversight import Overview
from tidegate.store import clock
from tidegate.store.clock import DAY, HOUR, MINUTE, SECOND

Plain = str | int | float | None
"""What a cell of a file holds."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection)."""

_TURNED = {
    "appeal": "Appeals that changed a decision, of those answered",
    "disagreement": "Disagreements in which the first answer did not hold, of those settled",
    "reversal": "Decisions that were reversed and changed, of all",
}


class Column(NamedTuple):
    """A column.

    Attributes:
        title: Its heading.
        fields: Names of the columns that it is in a file.
        number: Whether it holds figures.
    """

    title: str
    fields: tuple[str, ...]
    number: bool = True


class Cell(NamedTuple):
    """A cell: what the page says, and what a file holds."""

    text: str
    values: tuple[Plain, ...]


class Sheet(NamedTuple):
    """A table.

    Attributes:
        name: In addresses.
        title: Its caption.
        about: What has to be known to read it; may be empty.
        nothing: What is said where it has no rows.
        columns: Its columns.
        rows: Its rows.
        folded: Whether the page folds it away: a plot shows the same.
    """

    name: str
    title: str
    about: str
    nothing: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False

    @property
    def heads(self) -> tuple[str | tuple[str, str], ...]:
        """The headings, as the macro of tables has them."""
        return tuple((c.title, "number") if c.number else c.title for c in self.columns)


def sheets(made: Overview) -> tuple[Sheet, ...]:
    """Return all tables, in the order of the page."""
    return tuple(make(made) for make in _SHEETS)


def sheet(made: Overview, name: str) -> Sheet | None:
    """Return a table by its name, or ``None`` where there is none."""
    return next((one for one in sheets(made) if one.name == name), None)


def written(made: Sheet) -> str:
    """Return a table as CSV (RFC 4180), with no text that a spreadsheet would run."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([field for column in made.columns for field in column.fields])
    for row in made.rows:
        writer.writerow([harmless(value) for cell in row for value in cell.values])
    return file.getvalue()


def harmless(value: Plain) -> Plain:
    """Return a value as a spreadsheet shows it and does not run it."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def lasted(micros: int | None) -> str:
    """Return a length of time in its two largest units."""
    if micros is None:
        return "–"
    whole = max(0, micros)
    for unit, name, next_unit, next_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", SECOND, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // next_unit
            return f"{whole // unit} {name}" + (f" {rest} {next_name}" if rest else "")
    return f"{whole // SECOND} s"


def about(micros: int) -> str:
    """Return a length of time that is known to a few per cent, in two digits."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if micros >= 0.995 * unit:
            value = micros / unit
            return f"{value:.0f} {name}" if value >= 9.95 else f"{value:.2g} {name}"
    return "0 s"


def share(made: Rate) -> str:
    """Return a rate with its interval and its number, or that it is unmeasured."""
    if made.value is None or made.interval is None:
        return "unmeasured, n = 0"
    return f"{percent(made.value)} ({_ends(made.interval, percent)}), n = {made.n:,}"


def _ends(interval: Interval, say: Callable[[float], str]) -> str:
    return f"{say(interval.low)} to {say(interval.high)}"


_RATE = ("share", "low", "high", "hits", "n")


def _word(text: str) -> Cell:
    return Cell(text, (text,))


def _count(n: int) -> Cell:
    return Cell(f"{n:,}", (n,))


def _of_category(name: str, whole: str = "no single one") -> Cell:
    return Cell(words.category(name) if name else whole, (name,))


def _length(micros: int | None) -> Cell:
    return Cell(lasted(micros), (None if micros is None else micros // SECOND,))


def _about(micros: int) -> Cell:
    return Cell(about(micros), (micros // SECOND,))


def _time(at: int | None) -> Cell:
    if at is None:
        return Cell("–", (None,))
    text = clock.text(at)
    return Cell(f"{text[:10]} {text[11:16]} UTC", (text,))


def _share(made: Rate) -> Cell:
    ends = made.interval
    low, high = (None, None) if ends is None else (ends.low, ends.high)
    return Cell(share(made), (made.value, low, high, made.hits, made.n))


def _kappa(made: Kappa) -> Cell:
    if made.value is None or made.interval is None:
        return Cell(made.missing, (None, None, None, made.missing))
    ends = made.interval
    shown = f"{_signed(made.value)} ({_ends(ends, _signed)})"
    return Cell(shown, (made.value, ends.low, ends.high, ""))


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _queues(made: Overview) -> Sheet:
    return Sheet(
        "queues",
        "Queues now",
        "",
        "There is no queue.",
        (
            Column("Queue", ("queue",), number=False),
            Column("Open", ("open",)),
            Column("At work on", ("claimed",)),
            Column("Overdue", ("overdue",)),
            Column("Oldest", ("oldest_seconds",)),
        ),
        tuple(
            (
                _word(one.queue),
                _count(one.open),
                _count(one.claimed),
                _count(one.overdue),
                _length(None if one.oldest is None else made.now - one.oldest),
            )
            for one in made.waiting
        ),
    )


def _depths(made: Overview) -> Sheet:
    return Sheet(
        "depths",
        "Queues over time",
        "Looked at once an hour. Where nobody looked there is no row. The file has all rows.",
        "Nobody has looked yet.",
        (
            Column("Time", ("at",), number=False),
            Column("Queue", ("queue",), number=False),
            Column("Open", ("open",)),
            Column("Overdue", ("overdue",)),
            Column("Oldest", ("oldest_seconds",)),
        ),
        tuple(
            (
                _time(one.hour * HOUR),
                _word(one.queue),
                _count(one.open),
                _count(one.overdue),
                _length(None if one.oldest is None else one.hour * HOUR - one.oldest),
            )
            for one in made.depths
        ),
        folded=True,
    )


def _waits(made: Overview) -> Sheet:
    return Sheet(
        "times",
        "Time to decision",
        "From when a case was opened to its first answer, to 5 % from a minute on.",
        "Nothing was decided in this time.",
        (
            Column("Queue", ("queue",), number=False),
            Column("Answered", ("n",)),
            Column("Median", ("median_seconds",)),
            Column("Nine of ten within", ("p90_seconds",)),
        ),
        tuple(
            (_word(one.queue or "–"), _count(one.n), _about(one.median), _about(one.ninth))
            for one in made.waits
        ),
    )


def _daily(made: Overview) -> Sheet:
    first = made.since // DAY
    return Sheet(
        "days",
        "Decisions by day",
        "",
        "Nothing was decided in this time.",
        (Column("Day", ("day",), number=False), Column("Decisions", ("n",))),
        tuple(
            (_word(clock.text(on * DAY)[:10]), _count(made.daily.get(on, 0)))
            for on in range(first, first + made.days)
        ),
        folded=True,
    )


def _decided(made: Overview) -> Sheet:
    return Sheet(
        "decisions",
        "Decisions by reviewer and category",
        "By name. How many says nothing of how well, and cases are not alike.",
        "Nothing was decided in this time.",
        (
            Column("Reviewer", ("reviewer",), number=False),
            Column("Category", ("category",), number=False),
            Column("Decisions", ("n",)),
        ),
        tuple(
            (_word(one.reviewer), _of_category(one.category), _count(one.n)) for one in made.decided
        ),
    )


def _agreed(made: Overview) -> Sheet:
    return Sheet(
        "agreement",
        "Agreement of first and second answers",
        "Blind second answers. Kappa is what is left of the agreement when chance is taken out; "
        "where nearly all answers are the same it is small however seldom people differ.",
        "Nobody was asked a second time in this time.",
        (
            Column("Category", ("category",), number=False),
            Column("Same answer", _RATE),
            Column("Kappa", ("kappa", "kappa_low", "kappa_high", "kappa_missing")),
            Column(
                "Weighted kappa",
                ("weighted", "weighted_low", "weighted_high", "weighted_missing"),
            ),
        ),
        tuple(
            (
                _of_category(one.category, "All"),
                _share(one.agreement.agreed),
                _kappa(one.agreement.plain),
                _kappa(one.agreement.weighted),
            )
            for one in made.agreed
        ),
    )


def _golden(made: Overview) -> Sheet:
    return Sheet(
        "golden",
        "Known answers that were met",
        "",
        "No golden case was answered in this time.",
        (Column("Category", ("category",), number=False), Column("Met", _RATE)),
        tuple((_of_category(one.category, "All"), _share(one.rate)) for one in made.golden),
    )


def _overturned(made: Overview) -> Sheet:
    return Sheet(
        "overturns",
        "Overturned",
        "",
        "Nothing was decided in this time.",
        (Column("What", ("what",), number=False), Column("Share", _RATE)),
        tuple((Cell(_TURNED[one.how], (one.how,)), _share(one.rate)) for one in made.overturned),
    )


def _raised(made: Overview) -> Sheet:
    return Sheet(
        "alarms",
        "Alarms and breakers",
        "An alarm that a rule and a breaker raise at once is in two rows.",
        "No alarm was raised in this time.",
        (
            Column("Alarm", ("alarm",), number=False),
            Column("Breaker that tripped", ("breaker",), number=False),
            Column("Times", ("n",)),
        ),
        tuple(
            (_word(one.alarm), Cell(one.breaker or "–", (one.breaker,)), _count(one.n))
            for one in made.raised
        ),
    )


def _appeals(made: Overview) -> Sheet:
    return Sheet(
        "appeals",
        "Appeals now",
        "",
        "",
        (
            Column("Open", ("open",)),
            Column("Overdue", ("overdue",)),
            Column("Next is due", ("next_due",)),
        ),
        (
            (
                _count(made.appeals.open),
                _count(made.appeals.overdue),
                _time(made.appeals.next_due),
            ),
        ),
    )


_SHEETS: tuple[Callable[[Overview], Sheet], ...] = (
    _queues,
    _depths,
    _waits,
    _daily,
    _decided,
    _agreed,
    _golden,
    _overturned,
    _raised,
    _appeals,
)
