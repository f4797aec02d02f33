"""Stretches of a video: what is judged in them, and what is left out around them."""

from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clips import clip, encode, film, numbered
from tidegate.evidence import Span
from tidegate.media import Reader, Sampling, open_source
from tidegate.media.clock import Clock
from tidegate.media.pick import Picker

COUNT = 250
X265 = {"preset": "ultrafast"}
QUIET = "log-level=none:pools=1:frame-threads=1:bframes=4:"
CASES = {
    "h264": ("libx264", {"preset": "veryfast", "bf": "3"}, "mp4"),
    "h264-open": ("libx264", {"preset": "veryfast", "x264-params": "open-gop=1"}, "mp4"),
    "hevc-open": ("libx265", X265 | {"x265-params": QUIET + "open-gop=1"}, "mp4"),
    "vp9": ("libvpx-vp9", {"deadline": "good", "cpu-used": "8"}, "webm"),
    "mpeg4": ("mpeg4", {"bf": "2"}, "mp4"),
}
"""Each with a keyframe a second."""


def spans(*ends: tuple[float, float]) -> tuple[Span, ...]:
    return tuple(Span(start=start, end=end) for start, end in ends)


def oracle(path: Path, sampling: Sampling) -> list[float]:
    """The rule, tried on all frames of a decoder that leaves nothing out."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        clock = Clock(stream.start_time, float(stream.time_base), float(stream.average_rate))
        picker = Picker[None](sampling)
        picked = []
        for frame in container.decode(stream):
            picked += picker.take(clock.tick(frame.pts), bool(frame.key_frame), None)
        return [round(second, 3) for second, _, _ in [*picked, *picker.end()]]


def read(reader: Reader, path: Path, sampling: Sampling) -> tuple[list[float], int]:
    with open_source(path) as source:
        reading = reader.read(source, sampling, colour=False)
        found = [frame.second for frame in reading]
    return found, reading.info.frames_seen if reading.info else 0


@pytest.mark.parametrize("name", CASES)
def test_stretches_are_those_of_a_full_decode(reader: Reader, tmp_path: Path, name: str) -> None:
    codec, options, suffix = CASES[name]
    path = tmp_path / f"a.{suffix}"
    encode(path, map(numbered, range(COUNT)), codec, gop=25, options=options)
    everything = read(reader, path, Sampling(gap=0.25))[1]
    for within in (spans((3.2, 4.6)), spans((0.0, 0.5), (6.1, 6.9)), spans((2.0, 2.0), (9.5, 99))):
        sampling = Sampling(gap=0.25, within=within)
        found, seen = read(reader, path, sampling)
        assert found == pytest.approx(oracle(path, sampling), abs=0.001)
        assert found
        assert seen < everything


def test_a_real_clip(reader: Reader) -> None:
    sampling = Sampling(gap=0.25, within=spans((1.0, 1.6), (4.0, 4.9)))
    found, _ = read(reader, clip("bigbuckbunny.mp4"), sampling)
    assert found == pytest.approx(oracle(clip("bigbuckbunny.mp4"), sampling), abs=0.001)


def test_what_lies_around_closed_groups_is_not_decoded(reader: Reader, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", COUNT, gop=25, options={"bf": "0", "sc_threshold": "0"})
    found, seen = read(reader, path, Sampling(gap=0.25, within=spans((4.0, 4.5))))
    assert found == pytest.approx([4.0, 4.24, 4.48], abs=0.001)
    assert seen == 13 + 25  # The stretch, and the last group for its end.


frames = st.lists(st.tuples(st.integers(1, 90), st.booleans()), min_size=1, max_size=60)
ends = st.lists(st.integers(0, 900), min_size=2, max_size=6, unique=True).map(sorted)


@given(frames, ends)
def test_no_gap_in_a_stretch_that_the_frames_do_not_force(
    steps: list[tuple[int, bool]], ends: list[int]
) -> None:
    within = spans(*((a / 30, b / 30) for a, b in zip(ends[::2], ends[1::2], strict=False)))
    if any(after.start - before.end < 0.5 for before, after in pairwise(within)):
        return
    sampling = Sampling(gap=0.5, within=within)
    picker = Picker[None](sampling)
    times: list[float] = []
    picked: list[float] = []
    tick = 0
    for step, key in steps:
        times.append(tick / 30)
        picked += [second for second, _, _ in picker.take(times[-1], key, None)]
        tick += step
    picked += [second for second, _, _ in picker.end()]
    assert all(sampling.covers(second) for second in picked)
    for span in within:
        inside = [second for second in times if span.start <= second <= span.end]
        judged = [second for second in picked if span.start <= second <= span.end]
        assert judged[:1] == inside[:1]
        for a, b in pairwise(judged):
            assert b - a <= 0.5 + 1e-5 or inside.index(b) == inside.index(a) + 1


@pytest.mark.parametrize(
    "wrong",
    [((2.0, 1.0),), ((0.0, 1.0), (1.1, 2.0)), ((-1.0, 1.0),), ((0.0, float("inf")),)],
)
def test_stretches_ascend_and_lie_apart(wrong: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="ascends"):
        Sampling(gap=0.25, within=spans(*wrong))


def test_stretches_are_few() -> None:
    with pytest.raises(ValueError, match="at most"):
        Sampling(gap=0.25, within=spans(*((i, i + 0.1) for i in range(1000))))
