"""Seconds of a video from its timestamps, however broken these are."""

_EARLY = 0.5
"""Seconds by which the first frame may be late and still be the start."""


class Clock:
    """Turns timestamps into seconds from the start that never go backwards.

    Attributes:
        last: Second of the last frame.
        step: Seconds between two frames, as the video says or as last seen.
        shift: Seconds by which timestamps were moved, because they ran back.
    """

    def __init__(self, start: int | None, base: float, rate: float) -> None:
        self.last = 0.0
        self.step = 1 / rate if rate else 0.04
        self._start = start
        self._base = base
        self.shift = 0.0
        self._begun = False

    def peek(self, stamp: int) -> float:
        """Return the second of a timestamp, as far as is known by now."""
        if self._start is None:
            self._start = stamp
        return (stamp - self._start) * self._base + self.shift

    def tick(self, stamp: int | None) -> float:
        """Return the second of the next frame in order."""
        after = self.last + self.step if self._begun else 0.0
        second = after if stamp is None else self.peek(stamp)
        if not self._begun and stamp is not None and 0 < second < _EARLY:
            # AVI counts the decoder's delay in: the first frame is the start.
            self._start, second = stamp, 0.0
        if self._begun and second <= self.last:
            # Time that stands still or runs back is a lie: the frames are shown all the same,
            # and frames that share a moment would hide behind one another.
            self.shift += after - second
            second = after
        if self._begun and second > self.last:
            self.step = second - self.last
        self._begun = True
        self.last = max(second, 0.0)
        return self.last
