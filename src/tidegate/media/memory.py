"""Shared memory for pixels: an anonymous file of two slots.

A slot holds a frame's luma, its RGB, or its luma and its RGB behind it.

While the parent works on one slot the child fills the other. Pages that no frame touches
cost nothing, so a slot is as large as the largest frame that the budget allows.
"""

import fcntl
import math
import mmap
import os
import tempfile

import numpy as np
from numpy.typing import NDArray

SLOTS = 2

BYTES = 4
"""Most bytes of a pixel: three of RGB and one of luma."""


def slot_size(pixels: int) -> int:
    """Return the bytes of a slot that holds so many pixels, in whole pages."""
    grain = mmap.ALLOCATIONGRANULARITY
    return -(-pixels * BYTES // grain) * grain


def create(pixels: int) -> int:
    """Make the file for frames of at most ``pixels`` and return its descriptor."""
    size = SLOTS * slot_size(pixels)
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            os.ftruncate(file.fileno(), size)
            return os.dup(file.fileno())
    descriptor = os.memfd_create("tidegate-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    # A child that could shrink the file could kill the parent with SIGBUS.
    fcntl.fcntl(
        descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    )
    return descriptor


class Slots:
    """The two slots, mapped: read-only in the parent, writable in the child."""

    def __init__(self, descriptor: int, *, writable: bool) -> None:
        size = os.fstat(descriptor).st_size
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._memory = mmap.mmap(descriptor, size, access=access)
        self.size = size // SLOTS

    def rgb(self, slot: int, height: int, width: int, *, behind: bool = False) -> NDArray[np.uint8]:
        """Return the RGB in a slot; read-only where the mapping is.

        Args:
            slot: 0 or 1.
            height: Pixels from top to bottom.
            width: Pixels from left to right.
            behind: Whether the luma of the same frame lies before it.
        """
        return self._view(slot, (height, width, 3), height * width if behind else 0)

    def luma(self, slot: int, height: int, width: int) -> NDArray[np.uint8]:
        """Return the luma at the start of a slot; read-only where the mapping is."""
        return self._view(slot, (height, width), 0)

    def _view(self, slot: int, shape: tuple[int, ...], start: int) -> NDArray[np.uint8]:
        assert 0 <= slot < SLOTS
        assert start + math.prod(shape) <= self.size
        return np.ndarray(shape, np.uint8, self._memory, slot * self.size + start)

    def forget(self) -> None:
        """Give the pages of both slots back to the system."""
        if hasattr(mmap, "MADV_REMOVE"):
            self._memory.madvise(mmap.MADV_REMOVE)
