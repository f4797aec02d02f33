"""From a media file to its fingerprints, without judging it."""

from collections.abc import Collection

import msgspec

from tidegate import hashing
from tidegate.evidence import TRANSFORMS, MediaInfo, Transform, Unknown, Value, View
from tidegate.hashing import Preset
from tidegate.media import Frame, MediaError, Reader, Sampling
from tidegate.pipeline.find import Found, printable
from tidegate.pipeline.known import unread
from tidegate.pipeline.opened import opened

EMPTY = "0" * 64
"""In place of the PDQ of a picture with a side too short to tell anything."""


class PartPrint(Value, frozen=True, kw_only=True):
    """The PDQ of a part of a picture.

    Attributes:
        pdq: 64 hexadecimal digits.
        quality: PDQ quality, 0 to 100; below 50 the hash says nothing.
    """

    pdq: str
    quality: int


class FramePrint(Value, frozen=True, kw_only=True):
    """The PDQ of a picture or of one frame.

    Attributes:
        second: When the frame is shown; 0.0 for a still picture.
        pdq: 64 hexadecimal digits.
        quality: PDQ quality, 0 to 100; below 50 the hash says nothing.
        rotations: PDQ of the frame turned by each transform, where asked for.
        parts: PDQ of parts of the frame, where asked for.
    """

    second: float
    pdq: str
    quality: int
    rotations: dict[Transform, str] | msgspec.UnsetType = msgspec.UNSET
    parts: dict[View, PartPrint] | msgspec.UnsetType = msgspec.UNSET


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
        return any(
            made.quality >= hashing.MIN_QUALITY
            for frame in self.frames
            for made in (frame, *(frame.parts.values() if frame.parts else ()))
        )


def fingerprint(
    found: Found,
    reader: Reader,
    sampling: Sampling | None = None,
    *,
    rotations: bool = False,
    views: Preset = "whole",
) -> Fingerprint | None:
    """Hash one file. Bad media never raises; what is missing is among the unknowns.

    Args:
        found: The file.
        reader: Decodes it.
        sampling: Which frames of a video are hashed, in place of what the reader says.
        rotations: Hash each frame in all eight positions.
        views: Which parts of a still picture are hashed beside the whole.

    Returns:
        The fingerprints, or ``None`` for a file met in a folder that is no media.
    """
    path = printable(found.path)
    try:
        with opened(found, reader.budget) as source:
            if source is None:
                return None
            digests = hashing.digests(source.file, source.size)
            reading = reader.read(source, sampling, colour=False)
            frames = []
            for frame in reading:
                made = _print(frame, rotations=rotations)
                if views != "whole" and reading.info and reading.info.kind == "image":
                    parts = _parts(frame, hashing.PRESETS[views])
                    made = msgspec.structs.replace(made, parts=parts)
                frames.append(made)
            changed = source.changed()
    except (MediaError, OSError) as error:
        return Fingerprint(path=path, unknowns=(unread(error),))
    return Fingerprint(
        path=path,
        sha256=digests.sha256,
        md5=digests.md5,
        size=digests.size,
        media=reading.info,
        frames=tuple(frames),
        unknowns=(*reading.unknowns, *([changed] if changed else ())),
    )


def _print(frame: Frame, *, rotations: bool) -> FramePrint:
    """Hash a frame."""
    turned: dict[Transform, str] | msgspec.UnsetType = msgspec.UNSET
    if min(frame.picture.shape[:2]) < hashing.MIN_SIDE:
        pdq, quality = EMPTY, 0
        if rotations:
            turned = dict.fromkeys(TRANSFORMS, EMPTY)
    elif rotations:
        hashes, quality = hashing.dihedral(frame.picture, limited=frame.limited)
        turned = dict(zip(TRANSFORMS, (row.tobytes().hex() for row in hashes), strict=True))
        pdq = turned["none"]
    else:
        found = hashing.pdq(frame.picture, limited=frame.limited)
        pdq, quality = found.hex, found.quality
    return FramePrint(second=frame.second, pdq=pdq, quality=quality, rotations=turned)


def _parts(frame: Frame, wanted: Collection[View]) -> dict[View, PartPrint]:
    """Hash parts of a frame that are large enough."""
    found = {
        view: hashing.pdq(part, limited=frame.limited)
        for view, part in hashing.parts(frame.picture, wanted)
    }
    return {view: PartPrint(pdq=pdq.hex, quality=pdq.quality) for view, pdq in found.items()}
