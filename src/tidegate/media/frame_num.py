"""H.264 pictures are numbered: a hole in the numbers is a picture that was taken out.

FFmpeg fills such a hole with copies of another picture and says nothing. Nothing else in a
stream tells of it: a hole in the times may also be a still scene, or a variable rate.

Source: ITU-T H.264, 7.4.3, ``frame_num``.
"""

import contextlib
from collections.abc import Iterator

from av.video.codeccontext import VideoCodecContext

from tidegate.media import h264
from tidegate.media.nal import units

_SLICE, _IDR, _MESSAGE, _SEQUENCE, _PICTURE = 1, 5, 6, 7, 8
_RECOVERY = 6
_START, _HEAD = 32, 2048
"""Bytes of a slice in which its picture's number is, and in which any header ends."""


class FrameNumbers:
    """Follows the numbers of the pictures in an H.264 stream.

    Each reference has the number after that of the reference before it, and other pictures have
    the number that the next reference would have. Nothing is said of streams which may leave
    numbers out, nor across a recovery point, where pieces are joined.
    """

    def __init__(self, extradata: bytes) -> None:
        self._sequences: set[h264.Sequence] = set()
        self._pictures: dict[int, h264.Picture] = {}
        self._last: tuple[int, bytes] | None = None
        self._prefix = 0
        if len(extradata) >= 7 and extradata[0] == 1:
            self._prefix = (extradata[4] & 3) + 1
        with contextlib.suppress(IndexError, ValueError):
            for unit in _parameters(extradata) if self._prefix else _split(extradata, 0):
                self._learn(unit)

    def hole(self, data: bytes) -> bool:
        """Take the next packet; return whether pictures are missing before its own."""
        try:
            return self._follow(data)
        except (IndexError, ValueError):
            self._last = None
            return False

    def _follow(self, data: bytes) -> bool:
        for unit in _split(data, self._prefix):
            type = unit[0] & 31
            if type in (_SEQUENCE, _PICTURE):
                self._learn(unit)
            elif type == _MESSAGE and _recovers(unit):
                self._last = None
            elif type in (_SLICE, _IDR):
                return self._number(unit, type)
        return False

    def _learn(self, unit: bytes) -> None:
        try:
            if unit[0] & 31 == _SEQUENCE and len(self._sequences) < 2:
                self._sequences.add(h264.sequence(unit))
            elif unit[0] & 31 == _PICTURE:
                number, picture = h264.picture(unit)
                self._pictures[number] = picture
        except (IndexError, ValueError):
            self._last = None

    def _number(self, unit: bytes, type: int) -> bool:
        if len(self._sequences) != 1:  # Which one holds is not looked for.
            return False
        (sequence,) = self._sequences
        number = h264.frame_number(unit[:_START], sequence)
        last = self._last
        if unit[0] & 0x60:
            self._last = number, unit
        if type == _IDR or last is None or sequence.gaps:
            return False
        before, reference = last
        if number in (before, (before + 1) % (1 << sequence.bits)):
            return False
        return number > 1 or not self._may_reset(reference, sequence)

    def _may_reset(self, reference: bytes, sequence: h264.Sequence) -> bool:
        """Return whether the numbers may begin anew after this slice of a reference."""
        if reference[0] & 31 == _IDR:
            return False
        try:
            return h264.resets(reference, sequence, self._pictures)
        except (KeyError, ValueError):
            return True


def numbers_for(codec: VideoCodecContext) -> FrameNumbers | None:
    """Return what follows the numbers of a stream, or ``None`` where pictures have none."""
    if codec.codec.canonical_name != "h264":
        return None
    return FrameNumbers(bytes(codec.extradata or b""))


def _split(data: bytes, prefix: int) -> Iterator[bytes]:
    for start, end in units(data, prefix) if data else ():
        yield data[start : min(end, start + _HEAD)]


def _parameters(extradata: bytes) -> Iterator[bytes]:
    """Yield the parameter sets of an ``avcC`` box, ISO/IEC 14496-15, 5.3.3.1."""
    at = 5
    for mask in (31, 255):
        count = extradata[at] & mask
        at += 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            if not size or at + 2 + size > len(extradata):
                return
            yield extradata[at + 2 : at + 2 + min(size, _HEAD)]
            at += 2 + size
        if at >= len(extradata):
            return


def _recovers(unit: bytes) -> bool:
    """Return whether a unit of messages has a recovery point among them, 7.3.2.3.1."""
    read = h264.Bits(unit[1:])
    while read.left > 8:  # The last byte ends the unit.
        type, size = (_long(read) for _ in range(2))
        if type == _RECOVERY:
            return True
        read.bits(size * 8)
    return False


def _long(read: h264.Bits) -> int:
    value = 0
    while (byte := read.bits(8)) == 255:
        value += 255
    return value + byte
