"""Cuts a stream of packets where its decoding may begin anew."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from tidegate.media.ahead import VideoPacket
from tidegate.media.peek import Peek
from tidegate.media.peeked import ODD, Kind, Peeked

MOST_PACKETS = 1024
MOST_BYTES = 32 * 1024**2
"""What is held of a run. A longer one is handed on in pieces."""


class Step(NamedTuple):
    """A packet and what it says about itself."""

    packet: VideoPacket
    peeked: Peeked


class Run(NamedTuple):
    """Packets that follow one another.

    Attributes:
        steps: The packets, in the order of decoding.
        after: The keyframe that follows them; ``None`` after a piece and at the end.
        last: Whether the stream ends here.
    """

    steps: Sequence[Step]
    after: Step | None = None
    last: bool = False

    @property
    def packets(self) -> list[VideoPacket]:
        """The packets alone."""
        return [step.packet for step in self.steps]


def runs(
    packets: Iterable[VideoPacket], peek: Peek, may_cut: Callable[[Run], bool]
) -> Iterator[Run]:
    """Gather packets into runs, from keyframe to keyframe.

    Args:
        packets: In the order of decoding.
        peek: Reads a packet.
        may_cut: Whether a run may end before an open keyframe: whether nobody needs the
            frames that refer across it. Asked when all runs before it are decoded.
    """
    held: list[Step] = []
    size = 0
    for packet in packets:
        step = Step(packet, _look(packet, peek))
        run = Run(held, step)
        kind = step.peeked.kind
        if held and (kind is Kind.CLOSED or (kind is Kind.OPEN and may_cut(run))):
            yield run
            held, size = [], 0
        held.append(step)
        size += packet.size
        if len(held) >= MOST_PACKETS or size >= MOST_BYTES:
            yield Run(held)
            held, size = [], 0
    if held:
        yield Run(held, last=True)


def _look(packet: VideoPacket, peek: Peek) -> Peeked:
    if packet.is_corrupt or packet.is_discard or packet.has_sidedata("new_extradata"):
        return ODD
    return peek(bytes(packet))
