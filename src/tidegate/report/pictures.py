"""Small pictures of what was judged, for the report only."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Picture:
    """A small JPEG of one frame.

    Attributes:
        second: When the frame is shown; 0.0 for a still picture.
        jpeg: The JPEG file, without metadata.
        width: Width in pixels.
        height: Height in pixels.
    """

    second: float
    jpeg: bytes
    width: int
    height: int


Pictures = Mapping[int, Sequence[Picture]]
"""Pictures by the index of their item in the report."""


def thumbnail(rgb: NDArray[np.uint8], second: float, side: int = 360) -> Picture:
    """Return a small picture of a frame.

    Args:
        rgb: Upright picture, ``(height, width, 3)``.
        second: When the frame is shown; 0.0 for a still picture.
        side: Longest side of the result in pixels. Smaller frames stay as they are.
    """
    image = Image.fromarray(rgb)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80, optimize=True)
    return Picture(second=second, jpeg=file.getvalue(), width=image.width, height=image.height)
