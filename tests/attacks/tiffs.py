"""TIFF: pages that share their bytes, directories in a ring, lies."""

from tests.attacks.attack import Family, broken, lenient, refused, seen
from tests.attacks.crafted import (
    deflated,
    ifd,
    page,
    tiff,
)

tiffs = Family()


def tiff_pages(count: int, width: int, height: int) -> bytes:
    """Pages that all show the same few bytes."""
    data = deflated(width * height)
    size = 2 + 9 * 12 + 4
    strip = 8 + count * size
    pages = (
        ifd(page(width, height, strip, len(data)), 8 + (i + 1) * size if i + 1 < count else 0)
        for i in range(count)
    )
    return tiff(*pages, data)


def tiff_loop(length: int) -> bytes:
    """Directories in a row, of which the last leads back to the first."""
    data = deflated(64 * 48)
    size = 2 + 9 * 12 + 4
    strip = 8 + length * size
    pages = (
        ifd(page(64, 48, strip, len(data)), 8 + (i + 1) % length * size) for i in range(length)
    )
    return tiff(*pages, data)


tiffs.bytes(
    "tiff-bomb.tiff",
    "60,000 x 60,000 pixels",
    refused("too_many_pixels"),
    lambda: tiff(ifd(page(60_000, 60_000, 8 + 114, 100)), deflated(100_000)),
    default=refused("too_many_pixels"),
)
tiffs.bytes(
    "tiff-pages.tiff",
    "2,000 pages of 16 million pixels that share one strip of 70 KB: 32 thousand million pixels",
    seen("too_many_pixels"),
    lambda: tiff_pages(2000, 4000, 4000),
)
tiffs.bytes(
    "tiff-many-pages.tiff",
    "5,000 pages of one pixel",
    seen("too_many_frames", "too_long"),
    lambda: tiff_pages(5000, 1, 1),
)
tiffs.bytes(
    "tiff-loop-of-one.tiff",
    "a directory that follows itself",
    lenient("corrupt", "truncated"),
    lambda: tiff_loop(1),
)
tiffs.bytes(
    "tiff-loop-of-three.tiff",
    "three directories that follow each other in a ring",
    lenient("corrupt", "truncated"),
    lambda: tiff_loop(3),
)
tiffs.bytes(
    "tiff-nested.tiff",
    "a directory that is its own sub-directory, EXIF directory and GPS directory",
    lenient("corrupt"),
    lambda: tiff(
        ifd(
            [
                *page(64, 48, 8 + 6 + 12 * 12, 64 * 48, compression=1),
                *((tag, 4, 1, 8) for tag in (330, 34665, 34853)),
            ]
        ),
        bytes(range(256)) * 12,
    ),
)
tiffs.bytes(
    "tiff-strips.tiff",
    "4,294,967,295 strips in 150 bytes",
    broken("corrupt", "truncated"),
    lambda: tiff(
        ifd(
            [
                entry if entry[0] not in (273, 279) else (entry[0], 4, 2**32 - 1, 8)
                for entry in page(64, 48, 8, 8)
            ]
        )
    ),
)
tiffs.bytes(
    "tiff-entries.tiff",
    "a directory of 65,535 entries, of which none is there",
    refused("corrupt", "truncated"),
    lambda: tiff(b"\xff\xff"),
)
tiffs.bytes(
    "tiff-orientation.tiff",
    "an orientation of 9",
    seen(),
    lambda: tiff(
        ifd([*page(64, 48, 8 + 6 + 10 * 12, 64 * 48, compression=1), (274, 3, 1, 9)]),
        bytes(range(256)) * 12,
    ),
)
