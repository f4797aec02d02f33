"""Which syntax a video's packets are read by."""

from collections.abc import Callable

from av.video.codeccontext import VideoCodecContext

from tidegate.media import av1, nal, vp9
from tidegate.media.peeked import ODD, Peeked

Peek = Callable[[bytes], Peeked]


def peek_for(codec: VideoCodecContext) -> Peek | None:
    """Return what reads the packets of a stream, or ``None`` for a codec not known here."""
    extra = bytes(codec.extradata or b"")
    match codec.codec.canonical_name:
        case "h264":
            return _guarded(nal.h264(extra))
        case "hevc":
            return _guarded(nal.hevc(extra))
        case "vp9":
            return _guarded(vp9.peek)
        case "av1":
            return _guarded(av1.peek)
    return None


def _guarded(peek: Peek) -> Peek:
    """Make bytes that break off where there must be more an odd packet."""

    def guarded(data: bytes) -> Peeked:
        try:
            return peek(data)
        except (IndexError, ValueError):
            return ODD

    return guarded
