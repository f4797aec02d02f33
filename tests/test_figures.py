import pytest

from tidegate.evidence import Span
from tidegate.figures import clock, pace, percent, stretch


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [
        (0, 0, "00:00"),
        (14.9, 0, "00:14"),
        (14.29, 2, "00:14.29"),
        (59.9996, 0, "01:00"),
        (3723, 0, "1:02:03"),
        (36000.5, 1, "10:00:00.5"),
        (-0.001, 0, "00:00"),
    ],
)
def test_clock(seconds: float, decimals: int, text: str) -> None:
    assert clock(seconds, decimals) == text


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [(14.0, 31.2, "00:14–00:31"), (14.2, 14.75, "00:14.20–00:14.75"), (3.0, 3.0, "00:03.00")],
)
def test_stretch(start: float, end: float, text: str) -> None:
    assert stretch(Span(start=start, end=end)) == text


@pytest.mark.parametrize(
    ("speed", "text"),
    [(1.0, ""), (1.009, ""), (1.25, "at 1.25× speed"), (0.959, "at 0.96× speed")],
)
def test_only_a_speed_that_shows_is_told(speed: float, text: str) -> None:
    assert pace(speed) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "100 %"), (0.999, "99 %"), (0.001, "under 1 %"), (0.0, "0 %")]
)
def test_shares_never_round_to_all_or_nothing(value: float, text: str) -> None:
    assert percent(value) == text
