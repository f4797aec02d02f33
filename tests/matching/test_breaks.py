from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tidegate.matching import breaks
from tidegate.matching.breaks import BREAK, SHORTEST, SPEED, Believed, longest


def cost(x: NDArray[np.float64], y: NDArray[np.float64], bounds: list[int]) -> float:
    """What a row of lines costs, line by line."""
    total = BREAK * (len(bounds) - 2)
    for first, end in pairwise(bounds):
        at, off = x[first:end], (y - x)[first:end]
        still = float(((off - off.mean()) ** 2).sum())
        best = min(
            float(((off - slope * at - (off - slope * at).mean()) ** 2).sum())
            for slope in np.append(np.linspace(-1.0, 1.2, 441), 0.0)
        )
        total += min(still, best + SPEED)
    return total


@given(seed=st.integers(0, 10_000), count=st.integers(SHORTEST, 11))
@settings(max_examples=25, deadline=None)
def test_no_row_of_lines_is_better_than_the_one_that_is_found(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.uniform(0.2, 1.0, count))
    y = x + np.cumsum(rng.choice((0.0, 0.0, 3.0), count)) + rng.normal(0.0, 0.5, count)
    row, least = breaks._row(x, y - x, np.ones(count))
    all_rows = (
        [0, *inner, count]
        for parts in range(count // SHORTEST)
        for inner in combinations(range(SHORTEST, count), parts)
    )
    sound = [r for r in all_rows if min(np.diff(r)) >= SHORTEST]
    assert cost(x, y, row) == pytest.approx(least, abs=0.05)
    assert least <= min(cost(x, y, r) for r in sound) + 0.05


def test_steps_are_told_from_a_slope() -> None:
    x = np.arange(0.0, 20.0, 0.25)
    weight = np.full(len(x), 30.0)
    steps = x + 2.0 * (x // 5.0)
    part = longest(x, steps, weight, Believed(1.4, 1.0), 0.4)
    assert part is not None
    assert not part.skewed
    assert part.end - part.first == 20
    assert longest(x, 1.4 * x - 1.0, weight, Believed(1.4, 1.0), 0.4) is None


def test_steps_no_higher_than_frames_are_apart_are_no_breaks() -> None:
    x = np.arange(0.0, 40.0, 0.25)
    weight = np.full(len(x), 100.0)
    steps = x + 0.5 * (x // 10.0)
    assert longest(x, steps, weight, Believed(1.05, 0.25), 0.75) is None
    assert longest(x, steps, weight, Believed(1.05, 0.25), 0.4) is not None


def test_many_points_are_taken_together() -> None:
    x = np.arange(0.0, 3000.0, 0.25)
    y = np.where(x < 2000.0, x, x + 100.0)
    part = longest(x, y, np.full(len(x), 10.0), Believed(1.05, 0.0), 0.4)
    assert part is not None
    assert x[part.end - 1] == pytest.approx(2000.0, abs=10.0)
