"""How far people agree: Cohen's kappa against its definition, and its interval."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.service.agreement import LEAST, ONE_ANSWER, TOO_FEW, agreement, kappa

SCALE = ("allow", "label", "restrict", "remove", "quarantine")

counts = st.dictionaries(
    st.tuples(st.sampled_from(SCALE), st.sampled_from(SCALE)),
    st.integers(1, 40),
    min_size=1,
    max_size=12,
)


def by_hand(pairs, weight):
    """Kappa as Cohen has it, of the answers one by one."""
    answers = [pair for pair, n in pairs.items() for _ in range(n)]
    firsts, seconds = [a for a, _ in answers], [b for _, b in answers]
    apart = np.mean([1 - weight(a, b) for a, b in answers])
    chance = np.mean([[1 - weight(a, b) for b in seconds] for a in firsts])
    return None if chance < 1e-12 else 1 - apart / chance


def linear(first, second):
    return 1 - abs(SCALE.index(first) - SCALE.index(second)) / (len(SCALE) - 1)


@given(counts)
def test_kappa_is_what_its_definition_says(pairs):
    for weighted, weight in ((False, lambda a, b: a == b), (True, linear)):
        found = kappa(pairs, SCALE, weighted=weighted, least=1)
        expected = by_hand(pairs, weight)
        assert found.n == sum(pairs.values())
        if expected is None:
            assert found.value is None
            assert found.missing == ONE_ANSWER
        else:
            assert found.value == pytest.approx(expected, abs=1e-9)
            assert -1 <= found.interval.low <= found.value + 1e-9
            assert found.value - 1e-9 <= found.interval.high <= 1


@given(counts)
def test_it_does_not_matter_who_was_first(pairs):
    turned = {(b, a): n for (a, b), n in pairs.items()}
    one, other = (agreement(each, SCALE, least=1) for each in (pairs, turned))
    assert one.agreed == other.agreed
    for a, b in ((one.plain, other.plain), (one.weighted, other.weighted)):
        if a.value is None:
            assert b.value is None
        else:
            assert (a.value, *floats(a)) == pytest.approx((b.value, *floats(b)), abs=1e-7)


def floats(made):
    return made.interval.low, made.interval.high


@given(counts)
def test_full_agreement_is_one_and_its_interval_has_a_width(pairs):
    same = {(a, a): n for (a, _), n in pairs.items()}
    found = kappa(same, SCALE, least=1)
    if len(same) == 1:
        assert found.missing == ONE_ANSWER
    else:
        assert found.value == pytest.approx(1)
        assert found.interval.high == 1
        assert found.interval.low < 1


def test_an_example_of_the_literature():
    # 50 proposals, two readers: yes/yes 20, yes/no 5, no/yes 10, no/no 15.
    pairs = {
        ("allow", "allow"): 20,
        ("allow", "remove"): 5,
        ("remove", "allow"): 10,
        ("remove", "remove"): 15,
    }
    assert kappa(pairs, SCALE).value == pytest.approx(0.4)


def test_the_variance_is_that_of_the_delta_method():
    """The interval on the logarithm of what is missing to 1, with numerical derivatives."""
    pairs = {
        ("allow", "allow"): 60,
        ("allow", "label"): 7,
        ("label", "label"): 15,
        ("remove", "remove"): 30,
        ("remove", "allow"): 5,
        ("quarantine", "remove"): 2,
    }
    cells, n = list(pairs), sum(pairs.values())
    shares = np.array([pairs[cell] / n for cell in cells])
    for weighted, weight in ((False, lambda a, b: float(a == b)), (True, linear)):

        def distance(p, weight=weight):
            apart = sum(s * (1 - weight(*c)) for s, c in zip(p, cells, strict=True))
            chance = sum(
                s * t * (1 - weight(c[0], d[1]))
                for s, c in zip(p, cells, strict=True)
                for t, d in zip(p, cells, strict=True)
            )
            return math.log(apart * p.sum() / chance)

        step = 1e-6
        slope = np.array(
            [
                (distance(shares + step * unit) - distance(shares - step * unit)) / (2 * step)
                for unit in np.eye(len(cells))
            ]
        )
        variance = (shares @ slope**2 - (shares @ slope) ** 2) / n
        found = kappa(pairs, SCALE, weighted=weighted)
        half = 1.959963985 * math.sqrt(variance)
        apart = 1 - found.value
        assert floats(found) == pytest.approx(
            (1 - apart * math.exp(half), 1 - apart * math.exp(-half)), abs=1e-4
        )


def test_what_is_near_on_the_scale_agrees_in_part():
    near = {("allow", "allow"): 40, ("remove", "remove"): 40, ("remove", "restrict"): 20}
    far = {("allow", "allow"): 40, ("remove", "remove"): 40, ("remove", "label"): 20}
    plain, weighted = (
        [kappa(pairs, SCALE, weighted=how).value for pairs in (near, far)] for how in (False, True)
    )
    assert plain[0] == pytest.approx(plain[1])
    assert weighted[0] > weighted[1] > plain[0]


def test_kappa_is_small_where_one_answer_is_nearly_always_right_and_agreement_is_told():
    found = agreement(
        {
            ("allow", "allow"): 960,
            ("allow", "remove"): 20,
            ("remove", "allow"): 18,
            ("remove", "remove"): 2,
        },
        SCALE,
    )
    assert found.agreed.value == pytest.approx(0.962)
    assert found.plain.value < 0.1


def test_of_too_few_pairs_there_is_no_kappa_but_the_agreement():
    found = agreement({("allow", "allow"): LEAST - 2, ("allow", "remove"): 1}, SCALE)
    assert found.agreed.n == LEAST - 1
    assert (found.plain.value, found.plain.missing) == (None, TOO_FEW)
    assert agreement({}, SCALE).agreed.value is None


@pytest.mark.parametrize("pairs", [{("allow", "perhaps"): 60}, {("allow", "allow"): -1}])
def test_what_is_no_answer_is_refused(pairs):
    with pytest.raises(ValueError, match="not on the scale"):
        kappa(pairs, SCALE)
