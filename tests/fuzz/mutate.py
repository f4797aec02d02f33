"""What is done to a file: within its structure, blindly, or both."""

import hashlib
import random
from collections.abc import Callable, MutableSequence
from typing import Literal, NamedTuple

from tests.fuzz.outcome import Outcome
from tests.fuzz.seeds import Seed
from tests.fuzz.structure import STRUCTURES, Part
from tests.fuzz.structure.part import lists
from tidegate.media.sniff import HEAD, sniff

EDGES = (0, 1, -1, 2, 0x7F, 0x80, 0xFF, 1 << 15, 1 << 16, (1 << 31) - 1, 1 << 31, 1 << 32, -2)
"""What a number is set to, cut to its width."""

_ORDERS: tuple[Literal["big"], Literal["little"]] = ("big", "little")

_LONGEST = 1 << 20
"""Bytes of a mutated file, at most: a larger one is cut there."""

_MOST_PARTS = 5000
"""A file with more is left as it is: repeated repeats would outgrow any memory."""

_STEPS = (1, 1, 1, 2, 2, 4, 8, 24)


class Mutant(NamedTuple):
    """A mutated file.

    Attributes:
        number: Its number.
        format: The format of the seed.
        seed: The name of the seed.
        data: The bytes.
        steps: What was done, in words.
    """

    number: int
    format: str
    seed: str
    data: bytes
    steps: list[str]

    @property
    def outcome(self) -> Outcome:
        """What is known of the file before anybody has read it."""
        return Outcome(
            number=self.number,
            format=self.format,
            seed=self.seed,
            sha256=hashlib.sha256(self.data).hexdigest()[:16],
            steps=tuple(self.steps),
        )


def mutant(seeds: dict[str, list[Seed]], run: int, number: int) -> Mutant:
    """Make file ``number`` of a run: formats take turns, and so do the seeds of each.

    A file that is no longer taken for its format reaches no decoder: one in ten is kept.
    """
    chance = random.Random(f"{run}:{number}")
    turn, place = divmod(number, len(seeds))
    format = list(seeds)[place]
    seed = seeds[format][turn % len(seeds[format])]
    while True:
        steps: list[str] = []
        data = _mutated(seed, _other(seeds, format, chance), chance, steps)
        if sniff(data[:HEAD]) == format or chance.random() < 0.1:
            return Mutant(number, format, seed.name, data, steps)


def _other(seeds: dict[str, list[Seed]], format: str, chance: random.Random) -> Seed:
    """Choose a second file to take something from, most often of the same format."""
    if chance.random() < 0.05:
        format = chance.choice(list(seeds))
    return chance.choice(seeds[format])


def _mutated(seed: Seed, other: Seed, chance: random.Random, steps: list[str]) -> bytes:
    data, how = seed.data, chance.random()
    if how < 0.6:
        data = _within(seed, other, chance, steps)
    if how > 0.5:
        data = _blind(data, other.data, chance, steps)
    return data[:_LONGEST] or b"\0"


def _within(seed: Seed, other: Seed, chance: random.Random, steps: list[str]) -> bytes:
    """Change the parts of a file and repair what holds them together."""
    structure = STRUCTURES[seed.format]
    parts = structure.parse(seed.data)
    pool = structure.parse(other.data) if other.format == seed.format else parts
    for _ in range(chance.choice(_STEPS)):
        full = [siblings for siblings in lists(parts) if siblings]
        if not full or sum(map(len, full)) > _MOST_PARTS:
            break
        siblings = chance.choice(full)
        at = chance.randrange(len(siblings))
        step = chance.choice(_PART_STEPS)
        steps.append(f"{step.__name__.strip('_')} part {at} {siblings[at].kind!r}")
        step(siblings, at, pool, chance)
    return structure.join(parts)


def _body(siblings: list[Part], at: int, pool: list[Part], chance: random.Random) -> None:
    """Change bytes in a body, without changing how many there are."""
    body = siblings[at].body
    for _ in range(chance.choice((1, 1, 2, 8))):
        if body:
            chance.choice(_BYTE_STEPS)(body, _place(body, chance), chance)


def _length(siblings: list[Part], at: int, pool: list[Part], chance: random.Random) -> None:
    """Make a body shorter or longer."""
    body = siblings[at].body
    if chance.random() < 0.5:
        del body[chance.randrange(len(body) + 1) :]
    else:
        body += chance.randbytes(chance.choice((1, 4, 64, 4096)))


def _delete(siblings: list[Part], at: int, pool: list[Part], chance: random.Random) -> None:
    del siblings[at]


def _repeat(siblings: list[Part], at: int, pool: list[Part], chance: random.Random) -> None:
    times = chance.choice((1, 1, 2, 100))
    siblings[at:at] = [siblings[at].copy() for _ in range(times)]


def _swap(siblings: list[Part], at: int, pool: list[Part], chance: random.Random) -> None:
    to = chance.randrange(len(siblings))
    siblings[at], siblings[to] = siblings[to], siblings[at]


def _move(siblings: list[Part], at: int, pool: list[Part], chance: random.Random) -> None:
    siblings.insert(chance.randrange(len(siblings)), siblings.pop(at))


def _nest(siblings: list[Part], at: int, pool: list[Part], chance: random.Random) -> None:
    """Put a copy of a part inside a sibling that holds parts, itself for one."""
    inside = [part.parts for part in siblings if part.parts is not None]
    if inside:
        target = chance.choice(inside)
        target.insert(chance.randrange(len(target) + 1), siblings[at].copy())


def _rename(siblings: list[Part], at: int, pool: list[Part], chance: random.Random) -> None:
    """Give a part the kind of another one."""
    if other := _any(pool, chance):
        siblings[at].kind = other.kind


def _adopt(siblings: list[Part], at: int, pool: list[Part], chance: random.Random) -> None:
    """Put a part of another file beside a part, or in its place."""
    if other := _any(pool, chance):
        siblings[at : at + chance.randrange(2)] = [other.copy()]


def _any(pool: list[Part], chance: random.Random) -> Part | None:
    """Choose a part of a file, however deep."""
    full = [siblings for siblings in lists(pool) if siblings]
    return chance.choice(chance.choice(full)) if full else None


_PartStep = Callable[[list[Part], int, list[Part], random.Random], None]

_PART_STEPS: tuple[_PartStep, ...] = (
    *(_body,) * 8,
    *(_length, _delete, _repeat, _swap, _move, _nest, _rename, _adopt),
)


def _blind(data: bytes, other: bytes, chance: random.Random, steps: list[str]) -> bytes:
    """Change a file without looking at what it is."""
    changed = bytearray(data)
    for _ in range(chance.choice(_STEPS)):
        if not changed:
            break
        at = _place(changed, chance)
        if chance.random() < 0.7:
            byte_step = chance.choice(_BYTE_STEPS)
            steps.append(f"{byte_step.__name__.strip('_')} at {at}")
            byte_step(changed, at, chance)
        else:
            step = chance.choice(_STRETCH_STEPS)
            steps.append(f"{step.__name__.strip('_')} at {at}")
            step(changed, at, other, chance)
    return bytes(changed)


def _place(data: MutableSequence[int], chance: random.Random) -> int:
    """Choose a place, most of them near the start, where the headers are."""
    return chance.randrange(min(chance.choice((64, 512, len(data), len(data))), len(data)))


def _flip(data: bytearray, at: int, chance: random.Random) -> None:
    data[at] ^= 1 << chance.randrange(8)


def _byte(data: bytearray, at: int, chance: random.Random) -> None:
    data[at] = chance.choice(EDGES) & 0xFF


def _noise(data: bytearray, at: int, chance: random.Random) -> None:
    """Make a stretch noise."""
    length = min(chance.choice((1, 4, 16, 256)), len(data) - at)
    data[at : at + length] = chance.randbytes(length)


def _number(data: bytearray, at: int, chance: random.Random) -> None:
    """Set a number of 2, 4 or 8 bytes to an edge, or near to what it was."""
    width = chance.choice((2, 4, 4, 8))
    order = chance.choice(_ORDERS)
    at -= at % chance.choice((1, 2, 4))
    if at + width > len(data):
        return
    value = chance.choice(EDGES)
    if chance.random() < 0.4:
        value = int.from_bytes(data[at : at + width], order) + chance.choice((-2, -1, 1, 2, 256))
    data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, order)


_ByteStep = Callable[[bytearray, int, random.Random], None]

_BYTE_STEPS: tuple[_ByteStep, ...] = (_flip, _byte, _noise, _number, _number)
"""Steps that keep the length."""


def _take_out(data: bytearray, at: int, other: bytes, chance: random.Random) -> None:
    del data[at : at + chance.choice((1, 2, 4, 64, 1024))]


def _put_in(data: bytearray, at: int, other: bytes, chance: random.Random) -> None:
    data[at:at] = chance.randbytes(chance.choice((1, 2, 4, 64)))


def _double(data: bytearray, at: int, other: bytes, chance: random.Random) -> None:
    length = chance.choice((1, 4, 64, 1024))
    data[at:at] = data[at : at + length] * chance.choice((1, 1, 16))


def _transplant(data: bytearray, at: int, other: bytes, chance: random.Random) -> None:
    """Write a stretch of another place, or of another file, over this one."""
    source = chance.choice((bytes(data), other))
    start, length = chance.randrange(len(source)), chance.choice((4, 64, 1024))
    piece = source[start : start + length]
    data[at : at + len(piece)] = piece


def _splice(data: bytearray, at: int, other: bytes, chance: random.Random) -> None:
    """Go on with the rest of another file."""
    data[at:] = other[chance.choice((at, chance.randrange(len(other)))) :]


def _cut(data: bytearray, at: int, other: bytes, chance: random.Random) -> None:
    """End early."""
    del data[max(1, chance.choice((at, chance.randrange(len(data))))) :]


_StretchStep = Callable[[bytearray, int, bytes, random.Random], None]

_STRETCH_STEPS: tuple[_StretchStep, ...] = (
    *(_take_out, _put_in, _double, _transplant, _splice, _cut),
)
