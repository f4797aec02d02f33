"""How long a video says that it is, and how far that is to be believed."""

import re
from typing import NamedTuple

from av.container.input import InputContainer
from av.video.stream import VideoStream

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
    if format == "mpegts":
        return Length(0.0)  # Guessed from the packets themselves: nothing is declared.
    if stream.duration and stream.time_base:
        return Length(max(0.0, stream.duration * float(stream.time_base)))
    if tag := _TAG.match(stream.metadata.get("DURATION", "")):
        hours, minutes, rest = tag.groups()
        return Length(int(hours) * 3600 + int(minutes) * 60 + float(rest))
    whole = (container.duration or 0) / 1_000_000
    alone = not container.streams.audio
    return Length(whole, 0.0 if alone else max(2.0, whole / 20))
