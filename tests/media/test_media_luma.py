"""The luma of a video: its Y plane, as it was coded."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from tests.clips import encode, numbered, photo
from tidegate.media import Frame, Luma, Reader, open_source
from tidegate.media.yplane import y_plane

FRAME = numbered(5)


def first(reader: Reader, path: Path, *, colour: bool) -> Frame:
    with open_source(path) as source, reader.read(source, colour=colour) as reading:
        frame = next(reading)
        return Frame(
            frame.second,
            None if frame.rgb is None else frame.rgb.copy(),
            frame.luma and Luma(frame.luma.plane.copy(), frame.luma.limited),
            frame.key,
        )


def plain(path: Path) -> av.VideoFrame:
    """The first frame, by nothing but the decoder."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def samples(frame: av.VideoFrame) -> NDArray[np.uint8]:
    rows = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1)
    return rows[:, : frame.width]


@pytest.mark.parametrize("size", [(192, 144), (146, 98), (193, 145)])
def test_luma_is_the_plane_itself(reader: Reader, tmp_path: Path, size: tuple[int, int]) -> None:
    frames = [numbered(i, size) for i in range(3)]
    path = encode(tmp_path / "a.mp4", frames, pix_fmt="yuv444p" if size[0] % 2 else "yuv420p")
    both, alone = first(reader, path, colour=True), first(reader, path, colour=False)
    expected = samples(plain(path))
    for frame in (both, alone):
        assert frame.luma is not None
        assert frame.luma.limited
        assert frame.limited
        assert np.array_equal(frame.luma.plane, expected)
        assert frame.picture is frame.luma.plane
    assert alone.rgb is None
    assert both.rgb is not None
    assert np.array_equal(both.rgb, plain(path).to_ndarray(format="rgb24"))


def test_luma_is_read_only_and_contiguous(reader: Reader, tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [FRAME] * 3, rotate=90)
    with open_source(path) as source:
        for frame in reader.read(source, colour=True):
            assert frame.luma is not None
            assert frame.rgb is not None
            for pixels in (frame.luma.plane, frame.rgb):
                assert pixels.flags.c_contiguous
                assert not pixels.flags.writeable


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("hflip", [False, True])
def test_luma_is_turned_with_the_rgb(
    reader: Reader, tmp_path: Path, degrees: int, hflip: bool
) -> None:
    path = encode(tmp_path / "a.mp4", [FRAME] * 3, rotate=degrees, hflip=hflip)
    frame = first(reader, path, colour=True)
    assert frame.rgb is not None
    assert frame.luma is not None
    grey = frame.rgb @ np.array([0.299, 0.587, 0.114])
    scaled = (frame.luma.plane.astype(float) - 16) * 255 / 219
    assert frame.luma.plane.shape == frame.rgb.shape[:2]
    assert np.abs(grey - scaled).mean() < 2


@pytest.mark.parametrize(
    ("pix_fmt", "marked", "limited"),
    [
        ("yuv420p", ColorRange.UNSPECIFIED, True),
        ("yuv420p", ColorRange.MPEG, True),
        ("yuv420p", ColorRange.JPEG, False),
        ("yuvj420p", ColorRange.UNSPECIFIED, False),
        ("yuva420p", ColorRange.UNSPECIFIED, True),
        ("yuv444p", ColorRange.UNSPECIFIED, True),
        ("nv12", ColorRange.UNSPECIFIED, True),
        ("gray", ColorRange.UNSPECIFIED, False),
        ("gray", ColorRange.MPEG, True),
    ],
)
def test_range(pix_fmt: str, marked: ColorRange, limited: bool) -> None:
    frame = av.VideoFrame.from_ndarray(FRAME, format="rgb24").reformat(format=pix_fmt)
    frame.color_range = marked
    found = y_plane(frame)
    assert found is not None
    assert found.limited is limited
    assert np.array_equal(found.plane, samples(frame))


def test_full_range_in_a_file(reader: Reader, tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [FRAME] * 2, pix_fmt="yuvj420p")
    frame = first(reader, path, colour=False)
    assert frame.luma is not None
    assert not frame.luma.limited


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("limited", [True, False])
def test_high_bit_depth_is_rounded(bits: int, order: str, limited: bool) -> None:
    frame = av.VideoFrame(512, 130, f"yuv420p{bits}{order}")
    frame.color_range = ColorRange.MPEG if limited else ColorRange.JPEG
    values = np.linspace(0, (1 << bits) - 1, 512 * 130).astype(int).reshape(130, 512)
    wide = frame.planes[0].line_size // 2
    rows = np.zeros((130, wide), ">u2" if order == "be" else "<u2")
    rows[:, :512] = values
    frame.planes[0].update(rows.tobytes())
    found = y_plane(frame)
    assert found is not None
    assert found.limited is limited
    top = (1 << bits) - 1
    exact = values / (1 << (bits - 8)) if limited else values * 255 / top
    assert np.abs(found.plane - np.minimum(exact, 255)).max() <= 0.5
    assert found.plane.dtype == np.uint8


def test_ten_bits_in_a_file(reader: Reader, tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [FRAME] * 2, pix_fmt="yuv420p10le")
    frame = plain(path)
    ten = np.frombuffer(frame.planes[0], "<u2").reshape(frame.height, -1)[:, : frame.width]
    assert ten.max() > 255
    rounded = np.floor(ten / 4 + 0.5)
    assert np.array_equal(first(reader, path, colour=False).picture, rounded)


@pytest.mark.parametrize("pix_fmt", ["rgb24", "bgr0", "gbrp", "pal8", "yuyv422", "monow"])
def test_formats_without_a_plane_of_luma(pix_fmt: str) -> None:
    assert y_plane(av.VideoFrame(64, 48, pix_fmt)) is None


def test_video_without_luma_comes_as_rgb(reader: Reader, tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", [FRAME] * 2, "libx264rgb", pix_fmt="rgb24")
    for colour in (True, False):
        frame = first(reader, path, colour=colour)
        assert frame.luma is None
        assert frame.rgb is not None
        assert frame.picture is frame.rgb
        assert not frame.limited


def test_stills_come_as_rgb(reader: Reader) -> None:
    for name in ("rocket.jpg", "astronaut.png"):
        frame = first(reader, photo(name), colour=False)
        assert frame.luma is None
        assert frame.rgb is not None
