"""H.264: what parameter sets and slice headers say, as far as pictures are numbered by it.

Source: ITU-T H.264, 7.3.2.1.1, 7.3.2.2, 7.3.3 and 7.4.3.
"""

from typing import NamedTuple

_CHROMA_PROFILES = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}
_MOST = 64
"""Entries of a list in a header; the standard allows fewer."""

_P, _B, _SP = 0, 1, 3
_RESET = 5
"""The marking that forgets all references and numbers the picture 0, from there on."""


class Sequence(NamedTuple):
    """A sequence parameter set.

    Attributes:
        bits: Bits of a picture's number.
        gaps: Whether numbers may be left out.
        planes: Whether colours are coded one by one.
        chroma: Whether there is colour in the weights of a prediction.
        order: Bits of the picture order count; 0 where it is not coded by them.
        deltas: Whether differences of the picture order count are coded instead.
        fields: Whether pictures may be fields.
    """

    bits: int
    gaps: bool
    planes: bool
    chroma: bool
    order: int
    deltas: bool
    fields: bool


class Picture(NamedTuple):
    """A picture parameter set.

    Attributes:
        bottom: Whether slices carry the order of a bottom field.
        references: Default count of references in each list.
        weighted: Whether P slices carry weights.
        biweighted: Whether B slices do.
        redundant: Whether slices are counted as redundant or not.
    """

    bottom: bool
    references: tuple[int, int]
    weighted: bool
    biweighted: bool
    redundant: bool


class Bits:
    """Reads a unit bit by bit, without the bytes that keep start codes out of it.

    Attributes:
        left: Bits that are left.
    """

    def __init__(self, unit: bytes) -> None:
        data = unit.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def bits(self, count: int) -> int:
        """Read an unsigned number.

        Raises:
            ValueError: The unit ends before.
        """
        if count > self.left:
            raise ValueError("a unit that ends too early")
        self.left -= count
        return self._value >> self.left & ((1 << count) - 1)

    def flag(self) -> bool:
        """Read a bit."""
        return self.bits(1) == 1

    def number(self) -> int:
        """Read an unsigned number in exponential Golomb code, 9.1."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("a number of more than 32 bits")
        return (1 << zeros) - 1 + self.bits(zeros)

    def length(self) -> int:
        """Read how many entries follow."""
        count = self.number()
        if count > _MOST * 4:
            raise ValueError("too many entries")
        return count

    def signed(self) -> int:
        """Read a signed number in exponential Golomb code, 9.1.1."""
        code = self.number()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def sequence(unit: bytes) -> Sequence:
    """Read a unit of type 7.

    Raises:
        ValueError: It breaks off.
    """
    read = Bits(unit[1:])
    profile = read.bits(8)
    read.bits(16)
    read.number()
    planes, chroma = False, 1
    if profile in _CHROMA_PROFILES:
        chroma = read.number()
        planes = chroma == 3 and read.flag()
        read.number(), read.number()
        read.flag()
        if read.flag():
            for place in range(12 if chroma == 3 else 8):
                if read.flag():
                    _scaling(read, 16 if place < 6 else 64)
    bits = read.number() + 4
    kind, order, deltas = read.number(), 0, False
    if kind == 0:
        order = read.number() + 4
    elif kind == 1:
        deltas = not read.flag()
        read.signed(), read.signed()
        for _ in range(read.length()):
            read.signed()
    read.number()
    gaps = read.flag()
    read.number(), read.number()
    if bits > 16 or order > 16:
        raise ValueError("a number of more than 16 bits")
    return Sequence(bits, gaps, planes, bool(chroma) and not planes, order, deltas, not read.flag())


def _scaling(read: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + read.signed()) % 256
        last = following or last


def picture(unit: bytes) -> tuple[int, Picture]:
    """Read a unit of type 8; return its number too.

    Raises:
        ValueError: It breaks off, has no valid number, or its slices come in groups, which
            nobody uses.
    """
    read = Bits(unit[1:])
    number = read.number()
    read.number()
    read.flag()
    bottom = read.flag()
    if number > 255 or read.number():
        raise ValueError("a number that there is not, or groups of slices")
    references = read.number() + 1, read.number() + 1
    weighted, biweighted = read.flag(), read.bits(2) == 1
    read.signed(), read.signed(), read.signed()
    read.bits(2)
    return number, Picture(bottom, references, weighted, biweighted, read.flag())


def frame_number(unit: bytes, sequence: Sequence) -> int:
    """Return the number of the picture that a slice belongs to.

    Raises:
        ValueError: The slice breaks off.
    """
    return _start(Bits(unit[1:]), sequence)[2]


def resets(unit: bytes, sequence: Sequence, pictures: dict[int, Picture]) -> bool:
    """Return whether a slice of a reference, but no IDR, makes its picture number 0 afterwards.

    Raises:
        ValueError: The slice breaks off.
        KeyError: Its picture parameter set is not there.
    """
    read = Bits(unit[1:])
    kind, number, _ = _start(read, sequence)
    own = pictures[number]
    field = sequence.fields and read.flag()
    if field:
        read.flag()
    both = own.bottom and not field
    if sequence.order:
        read.bits(sequence.order)
        if both:
            read.signed()
    elif sequence.deltas:
        read.signed()
        if both:
            read.signed()
    if own.redundant:
        read.number()
    _predictions(read, kind, own, chroma=sequence.chroma)
    if read.flag():
        while operation := read.number():
            if operation == _RESET:
                return True
            for _ in range(2 if operation == 3 else 1):
                read.number()
    return False


def _start(read: Bits, sequence: Sequence) -> tuple[int, int, int]:
    """Read the kind of slice, its picture parameter set, and its picture's number."""
    read.number()
    kind, number = read.number() % 5, read.number()
    if sequence.planes:
        read.bits(2)
    return kind, number, read.bits(sequence.bits)


def _predictions(read: Bits, kind: int, own: Picture, *, chroma: bool) -> None:
    """Read past what a slice says of its references."""
    if kind == _B:
        read.flag()
    lists = {_P: 1, _SP: 1, _B: 2}.get(kind, 0)
    references = list(own.references[:lists])
    if lists and read.flag():
        references = [read.length() + 1 for _ in range(lists)]
    for _ in range(lists):
        if read.flag():
            while read.number() != 3:
                read.number()
    if (own.weighted and lists == 1) or (own.biweighted and lists == 2):
        read.number()
        if chroma:
            read.number()
        for count in references:
            for _ in range(count):
                if read.flag():
                    read.signed(), read.signed()
                if chroma and read.flag():
                    for _ in range(4):
                        read.signed()
