"""The smallest parts of the formats, written byte by byte."""

import io
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence

from PIL import Image

from tests.clips import picture

PNG = b"\x89PNG\r\n\x1a\n"


def deflated(total: int, block: bytes = bytes(1 << 20)) -> bytes:
    """Return a zlib stream that becomes ``total`` bytes of zeros."""
    squeeze = zlib.compressobj(1)
    whole, rest = divmod(total, len(block))
    parts = [squeeze.compress(block) for _ in range(whole)]
    return b"".join(parts) + squeeze.compress(block[:rest]) + squeeze.flush()


def saved(
    format: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object
) -> bytes:
    """Return a photo in a format of Pillow's."""
    return encoded(picture(size=size).convert(mode), format, **options)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    """Return a picture in a format of Pillow's."""
    target = io.BytesIO()
    image.save(target, format, **options)
    return target.getvalue()


# PNG (W3C Portable Network Graphics, third edition)


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A chunk of PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, data: bytes, *, depth: int = 8, colour: int = 0, extra: bytes = b""
) -> bytes:
    """A PNG of one IDAT; ``data`` is the zlib stream."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND")


def after_header(data: bytes, extra: bytes) -> bytes:
    """A PNG with chunks put behind its IHDR."""
    end = len(PNG) + 25
    return data[:end] + extra + data[end:]


# RIFF: WebP and AVI


def riff(kind: bytes, data: bytes = b"") -> bytes:
    """A chunk of RIFF."""
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def webp(*chunks: bytes) -> bytes:
    """A WebP file of these chunks."""
    return riff(b"RIFF", b"WEBP" + b"".join(chunks))


def vp8l(width: int, height: int) -> bytes:
    """A lossless picture of one colour, whatever its size, in some twenty bytes."""
    bits = _Bits()
    bits.put(0x2F, 8)
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    bits.put(0, 4)  # no alpha, version 0
    bits.put(0, 3)  # no transform, no colour cache, one group of codes
    for symbol in (90, 40, 200, 255, 0):
        bits.put(0b0001 | (symbol > 1) << 2, 3)  # a simple code of one symbol
        bits.put(symbol, 8 if symbol > 1 else 1)
    return riff(b"VP8L", bits.end())


class _Bits:
    """Bits, lowest first."""

    def __init__(self) -> None:
        self._value = self._count = 0

    def put(self, value: int, count: int) -> None:
        self._value |= value << self._count
        self._count += count

    def end(self) -> bytes:
        return self._value.to_bytes(-(-self._count // 8), "little") + bytes(4)


# GIF89a


def gif(width: int, height: int, *blocks: bytes) -> bytes:
    """A GIF with a screen of this size and a palette of two colours."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0)
    return b"GIF89a" + screen + bytes(3) + b"\xff\x80\x20" + b"".join(blocks) + b";"


def gif_frame(
    left: int, top: int, width: int, height: int, data: bytes, *, delay: int = 10
) -> bytes:
    """A frame with its delay in hundredths; ``data`` is the LZW stream for two bits."""
    control = b"!\xf9\x04" + struct.pack("<BHBx", 0, delay, 0)
    place = struct.pack("<HHHHB", left, top, width, height, 0)
    return control + b"," + place + b"\x02" + blocks(data)


def blocks(data: bytes) -> bytes:
    """Data in sub-blocks of up to 255 bytes."""
    parts = (data[i : i + 255] for i in range(0, len(data), 255))
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def lzw(pixels: int, *, colour: int = 1) -> bytes:
    """LZW for so many pixels of one of four colours, each code longer than the last one.

    The code n after the first is the one just being made, a run of n pixels.
    """
    clear, end = 4, 5
    value = count = 0
    out = bytearray()

    def put(code: int, width: int) -> None:
        nonlocal value, count
        value |= code << count
        count += width
        while count >= 8:
            out.append(value & 255)
            value >>= 8
            count -= 8

    left = pixels
    width = 3
    put(clear, width)
    while left > 0:
        put(colour, width)
        left -= 1
        table, run = 6, 2
        while left >= run and table < 4095:
            put(table, width)
            left -= run
            run += 1
            table += 1
            if table == 1 << width and width < 12:
                width += 1
        put(clear, width)
        width = 3
    put(end, width)
    put(0, 8)
    return bytes(out)


# JPEG (ITU-T T.81)


def segment(marker: int, data: bytes) -> bytes:
    """A marker segment of JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def after_soi(data: bytes, extra: bytes) -> bytes:
    """A JPEG with segments put at its start."""
    return data[:2] + extra + data[2:]


# TIFF 6.0


Entry = tuple[int, int, int, int]
"""Tag, type, count, and the value or its offset."""


def ifd(entries: Sequence[Entry], following: int = 0) -> bytes:
    """A directory; little-endian."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return struct.pack("<H", len(entries)) + body + struct.pack("<I", following)


def tiff(*parts: bytes) -> bytes:
    """A TIFF whose first directory is at byte 8."""
    return b"II*\0" + struct.pack("<I", 8) + b"".join(parts)


def page(width: int, height: int, data: int, length: int, *, compression: int = 8) -> list[Entry]:
    """Entries of a grey page of 8 bits in one strip at byte ``data``."""
    return [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (273, 4, 1, data),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, length),
    ]


# ISO boxes (ISO/IEC 14496-12)


def box(kind: bytes, *parts: bytes, size: int | None = None) -> bytes:
    """A box, with its true size or the one given."""
    data = b"".join(parts)
    return struct.pack(">I", len(data) + 8 if size is None else size) + kind + data


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def u32(*values: int) -> bytes:
    """Numbers of 32 bits, highest byte first."""
    return struct.pack(f">{len(values)}I", *values)


def u16(*values: int) -> bytes:
    """Numbers of 16 bits, highest byte first."""
    return struct.pack(f">{len(values)}H", *values)


def inside(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    """The kinds and contents of boxes in a row."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def found(data: bytes, *path: bytes) -> bytes:
    """The content of the first box at a path."""
    for kind, content in inside(data):
        if kind == path[0]:
            return found(content, *path[1:]) if path[1:] else content
    raise KeyError(path[0])


def edited(data: bytes, path: Sequence[bytes], change: Callable[[bytes], bytes]) -> bytes:
    """Boxes with the content of one changed, and the sizes around it.

    What ``change`` returns takes the place of the whole content.
    """
    parts = []
    for kind, content in inside(data):
        if kind == path[0]:
            content = edited(content, path[1:], change) if path[1:] else change(content)
        parts.append(box(kind, content))
    return b"".join(parts)


# Matroska (RFC 8794, RFC 9559)


def ebml(element: int, *parts: bytes, size: int | None = None) -> bytes:
    """An element, with its true size or the one given; a size of -1 is unknown."""
    data = b"".join(parts)
    identity = element.to_bytes(-(-element.bit_length() // 8), "big")
    length = (1 << 56) - 1 if size == -1 else len(data) if size is None else size
    return identity + (1 << 56 | length).to_bytes(8, "big") + data


def number(element: int, value: int) -> bytes:
    """An element of an unsigned number."""
    return ebml(element, value.to_bytes(max(1, -(-value.bit_length() // 8)), "big"))


# XML


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a0 "lol">'
    + b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 10))
    + b"]>"
)
"""The start of a document in which ``&a9;`` stands for a thousand million words."""
