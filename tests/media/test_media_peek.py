"""What packets say about themselves, and whether their times are in order."""

import contextlib
from collections import Counter
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clips import film
from tidegate.media import av1, nal, vp9
from tidegate.media.order import Order
from tidegate.media.peek import peek_for
from tidegate.media.peeked import Kind

X265 = "log-level=none:bframes=4:pools=1:frame-threads=1"


def kinds(path: Path) -> list[tuple[Kind, bool]]:
    """Each packet's kind, as read, and what the decoder says of its frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        peek = peek_for(stream.codec_context)
        assert peek is not None
        return [(peek(bytes(p)).kind, p.is_keyframe) for p in container.demux(stream) if p.size]


@pytest.mark.parametrize(
    ("codec", "options", "suffix", "expected"),
    [
        ("libx264", {"bf": "2"}, "mp4", Kind.CLOSED),
        ("libx264", {"bf": "2"}, "ts", Kind.CLOSED),
        ("libx264", {"x264-params": "slices=4"}, "mkv", Kind.CLOSED),
        ("libx265", {"preset": "ultrafast", "x265-params": X265}, "mp4", Kind.OPEN),
        ("libx265", {"preset": "ultrafast", "x265-params": X265}, "ts", Kind.OPEN),
        ("libvpx-vp9", {"cpu-used": "8", "lag-in-frames": "12"}, "webm", Kind.CLOSED),
        ("libsvtav1", {"preset": "12", "svtav1-params": "lp=1"}, "mp4", Kind.CLOSED),
    ],
)
def test_keyframes_are_read_from_the_packets(
    tmp_path: Path, codec: str, options: dict[str, str], suffix: str, expected: Kind
) -> None:
    path = film(tmp_path / f"a.{suffix}", 60, codec, gop=20, options=options)
    found = Counter(kinds(path))
    assert set(found) <= {(expected, True), (Kind.CLOSED, True), (Kind.PLAIN, False)}
    assert found[expected, True] >= 2
    assert found[Kind.PLAIN, False] >= 50


def test_an_open_group_of_h264_is_odd(tmp_path: Path) -> None:
    options = {"x264-params": "open-gop=1:bframes=3"}
    found = kinds(film(tmp_path / "a.mp4", 60, gop=20, options=options))
    assert [kind for kind, key in found if key][1:] == [Kind.ODD, Kind.ODD]


AVCC = b"\1\x64\0\x1f\xff\xe1\0"
P_SLICE = b"\x41\x9a\x01\x02"
B_SLICE = b"\x01\x9e\x01\x02"
IDR = b"\x65\x88\x84\x00"
PPS = b"\x68\xeb\xe3\xcb"


def packed(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


@pytest.mark.parametrize(
    ("units", "kind", "free"),
    [
        ([IDR], Kind.CLOSED, False),
        ([PPS, b"\x06\x06\x01\xc4\x80", IDR], Kind.CLOSED, False),
        ([P_SLICE], Kind.PLAIN, False),
        ([B_SLICE], Kind.PLAIN, True),
        ([B_SLICE, P_SLICE], Kind.PLAIN, False),
        ([b"\x06\x01\x01\x10\x80", B_SLICE], Kind.PLAIN, True),  # Timing
        ([b"\x06\x06\x01\xc4\x80", P_SLICE], Kind.ODD, False),  # A recovery point
        ([b"\x06\x01\x01\x10\x06\x01\xc4\x80", P_SLICE], Kind.ODD, False),  # The same, second
        ([b"\x06\x05\xff\xff\x80", P_SLICE], Kind.ODD, False),  # Longer than its unit
        ([PPS, P_SLICE], Kind.ODD, False),  # Later packets may need it.
        ([IDR, P_SLICE], Kind.ODD, False),
        ([b"\x0a", P_SLICE], Kind.ODD, False),  # End of the sequence
        ([b"\x6e" + P_SLICE], Kind.ODD, False),  # A layer of SVC
        ([PPS], Kind.ODD, False),
        ([], Kind.ODD, False),
        ([b""], Kind.ODD, False),
        ([b"\xc1\x9a"], Kind.ODD, False),  # The forbidden bit
        ([P_SLICE] * 5000, Kind.ODD, False),
    ],
)
def test_h264(units: list[bytes], kind: Kind, free: bool) -> None:
    for extradata, data in (
        (AVCC, packed(*units)),
        (b"", b"\0" + b"".join(b"\0\0\1" + unit for unit in units)),
    ):
        try:
            found = nal.h264(extradata)(data)
        except (ValueError, IndexError):
            assert kind is Kind.ODD
        else:
            assert (found.kind, found.free) == (kind, free)


def test_a_unit_longer_than_its_packet() -> None:
    with pytest.raises(ValueError, match="larger"):
        nal.h264(AVCC)(packed(P_SLICE)[:-1])


@given(st.binary(max_size=200), st.sampled_from([b"", b"\0\0\1", b"\0\0\0\4", b"\x12\0", b"\x82"]))
def test_no_bytes_break_the_peek(data: bytes, head: bytes) -> None:
    for peek in (nal.h264(AVCC), nal.h264(b""), nal.hevc(b""), nal.hevc(b"\1" * 23)):
        quiet(peek, head + data)
    quiet(vp9.peek, head + data)
    quiet(av1.peek, head + data)


def quiet(peek: object, data: bytes) -> None:
    assert callable(peek)
    with contextlib.suppress(ValueError, IndexError):  # The stream's own peek takes it for odd.
        peek(data)


@given(st.lists(st.none() | st.integers(0, 60), max_size=40), st.integers(0, 4))
def test_order_by_looking_at_all(stamps: list[int | None], depth: int) -> None:
    order = Order()
    for stamp in stamps:
        order.take(stamp, depth)
    kept = all(
        stamp is not None
        and sum(other is None or other > stamp for other in stamps[:index]) <= depth
        and stamp not in stamps[:index]
        for index, stamp in enumerate(stamps)
    )
    assert order.kept == kept
