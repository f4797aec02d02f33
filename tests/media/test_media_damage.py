"""Damage that decodes without an error: pictures that were taken out, and their heirs."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clips import film
from tests.media.media_seen import Seen
from tidegate.media import Reader
from tidegate.media.frame_num import FrameNumbers

X264 = {"preset": "veryfast", "bf": "2"}
X265 = {"preset": "ultrafast"}
QUIET = "log-level=none:pools=1:frame-threads=1:"

SPS, PPS, SLICE, IDR = 7, 8, 1, 5
SEI_RECOVERY = b"\x06\x06\x01\x84\x80"


def without(source: Path, target: Path, lost: Callable[[list[bool]], set[int]]) -> Path:
    """Copy a video but for some packets; ``lost`` chooses them by which ones are keyframes."""
    with av.open(str(source)) as whole, av.open(str(target), "w") as copy:
        packets = [packet for packet in whole.demux(video=0) if packet.size]
        stream = copy.add_stream_from_template(whole.streams.video[0], opaque=True)
        out = lost([packet.is_keyframe for packet in packets])
        for index, packet in enumerate(packets):
            if index not in out:
                packet.stream = stream
                copy.mux(packet)
    return target


def second_key(keys: list[bool]) -> set[int]:
    return {[index for index, key in enumerate(keys) if key][1]}


def after_second_key(keys: list[bool]) -> set[int]:
    """What follows a keyframe is a reference."""
    return {index + 1 for index in second_key(keys)}


def before_second_key(keys: list[bool]) -> set[int]:
    return set(range(next((index for index, key in enumerate(keys) if key and index), 0)))


def checked(seen: Seen) -> None:
    (unknown,) = seen.unknowns
    assert unknown.cause == "corrupt"
    assert unknown.span is not None
    assert 0.9 < unknown.span.start < unknown.span.end < 2.1
    assert seen.seconds[-1] > 1.9  # What follows is judged.


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize("lost", [second_key, after_second_key])
def test_a_lost_reference_of_h264_is_told(
    every: Reader,
    made: Path,
    tmp_path: Path,
    suffix: str,
    lost: Callable[[list[bool]], set[int]],
) -> None:
    whole = film(made / f"references.{suffix}", 75, gop=25, options=X264 | {"bf": "0"})
    seen = Seen(every, without(whole, tmp_path / f"a.{suffix}", lost))
    if suffix == "avi":  # It has no times: what is missing moves the rest.
        assert seen.causes == ["corrupt"]
    else:
        checked(seen)


@pytest.mark.parametrize(
    ("name", "lost"),
    [("reader", second_key), ("every", second_key), ("every", after_second_key)],
)
def test_lost_frames_of_hevc_are_told(
    request: pytest.FixtureRequest,
    made: Path,
    tmp_path: Path,
    name: str,
    lost: Callable[[list[bool]], set[int]],
) -> None:
    options = X265 | {"x265-params": QUIET + "open-gop=0:bframes=0:scenecut=0"}
    whole = film(made / "references-hevc.mp4", 75, "libx265", gop=25, options=options)
    checked(Seen(request.getfixturevalue(name), without(whole, tmp_path / "a.mp4", lost)))


WHOLE = {
    "h264-pyramid": ("libx264", X264 | {"bf": "5", "b-pyramid": "normal"}),
    "h264-open": ("libx264", X264 | {"x264-params": "open-gop=1:keyint=25"}),
    "h264-refresh": ("libx264", X264 | {"x264-params": "intra-refresh=1:keyint=25"}),
    "h264-fields": ("libx264", X264 | {"x264-params": "interlaced=1"}),
    "h264-many-references": ("libx264", X264 | {"x264-params": "ref=8:weightp=2:bframes=8"}),
    "h264-slices": ("libx264", X264 | {"x264-params": "slices=4"}),
    "h264-lossless": ("libx264", X264 | {"qp": "0"}),
    "hevc-open": ("libx265", X265 | {"x265-params": QUIET + "open-gop=1:keyint=25:bframes=4"}),
    "hevc-layers": ("libx265", X265 | {"x265-params": QUIET + "temporal-layers=3:bframes=4"}),
    "hevc-radl": ("libx265", X265 | {"x265-params": QUIET + "radl=2:open-gop=0:keyint=25"}),
}


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
@pytest.mark.parametrize("name", WHOLE)
def test_no_alarm_over_whole_videos(
    reader: Reader, every: Reader, tmp_path: Path, name: str, suffix: str
) -> None:
    codec, options = WHOLE[name]
    path = film(tmp_path / f"a.{suffix}", 60, codec, options=options)
    # What begins at a keyframe, open or not, misses nothing that could be shown.
    tail = without(path, tmp_path / f"b.{suffix}", before_second_key)
    for each in (reader, every):
        assert Seen(each, path).unknowns == []
        assert Seen(each, tail).unknowns == []


class Writer:
    """Writes a unit of H.264 bit by bit."""

    def __init__(self) -> None:
        self.text = ""

    def u(self, count: int, value: int) -> "Writer":
        self.text += f"{value:0{count}b}"
        return self

    def ue(self, *values: int) -> "Writer":
        for value in values:
            code = f"{value + 1:b}"
            self.text += "0" * (len(code) - 1) + code
        return self

    def unit(self, head: int) -> bytes:
        bits = self.text + "1"
        bits += "0" * (-len(bits) % 8)
        data = bytes([head]) + int(bits, 2).to_bytes(len(bits) // 8, "big")
        for last in range(4):  # No start codes inside.
            data = data.replace(bytes([0, 0, last]), bytes([0, 0, 3, last]))
        return data


def sequence(gaps: bool = False) -> bytes:
    """A baseline sequence of 64 × 64, numbers of four bits, order without counting."""
    wrote = Writer().u(8, 66).u(16, 0x001E).ue(0, 0, 2, 4).u(1, gaps).ue(3, 3)
    return wrote.u(1, 1).u(1, 1).u(1, 0).u(1, 0).unit(0x60 | SPS)


def parameters() -> bytes:
    wrote = Writer().ue(0, 0).u(2, 0).ue(0, 0, 0).u(1, 0).u(2, 0).ue(0, 0, 0)
    return wrote.u(3, 0).unit(0x60 | PPS)


def coded(number: int, *, idr: bool = False, reference: bool = True, reset: bool = False) -> bytes:
    """A slice of a P picture, or of an IDR one."""
    wrote = Writer().ue(0, 7 if idr else 5, 0).u(4, number)
    if idr:
        wrote.ue(0).u(2, 0)
    else:
        wrote.u(1, 0).u(1, 0)
        if reference:
            wrote.u(1, reset)
            if reset:
                wrote.ue(1, 0, 5, 0)
    return wrote.ue(0, 0).u(16, 0xABCD).unit((0x60 if reference else 0) | (IDR if idr else SLICE))


def holes(*packets: bytes, gaps: bool = False) -> list[int]:
    """Which packets come after a hole; each is one unit or more, split by start codes."""
    start = b"\0\0\1"
    numbers = FrameNumbers(start + sequence(gaps) + start + parameters())
    return [index for index, packet in enumerate(packets) if numbers.hole(start + packet)]


def test_numbers_that_follow_one_another() -> None:
    count = [coded(number % 16) for number in range(1, 40)]
    assert holes(coded(0, idr=True), *count) == []
    free = [coded(1, reference=False), coded(1, reference=False), coded(1), coded(2)]
    assert holes(coded(0, idr=True), *free) == []
    assert holes(coded(0, idr=True), coded(1), coded(0, idr=True), coded(1)) == []
    assert holes(coded(7), coded(8)) == []  # Nobody knows what was before.


def test_a_hole_in_the_numbers() -> None:
    assert holes(coded(0, idr=True), coded(1), coded(3), coded(4)) == [2]
    assert holes(coded(14), coded(0)) == [1]
    assert holes(coded(0, idr=True), coded(2, reference=False), coded(2), coded(3)) == [1, 2]
    assert holes(coded(0, idr=True), coded(1), coded(2), coded(1)) == [3]


def test_holes_that_the_stream_allows() -> None:
    assert holes(coded(0, idr=True), coded(3), coded(9), gaps=True) == []
    assert holes(coded(0, idr=True), coded(1), SEI_RECOVERY + b"\0\0\1" + coded(9)) == []
    assert holes(coded(4), coded(5, reset=True), coded(1), coded(2)) == []
    assert holes(coded(4), coded(5, reset=True), coded(0, reference=False), coded(1)) == []


@given(st.binary(max_size=80), st.lists(st.binary(max_size=60), max_size=4), st.booleans())
def test_any_bytes_are_taken(extradata: bytes, packets: list[bytes], known: bool) -> None:
    start = b"\0\0\1"
    numbers = FrameNumbers(start + sequence() + start + parameters() if known else extradata)
    for packet in packets:
        numbers.hole(start + packet)
        numbers.hole(start + b"\x61" + packet)
