"""Where a video is worth a closer look: where a score is near a threshold.

A video is looked at a second at a time. Where a frame scores a little less than what would
bring something about, the frames around it, which nobody has seen, may score more. So they
are looked at too, within a bound that does not grow with the video.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tidegate.evidence import Span, Track, seconds
from tidegate.media.settings import MOST_STRETCHES

MARGIN = 0.2
"""By how much a score may miss a threshold and be near it; by half of it where that is less."""

SHARE, LEAST, MOST = 0.25, 10.0, 60.0
"""How much of a video may be looked at again: a quarter of it, or ten seconds where that is
more, and never more than a minute."""


class Near(NamedTuple):
    """A frame that is near a threshold; the nearest sorts first.

    Attributes:
        missing: By how much its score misses the threshold.
        start: Since when nobody has seen anything before it.
        end: Until when nobody has seen anything after it.
        detector: Id of the detector that gave the score.
    """

    missing: float
    start: float
    end: float
    detector: str


def near(
    tracks: Iterable[Track],
    thresholds: Mapping[str, Sequence[float]],
    *,
    reach: float,
    duration: float,
) -> Iterator[Near]:
    """Yield the frames that are near a threshold which their detector has not reached.

    What another detector has reached is no matter: a policy may ask for two that agree.

    Args:
        tracks: What may change anything, of detectors that have seen all of the video.
        thresholds: By category, the scores at which something is asked for.
        reach: Seconds between two frames of the first look, at most, unless the video has
            none there.
        duration: Of the video, in seconds.
    """
    for track in tracks:
        highest = max(track.scores)
        above = [score for score in thresholds.get(track.category, ()) if score > highest]
        if not above:
            continue
        wanted = min(above)
        floor = round(max(wanted - MARGIN, wanted / 2), 4)  # As scores are.
        ends = (0.0, *track.seconds, max(duration, *track.seconds))
        for place, (second, score) in enumerate(zip(track.seconds, track.scores, strict=True)):
            if score >= floor:
                start = max(ends[place], second - reach)
                end = min(ends[place + 2], second + reach)
                yield Near(wanted - score, start, end, track.detector)


def stretches(found: Iterable[Near], duration: float, gap: float) -> tuple[Span, ...]:
    """Return the time around frames, the nearest first, as far as the bound allows.

    Args:
        found: The frames.
        duration: Of the video, in seconds.
        gap: Stretches that are less than so many seconds apart are one.
    """
    bound = min(MOST, max(LEAST, SHARE * duration))
    chosen: tuple[Span, ...] = ()
    for one in sorted(found):
        more = _joined([*chosen, Span(start=seconds(one.start), end=seconds(one.end))], gap)
        if length(more) > bound or len(more) > MOST_STRETCHES:
            break
        chosen = more
    return chosen


def length(spans: Iterable[Span]) -> float:
    """Return the seconds of all spans together."""
    return sum(span.length for span in spans)


def _joined(spans: Iterable[Span], gap: float) -> tuple[Span, ...]:
    first, *rest = sorted(spans, key=lambda span: span.start)
    joined = [first]
    for span in rest:
        if span.start - joined[-1].end < gap:
            end = max(span.end, joined[-1].end)
            joined[-1] = Span(start=joined[-1].start, end=end)
        else:
            joined.append(span)
    return tuple(joined)


class Closer:
    """Which frames of a second look are new, and to be shown to whom.

    Args:
        spans: The stretches that are looked at again, ascending.
        detectors: Ids of the detectors that see them.
        seen: When each frame of the first look was shown.
        gap: Seconds between two frames of the second look. What is nearer than half of it
            to a frame that was seen is not new.

    Attributes:
        spans: See above.
        detectors: See above.
        shown: Number of new frames so far.
    """

    def __init__(
        self, spans: Sequence[Span], detectors: Iterable[str], seen: Iterable[float], gap: float
    ) -> None:
        self.spans = spans
        self.detectors = frozenset(detectors)
        self.shown = 0
        self._seen = sorted(seen)
        self._gap = gap

    def take(self, second: float) -> int | None:
        """Return the number, from 1, of the stretch that a new frame is in, or ``None``."""
        place = bisect_left(self._seen, second)
        around = self._seen[max(0, place - 1) : place + 1]
        if any(abs(second - other) < self._gap / 2 for other in around):
            return None
        for number, span in enumerate(self.spans, 1):
            if span.start <= second <= span.end:
                insort(self._seen, second)
                self.shown += 1
                return number
        return None
