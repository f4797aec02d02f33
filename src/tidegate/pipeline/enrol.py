"""From a media file to an entry of a bank."""

from typing import NamedTuple

from tidegate.matching import BankError, Entry
from tidegate.matching import Frame as EntryFrame
from tidegate.media import Reader, Sampling
from tidegate.pipeline.find import Found, printable
from tidegate.pipeline.fingerprint import fingerprint

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
        The entry, or ``None`` for a file met in a folder that is no media. A picture that
        is only partly there is stored by its digests alone, for its hash would be that of
        something else.

    Raises:
        BankError: Nothing of the file can be read as media.
    """
    made = fingerprint(found, reader)
    if made is None:
        return None
    remarks = [unknown.detail for unknown in made.unknowns]
    if made.sha256 is None or made.md5 is None or made.media is None:
        raise BankError(f"{made.path}: {'; '.join(remarks)}")
    still = made.media.kind == "image"
    frames = () if still and made.unknowns else made.frames
    if not frames or not made.usable:
        remarks.append("cannot be matched by what it shows: only the same bytes will meet it")
    entry = Entry(
        id=entry_id,
        kind="image" if still else "video",
        sha256=(made.sha256,),
        md5=(made.md5,),
        pdq=tuple(EntryFrame(f.pdq, f.second, f.quality) for f in frames),
        duration=made.media.duration,
        category=category,
        note=note or printable(found.path.name),
        provenance=made.path,
        added=added,
    )
    return Enrolled(entry, tuple(remarks))
