"""JPEG: scans, colours, EXIF."""

import functools
import struct

from PIL import ImageCms

from tests.attacks.attack import Family, broken, lenient, refused, seen
from tests.attacks.crafted import (
    LAUGHS,
    after_header,
    after_soi,
    chunk,
    ifd,
    saved,
    segment,
    tiff,
    u16,
    u32,
)

jpegs = Family()


_QUANTISE = segment(0xDB, b"\0" + b"\x01" * 64)
_RUN = 14
"""The longest run of bands of zeros that one code can say: 2^14 to 2^15 - 1 blocks."""


def progressive(width: int, height: int, scans: int, *, components: int = 1) -> bytes:
    """A progressive JPEG of grey with so many scans, as the standard allows them.

    The first scan has the mean of each block; each further one says of a coefficient of a
    component, bit by bit from the highest on, that it is zero in every block.
    """
    frame = struct.pack(">BHHB", 8, height, width, components)
    frame += b"".join(bytes([i + 1, 0x11, 0]) for i in range(components))
    codes = segment(0xC4, b"\0\1" + bytes(15) + b"\0")  # DC: code 0 is "no difference"
    lengths = bytes([0, 0, 0, 15]) + bytes(12)
    codes += segment(0xC4, b"\x10" + lengths + bytes(range(0, 0xF0, 0x10)))  # AC: runs of zeros
    count = -(-width // 8) * -(-height // 8)
    first = struct.pack(">B", components)
    first += b"".join(bytes([i + 1, 0]) for i in range(components)) + b"\0\0\0"
    means = bytes(-(-count * components // 8))
    parts = [b"\xff\xd8", _QUANTISE, segment(0xC2, frame), codes, segment(0xDA, first), means]
    zeros = _zeros(count)
    steps = (
        (component, band, high, high - 1 if high else 13)
        for component in range(components)
        for band in range(1, 64)
        for high in range(14, 0, -1)
    )
    for (component, band, high, _), _ in zip(steps, range(scans - 1), strict=False):
        before = 0 if high == 14 else high
        head = bytes([1, component + 1, 0, band, band, before << 4 | high - 1])
        parts += [segment(0xDA, head), zeros]
    return b"".join(parts) + b"\xff\xd9"


def _zeros(count: int) -> bytes:
    """Runs of blocks without a coefficient, as the codes of :func:`progressive` say it."""
    bits = ""
    while count:
        power = min(_RUN, count.bit_length() - 1)
        run = min(count, (2 << power) - 1)
        bits += f"{power:04b}" + f"{run:b}"[1:]
        count -= run
    bits += "1" * (-len(bits) % 8)
    data = int(bits or "0", 2).to_bytes(len(bits) // 8, "big")
    return data.replace(b"\xff", b"\xff\0")


jpegs.bytes(
    "jpeg-1000-scans.jpg",
    "1,000 scans of 12 million pixels in 80 KB: 12 thousand million pixels of work",
    broken("too_many_pixels"),
    lambda: progressive(4000, 3000, 1000, components=3),
)
jpegs.bytes(
    "jpeg-1000-small-scans.jpg",
    "1,000 scans of a small picture, which cost nothing",
    seen(),
    lambda: progressive(64, 48, 1000, components=3),
    default=seen(),
)
jpegs.bytes(
    "jpeg-2600-scans.jpg",
    "2,600 scans of 176 million pixels in 1.5 MB, within the default pixels",
    refused("too_many_pixels"),
    lambda: progressive(16_000, 11_000, 2600, components=3),
)
jpegs.bytes(
    "jpeg-empty-scans.jpg",
    "1,000 scans that are empty, where decoders make up what is missing",
    broken("too_many_pixels", "corrupt", "truncated"),
    lambda: progressive(4000, 3000, 1)[:-2] + segment(0xDA, b"\1\1\0\1\x3f\0") * 1000 + b"\xff\xd9",
)
jpegs.bytes(
    "jpeg-restarts.jpg",
    "a restart interval of one block, and every restart missing",
    lenient("corrupt", "truncated"),
    lambda: after_soi(saved("JPEG", (640, 480)), segment(0xDD, b"\0\1")),
)
jpegs.bytes(
    "jpeg-bomb.jpg",
    "65,500 x 65,500 pixels in 200 bytes",
    refused("too_many_pixels"),
    lambda: progressive(65_500, 65_500, 1)[:300],
    default=refused("too_many_pixels"),
)
jpegs.bytes(
    "jpeg-no-height.jpg",
    "a height of 0, to be said later (DNL)",
    refused("corrupt", "unsupported"),
    lambda: progressive(64, 0, 1),
)
jpegs.bytes(
    "jpeg-fills.jpg",
    "a million fill bytes and 10,000 empty comments",
    seen(),
    lambda: after_soi(saved("JPEG"), b"\xff" * 1_000_000 + segment(0xFE, b"") * 10_000),
)


def cmyk(transform: int | None, profile: bytes | None = None) -> bytes:
    """A JPEG of four colours: with Adobe's marker (0 is CMYK, 2 YCCK) or without it."""
    data = saved("JPEG", (64, 48), "CMYK", icc_profile=profile)
    at = data.index(b"\xff\xee")
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    marker = b""
    if transform is not None:
        marker = segment(0xEE, b"Adobe" + u16(100, 0, 0) + bytes([transform]))
    return data[:at] + marker + data[at + 2 + length :]


jpegs.bytes("cmyk-bare.jpg", "CMYK without Adobe's marker", seen(), lambda: cmyk(None))
jpegs.bytes("cmyk-adobe.jpg", "CMYK with Adobe's marker", seen(), lambda: cmyk(0))
jpegs.bytes("ycck.jpg", "YCCK", seen(), lambda: cmyk(2))
jpegs.bytes("cmyk-transform.jpg", "a transform Adobe does not have", seen(), lambda: cmyk(255))
jpegs.bytes(
    "cmyk-rgb-profile.jpg",
    "CMYK with the profile of a screen",
    seen(),
    lambda: cmyk(0, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
)
jpegs.bytes(
    "cmyk-false-profile.jpg",
    "CMYK with a profile of 16 MB of nothing that claims more",
    seen(),
    lambda: cmyk(0, b"\xff\xff\xff\xff" + b"CMYK" * 250_000),
)
jpegs.bytes(
    "icc-part.jpg",
    "part 1 of 255 of a profile",
    seen(),
    lambda: after_soi(saved("JPEG"), segment(0xE2, b"ICC_PROFILE\0\x01\xff" + bytes(60))),
)

# EXIF


def exif(body: bytes) -> bytes:
    """A JPEG with this as its EXIF."""
    return after_soi(saved("JPEG"), segment(0xE1, b"Exif\0\0" + body))


_ORIENTATION = 274
for _name, _about, _body in (
    ("noise", "EXIF of noise", b"\x00\xff" * 500),
    ("empty", "EXIF of nothing", b""),
    ("cut", "EXIF that is cut short", b"II*\0\x08"),
    ("far", "EXIF whose directory lies 4 GiB away", b"II*\0\xff\xff\xff\xff"),
    ("itself", "EXIF whose directory is its own header", b"II*\0\0\0\0\0"),
    ("count", "EXIF with 65,535 entries in 20 bytes", tiff(b"\xff\xff" + bytes(20))),
    (
        "loop",
        "EXIF directories that lead to each other in a ring, each its own EXIF and GPS directory",
        tiff(ifd([(34665, 4, 1, 8), (34853, 4, 1, 8), (40965, 4, 1, 8)], 8)),
    ),
    ("long", "a string of 4 GiB", tiff(ifd([(271, 2, 2**32 - 1, 8), (_ORIENTATION, 3, 1, 1)]))),
    ("orientation-0", "an orientation of 0", tiff(ifd([(_ORIENTATION, 3, 1, 0)]))),
    ("orientation-9", "an orientation of 9", tiff(ifd([(_ORIENTATION, 3, 1, 9)]))),
    ("orientation-65535", "an orientation of 65,535", tiff(ifd([(_ORIENTATION, 3, 1, 65_535)]))),
    (
        "orientation-text",
        "an orientation that is text",
        tiff(ifd([(_ORIENTATION, 2, 4, 0x363636)])),
    ),
    ("orientation-none", "an orientation of no value", tiff(ifd([(_ORIENTATION, 3, 0, 6)]))),
    ("orientation-many", "70 million orientations", tiff(ifd([(_ORIENTATION, 3, 70_000_000, 8)]))),
    (
        "orientation-type",
        "an orientation of a type nobody knows",
        tiff(ifd([(_ORIENTATION, 99, 1, 6)])),
    ),
    (
        "orientation-ratio",
        "an orientation of 1/0",
        tiff(ifd([(_ORIENTATION, 5, 1, 26)]), u32(1, 0)),
    ),
    (
        "orientation-twice",
        "two orientations",
        tiff(ifd([(_ORIENTATION, 3, 1, 6), (_ORIENTATION, 3, 1, 8)])),
    ),
):
    jpegs.bytes(f"exif-{_name}.jpg", _about, seen(), functools.partial(exif, _body))
jpegs.bytes(
    "exif-many.jpg",
    "2,000 EXIF segments",
    seen(),
    lambda: after_soi(
        saved("JPEG"), segment(0xE1, b"Exif\0\0" + tiff(ifd([(_ORIENTATION, 3, 1, 6)]))) * 2000
    ),
)
jpegs.bytes(
    "exif-noise.png",
    "a PNG with EXIF of noise",
    seen(),
    lambda: after_header(saved("PNG"), chunk(b"eXIf", b"\0\xff" * 50)),
)
jpegs.bytes(
    "exif-loop.webp",
    "a WebP whose EXIF leads to itself",
    seen(),
    lambda: saved("WEBP", exif=b"Exif\0\0" + tiff(ifd([(34665, 4, 1, 8)], 8))),
)
jpegs.bytes(
    "xmp-bomb.jpg",
    "XMP with entities that stand for ten others each, nine deep",
    seen(),
    lambda: after_soi(
        saved("JPEG"), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + LAUGHS + b"<a>&a9;</a>")
    ),
)
