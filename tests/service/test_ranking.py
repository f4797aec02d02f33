import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.making import NOW
from tidegate import taxonomy
from tidegate.service import ranking
from tidegate.service.ranking import DOUBLING
from tidegate.store.clock import DAY, HOUR

SURE = st.floats(0.0, 1.0)
SEVERE = st.sampled_from(sorted({*ranking.SEVERITY.values(), ranking.UNNAMED}))
PEOPLE = st.integers(0, 10**9)
COPIES = st.integers(1, 256)
PRIORITY = st.integers(0, 100)
TIME = st.integers(NOW - 365 * DAY, NOW)


def rank(**given):
    defaults = {"confidence": 0.5, "severity": 4.0, "opened_at": NOW}
    return ranking.rank(**defaults | given)


def test_every_category_of_content_has_a_severity_and_nothing_else_has():
    assert set(ranking.SEVERITY) == {*taxonomy.detectable(), *taxonomy.bankable()}
    assert all(1 <= weight <= 32 for weight in ranking.SEVERITY.values())
    assert max(ranking.SEVERITY, key=ranking.severity) == "child_safety.known_material"
    # What is not known is neither the worst nor harmless.
    assert 1 < ranking.severity(None) == ranking.severity("") < 32


@given(
    a=st.tuples(SURE, SEVERE, PEOPLE, COPIES, PRIORITY),
    b=st.tuples(SURE, SEVERE, PEOPLE, COPIES, PRIORITY),
    opened=TIME,
)
def test_more_of_anything_never_comes_later(a, b, opened):
    names = ("confidence", "severity", "reach", "copies", "priority")
    less = dict(zip(names, map(min, a, b), strict=True))
    more = dict(zip(names, map(max, a, b), strict=True))
    assert rank(**less, opened_at=opened) <= rank(**more, opened_at=opened)


@given(one=TIME, other=TIME, severe=SEVERE)
def test_of_two_alike_the_one_that_waits_longer_comes_first(one, other, severe):
    earlier, later = sorted((one, other))
    assert rank(severity=severe, opened_at=earlier) >= rank(severity=severe, opened_at=later)


def test_who_waits_six_hours_more_weighs_twice_as_much():
    assert rank(opened_at=NOW - DOUBLING) == pytest.approx(rank(severity=8.0), abs=1e-6)
    assert DOUBLING == 6 * HOUR


def test_nothing_waits_for_ever():
    least = {"confidence": 0.0, "severity": 1.0, "priority": 0}
    most = {"confidence": 1.0, "severity": 32.0, "reach": 10**9, "copies": 256, "priority": 100}
    weeks = rank(**least, opened_at=NOW - 5 * DAY)
    assert weeks > rank(**most)
    assert rank(**least, opened_at=NOW - 2 * DAY) < rank(**most)


@given(people=PEOPLE, copies=COPIES, more=PEOPLE)
def test_a_copy_lifts_a_case_as_if_it_had_been_there_from_the_start(people, copies, more):
    lift = ranking.lift((people, copies), (people + more, copies + 1))
    assert lift > 0
    ranked = rank(reach=people + more, copies=copies + 1)
    assert rank(reach=people, copies=copies) + lift == pytest.approx(ranked, abs=1e-6)


def test_reach_and_copies_count_by_their_size_not_by_their_number():
    alone = ranking.spread(0, 1)
    assert alone == 1
    assert ranking.spread(999, 1) == pytest.approx(alone + 3)
    assert ranking.spread(0, 8) == pytest.approx(alone + 3)
