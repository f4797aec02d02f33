"""Looks some packets ahead, to know which frames nobody will ask for."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from av.packet import Packet
from av.video.stream import VideoStream

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet  # It is generic for the type checker alone.

DEPTH = 24
"""Packets to look ahead: more than H.264 or HEVC can reorder."""


def with_successor(
    packets: Iterable[VideoPacket],
) -> Iterator[tuple[VideoPacket, int | None]]:
    """Pass packets through in their order, each with the time of the frame shown after it.

    Frames come out of a decoder in another order than packets go in, so the next frame
    on the screen is looked for among the packets on both sides.

    Yields:
        The packet, and the presentation time of the successor of its frame; ``None``
        where that cannot be told.
    """
    source = iter(packets)
    coming: deque[VideoPacket] = deque()
    gone: deque[int | None] = deque(maxlen=DEPTH)
    while True:
        while len(coming) < DEPTH and (packet := next(source, None)):
            coming.append(packet)
        if not coming:
            return
        packet = coming.popleft()
        yield packet, _successor(packet.pts, [*gone, *(other.pts for other in coming)])
        gone.append(packet.pts)


def _successor(own: int | None, others: list[int | None]) -> int | None:
    if own is None or None in others:
        return None
    return min((time for time in others if time is not None and time > own), default=None)
