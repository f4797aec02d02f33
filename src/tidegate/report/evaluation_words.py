"""An evaluation in words, as the terminal and the page say it."""

import math
from collections.abc import Iterator

from tidegate.report.evaluation import (
    CategoryResult,
    Counts,
    Evaluation,
    Group,
    Measured,
    Operating,
    Opinion,
    Rates,
)
from tidegate.report.statistics import Estimate, Interval, Rate
from tidegate.report.words import plural, title, unknown

UNMEASURED = "unmeasured"
NO_VALUE = "(no value)"

RATES = {"recall": "recall", "fpr": "false positive rate", "precision": "precision"}
"""What each rate is called."""

_FINEST = 0.001
"""Percent beneath which digits say nothing more."""


def share(value: float) -> str:
    """Return a share as ``12.3 %``. Only all is 100 %, and only nothing is 0 %."""
    return f"{_number(value)} %"


def stated(value: float) -> str:
    """Return a share that somebody chose, as they wrote it."""
    return f"{100 * value:g} %"


def interval(made: Interval) -> str:
    """Return an interval of shares as ``69.6–92.6 %``."""
    return f"{_number(made.low)}–{_number(made.high)} %"


def rate(made: Rate) -> str:
    """Return a rate with its interval and its items, or that it is unmeasured."""
    if made.value is None or made.interval is None:
        return f"{UNMEASURED}, no items"
    return f"{share(made.value)} ({interval(made.interval)}), {made.hits:,} of {made.n:,}"


def span(measured: Measured) -> str:
    """Return between which values unknown items leave a rate; empty where none does."""
    ends = sorted(one.value for one in (measured.worst, measured.best) if one.value is not None)
    if not ends or measured.worst == measured.best == measured.judged:
        return ""
    return f"{interval(Interval(low=ends[0], high=ends[-1]))} whatever the unknown are"


def estimate(made: Estimate) -> str:
    """Return an estimate with its interval."""
    if made.interval is None:
        return UNMEASURED
    value = "undefined" if made.value is None else share(made.value)
    return f"{value} ({interval(made.interval)})"


def points(made: Interval | None) -> str:
    """Return where a group's rate may lie beside that of all, in percentage points."""
    if made is None:
        return "no other items to compare with"
    return f"{_signed(made.low)} to {_signed(made.high)} points from all"


def figure(value: float | None) -> str:
    """Return a figure between 0 and 1 that is no share."""
    return UNMEASURED if value is None else f"{value:.3f}"


def team(opinion: Opinion) -> str:
    """Return who is asked, and how many have to agree."""
    names = ", ".join(opinion.detectors)
    if len(opinion.detectors) == 1:
        return names
    many = "any one" if opinion.agree == 1 else f"agreement of {opinion.agree}"
    return f"{many} ({names})"


def judged(counts: Counts) -> str:
    """Return how many items there are of each kind."""
    told = f"{counts.positive:,} positive and {counts.negative:,} negative judged"
    if counts.unknown:
        told += (
            f"; {counts.unknown_positive:,} positive and {counts.unknown_negative:,} negative "
            "unknown"
        )
    return told


def headline(made: Evaluation) -> str:
    """Return what was asked about how much."""
    return f"{plural(len(made.detectors), 'detector')}, {plural(made.items, 'labelled item')}"


def rates(made: Rates) -> tuple[tuple[str, Measured], ...]:
    """Return each rate with its name."""
    return tuple((name, getattr(made, field)) for field, name in RATES.items())


def lines(made: Evaluation) -> Iterator[str]:
    """Yield the evaluation line by line, as the terminal has it."""
    yield f"{headline(made)}. Intervals are Wilson's at {stated(made.level)}."
    yield f"Asked: {', '.join(f'{name} {version}' for name, version in made.detectors.items())}."
    for result in made.categories:
        yield ""
        yield f"{result.category}: {title(result.category)}"
        if result.unlabelled:
            yield f"  {plural(result.unlabelled, 'item')} without a label"
        if len(result.opinions) > 1:
            yield from _glance(result)
        for opinion in result.opinions:
            yield from _opinion(opinion, made)
    yield ""
    if made.uncovered:
        names = ", ".join(made.uncovered)
        yield f"Not covered, though labelled: {names}. No detector asked answers for it."
    if made.unlabelled:
        yield f"Answered for, and nothing is labelled: {', '.join(made.unlabelled)}."
    yield f"{plural(len(made.unjudged), 'item')} could not be judged in full."
    for item in made.unjudged:
        yield f"  {item.path}: {'; '.join(map(unknown, item.unknowns))}"


def _glance(result: CategoryResult) -> Iterator[str]:
    """Yield who is how often right, one line each."""
    for place, at in enumerate(result.opinions[0].operating):
        yield f"  from a score of {at.threshold:g}, at a glance"
        for opinion in result.opinions:
            made = opinion.operating[place].rates
            yield (
                f"    {team(opinion)}: recall {rate(made.recall.judged)}; "
                f"false positive rate {rate(made.fpr.judged)}"
            )


def _opinion(opinion: Opinion, made: Evaluation) -> Iterator[str]:
    yield f"  {team(opinion)}: {judged(opinion.counts)}"
    yield f"    area under the ROC curve     {figure(opinion.roc_area)}"
    yield f"    average precision            {figure(opinion.average_precision)}"
    yield f"    expected calibration error   {figure(opinion.calibration_error)}"
    for operating in opinion.operating:
        yield f"    from a score of {operating.threshold:g}"
        for name, measured in rates(operating.rates):
            bounds = span(measured)
            yield f"      {name:20} {rate(measured.judged)}" + (f"; {bounds}" if bounds else "")
        for one in operating.precision_at:
            name = f"precision at {stated(one.prevalence)}"
            yield f"      {name:20} {estimate(one.precision)}"
        yield from _slices(operating, made.small)
    for heading, found in (("false alarms", opinion.false_alarms), ("misses", opinion.misses)):
        if found:
            yield f"    worst {heading}"
            yield from (f"      {one.score:.4f} {one.path}" for one in found)


def _slices(operating: Operating, small: int) -> Iterator[str]:
    for part in operating.slices:
        yield f"      by {part.column}"
        for group in part.groups:
            yield f"        {group.value or NO_VALUE}: {judged(group.counts)}"
            for field, name in RATES.items():
                yield f"          {name:20} {_grouped(group, field, small)}"


def _grouped(group: Group, field: str, small: int) -> str:
    measured: Measured = getattr(group.rates, field)
    told = rate(measured.judged)
    if measured.judged.n:
        told += f"; {points(getattr(group.differences, field))}"
        if field in group.small:
            told += f"; fewer than {small} items"
    return told


def _number(value: float) -> str:
    percent, rest = 100 * value, 100 * min(value, 1 - value)
    if rest <= 0:
        return f"{percent:.0f}"
    if rest < _FINEST:
        return f"under {_FINEST}" if value < 0.5 else f"over {100 - _FINEST}"
    digits = 1 if rest >= 1 else 1 - math.floor(math.log10(rest))
    return f"{percent:.{digits}f}"


def _signed(value: float) -> str:
    text = f"{100 * value:+.1f}".replace("-", "−")
    return text if float(f"{100 * value:.1f}") else "0.0"
