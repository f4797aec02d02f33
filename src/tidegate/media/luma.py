"""The luma of a frame, as it travels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Luma(NamedTuple):
    """The brightness of each pixel, before any conversion to RGB.

    Attributes:
        plane: Height x width, uint8.
        limited: Whether black is 16 and white 235; otherwise they are 0 and 255.
    """

    plane: NDArray[np.uint8]
    limited: bool
