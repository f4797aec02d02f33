import msgspec

from tidegate.evidence import Item, Signal, Span, Track
from tidegate.report.timeline import timeline


def test_one_lane_a_bank_entry_a_category_and_the_unknown(video: Item) -> None:
    line = timeline(video)
    assert line is not None
    assert [lane.kind for lane in line.lanes] == ["match", "score", "unknown"]
    match, score, unknown = line.lanes
    assert match.title == "press-photos / 12"
    assert (match.bars[0].at, match.bars[0].width) == (53.333, 36.667)
    assert match.bars[0].text.endswith("00:14–00:24")
    assert (score.title, score.family) == ("Sexually explicit", "sexual")
    assert [(t.action, t.text) for t in score.thresholds] == [
        ("remove", "remove from 0.99"),
        ("hold", "hold from 0.80"),
    ]
    assert unknown.bars[0].at + unknown.bars[0].width == 100


def test_ticks_are_round_and_few(video: Item) -> None:
    line = timeline(video)
    assert line is not None
    assert [tick.text for tick in line.ticks][:3] == ["00:00", "00:05", "00:10"]
    assert len(line.ticks) <= 10


def test_a_still_picture_has_none(allowed: Item) -> None:
    assert timeline(allowed) is None


def test_a_low_score_is_drawn_faintly(video: Item) -> None:
    low = Signal(
        category="sexual.explicit",
        score=0.02,
        detector="opennsfw",
        version="1.0",
        span=Span(start=0, end=27),
        peak=3.0,
    )
    line = timeline(with_evidence(video, signals=(low,)))
    assert line is not None
    assert line.lanes[1].bars[0].weight == 0.02


def test_a_long_curve_is_thinned_and_keeps_its_peak(video: Item) -> None:
    seconds = tuple(float(s) for s in range(20_000))
    scores = tuple(1.0 if s == 12_345 else 0.0 for s in range(20_000))
    track = Track(category="sexual.explicit", detector="opennsfw", seconds=seconds, scores=scores)
    line = timeline(with_evidence(video, tracks=(track,)))
    assert line is not None
    curve = line.lanes[1].line
    assert curve.count("L") <= 600
    assert f"{1000 * 12_345 / 19_999:.1f} 8.0" in curve


def test_many_entries_do_not_bury_the_rest(video: Item) -> None:
    match = video.evidence.matches[0]
    many = tuple(msgspec.structs.replace(match, entry=str(i)) for i in range(40))
    line = timeline(with_evidence(video, matches=many))
    assert line is not None
    assert line.left_out == 28
    assert len(line.lanes) == 14


def with_evidence(item: Item, **changes: object) -> Item:
    return msgspec.structs.replace(item, evidence=msgspec.structs.replace(item.evidence, **changes))
