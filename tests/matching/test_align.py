import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tidegate.matching.align import Piece, Runs, align, runs
from tidegate.matching.timeline import Timeline, share, span


def every(gap: float, duration: float, phase: float = 0.0) -> Timeline:
    return Timeline(np.arange(phase, duration, gap), duration)


def met(
    query: Timeline,
    entry: Timeline,
    shown: NDArray[np.float64],
    reach: float = 0.5,
    noise: float = 0.0,
    seed: int = 0,
) -> Runs:
    """Hits where a frame of the entry lies near the second that each query frame shows.

    ``shown`` holds the second of the entry, or NaN for anything else.
    """
    rng = np.random.default_rng(seed)
    frame, row = np.nonzero(np.abs(shown[:, np.newaxis] - entry.seconds[np.newaxis]) <= reach)
    distance = np.round(20 * np.abs(shown[frame] - entry.seconds[row])).astype(np.int64)
    kept = rng.random(len(frame)) >= noise
    stray = int(noise * len(query.seconds))
    frame = np.concatenate((frame[kept], rng.integers(0, len(query.seconds), stray)))
    row = np.concatenate((row[kept], rng.integers(0, len(entry.seconds), stray)))
    distance = np.concatenate((distance[kept], np.full(stray, 25)))
    _, first = np.unique(np.stack((frame, row)), axis=1, return_index=True)
    return runs(frame[first], row[first], distance[first])


def near(found: Piece, start: float, end: float, entry_start: float, entry_end: float) -> bool:
    expected = (start, end, entry_start, entry_end)
    actual = (found.span.start, found.span.end, found.entry_span.start, found.entry_span.end)
    return bool(np.allclose(actual, expected, atol=1.0))


@given(
    start=st.floats(0, 40),
    length=st.floats(6, 30),
    at=st.floats(0, 40),
    query_gap=st.sampled_from((0.25, 0.5, 1.0)),
    entry_gap=st.sampled_from((0.125, 0.5, 1.0)),
    noise=st.sampled_from((0.0, 0.2)),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_a_planted_piece_is_found_to_within_a_second(
    start: float,
    length: float,
    at: float,
    query_gap: float,
    entry_gap: float,
    noise: float,
    seed: int,
) -> None:
    query, entry = every(query_gap, 80.0, 0.07), every(entry_gap, 75.0)
    moment = query.seconds - at
    shown = np.where((moment >= 0) & (moment <= length), moment + start, np.nan)
    found = align(query, entry, met(query, entry, shown, noise=noise, seed=seed))
    longest = max(found, key=lambda piece: piece.span.length)
    if noise == 0.0:
        assert len(found) == 1
        assert near(longest, at, at + length, start, start + length)
        # Both ends follow from one shift.
        assert longest.entry_span.length == pytest.approx(longest.span.length, abs=0.5)
    else:
        shift = longest.span.start - longest.entry_span.start
        assert abs(shift - (at - start)) <= 1.0
        assert longest.span.start >= at - 5.0
        assert longest.span.end <= at + length + 5.0


def test_pieces_in_another_order_are_all_found() -> None:
    query, entry = every(1.0, 60.0), every(0.5, 60.0)
    t = query.seconds
    shown = np.select(
        [(t >= 5) & (t < 20), (t >= 20) & (t < 30), (t >= 45) & (t < 55)],
        [t + 35, t - 15, t - 25],
        np.nan,
    )
    found = align(query, entry, met(query, entry, shown))
    assert len(found) == 3
    assert near(found[0], 5, 20, 40, 55)
    assert near(found[1], 20, 30, 5, 15)
    assert near(found[2], 45, 55, 20, 30)


def test_the_same_piece_twice_is_found_twice() -> None:
    query, entry = every(1.0, 40.0), every(1.0, 10.0)
    t = query.seconds
    shown = np.select([t < 10, (t >= 25) & (t < 35)], [t, t - 25], np.nan)
    found = align(query, entry, met(query, entry, shown))
    assert len(found) == 2
    assert near(found[0], 0, 10, 0, 10)
    assert near(found[1], 25, 35, 0, 10)


def test_a_long_hole_splits_a_piece_and_a_short_one_does_not() -> None:
    query, entry = every(0.5, 40.0), every(0.5, 40.0)
    t = query.seconds
    short = met(query, entry, np.where((t < 10) | (t > 11), t, np.nan))
    long = met(query, entry, np.where((t < 10) | (t > 20), t, np.nan))
    assert len(align(query, entry, short)) == 1
    found = align(query, entry, long)
    assert len(found) == 2
    assert near(found[0], 0, 10, 0, 10)
    assert near(found[1], 20, 40, 20, 40)


def test_a_still_scene_follows_the_moving_frames_around_it() -> None:
    query, entry = every(1.0, 30.0), every(0.5, 90.0)
    still = (entry.seconds >= 40) & (entry.seconds <= 60)
    shift = 35.0
    frame: list[int] = []
    row: list[int] = []
    for number, second in enumerate(query.seconds + shift):
        if 40 <= second <= 60:
            hit = np.flatnonzero(still)
        else:
            hit = np.flatnonzero(np.abs(entry.seconds - second) <= 0.3)
        frame += [number] * len(hit)
        row += hit.tolist()
    hits = runs(np.array(frame), np.array(row), np.zeros(len(row), np.int64))
    assert len(hits.frame) == 30
    (found,) = align(query, entry, hits)
    assert near(found, 0, 30, 35, 65)


def test_two_still_videos_lie_side_by_side() -> None:
    short, long = every(1.0, 10.0), every(1.0, 60.0)

    def all_met(query: Timeline, entry: Timeline) -> Runs:
        count = len(query.seconds)
        last = np.full(count, len(entry.seconds) - 1)
        return Runs(np.arange(count), np.zeros(count, int), last, np.ones(count, int))

    (same,) = align(long, long, all_met(long, long))
    assert near(same, 0, 60, 0, 60)
    (inside,) = align(short, long, all_met(short, long))
    assert near(inside, 0, 10, inside.entry_span.start, inside.entry_span.start + 10)
    tiled = align(long, short, all_met(long, short))
    assert share([piece.span for piece in tiled], 60.0) >= 0.85
    assert all(piece.entry_span.length <= 10.0 for piece in tiled)


def test_drifting_clocks_still_make_one_piece() -> None:
    query, entry = every(0.5, 60.0), every(0.5, 62.5)
    found = align(query, entry, met(query, entry, query.seconds * 25 / 24))
    assert len(found) == 1
    assert near(found[0], 0, 60, 0, 62.5)


def test_frames_that_agree_on_nothing_are_no_piece() -> None:
    query, entry = every(1.0, 40.0), every(1.0, 400.0)
    frame = np.arange(0, 40, 5)
    hits = runs(frame, 390 - frame * 7, np.full(len(frame), 20))
    assert align(query, entry, hits) == ()


def test_a_single_frame_is_enough_where_there_is_no_more() -> None:
    one, long = Timeline(np.array([0.2]), 0.8), every(1.0, 30.0)
    hit = runs(np.array([0]), np.array([7]), np.array([4]))
    (found,) = align(one, long, hit)
    assert found.distance == 4
    assert found.span == span(0.0, 0.8)
    hit = runs(np.array([7]), np.array([0]), np.array([4]))
    (found,) = align(long, one, hit)
    assert near(found, 7, 8, 0, 0.8)


def test_the_peak_is_the_nearest_frame() -> None:
    query, entry = every(1.0, 10.0), every(1.0, 10.0)
    distance = np.array([9, 8, 7, 3, 7, 3, 8, 9, 9, 9])
    (found,) = align(query, entry, runs(np.arange(10), np.arange(10), distance))
    assert (found.distance, found.peak) == (3, 3.0)


def test_no_hits_are_no_pieces() -> None:
    nothing = np.zeros(0, np.int64)
    assert align(every(1.0, 5.0), every(1.0, 5.0), runs(nothing, nothing, nothing)) == ()


@given(
    hits=st.lists(
        st.tuples(st.integers(0, 29), st.integers(0, 39), st.integers(0, 31)),
        max_size=300,
        unique_by=lambda hit: hit[:2],
    )
)
@settings(max_examples=100, deadline=None)
def test_whatever_met_the_pieces_are_sound(hits: list[tuple[int, int, int]]) -> None:
    query, entry = every(1.0, 30.0), every(0.5, 20.0)
    columns = np.array(hits, np.int64).reshape(-1, 3).T
    found = align(query, entry, runs(*columns))
    assert found == align(query, entry, runs(*columns[:, ::-1]))
    for piece in found:
        assert 0.0 <= piece.span.start <= piece.peak <= piece.span.end
        assert piece.span.end <= 30.0
        assert 0.0 <= piece.entry_span.start <= piece.entry_span.end <= 20.0
        assert piece.distance in columns[2]
    assert [p.span.start for p in found] == sorted(p.span.start for p in found)
