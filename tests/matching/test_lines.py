import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tidegate.matching.align import runs
from tidegate.matching.lines import ENOUGH, MARGIN, TOLERANCE, Line, Search, Votes, fitted, sweep


def votes_of(hits: list[tuple[int, int]]) -> Votes:
    """Votes of frames half a second apart that met an entry's frames, an eighth apart.

    They are a little more than that apart, so that no two votes touch to the last digit.
    """
    frame, row = np.array(hits, np.int64).reshape(-1, 2).T
    met = runs(frame, row, np.zeros(len(row), np.int64))
    at = met.frame * 0.5123 + 0.2
    owned = np.stack((at - 0.25, at + 0.25), axis=1)
    return Votes(met.frame, at, owned, np.stack((met.first, met.last + 1), axis=1) / 8)


def explained(votes: Votes, line: Line) -> float:
    """Seconds of the frames that a line passes through, frame by frame."""
    seconds = 0.0
    for frame in np.unique(votes.frame):
        mine = votes.only(votes.frame == frame)
        at = line.speed * mine.at[0] - line.shift
        if any(first - TOLERANCE < at <= last + TOLERANCE for first, last in mine.met.tolist()):
            seconds += mine.weight[0]
    return seconds


some_votes = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 100)), min_size=1, max_size=100, unique=True
).map(votes_of)

speeds = st.floats(-1.0, 1.0).map(lambda octaves: 2.0**octaves)


@given(votes=some_votes, speed=speeds)
@settings(max_examples=100, deadline=None)
def test_no_shift_explains_more_than_the_one_that_is_found(votes: Votes, speed: float) -> None:
    (most,), (left,), (right,) = sweep(votes, np.array([speed]))
    found = Line(speed, (left + right) / 2)
    assert explained(votes, found) == pytest.approx(most)
    assert votes.support(found) == pytest.approx(most)
    # Support changes where an interval begins or ends: to try between them is to try all.
    reach = votes.met + np.array([-TOLERANCE, TOLERANCE])
    ends = np.unique(np.round(speed * votes.at[:, np.newaxis] - reach, 9))
    for shift in (ends[1:] + ends[:-1]) / 2:
        assert explained(votes, Line(speed, float(shift))) <= most + 1e-6


@given(votes=some_votes)
@example(votes=votes_of([(3, 0), (13, 36), (17, 54), (19, 64)]))
@settings(max_examples=100, deadline=None)
def test_another_speed_explains_nearly_all_or_much_more(votes: Votes) -> None:
    line = Search(0.3, 1e9).best(votes)
    # Of a broken line one part is told: what matters is what it explains there.
    votes = votes.only((line.start <= votes.at) & (votes.at <= line.end))
    ((normal,), _, _) = sweep(votes, np.array([1.0]))
    least = normal if line.speed == 1.0 else ENOUGH * normal
    assert votes.support(line) >= least - 1e-6
    assert MARGIN > 1.0


@given(speed=speeds, shift=st.floats(-20.0, 5.0), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_a_fit_reaches_all_that_lies_on_the_line(speed: float, shift: float, seed: int) -> None:
    # Nearer to normal speed, what the guess meets of the line cannot tell the two apart.
    assume(abs(speed - 1.0) > 0.02)
    rng = np.random.default_rng(seed)
    frame = np.arange(400)
    middle = (speed * (frame * 0.5123 + 0.2) - shift) * 8
    first = np.round(middle - rng.integers(1, 5, 400)).astype(int)
    last = np.round(middle + rng.integers(1, 5, 400)).astype(int)
    hits = [(k, row) for k in frame.tolist() for row in range(first[k], last[k] + 1)]
    votes = votes_of(hits)
    guess = Line(speed * 1.03, shift + speed * 0.03 * 100)
    assert votes.support(guess) < 150
    line = fitted(guess, votes)
    assert line is not None
    assert votes.support(line) == pytest.approx(200, abs=1)
    assert line.speed == pytest.approx(speed, abs=0.002)


def test_when_the_work_is_spent_only_normal_speed_is_asked() -> None:
    votes = votes_of([(frame, frame * 8) for frame in range(20)])
    assert Search(0.3, 1e9).best(votes).speed == pytest.approx(1 / 0.5123, abs=0.01)
    assert Search(0.3, 10).best(votes).speed == 1.0
