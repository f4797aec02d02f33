import numpy as np

from tidegate.matching.timeline import Timeline, share, span, stretches


def owned(seconds: list[float], duration: float) -> list[list[float]]:
    found: list[list[float]] = Timeline.of(seconds, duration).owned().tolist()
    return found


def test_a_frame_owns_the_time_to_halfway() -> None:
    assert owned([0.0, 1.0, 1.5], 2.0) == [[0.0, 0.5], [0.5, 1.25], [1.25, 2.0]]


def test_missing_frames_leave_time_that_nobody_owns() -> None:
    assert owned([0.0, 1.0, 9.0, 10.0], 20.0) == [[0, 0.5], [0.5, 2.0], [8.0, 9.5], [9.5, 11.0]]


def test_a_slower_sampling_leaves_no_holes() -> None:
    assert owned([0.0, 5.0, 10.0], 12.0) == [[0, 2.5], [2.5, 7.5], [7.5, 12.0]]


def test_a_single_frame_owns_all() -> None:
    assert owned([0.4], 3.0) == [[0.0, 3.0]]
    assert owned([], 3.0) == []


def test_a_missing_duration_goes_to_the_last_frame() -> None:
    assert Timeline.of([0.0, 1.0, 2.0], 0.0).duration == 2.0


def test_holes_split() -> None:
    times = np.array([[0.0, 1.0], [1.0, 2.0], [4.0, 5.0], [7.1, 8.0]])
    assert stretches(times) == [slice(0, 3), slice(3, 4)]
    assert stretches(times[:0]) == []


def test_the_share_counts_nothing_twice() -> None:
    spans = [span(5.0, 8.0), span(0.0, 2.0), span(1.0, 3.0), span(1.0, 1.5)]
    assert share(spans, 12.0) == 0.5
    assert share(spans, 4.0) == 1.0
    assert share([], 4.0) == 0.0
    assert share(spans, 0.0) == 1.0
