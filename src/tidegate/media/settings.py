"""What may be spent on an item, and how densely it is sampled."""

import math

from tidegate.evidence import Value


class Budget(Value, frozen=True, kw_only=True):
    """The most that one item may cost. What is over it becomes an ``Unknown``.

    Attributes:
        bytes: Size of the file.
        pixels: Pixels of one frame, checked before the frame is decoded.
        frames: Decoded frames. What was seen before the limit still counts.
        duration: Seconds of play. What was seen before the limit still counts.
        seconds: Wall-clock seconds from the start of the item to its end.
    """

    bytes: int = 2 * 1024**3
    pixels: int = 178_000_000
    frames: int = 1_000_000
    duration: float = 6 * 3600.0
    seconds: float = 600.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"budget.{name} is more than 0 and finite")


class Sampling(Value, frozen=True, kw_only=True):
    """Which frames of a video are judged.

    Keyframes are judged, then the time between them is filled. Animations are sampled
    by change instead, whatever is set here.

    Attributes:
        gap: Most seconds between two judged frames, as far as the video's own frames
            are that close; 0 judges every frame.
    """

    gap: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.gap < math.inf:
            raise ValueError("sampling.gap is not negative and finite")

    @property
    def min_gap(self) -> float:
        """Seconds within which a further keyframe is not judged for being one.

        Without it a video of nothing but keyframes would be judged frame by frame.
        """
        return self.gap / 4
