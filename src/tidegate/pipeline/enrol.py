"""From a media file to an entry of a bank."""

from collections.abc import Sequence
from typing import NamedTuple

from tidegate.evidence import FrameHash, MediaInfo, Unknown
from tidegate.hashing import MIN_QUALITY, Preset, hamming
from tidegate.matching import BankError, Entry
from tidegate.matching import Frame as EntryFrame
from tidegate.media import Reader, Sampling
from tidegate.media.pick import Picker
from tidegate.pipeline.find import Found, printable
from tidegate.pipeline.fingerprint import FramePrint, fingerprint

SAMPLING = Sampling(gap=0.125)
"""Entries are kept at eight frames a second, whatever scans look at: a copy that was cut
between two whole seconds is met all the same."""

EVERY = Sampling(gap=0.0)

STEP = 16
"""Bits from the last stored frame beyond which a frame is stored too: where much moves,
eight frames a second lie too far apart for a copy's frames to meet one of them."""


class Enrolled(NamedTuple):
    """An entry, and what its owner should know about it."""

    entry: Entry
    remarks: tuple[str, ...]


def enrol(
    found: Found,
    reader: Reader,
    entry_id: str,
    *,
    category: str | None,
    note: str,
    added: str,
    views: Preset = "standard",
) -> Enrolled | None:
    """Hash a media file into an entry.

    Args:
        found: The file.
        reader: Decodes it. Its sampling, which should be :data:`SAMPLING`, says how many
            frames of a video are stored at least.
        entry_id: Id of the new entry.
        category: Category of the entry, or ``None`` for that of its bank.
        note: For people.
        added: Now, ISO 8601.
        views: Which parts of a still picture are stored beside the whole.

    Returns:
        The entry, or ``None`` for a file met in a folder that is no media. A picture that
        is only partly there is stored by its digests alone, for its hash would be that of
        something else.

    Raises:
        BankError: Nothing of the file can be read as media, or it changed meanwhile.
    """
    made = fingerprint(found, reader, EVERY, views=views)
    if made is None:
        return None
    remarks = [unknown.detail for unknown in made.unknowns]
    if made.sha256 is None or made.md5 is None or made.media is None:
        raise BankError(f"{made.path}: {'; '.join(remarks)}")
    if changed := next((u for u in made.unknowns if u.cause == "changed"), None):
        raise BankError(f"{made.path}: {changed.detail}")
    still = made.media.kind == "image"
    frames = stored(made.media, made.frames, made.unknowns, reader.sampling)
    if still and frames:
        frames += _parts(made.frames[0])
    if not frames or not made.usable:
        remarks.append("cannot be matched by what it shows: only the same bytes will meet it")
    try:
        entry = Entry(
            id=entry_id,
            kind="image" if still else "video",
            sha256=(made.sha256,),
            md5=(made.md5,),
            pdq=frames,
            duration=made.media.duration,
            category=category,
            note=note or printable(found.path.name),
            provenance=made.path,
            added=added,
        )
    except BankError as error:
        raise BankError(f"{made.path}: {error}") from None
    return Enrolled(entry, tuple(remarks))


def stored(
    media: MediaInfo,
    frames: Sequence[FrameHash | FramePrint],
    unknowns: Sequence[Unknown],
    sampling: Sampling = SAMPLING,
) -> tuple[EntryFrame, ...]:
    """Return the frames that an entry keeps: none of a picture that is only partly there.

    Args:
        media: What it is.
        frames: All frames of a video, or those of an animation or a picture.
        unknowns: What could not be decoded.
        sampling: How many frames of a video are kept at least; more are where much moves.
    """
    if media.kind == "image" and unknowns:
        return ()
    if media.kind == "video":
        frames = _thinned(frames, sampling)
    return tuple(EntryFrame(f.pdq, f.second, f.quality) for f in frames)


def _parts(frame: FramePrint) -> tuple[EntryFrame, ...]:
    """Return the parts of a picture that say anything."""
    return tuple(
        EntryFrame(part.pdq, frame.second, part.quality)
        for part in (frame.parts.values() if frame.parts else ())
        if part.quality >= MIN_QUALITY
    )


def _thinned(
    frames: Sequence[FrameHash | FramePrint], sampling: Sampling
) -> list[FrameHash | FramePrint]:
    picker: Picker[int] = Picker(sampling)
    picked = {
        number
        for place, frame in enumerate(frames)
        for _, _, number in picker.take(frame.second, False, place)
    } | {number for _, _, number in picker.end()}
    kept: list[FrameHash | FramePrint] = []
    for place, frame in enumerate(frames):
        if place in picked or (frame.quality >= MIN_QUALITY and _far(frame, kept[-1])):
            kept.append(frame)
    return kept


def _far(frame: FrameHash | FramePrint, other: FrameHash | FramePrint) -> bool:
    return hamming(bytes.fromhex(frame.pdq), bytes.fromhex(other.pdq)) > STEP
