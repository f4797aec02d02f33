"""Video by FFmpeg: one pass over the packets, no seeking, only judged frames become RGB."""

import math
from collections.abc import Iterator
from typing import Any

import av
import av.error
import msgspec
import numpy as np
from av.container.core import Flags
from av.container.input import InputContainer
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tidegate.evidence import Cause, MediaInfo, Span, seconds
from tidegate.media import display
from tidegate.media.ahead import VideoPacket, with_successor
from tidegate.media.boxes import cut_short
from tidegate.media.clock import Clock
from tidegate.media.error import MediaError, check_pixels, over
from tidegate.media.input import buffered
from tidegate.media.length import declared_length
from tidegate.media.outlet import Outlet
from tidegate.media.pick import Picker
from tidegate.media.wire import Job

_DEMUXERS = {"mp4": "mov", "matroska": "matroska", "avi": "avi", "mpegts": "mpegts"}
_GEN_PTS: Any = Flags.gen_pts.value
_LENIENT: Any = {"metadata_errors": "ignore"} if av.__version__.startswith("18.") else {}
"""Names and titles may be in any encoding. PyAV 19 takes them as they are."""

_NOT_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails
_SLACK = 0.5
"""Seconds by which a video may be shorter than it says."""

_UNSUPPORTED = (
    av.error.PatchWelcomeError,
    av.error.NotImplementedError,
    av.error.DecoderNotFoundError,
)


def decode(job: Job, descriptor: int, outlet: Outlet) -> None:
    """Decode a video and hand out the frames that are to be judged."""
    with _open(job, descriptor) as container:
        stream = _choose(container, outlet)
        _Clip(job, container, stream, outlet).run()


def _open(job: Job, descriptor: int) -> InputContainer:
    try:
        container: InputContainer = av.open(
            buffered(descriptor),
            "r",
            format=_DEMUXERS[job.format],
            options={"max_pixels": str(job.budget.pixels)},
            **_LENIENT,
            io_open=_refuse,
        )
    except av.error.FFmpegError as error:
        cut = job.format == "mp4" and cut_short(descriptor)
        detail = f"the {job.format} container cannot be read: {error.strerror}"
        raise MediaError("truncated" if cut else "corrupt", detail) from error
    # What FFmpeg makes up where AVI has no presentation times is wrong for H.264.
    container.flags &= ~_GEN_PTS
    return container


def _refuse(url: str, flags: int, options: dict[str, str]) -> None:
    """Follow no reference out of the file, whatever its protocol."""
    raise PermissionError("media may not refer to other files")


def _choose(container: InputContainer, outlet: Outlet) -> VideoStream:
    """Return the stream that a player would show; say that the others are not judged."""
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


class _Clip:
    """One video stream on its way to the outlet."""

    def __init__(
        self, job: Job, container: InputContainer, stream: VideoStream, outlet: Outlet
    ) -> None:
        self._job = job
        self._container = container
        self._stream = stream
        self._outlet = outlet
        self._codec = stream.codec_context
        self._codec.thread_count = 1
        self._codec.options = {"max_pixels": str(job.budget.pixels)}
        base, rate = float(stream.time_base or 0), float(stream.average_rate or 0)
        self._clock = Clock(stream.start_time, base, rate)
        self._declared = declared_length(job.format, container, stream)
        self._picker = Picker[VideoFrame](job.sampling)
        self._info: MediaInfo | None = None
        self._end = 0.0
        self._bad: list[float] = []
        self._error: av.error.FFmpegError | None = None
        self._broken = False

    def run(self) -> None:
        """Decode to the end, or to the end of the budget."""
        try:
            within = all(self._take(frame) for frame in self._frames())
        except MediaError as error:
            rest = self._rest(self._clock.last) if self._info else None
            raise MediaError(error.cause, error.detail, rest) from error
        for second, key, frame in self._picker.end():
            self._judge(second, key, frame)
        if self._info:
            self._tell()
        if within:
            self._report()

    def _frames(self) -> Iterator[VideoFrame]:
        """Decode packet by packet, without the frames that cannot be picked."""
        if self._codec.width:  # Some streams only say it along the way.
            check_pixels(self._codec.width, self._codec.height, self._job.budget)
        for packet, successor in with_successor(self._packets()):
            needless = self._needless(packet, successor)
            self._codec.skip_frame = "NONREF" if needless else "DEFAULT"
            yield from self._decode(packet)
        self._codec.skip_frame = "DEFAULT"
        yield from self._decode(None)

    def _packets(self) -> Iterator[VideoPacket]:
        """Demux to the end, or to where the container breaks."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    self._reach(packet)
                    yield packet
        except av.error.FFmpegError as error:
            self._error, self._broken = error, True

    def _reach(self, packet: VideoPacket) -> None:
        """Remember how far the packets go, and which of them are not whole."""
        second = self._second_of(packet)
        length = (packet.duration or 0) * float(packet.time_base) or self._clock.step
        self._end = max(self._end, second + length)
        if packet.is_corrupt:
            self._bad.append(second)

    def _second_of(self, packet: VideoPacket | None) -> float:
        """Return when a packet's frame is shown; for the flush, where the clock stands."""
        for stamp in (packet.pts, packet.dts) if packet else ():
            if stamp is not None:
                return self._clock.peek(stamp)
        return self._clock.last

    def _needless(self, packet: VideoPacket, successor: int | None) -> bool:
        """Return whether this packet's frame will not be judged, whatever comes.

        It will not if its successor also lies within the gap after the last judged
        frame: then the successor is the better one. Frames that come out later can only
        move the end of that gap further.
        """
        last = self._picker.last
        if last is None or successor is None or packet.pts is None or packet.is_keyframe:
            return False
        return (
            last < self._clock.peek(packet.pts)
            and self._clock.peek(successor) < last + self._job.sampling.gap
        )

    def _decode(self, packet: VideoPacket | None) -> list[VideoFrame]:
        try:
            return self._codec.decode(packet)
        except av.error.EOFError:
            return []
        except av.error.FFmpegError as error:
            self._error = error
            self._bad.append(self._second_of(packet))
            return []

    def _take(self, frame: VideoFrame) -> bool:
        """Count a frame and judge what is picked; return whether the budget goes on."""
        self._outlet.count()
        second = self._clock.tick(frame.dts if frame.pts is None else frame.pts)
        if not self._within(second):
            return False
        if frame.is_corrupt:
            self._bad.append(second)
        for item in self._picker.take(second, frame.key_frame, frame):
            self._judge(*item)
        return True

    def _judge(self, second: float, key: bool, frame: VideoFrame) -> None:
        """Hand out a frame, upright and in RGB."""
        check_pixels(frame.width, frame.height, self._job.budget)
        signs = display.matrix(frame)
        rgb = display.turn(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False), signs)
        if self._info is None:
            self._info = MediaInfo(
                kind="video",
                format=self._job.format,
                codec=self._codec.codec.canonical_name,
                width=rgb.shape[1],
                height=rgb.shape[0],
                rotation=display.degrees(signs),
            )
            self._tell()
        self._outlet.frame(rgb, second, key=key)

    def _tell(self) -> None:
        assert self._info
        self._info = msgspec.structs.replace(
            self._info,
            duration=seconds(self._declared.seconds or self._clock.last + self._clock.step),
            frames_seen=self._outlet.seen,
            frames_judged=self._outlet.judged,
        )
        self._outlet.facts(self._info)

    def _within(self, second: float) -> bool:
        """Return whether the budget allows this frame; if not, tell what is lost."""
        budget = self._job.budget
        if second > budget.duration:
            observed = max(second, self._declared.seconds)
            detail = over(seconds(observed), "seconds", budget.duration, "duration")
            self._lost("too_long", detail, budget.duration)
            return False
        if self._outlet.seen > budget.frames:
            detail = f"more than {budget.frames:,} decoded frames (budget.frames)"
            self._lost("too_many_frames", detail, second)
            return False
        return True

    def _report(self) -> None:
        """Tell what was broken or missing."""
        if not self._outlet.judged:
            if self._error is None:
                raise MediaError("no_frames", "its video holds no frame")
            cause: Cause = "unsupported" if isinstance(self._error, _UNSUPPORTED) else "corrupt"
            raise MediaError(cause, f"no frame can be decoded: {self._error.strerror}")
        missing = self._declared.seconds - self._end
        cut = self._declared.seconds > 0 and missing > max(_SLACK, self._declared.slack)
        # The frame that the cut goes through is part of what is missing.
        whole = self._end - 2 * self._clock.step if cut else math.inf
        if bad := {second for second in self._bad if second < whole}:
            span = Span(start=min(bad), end=max(bad) + self._clock.step)
            self._outlet.unknown("corrupt", f"frames damaged or lost: {len(bad):,}", span)
        if cut:
            detail = f"ends at {self._end:.3f} s of {self._declared.seconds:.3f} s"
            self._lost("truncated", detail, min(self._end, self._clock.last + self._clock.step))
        elif self._broken and self._error:
            detail = f"the container breaks off: {self._error.strerror}"
            self._lost("corrupt", detail, self._end)

    def _lost(self, cause: Cause, detail: str, start: float) -> None:
        self._outlet.unknown(cause, detail, self._rest(start))

    def _rest(self, start: float) -> Span:
        return Span(start=start, end=max(start, self._declared.seconds))
