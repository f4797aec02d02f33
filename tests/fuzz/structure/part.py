"""A part of a file: a chunk, a box, an element, a segment, a packet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(eq=False)
class Part:
    """A part with a kind and a body, or with further parts inside.

    Attributes:
        kind: What the format calls it; empty for bytes that have no name.
        body: Its contents; what comes before ``parts`` where it has some.
        parts: The parts inside, or ``None`` where it holds bytes alone.
    """

    kind: bytes
    body: bytearray = field(default_factory=bytearray)
    parts: list["Part"] | None = None

    def copy(self) -> "Part":
        """Return a copy that shares nothing."""
        parts = None if self.parts is None else [part.copy() for part in self.parts]
        return Part(self.kind, bytearray(self.body), parts)


def nested(
    kind: bytes, body: bytes, head: int | None, parse: Callable[[bytes], list[Part]]
) -> Part:
    """Return a part with further parts behind so many bytes, or with ``None`` without any."""
    if head is None:
        return Part(kind, bytearray(body))
    return Part(kind, bytearray(body[:head]), parse(body[head:]))


def raw(data: bytes) -> Part:
    """Return bytes without a name."""
    return Part(b"", bytearray(data))


def lists(parts: list[Part]) -> Iterator[list[Part]]:
    """Yield every list of siblings, outermost first."""
    yield parts
    for part in parts:
        if part.parts is not None:
            yield from lists(part.parts)
