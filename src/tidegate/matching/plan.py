"""How a multi-index divides hashes into chunks, and how far it searches around each.

If two hashes differ in at most ``r`` bits, then whatever radii the chunks are given, as
long as the sum of ``radius + 1`` over them is ``r + 1``, the hashes lie within the radius
of at least one chunk: were each beyond its own, they would differ in ``r + 1`` bits. So
all that lies near a query in at least one chunk is all that has to be compared.

Source: Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with Multi-Index
Hashing" (2014); the radii by the general pigeonhole principle of Qin et al., "GPH:
Similarity Search in Hamming Space" (2018).
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SCANNED = 1 << 15
"""Fewer hashes than these are compared one and all: that is as fast."""

PLANS = ((5_000_000, 11, 23), (500_000, 12, 21), (SCANNED, 16, 16))
"""From how many hashes on they are divided into how many chunks of how many bits.

More bits mean fewer candidates and more starts of buckets. A hash takes 113 bytes among
10 million, 181 among 1 million and 138 among 100 000. On one processor of 2023, a query of
radius 31 then takes about 150, 50 and 20 µs; a scan would take 12 000, 1 000 and 90."""

FARTHEST = 3
"""Bits: probes around a chunk grow fast with its radius; beyond it hashes are scanned."""

PROBED_SHARE = 10
"""Probes are at most this part of the hashes, or a scan is faster."""

MOST_CHUNKS = 32
MOST_BITS = 26


class Reach(NamedTuple):
    """What is looked up for one query of a radius.

    Attributes:
        radii: (chunks,) int32, bits by which the value of a chunk may differ; -1 says
            that the chunk is not looked up.
        probes: (chunks,) uint32, values that are looked up.
        masks: (m,) uint32, the bits that differ in each of them, the fewest first.
        total: Sum of ``probes``.
    """

    radii: NDArray[np.int32]
    probes: NDArray[np.uint32]
    masks: NDArray[np.uint32]
    total: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Chunks of equal size from bit 0 on; bits that are left over belong to none.

    Attributes:
        chunks: How many there are, 0 to 32; where there are none, hashes are scanned.
        bits: Size of each, 1 to 26; 0 where there are none.

    Raises:
        ValueError: They are more or larger than can be, or than 256 bits.
    """

    chunks: int
    bits: int

    def __post_init__(self) -> None:
        divided = 1 <= self.chunks <= MOST_CHUNKS and 1 <= self.bits <= MOST_BITS
        if (self.chunks or self.bits) and (not divided or self.chunks * self.bits > 256):
            raise ValueError(f"{self.chunks} chunks of {self.bits} bits are no plan")

    @classmethod
    def of(cls, count: int) -> "Plan":
        """Return the plan that suits so many hashes."""
        return next((cls(chunks, bits) for least, chunks, bits in PLANS if count >= least), SCAN)

    def reach(self, radius: int, count: int) -> Reach | None:
        """Return what is looked up for a radius among so many hashes; ``None`` says scan."""
        if not self.chunks:
            return None
        reach = _reach(self.chunks, self.bits, radius)
        return reach if reach is not None and reach.total * PROBED_SHARE <= count else None


SCAN = Plan(0, 0)
"""All hashes are compared."""


def bit_order() -> NDArray[np.uint8]:
    """Return (256,) uint8, a fixed shuffle of the bits.

    Neighbouring bits of a PDQ have much in common; shuffled, all chunks tell as much.
    It is recorded in each file, so another one would do as well.
    """
    ranked = sorted(range(256), key=lambda bit: sha256(b"tidegate bit %d" % bit).digest())
    return np.array(ranked, np.uint8)


@cache
def _reach(chunks: int, bits: int, radius: int) -> Reach | None:
    each, more = divmod(radius + 1, chunks)
    radii = np.full(chunks, each - 1, np.int32)
    radii[:more] += 1
    farthest = int(radii.max())
    if farthest > min(FARTHEST, bits):
        return None
    sizes = [sum(comb(bits, differing) for differing in range(near + 1)) for near in radii]
    return Reach(radii, np.array(sizes, np.uint32), _masks(bits, farthest), sum(sizes))


@cache
def _masks(bits: int, radius: int) -> NDArray[np.uint32]:
    """Return all values of a chunk with at most ``radius`` bits set, the fewest first."""
    found = [
        sum(1 << bit for bit in chosen)
        for size in range(radius + 1)
        for chosen in combinations(range(bits), size)
    ]
    return np.array(found, np.uint32)
