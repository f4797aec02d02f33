"""What may be spent on an item, and how densely it is sampled."""

import math
import os
from bisect import bisect_right
from itertools import pairwise
from typing import Literal, cast, get_args

from tidegate.evidence import Span, Value


class Budget(Value, frozen=True, kw_only=True):
    """The most that one item may cost. What is over it becomes an ``Unknown``.

    Attributes:
        bytes: Size of the file.
        pixels: Pixels of one frame, checked before the frame is decoded.
        total_pixels: Pixels of all decoded frames together. Each scan of a JPEG counts as
            a frame. What was seen before the limit still counts.
        frames: Decoded frames. What was seen before the limit still counts.
        duration: Seconds of play. What was seen before the limit still counts.
        streams: Streams of a container, whatever they carry.
        seconds: Wall-clock seconds from the start of the item to its end.
        memory: Bytes of address space that the decoding process may take, beside its own
            code and the frames that it hands out.
    """

    bytes: int = 2 * 1024**3
    pixels: int = 178_000_000
    total_pixels: int = 1_000_000_000_000
    frames: int = 1_000_000
    duration: float = 6 * 3600.0
    streams: int = 250
    seconds: float = 600.0
    memory: int = 4 * 1024**3

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"budget.{name} is more than 0 and finite")

    def cpu_seconds(self, threads: int) -> int:
        """Return the seconds of processor time that so many threads may take for an item."""
        return math.ceil(self.seconds * threads) + 1


class SettingError(ValueError):
    """A setting of the environment that means nothing."""


Confinement = Literal["preferred", "required", "off"]
"""Whether the kernel is to confine decoders: where it can, or else nothing is decoded, or not."""


def confinement() -> Confinement:
    """Return what the environment's ``TIDEGATE_CONFINEMENT`` asks for; ``preferred`` unsaid.

    Raises:
        SettingError: It asks for something else.
    """
    value = os.environ.get("TIDEGATE_CONFINEMENT") or "preferred"
    if value not in get_args(Confinement):
        raise SettingError(f"TIDEGATE_CONFINEMENT is preferred, required or off, not {value!r}")
    return cast(Confinement, value)


MOST_STRETCHES = 128
"""Of a video, outside of which nothing is judged."""


class Sampling(Value, frozen=True, kw_only=True):
    """Which frames of a video are judged.

    Keyframes are judged, then the time between them is filled. Animations are sampled
    by change instead, whatever is set here.

    Attributes:
        gap: Most seconds between two judged frames, as far as the video's own frames
            are that close; 0 judges every frame.
        within: Stretches, ascending and at least a gap apart, outside of which nothing is
            judged; ``None`` for all of the video.
    """

    gap: float = 1.0
    within: tuple[Span, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.gap < math.inf:
            raise ValueError("sampling.gap is not negative and finite")
        spans = self.within or ()
        if len(spans) > MOST_STRETCHES:
            raise ValueError(f"sampling.within has at most {MOST_STRETCHES} stretches")
        if any(not 0 <= span.start <= span.end < math.inf for span in spans) or any(
            after.start - before.end < self.gap for before, after in pairwise(spans)
        ):
            raise ValueError("sampling.within ascends, each stretch a gap after the last")

    def covers(self, second: float) -> bool:
        """Return whether a frame at this second may be judged."""
        if self.within is None:
            return True
        place = bisect_right(self.within, second, key=lambda span: span.start)
        return place > 0 and second <= self.within[place - 1].end

    def passes_over(self, start: float, end: float) -> bool:
        """Return whether no frame from ``start`` up to, but not at, ``end`` may be judged."""
        if self.within is None:
            return False
        return not any(span.start < end and start <= span.end for span in self.within)

    @property
    def min_gap(self) -> float:
        """Seconds within which a further keyframe is not judged for being one.

        Without it a video of nothing but keyframes would be judged frame by frame.
        """
        return self.gap / 4
