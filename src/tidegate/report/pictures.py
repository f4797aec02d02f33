"""Small pictures of what was judged, for the report only."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tidegate.evidence import Transform


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


def blotches(rgb: NDArray[np.uint8], second: float) -> Picture:
    """Return a frame as some blotches of grey, in which nothing can be made out.

    It is made of a few pixels, so that nothing that is sent can be made sharp again.

    Args:
        rgb: Upright picture, ``(height, width, 3)``.
        second: When the frame is shown; 0.0 for a still picture.
    """
    image = Image.fromarray(rgb).convert("L")
    image.thumbnail((8, 8), Image.Resampling.BOX)
    wide = image.resize((image.width * 8, image.height * 8), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    wide.save(file, "JPEG", quality=70)
    return Picture(second=second, jpeg=file.getvalue(), width=wide.width, height=wide.height)


def turn(rgb: NDArray[np.uint8], transform: Transform) -> NDArray[np.uint8]:
    """Return a picture turned as :data:`tidegate.evidence.Transform` says, as a view."""
    match transform:
        case "none":
            return rgb
        case "rotate90" | "rotate180" | "rotate270":
            return np.rot90(rgb, int(transform.removeprefix("rotate")) // 90)
        case "flip_vertical":
            return rgb[::-1]
        case "flip_horizontal":
            return rgb[:, ::-1]
        case "transpose":
            return rgb.swapaxes(0, 1)
        case "transverse":
            return rgb[::-1, ::-1].swapaxes(0, 1)
