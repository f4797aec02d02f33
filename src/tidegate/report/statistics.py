"""What can be said of a detector from counts and scores. Pure functions.

A rate is never told without its number of items and its interval, and where there are no
items there is no rate: ``None``, never 0.

Sources: E. B. Wilson, "Probable inference, the law of succession, and statistical
inference", JASA 22 (1927); R. G. Newcombe, "Interval estimation for the difference between
independent proportions", Statistics in Medicine 17 (1998), method 10.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from tidegate.evidence import Value

LEVEL = 0.95
"""Confidence of every interval."""

BINS = 10
"""Bins of equal width that a reliability diagram has."""


class Interval(Value, frozen=True, kw_only=True):
    """Where a value may lie, ``low <= high``."""

    low: float
    high: float


class Rate(Value, frozen=True, kw_only=True):
    """A share that was counted.

    Attributes:
        hits: Items counted, 0 to ``n``.
        n: Items that could have been.
        value: ``hits / n``, in [0, 1]; ``None`` where ``n`` is 0: unmeasured.
        interval: Wilson's interval at :data:`LEVEL`; ``None`` where ``n`` is 0.
    """

    hits: int
    n: int
    value: float | None
    interval: Interval | None


class Estimate(Value, frozen=True, kw_only=True):
    """A value that follows from counted ones.

    Attributes:
        value: In [0, 1], or ``None`` where it is undefined or unmeasured.
        interval: Where it may lie; ``None`` where it is unmeasured.
    """

    value: float | None
    interval: Interval | None


class Point(Value, frozen=True, kw_only=True):
    """What is found at one threshold.

    Attributes:
        threshold: A score; items that score at least this count as found.
        tp: Positives found.
        fp: Negatives found.
    """

    threshold: float
    tp: int
    fp: int


class Bin(Value, frozen=True, kw_only=True):
    """Items whose scores are alike.

    Attributes:
        low: Least score of the bin.
        high: Scores are below this; the last bin holds 1 as well.
        mean: Mean score of its items; ``None`` where there are none.
        positives: How many of its items are positive, of how many.
    """

    low: float
    high: float
    mean: float | None
    positives: Rate


def wilson(hits: int, n: int, level: float = LEVEL) -> Interval:
    """Return Wilson's score interval of a share.

    Args:
        hits: Items counted, 0 to ``n``.
        n: Items, more than 0.
        level: Confidence, between 0 and 1.

    Raises:
        ValueError: A number is out of range.
    """
    if not 0 <= hits <= n or n < 1 or not 0 < level < 1:
        raise ValueError(f"no interval for {hits} of {n} at {level}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, square = hits / n, z * z / n
    middle = share + square / 2
    half = z * math.sqrt(share * (1 - share) / n + square / (4 * n))
    # At the ends the bound is exact, which floats miss by a hair.
    return Interval(
        low=(middle - half) / (1 + square) if hits else 0.0,
        high=(middle + half) / (1 + square) if hits < n else 1.0,
    )


def rate(hits: int, n: int) -> Rate:
    """Return a share with its interval, or without both where ``n`` is 0."""
    if n == 0:
        return Rate(hits=0, n=0, value=None, interval=None)
    return Rate(hits=hits, n=n, value=hits / n, interval=wilson(hits, n))


def difference(part: Rate, whole: Rate) -> Interval | None:
    """Return by how much a part's rate may differ from that of the whole it belongs to.

    The part and the rest are independent, so theirs is Newcombe's interval; the whole is
    the mean of both, and its distance from the part is ``rest / whole`` of theirs.

    Args:
        part: Rate among some of the items.
        whole: Rate among all of them.

    Returns:
        Interval of ``part - whole``, within [-1, 1]; ``None`` where there is no part or no rest.
    """
    rest = rate(whole.hits - part.hits, whole.n - part.n)
    if part.value is None or rest.value is None:
        return None
    assert part.interval is not None
    assert rest.interval is not None
    middle, scale = part.value - rest.value, rest.n / whole.n
    below = math.hypot(part.value - part.interval.low, rest.interval.high - rest.value)
    above = math.hypot(part.interval.high - part.value, rest.value - rest.interval.low)
    return Interval(low=scale * (middle - below), high=scale * (middle + above))


def precision_at(prevalence: float, recall: Rate, fpr: Rate) -> Estimate:
    """Return the share of found items that are positive where positives are this frequent.

    By Bayes. Both rates are from separate items, so each is given the interval at the
    root of :data:`LEVEL`: together they hold with at least :data:`LEVEL`. Precision grows with
    recall and falls with the false positive rate, so its ends are at theirs.

    Args:
        prevalence: Share of positives, between 0 and 1.
        recall: Positives found, of all positives.
        fpr: Negatives found, of all negatives.

    Raises:
        ValueError: The prevalence is out of range.
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"a prevalence is between 0 and 1, not {prevalence}")
    if recall.value is None or fpr.value is None:
        return Estimate(value=None, interval=None)
    each = math.sqrt(LEVEL)
    found, alarms = wilson(recall.hits, recall.n, each), wilson(fpr.hits, fpr.n, each)

    def bayes(recall: float, fpr: float) -> float:
        true, false = recall * prevalence, fpr * (1 - prevalence)
        return true / (true + false)

    nothing = recall.value == fpr.value == 0
    return Estimate(
        value=None if nothing else bayes(recall.value, fpr.value),
        interval=Interval(low=bayes(found.low, alarms.high), high=bayes(found.high, alarms.low)),
    )


def sweep(scores: ArrayLike, positive: ArrayLike) -> tuple[Point, ...]:
    """Return what is found at each threshold that makes a difference, highest first.

    Args:
        scores: Score of each item, shape (n,).
        positive: Whether it is positive, shape (n,).

    Returns:
        A point for each score that an item has; empty where there are no items.
    """
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=np.bool_)
    order = np.argsort(-values, kind="stable")
    values, truth = values[order], truth[order]
    # Items of one score are found together: only the last of them is a point.
    last = np.flatnonzero(values != np.append(values[1:], np.nan))
    tp, fp = np.cumsum(truth), np.cumsum(~truth)
    return tuple(Point(threshold=float(values[i]), tp=int(tp[i]), fp=int(fp[i])) for i in last)


def at(points: Sequence[Point], threshold: float) -> Point:
    """Return what is found at any threshold.

    Args:
        points: Of :func:`sweep`.
        threshold: A score.
    """
    found = [point for point in points if point.threshold >= threshold]
    tp, fp = (found[-1].tp, found[-1].fp) if found else (0, 0)
    return Point(threshold=threshold, tp=tp, fp=fp)


def average_precision(points: Sequence[Point]) -> float | None:
    """Return the mean of the precision over the recall, by steps; ``None`` without positives.

    It holds for the prevalence of these very items. Linear interpolation would be too kind.
    """
    if not points or not points[-1].tp:
        return None
    before = [0, *(point.tp for point in points[:-1])]
    gained = (
        (point.tp - tp) * point.tp / (point.tp + point.fp)
        for point, tp in zip(points, before, strict=True)
    )
    return math.fsum(gained) / points[-1].tp


def roc_area(points: Sequence[Point]) -> float | None:
    """Return the probability that a positive scores above a negative, ties counted half.

    ``None`` where there are no positives or no negatives.
    """
    if not points or not points[-1].tp or not points[-1].fp:
        return None
    area, tp, fp = 0, 0, 0
    for point in points:  # Twice the trapezia, in whole numbers.
        area += (point.fp - fp) * (point.tp + tp)
        tp, fp = point.tp, point.fp
    return area / (2 * tp * fp)


def reliability(scores: ArrayLike, positive: ArrayLike) -> tuple[Bin, ...]:
    """Return :data:`BINS` bins of equal width over [0, 1], empty ones too.

    Args:
        scores: Score of each item, shape (n,), in [0, 1].
        positive: Whether it is positive, shape (n,).
    """
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=np.bool_)
    edges = np.arange(BINS + 1) / BINS
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, BINS - 1)
    bins = []
    for number in range(BINS):
        inside = place == number
        n = int(inside.sum())
        bins.append(
            Bin(
                low=float(edges[number]),
                high=float(edges[number + 1]),
                mean=float(values[inside].mean()) if n else None,
                positives=rate(int(truth[inside].sum()), n),
            )
        )
    return tuple(bins)


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Return the expected calibration error in [0, 1]; ``None`` without items.

    The mean distance of score and share of positives over the bins, weighted by their items.
    With few items it is too large, for chance alone sets the two apart.
    """
    n = sum(one.positives.n for one in bins)
    if not n:
        return None
    apart = (
        one.positives.n * abs(one.positives.value - one.mean)
        for one in bins
        if one.positives.value is not None and one.mean is not None
    )
    return math.fsum(apart) / n
