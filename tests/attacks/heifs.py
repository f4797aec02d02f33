"""HEIC and AVIF: sizes that lie, grids of one tile."""

import functools
import io

import pillow_heif

from tests.attacks.attack import Family, either, refused
from tests.attacks.crafted import (
    box,
    edited,
    found,
    full,
    saved,
    u16,
    u32,
)
from tests.clips import picture

heifs = Family()


@functools.cache
def still(format: str, side: int = 64) -> bytes:
    """A small square HEIC or AVIF."""
    if format == "avif":
        return saved("AVIF", (side, side), quality=50, speed=10)
    target = io.BytesIO()
    pillow_heif.from_pillow(picture(size=(side, side))).save(target, quality=50)
    return target.getvalue()


def larger(format: str, width: int, height: int) -> bytes:
    """A small picture that claims another size."""
    data = still(format)
    at = data.index(b"ispe") + 8
    return data[:at] + u32(width, height) + data[at + 8 :]


def grid(format: str, columns: int, rows: int, side: int = 256) -> bytes:
    """A picture put together from items that are all the same bytes."""
    data = still(format, side)
    code, config = (b"av01", b"av1C") if format == "avif" else (b"hvc1", b"hvcC")
    settings = found(found(data, b"meta")[4:], b"iprp", b"ipco", config)
    coded = found(data, b"mdat")
    count = columns * rows
    tiles = range(2, count + 2)
    width, height = side * columns, side * rows
    layout = bytes([0, 0, rows - 1, columns - 1]) + u16(width, height)
    items = [full(b"infe", u16(1, 0), b"grid\0", version=2)]
    items += [full(b"infe", u16(tile, 0), code + b"\0", version=2, flags=1) for tile in tiles]
    shared = box(
        b"iprp",
        box(
            b"ipco",
            full(b"ispe", u32(side, side)),
            box(config, settings),
            full(b"pixi", b"\3\x08\x08\x08"),
            full(b"ispe", u32(width, height)),
        ),
        full(
            b"ipma",
            u32(count + 1),
            u16(1) + b"\2\4\3",
            *(u16(tile) + b"\3\1\x82\3" for tile in tiles),
        ),
    )
    brand = b"avif" if format == "avif" else b"heic"
    start = box(b"ftyp", brand, bytes(4), b"mif1", brand, b"miaf")

    def meta(at: int) -> bytes:
        places = [u16(1, 0, 1) + u32(at, len(layout))]
        places += [u16(tile, 0, 1) + u32(at + len(layout), len(coded)) for tile in tiles]
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", u16(1)),
            full(b"iloc", b"\x44\0" + u16(count + 1), *places),
            full(b"iinf", u16(count + 1), *items),
            full(b"iref", box(b"dimg", u16(1, count), u16(*tiles))),
            shared,
        )

    before = len(start) + len(meta(0)) + 8
    return start + meta(before) + box(b"mdat", layout, coded)


for _format in ("heic", "avif"):
    heifs.bytes(
        f"{_format}-size.{_format}",
        "a picture of 64 x 64 that claims 65,535 x 65,535",
        refused("too_many_pixels", "corrupt"),
        functools.partial(larger, _format, 65_535, 65_535),
        default=refused("too_many_pixels", "corrupt"),
    )
    heifs.bytes(
        f"{_format}-size-within.{_format}",
        "a picture of 64 x 64 that claims 4,000 x 4,000, within the budget",
        either("corrupt", "truncated"),
        functools.partial(larger, _format, 4000, 4000),
    )
    heifs.bytes(
        f"{_format}-largest.{_format}",
        "a picture of 64 x 64 that claims 4,294,967,295 pixels each way",
        refused("too_many_pixels", "corrupt"),
        functools.partial(larger, _format, 2**32 - 1, 2**32 - 1),
    )
    heifs.bytes(
        f"{_format}-grid.{_format}",
        "900 times the same tile of 512 x 512: 236 million pixels in 100 KB",
        refused("too_many_pixels", "corrupt"),
        functools.partial(grid, _format, 30, 30, 512),
        default=refused("too_many_pixels", "corrupt"),
    )
    heifs.bytes(
        f"{_format}-grid-within.{_format}",
        "256 times the same tile of 256 x 256: 16 million pixels, within the budget",
        either("corrupt"),
        functools.partial(grid, _format, 16, 16),
    )
    heifs.bytes(
        f"{_format}-items.{_format}",
        "4,294,967,295 places of items in 20 bytes",
        refused("corrupt", "truncated"),
        functools.partial(
            lambda format: edited(
                still(format),
                [b"meta"],
                lambda meta: (
                    meta[:4]
                    + edited(meta[4:], [b"iloc"], lambda _: b"\2\0\0\0\x44\0" + u32(2**32 - 1))
                ),
            ),
            _format,
        ),
    )
