"""Opens a container and finds the video in it."""

from typing import Any

import av
import av.error
import av.logging
from av.container.core import Flags
from av.container.input import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from tidegate.media.boxes import cut_short
from tidegate.media.error import MediaError, exhausted
from tidegate.media.input import buffered
from tidegate.media.outlet import Outlet
from tidegate.media.settings import Budget
from tidegate.media.wire import Job

_DEMUXERS = {"mp4": "mov", "matroska": "matroska", "avi": "avi", "mpegts": "mpegts"}
_GEN_PTS: Any = Flags.gen_pts.value
_LENIENT: Any = {"metadata_errors": "ignore"} if av.__version__.startswith("18.") else {}
"""Names and titles may be in any encoding. PyAV 19 takes them as they are."""

_NOT_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails


def open_container(job: Job, descriptor: int) -> InputContainer:
    """Open the container in a descriptor, and nothing beside it.

    Raises:
        MediaError: It cannot be read, or holds more streams than the budget allows.
    """
    limits = {"max_pixels": str(job.budget.pixels), "max_streams": str(job.budget.streams + 1)}
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as said:
            container: InputContainer = av.open(
                buffered(descriptor),
                "r",
                format=_DEMUXERS[job.format],
                options=limits,
                **_LENIENT,
                io_open=_refuse,
            )
        _check_streams(len(container.streams), job.budget)
    except av.error.MemoryError:
        # Of some formats FFmpeg also says so where it has met one stream too many.
        if any("max_streams" in message for _, _, message in said):
            _check_streams(job.budget.streams + 1, job.budget)
        # And also where it does not like a table, which is far more common than the truth.
        detail = (
            f"the {job.format} container cannot be read: it is wrong, or {exhausted(job.budget)}"
        )
        raise MediaError("corrupt", detail) from None
    except av.error.FFmpegError as error:
        cut = job.format == "mp4" and cut_short(descriptor)
        detail = f"the {job.format} container cannot be read: {error.strerror}"
        raise MediaError("truncated" if cut else "corrupt", detail) from error
    finally:
        av.logging.set_level(None)
    # What FFmpeg makes up where AVI has no presentation times is wrong for H.264.
    container.flags &= ~_GEN_PTS
    return container


def _check_streams(count: int, budget: Budget) -> None:
    if count > budget.streams:
        detail = f"more than {budget.streams:,} streams (budget.streams)"
        raise MediaError("too_many_streams", detail)


def _refuse(url: str, flags: int, options: dict[str, str]) -> None:
    """Follow no reference out of the file, whatever its protocol."""
    raise PermissionError("media may not refer to other files")


def choose(container: InputContainer, outlet: Outlet) -> VideoStream:
    """Return the stream that a player would show; say that the others are not judged.

    Raises:
        MediaError: There is no video, or none of a known codec.
    """
    streams = [s for s in container.streams.video if not s.disposition & _NOT_VIDEO]
    if not streams:
        raise MediaError("unsupported", "holds no video")
    chosen = next((s for s in streams if s.disposition & Disposition.default), streams[0])
    for stream in container.streams:
        if stream is not chosen:
            stream.discard = Discard.all
    others = len(streams) - 1
    if others:
        detail = f"stream {chosen.index} is judged; {others} further video streams are not"
        outlet.unknown("unsupported", detail)
    if chosen.codec_context is None:
        raise MediaError("unsupported", "its video codec is not known")
    return chosen
