"""What holding two files against each other told: the values that are written and drawn."""

from typing import Literal, NamedTuple

from tidegate.evidence import FingerprintKind, MediaInfo, Span, Transform, Unknown, Value, View
from tidegate.report.pictures import Picture

Verdict = Literal["same", "different", "unknown"]
"""``different`` is only said where both files could be seen in full."""


class Side(Value, frozen=True, kw_only=True):
    """One of the two files.

    Attributes:
        path: As it was given.
        sha256: Digest of the bytes, or ``None`` where they could not be read.
        md5: Digest of the bytes, or ``None`` where they could not be read.
        size: Bytes, or ``None`` where they could not be read.
        media: What the media is, or ``None`` where that is unknown.
        pdq: Of a still picture, 64 hexadecimal digits; else ``None``.
        quality: PDQ quality, 0 to 100, of the picture or of the best frame; ``None``
            where nothing was hashed.
        frames: Frames that were hashed.
        usable: Frames whose hash says anything.
        unknowns: What could not be decoded or told.
    """

    path: str
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    media: MediaInfo | None = None
    pdq: str | None = None
    quality: int | None = None
    frames: int = 0
    usable: int = 0
    unknowns: tuple[Unknown, ...] = ()

    @property
    def still(self) -> bool:
        """Whether it is a still picture, as far as known."""
        return self.media is not None and self.media.kind == "image"

    @property
    def duration(self) -> float:
        """Seconds; 0.0 for a still picture and where it is unknown."""
        return 0.0 if self.media is None else self.media.duration


class Nearest(Value, frozen=True, kw_only=True):
    """The two frames, one of each file, that are nearest to each other.

    Attributes:
        distance: Bits of 256 in which they differ.
        transform: How A has to be turned to be this near to B.
        view: Which part of a frame is this near: of A, or of B where A is a picture and B
            is none.
        a: Second in A; 0.0 for a still picture.
        b: Second in B; 0.0 for a still picture.
        a_pdq: PDQ of A's frame, 64 hexadecimal digits, in the position that was met.
        b_pdq: PDQ of B's frame, 64 hexadecimal digits, in the position that was met.
    """

    distance: int
    transform: Transform
    view: View = "whole"
    a: float
    b: float
    a_pdq: str
    b_pdq: str


class Piece(Value, frozen=True, kw_only=True):
    """A stretch of A that shows a stretch of B.

    Attributes:
        kind: Which fingerprint met.
        distance: Smallest distance met, in bits; 0 for exact digests.
        transform: How A has to be turned to meet B.
        view: Which part of A met, or of B where A is a picture and B is none.
        speed: Seconds of B that pass in a second of A.
        a: When in A, or ``None`` for a still picture.
        b: When in B, or ``None`` for a still picture.
    """

    kind: FingerprintKind
    distance: int
    transform: Transform = "none"
    view: View = "whole"
    speed: float = 1.0
    a: Span | None = None
    b: Span | None = None


class Comparison(Value, frozen=True, kw_only=True):
    """Two files, held against each other.

    Attributes:
        tidegate: Version of Tidegate.
        verdict: ``same`` where any of A is in B, ``different`` where none is, and
            ``unknown`` where that cannot be told.
        complete: Whether nothing was left untold: the verdict, or the pieces, could not
            become others.
        limit: Bits up to which two frames count as met.
        exact: Which digest of the bytes is the same, or ``None``.
        pieces: What met, in the order of A.
        a_share: Share of A that is in B, in [0, 1].
        b_share: Share of B that is in A, in [0, 1].
        nearest: The nearest two frames, or ``None`` where there is none to compare.
        a: The first file.
        b: The second file.
    """

    tidegate: str
    verdict: Verdict
    complete: bool
    limit: int
    exact: FingerprintKind | None
    pieces: tuple[Piece, ...]
    a_share: float
    b_share: float
    nearest: Nearest | None
    a: Side
    b: Side

    @property
    def stills(self) -> bool:
        """Whether both are still pictures."""
        return self.a.still and self.b.still


class Pair(NamedTuple):
    """Two frames to be shown side by side, for the page only.

    Attributes:
        a: Frame of A, turned so that it meets B, or ``None`` where there is none.
        b: Frame of B, or ``None`` where there is none.
        distance: Bits in which they differ, or ``None`` where one says nothing.
        piece: Place of the piece they belong to, or ``None``.
    """

    a: Picture | None
    b: Picture | None
    distance: int | None
    piece: int | None
