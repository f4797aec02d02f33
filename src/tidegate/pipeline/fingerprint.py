"""From a media file to its fingerprints, without judging it."""

from typing import get_args

import msgspec

from tidegate import hashing
from tidegate.evidence import MediaInfo, Transform, Unknown, Value
from tidegate.media import MediaError, Reader, open_source
from tidegate.pipeline.find import Found, printable

TRANSFORMS: tuple[Transform, ...] = get_args(Transform)


class FramePrint(Value, frozen=True, kw_only=True):
    """The PDQ of a picture or of one frame.

    Attributes:
        second: When the frame is shown; 0.0 for a still picture.
        pdq: 64 hexadecimal digits.
        quality: PDQ quality, 0 to 100; below 50 the hash says nothing.
        rotations: PDQ of the frame turned by each transform, where asked for.
    """

    second: float
    pdq: str
    quality: int
    rotations: dict[Transform, str] | msgspec.UnsetType = msgspec.UNSET


class Fingerprint(Value, frozen=True, kw_only=True):
    """All fingerprints of one file.

    Attributes:
        path: Path as it was given or found.
        sha256: Digest of the bytes, or ``None`` where they could not be read.
        md5: Digest of the bytes, or ``None`` where they could not be read.
        size: Bytes, or ``None`` where they could not be read.
        media: What the media is, or ``None`` where that is unknown.
        frames: Of a picture one, of a video or an animation each judged frame.
        unknowns: What could not be hashed, and why.
    """

    path: str
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    media: MediaInfo | None = None
    frames: tuple[FramePrint, ...] = ()
    unknowns: tuple[Unknown, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether any of the hashes says anything."""
        return any(frame.quality >= hashing.MIN_QUALITY for frame in self.frames)


def fingerprint(found: Found, reader: Reader, *, rotations: bool = False) -> Fingerprint | None:
    """Hash one file. Bad media never raises; what is missing is among the unknowns.

    Args:
        found: The file.
        reader: Decodes it, and decides which frames of a video are hashed.
        rotations: Hash each frame in all eight positions.

    Returns:
        The fingerprints, or ``None`` for a file met in a folder that is no media.
    """
    path = printable(found.path)
    try:
        with open_source(found.path, reader.budget) as source:
            if source.format is None and not found.named:
                return None
            digests = hashing.digests(source.file)
            reading = reader.read(source)
            frames = []
            for frame in reading:
                turned, quality = hashing.dihedral(frame.rgb)
                hashes = [row.tobytes().hex() for row in turned]
                frames.append(
                    FramePrint(
                        second=frame.second,
                        pdq=hashes[0],
                        quality=quality if min(frame.rgb.shape[:2]) >= hashing.MIN_SIDE else 0,
                        rotations=dict(zip(TRANSFORMS, hashes, strict=True))
                        if rotations
                        else msgspec.UNSET,
                    )
                )
    except MediaError as error:
        return Fingerprint(path=path, unknowns=(error.unknown,))
    except OSError as error:
        detail = f"cannot be read: {error.strerror}"
        unknown = Unknown(stage="media", cause="unreadable", detail=detail)
        return Fingerprint(path=path, unknowns=(unknown,))
    return Fingerprint(
        path=path,
        sha256=digests.sha256,
        md5=digests.md5,
        size=digests.size,
        media=reading.info,
        frames=tuple(frames),
        unknowns=tuple(reading.unknowns),
    )
