"""How long a video says that it is, and how far that is to be believed."""

import re
from typing import NamedTuple

from av.container.input import InputContainer
from av.video.stream import VideoStream

from tidegate.media.wire import LONGEST_TIME

_TAG = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d+)?)")


class Length(NamedTuple):
    """A declared length.

    Attributes:
        seconds: The length; 0.0 where the file does not say.
        slack: Seconds by which the video may be shorter without anything missing.
    """

    seconds: float
    slack: float = 0.0


def declared_length(format: str, container: InputContainer, stream: VideoStream) -> Length:
    """Return the length of the video stream, or the container's as the next best."""
    length = _declared(format, container, stream)
    return length._replace(seconds=min(max(0.0, length.seconds), LONGEST_TIME))


def _declared(format: str, container: InputContainer, stream: VideoStream) -> Length:
    if format == "mpegts":
        return Length(0.0)  # Guessed from the packets themselves: nothing is declared.
    if stream.duration and stream.time_base:
        return Length(stream.duration * float(stream.time_base))
    if tag := _TAG.match(stream.metadata.get("DURATION", "")):
        hours, minutes, rest = tag.groups()
        # Some write when the last frame ends, some how long the track is.
        start = max(0.0, (stream.start_time or 0) * float(stream.time_base or 0))
        return Length(int(hours) * 3600 + int(minutes) * 60 + float(rest), slack=start)
    whole = (container.duration or 0) / 1_000_000
    alone = not container.streams.audio
    return Length(whole, 0.0 if alone else max(2.0, whole / 20))
