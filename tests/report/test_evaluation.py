"""From answers to an evaluation, and the words for it."""

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.evaluations import EXPLICIT, LOST, answers, evaluation
from tidegate.report.evaluation import Evaluation
from tidegate.report.evaluation_words import lines, share, team
from tidegate.report.measuring import WORST, Answer, measure

GOLDEN = Path(__file__).parent / "golden"


def answer(path, positive, *scores, surface="matte", names=("fake", "other")):
    """An item with a score of each detector; ``None`` is unknown."""
    known = {(n, EXPLICIT): s for n, s in zip(names, scores, strict=False) if s is not None}
    unknowns = (LOST,) if None in scores else ()
    truth = {} if positive is None else {EXPLICIT: positive}
    return Answer(path, truth, {"surface": surface}, known, unknowns)


def small():
    """Ten items: two positives of four are found from 0.5, and one negative of four."""
    return [
        answer("a.jpg", True, 0.93, 0.8, surface="glossy"),
        answer("b.jpg", True, 0.71, 0.4, surface="glossy"),
        answer("c.jpg", True, 0.44, 0.6),
        answer("d.jpg", True, 0.08, 0.2, surface=""),
        answer("e.jpg", False, 0.62, 0.1, surface="glossy"),
        answer("f.jpg", False, 0.5 - 1e-4, 0.7),
        answer("g.jpg", False, 0.02, 0.0),
        answer("h.jpg", False, 0.0, 0.3),
        answer("i.jpg", False, None, 0.3),
        answer("j.jpg", None, 0.99, 0.99),
    ]


def opinion(items, detectors=("fake",), thresholds=(0.5,)):
    return measure(items, EXPLICIT, detectors, thresholds, (0.01,)).opinions[-1]


def test_items_are_counted_as_one_would_by_hand():
    result = measure(small(), EXPLICIT, ["fake"], [0.5], [0.01])
    assert result.unlabelled == 1
    (made,) = result.opinions
    (at,) = made.operating
    assert (at.rates.tp, at.rates.fn, at.rates.fp, at.rates.tn) == (2, 2, 1, 3)
    assert made.counts.positive == made.counts.negative == 4
    assert (made.counts.unknown_positive, made.counts.unknown_negative) == (0, 1)
    assert at.rates.recall.judged.value == 0.5
    assert at.rates.fpr.judged.value == 0.25
    assert at.rates.precision.judged.value == pytest.approx(2 / 3)


def test_what_is_unknown_is_never_a_negative_and_moves_the_bounds_both_ways():
    fpr = opinion(small()).operating[0].rates.fpr
    assert (fpr.judged.hits, fpr.judged.n) == (1, 4)
    assert (fpr.best.hits, fpr.best.n) == (1, 5)
    assert (fpr.worst.hits, fpr.worst.n) == (2, 5)
    lost = [answer("a", True, None), answer("b", False, None)]
    at = opinion(lost).operating[0]
    for rate in (at.rates.recall, at.rates.fpr, at.rates.precision):
        assert rate.judged.value is None
    assert at.rates.recall.worst.value == 0
    assert at.rates.recall.best.value == 1
    assert at.precision_at[0].precision.interval is None


def test_precision_needs_both_kinds():
    """With negatives alone it is 0 whatever the detector is, with positives alone 1."""
    for kind in (True, False):
        made = opinion([answer(f"{i}", kind, 0.9) for i in range(40)])
        precision = made.operating[0].rates.precision
        assert precision.judged.value is None
        assert precision.worst.value is None
        assert precision.best.value is None
        assert made.calibration_error is None
    mixed = [answer("a", False, 0.9), answer("b", True, None)]
    precision = opinion(mixed).operating[0].rates.precision
    assert precision.judged.value is None
    assert (precision.worst.value, precision.best.value) == (0, 0.5)


def test_a_score_at_the_threshold_is_found():
    made = opinion([answer("a", True, 0.5), answer("b", False, 0.4999)])
    assert (made.operating[0].rates.tp, made.operating[0].rates.fp) == (1, 0)


def test_several_detectors_are_told_each_alone_any_one_and_agreeing():
    result = measure(small(), EXPLICIT, ["fake", "other"], [0.5], [0.01])
    assert [(one.detectors, one.agree) for one in result.opinions] == [
        (("fake",), 1),
        (("other",), 1),
        (("fake", "other"), 1),
        (("fake", "other"), 2),
    ]
    rates = [one.operating[0].rates for one in result.opinions]
    assert [(r.tp, r.fp) for r in rates] == [(2, 1), (2, 1), (3, 2), (1, 0)]
    # What one of them could not judge, both together could not.
    assert [one.counts.unknown for one in result.opinions] == [1, 0, 1, 1]


def test_of_three_two_that_agree_are_enough():
    names = ("fake", "other", "third")
    items = [
        answer("a", False, 0.9, 0.8, 0.1, names=names),
        answer("b", False, 0.1, 0.9, 0.2, names=names),
        answer("c", False, 0.7, 0.6, 0.9, names=names),
    ]
    result = measure(items, EXPLICIT, names, [0.5], [0.01])
    told = {team(one): one.operating[0].rates.fp for one in result.opinions}
    assert told == {
        "fake": 2,
        "other": 3,
        "third": 1,
        "any one (fake, other, third)": 3,
        "agreement of 2 (fake, other, third)": 2,
        "agreement of 3 (fake, other, third)": 1,
    }
    two = result.opinions[4]
    assert [(one.path, one.score) for one in two.false_alarms] == [("a", 0.8), ("c", 0.7)]


@settings(deadline=None)
@given(st.integers(0, 2**16))
def test_agreeing_they_find_no_more_than_each_alone_and_any_one_no_less(seed):
    items = [
        answer(str(i), bool(seed >> i & 1), (seed * 7 + 13 * i) % 11 / 10, (seed + 5 * i) % 11 / 10)
        for i in range(16)
    ]
    *alone, either, both = measure(items, EXPLICIT, ["fake", "other"], [0.3, 0.6], [0.01]).opinions
    for one in alone:
        for at, any_one, agreed in zip(
            one.operating, either.operating, both.operating, strict=True
        ):
            assert agreed.rates.tp <= at.rates.tp <= any_one.rates.tp
            assert agreed.rates.fp <= at.rates.fp <= any_one.rates.fp


def test_groups_are_those_of_the_file_in_the_order_of_their_values():
    (part,) = opinion(small()).operating[0].slices
    assert part.column == "surface"
    assert [group.value for group in part.groups] == ["glossy", "matte", None]
    assert [(g.counts.positive, g.counts.negative) for g in part.groups] == [(2, 1), (1, 3), (1, 0)]
    assert [g.counts.unknown for g in part.groups] == [0, 1, 0]
    # One item is shown as it is: with its interval, and marked.
    last = part.groups[-1]
    assert (last.rates.recall.judged.hits, last.rates.recall.judged.n) == (0, 1)
    assert last.rates.fpr.judged.value is None
    assert last.small == ("recall", "fpr", "precision")


def test_groups_add_up_to_all():
    at = opinion(answers(), ("a",)).operating[0]
    for part in at.slices:
        for name in ("recall", "fpr", "precision"):
            rates = [getattr(group.rates, name).judged for group in part.groups]
            whole = getattr(at.rates, name).judged
            assert sum(r.hits for r in rates) == whole.hits
            assert sum(r.n for r in rates) == whole.n


def test_a_group_is_marked_under_thirty_items():
    items = [answer(f"p{i}", True, 0.9) for i in range(29)]
    items += [answer(f"n{i}", False, 0.1) for i in range(30)]
    ((group,),) = (part.groups for part in opinion(items).operating[0].slices)
    assert group.small == ("recall", "precision")


def test_the_worst_errors_are_listed_worst_first():
    made = opinion(small(), thresholds=(0.4, 0.5))
    assert [(one.path, one.score) for one in made.false_alarms] == [
        ("e.jpg", 0.62),
        ("f.jpg", 0.4999),
    ]
    assert [one.path for one in made.misses] == ["d.jpg", "c.jpg"]
    many = [answer(f"{i:03d}", False, 0.5 + i / 200) for i in range(90)]
    listed = opinion(many).false_alarms
    assert len(listed) == WORST
    assert listed[0].path == "089"


def test_the_golden_text_and_json():
    items = small()
    made = evaluation(items, "fake", "other", thresholds=(0.5,))
    text = "".join(f"{line}\n" for line in lines(made))
    made = evaluation(items, "fake", thresholds=(0.5,))
    json = msgspec.json.format(msgspec.json.encode(made)) + b"\n"
    if "REWRITE_GOLDEN" in os.environ:
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / "evaluation.txt").write_text(text, encoding="utf-8")
        (GOLDEN / "evaluation.json").write_bytes(json)
    assert text == (GOLDEN / "evaluation.txt").read_text(encoding="utf-8")
    assert json == (GOLDEN / "evaluation.json").read_bytes()
    assert msgspec.json.decode(json, type=Evaluation) == made


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.5, "50.0 %"),
        (0.123, "12.3 %"),
        (0.00134, "0.13 %"),
        (0.9987, "99.87 %"),
        (1e-7, "under 0.001 %"),
        (1 - 1e-7, "over 99.999 %"),
    ],
)
def test_only_all_is_100_and_only_nothing_is_0(value, told):
    assert share(value) == told


@settings(deadline=None)
@given(st.floats(0, 1))
def test_no_share_is_rounded_to_nothing_or_all(value):
    told = share(value)
    assert (told == "0 %") == (value == 0)
    assert (told == "100 %") == (value == 1)
