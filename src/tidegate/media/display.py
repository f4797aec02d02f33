"""How a video frame has to be turned to be upright."""

import struct
from typing import Any

import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray


def matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Return the signs of the display matrix: x' = a x + c y, y' = b x + d y."""
    # As `frame.side_data`, which would hold the frame until the garbage collector comes.
    sides: Any = SideDataContainer
    side = sides(frame).get("DISPLAYMATRIX")
    if side is None or side.buffer_size < 36:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(side)[:36])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _sign(a), 0, 0, _sign(d)
    return 0, _sign(b), _sign(c), 0


def turn(pixels: NDArray[np.uint8], signs: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return a view of the pixels as they are to be shown."""
    a, b, c, d = signs
    if a == 0:
        pixels = pixels.swapaxes(0, 1)
    if a + c < 0:
        pixels = pixels[:, ::-1]
    if b + d < 0:
        pixels = pixels[::-1]
    return pixels


def degrees(signs: tuple[int, int, int, int]) -> int:
    """Return the counter-clockwise turn, leaving a mirroring aside."""
    a, b, _, _ = signs
    return {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}[a, b]


def _sign(value: int) -> int:
    return -1 if value < 0 else 1
