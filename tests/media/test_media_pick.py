"""The rule that picks frames, the clock, and the look ahead: on times alone."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidegate.media import Sampling
from tidegate.media.ahead import with_successor
from tidegate.media.clock import Clock
from tidegate.media.pick import Picker

steps = st.lists(st.tuples(st.integers(1, 90), st.booleans()), min_size=1, max_size=60)
gaps = st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0])


def pick(frames: list[tuple[float, bool]], gap: float) -> list[float]:
    picker = Picker[int](Sampling(gap=gap))
    picked = []
    for index, (second, key) in enumerate(frames):
        picked += picker.take(second, key, index)
    picked += picker.end()
    assert all(frames[index] == (second, key) for second, key, index in picked)
    return [second for second, _, _ in picked]


def timed(steps: list[tuple[int, bool]]) -> list[tuple[float, bool]]:
    ticks, frames = 0, []
    for step, key in steps:
        frames.append((ticks / 30, key))
        ticks += step
    return frames


@given(steps, gaps)
def test_no_gap_that_the_frames_do_not_force(steps: list[tuple[int, bool]], gap: float) -> None:
    frames = timed(steps)
    times = [second for second, _ in frames]
    picked = pick(frames, gap)
    assert picked[0] == times[0]
    assert all(a < b for a, b in pairwise(picked))
    for a, b in pairwise(picked):
        # Wider than the gap only where there was no frame in between.
        assert b - a <= gap + 1e-5 or times.index(b) == times.index(a) + 1
    assert times[-1] - picked[-1] <= gap / 2 + 1e-5


@given(steps)
def test_gap_of_zero_is_every_frame(steps: list[tuple[int, bool]]) -> None:
    frames = timed(steps)
    assert pick(frames, 0.0) == [second for second, _ in frames]


def test_keyframes_are_picked_but_not_all_of_a_crowd() -> None:
    assert pick([(0.0, True), (0.4, False), (0.5, True), (0.9, False)], 1.0) == [0.0, 0.5]
    crowd = [(i / 25, True) for i in range(51)]
    assert pick(crowd, 1.0) == [0.0, 0.28, 0.56, 0.84, 1.12, 1.4, 1.68, 1.96]


@dataclass
class Packet:
    pts: int | None


@given(st.integers(1, 80), st.integers(0, 8), st.randoms(use_true_random=False))
def test_successors_in_any_order_within_the_depth(count: int, depth: int, random: Any) -> None:
    stamps = [time * 10 for time in range(count)]
    for start in range(0, count, depth + 1):  # Groups out of order, as with B-frames.
        group = stamps[start : start + depth + 1]
        random.shuffle(group)
        stamps[start : start + depth + 1] = group
    packets: Any = [Packet(stamp) for stamp in stamps]
    found = [(packet.pts, after) for packet, after in with_successor(packets)]
    assert [stamp for stamp, _ in found] == stamps
    last = max(stamps)
    assert all(
        after == (None if own == last else own + 10) for own, after in found if own is not None
    )


def test_one_missing_time_hides_its_neighbours_successors() -> None:
    packets: Any = [Packet(0), Packet(None), Packet(2)]
    assert [after for _, after in with_successor(packets)] == [None, None, None]


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), max_size=50))
def test_clock_never_goes_back(stamps: list[int | None]) -> None:
    clock = Clock(0, 1 / 90_000, 25)
    seconds = [clock.tick(stamp) for stamp in stamps]
    assert seconds == sorted(seconds)
    assert all(second >= 0 for second in seconds)


def test_clock_goes_on_after_a_new_beginning() -> None:
    clock = Clock(1000, 1 / 100, 25)
    assert [round(clock.tick(stamp), 3) for stamp in (1000, 1004, 1008)] == [0.0, 0.04, 0.08]
    restarted = [round(clock.tick(stamp), 3) for stamp in (0, 4, 8)]
    assert restarted == [0.12, 0.16, 0.2]
