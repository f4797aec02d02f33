"""Animations: many frames, no time, frames where no canvas is."""

import functools
import struct

from tests.attacks.attack import Family, broken, either, lenient, refused, seen
from tests.attacks.crafted import (
    PNG,
    blocks,
    chunk,
    deflated,
    gif,
    gif_frame,
    lzw,
    riff,
    saved,
    vp8l,
    webp,
)
from tests.clips import picture

animations = Family()
_dot = gif_frame(0, 0, 1, 1, lzw(1))


def photos(format: str, **options: object) -> bytes:
    """An animation of three photos."""
    names = ("chelsea.png", "rocket.jpg")
    more = [picture(name, (64, 48)) for name in names]
    return saved(format, save_all=True, append_images=more, **options)


animations.bytes(
    "100000-frames.gif",
    "100,000 frames of one pixel in 2.6 MB",
    seen("too_many_frames"),
    lambda: gif(64, 48, _dot * 100_000),
)
animations.bytes(
    "large-frames.gif",
    "1,500 frames of one pixel on a canvas of 16 million: 24 thousand million pixels in 100 KB",
    seen("too_many_pixels"),
    lambda: gif(4000, 4000, gif_frame(0, 0, 4000, 4000, lzw(16_000_000)), _dot * 1500),
)
animations.bytes(
    "dense-frames.gif",
    "200 frames of 4 million pixels in 5 MB of LZW",
    either("too_many_pixels"),
    lambda: gif(2000, 2000, gif_frame(0, 0, 2000, 2000, lzw(4_000_000)) * 200),
)
animations.bytes(
    "no-delay.gif",
    "frames shown for no time",
    seen(),
    lambda: photos("GIF", duration=0, loop=0),
    default=seen(),
)
animations.bytes(
    "long-delay.gif",
    "200 frames shown for eleven minutes each: 36 hours",
    seen("too_long"),
    lambda: gif(64, 48, gif_frame(0, 0, 64, 48, lzw(64 * 48), delay=65_535) * 200),
    default=seen("too_long"),
)
animations.bytes(
    "outside.gif",
    "frames beyond the right and lower edge of the canvas",
    lenient("corrupt"),
    lambda: gif(
        64,
        48,
        gif_frame(0, 0, 64, 48, lzw(64 * 48)),
        gif_frame(60, 40, 64, 48, lzw(64 * 48, colour=0)),
        gif_frame(100, 100, 8, 8, lzw(64)),
    ),
)
animations.bytes(
    "far-outside.gif",
    "a frame at 65,535, 65,535, so that a canvas which grows has 4 thousand million pixels",
    lenient("too_many_pixels", "corrupt"),
    lambda: gif(64, 48, _dot, gif_frame(65_535, 65_535, 1, 1, lzw(1)), _dot),
    default=lenient("too_many_pixels", "corrupt"),
)
animations.bytes(
    "no-size.gif",
    "frames of 0 x 0",
    broken("corrupt", "truncated", "no_frames"),
    lambda: gif(0, 0, gif_frame(0, 0, 0, 0, lzw(0))),
)
animations.bytes(
    "no-frame.gif",
    "a canvas without a frame",
    refused("corrupt", "truncated", "no_frames"),
    lambda: gif(64, 48),
)
animations.bytes(
    "comments.gif",
    "a comment of 200,000 blocks and 50,000 comments of none",
    lenient("corrupt", "truncated"),
    lambda: gif(
        64,
        48,
        b"!\xfe",
        blocks(b"a" * 51_000_000)[: 256 * 20_000],
        b"\0",
        b"!\xfe\0" * 50_000,
        _dot,
    ),
)
animations.bytes(
    "blocks.gif",
    "2 million blocks of one byte in one comment",
    lenient("corrupt", "truncated"),
    lambda: gif(64, 48, b"!\xfe" + b"\1a" * 2_000_000 + b"\0", _dot),
)
animations.bytes(
    "no-end.gif",
    "a frame whose data goes on for ever after its picture is full",
    lenient("corrupt", "truncated"),
    lambda: gif(64, 48, gif_frame(0, 0, 64, 48, lzw(20_000_000)), _dot),
)


# Animated WebP


def webp_frames(count: int, canvas: int, *, delay: int) -> bytes:
    """An animation of dots on a square canvas; ``delay`` in milliseconds."""

    def three(value: int) -> bytes:
        return value.to_bytes(3, "little")

    dot = riff(b"ANMF", bytes(12) + three(delay) + b"\0" + vp8l(1, 1))
    head = riff(b"VP8X", b"\2\0\0\0" + three(canvas - 1) * 2)
    return webp(head, riff(b"ANIM", b"\xff\xff\xff\xff\0\0"), dot * count)


animations.bytes(
    "frames.webp",
    "20,000 frames of one pixel",
    seen("too_many_frames"),
    lambda: webp_frames(20_000, 64, delay=10),
)
animations.bytes(
    "large-frames.webp",
    "1,500 frames of one pixel on a canvas of 16 million",
    seen("too_many_pixels"),
    lambda: webp_frames(1500, 4000, delay=10),
)
animations.bytes(
    "no-delay.webp",
    "frames shown for no time",
    seen(),
    lambda: photos("WEBP", duration=0),
)
animations.bytes(
    "long-delay.webp",
    "200 frames shown for 4.6 hours each",
    seen("too_long"),
    lambda: webp_frames(200, 64, delay=2**24 - 1),
    default=seen("too_long"),
)
animations.bytes(
    "canvas.webp",
    "an animation on a canvas of 4 thousand million pixels",
    refused("too_many_pixels", "corrupt"),
    lambda: webp_frames(2, 65_535, delay=10),
    default=refused("too_many_pixels", "corrupt"),
)


# APNG


def apng(claimed: int, *frames: tuple[int, int, int, int], canvas: int = 64) -> bytes:
    """An animation with frames of (left, top, width, height), all black."""
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", canvas, canvas, 8, 0, 0, 0, 0))]
    parts.append(chunk(b"acTL", struct.pack(">II", claimed, 0)))
    order = 0
    for index, (left, top, width, height) in enumerate(frames):
        control = struct.pack(">IIIIIHHBB", order, width, height, left, top, 0, 0, 0, 0)
        parts.append(chunk(b"fcTL", control))
        order += 1
        data = deflated((width + 1) * height)
        if index:
            data = struct.pack(">I", order) + data
            order += 1
        parts.append(chunk(b"fdAT" if index else b"IDAT", data))
    return PNG + b"".join(parts) + chunk(b"IEND")


for _name, _about, _claimed, _frames, _canvas, _outcome in (
    ("frames", "5,000 frames of one pixel", 5000, [(0, 0, 1, 1)] * 4999, 64, "too_many_frames"),
    (
        "large-frames",
        "1,500 frames of one pixel on a canvas of 16 million",
        1500,
        [(0, 0, 1, 1)] * 1499,
        4000,
        "too_many_pixels",
    ),
):
    animations.bytes(
        f"{_name}.apng.png",
        _about,
        seen(_outcome),  # type: ignore[arg-type]
        functools.partial(apng, _claimed, (0, 0, _canvas, _canvas), *_frames, canvas=_canvas),
    )
animations.bytes(
    "claims.apng.png",
    "2,147,483,647 frames, of which two are there",
    seen("truncated", "corrupt"),
    lambda: apng(2**31 - 1, (0, 0, 64, 64), (0, 0, 64, 64)),
)
animations.bytes(
    "outside.apng.png",
    "a frame that lies outside of the canvas",
    seen("corrupt"),
    lambda: apng(2, (0, 0, 64, 64), (2**31 - 64, 60, 64, 64)),
)
animations.bytes(
    "avif-claims.avif",
    "an animated AVIF whose table claims 4,294,967,295 frames",
    broken("corrupt", "truncated"),
    lambda: photos("AVIF", quality=50, speed=10).replace(
        b"stsz\0\0\0\0\0\0\0\0\0\0\0\3", b"stsz\0\0\0\0\0\0\0\0\xff\xff\xff\xff"
    ),
)
