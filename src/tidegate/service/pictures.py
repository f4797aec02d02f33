"""Small pictures of media, decoded in a confined process and encoded anew."""

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from tidegate.closing import Closing
from tidegate.evidence import Span
from tidegate.media import Budget, MediaError, Reader, Sampling, Source
from tidegate.report.pictures import Picture, blotches, thumbnail

Rgb = NDArray[np.uint8]

AT_ONCE = 2
"""Pictures that are made at once: people look at them, machines judge meanwhile."""

_BUDGET = Budget(seconds=20.0)
_AROUND = 2.0
"""Seconds after the one that is asked for, within which a frame is looked for."""


class Pictures(Closing):
    """Makes pictures of media, a few at once. Safe to share between threads."""

    def __init__(self) -> None:
        self._readers: queue.SimpleQueue[Reader] = queue.SimpleQueue()
        self._all = [Reader(_BUDGET) for _ in range(AT_ONCE)]
        for reader in self._all:
            self._readers.put(reader)

    def jpeg(self, source: Source, side: int, second: float = 0.0) -> bytes:
        """Return a frame as a JPEG without metadata.

        Args:
            source: The media.
            side: Pixels of its longer side, at most.
            second: Of a video: when.

        Raises:
            MediaError: It cannot be decoded, or has no frame there.
        """
        return self._made(source, second, lambda rgb: thumbnail(rgb, second, side))

    def veil(self, source: Source, second: float = 0.0) -> bytes:
        """Return a frame as a JPEG in which nothing can be made out.

        Args:
            source: The media.
            second: Of a video: when.

        Raises:
            MediaError: It cannot be decoded, or has no frame there.
        """
        return self._made(source, second, lambda rgb: blotches(rgb, second))

    def close(self) -> None:
        """End the decoders."""
        for reader in self._all:
            reader.close()

    def _made(self, source: Source, second: float, make: Callable[[Rgb], Picture]) -> bytes:
        within = (Span(start=second, end=second + _AROUND),) if second else None
        with (
            self._reader() as reader,
            reader.read(source, Sampling(within=within), colour=True) as reading,
        ):
            for frame in reading:
                if frame.rgb is not None and frame.second >= second:
                    return make(frame.rgb).jpeg
            why = next(iter(reading.unknowns), None)
        if why is None:
            raise MediaError("no_frames", "has no frame there")
        raise MediaError(why.cause, why.detail)

    @contextmanager
    def _reader(self) -> Iterator[Reader]:
        reader = self._readers.get()
        try:
            yield reader
        finally:
            self._readers.put(reader)
