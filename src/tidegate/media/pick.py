"""Which frames of a video are judged: a rule on times alone."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tidegate.media.settings import Sampling

F = TypeVar("F")

_CLOSE = 1e-6
"""Times are sums of fractions; closer than this is the same."""


@dataclass
class Picker(Generic[F]):
    """Takes frames in order of time and returns those to judge.

    The first frame is judged, and every keyframe at least ``min_gap`` after the last
    judged one. In between, the latest frame that is not more than ``gap`` after the last
    judged one is judged; therefore a frame is held back until its successor is known.
    Where only some stretches are to be judged, the rest of the video makes none due.
    """

    sampling: Sampling
    last: float | None = None
    _held: list[tuple[float, bool, F]] = field(default_factory=list)

    def take(self, second: float, key: bool, frame: F) -> list[tuple[float, bool, F]]:
        """Return the frames that are now known to be judged, with time and key."""
        picked = []
        if self.last is not None and self._held and second - self.last > self._gap:
            picked.append(self._judge(self._held.pop()))
        if not self.sampling.covers(second):
            self._held.clear()
        elif self.last is None or self._due(second, key):
            self._held.clear()
            picked.append(self._judge((second, key, frame)))
        else:
            self._held[:] = [(second, key, frame)]
        return picked

    def let_go(self) -> None:
        """Forget the frame that is held back: it is known that it will not be judged."""
        self._held.clear()

    def copy(self) -> "Picker[F]":
        """Return one that goes on from here by itself."""
        return Picker(self.sampling, self.last, list(self._held))

    def end(self) -> list[tuple[float, bool, F]]:
        """Return the last frame if it is more than half a gap after the last judged."""
        far = self.sampling.gap / 2
        if self.last is not None and self._held and self._held[0][0] - self.last > far:
            return [self._judge(self._held.pop())]
        return []

    @property
    def waiting(self) -> float | None:
        """Second of the frame that is held back."""
        return self._held[0][0] if self._held else None

    def reaches(self, second: float) -> bool:
        """Return whether no frame is needed between the last judged one and this second."""
        return self.last is not None and second - self.last <= self._gap

    @property
    def _gap(self) -> float:
        return self.sampling.gap + _CLOSE

    def _due(self, second: float, key: bool) -> bool:
        assert self.last is not None
        since = second - self.last
        # At exactly the gap no later frame can be better.
        return since >= self.sampling.gap - _CLOSE or (
            key and since >= self.sampling.min_gap - _CLOSE
        )

    def _judge(self, item: tuple[float, bool, F]) -> tuple[float, bool, F]:
        self.last = item[0]
        return item
