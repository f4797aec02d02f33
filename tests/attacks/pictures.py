"""PNG, WebP, GIF and BMP that are bombs, and pictures of a single row."""

import functools
import struct

from tests.attacks.attack import Family, broken, either, refused, seen
from tests.attacks.crafted import (
    after_header,
    chunk,
    deflated,
    gif,
    gif_frame,
    lzw,
    png,
    riff,
    saved,
    vp8l,
    webp,
)
from tests.attacks.jpegs import progressive
from tests.attacks.tiffs import tiff_pages

pictures = Family()
_bomb = refused("too_many_pixels")

# Bombs


def png_bits(width: int, height: int) -> bytes:
    """A true PNG of black, a bit a pixel."""
    return png(width, height, deflated((-(-width // 8) + 1) * height), depth=1)


pictures.bytes(
    "png-bomb.png",
    "30,000 x 30,000 pixels in 500 KB, every one of them there",
    _bomb,
    lambda: png_bits(30_000, 30_000),
    default=_bomb,
)
pictures.bytes(
    "png-largest.png",
    "2,147,483,647 pixels each way, of which none is there",
    _bomb,
    lambda: png(2**31 - 1, 2**31 - 1, deflated(100)),
    default=_bomb,
)
pictures.bytes(
    "png-beyond.png",
    "a width of 4,294,967,295, which PNG does not have",
    refused("too_many_pixels", "corrupt"),
    lambda: png(2**32 - 1, 1, deflated(100)),
)
pictures.bytes(
    "png-deep.png",
    "16 million pixels of 16 bits and four colours: 128 MB in 600 KB, within the budget",
    seen(),
    lambda: png(4000, 4000, deflated(4000 * 32_001), depth=16, colour=6),
)
pictures.bytes(
    "png-text-bomb.png",
    "a comment (zTXt) that becomes 50 MB",
    either("corrupt"),
    lambda: after_header(saved("PNG"), chunk(b"zTXt", b"Comment\0\0" + deflated(50_000_000))),
)
pictures.bytes(
    "png-profile-bomb.png",
    "a colour profile (iCCP) that becomes 50 MB",
    either("corrupt"),
    lambda: after_header(saved("PNG"), chunk(b"iCCP", b"p\0\0" + deflated(50_000_000))),
)
pictures.bytes(
    "png-chunks.png",
    "200,000 comments of nothing",
    either("corrupt"),
    lambda: after_header(saved("PNG"), chunk(b"tEXt", b"a\0b") * 200_000),
)
pictures.bytes(
    "png-chunk-length.png",
    "a chunk that claims 4 GiB",
    refused("corrupt", "truncated"),
    lambda: after_header(saved("PNG"), b"\xff\xff\xff\xfftEXt"),
)
pictures.bytes(
    "webp-bomb.webp",
    "16,383 x 16,383 pixels of one colour in 50 bytes, every one of them there",
    _bomb,
    lambda: webp(vp8l(16_383, 16_383)),
    default=_bomb,
)
pictures.bytes(
    "webp-canvas.webp",
    "a canvas of 16,777,216 x 16,777,216 pixels with a picture of one",
    refused("too_many_pixels", "corrupt"),
    lambda: webp(riff(b"VP8X", bytes(4) + b"\xff" * 6), vp8l(1, 1)),
    default=refused("too_many_pixels", "corrupt"),
)
pictures.bytes(
    "gif-bomb.gif",
    "65,535 x 65,535 pixels with one pixel in them",
    _bomb,
    lambda: gif(65_535, 65_535, gif_frame(0, 0, 1, 1, lzw(1))),
    default=_bomb,
)
pictures.bytes(
    "gif-frame-bomb.gif",
    "a screen of one pixel with a frame of 65,535 x 65,535",
    refused("too_many_pixels", "corrupt", "truncated"),
    lambda: gif(1, 1, gif_frame(0, 0, 65_535, 65_535, lzw(100_000))),
    default=refused("too_many_pixels", "corrupt", "truncated"),
)
pictures.bytes(
    "gif-dense.gif",
    "16 million pixels in 60 KB of LZW, within the budget",
    seen(),
    lambda: gif(4000, 4000, gif_frame(0, 0, 4000, 4000, lzw(16_000_000))),
)
pictures.bytes(
    "bmp-bomb.bmp",
    "2,147,483,647 pixels each way, run-length encoded",
    _bomb,
    lambda: bmp(2**31 - 1, 2**31 - 1),
    default=_bomb,
)
pictures.bytes(
    "bmp-negative.bmp",
    "a height of -2,147,483,648, which has no positive",
    refused("too_many_pixels", "corrupt", "truncated"),
    lambda: bmp(1, -(2**31), compression=0, depth=24),
)
pictures.bytes(
    "bmp-runs.bmp",
    "16 million pixels that nobody wrote, run-length encoded in nothing",
    broken("corrupt", "truncated"),
    lambda: bmp(4000, 4000),
)


def bmp(width: int, height: int, *, compression: int = 1, depth: int = 8) -> bytes:
    """A BMP with a header, a palette and no pixels."""
    palette = bytes(1024) if depth == 8 else b""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, compression, 0, 0, 0, 0, 0)
    body = header + palette + b"\0\1"
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 14 + 40 + len(palette)) + body


# One pixel high, one pixel wide

for _name, _width, _height in (("1x65535", 1, 65_535), ("65535x1", 65_535, 1)):
    pictures.bytes(
        f"{_name}.png",
        f"{_width:,} x {_height:,} pixels, for what scales and cuts",
        seen(),
        functools.partial(png_bits, _width, _height),
        default=seen(),
    )
    pictures.bytes(
        f"{_name}.gif",
        f"{_width:,} x {_height:,} pixels, for what scales and cuts",
        seen(),
        functools.partial(
            lambda w, h: gif(w, h, gif_frame(0, 0, w, h, lzw(w * h))), _width, _height
        ),
    )
    pictures.bytes(
        f"{_name}.jpg",
        f"{_width:,} x {_height:,} pixels; libjpeg allows 65,500",
        broken("corrupt", "too_many_pixels"),
        functools.partial(lambda w, h: progressive(w, h, 1), _width, _height),
    )
    pictures.bytes(
        f"{_name}.tiff",
        f"{_width:,} x {_height:,} pixels, for what scales and cuts",
        seen(),
        functools.partial(tiff_pages, 1, _width, _height),
    )
pictures.bytes(
    "1x20000000.png",
    "20,000,000 pixels in a row, within the budget",
    seen(),
    lambda: png_bits(20_000_000, 1),
)
pictures.bytes("1x16383.webp", "one pixel wide", seen(), lambda: webp(vp8l(1, 16_383)))
pictures.bytes("1x1.png", "one pixel", seen(), lambda: png_bits(1, 1))
pictures.bytes(
    "0x0.png", "no pixel", refused("corrupt", "truncated"), lambda: png(0, 0, deflated(0))
)
