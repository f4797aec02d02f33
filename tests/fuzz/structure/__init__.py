"""Formats as trees of parts, so that a mutation gets past sizes and checksums.

Each module has ``parse``, which takes a whole and sound file apart, and ``join``, which puts it
together again and repairs what depends on the contents: sizes, counts, checksums.
"""

from collections.abc import Callable
from typing import NamedTuple

from tests.fuzz.structure import bmp, boxes, ebml, gif, jpeg, mpegts, png, riff, tiff
from tests.fuzz.structure.part import Part


class Structure(NamedTuple):
    """How to take a format apart and how to put it together."""

    parse: Callable[[bytes], list[Part]]
    join: Callable[[list[Part]], bytes]


_BOXES = Structure(boxes.parse, boxes.join)
_RIFF = Structure(riff.parse, riff.join)

STRUCTURES: dict[str, Structure] = {
    "jpeg": Structure(jpeg.parse, jpeg.join),
    "bmp": Structure(bmp.parse, bmp.join),
    "png": Structure(png.parse, png.join),
    "gif": Structure(gif.parse, gif.join),
    "webp": _RIFF,
    "avif": _BOXES,
    "heic": _BOXES,
    "tiff": Structure(tiff.parse, tiff.join),
    "mp4": _BOXES,
    "matroska": Structure(ebml.parse, ebml.join),
    "avi": _RIFF,
    "mpegts": Structure(mpegts.parse, mpegts.join),
}
"""By format, as :func:`tidegate.media.sniff.sniff` names them."""

__all__ = ["STRUCTURES", "Part", "Structure"]
