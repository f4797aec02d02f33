"""MP4 and QuickTime: tables, lengths, streams, references, sizes of boxes."""

import functools
import struct
from collections.abc import Mapping, Sequence

from tests.attacks.attack import Family, broken, either, lenient, refused, seen
from tests.attacks.crafted import box, deflated, full, png, u16, u32
from tests.attacks.films import SIZE, h264, jpegs

mp4 = Family()

_MATRIX = u32(1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
FTYP = box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
_SCALE = 25
_MOST = 2**32 - 1


def movie(
    samples: Sequence[bytes] = (),
    order: Sequence[int] | None = None,
    *,
    tables: Mapping[bytes, bytes] | None = None,
    length: int | None = None,
    scale: int = _SCALE,
    streams: int = 1,
    reference: bytes | None = None,
    edits: bytes = b"",
    extra: bytes = b"",
) -> bytes:
    """A video of JPEGs, 25 a second.

    Args:
        samples: The JPEGs.
        order: Which of them each frame shows; once each, where that is not said.
        tables: Contents of boxes of the sample table, in place of the true ones.
        length: Frames that the headers claim.
        scale: Units of time a second.
        streams: Tracks, all of the same samples.
        reference: An entry of the data references, in place of "in this file".
        edits: A list of edits.
        extra: Boxes at the end of ``moov``.
    """
    samples = samples or jpegs()
    order = range(len(samples)) if order is None else order
    starts = [16 + len(FTYP) - 8]
    for sample in samples:
        starts.append(starts[-1] + len(sample))
    length = len(order) if length is None else length
    width, height = SIZE
    entry = box(
        b"jpeg",
        bytes(6) + u16(1) + bytes(16) + u16(width, height) + u32(72 << 16, 72 << 16, 0),
        u16(1) + bytes(32) + u16(24, 0xFFFF),
    )
    contents = {
        b"stsd": u32(0, 1) + entry,
        b"stts": u32(0, 1, len(order), 1),
        b"stsc": u32(0, 1, 1, 1, 1),
        b"stsz": u32(0, 0, len(order)) + u32(*(len(samples[i]) for i in order)),
        b"stco": u32(0, len(order)) + u32(*(starts[i] for i in order)),
    } | dict(tables or {})
    found = full(b"url ", flags=1) if reference is None else reference
    media = box(
        b"mdia",
        full(b"mdhd", u32(0, 0, scale, length) + bytes(4)),
        full(b"hdlr", b"mhlrvide" + bytes(13)),
        box(
            b"minf",
            full(b"vmhd", bytes(8), flags=1),
            box(b"dinf", full(b"dref", u32(1), found)),
            box(b"stbl", *(box(kind, content) for kind, content in contents.items())),
        ),
    )
    tracks = b"".join(
        box(
            b"trak",
            full(
                b"tkhd",
                u32(0, 0, number + 1, 0, length) + bytes(16) + _MATRIX,
                u32(width << 16, height << 16),
                flags=3,
            ),
            edits,
            media,
        )
        for number in range(streams)
    )
    head = full(
        b"mvhd", u32(0, 0, scale, length, 1 << 16) + bytes(12) + _MATRIX + bytes(24) + u32(9)
    )
    return FTYP + box(b"mdat", *samples) + box(b"moov", head, tracks, extra)


mp4.bytes(
    "plain.mov", "nothing: the clip that the others are made of", seen(), movie, default=seen()
)

# Tables

for _kind in (b"stsz", b"stts", b"stsc", b"stco", b"stsd", b"stss", b"ctts"):
    mp4.bytes(
        f"{_kind.decode()}-count.mov",
        f"4,294,967,295 entries of {_kind.decode()} in a few bytes",
        either("corrupt", "truncated", "unsupported", "no_frames", "out_of_memory"),
        functools.partial(
            lambda kind: movie(
                tables={kind: u32(0, 0, _MOST, 1) if kind == b"stsz" else u32(0, _MOST, 1, 1, 1)}
            ),
            _kind,
        ),
    )


def same(count: int) -> dict[bytes, bytes]:
    """A table that says of very many samples of a byte that they lie in one chunk."""
    return {
        b"stsz": u32(0, 1, count),
        b"stts": u32(0, 1, count, 1),
        b"stsc": u32(0, 1, 1, count, 1),
        b"stco": u32(0, 1, 36),
    }


mp4.bytes(
    "samples-10000000.mov",
    "a table of 10,000,000 samples in 80 bytes",
    broken("corrupt", "truncated", "out_of_memory", "too_many_frames", "too_long", "no_frames"),
    lambda: movie(tables=same(10_000_000)),
)
mp4.bytes(
    "samples-4294967295.mov",
    "a table of 4,294,967,295 samples in 80 bytes",
    broken("corrupt", "truncated", "out_of_memory", "too_many_frames", "too_long", "no_frames"),
    lambda: movie(tables=same(_MOST)),
)
mp4.bytes(
    "huge-sample.mov",
    "a sample of 2 GiB",
    broken("corrupt", "truncated", "no_frames"),
    lambda: movie(tables={b"stsz": u32(0, 2**31 - 1, 3)}),
)
mp4.bytes(
    "far-samples.mov",
    "samples that lie 16 EiB away",
    broken("corrupt", "truncated", "no_frames"),
    lambda: movie(tables={b"stco": b"", b"co64": u32(0, 3) + b"\x7f" + b"\xff" * 23}),
)
mp4.bytes(
    "edits.mov",
    "500,000 edits that show the same frame",
    either("corrupt", "truncated", "too_many_frames", "too_long"),
    lambda: movie(edits=box(b"edts", full(b"elst", u32(500_000), u32(1, 0, 1 << 16) * 500_000))),
)
mp4.bytes(
    "edits-nowhere.mov",
    "an edit that starts before the start",
    either("corrupt", "truncated", "no_frames"),
    lambda: movie(edits=box(b"edts", full(b"elst", u32(1), u32(3, 2**31, 1 << 16)))),
)

# Length

mp4.bytes(
    "endless.mov",
    "100,000 frames that are the same three pictures: 67 minutes in 800 KB",
    seen("too_many_frames", "too_long", "too_many_pixels"),
    lambda: movie(order=[0, 1, 2] * 33_334),
)
mp4.bytes(
    "long.mov",
    "three frames that claim 5 years",
    lenient("truncated"),
    lambda: movie(length=_MOST - 1),
    default=lenient("truncated"),
)
mp4.bytes("no-length.mov", "frames that claim no time", seen(), lambda: movie(length=0))
mp4.bytes(
    "no-scale.mov",
    "0 units of time a second",
    lenient("corrupt", "truncated"),
    lambda: movie(scale=0),
)
mp4.bytes(
    "still.mov",
    "3,000 frames that are all shown at once",
    lenient("too_many_frames", "corrupt"),
    lambda: movie(order=[0, 1, 2] * 1000, tables={b"stts": u32(0, 1, 3000, 0)}),
)
mp4.bytes(
    "slow.mov",
    "three frames, each shown for 5 years",
    seen("too_long"),
    lambda: movie(tables={b"stts": u32(0, 1, 3, 2**31 - 1)}, length=_MOST),
)

# Streams

mp4.bytes(
    "1000-streams.mov",
    "1,000 tracks",
    refused("too_many_streams"),
    lambda: movie(streams=1000),
    default=refused("too_many_streams"),
)
mp4.bytes(
    "cover-bomb.mov",
    "a cover of 2,500 million pixels and no video",
    refused("unsupported", "corrupt", "too_many_pixels"),
    lambda: FTYP + box(b"moov", full(b"mvhd", u32(0, 0, 25, 3, 1 << 16) + bytes(80)), cover()),
)
mp4.bytes(
    "cover-beside.mov",
    "a cover of 2,500 million pixels beside a video",
    lenient("corrupt", "too_many_pixels"),
    lambda: movie(extra=cover()),
)


def cover() -> bytes:
    """A picture as MP4 keeps the cover of an album."""
    picture = png(50_000, 50_000, deflated(10_000_000), depth=1)
    item = box(b"covr", box(b"data", u32(14, 0), picture))
    return box(
        b"udta", full(b"meta", full(b"hdlr", bytes(4), b"mdirappl", bytes(9)), box(b"ilst", item))
    )


mp4.bytes(
    "tags.mov",
    "200,000 tags",
    lenient("corrupt"),
    lambda: movie(
        extra=box(
            b"udta",
            full(
                b"meta",
                full(b"hdlr", bytes(4), b"mdirappl", bytes(9)),
                box(b"ilst", box(b"\xa9nam", box(b"data", u32(1, 0), b"a")) * 200_000),
            ),
        )
    ),
)
mp4.bytes(
    "keys.mov",
    "4,294,967,295 names of tags in 20 bytes",
    either("corrupt"),
    lambda: movie(
        extra=full(
            b"meta",
            full(b"hdlr", bytes(4), b"mdta", bytes(13)),
            full(b"keys", u32(_MOST), box(b"mdta", b"a")),
            box(b"ilst", box(u32(1), box(b"data", u32(1, 0), b"a"))),
        )
    ),
)
mp4.bytes(
    "id3.mov",
    "ID3 of 256 MB in a box of 30 bytes",
    lenient("corrupt"),
    lambda: movie(
        extra=full(
            b"meta",
            full(b"hdlr", bytes(4), b"ID32", bytes(13)),
            full(b"ID32", b"\x15\xc7ID3\4\0\0\x7f\x7f\x7f\x7fAPIC\x7f\x7f\x7f\x7f"),
        )
    ),
)

# Sizes of boxes


def nested(kind: bytes, depth: int) -> bytes:
    """A box in a box in a box."""
    return b"".join(u32(8 * (depth - i)) + kind for i in range(depth))


_tail = h264()
for _name, _about, _data in (
    ("zero", "a box that goes to the end of the file", FTYP + box(b"free", size=0) + _tail),
    (
        "one",
        "a box of 64-bit size, which is 2^63",
        FTYP + box(b"free", u32(2**31, 0), size=1) + _tail,
    ),
    (
        "one-small",
        "a box of 64-bit size, which is 3",
        FTYP + box(b"free", u32(0, 3), size=1) + _tail,
    ),
    ("small", "a box of 4 bytes, of which 8 are its header", FTYP + box(b"free", size=4) + _tail),
    ("largest", "a box of 4 GiB", FTYP + box(b"moov", size=_MOST) + _tail),
):
    mp4.bytes(
        f"box-{_name}.mp4",
        _about,
        either("corrupt", "truncated", "unsupported", "no_frames"),
        functools.partial(bytes, _data),
    )
mp4.bytes(
    "box-beyond.mov",
    "a box that is longer than the one around it",
    lenient("corrupt", "truncated"),
    lambda: movie(extra=box(b"udta", box(b"meta", bytes(8), size=10_000))),
)
for _kind in (b"moov", b"trak", b"udta", b"meta", b"wave"):
    mp4.bytes(
        f"nested-{_kind.decode()}.mov",
        f"100,000 {_kind.decode()} in each other",
        either("corrupt", "unsupported", "truncated", "no_frames"),
        functools.partial(
            lambda kind: (
                FTYP + nested(kind, 100_000)
                if kind == b"moov"
                else movie(extra=nested(kind, 100_000))
            ),
            _kind,
        ),
    )
mp4.bytes(
    "fragments.mp4",
    "100,000 fragments without a frame",
    either("corrupt", "truncated", "no_frames", "unsupported"),
    lambda: (
        movie() + box(b"moof", full(b"mfhd", u32(1)), box(b"traf", full(b"tfhd", u32(1)))) * 100_000
    ),
)
mp4.bytes(
    "fragment-samples.mp4",
    "a fragment that claims 4,294,967,295 samples of no bytes",
    either("corrupt", "truncated", "out_of_memory", "too_many_frames"),
    lambda: (
        movie(extra=box(b"mvex", full(b"trex", u32(1, 1, 1, 0, 0))))
        + box(
            b"moof",
            full(b"mfhd", u32(1)),
            box(b"traf", full(b"tfhd", u32(1), flags=0x20000), full(b"trun", u32(_MOST), flags=0)),
        )
    ),
)
mp4.bytes(
    "squeezed.mov",
    "a moov (cmov) that becomes 1 GiB",
    refused("corrupt", "unsupported", "truncated", "out_of_memory"),
    lambda: (
        FTYP
        + box(
            b"moov",
            box(
                b"cmov",
                box(b"dcom", b"zlib"),
                box(b"cmvd", struct.pack(">I", 1 << 30), deflated(30_000_000)),
            ),
        )
    ),
)
