import pytest

from tidegate.evidence import Bound, Item
from tidegate.report import words
from tidegate.report.visible import shorten, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain name.jpg", "plain name.jpg"),
        ("Žluťoučký 写真.png", "Žluťoučký 写真.png"),
        ("x\u202egpj.exe", "x⟨U+202E⟩gpj.exe"),
        ("a\x1b[31mb\nc", "a⟨U+001B⟩[31mb⟨U+000A⟩c"),
        ("bad\udcff.jpg", "bad⟨byte FF⟩.jpg"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_long_text_is_cut_in_the_middle_and_keeps_its_end() -> None:
    short = shorten("uploads/" + "deep/" * 20 + "picture-0001.jpg", 40)
    assert len(short) == 40
    assert short.startswith("uploads/")
    assert short.endswith("/picture-0001.jpg")
    assert shorten("short.jpg", 40) == "short.jpg"


@pytest.mark.parametrize(
    ("of", "observed", "threshold", "holds", "text"),
    [
        ("score", 0.94, 0.8, True, "score 0.94 ≥ 0.80"),
        ("score", 0.4999, 0.5, False, "score 0.4999 < 0.5000"),
        ("distance", 9, 31, True, "distance 9 ≤ 31"),
        ("distance", 40, 31, False, "distance 40 > 31"),
        ("entry_share", 0.83, 0.5, True, "share of the entry 83 % ≥ 50 %"),
        ("query_share", 0.498, 0.5, False, "share of this item 49.8 % < 50.0 %"),
    ],
)
def test_bounds_show_what_was_compared(
    of: str, observed: float, threshold: float, holds: bool, text: str
) -> None:
    bound = Bound(of=of, observed=observed, threshold=threshold, holds=holds)  # type: ignore[arg-type]
    assert words.bound(bound) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (3120, "3.1 kB"),
        (999_900, "1.0 MB"),
        (5 * 10**12, "5.0 TB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0421, "42 ms"), (0.9996, "1.0 s"), (12.34, "12.3 s"), (61, "01:01")]
)
def test_elapsed(seconds: float, text: str) -> None:
    assert words.elapsed(seconds) == text


def test_a_silenced_reason_is_not_told_as_the_decision(overruled: Item) -> None:
    assert words.outcome(overruled).endswith("; overruled by banks.own-press.allow")
