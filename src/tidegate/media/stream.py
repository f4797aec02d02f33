"""A video stream: its packets, the decoder, and what was found to be broken."""

import mmap
from collections.abc import Iterator

import av.error
from av.container.input import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tidegate.media.ahead import VideoPacket
from tidegate.media.clock import Clock
from tidegate.media.error import check_pixels, is_exhaustion
from tidegate.media.frame_num import numbers_for
from tidegate.media.order import Order
from tidegate.media.settings import Budget

_BYTES = 8
"""Of a pixel in a decoder's frame, at most: four values of 16 bits."""


class Stream:
    """One video stream and its decoder.

    Attributes:
        codec: The decoder.
        clock: Turns timestamps into seconds.
        order: Whether the packets' times can be believed.
        new: Whether the decoder knows no packet that has passed.
        end: Second up to which the packets go.
        bad: Seconds of frames that are damaged or lost.
        error: The last error.
        broken: Whether the container broke off.
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, budget: Budget, *, threads: int
    ) -> None:
        self._budget = budget
        self._container = container
        self._stream = stream
        self.codec = stream.codec_context
        self.codec.thread_count = threads
        # Frames side by side; slices would do nothing for most videos.
        self.codec.thread_type = "FRAME"
        self.codec.options = {"max_pixels": str(budget.pixels)} | _options(self.codec)
        base, rate = float(stream.time_base or 0), float(stream.average_rate or 0)
        self.clock = Clock(stream.start_time, base, rate)
        self.order = Order()
        self._numbers = numbers_for(self.codec)
        self.new = True
        self.end = 0.0
        self.bad: list[float] = []
        self.error: av.error.FFmpegError | None = None
        self.broken = False

    def packets(self) -> Iterator[VideoPacket]:
        """Demux to the end, or to where the container breaks."""
        try:
            for packet in self._demux():
                if packet.size:
                    self._reach(packet)
                    yield packet
        except av.error.FFmpegError as error:
            if is_exhaustion(error):
                raise
            self.error, self.broken = error, True

    def _demux(self) -> Iterator[VideoPacket]:
        while True:
            try:
                yield from self._container.demux(self._stream)
            except IndexError:  # A packet of a stream that was not there at the start.
                continue
            return

    def decode(self, packet: VideoPacket | None, *, needless: bool = False) -> list[VideoFrame]:
        """Decode a packet, or with ``None`` what the decoder still holds.

        An error is remembered. A needless packet is decoded if others may refer to it.

        Raises:
            MediaError: Its frame has more pixels than the budget allows.
        """
        self.codec.skip_frame = "NONREF" if needless else "DEFAULT"
        self.new = False
        try:
            return self.codec.decode(packet)
        except av.error.EOFError:
            return []
        except av.error.FFmpegError as error:
            if is_exhaustion(error):
                raise
            if self.codec.width:  # What is too large for FFmpeg, it calls invalid.
                check_pixels(self.codec.width, self.codec.height, self._budget)
            self.error = error
            self.bad.append(self.second_of(packet))
            return []

    def decode_whole(self, packet: VideoPacket | None) -> list[VideoFrame] | None:
        """Decode a packet as :meth:`decode`; return ``None`` for frames that are damaged."""
        self.codec.skip_frame = "DEFAULT"
        self.new = False
        try:
            frames = self.codec.decode(packet)
        except av.error.EOFError:
            return []
        except av.error.FFmpegError as error:
            if is_exhaustion(error):
                raise
            return None
        return None if any(frame.is_corrupt for frame in frames) else frames

    def has_room(self) -> bool:
        """Return whether there is memory for a further frame.

        Threads of FFmpeg that find none call the frame damaged.
        """
        try:
            mmap.mmap(-1, max(1, self.codec.width * self.codec.height * _BYTES)).close()
        except (OSError, ValueError, MemoryError):
            return False
        return True

    def renew(self) -> None:
        """Make the decoder as new, but for what it has learned of the order of frames."""
        depth = self.codec.reorder_depth
        self.codec.flush_buffers()
        self.codec.reorder_depth = depth
        self.new = True

    def second_of(self, packet: VideoPacket | None) -> float:
        """Return when a packet's frame is shown; for the flush, where the clock stands."""
        for stamp in (packet.pts, packet.dts) if packet else ():
            if stamp is not None:
                return self.clock.peek(stamp)
        return self.clock.last

    def _reach(self, packet: VideoPacket) -> None:
        """Remember how far the packets go, in what order, and which are not whole."""
        self.order.take(packet.pts, self.codec.reorder_depth)
        second = self.second_of(packet)
        length = (packet.duration or 0) * float(packet.time_base) or self.clock.step
        self.end = max(self.end, second + length)
        if packet.is_corrupt or (self._numbers and self._numbers.hole(bytes(packet))):
            self.bad.append(second)


def _options(codec: VideoCodecContext) -> dict[str, str]:
    """Return what makes a decoder say what it knows of damage.

    That of HEVC drops slices and pictures without a word. Made to fail, it drops no more than
    that, and says so. Those of other codecs would give up frames which they can show.
    """
    return {"err_detect": "explode"} if codec.codec.canonical_name == "hevc" else {}
