"""What a packet's own bytes say about it: containers may lie.

A stream can be decoded in parts where its own syntax says that decoding may begin, and
frames can be left out where it says that no other frame refers to them. Whatever is not
fully understood is ``ODD``, and nothing is left out around it.
"""

import enum
from typing import NamedTuple


class Kind(enum.Enum):
    """How a packet stands to the packets before it."""

    CLOSED = enum.auto()
    """A keyframe. Nothing from here on refers to what was before it."""

    OPEN = enum.auto()
    """A keyframe. Only frames that are shown before it may refer to what was before it."""

    PLAIN = enum.auto()
    """Not a keyframe, and nothing but the coded frame."""

    ODD = enum.auto()
    """Anything else: damaged, rare, or with parameters that later packets may need."""


class Peeked(NamedTuple):
    """What was read.

    Attributes:
        kind: How the packet stands to those before it.
        free: Whether no frame refers to this one, but for frames of a higher layer.
        layer: Temporal layer; a frame refers to its own and lower layers only.
    """

    kind: Kind
    free: bool = False
    layer: int = 0


ODD = Peeked(Kind.ODD)
