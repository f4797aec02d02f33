"""AVI and transport streams: indexes in a ring, tables that change, sizes that change."""

import functools
import struct

from tests.attacks.attack import Family, either, lenient, refused, seen
from tests.attacks.crafted import riff
from tests.attacks.films import SIZE, h264, jpegs, sized

streams = Family()

# AVI


def avi(
    *chunks: bytes,
    index: bytes = b"",
    more: bytes = b"",
    rate: tuple[int, int] = (1, 25),
    length: int = 3,
    format_size: int | None = None,
    count: int = 1,
) -> bytes:
    """An AVI of JPEGs: chunks of ``movi``, an old index, and what else describes the stream."""
    width, height = SIZE
    scale, speed = rate
    strh = b"vidsMJPG" + struct.pack(
        "<IHHIIIIIIiI8x", 0, 0, 0, 0, scale, speed, 0, length, 0, -1, 0
    )
    strf = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    form = riff(b"strf", strf)
    if format_size is not None:
        form = b"strf" + struct.pack("<I", format_size) + strf
    stream = riff(b"LIST", b"strl" + riff(b"strh", strh) + form + more)
    avih = struct.pack("<14I", 40_000, 0, 0, 0x10, length, 0, count, 0, width, height, 0, 0, 0, 0)
    head = riff(b"LIST", b"hdrl" + riff(b"avih", avih) + stream * count)
    movi = riff(b"LIST", b"movi" + b"".join(chunks))
    old = riff(b"idx1", index) if index else b""
    return riff(b"RIFF", b"AVI " + head + movi + old)


def frames() -> list[bytes]:
    """Three frames."""
    return [riff(b"00dc", jpeg) for jpeg in jpegs()]


def entry(at: int, size: int) -> bytes:
    """An entry of the old index; ``at`` counts from the word ``movi``."""
    return b"00dc" + struct.pack("<III", 0x10, at, size)


def ring(at: int, levels: int) -> bytes:
    """An OpenDML index of indexes whose entries all lead to byte ``at``."""
    body = struct.pack("<HBBI4s12x", 4, 0, 0, levels, b"00dc")
    return riff(b"indx", body + struct.pack("<QII", at, 64, 1) * levels)


def with_ring() -> bytes:
    """An AVI whose index of indexes is the index that it lists."""
    data = avi(*frames(), more=ring(0, 64))
    at = data.index(b"indx")
    return avi(*frames(), more=ring(at, 64))


streams.bytes(
    "plain.avi", "nothing: the clip that the others are made of", seen(), lambda: avi(*frames())
)
streams.bytes(
    "index-once.avi",
    "200,000 entries of the index that lead to the same frame",
    lenient("corrupt", "truncated", "too_many_frames", "too_long"),
    lambda: avi(*frames(), index=entry(4, len(jpegs()[0])) * 200_000, length=200_000),
)
streams.bytes(
    "index-back.avi",
    "an index that leads back and forth",
    lenient("corrupt", "truncated"),
    lambda: avi(
        *frames(),
        index=b"".join(entry(4 if i % 2 else 2**31, 2**31 - 1) for i in range(1000)),
        length=1000,
    ),
)
streams.bytes(
    "index-ring.avi",
    "an index of indexes that lists itself, 64 times",
    lenient("corrupt", "truncated"),
    with_ring,
)
streams.bytes(
    "length.avi",
    "three frames that claim to be 4,294,967,295",
    seen("truncated"),
    lambda: avi(*frames(), length=2**32 - 1),
)
for _name, _rate in (("no-scale", (0, 25)), ("no-rate", (1, 0)), ("slow", (2**31 - 1, 1))):
    streams.bytes(
        f"{_name}.avi",
        f"frames of {_rate[0]}/{_rate[1]} seconds",
        lenient("corrupt", "truncated", "too_long"),
        functools.partial(lambda rate: avi(*frames(), rate=rate), _rate),
    )
streams.bytes(
    "format.avi",
    "a description of the format that claims 4 GiB",
    either("corrupt", "truncated", "unsupported", "no_frames"),
    lambda: avi(*frames(), format_size=2**32 - 1),
)
streams.bytes(
    "1000-streams.avi",
    "1,000 streams",
    either("too_many_streams", "corrupt", "unsupported"),
    lambda: avi(*frames(), count=1000),
    default=either("too_many_streams", "corrupt", "unsupported"),
)
streams.bytes(
    "nested.avi",
    "50,000 lists in each other",
    either("corrupt", "truncated", "unsupported", "no_frames"),
    lambda: avi(
        *frames(),
        more=b"".join(
            b"LIST" + struct.pack("<I", 12 * (50_000 - i)) + b"strl" for i in range(50_000)
        ),
    ),
)
streams.bytes(
    "junk.avi",
    "200,000 chunks of junk among the frames",
    lenient("corrupt", "truncated"),
    lambda: avi(*frames(), riff(b"JUNK") * 200_000),
)
streams.bytes(
    "empty-frames.avi",
    "200,000 frames of no bytes",
    lenient("corrupt", "truncated", "too_many_frames", "too_long"),
    lambda: avi(*frames(), riff(b"00dc") * 200_000, length=200_003),
)
streams.bytes(
    "one-pixel.avi",
    "a video of 1 x 1 pixels",
    seen(),
    lambda: sized("avi", 1, 1, 10, "ffv1"),
)

# Transport streams

_PACKET = 188


def packet(pid: int, payload: bytes, *, counter: int = 0, start: bool = True) -> bytes:
    """A packet of a transport stream, filled up behind its payload."""
    head = struct.pack(">BHB", 0x47, start << 14 | pid, 0x10 | counter & 15)
    return (head + payload).ljust(_PACKET, b"\xff")


def section(table: int, identity: int, body: bytes, version: int = 0) -> bytes:
    """A section of PSI with its checksum."""
    head = struct.pack(
        ">BHHBBB", table, 0xB000 | len(body) + 9, identity, 0xC1 | version << 1, 0, 0
    )
    return b"\0" + head + body + struct.pack(">I", _crc(head + body))


def _crc(data: bytes) -> int:
    """CRC-32/MPEG-2."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


def program(pids: list[int], version: int, *, kind: int = 0x1B) -> bytes:
    """A PMT of streams of H.264."""
    body = struct.pack(">HH", 0xE000 | 0x100, 0xF000)
    body += b"".join(struct.pack(">BHH", kind, 0xE000 | pid, 0xF000) for pid in pids)
    return section(2, 1, body, version)


def changing(count: int) -> bytes:
    """A clip after whose packets the PMT changes, each time to other streams."""
    data = h264("ts")
    packets = [data[i : i + _PACKET] for i in range(0, len(data), _PACKET)]
    tables = [
        packet(
            0x1000,
            program([0x100, *(0x200 + (5 * i + j) % 0x1000 for j in range(5))], i % 32),
            counter=i,
        )
        for i in range(count)
    ]
    return b"".join([*packets[:10], *tables, *packets[10:]])


streams.bytes(
    "plain.ts",
    "nothing: the clip that the others are made of",
    seen(),
    functools.partial(h264, "ts"),
)
streams.bytes(
    "tables.ts",
    "a PMT that changes 500 times, each time to five other streams",
    either("too_many_streams", "corrupt"),
    lambda: changing(500),
)
streams.bytes(
    "programs.ts",
    "a PAT of 40 programs again and again, whose PMTs never come",
    lenient("corrupt"),
    lambda: (
        packet(
            0, section(0, 1, b"".join(struct.pack(">HH", i, 0xE000 | i + 32) for i in range(1, 41)))
        )
        * 5000
        + h264("ts")
    ),
)
streams.bytes(
    "empty.ts",
    "50,000 packets of filling and no stream",
    refused("corrupt", "unsupported", "no_frames"),
    lambda: packet(0x1FFF, b"") * 50_000,
)
streams.bytes(
    "endless.ts",
    "a clip of a second, 200 times: time runs back again and again",
    seen("too_many_frames", "too_long", "corrupt"),
    lambda: h264("ts") * 200,
)
streams.bytes(
    "grows.ts",
    "a video that grows from 192 x 144 to 5,200 x 4,000 pixels",
    seen("too_many_pixels"),
    lambda: h264("ts") + sized("ts", 5200, 4000),
)
streams.bytes(
    "grows-within.ts",
    "a video that grows from 192 x 144 to 2,000 x 1,600 pixels and shrinks again",
    lenient("corrupt"),
    lambda: h264("ts") + sized("ts", 2000, 1600) + h264("ts"),
)
streams.bytes(
    "scrambled.ts",
    "a clip whose packets say that they are scrambled",
    either("corrupt", "unsupported", "no_frames"),
    lambda: b"".join(
        head[:3] + bytes([head[3] | 0xC0]) + head[4:]
        for head in (h264("ts")[i : i + _PACKET] for i in range(0, len(h264("ts")), _PACKET))
    ),
)
streams.bytes(
    "smallest.mkv",
    "a video of 1 x 1 pixels",
    seen(),
    lambda: sized("mkv", 1, 1, 10, "ffv1"),
)
streams.bytes(
    "one-row.mkv",
    "a video of 16,384 x 2 pixels",
    seen(),
    lambda: sized("mkv", 16_384, 2, 5, "ffv1"),
)
