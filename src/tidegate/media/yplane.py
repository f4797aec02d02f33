"""The luma of a video frame as it was coded: its Y plane, untouched but for the depth."""

import re
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from tidegate.media.luma import Luma

_WITH_Y = re.compile(r"(yuvj?4\d\dp|yuva4\d\dp|gray|nv12|nv21|nv16|nv24)(\d*)(le|be)?")
"""Pixel formats whose first plane is Y alone: the name of the layout, bits, byte order."""


def y_plane(frame: VideoFrame) -> Luma | None:
    """Return the Y plane of a frame, or ``None`` where its format has none.

    Of a format without one, such as RGB or a palette, the RGB is what was coded. A plane of
    more than 8 bits is rounded to the nearest of 8: limited range divides by a power of
    two, full range maps the highest value to 255.
    """
    layout = _WITH_Y.fullmatch(frame.format.name)
    plane = frame.planes[0]
    if layout is None or plane.line_size <= 0:
        return None
    name, bits, order = layout[1], int(layout[2] or 8), layout[3]
    limited = _limited(frame.color_range, name)
    data: Any = plane  # A buffer, which its type does not say.
    if bits == 8:
        rows = np.frombuffer(data, np.uint8).reshape(frame.height, plane.line_size)
        return Luma(rows[:, : frame.width], limited)
    sample: np.dtype[np.uint16] = np.dtype(">u2" if order == "be" else "<u2")
    wide = np.frombuffer(data, sample).reshape(frame.height, plane.line_size // 2)
    return Luma(_eight(wide[:, : frame.width], bits, limited=limited), limited)


def _limited(color_range: int, name: str) -> bool:
    """Return the range that the frame names; else what its format stands for."""
    if color_range in (ColorRange.MPEG, ColorRange.JPEG):
        return color_range == ColorRange.MPEG
    return not name.startswith(("yuvj", "gray"))


def _eight(rows: NDArray[np.uint16], bits: int, *, limited: bool) -> NDArray[np.uint8]:
    wide = rows.astype(np.uint32)
    top = (1 << bits) - 1
    below = bits - 8
    eight = (wide + (1 << below >> 1)) >> below if limited else (wide * 255 + top // 2) // top
    return np.minimum(eight, 255).astype(np.uint8)
