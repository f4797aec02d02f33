"""From labels and answers to an evaluation. Pure: no files, no models."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tidegate.evidence import Unknown
from tidegate.report import statistics
from tidegate.report.evaluation import (
    SMALL,
    AtPrevalence,
    CategoryResult,
    Counts,
    Differences,
    Group,
    Measured,
    Operating,
    Opinion,
    Rates,
    Scored,
    Slice,
)
from tidegate.report.statistics import difference, precision_at, rate

WORST = 20
"""Errors of each kind that are listed."""


class Answer(NamedTuple):
    """An item with its labels and what detectors said of it.

    Attributes:
        path: As the labels name it.
        truth: By category, whether the item shows it. What is not labelled is not in it.
        groups: By column of the user's, the value; empty where the file says nothing.
        scores: By detector and category, the highest over the frames, in [0, 1]. What
            could not be judged, in full, is not in it.
        unknowns: Why something could not be judged.
    """

    path: str
    truth: Mapping[str, bool]
    groups: Mapping[str, str]
    scores: Mapping[tuple[str, str], float]
    unknowns: tuple[Unknown, ...] = ()


class Judgement(NamedTuple):
    """A labelled item as one opinion sees it; ``score`` is ``None`` where it is unknown."""

    path: str
    positive: bool
    score: float | None
    groups: Mapping[str, str]


class _Team(NamedTuple):
    """Detectors, and how many of them have to reach a threshold."""

    detectors: tuple[str, ...]
    agree: int


def measure(
    answers: Sequence[Answer],
    category: str,
    detectors: Sequence[str],
    thresholds: Sequence[float],
    prevalences: Sequence[float],
) -> CategoryResult:
    """Hold the answers of one category against its labels.

    Args:
        answers: Every item.
        category: Id in the taxonomy.
        detectors: Ids of those that answer for it, at least one.
        thresholds: Scores from which an item counts as found.
        prevalences: For which the precision is told, each between 0 and 1.
    """
    labelled = [answer for answer in answers if category in answer.truth]
    teams = [_Team((one,), 1) for one in detectors]
    if len(detectors) > 1:
        teams += [_Team(tuple(detectors), agree) for agree in range(1, len(detectors) + 1)]
    return CategoryResult(
        category=category,
        unlabelled=len(answers) - len(labelled),
        opinions=tuple(
            _opinion(
                [_judgement(a, category, team) for a in labelled], team, thresholds, prevalences
            )
            for team in teams
        ),
    )


def _judgement(answer: Answer, category: str, team: _Team) -> Judgement:
    scores = [answer.scores.get((detector, category)) for detector in team.detectors]
    known = sorted((score for score in scores if score is not None), reverse=True)
    score = known[team.agree - 1] if len(known) == len(scores) else None
    return Judgement(answer.path, answer.truth[category], score, answer.groups)


def _opinion(
    items: Sequence[Judgement],
    team: _Team,
    thresholds: Sequence[float],
    prevalences: Sequence[float],
) -> Opinion:
    judged = [(item, item.score) for item in items if item.score is not None]
    scores, truth = [score for _, score in judged], [item.positive for item, _ in judged]
    points, bins = statistics.sweep(scores, truth), statistics.reliability(scores, truth)
    steps = sorted(set(thresholds))
    alarms = [
        Scored(path=item.path, score=score)
        for item, score in judged
        if not item.positive and score >= steps[0]
    ]
    misses = [
        Scored(path=item.path, score=score)
        for item, score in judged
        if item.positive and score < steps[-1]
    ]
    return Opinion(
        detectors=team.detectors,
        agree=team.agree,
        counts=_counts(items),
        operating=tuple(_operating(items, threshold, prevalences) for threshold in steps),
        points=points,
        average_precision=statistics.average_precision(points),
        roc_area=statistics.roc_area(points),
        bins=bins,
        # With one kind alone it would only be the mean score.
        calibration_error=statistics.calibration_error(bins) if len(set(truth)) == 2 else None,
        false_alarms=tuple(sorted(alarms, key=lambda one: (-one.score, one.path))[:WORST]),
        misses=tuple(sorted(misses, key=lambda one: (one.score, one.path))[:WORST]),
    )


def _operating(
    items: Sequence[Judgement], threshold: float, prevalences: Sequence[float]
) -> Operating:
    rates = _rates(items, threshold)
    columns = dict.fromkeys(column for item in items for column in item.groups)
    return Operating(
        threshold=threshold,
        rates=rates,
        precision_at=tuple(
            AtPrevalence(
                prevalence=share,
                precision=precision_at(share, rates.recall.judged, rates.fpr.judged),
            )
            for share in prevalences
        ),
        slices=tuple(_slice(items, column, threshold, rates) for column in columns),
    )


def _slice(items: Sequence[Judgement], column: str, threshold: float, whole: Rates) -> Slice:
    members: dict[str, list[Judgement]] = {}
    for item in items:
        members.setdefault(item.groups[column], []).append(item)
    # By value, and what has none last: never by rate.
    order = sorted(members, key=lambda value: (not value, value))
    return Slice(
        column=column,
        groups=tuple(_group(value, members[value], threshold, whole) for value in order),
    )


def _group(value: str, items: Sequence[Judgement], threshold: float, whole: Rates) -> Group:
    rates = _rates(items, threshold)
    by_name = {"recall": rates.recall, "fpr": rates.fpr, "precision": rates.precision}
    return Group(
        value=value or None,
        counts=_counts(items),
        rates=rates,
        differences=Differences(
            recall=difference(rates.recall.judged, whole.recall.judged),
            fpr=difference(rates.fpr.judged, whole.fpr.judged),
            precision=difference(rates.precision.judged, whole.precision.judged),
        ),
        small=tuple(name for name, measured in by_name.items() if measured.judged.n < SMALL),
    )


def _counts(items: Sequence[Judgement]) -> Counts:
    def number(positive: bool, judged: bool) -> int:
        return sum(i.positive is positive and (i.score is not None) is judged for i in items)

    return Counts(
        positive=number(True, True),
        negative=number(False, True),
        unknown_positive=number(True, False),
        unknown_negative=number(False, False),
    )


def _rates(items: Sequence[Judgement], threshold: float) -> Rates:
    def number(positive: bool, of: Callable[[float], bool]) -> int:
        return sum(i.positive is positive and i.score is not None and of(i.score) for i in items)

    tp, fp = (number(positive, lambda score: score >= threshold) for positive in (True, False))
    fn, tn = (number(positive, lambda score: score < threshold) for positive in (True, False))
    counts = _counts(items)
    positives, negatives = counts.unknown_positive, counts.unknown_negative
    return Rates(
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        recall=Measured(
            judged=rate(tp, tp + fn),
            worst=rate(tp, tp + fn + positives),
            best=rate(tp + positives, tp + fn + positives),
        ),
        fpr=Measured(
            judged=rate(fp, fp + tn),
            worst=rate(fp + negatives, fp + tn + negatives),
            best=rate(fp, fp + tn + negatives),
        ),
        precision=_precision(tp, fp, counts),
    )


def _precision(tp: int, fp: int, counts: Counts) -> Measured:
    """Return the precision; unmeasured without both kinds, for it could be nothing but 0 or 1."""
    known = counts.positive and counts.negative
    positives, negatives = counts.unknown_positive, counts.unknown_negative
    labelled = counts.positive + positives and counts.negative + negatives
    return Measured(
        judged=rate(tp, tp + fp) if known else rate(0, 0),
        worst=rate(tp, tp + fp + negatives) if labelled else rate(0, 0),
        best=rate(tp + positives, tp + fp + positives) if labelled else rate(0, 0),
    )
