"""Files that are two things, and formats that run or refer to something."""

import functools
import gzip
import io
import struct
import zipfile

from tests.attacks.attack import Family, refused, seen
from tests.attacks.crafted import LAUGHS, after_header, after_soi, box, chunk, saved, segment
from tests.attacks.films import h264

polyglots = Family()
_unsupported = refused("unsupported")
_SCRIPT = b"<script>alert(1)</script>"
_PDF = (
    b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


def archive() -> bytes:
    """A ZIP of one script."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("run.sh", "#!/bin/sh\necho run\n")
    return target.getvalue()


for _name, _about, _outcome, _make in (
    ("zip-behind.jpg", "a JPEG and a ZIP", seen(), lambda: saved("JPEG") + archive()),
    (
        "zip-inside.jpg",
        "a JPEG with a ZIP in a comment",
        seen(),
        lambda: after_soi(saved("JPEG"), segment(0xFE, archive())),
    ),
    (
        "pdf-inside.jpg",
        "a JPEG with a PDF in a comment, which PDF readers find",
        seen(),
        lambda: after_soi(saved("JPEG"), segment(0xFE, _PDF)),
    ),
    ("pdf-behind.jpg", "a JPEG and a PDF", seen(), lambda: saved("JPEG") + _PDF),
    ("jpeg-behind.pdf.jpg", "a PDF and a JPEG", _unsupported, lambda: _PDF + saved("JPEG")),
    (
        "html.gif",
        "a GIF whose size is text, with a page in a comment",
        seen(),
        lambda: saved("GIF")[:-1] + b"!\xfe" + bytes([len(_SCRIPT)]) + _SCRIPT + b"\0;",
    ),
    ("html-behind.gif", "a GIF and a page", seen(), lambda: saved("GIF") + _SCRIPT),
    (
        "php.jpg",
        "a JPEG with a script in a comment",
        seen(),
        lambda: after_soi(saved("JPEG"), segment(0xFE, b"<?php system($_GET['c']); ?>")),
    ),
    (
        "script.png",
        "a PNG with a script in a comment and one behind its end",
        seen(),
        lambda: after_header(saved("PNG"), chunk(b"tEXt", b"c\0" + _SCRIPT)) + _SCRIPT,
    ),
    ("zip-behind.mp4", "a video and a ZIP", seen(), lambda: h264() + box(b"free", archive())),
    ("zip-bare.mp4", "a video and a ZIP without a box", seen(), lambda: h264() + archive()),
    ("mp4-behind.zip.mp4", "a ZIP and a video", _unsupported, lambda: archive() + h264()),
    (
        "second.jpg",
        "a JPEG with a second picture behind it",
        seen(),
        lambda: saved("JPEG") + saved("JPEG", (640, 480)),
    ),
    (
        "thumbnail.jpg",
        "a JPEG with another picture as its thumbnail",
        seen(),
        lambda: after_soi(saved("JPEG"), segment(0xE1, b"Exif\0\0" + saved("JPEG", (32, 24)))),
    ),
    ("png-behind.jpg", "a JPEG and a PNG", seen(), lambda: saved("JPEG") + saved("PNG")),
    (
        "jpeg-in-riff.webp",
        "a JPEG in a WebP",
        refused("corrupt"),
        lambda: b"RIFF\0\0\0\0WEBP" + saved("JPEG"),
    ),
):
    polyglots.bytes(_name, _about, _outcome, _make, passed_over=_name == "mp4-behind.zip.mp4")

# Formats that run or refer to things

_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'

RUNS: dict[str, tuple[str, bytes]] = {
    "script.svg": ("SVG with a script", _SVG + _SCRIPT + b"</svg>"),
    "laughs.svg": (
        "SVG with a thousand million laughs",
        LAUGHS + _SVG + b"<text>&a9;</text></svg>",
    ),
    "page.pdf": ("PDF that runs a script", _PDF),
    "page.ps": ("PostScript that runs a program", b"%!PS-Adobe-3.0\n(%pipe%id) (w) file\n"),
    "page.eps": (
        "EPS with a preview",
        b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 32, 40) + bytes(20) + b"%!PS-Adobe-3.0 EPSF-3.0\n",
    ),
    "flash.swf": ("Flash", b"FWS\x06" + struct.pack("<I", 40) + bytes(32)),
    "squeezed.swf": ("Flash, deflated", b"CWS\x06" + struct.pack("<I", 1 << 31) + b"\x78\x9c"),
    "drawing.psd": ("Photoshop", b"8BPS\0\1" + bytes(20)),
}
"""Formats known by sight: a name, what it is, and its bytes."""

UNKNOWN: dict[str, tuple[str, bytes]] = {
    "squeezed.svgz": ("SVG, gzipped", gzip.compress(_SVG + _SCRIPT + b"</svg>", mtime=0)),
    "page.html": ("a page with a script", b"<!DOCTYPE html><html>" + _SCRIPT + b"</html>"),
    "drawing.wmf": (
        "WMF with an escape",
        b"\xd7\xcd\xc6\x9a" + bytes(18) + struct.pack("<HHHIHIH", 1, 9, 0x300, 20, 0, 9, 0),
    ),
    "drawing.emf": ("EMF", struct.pack("<II", 1, 88) + bytes(32) + b" EMF" + bytes(44)),
    "shell.jpg": ("a script that is named a JPEG", b"#!/bin/sh\necho run\n"),
    "program.png": ("a program that is named a PNG", b"\x7fELF\2\1\1" + bytes(57)),
    "archive.png": ("a ZIP that is named a PNG", archive()),
    "tag.mp3": (
        "ID3 of 256 MB in 30 bytes",
        b"ID3\4\0\0\x7f\x7f\x7f\x7f" + b"APIC\x7f\x7f\x7f\x7f" + bytes(12),
    ),
    "tag.jpg": ("ID3 and a JPEG", b"ID3\4\0\0\0\0\0\0" + saved("JPEG")),
    "one-byte": ("one byte", b"G"),
    "one-byte.jpg": ("the first byte of a JPEG", b"\xff"),
}
"""Files that are no media that is known."""

for _name, (_about, _data) in (RUNS | UNKNOWN).items():
    polyglots.bytes(
        _name,
        _about,
        _unsupported,
        functools.partial(bytes, _data),
        passed_over=_name in UNKNOWN,
    )
