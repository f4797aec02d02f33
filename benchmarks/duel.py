"""Two contenders timed in turn: the ratio of one run, with its spread.

The speed of a machine drifts; two calls that follow one another share the drift. So the
figure is the median of the ratios of the rounds, not the ratio of two medians.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import msgspec

Work = Callable[[], object]


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The median of some rounds, with the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Summarise at least one value."""
        return cls(median=statistics.median(values), low=min(values), high=max(values))


class Goal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the project set out to reach: a least ratio, or a bound of our own figure."""

    ratio: float | None = None
    least: float | None = None
    most: float | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a table.

    Attributes:
        case: What was done.
        peer: Who did it beside us, and how it was set.
        unit: Of ours and theirs: ``s``, ``bytes``, ``%`` or what else they are.
        ours: Our figure.
        theirs: The peer's figure, or ``None`` where it has none.
        ratio: How many times better ours is, or ``None`` where a ratio says nothing.
        rounds: Rounds (or cases, where the unit is ``%``) that the figures are from.
        goal: What is to be reached, or ``None`` for a row that only informs.
    """

    case: str
    peer: str
    unit: str
    ours: Spread
    theirs: Spread | None = None
    ratio: Spread | None = None
    rounds: int
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; ``None`` without one."""
        if self.goal is None:
            return None
        reached = []
        if self.goal.ratio is not None:
            reached.append(self.ratio is not None and self.ratio.median >= self.goal.ratio)
        if self.goal.least is not None:
            reached.append(self.ours.median >= self.goal.least)
        if self.goal.most is not None:
            reached.append(self.ours.median <= self.goal.most)
        return all(reached)


def duel(
    case: str,
    ours: Work,
    peer: str,
    theirs: Work,
    *,
    rounds: int,
    per: int = 1,
    goal: Goal | None = None,
    clock: Callable[[Work], float] | None = None,
) -> Row:
    """Time both in turn, after one round that is not counted.

    Args:
        case: What is done.
        ours: Our work.
        peer: Who does the same.
        theirs: Its work.
        rounds: Rounds that count.
        per: Pieces of work in one call; the times are per piece.
        goal: What is to be reached.
        clock: Runs the work and returns its seconds; by default those of the wall clock.
    """
    clock = clock or wall
    times = [(clock(ours) / per, clock(theirs) / per) for _ in range(rounds + 1)][1:]
    return versus(case, peer, "s", times, goal=goal)


def versus(
    case: str,
    peer: str,
    unit: str,
    pairs: Sequence[tuple[float, float]],
    *,
    goal: Goal | None = None,
) -> Row:
    """Make a row of pairs of figures, ours first, of which the smaller is the better."""
    mine, others = zip(*pairs, strict=True)
    return Row(
        case=case,
        peer=peer,
        unit=unit,
        ours=Spread.of(mine),
        theirs=Spread.of(others),
        ratio=Spread.of([b / a for a, b in pairs]),
        rounds=len(pairs),
        goal=goal,
    )


def wall(work: Work) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process and the children that it starts on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
