"""Whether a frame of an animation differs from the last one that was judged."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32
"""Side of the thumbnail that is compared."""

BLOCK = 4
"""Side of a block of the thumbnail: a block is 1/64 of the picture."""

THRESHOLD = 6.0
"""Mean absolute difference within one block, in any channel and out of 255, that counts.

Dithering and lossy noise stay below it, because a thumbnail's pixel is itself a mean.
A flash of one frame or an object in one place does not.
"""


class Change:
    """Remembers the last judged frame, so that slow drift adds up."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None

    def differs(self, rgb: Image.Image) -> bool:
        """Return whether to judge this frame; if so, remember it. The first one always."""
        small = np.asarray(rgb.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
        if self._last is not None:
            count = SIDE // BLOCK
            error = np.abs(small - self._last).reshape(count, BLOCK, count, BLOCK, 3)
            if error.mean(axis=(1, 3)).max() < THRESHOLD:
                return False
        self._last = small
        return True
