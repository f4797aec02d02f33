"""A video is looked at more closely where a score is near a threshold, and only there."""

import time

import numpy as np
import pytest

from tests.clips import clip, encode, picture
from tests.pipeline.asked import Asked, judged, policy
from tidegate.evidence import Span, Track
from tidegate.matching import Bank, add_entries
from tidegate.media import Budget, Reader, Sampling
from tidegate.pipeline import SAMPLING, Found, Scanner, enrol
from tidegate.pipeline.closer import LEAST, MOST, Closer, near, stretches

EXPLICIT, WEAPON = "sexual.explicit", "violence.weapon"
REVIEW = policy("{sexual.explicit: {review: 0.8}, violence.weapon: {review: 0.8}}")
RATE = 20


def lit(levels):
    """Frames of a textured picture, each of about so much brightness."""
    texture = np.asarray(picture("coffee.png", (160, 120))).astype(np.float32)
    texture = (texture - texture.mean()) / 3
    for level in levels:
        yield (255 * level + texture).clip(0, 255).astype(np.uint8)


def swelling(peak=1.0, at=4.5, width=0.8, seconds=10):
    """A flash that begins before it and ends after it: between two seconds, none sees it whole."""
    times = np.arange(seconds * RATE) / RATE
    return 0.1 + (peak - 0.1) * np.exp(-(((times - at) / width) ** 2))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    options = {"preset": "veryfast", "sc_threshold": "0"}
    for name, levels in (
        ("flash", swelling()),
        ("calm", np.full(10 * RATE, 0.1)),
        ("reached", swelling(at=4.0)),
        ("hovering", np.full(60 * RATE, 0.7)),
    ):
        encode(folder / f"{name}.mp4", lit(levels), rate=RATE, gop=RATE, options=options)
    return folder


@pytest.fixture
def reads(monkeypatch):
    """The sampling of each look, and whether it was in colour."""
    made = []
    real = Reader.read

    def read(self, source, sampling=None, *, colour=True, until=None):
        made.append((sampling, colour))
        return real(self, source, sampling, colour=colour, until=until)

    monkeypatch.setattr(Reader, "read", read)
    return made


@pytest.fixture(scope="module")
def reader():
    with Reader() as reader:
        yield reader


def test_a_flash_between_two_seconds_is_found(reader, films, tmp_path):
    model = Asked(tmp_path, "one", EXPLICIT)
    with Reader(sampling=Sampling(gap=0.25)) as dense:
        known = judged(dense, films / "flash.mp4", REVIEW, (), [model])
    with Reader(sampling=Sampling(gap=0.999)) as coarse:
        item = judged(coarse, films / "flash.mp4", REVIEW, (), [model])
    first = [s for t, s in zip(*of(item), strict=True) if t == int(t)]
    assert max(first) < 0.8 < known.evidence.signals[0].score
    assert item.decision.action == known.decision.action == "review"
    signal = item.evidence.signals[0]
    assert signal.score > 0.85
    assert signal.peak == pytest.approx(4.5, abs=0.26)
    assert signal.span.start <= 4.0
    assert signal.span.end >= 5.0


def of(item):
    (track,) = item.evidence.tracks
    return track.seconds, track.scores


def test_its_scores_join_the_track_in_the_order_of_time(reader, films, tmp_path):
    model = Asked(tmp_path, "one", EXPLICIT)
    item = judged(reader, films / "flash.mp4", REVIEW, (), [model])
    seconds, _ = of(item)
    assert list(seconds) == sorted(set(seconds))
    inside = [second for second in seconds if 3.0 <= second <= 6.0]
    outside = [second for second in seconds if not 3.0 <= second <= 6.0]
    assert max(np.diff(inside)) <= 0.26
    assert min(np.diff(outside)) > 0.9
    assert model.pictures == len(seconds)
    assert len(item.evidence.frames) == len(outside) + 4
    (note,) = item.evidence.media.notes
    more = len(seconds) - len(item.evidence.frames)
    assert note == (
        f"looked at more closely where a score was near a threshold: {more} more frames in 3.0 s"
    )


@pytest.mark.parametrize("name", ["calm", "reached"])
def test_what_is_not_near_is_looked_at_once(reader, films, tmp_path, reads, name):
    model = Asked(tmp_path, "one", EXPLICIT)
    item = judged(reader, films / f"{name}.mp4", REVIEW, (), [model])
    assert item.decision.action == ("allow" if name == "calm" else "review")
    assert len(reads) == 1
    assert item.evidence.media.notes == ()


def test_what_is_settled_otherwise_is_looked_at_once(reader, films, tmp_path, reads):
    two = [Asked(tmp_path, "one", EXPLICIT), Asked(tmp_path, "two", WEAPON)]
    two[1].score = 0.9
    judged(reader, films / "flash.mp4", REVIEW, (), two)
    assert len(reads) == 1


def test_only_a_detector_that_is_near_looks_again(reader, films, tmp_path):
    one, two = Asked(tmp_path, "one", EXPLICIT), Asked(tmp_path, "two", WEAPON)
    two.score = 0.3
    item = judged(reader, films / "flash.mp4", REVIEW, (), [one, two])
    assert two.pictures == len(item.evidence.frames) < one.pictures


def test_two_that_are_to_agree_are_each_looked_at(reader, films, tmp_path):
    rules = policy("{sexual.explicit: {review: 0.6, remove: {score: 0.8, detectors: 2}}}")
    one, two = Asked(tmp_path, "one", EXPLICIT), Asked(tmp_path, "two", EXPLICIT)
    two.score = 0.9
    item = judged(reader, films / "flash.mp4", rules, (), [one, two])
    assert item.decision.action == "remove"


def test_a_weak_detector_is_not_looked_at_for_more_than_it_may_do(reader, films, tmp_path, reads):
    rules = policy("{violence.weapon: {label: 0.2, review: 0.4, remove: 0.8}}")
    item = judged(
        reader, films / "flash.mp4", rules, (), [Asked(tmp_path, "weak", WEAPON, weak=True)]
    )
    assert item.decision.action == "review"
    assert len(reads) == 1


def test_one_second_look_serves_matches_and_scores(films, tmp_path, reads):
    with Reader(sampling=SAMPLING) as enrolling:
        entry = enrol(
            Found(films / "flash.mp4", True), enrolling, "1", category=None, note="", added=""
        ).entry
    bank = add_entries(Bank(name="known", role="review"), [entry])
    rules = policy("{sexual.explicit: {remove: 0.8}}")
    # Another file with the same frames.
    data = (films / "flash.mp4").read_bytes()
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(data + b"\0\0\0\x08free")
    reads.clear()
    model = Asked(tmp_path, "one", EXPLICIT)
    with Reader() as reader:
        item = judged(reader, copy, rules, [bank], [model])
    assert [(sampling.gap, sampling.within, colour) for sampling, colour in reads] == [
        (1.0, None, True),
        (0.25, None, True),
    ]
    assert item.decision.action == "remove"
    assert item.evidence.matches[0].kind == "pdq"
    # All frames of the second look are hashed, and those in the stretch are shown to the model.
    assert len(item.evidence.frames) >= 40
    assert model.pictures == len(item.evidence.tracks[0].seconds) < 25


def test_a_dense_first_look_is_enough(films, tmp_path, reads):
    model = Asked(tmp_path, "one", EXPLICIT)
    with Reader(sampling=Sampling(gap=0.25)) as reader:
        judged(reader, films / "flash.mp4", REVIEW, (), [model])
    assert len(reads) == 1


def test_a_closer_look_that_is_stopped_takes_nothing(films, tmp_path, monkeypatch):
    real = Reader.read

    def read(self, source, sampling=None, *, colour=True, until=None):
        until = until and time.monotonic() - 1
        return real(self, source, sampling, colour=colour, until=until)

    monkeypatch.setattr(Reader, "read", read)
    model = Asked(tmp_path, "one", EXPLICIT)
    with Reader() as reader:
        item = judged(reader, films / "flash.mp4", REVIEW, (), [model])
    assert item.evidence.unknowns == ()
    assert item.decision.judged
    assert len(item.evidence.tracks[0].seconds) == len(item.evidence.frames) >= 10
    assert item.evidence.media.notes[0].endswith("not all of them: deadline")


def test_a_first_look_that_was_stopped_is_not_followed_by_another(films, tmp_path, reads):
    model = Asked(tmp_path, "one", EXPLICIT)
    with Reader() as reader:
        whole = judged(reader, films / "flash.mp4", REVIEW, (), [model])
    assert len(reads) == 2
    reads.clear()
    with Reader(Budget(frames=whole.evidence.media.frames_seen - 1)) as reader:
        item = judged(reader, films / "flash.mp4", REVIEW, (), [model])
    assert [u.cause for u in item.evidence.unknowns] == ["too_many_frames"]
    assert len(reads) == 1


def test_a_film_that_hovers_is_looked_at_within_a_bound(reader, films, tmp_path, reads):
    model = Asked(tmp_path, "one", EXPLICIT)
    item = judged(reader, films / "hovering.mp4", REVIEW, (), [model])
    sampling, _ = reads[1]
    assert sum(span.length for span in sampling.within) <= 15.0
    more = model.pictures - len(item.evidence.frames)
    assert 30 <= more <= 15.0 / 0.125


def test_the_picture_of_a_peak_that_only_the_second_look_saw(films, tmp_path):
    model = Asked(tmp_path, "one", EXPLICIT)
    with Scanner(REVIEW, detectors=[model], jobs=1, pictures=True) as scanner:
        (scanned,) = scanner.stream([Found(films / "flash.mp4", True)])
    peak = scanned.item.evidence.signals[0].peak
    assert peak not in {frame.second for frame in scanned.item.evidence.frames}
    assert peak in {shown.second for shown in scanned.pictures}


def test_a_real_clip_that_is_near_nothing_is_seen_as_before(reader, tmp_path, reads):
    model = Asked(tmp_path, "one", EXPLICIT)
    rules = policy("{sexual.explicit: {review: 0.99}}")
    item = judged(reader, clip("bikes.mp4"), rules, (), [model])
    assert len(reads) == 1
    assert len(item.evidence.frames) == model.pictures


def track(*scores, detector="one"):
    return Track(
        category=EXPLICIT,
        detector=detector,
        seconds=tuple(float(second) for second in range(len(scores))),
        scores=scores,
    )


def spans(*tracks, rows, duration):
    found = near(tracks, {EXPLICIT: rows}, reach=1.0, duration=duration)
    return [(span.start, span.end) for span in stretches(found, duration, 0.25)]


@pytest.mark.parametrize(
    ("scores", "rows", "expected"),
    [
        ((0.1, 0.6, 0.1, 0.1), (0.8,), [(0.0, 2.0)]),
        ((0.1, 0.59, 0.1, 0.1), (0.8,), []),
        ((0.1, 0.6, 0.1, 0.1), (0.6, 0.8), [(0.0, 2.0)]),  # The lower one is reached.
        ((0.1, 0.6, 0.1, 0.85), (0.6, 0.8), []),
        ((0.1, 0.12, 0.1), (0.2,), [(0.0, 3.0)]),
        ((0.09, 0.09, 0.09), (0.2,), []),  # Not near: less than half of it.
        ((0.7, 0.1, 0.1, 0.7), (0.8,), [(0.0, 1.0), (2.0, 4.0)]),
        ((0.7, 0.1, 0.7, 0.1), (0.8,), [(0.0, 3.0)]),
        ((0.1, 0.6), (), []),
    ],
)
def test_where_it_is_near(scores, rows, expected):
    assert spans(track(*scores), rows=rows, duration=float(len(scores))) == expected


def test_the_nearest_come_first_when_not_all_can():
    scores = [0.65] * 100
    scores[70] = 0.75
    made = spans(track(*scores), rows=(0.8,), duration=100.0)
    assert any(start <= 69.0 and end >= 71.0 for start, end in made)
    assert 23.0 <= sum(end - start for start, end in made) <= 25.0


@pytest.mark.parametrize(("duration", "most"), [(8, 8.0), (30, LEAST), (100, 25.0), (2000, MOST)])
def test_the_bound(duration, most):
    made = spans(track(*[0.7] * duration), rows=(0.8,), duration=float(duration))
    assert most - 2 <= sum(end - start for start, end in made) <= most


def test_a_slow_first_look_does_not_reach_further_than_its_gap():
    slides = Track(
        category=EXPLICIT, detector="one", seconds=(0.0, 30.0, 60.0), scores=(0.1, 0.7, 0.1)
    )
    assert spans(slides, rows=(0.8,), duration=90.0) == [(29.0, 31.0)]


def test_a_frame_that_was_seen_is_not_new():
    closer = Closer([Span(start=1.0, end=3.0)], ["one"], [0.0, 1.0, 2.0, 3.0], 0.25)
    offered = [0.5, 1.0, 1.1, 1.24, 1.3, 1.48, 1.9, 2.0, 2.5, 3.5]
    assert [second for second in offered if closer.take(second)] == [1.24, 1.48, 2.5]
    assert closer.shown == 3
