"""Broken files: what decodes is judged, and the rest is said to be unknown."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import damaged, film, photo, picture, truncated
from tests.media.media_seen import Seen
from tidegate.media import Reader, open_source
from tidegate.media.clock import Clock
from tidegate.media.length import _TAG

FASTSTART = {"movflags": "faststart"}


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated_jpeg(reader: Reader, tmp_path: Path, progressive: bool) -> None:
    whole = tmp_path / "whole.jpg"
    picture().save(whole, progressive=progressive)
    seen = Seen(reader, truncated(whole, tmp_path / "a.jpg", 0.6))
    assert seen.causes == ["truncated"]
    top = np.asarray(Image.open(whole).convert("RGB"))[:64].astype(int)
    assert np.abs(seen.rgb[:64] - top).mean() < (25 if progressive else 1)


def test_truncated_cmyk_jpeg(reader: Reader, tmp_path: Path) -> None:
    picture().convert("CMYK").save(tmp_path / "a.jpg")
    seen = Seen(reader, truncated(tmp_path / "a.jpg", tmp_path / "b.jpg", 0.6))
    assert seen.causes == ["truncated"]
    assert seen.rgb.shape == (240, 320, 3)


def test_truncated_png(reader: Reader, tmp_path: Path) -> None:
    seen = Seen(reader, truncated(photo("astronaut.png"), tmp_path / "a.png", 0.5))
    assert seen.causes == ["truncated"]
    with Image.open(photo("astronaut.png")) as image:
        assert np.array_equal(seen.rgb[:200], np.asarray(image.convert("RGB"))[:200])


@pytest.mark.parametrize("suffix", ["webp", "avif", "heic", "tiff", "bmp", "gif"])
@pytest.mark.parametrize("share", [0.05, 0.7])
def test_truncated_pictures(reader: Reader, tmp_path: Path, suffix: str, share: float) -> None:
    picture().save(tmp_path / f"a.{suffix}")
    seen = Seen(reader, truncated(tmp_path / f"a.{suffix}", tmp_path / "b", share))
    assert seen.causes in (["truncated"], ["corrupt"])


def test_noise_in_a_jpeg(reader: Reader, tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg")
    seen = Seen(reader, damaged(tmp_path / "a.jpg", tmp_path / "b.jpg", 0.5, 0.6))
    assert seen.causes in (["corrupt"], ["truncated"])
    assert seen.rgb.shape == (240, 320, 3)


@pytest.fixture(scope="module")
def whole(made: Path) -> Path:
    return film(made / "whole.mp4", 125, muxer=FASTSTART, gop=25)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "webm"])
def test_truncated_video(reader: Reader, made: Path, tmp_path: Path, suffix: str) -> None:
    codec = {"webm": "libvpx-vp9", "avi": "mpeg4"}.get(suffix, "libx264")
    options = {"deadline": "realtime", "cpu-used": "8"} if suffix == "webm" else {}
    muxer = FASTSTART if suffix == "mp4" else {}
    path = film(made / f"cut.{suffix}", 125, codec, muxer=muxer, gop=25, options=options)
    seen = Seen(reader, truncated(path, tmp_path / "a", 0.7))
    assert 3 <= len(seen.frames) <= 6
    (unknown,) = seen.unknowns
    assert unknown.cause == "truncated"
    assert unknown.span is not None
    assert seen.seconds[-1] <= unknown.span.start < unknown.span.end
    if suffix != "avi":  # AVI without its index tells its length from its size.
        assert unknown.span.end == pytest.approx(5.0, abs=0.05)
        assert seen.facts.duration == pytest.approx(5.0, abs=0.05)


def test_truncated_before_the_index(reader: Reader, made: Path, tmp_path: Path) -> None:
    path = film(made / "index-at-the-end.mp4", 50)
    seen = Seen(reader, truncated(path, tmp_path / "a.mp4", 0.7))
    assert seen.causes == ["truncated"]
    assert seen.info is None


def test_noise_in_the_middle(reader: Reader, whole: Path, tmp_path: Path) -> None:
    seen = Seen(reader, damaged(whole, tmp_path / "a.mp4", 0.4, 0.5))
    (unknown,) = seen.unknowns
    assert unknown.cause == "corrupt"
    assert unknown.span is not None
    assert 1 < unknown.span.start < unknown.span.end < 4
    assert seen.seconds[0] == 0.0
    assert seen.seconds[-1] > 4.5


def test_noise_in_a_transport_stream(reader: Reader, made: Path, tmp_path: Path) -> None:
    path = film(made / "noise.ts", 125, gop=25)
    seen = Seen(reader, damaged(path, tmp_path / "a.ts", 0.5, 0.51))
    assert seen.causes == ["corrupt"]
    assert seen.seconds[-1] > 4.5


def test_a_container_without_content(reader: Reader, tmp_path: Path) -> None:
    for name, head in (
        ("mp4", b"\0\0\0\x14ftypisom\0\0\0\0isom\0\0\0\x08mdat"),
        ("mkv", b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska"),
        ("avi", b"RIFF\x10\0\0\0AVI LIST\x04\0\0\0hdrl"),
        ("ts", b"G\x1f\xff\x10".ljust(188, b"\xff") * 6),
        ("jpg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
        ("png", b"\x89PNG\r\n\x1a\n"),
        ("gif", b"GIF89a"),
        ("webp", b"RIFF\0\0\0\0WEBPVP8 "),
        ("avif", b"\0\0\0\x14ftypavif\0\0\0\0avif"),
        ("heic", b"\0\0\0\x14ftypheic\0\0\0\0heic"),
        ("tiff", b"II*\0"),
        ("bmp", b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0"),
    ):
        (tmp_path / name).write_bytes(head)
        seen = Seen(reader, tmp_path / name)
        assert seen.frames == []
        assert len(seen.unknowns) == 1, name


def test_a_damaged_png_is_corrupt(tmp_path: Path) -> None:
    data = bytearray(photo("chelsea.png").read_bytes())
    data[len(data) // 3] ^= 255
    path = tmp_path / "damaged.png"
    path.write_bytes(data)
    with Reader() as reader, open_source(path) as source:
        reading = reader.read(source)
        assert len(list(reading)) == 1
    assert [u.cause for u in reading.unknowns] == ["corrupt"]


def test_frames_do_not_hide_behind_a_clock_that_runs_back(tmp_path: Path) -> None:
    clock = Clock(0, 0.1, 25.0)
    seconds = [clock.tick(stamp) for stamp in [0, 8, 4, 8, 4, 4, 4, 8, 0, 8]]
    assert all(a < b for a, b in pairwise(seconds))


def test_a_length_beyond_all_reason_is_not_believed(reader: Reader, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", 10)
    data = path.read_bytes()
    # Matroska keeps the length of a track as text, right behind the name of the tag.
    at = data.index(b"DURATION")
    digits = data.index(b"00:00:00", at)
    path.write_bytes(data[:digits] + b"99:99:99" + data[digits + 8 :])
    seen = Seen(reader, path)
    assert seen.causes == ["truncated"]
    assert len(seen.frames) >= 1
    assert _TAG.match("9" * 303 + ":00:00.000") is None


def test_a_video_that_begins_late_is_not_cut_short(reader: Reader, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", 50, times=[3 + number / 25 for number in range(50)])
    assert Seen(reader, path).causes == []
