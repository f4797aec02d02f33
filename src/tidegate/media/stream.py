"""A video stream: its packets, the decoder, and what was found to be broken."""

from collections.abc import Iterator

import av.error
from av.container.input import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tidegate.media.ahead import VideoPacket
from tidegate.media.clock import Clock
from tidegate.media.order import Order


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
        self, container: InputContainer, stream: VideoStream, *, pixels: int, threads: int
    ) -> None:
        self._container = container
        self._stream = stream
        self.codec = stream.codec_context
        self.codec.thread_count = threads
        # Frames side by side; slices would do nothing for most videos.
        self.codec.thread_type = "FRAME"
        self.codec.options = {"max_pixels": str(pixels)}
        base, rate = float(stream.time_base or 0), float(stream.average_rate or 0)
        self.clock = Clock(stream.start_time, base, rate)
        self.order = Order()
        self.new = True
        self.end = 0.0
        self.bad: list[float] = []
        self.error: av.error.FFmpegError | None = None
        self.broken = False

    def packets(self) -> Iterator[VideoPacket]:
        """Demux to the end, or to where the container breaks."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    self._reach(packet)
                    yield packet
        except av.error.FFmpegError as error:
            self.error, self.broken = error, True

    def decode(self, packet: VideoPacket | None, *, needless: bool = False) -> list[VideoFrame]:
        """Decode a packet, or with ``None`` what the decoder still holds.

        An error is remembered. A needless packet is decoded if others may refer to it.
        """
        self.codec.skip_frame = "NONREF" if needless else "DEFAULT"
        self.new = False
        try:
            return self.codec.decode(packet)
        except av.error.EOFError:
            return []
        except av.error.FFmpegError as error:
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
        except av.error.FFmpegError:
            return None
        return None if any(frame.is_corrupt for frame in frames) else frames

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
        if packet.is_corrupt:
            self.bad.append(second)
