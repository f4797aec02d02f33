"""Matroska: lies of EBML, laces, recursion, attachments, compression."""

import functools
from collections.abc import Iterable

from tests.attacks.attack import Family, broken, either, lenient, refused, seen
from tests.attacks.crafted import deflated, ebml, number, png, u16
from tests.attacks.films import SIZE, jpegs

matroska = Family()

CLUSTER, SEGMENT = 0x1F43B675, 0x18538067
_SOUND = ebml(
    0xAE, number(0xD7, 1), number(0x73C5, 1), number(0x83, 2), ebml(0x86, b"A_PCM/INT/LIT")
)


def head() -> bytes:
    """The head that says that this is Matroska."""
    return ebml(0x1A45DFA3, ebml(0x4282, b"matroska"), number(0x4287, 4), number(0x4285, 2))


def info(*extra: bytes) -> bytes:
    """What holds for the whole segment; times are in milliseconds."""
    return ebml(0x1549A966, number(0x2AD7B1, 1_000_000), *extra)


def tracks(*described: bytes) -> bytes:
    """The tracks; a single one of JPEGs, where none is given."""
    return ebml(0x1654AE6B, *(described or [track()]))


def track(index: int = 1, *extra: bytes, size: tuple[int, int] = SIZE) -> bytes:
    """A track of JPEGs."""
    width, height = size
    return ebml(
        0xAE,
        number(0xD7, index),
        number(0x73C5, index),
        number(0x83, 1),
        ebml(0x86, b"V_MJPEG"),
        number(0x23E383, 40_000_000),
        ebml(0xE0, number(0xB0, width), number(0xBA, height)),
        *extra,
    )


def block(frame: bytes, at: int = 0, *, index: int = 1, flags: int = 0x80) -> bytes:
    """A SimpleBlock, ``at`` milliseconds after its cluster's start."""
    return ebml(0xA3, bytes([0x80 | index]) + u16(at) + bytes([flags]) + frame)


def cluster(*parts: bytes, at: int = 0, size: int | None = None) -> bytes:
    """A cluster that starts at this millisecond."""
    return ebml(CLUSTER, number(0xE7, at), *parts, size=size)


def mkv(*parts: bytes, described: Iterable[bytes] = (), size: int | None = None) -> bytes:
    """A file with these parts behind its tracks."""
    return head() + ebml(SEGMENT, info(), tracks(*described), *parts, size=size)


def frames() -> bytes:
    """Three frames in a cluster."""
    return cluster(*(block(jpeg, 40 * i) for i, jpeg in enumerate(jpegs())))


def nested(element: int, depth: int) -> bytes:
    """An element in itself, again and again, with honest sizes."""
    head = len(ebml(element))
    return b"".join(ebml(element, size=head * (depth - 1 - i)) for i in range(depth))


matroska.bytes(
    "plain.mkv", "nothing: the clip that the others are made of", seen(), lambda: mkv(frames())
)
matroska.bytes(
    "no-clusters.mkv", "tracks and no frame", refused("no_frames", "corrupt", "truncated"), mkv
)
matroska.bytes(
    "no-tracks.mkv",
    "a segment of nothing",
    refused("unsupported", "corrupt", "truncated"),
    lambda: head() + ebml(SEGMENT),
)
matroska.bytes(
    "no-segment.mkv",
    "a head of nothing",
    refused("unsupported", "corrupt", "truncated"),
    lambda: head(),
)
matroska.bytes(
    "empty-clusters.mkv",
    "200,000 clusters without a frame",
    refused("no_frames", "corrupt", "truncated"),
    lambda: mkv(cluster() * 200_000),
)
matroska.bytes(
    "unknown-sizes.mkv",
    "a segment and a cluster of unknown size, as a live stream has",
    seen(),
    lambda: mkv(cluster(*(block(j, 40 * i) for i, j in enumerate(jpegs())), size=-1), size=-1),
)
matroska.bytes(
    "unknown-everything.mkv",
    "10,000 clusters of unknown size, each in the one before",
    lenient("corrupt", "truncated"),
    lambda: mkv(frames(), cluster(size=-1) * 10_000, size=-1),
)
matroska.bytes(
    "huge-segment.mkv",
    "a segment that claims 64 PiB",
    lenient("truncated", "corrupt"),
    lambda: mkv(frames(), size=(1 << 56) - 2),
)
matroska.bytes(
    "huge-block.mkv",
    "a frame that claims 1 TiB",
    broken("truncated", "corrupt", "no_frames"),
    lambda: mkv(cluster(ebml(0xA3, b"\x81\0\0\x80" + jpegs()[0], size=1 << 40), size=-1), size=-1),
)
matroska.bytes(
    "id-of-nothing.mkv",
    "an id of eight bytes, where EBML has four",
    lenient("corrupt", "truncated"),
    lambda: mkv(frames(), b"\x01" + bytes(7) + b"\x80"),
)
matroska.bytes(
    "void.mkv",
    "300,000 voids in front of the frames",
    lenient("corrupt"),
    lambda: mkv(b"\xec\x80" * 300_000, frames()),
)
matroska.bytes(
    "lace.mkv",
    "a block that claims 256 frames of 16 TiB each",
    either("corrupt", "truncated", "no_frames"),
    lambda: mkv(
        cluster(block(b"\xff" + b"\x01" + b"\xff" * 7 + b"\x5f\xff" * 254, flags=0x86)), frames()
    ),
)
matroska.bytes(
    "laces.mkv",
    "2,000 blocks of 256 empty frames each: 512,000 packets",
    either("corrupt", "truncated", "too_many_frames", "no_frames"),
    lambda: mkv(cluster(block(b"\xff" + bytes(255), flags=0x82) * 2000), frames()),
)
for _name, _element in (
    ("tags", 0x67C8),
    ("chapters", 0xB6),
    ("clusters", CLUSTER),
    ("segments", SEGMENT),
):
    matroska.bytes(
        f"nested-{_name}.mkv",
        f"50,000 {_name} in each other",
        lenient("corrupt", "truncated", "unsupported"),
        functools.partial(
            lambda name, element: mkv(
                ebml(0x1254C367, ebml(0x7373, nested(element, 50_000)))
                if name == "tags"
                else ebml(0x1043A770, ebml(0x45B9, nested(element, 50_000)))
                if name == "chapters"
                else b"",
                frames(),
                nested(element, 50_000) if name in ("clusters", "segments") else b"",
            ),
            _name,
            _element,
        ),
    )


def attachment(data: bytes, size: int | None = None) -> bytes:
    """A file that is attached, with its true size or the one given."""
    file = ebml(
        0x61A7, ebml(0x466E, b"a.ttf"), ebml(0x4660, b"font/ttf"), ebml(0x465C, data, size=size)
    )
    return ebml(0x1941A469, file)


matroska.bytes(
    "attachment.mkv",
    "an attached file of 16 MB in front of the video",
    lenient("corrupt"),
    lambda: mkv(attachment(bytes(16 << 20)), frames()),
)
matroska.bytes(
    "attachment-lies.mkv",
    "an attached file that claims 1 TiB",
    lenient("corrupt", "truncated", "unsupported"),
    lambda: mkv(attachment(b"font", 1 << 40), frames()),
)
matroska.bytes(
    "attachments.mkv",
    "1,000 attached files, each of which is a stream to FFmpeg",
    broken("too_many_streams"),
    lambda: mkv(attachment(b"font") * 1000, frames()),
)
matroska.bytes(
    "1000-tracks.mkv",
    "1,000 tracks",
    refused("too_many_streams"),
    lambda: mkv(
        cluster(*(block(j, 40 * i) for i, j in enumerate(jpegs()))),
        described=map(track, range(1, 1001)),
    ),
    default=refused("too_many_streams"),
)
matroska.bytes(
    "cover-bomb.mkv",
    "an attached cover of 2,500 million pixels, and sound but no video",
    refused("unsupported", "corrupt", "no_frames"),
    lambda: (
        head()
        + ebml(
            SEGMENT,
            info(),
            tracks(_SOUND),
            ebml(
                0x1941A469,
                ebml(
                    0x61A7,
                    ebml(0x466E, b"cover.png"),
                    ebml(0x4660, b"image/png"),
                    ebml(0x465C, png(50_000, 50_000, deflated(10_000_000), depth=1)),
                ),
            ),
        )
    ),
)


def squeezed(algorithm: int, settings: bytes = b"") -> bytes:
    """A track whose frames are compressed as well."""
    encoding = ebml(0x5034, number(0x4254, algorithm), ebml(0x4255, settings))
    return track(1, ebml(0x6D80, ebml(0x6240, encoding)))


matroska.bytes(
    "squeezed.mkv",
    "10 frames of 20 KB that become 5 MB each",
    either("corrupt", "no_frames", "truncated"),
    lambda: mkv(
        cluster(*(block(deflated(5_000_000), 40 * i) for i in range(10))), described=[squeezed(0)]
    ),
)
matroska.bytes(
    "squeezed-bomb.mkv",
    "a frame of 400 KB that becomes 100 MB",
    either("corrupt", "no_frames", "truncated", "out_of_memory"),
    lambda: mkv(cluster(block(bomb())), described=[squeezed(0)]),
)


@functools.cache
def bomb() -> bytes:
    """A zlib stream of 100 million zeros."""
    return deflated(100_000_000)


matroska.bytes(
    "time.mkv",
    "frames at once and after 31 years",
    seen("too_long"),
    lambda: mkv(frames(), cluster(block(jpegs()[0]), at=10**12)),
)
matroska.bytes(
    "size.mkv",
    "a track that claims 100,000 x 100,000 pixels",
    either("too_many_pixels", "corrupt"),
    lambda: mkv(frames(), described=[track(size=(100_000, 100_000))]),
)
matroska.bytes(
    "endless.mkv",
    "10,000 frames that are the same picture of 700 bytes",
    seen("too_many_frames", "too_long"),
    lambda: mkv(
        *(
            cluster(*(block(jpegs((16, 16))[0], 40 * i) for i in range(100)), at=4000 * j)
            for j in range(100)
        )
    ),
)
