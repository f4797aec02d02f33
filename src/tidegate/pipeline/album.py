"""Which frames are kept as thumbnails while a stream of frames goes by."""

from collections.abc import Collection, Hashable
from typing import NamedTuple

from tidegate.report.pictures import Picture

LIMIT = 32
"""Most thumbnails that are kept for one item, whatever its length."""


class _Kept(NamedTuple):
    weight: float
    picture: Picture


class Album:
    """Keeps the thumbnail of each peak, within a bound."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept] = {}

    def keep(
        self, key: Hashable, weight: float, picture: Picture | None, *, once: bool = False
    ) -> None:
        """Keep a picture under a key, in place of the one that was there.

        Args:
            key: What the picture is the peak of.
            weight: Above the limit, the lightest picture goes.
            picture: The picture; ``None`` where none are wanted.
            once: Leave the picture that is there in its place.
        """
        if picture is None or (once and key in self._kept):
            return
        self._kept[key] = _Kept(weight, picture)
        if len(self._kept) > LIMIT:
            del self._kept[min(self._kept, key=lambda key: self._kept[key].weight)]

    def pictures(self, peaks: Collection[float]) -> tuple[Picture, ...]:
        """Return the pictures at these seconds, in order; the first one where none is."""
        pictures = {kept.picture.second: kept.picture for kept in self._kept.values()}
        ordered = [pictures[second] for second in sorted(pictures)]
        return tuple(p for p in ordered if p.second in peaks) or tuple(ordered[:1])
