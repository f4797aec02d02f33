"""One item, held against known content: hashed, matched, and looked at again where it met.

Or where somebody who looks on wants to see more of it: one second look serves both.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate import hashing
from tidegate.evidence import Cause, FrameHash, Kind, Match, MediaInfo, Span, Unknown, View
from tidegate.hashing import Preset
from tidegate.matching import Matcher, Session, rank
from tidegate.media import Frame, MediaError, Reader, Reading, Sampling, Source

FINE = Sampling(gap=0.25)
"""How densely a video is looked at again: a second between two frames leaves the ends of a
match open, and hides what is shown for a moment."""


STOPPED: frozenset[Cause] = frozenset(
    {"deadline", "too_many_frames", "too_many_pixels", "out_of_memory", "crashed"}
)
"""Why a look ends before the video does, and a denser one sooner than another."""


class Seen(NamedTuple):
    """A frame that goes by.

    Attributes:
        frame: The frame; its pixels are valid only now.
        hashes: (8, 32) uint8, its PDQ in each position; ``None`` where it is too small.
        quality: PDQ quality, 0 to 100.
        parts: (8, 32) uint8 each, the hashes of the parts that can be told.
        met: Whether it met an entry more closely than the frames before it.
        again: Whether this is the second look.
        known: Returns what is known by now.
    """

    frame: Frame
    hashes: NDArray[np.uint8] | None
    quality: int
    parts: Mapping[View, NDArray[np.uint8]]
    met: bool
    again: bool
    known: "Callable[[], Held]"


class Held(NamedTuple):
    """What holding an item against the banks told.

    Attributes:
        digests: Of the bytes.
        info: What the media is, or ``None`` where that is unknown.
        frames: PDQ of each frame, of the second look where there was one.
        matches: Entries met, nearest first.
        unknowns: What could not be decoded or told.
        dense: Whether ``frames`` are those of the second look.
        decoders: Name and version of the libraries that decoded it.
        broken_off: Why the second look ended before the first, or ``None``.
    """

    digests: hashing.Digests
    info: MediaInfo | None
    frames: tuple[FrameHash, ...]
    matches: tuple[Match, ...]
    unknowns: tuple[Unknown, ...]
    dense: bool
    decoders: Mapping[str, str]
    broken_off: Cause | None = None

    @property
    def extent(self) -> tuple[Kind, float]:
        """What the item is, and its length in seconds; a picture where that is unknown."""
        return _extent(self.info)


def hold(
    source: Source,
    reader: Reader,
    matcher: Matcher,
    seen: Callable[[Seen], None],
    sampling: Sampling | None = None,
    *,
    views: Preset = "standard",
    colour: Callable[[Held], bool] = lambda known: False,
    colour_again: bool = False,
    closer: Callable[[Held], Sequence[Span]] = lambda known: (),
) -> Held:
    """Decode an item, hash it and look it up, frame by frame.

    A video of which a frame met something is looked at a second time, more densely.

    Args:
        source: The opened file.
        reader: Decodes it.
        matcher: Knows the banks.
        seen: Is shown each frame.
        sampling: Of the first look, in place of the reader's own.
        views: Which parts of each frame are looked up beside the whole.
        colour: Is told what the bytes alone have met, and returns whether ``seen`` needs the
            RGB of a video's frames; hashing does not.
        colour_again: Whether it needs the RGB of a second look that is for matches alone.
        closer: Is told what the first look at a video found, and returns the stretches that
            ``seen`` wants to be shown more densely, in RGB: ascending, at least the gap of
            :data:`FINE` apart. Nothing is lost where that cannot be done.
    """
    sampling = sampling or reader.sampling
    digests = hashing.digests(source.file, source.size)
    look = _Look(matcher.session(), digests, seen, views, again=False)
    reading = reader.read(source, sampling, colour=colour(look.before))
    look.at(reading)
    held = look.told(reading)
    if held.extent[0] == "video" and sampling.gap > FINE.gap:
        spans = () if STOPPED & {unknown.cause for unknown in held.unknowns} else closer(held)
        # A single frame that met is no match yet; the frames around it tell.
        if look.session.met:
            wanted = colour_again or bool(spans)
            again = reader.read(source, FINE, colour=wanted, until=reading.until)
            held = _again(held, again, _Look(matcher.session(), digests, seen, views, again=True))
        elif spans:
            within = msgspec.structs.replace(FINE, within=tuple(spans))
            again = reader.read(source, within, until=reading.until)
            for frame in again:
                seen(Seen(frame, None, 0, {}, met=False, again=True, known=lambda: held))
            held = held._replace(broken_off=next(iter(_stopped(again)), None))
    if changed := source.changed():
        held = held._replace(unknowns=(*held.unknowns, changed))
    return held


def _again(held: Held, reading: Reading, closer: "_Look") -> Held:
    """Look a second time, at all of a video that met something."""
    closer.at(reading)
    found = closer.session.finish(*held.extent)
    if stopped := _stopped(reading):
        # What it got to see adds to the first look, and takes nothing from it.
        told = {unknown.cause for unknown in held.unknowns}
        lost = [unknown for cause, unknown in stopped.items() if cause not in told]
        return held._replace(
            matches=_joined(held.matches, found),
            unknowns=(*held.unknowns, *lost),
            broken_off=next(iter(stopped)),
        )
    if not found:
        return held
    return held._replace(
        frames=tuple(closer.hashes), matches=_joined(found, held.matches), dense=True
    )


def _stopped(reading: Reading) -> Mapping[Cause, Unknown]:
    """Return why a look ended before the video did."""
    return {u.cause: u for u in reading.unknowns if u.cause in STOPPED}


def unread(error: MediaError | OSError) -> Unknown:
    """Return what is unknown of a file because it could not be opened."""
    if isinstance(error, MediaError):
        return error.unknown
    return Unknown(stage="media", cause="unreadable", detail=f"cannot be read: {error.strerror}")


def _joined(matches: tuple[Match, ...], more: tuple[Match, ...]) -> tuple[Match, ...]:
    """Add the matches of entries that are not among the others, nearest first."""
    told = {(match.bank, match.entry) for match in matches}
    new = [match for match in more if (match.bank, match.entry) not in told]
    return tuple(sorted((*matches, *new), key=rank))


class _Look:
    """One look at the frames of an item."""

    def __init__(
        self,
        session: Session,
        digests: hashing.Digests,
        seen: Callable[[Seen], None],
        views: Preset,
        *,
        again: bool,
    ) -> None:
        session.exact(digests.sha256, digests.md5)
        self.session = session
        self._digests = digests
        self.hashes: list[FrameHash] = []
        self.too_small: Unknown | None = None
        self.usable = False
        self._seen = seen
        self._views = hashing.PRESETS[views]
        self._again = again

    @property
    def before(self) -> Held:
        """What is known before anything is decoded."""
        return Held(self._digests, None, (), self.session.finish("image", 0.0), (), False, {})

    def told(self, reading: Reading) -> Held:
        """Return what is known by now."""
        unknowns = list(reading.unknowns)
        if self.too_small is not None:
            unknowns.append(self.too_small)
        if self.hashes and not self.usable:
            unknowns.append(_too_flat(max(h.quality for h in self.hashes)))
        return Held(
            self._digests,
            reading.info,
            tuple(self.hashes),
            self.session.finish(*_extent(reading.info)),
            tuple(unknowns),
            dense=False,
            decoders=reading.decoders,
        )

    def at(self, reading: Reading) -> None:
        def known() -> Held:
            return self.told(reading)

        for frame in reading:
            height, width = frame.picture.shape[:2]
            if min(height, width) < hashing.MIN_SIDE:
                self.too_small = too_small(width, height)
                self._seen(Seen(frame, None, 0, {}, met=False, again=self._again, known=known))
                continue
            turned, quality = hashing.dihedral(frame.picture, limited=frame.limited)
            pdq = turned[0].tobytes().hex()
            self.hashes.append(FrameHash(second=frame.second, pdq=pdq, quality=quality))
            parts = parts_of(frame, self._views)
            self.usable |= quality >= hashing.MIN_QUALITY or bool(parts)
            met = self.session.add(frame.second, turned, quality, parts)
            self._seen(Seen(frame, turned, quality, parts, met, self._again, known))


def parts_of(frame: Frame, wanted: Collection[View]) -> dict[View, NDArray[np.uint8]]:
    """Return (8, 32) hashes of each part of a frame but the whole, where it can be told."""
    parts: dict[View, NDArray[np.uint8]] = {}
    for view, part in hashing.parts(frame.picture, wanted):
        turned, quality = hashing.dihedral(part, limited=frame.limited)
        if quality >= hashing.MIN_QUALITY:
            parts[view] = turned
    return parts


def _extent(info: MediaInfo | None) -> tuple[Kind, float]:
    return ("image", 0.0) if info is None else (info.kind, info.duration)


def too_small(width: int, height: int) -> Unknown:
    """Return what is unknown because a picture has a side too short to tell anything."""
    return Unknown(
        stage="media",
        cause="too_small",
        detail=f"{width}×{height} pixels: under {hashing.MIN_SIDE} on a side nothing can be told",
    )


def _too_flat(quality: int) -> Unknown:
    return Unknown(
        stage="matching",
        cause="too_flat",
        detail=f"PDQ quality {quality} of 100: under {hashing.MIN_QUALITY} a picture is too flat "
        "to be matched",
    )
