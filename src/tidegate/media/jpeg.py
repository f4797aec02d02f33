"""JPEG by libjpeg-turbo; what it refuses goes to Pillow.

At full resolution, or where that is enough at a half, a quarter or an eighth of it: its
inverse DCT then computes no more than the pixels that are wanted.
"""

import mmap
import re
from functools import partial

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from tidegate.evidence import Cause, MediaInfo
from tidegate.media import pictures, rgb
from tidegate.media.error import MediaError
from tidegate.media.luma import Luma
from tidegate.media.outlet import Outlet
from tidegate.media.wire import Job

_SCAN = b"\xff\xda"
"""The marker before a scan. Within one it cannot stand (ITU-T T.81, B.1.1.5)."""

_EOI = 0xD9

_FIRST_WITH_LENGTH = 0xC0
"""What is reserved below stands for nothing: the decoder passes over it."""

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""A marker but those that may stand within a scan."""

_PIECE = 1 << 20

_DIVISORS = (8, 4, 2)
"""Scales at which libjpeg-turbo is faster than at the full one. It has others, which are not."""

_HARMLESS = re.compile(r"\b\d{1,2} extraneous bytes|Invalid SOS parameters|Adobe|JFIF|progression")
"""Warnings of libjpeg about files that are whole nevertheless. A camera may pad its data
with some bytes; a hundred and more are what is left when damage made the rest unreadable."""


def decode(job: Job, descriptor: int, outlet: Outlet) -> None:
    """Decode a JPEG and hand it out upright."""
    image = pictures.open_image(job, descriptor)
    turn = rgb.orientation(image)
    grey = job.grey and not job.colour
    whole = image.height, image.width
    size = _size(*whole, job.least_side)
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
        each = image.width * image.height
        outlet.spend(each * (_scans(data, job.budget.total_pixels // each) - 1))
        if image.mode not in ("L", "RGB"):
            pictures.decode(job, descriptor, outlet)
            return
        outlet.spend(each)
        try:
            if simplejpeg.decode_jpeg_header(data, strict=False)[:2] != whole:
                raise MediaError("corrupt", "cannot be decoded: two decoders disagree on its size")
            room = outlet.room(*size) if turn == 1 and not grey else None
            pixels, complaint = _decode(data, size, room, grey=grey)
        except ValueError:
            pictures.decode(job, descriptor, outlet)
            return
    assert pixels.shape[:2] == size
    if turn != 1:
        pixels = np.asarray(rgb.upright(Image.fromarray(pixels), turn))
    outlet.count()
    width, height = rgb.upright_size(image.width, image.height, turn)
    outlet.facts(
        MediaInfo(
            kind="image",
            format="jpeg",
            width=width,
            height=height,
            orientation=turn,
            frames_seen=1,
        )
    )
    if grey:
        outlet.frame(None, luma=Luma(pixels, limited=False))
    else:
        outlet.frame(pixels)
    if complaint:
        cause: Cause = "truncated" if "premature end" in complaint.lower() else "corrupt"
        outlet.unknown(cause, f"the picture is only partly there: {complaint}")


def _size(height: int, width: int, least_side: int | None) -> tuple[int, int]:
    """Return the height and width of the smallest scale that leaves enough of a picture."""
    if least_side is not None:
        for divisor in _DIVISORS:
            scaled = -(-height // divisor), -(-width // divisor)
            if min(scaled) >= least_side:
                return scaled
    return height, width


def _scans(data: mmap.mmap, most: int) -> int:
    """Return how often the decoder has to go over the picture: once, progressive ones more.

    Where that is surely within ``most``, some that are in a thumbnail may be counted too.
    """
    starts = range(0, len(data), _PIECE)
    markers = sum(data[start : start + _PIECE + 1].count(_SCAN) for start in starts)
    return max(1, markers if markers <= most else _walked(data))


def _walked(data: mmap.mmap) -> int:
    """Count the scans from segment to segment, up to the end of the picture.

    What looks like one within the metadata or behind the end is none.
    """
    scans, at = 0, 2
    while found := _MARKER.search(data, at):
        marker, at = found[0][1], found.end()
        if marker == _EOI:
            break
        scans += marker == _SCAN[1]
        if marker >= _FIRST_WITH_LENGTH:
            at += int.from_bytes(data[at : at + 2], "big")
    return scans


def _decode(
    data: mmap.mmap, size: tuple[int, int], room: NDArray[np.uint8] | None, *, grey: bool
) -> tuple[NDArray[np.uint8], str]:
    """Return the pixels, RGB or luma alone, and what is wrong with them.

    The whole file is read at every scale, so damage is told at every scale.
    """
    decode = partial(
        simplejpeg.decode_jpeg,
        data,
        "GRAY" if grey else "RGB",
        min_height=size[0],
        min_width=size[1],
        buffer=room,
    )
    complaint = ""
    try:
        pixels = decode()
    except ValueError as error:
        complaint = "" if _HARMLESS.search(str(error)) else str(error)
        pixels = decode(strict=False)
    return pixels[:, :, 0] if grey else pixels, complaint
