"""Frames that are left out: what is judged is what a decoder of everything would judge."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.clips import Rgb, clip, encode, film, numbered
from tidegate.media import Budget, Reader, Sampling, open_source
from tidegate.media.clock import Clock
from tidegate.media.peeked import Kind, Peeked
from tidegate.media.pick import Picker
from tidegate.media.plan import foresee
from tidegate.media.runs import Run, Step

COUNT = 210
SCENES = ("coffee.png", "astronaut.png", "rocket.jpg", "chelsea.png")

X264 = {"preset": "veryfast", "bf": "3"}
X265 = {"preset": "ultrafast"}
QUIET = "log-level=none:pools=1:frame-threads=1:"
VP9 = {"deadline": "good", "cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "16"}
AV1 = {"preset": "12", "svtav1-params": "lp=1:pred-struct=2"}


class Case(NamedTuple):
    """A way to encode. ``skips``: whether frames can be left out of it at one a second."""

    codec: str
    options: dict[str, str]
    gop: int
    suffix: str = "mp4"
    skips: bool = True


CASES = {
    "h264-1s": Case("libx264", X264, 25),
    "h264-2s": Case("libx264", X264, 50),
    "h264-2s-mkv": Case("libx264", X264, 50, "mkv"),
    "h264-2s-ts": Case("libx264", X264, 50, "ts"),
    "h264-250": Case("libx264", X264, 250),
    "h264-250-pyramid": Case("libx264", X264 | {"b-pyramid": "normal", "bf": "5"}, 250),
    "h264-no-b": Case("libx264", X264 | {"bf": "0"}, 40),
    "h264-open": Case("libx264", X264 | {"x264-params": "open-gop=1"}, 40),
    "h264-refresh": Case("libx264", X264 | {"x264-params": "intra-refresh=1"}, 40),
    "h264-fields": Case("libx264", X264 | {"x264-params": "interlaced=1"}, 40),
    "h264-all-intra": Case("libx264", X264, 1),
    "h264-avi": Case("libx264", X264, 50, "avi", skips=False),
    "hevc-closed": Case("libx265", X265 | {"x265-params": QUIET + "open-gop=0:bframes=4"}, 50),
    "hevc-open": Case("libx265", X265 | {"x265-params": QUIET + "open-gop=1:bframes=4"}, 60),
    "hevc-open-ts": Case(
        "libx265", X265 | {"x265-params": QUIET + "open-gop=1:bframes=4"}, 40, "ts"
    ),
    "hevc-radl": Case("libx265", X265 | {"x265-params": QUIET + "open-gop=0:radl=2:bframes=4"}, 40),
    "hevc-layers": Case(
        "libx265", X265 | {"x265-params": QUIET + "temporal-layers=3:bframes=4:b-adapt=0"}, 50
    ),
    "vp9": Case("libvpx-vp9", VP9, 50, "webm"),
    "vp9-mp4": Case("libvpx-vp9", VP9, 30),
    "av1": Case("libsvtav1", AV1, 50),
    "av1-webm": Case("libsvtav1", AV1, 33, "webm"),
    "mpeg4": Case("mpeg4", {"bf": "2"}, 50, skips=False),
}


def scenes(count: int = COUNT) -> Iterator[Rgb]:
    """A film with a cut each 70 frames."""
    for number in range(count):
        yield numbered(number, name=SCENES[number // 70 % len(SCENES)])


class Picked(NamedTuple):
    second: float
    key: bool
    luma: NDArray[np.uint8]


def oracle(path: Path, gap: float) -> list[Picked]:
    """The rule, tried on all frames of a decoder that leaves nothing out."""
    with av.open(str(path)) as container:
        container.flags &= ~av.container.core.Flags.gen_pts.value
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        clock = Clock(stream.start_time, float(stream.time_base), float(stream.average_rate))
        picker = Picker[av.VideoFrame](Sampling(gap=gap))
        picked = []
        for frame in container.decode(stream):
            second = clock.tick(frame.dts if frame.pts is None else frame.pts)
            picked += picker.take(second, bool(frame.key_frame), frame)
        picked += picker.end()
        return [Picked(round(s, 6), key, plane(frame)) for s, key, frame in picked]


def plane(frame: av.VideoFrame) -> NDArray[np.uint8]:
    rows = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1)
    return rows[:, : frame.width].copy()


def read(reader: Reader, path: Path, gap: float) -> tuple[list[Picked], int, list[str]]:
    """What the reader hands out, how many frames it decoded, and what it found unknown."""
    with open_source(path) as source:
        reading = reader.read(source, Sampling(gap=gap), colour=False)
        picked = []
        for frame in reading:
            assert frame.luma is not None
            assert frame.rgb is None
            picked.append(Picked(round(frame.second, 6), frame.key, frame.luma.plane.copy()))
    seen = reading.info.frames_seen if reading.info else 0
    return picked, seen, [unknown.detail for unknown in reading.unknowns]


def same(found: list[Picked], expected: list[Picked]) -> None:
    assert [(p.second, p.key) for p in found] == [
        (pytest.approx(p.second, abs=0.001), p.key) for p in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.luma, other.luma), one.second


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("coded")


@pytest.mark.parametrize("name", CASES)
def test_what_is_judged_is_that_of_a_full_decode(reader: Reader, coded: Path, name: str) -> None:
    case = CASES[name]
    path = coded / f"{name}.{case.suffix}"
    encode(path, scenes(), case.codec, gop=case.gop, options=case.options)
    for gap in (1.0, 0.3, 0.125, 4.0):
        found, seen, unknowns = read(reader, path, gap)
        same(found, oracle(path, gap))
        assert unknowns == []
        if case.skips and gap >= 1:
            assert seen < 0.9 * COUNT


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_variable_frame_rate(reader: Reader, tmp_path: Path, codec: str) -> None:
    steps = np.random.default_rng(5).choice([0.017, 0.04, 0.1, 0.7, 1.6], 160)
    options = X264 if codec == "libx264" else X265 | {"x265-params": QUIET}
    path = film(
        tmp_path / "a.mp4", 160, codec, times=np.cumsum(steps).tolist(), gop=30, options=options
    )
    for gap in (0.05, 0.5, 1.0, 2.0):
        found, _, unknowns = read(reader, path, gap)
        same(found, oracle(path, gap))
        assert unknowns == []


@pytest.mark.parametrize("name", ["bikes.mp4", "bigbuckbunny.mp4"])
def test_real_clips(reader: Reader, name: str) -> None:
    for gap in (1.0, 0.125):
        same(read(reader, clip(name), gap)[0], oracle(clip(name), gap))


def test_the_tail_of_a_group_is_left_out(reader: Reader, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 250, gop=50, options={"bf": "0", "sc_threshold": "0"})
    found, seen, _ = read(reader, path, 1.0)
    assert [p.second for p in found] == pytest.approx([*range(10), 9.96], abs=0.001)
    # Of each two seconds the first and one frame; of the last, for its end, all.
    assert seen == 4 * 26 + 50


def test_a_group_longer_than_what_is_held(reader: Reader, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 1300, gop=1100, options=X264 | {"sc_threshold": "0"})
    found, _, unknowns = read(reader, path, 1.0)
    same(found, oracle(path, 1.0))
    assert unknowns == []


def remuxed(source: Path, target: Path, change: object) -> Path:
    """Copy the packets, each after ``change(index, packet)``."""
    with av.open(str(source)) as inner, av.open(str(target), "w") as outer:
        stream = inner.streams.video[0]
        copy = outer.add_stream_from_template(stream)
        for index, packet in enumerate(p for p in inner.demux(stream) if p.size):
            assert callable(change)
            change(index, packet)
            packet.stream = copy
            outer.mux(packet)
    return target


@pytest.fixture(scope="module")
def honest(coded: Path) -> Path:
    return film(coded / "honest.mkv", 200, gop=50, options=X264)


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_key_flags_that_lie_change_nothing(
    reader: Reader, honest: Path, tmp_path: Path, flag: bool, suffix: str
) -> None:
    def lie(index: int, packet: av.Packet) -> None:
        packet.is_keyframe = flag

    path = remuxed(honest, tmp_path / f"a.{suffix}", lie)
    for gap in (1.0, 0.3):
        same(read(reader, path, gap)[0], oracle(path, gap))


def test_time_that_runs_back(reader: Reader, tmp_path: Path) -> None:
    first = film(tmp_path / "a.ts", 130, gop=50, options=X264)
    both = tmp_path / "b.ts"
    both.write_bytes(first.read_bytes() * 2)
    for gap in (1.0, 0.3):
        same(read(reader, both, gap)[0], oracle(both, gap))


@pytest.mark.parametrize("seed", range(4))
def test_times_in_disorder(reader: Reader, honest: Path, tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)

    def lie(index: int, packet: av.Packet) -> None:
        packet.dts = 40 * index
        packet.pts = packet.dts + int(random.integers(0, 2000))

    path = remuxed(honest, tmp_path / "a.mp4", lie)
    for gap in (1.0, 0.3):
        same(read(reader, path, gap)[0], oracle(path, gap))


def test_a_plan_that_fails_is_made_good(reader: Reader, honest: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    remuxed(honest, path, lambda index, packet: None)
    with av.open(str(path)) as container:
        stamps = {round(float(p.pts * p.time_base), 3): p for p in container.demux() if p.pts}
        target = stamps[5.0]  # It is to be judged: nothing but its slices is made noise.
        place, size = target.pos, target.size
        assert place is not None
    data = bytearray(path.read_bytes())
    data[place + 40 : place + size] = np.random.default_rng(1).bytes(size - 40)
    path.write_bytes(data)
    found, _, unknowns = read(reader, path, 1.0)
    assert len(unknowns) == 1
    assert unknowns[0].startswith("frames damaged or lost")
    # As far as the damage reaches another frame is judged. What is whole is not affected.
    whole = [p for p in oracle(honest, 1.0) if not 4 < p.second < 6]
    same([p for p in found if not 4 < p.second < 6], whole)
    assert max(b.second - a.second for a, b in pairwise(found)) <= 1.1


def test_the_duration_budget_ends_where_a_full_decode_does(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 125, gop=50, options=X264 | {"sc_threshold": "0"})
    with Reader(Budget(duration=2.72)) as reader:
        found, _, unknowns = read(reader, path, 1.0)
    assert [p.second for p in found] == pytest.approx([0, 1, 2, 2.72])
    assert len(unknowns) == 1


class Film(NamedTuple):
    """Frames in the order of decoding: stamp, kind, free."""

    frames: list[tuple[int, Kind, bool]]


@st.composite
def films(draw: st.DrawFn) -> Film:
    """Closed groups of frames that are each out of order by at most three."""
    frames: list[tuple[int, Kind, bool]] = []
    now = 0
    for _ in range(draw(st.integers(1, 6))):
        count = draw(st.integers(1, 25))
        times = []
        for _ in range(count):
            times.append(now)
            now += draw(st.integers(1, 40))
        order = [times[0], *sorted(times[1:], key=lambda t: (t + draw(st.integers(0, 60)), t))]
        frees = [False, *(draw(st.booleans()) for _ in order[1:])]
        first = [Kind.CLOSED] + [Kind.PLAIN] * (count - 1)
        frames += zip(order, first, frees, strict=True)
    return Film(frames)


@given(films(), st.sampled_from([0.1, 0.5, 1.0, 3.0]))
def test_plans_pick_what_a_full_decode_picks(film: Film, gap: float) -> None:
    steps: list[Any] = [
        Step(SimpleNamespace(pts=stamp, dts=None), Peeked(kind, free))  # type: ignore[arg-type]
        for stamp, kind, free in film.frames
    ]
    clock, picker = Clock(0, 0.01, 25), Picker[Any](Sampling(gap=gap))
    expected = []
    for stamp, kind, _ in sorted(film.frames):
        expected += picker.take(clock.tick(stamp), kind is Kind.CLOSED, None)
    expected += picker.end()

    starts = [i for i, (_, kind, _) in enumerate(film.frames) if kind is Kind.CLOSED]
    clock, picker = Clock(0, 0.01, 25), Picker[Any](Sampling(gap=gap))
    found = []
    for start, end in pairwise([*starts, len(steps)]):
        last = end == len(steps)
        plan = foresee(Run(steps[start:end], None if last else steps[end], last), clock, picker)
        assert plan is not None
        made = []
        for packet in sorted(plan.needed, key=lambda packet: packet.pts or 0):
            assert packet.pts is not None
            made += picker.take(*plan.frames[packet.pts], None)
        assert list(plan.picks)[: len(made)] == [pick[0] for pick in made]
        found += made
        clock = plan.clock
    found += picker.end()
    assert [pick[:2] for pick in found] == [pick[:2] for pick in expected]
