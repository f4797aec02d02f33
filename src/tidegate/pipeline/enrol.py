"""From a media file to an entry of a bank."""

from typing import NamedTuple

from tidegate import hashing
from tidegate.matching import BankError, Entry
from tidegate.matching.bank import Frame as EntryFrame
from tidegate.media import MediaError, Reader, Sampling, open_source
from tidegate.pipeline.find import Found, printable

SAMPLING = Sampling(gap=0.125)
"""Entries are kept at eight frames a second, whatever scans look at: a copy that was cut
between two whole seconds is met all the same."""


class Enrolled(NamedTuple):
    """An entry, and what its owner should know about it."""

    entry: Entry
    remarks: tuple[str, ...]


def enrol(
    found: Found, reader: Reader, entry_id: str, *, category: str | None, note: str, added: str
) -> Enrolled | None:
    """Hash a media file into an entry.

    Args:
        found: The file.
        reader: Decodes it; should sample as :data:`SAMPLING`.
        entry_id: Id of the new entry.
        category: Category of the entry, or ``None`` for that of its bank.
        note: For people.
        added: Now, ISO 8601.

    Returns:
        The entry, or ``None`` for a file met in a folder that is no media.

    Raises:
        BankError: Nothing of the file can be read as media.
    """
    name = printable(found.path)
    try:
        with open_source(found.path) as source:
            if source.format is None and not found.named:
                return None
            digests = hashing.digests(source.file)
            reading = reader.read(source)
            frames = [
                EntryFrame(pdq.hex, frame.second, pdq.quality)
                for frame in reading
                if min(frame.rgb.shape[:2]) >= hashing.MIN_SIDE
                for pdq in [hashing.pdq(frame.rgb)]
            ]
    except MediaError as error:
        raise BankError(f"{name}: {error.detail}") from None
    remarks = [unknown.detail for unknown in reading.unknowns]
    if reading.info is None:
        raise BankError(f"{name}: {'; '.join(remarks)}")
    if not any(frame.usable for frame in frames):
        remarks.append("too flat or too small to be matched: only the same bytes will meet it")
    entry = Entry(
        id=entry_id,
        kind="image" if reading.info.kind == "image" else "video",
        sha256=(digests.sha256,),
        md5=(digests.md5,),
        pdq=tuple(frames),
        duration=reading.info.duration,
        category=category,
        note=note or printable(found.path.name),
        provenance=name,
        added=added,
    )
    return Enrolled(entry, tuple(remarks))
