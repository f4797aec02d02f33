import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidegate.detectors import Scores
from tidegate.detectors.signals import FLOOR
from tidegate.evidence import Span


class Detector:
    id = "example"
    categories = ("sexual.explicit",)

    class manifest:  # noqa: N801 - stands in for the attribute
        id = "example"
        version = "1"
        review_only = False


def scored(values, step=1.0):
    scores = Scores(Detector())
    peaks = [scores.add(i * step, np.array([v])) for i, v in enumerate(values)]
    return scores, peaks


def test_a_run_above_the_floor_becomes_a_signal_with_its_peak():
    scores, _ = scored([0.0, 0.5, 0.9, 0.6, 0.1, 0.0])
    signals, tracks = scores.finish("video", 6.0)
    (signal,) = signals
    assert (signal.span, signal.peak, signal.score) == (Span(start=1, end=4), 2.0, 0.9)
    assert tracks[0].scores == (0.0, 0.5, 0.9, 0.6, 0.1, 0.0)


def test_low_scores_are_an_answer_too():
    signals, _ = scored([0.01, 0.03, 0.02])[0].finish("video", 3.0)
    assert [(s.score, s.span) for s in signals] == [(0.03, Span(start=0, end=3))]


def test_a_still_picture_has_no_span():
    signals, tracks = scored([0.7])[0].finish("image", 0.0)
    assert (signals[0].score, signals[0].span, tracks) == (0.7, None, [])


def test_nothing_seen_is_no_signal():
    assert Scores(Detector()).finish("video", 9.0) == ([], [])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_signals_hold_the_highest_score_and_every_frame_above_the_floor(values):
    scores, peaks = scored(values)
    signals, _ = scores.finish("video", float(len(values)))
    assert max(s.score for s in signals) == round(max(values), 4)
    for second, value in enumerate(values):
        if round(value, 4) >= FLOOR:
            assert any(s.span.start <= second < s.span.end for s in signals)
    # Each signal's peak was told as a peak when it went by, so that its picture is kept.
    for signal in signals:
        assert peaks[int(signal.peak)] or signal.score < FLOOR
