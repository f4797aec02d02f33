"""Formats by content."""

from pathlib import Path

import pytest

from tests.clips import clip, film, photo, picture
from tidegate.media import UNSUPPORTED, sniff
from tidegate.media.sniff import HEAD


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpeg"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "avif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x1cftypavis\0\0\0\0avismsf1", "avif"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "mp4"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mp4"),
        (b"\0\0\x10\0moov\0\0\0\x6cmvhd", "mp4"),
        (b"\0\0\0\x01mdat", "mp4"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0crx ", "cr3"),
        (b"II*\0\x10\0\0\0CR\x02\0", "cr2"),
        (b"\x1aE\xdf\xa3\x9fB\x82\x84webm", "matroska"),
        (b"\x1aE\xdf\xa3\x9fB\x82\x84else", None),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b'<?xml version="1.0"?>\n<!-- a --><svg>', "svg"),
        (b'<?xml version="1.0"?><html>', None),
        (b"%PDF-1.7", "pdf"),
        (b"\0\0\x01\0\x01\0", "ico"),
        (b"P6\n640 480\n255\n", "netpbm"),
        (b"P1. The first point", None),
        (b"BM is a marque of cars from Munich, is it not?", None),
        (b"the free encyclopedia", None),
        (b"sugar-free and moov", None),
        (b"GGGGGGGG is no transport stream", None),
        (b"PK\x03\x04", None),
        (b"<html><body>", None),
        (b"\0" * 4096, None),
        (b"G", None),
        (b"P", None),
        (b"P1", None),
        (b"FWS are letters", None),
        (b"FWS\x09\x10\0\0\0", "swf"),
        (b"\0\0\0\x18stypmsdh\0\0\0\0", "mp4"),
        (b"", None),
    ],
)
def test_by_first_bytes(head: bytes, format: str | None) -> None:
    assert sniff(head) == format


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi", "ts", "m2ts", "flv", "mpg"])
def test_made_containers(tmp_path: Path, suffix: str) -> None:
    codec = {"webm": "libvpx-vp9", "mpg": "mpeg2video", "flv": "flv"}.get(suffix, "mpeg4")
    muxer = {"mpegts_m2ts_mode": "1"} if suffix == "m2ts" else {}
    options = {"cpu-used": "8", "deadline": "realtime"} if suffix == "webm" else {}
    path = film(tmp_path / f"a.{suffix}", 10, codec, muxer=muxer, options=options)
    expected = {"mov": "mp4", "mkv": "matroska", "webm": "matroska", "ts": "mpegts"}
    expected |= {"m2ts": "mpegts", "mpg": "mpegps"}
    assert sniff(path.read_bytes()[:HEAD]) == expected.get(suffix, suffix)


@pytest.mark.parametrize("suffix", ["ico", "jp2", "psd", "ppm", "pdf", "eps", "dds"])
def test_made_pictures_that_are_not_judged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "psd":
        path.write_bytes(b"8BPS\0\x01" + bytes(20))
    else:
        picture(size=(64, 64)).save(path)
    assert sniff(path.read_bytes()[:HEAD]) in UNSUPPORTED


def test_installed_media() -> None:
    assert sniff(photo("rocket.jpg").read_bytes()[:HEAD]) == "jpeg"
    assert sniff(photo("multipage.tif").read_bytes()[:HEAD]) == "tiff"
    assert sniff(clip("bikes.mp4").read_bytes()[:HEAD]) == "mp4"
    assert sniff(photo("lfw_subset.npy").read_bytes()[:HEAD]) is None
