import msgspec

from tidegate.evidence import Match, Signal, Span, Unknown
from tidegate.policy import words


def test_a_match_in_a_clip_in_words():
    found = Match(
        bank="press-photos",
        entry="12",
        category="known.other",
        role="block",
        kind="pdq",
        distance=9,
        transform="flip_horizontal",
        span=Span(start=14, end=31),
        entry_span=Span(start=2.5, end=19.5),
        query_share=0.83,
    )
    told = (
        "known.other: 9 bits from entry 12 of bank press-photos, mirrored left to right, "
        "00:14–00:31, 83 % of the clip, 00:02–00:19 of the entry"
    )
    assert words.match(found, "video") == told
    faster = msgspec.structs.replace(found, speed=1.25)
    assert words.match(faster, "video") == f"{told}, at 1.25× speed"


def test_the_same_bytes_in_words():
    found = Match(
        bank="b", entry="1", category="known.other", role="block", kind="sha256", distance=0
    )
    assert words.match(found, "image") == (
        "known.other: the same bytes (sha256) as entry 1 of bank b"
    )


def test_a_signal_in_words():
    found = Signal(
        category="sexual.explicit",
        score=0.931,
        detector="opennsfw",
        version="1",
        span=Span(start=3, end=7),
        peak=5,
    )
    assert words.signal(found) == ("sexual.explicit: 0.93 by opennsfw, at 00:05 within 00:03–00:07")


def test_a_missing_answer_in_words():
    found = Unknown(
        stage="media", cause="truncated", detail="the file ends early", span=Span(start=60, end=90)
    )
    assert words.unknown(found) == "unknown (truncated): the file ends early, 01:00–01:30"
