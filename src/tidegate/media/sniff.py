"""Formats by their first bytes. A file's name says nothing."""

import re
from collections.abc import Callable

HEAD = 4096
"""How many bytes of a file are enough for :func:`sniff`."""

FILMS = frozenset({"mp4", "matroska", "avi", "mpegts"})
"""Formats that are judged as video; all others that are judged are pictures and animations."""

UNSUPPORTED = frozenset(
    {
        "asf", "cr2", "cr3", "dds", "djvu", "dpx", "exr", "flv", "hdr", "icns", "ico", "ivf",
        "j2k", "jp2", "jpegxr", "jxl", "mng", "mpegps", "mpegvideo", "mxf", "netpbm", "nut",
        "ogg", "pdf", "postscript", "psd", "qoi", "realmedia", "svg", "swf", "xcf", "y4m",
    }
)  # fmt: skip
"""Formats that are media and are known by sight, but are not judged."""

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00\x10\x00\x00\x00CR", "cr2"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"II\xbc\x01", "jpegxr"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"%PDF-", "pdf"),
    (b"%!PS", "postscript"),
    (b"\xc5\xd0\xd3\xc6", "postscript"),
    (b"8BPS\x00", "psd"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x00\x0cJXL ", "jxl"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "j2k"),
    (b"FLV\x01", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"\x00\x00\x01\xba", "mpegps"),
    (b"\x00\x00\x01\xb3", "mpegvideo"),
    (b"OggS\x00", "ogg"),
    (b"\x00\x00\x01\x00", "ico"),
    (b"\x00\x00\x02\x00\x01\x00", "ico"),
    (b"icns", "icns"),
    (b"v/1\x01", "exr"),
    (b"DDS ", "dds"),
    (b"SDPX", "dpx"),
    (b"XPDS", "dpx"),
    (b"#?RADIANCE", "hdr"),
    (b"#?RGBE", "hdr"),
    (b"qoif", "qoi"),
    (b"\x8aMNG\r\n\x1a\n", "mng"),
    (b"gimp xcf", "xcf"),
    (b"AT&TFORM", "djvu"),
    (b"DKIF\x00\x00", "ivf"),
    (b"YUV4MPEG2 ", "y4m"),
    (b".RMF\x00", "realmedia"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", "mxf"),
    (b"nut/multimedia container\x00", "nut"),
)

_FIRST_BOXES = (
    *(b"moov", b"mdat", b"free", b"wide", b"skip", b"pnot"),  # QuickTime before it had ftyp
    *(b"styp", b"moof", b"sidx"),  # a fragment of a stream
)
_AVIF = (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


def sniff(head: bytes) -> str | None:
    """Return the format of a file that starts with these bytes.

    Args:
        head: The first bytes, :data:`HEAD` of them where the file has as many.

    Returns:
        A format that is judged, one of :data:`UNSUPPORTED`, or ``None`` for what is not
        known to be an image or a video.
    """
    for start, name in _STARTS:
        if head.startswith(start):
            return _doctype(head) if name == "matroska" else name
    for look in _LOOKS:
        if found := look(head):
            return found
    return None


def _doctype(head: bytes) -> str | None:
    """Tell Matroska and WebM from other EBML files."""
    return "matroska" if b"webm" in head[:256] or b"matroska" in head[:256] else None


def _riff(head: bytes) -> str | None:
    if head[:4] != b"RIFF":
        return None
    return {b"WEBP": "webp", b"AVI ": "avi"}.get(head[8:12])


def _boxes(head: bytes) -> str | None:
    """Tell the formats made of ISO boxes: MP4 and QuickTime, HEIC, AVIF, and the like."""
    size, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if kind == b"ftyp" and 16 <= size <= 1 << 16:
        return _brand(head[8:12], head[16 : min(size, len(head))])
    # Text has letters where a box has its size, which would then be over 512 MiB.
    if kind == b"mdat" or (kind in _FIRST_BOXES and 8 <= size < 1 << 29):
        return "mp4"
    return None


def _brand(major: bytes, rest: bytes) -> str:
    brands = [major]
    if major in (b"mif1", b"msf1", b"miaf", b"mif2", b"1pic"):
        brands += [rest[i : i + 4] for i in range(0, len(rest), 4)]
    if any(brand in _AVIF for brand in brands):
        return "avif"
    if any(brand in _HEIC for brand in brands) or major in (b"mif1", b"msf1", b"mif2"):
        return "heic"
    return {b"crx ": "cr3", b"jxl ": "jxl", b"jp2 ": "jp2", b"jpx ": "jp2"}.get(major, "mp4")


def _bmp(head: bytes) -> str | None:
    known = head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return "bmp" if known else None


def _mpegts(head: bytes) -> str | None:
    """Find the sync byte of a transport stream at five packets in a row, or all there are."""
    for size in (188, 192, 204):
        for first in range(min(size, len(head))):
            beats = head[first : first + 5 * size : size]
            if len(beats) >= 3 and beats == b"G" * len(beats):
                return "mpegts"
    return None


def _netpbm(head: bytes) -> str | None:
    return "netpbm" if re.match(rb"P[1-7]\s[#0-9WE]", head) else None


def _swf(head: bytes) -> str | None:
    return "swf" if re.match(rb"[FCZ]WS[\x01-\x1f]", head) else None


def _svg(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    starts = text.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg"))
    return "svg" if starts and b"<svg" in text else None


_LOOKS: tuple[Callable[[bytes], str | None], ...] = (
    _riff,
    _boxes,
    _bmp,
    _swf,
    _netpbm,
    _svg,
    _mpegts,
)
