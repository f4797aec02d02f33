"""JPEG by libjpeg-turbo, at full resolution; what it refuses goes to Pillow."""

import mmap
import re

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from tidegate.evidence import Cause, MediaInfo
from tidegate.media import pictures, rgb
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

_HARMLESS = re.compile(r"\b\d{1,2} extraneous bytes|Invalid SOS parameters|Adobe|JFIF|progression")
"""Warnings of libjpeg about files that are whole nevertheless. A camera may pad its data
with some bytes; a hundred and more are what is left when damage made the rest unreadable."""


def decode(job: Job, descriptor: int, outlet: Outlet) -> None:
    """Decode a JPEG and hand it out upright."""
    image = pictures.open_image(job, descriptor)
    turn = rgb.orientation(image)
    grey = job.grey and not job.colour
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
        each = image.width * image.height
        outlet.spend(each * (_scans(data, job.budget.total_pixels // each) - 1))
        if image.mode not in ("L", "RGB"):
            pictures.decode(job, descriptor, outlet)
            return
        outlet.spend(each)
        try:
            room = outlet.room(image.height, image.width) if turn == 1 and not grey else None
            pixels, complaint = _decode(data, room, grey=grey)
        except ValueError:
            pictures.decode(job, descriptor, outlet)
            return
    if pixels.shape[:2] != (image.height, image.width):
        raise ValueError("two decoders disagree on its size")
    if turn != 1:
        pixels = np.asarray(rgb.upright(Image.fromarray(pixels), turn))
    outlet.count()
    outlet.facts(
        MediaInfo(
            kind="image",
            format="jpeg",
            width=pixels.shape[1],
            height=pixels.shape[0],
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
    data: mmap.mmap, room: NDArray[np.uint8] | None, *, grey: bool
) -> tuple[NDArray[np.uint8], str]:
    """Return the pixels, RGB or luma alone, and what is wrong with them."""
    space = "GRAY" if grey else "RGB"
    complaint = ""
    try:
        pixels = simplejpeg.decode_jpeg(data, space, buffer=room)
    except ValueError as error:
        complaint = "" if _HARMLESS.search(str(error)) else str(error)
        pixels = simplejpeg.decode_jpeg(data, space, buffer=room, strict=False)
    return pixels[:, :, 0] if grey else pixels, complaint
