"""Video by FFmpeg: one pass over the packets, no seeking, only judged frames become RGB."""

import math
from collections import deque
from collections.abc import Iterable

import av.error
import msgspec
import numpy as np
from av.container.input import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from tidegate.evidence import Cause, MediaInfo, Span, seconds
from tidegate.media import display
from tidegate.media.ahead import VideoPacket, with_successor
from tidegate.media.container import choose, open_container
from tidegate.media.error import MediaError, check_pixels, exhausted, over
from tidegate.media.length import declared_length
from tidegate.media.outlet import Outlet
from tidegate.media.peek import peek_for
from tidegate.media.peeked import Kind
from tidegate.media.pick import Picker
from tidegate.media.plan import Plan, foresee
from tidegate.media.runs import Run, runs
from tidegate.media.stream import Stream
from tidegate.media.wire import LONGEST_TIME, Job
from tidegate.media.yplane import y_plane

_SLACK = 0.5
"""Seconds by which a video may be shorter than it says."""

_FAILURES = 8
"""Plans that may fail before a video is decoded without any."""

_UNSUPPORTED = (
    av.error.PatchWelcomeError,
    av.error.NotImplementedError,
    av.error.DecoderNotFoundError,
)


def decode(job: Job, descriptor: int, outlet: Outlet) -> None:
    """Decode a video and hand out the frames that are to be judged."""
    with open_container(job, descriptor) as container:
        stream = choose(container, outlet)
        _Clip(job, container, stream, outlet).run()


class _UnforeseenError(Exception):
    """A plan did not come true."""


class _Clip:
    """One video stream on its way to the outlet."""

    def __init__(
        self, job: Job, container: InputContainer, stream: VideoStream, outlet: Outlet
    ) -> None:
        self._job = job
        self._outlet = outlet
        self._stream = Stream(container, stream, job.budget, threads=job.threads)
        self._declared = declared_length(job.format, container, stream)
        self._colours = VideoReformatter()
        self._picker = Picker[VideoFrame](job.sampling)
        self._info: MediaInfo | None = None
        self._layered = False
        self._failed = 0
        self._handed = -math.inf

    def run(self) -> None:
        """Decode to the end, or to the end of the budget."""
        try:
            within = self._all()
        except MediaError as error:
            rest = self._rest(self._stream.clock.last) if self._info else None
            raise MediaError(error.cause, error.detail, rest) from error
        for second, key, frame in self._picker.end():
            self._judge(second, key, frame)
        if self._info:
            self._tell()
        if within:
            self._report()

    def _all(self) -> bool:
        """Decode everything that is needed; return whether the budget was enough."""
        codec, packets = self._stream.codec, self._stream.packets()
        if codec.width:  # Some streams only say it along the way.
            check_pixels(codec.width, codec.height, self._job.budget)
        peek = peek_for(codec) if self._job.sampling.gap else None
        if peek is None:
            return self._flow(packets) and self._drain()
        return all(map(self._go, runs(packets, peek, self._may_cut))) and self._drain()

    def _go(self, run: Run) -> bool:
        """Decode a run by plan, or all of it where there is none."""
        self._layered = self._layered or any(step.peeked.layer for step in run.steps)
        closed = run.steps[0].peeked.kind is Kind.CLOSED
        if closed and not self._stream.new and not self._drain():
            return False
        plan = self._foresee(run)
        if plan is None:
            return self._flow(run.packets)
        before = self._stream.clock, self._picker.copy()
        try:
            return self._follow(plan)
        except _UnforeseenError:
            self._failed += 1
            self._stream.renew()
            self._stream.clock, self._picker = before
            return self._flow(run.packets)

    def _foresee(self, run: Run) -> Plan | None:
        """Plan a run, where the decoder is as new and plans have come true so far."""
        stream = self._stream
        if not stream.new or not stream.order.kept or self._failed >= _FAILURES:
            return None
        plan = foresee(run, stream.clock, self._picker)
        following = run.after or run.steps[-1]
        ends = max(plan.clock.last, stream.second_of(following.packet)) if plan else 0.0
        return plan if ends <= self._job.budget.duration else None

    def _may_cut(self, run: Run) -> bool:
        plan = self._foresee(run)
        return plan is not None and plan.reaches

    def _follow(self, plan: Plan) -> bool:
        """Decode what a plan needs, as long as it comes true; leave the decoder as new.

        Raises:
            _UnforeseenError: Another frame came out, or another one was picked.
        """
        self._stream.clock = plan.clock
        expected = deque(plan.picks)
        last = -math.inf
        for packet in (*plan.needed, None):
            frames = self._stream.decode_whole(packet)
            if frames is None:
                raise _UnforeseenError
            for frame in frames:
                foreseen = plan.frames.get(frame.pts) if frame.pts is not None else None
                if foreseen is None or foreseen[0] <= last or frame.key_frame != foreseen[1]:
                    raise _UnforeseenError
                last = second = foreseen[0]
                self._count(frame)
                if not self._within(second):
                    return False
                for item in self._picker.take(second, foreseen[1], frame):
                    if not expected or expected.popleft() != item[0]:
                        raise _UnforeseenError
                    self._judge(*item)
        if expected and list(expected) != [self._picker.waiting]:
            raise _UnforeseenError
        if not expected:
            self._picker.let_go()
        self._stream.renew()
        return True

    def _flow(self, packets: Iterable[VideoPacket]) -> bool:
        """Decode packet by packet, without the frames that surely cannot be picked."""
        for packet, successor in with_successor(packets):
            sure = self._stream.order.kept and not self._layered
            needless = sure and self._needless(packet, successor)
            if not all(map(self._take, self._stream.decode(packet, needless=needless))):
                return False
        return True

    def _drain(self) -> bool:
        """Take the frames that the decoder still holds, and make it as new."""
        within = all(map(self._take, self._stream.decode(None)))
        self._stream.renew()
        return within

    def _needless(self, packet: VideoPacket, successor: int | None) -> bool:
        """Return whether this packet's frame will not be judged, whatever comes.

        It will not if its successor also lies within the gap after the last judged
        frame: then the successor is the better one. Frames that come out later can only
        move the end of that gap further. Nor will it outside of the stretches to be judged.
        """
        if successor is None or packet.pts is None or packet.is_keyframe:
            return False
        sampling, clock, last = self._job.sampling, self._stream.clock, self._picker.last
        second = clock.peek(packet.pts)
        begun = clock.last > 0 if last is None else last + sampling.gap < second
        if begun and not sampling.covers(second):
            return True
        if last is None:
            return False
        end = min(last + sampling.gap, self._job.budget.duration)
        return last < second and clock.peek(successor) < end

    def _take(self, frame: VideoFrame) -> bool:
        """Count a frame and judge what is picked; return whether the budget goes on."""
        self._count(frame)
        second = self._stream.clock.tick(frame.dts if frame.pts is None else frame.pts)
        if not self._within(second):
            return False
        if frame.is_corrupt:
            self._stream.bad.append(second)
        for item in self._picker.take(second, frame.key_frame, frame):
            self._judge(*item)
        return True

    def _count(self, frame: VideoFrame) -> None:
        self._outlet.count()
        self._outlet.spend(frame.width * frame.height)

    def _judge(self, second: float, key: bool, frame: VideoFrame) -> None:
        """Hand out a frame once, upright: its luma, and RGB where wanted or without luma."""
        if second <= self._handed:
            return
        self._handed = second
        check_pixels(frame.width, frame.height, self._job.budget)
        signs = display.matrix(frame)
        rgb, plane = None, y_plane(frame)
        if plane:
            plane = plane._replace(plane=display.turn(plane.plane, signs))
        if plane is None or self._job.colour:
            rgb = display.turn(
                self._colours.reformat(frame, format="rgb24", threads=1)
                .to_ndarray()
                .astype(np.uint8, copy=False),
                signs,
            )
        if self._info is None:
            self._info = MediaInfo(
                kind="video",
                format=self._job.format,
                codec=self._stream.codec.codec.canonical_name,
                width=frame.width if signs[0] else frame.height,
                height=frame.height if signs[0] else frame.width,
                rotation=display.degrees(signs),
            )
            self._tell()
        self._outlet.frame(rgb, second, key=key, luma=plane)

    def _tell(self) -> None:
        assert self._info
        clock = self._stream.clock
        self._info = msgspec.structs.replace(
            self._info,
            duration=seconds(min(self._declared.seconds or clock.last + clock.step, LONGEST_TIME)),
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
        stream, declared, clock = self._stream, self._declared, self._stream.clock
        if not self._outlet.judged:
            if stream.error is None:
                raise MediaError("no_frames", "its video holds no frame")
            cause: Cause = "unsupported" if isinstance(stream.error, _UNSUPPORTED) else "corrupt"
            raise MediaError(cause, f"no frame can be decoded: {stream.error.strerror}")
        end = max(stream.end, clock.last)  # Where time ran back, frames are shown later.
        missing = declared.seconds - end
        cut = declared.seconds > 0 and missing > max(_SLACK, declared.slack)
        # The frame that the cut goes through is part of what is missing. With threads it is
        # told to be broken only when the frames before it have come out.
        whole = end - (1 + self._job.threads) * clock.step if cut else math.inf
        if bad := {second for second in stream.bad if second < whole}:
            span = Span(start=min(bad), end=max(bad) + clock.step)
            if stream.has_room():
                self._outlet.unknown("corrupt", f"frames damaged or lost: {len(bad):,}", span)
            else:
                self._outlet.unknown("out_of_memory", exhausted(self._job.budget), span)
        if cut:
            detail = f"ends at {end:.3f} s of {declared.seconds:.3f} s"
            self._lost("truncated", detail, min(end, clock.last + clock.step))
        elif stream.broken and stream.error:
            self._lost("corrupt", f"the container breaks off: {stream.error.strerror}", end)

    def _lost(self, cause: Cause, detail: str, start: float) -> None:
        self._outlet.unknown(cause, detail, self._rest(start))

    def _rest(self, start: float) -> Span:
        return Span(start=start, end=max(start, self._declared.seconds))
