"""Intervals, sweeps and calibration against other people's, and against counting by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score

from tidegate.report.statistics import (
    BINS,
    Interval,
    at,
    average_precision,
    calibration_error,
    difference,
    precision_at,
    rate,
    reliability,
    roc_area,
    sweep,
    wilson,
)


@st.composite
def counts(draw, most=400):
    n = draw(st.integers(1, most))
    return draw(st.integers(0, n)), n


@st.composite
def scored(draw, least=0):
    """Scores with many ties, and their labels."""
    n = draw(st.integers(least, 40))
    grid = st.integers(0, 12).map(lambda k: round(k / 12, 4))
    return (
        draw(st.lists(grid, min_size=n, max_size=n)),
        draw(st.lists(st.booleans(), min_size=n, max_size=n)),
    )


@settings(deadline=None)
@given(counts(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_that_of_scipy(made, level):
    theirs = binomtest(*made).proportion_ci(level, method="wilson")
    ours = wilson(*made, level)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@settings(deadline=None)
@given(counts())
@example((0, 1))
@example((7, 7))
def test_an_interval_holds_its_rate_and_narrows_with_more_items(made):
    hits, n = made
    one, more = rate(hits, n), rate(10 * hits, 10 * n)
    assert 0 <= one.interval.low <= one.value <= one.interval.high <= 1
    assert one.interval.low < one.interval.high
    width = one.interval.high - one.interval.low
    assert more.interval.high - more.interval.low < width
    assert (one.interval.low == 0) == (hits == 0)
    assert (one.interval.high == 1) == (hits == n)


def test_the_interval_grows_with_the_confidence():
    widths = [wilson(3, 10, level) for level in (0.5, 0.9, 0.95, 0.99)]
    for inner, outer in itertools.pairwise(widths):
        assert outer.low < inner.low < inner.high < outer.high


def test_without_items_there_is_no_rate():
    nothing = rate(0, 0)
    assert nothing.value is None
    assert nothing.interval is None
    with pytest.raises(ValueError, match="no interval for 0 of 0"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="no interval for 3 of 2"):
        wilson(3, 2)


def test_the_difference_from_the_rest_is_that_of_newcombe():
    # Newcombe 1998, table II, (a), method 10: 56/70 and 48/80 differ by 0.0524 to 0.3339.
    # The whole is 104/150, and its distance from the part is 80/150 of that.
    made = difference(rate(56, 70), rate(104, 150))
    assert (made.low * 150 / 80, made.high * 150 / 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@settings(deadline=None)
@given(counts(60), counts(60))
def test_a_difference_holds_the_one_that_was_seen(part, rest):
    whole = rate(part[0] + rest[0], part[1] + rest[1])
    made = difference(rate(*part), whole)
    seen = part[0] / part[1] - whole.value
    assert -1 <= made.low <= seen + 1e-12
    assert seen - 1e-12 <= made.high <= 1


def test_a_group_that_is_all_has_nothing_to_differ_from():
    assert difference(rate(3, 9), rate(3, 9)) is None
    assert difference(rate(0, 0), rate(3, 9)) is None


def test_precision_at_a_prevalence_is_what_a_crowd_shows():
    # Of 100,000 items 100 are positive: 90 of them are found, and 999 of the 99,900 others.
    made = precision_at(0.001, rate(90, 100), rate(10, 1000))
    assert made.value == pytest.approx(90 / (90 + 999))
    assert made.interval.low < made.value < made.interval.high


@settings(deadline=None)
@given(counts(), counts(), st.floats(1e-6, 0.5))
def test_precision_grows_with_the_prevalence_and_stays_in_its_interval(recall, fpr, prevalence):
    rare = precision_at(prevalence, rate(*recall), rate(*fpr))
    often = precision_at(1.5 * prevalence, rate(*recall), rate(*fpr))
    assert 0 <= rare.interval.low <= rare.interval.high <= 1
    assert often.interval.low >= rare.interval.low - 1e-12
    if rare.value is None:
        assert recall[0] == fpr[0] == 0
        assert rare.interval == Interval(low=0.0, high=1.0)
    else:
        assert rare.interval.low - 1e-12 <= rare.value <= rare.interval.high + 1e-12
        assert often.value >= rare.value - 1e-12


def test_precision_at_a_prevalence_needs_both_kinds():
    for recall, fpr in ((rate(0, 0), rate(1, 9)), (rate(1, 9), rate(0, 0))):
        made = precision_at(0.1, recall, fpr)
        assert made.value is None
        assert made.interval is None
    for prevalence in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match="a prevalence is between 0 and 1"):
            precision_at(prevalence, rate(1, 2), rate(1, 2))


def test_the_interval_of_a_precision_holds_the_truth_often_enough():
    random = np.random.RandomState(3)
    recall, fpr, prevalence = 0.8, 0.03, 0.01
    truth = recall * prevalence / (recall * prevalence + fpr * (1 - prevalence))
    tries = 2000
    held = 0
    for tp, fp in zip(
        random.binomial(60, recall, tries), random.binomial(300, fpr, tries), strict=True
    ):
        made = precision_at(prevalence, rate(int(tp), 60), rate(int(fp), 300)).interval
        held += made.low <= truth <= made.high
    assert held / tries >= 0.95


@settings(deadline=None)
@given(scored())
def test_a_sweep_counts_as_one_would_by_hand(made):
    scores, truth = made
    points = sweep(scores, truth)
    assert [p.threshold for p in points] == sorted(set(scores), reverse=True)
    for threshold in {*scores, 0.0, 0.37, 1.0}:
        found = [
            positive for score, positive in zip(scores, truth, strict=True) if score >= threshold
        ]
        point = at(points, threshold)
        assert (point.tp, point.fp) == (sum(found), len(found) - sum(found))
    for one, other in itertools.pairwise(points):
        assert other.tp >= one.tp
        assert other.fp >= one.fp


@settings(deadline=None)
@given(scored(least=2))
def test_areas_are_those_of_scikit_learn(made):
    scores, truth = made
    points = sweep(scores, truth)
    if any(truth):
        theirs = average_precision_score(truth, scores)
        assert average_precision(points) == pytest.approx(theirs, abs=1e-12)
    else:
        assert average_precision(points) is None
    if any(truth) and not all(truth):
        assert roc_area(points) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    else:
        assert roc_area(points) is None


@settings(deadline=None)
@given(scored())
def test_every_item_is_in_one_bin(made):
    scores, truth = made
    bins = reliability(scores, truth)
    assert len(bins) == BINS
    assert sum(one.positives.n for one in bins) == len(scores)
    assert sum(one.positives.hits for one in bins) == sum(truth)
    for one in bins:
        if one.mean is None:
            assert one.positives.value is None
        else:
            assert one.low <= one.mean <= one.high
    if scores:
        assert 0 <= calibration_error(bins) <= 1
    else:
        assert calibration_error(bins) is None


def test_scores_at_an_edge_are_in_the_upper_bin_and_1_in_the_last():
    bins = reliability([0.0, 0.1, 0.3, 0.6, 0.7, 0.9999, 1.0], [False] * 7)
    assert [one.positives.n for one in bins] == [1, 1, 0, 1, 0, 0, 1, 1, 0, 2]


def test_the_calibration_error_is_the_mean_distance():
    # Eight items at 0.25 of which 2 are positive are right; two at 0.95, one positive, are not.
    scores, truth = [0.25] * 8 + [0.95] * 2, [True] * 2 + [False] * 6 + [True, False]
    assert calibration_error(reliability(scores, truth)) == pytest.approx(0.2 * 0.45)
