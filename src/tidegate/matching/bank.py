"""Banks and their entries: the known content that items are held against."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Literal, get_args

import msgspec

from tidegate.evidence import Role
from tidegate.matching.numbers import END, number_of
from tidegate.matching.rule import Need, VideoRule
from tidegate.taxonomy import bankable

MIN_QUALITY = 50
"""PDQ hashes of lower quality say nothing and never vote."""

LARGEST_DISTANCE = 64
"""Bits: beyond it, unrelated pictures begin to meet."""

EntryKind = Literal["image", "video"]

State = Literal["active", "disabled", "withdrawn"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a bank may be called: such a name is safe in files, addresses and policies."""

LONGEST_ID = 200
"""Characters of an entry's id."""

MOST_FRAMES = 600_000
"""Frames of an entry: 20 hours at eight a second. Such an entry fits a line of a bank's file."""


class BankError(ValueError):
    """A bank, an entry or a file that holds them is not what it should be."""


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """The PDQ of a still picture or of one frame of a video.

    Attributes:
        pdq: 64 lower-case hexadecimal digits.
        second: When the frame is shown; 0.0 for a still picture.
        quality: PDQ quality, 0 to 100, or ``None`` where the source does not say.
    """

    pdq: str
    second: float = 0.0
    quality: int | None = None

    @property
    def usable(self) -> bool:
        """Whether the hash says anything; an unknown quality gets the benefit of the doubt."""
        return self.quality is None or self.quality >= MIN_QUALITY


class Entry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One piece of known content, with all its fingerprints.

    Attributes:
        id: Unique within the bank, 1 to 200 printable characters.
        kind: Still picture or video. Digests meet whatever the kind.
        sha256: Digests of files that hold it, 64 lower-case hexadecimal digits each.
        md5: Digests of files that hold it, 32 lower-case hexadecimal digits each.
        pdq: Of a picture: its hashes. Of a video: its frames, seconds ascending. At most
            600,000.
        duration: Length of a video in seconds; 0.0 for a picture or where unknown.
        category: Category of this entry, or ``None`` for that of its bank.
        note: For people.
        provenance: Where the entry comes from.
        added: When it was added, ISO 8601, or empty.
        state: ``withdrawn`` for good, ``disabled`` for a time or until further notice.
        disabled_until: When a disabled entry is active again, ISO 8601 with a time zone,
            or ``None``.

    Raises:
        BankError: A field is not as described.
    """

    id: str
    kind: EntryKind = "image"
    sha256: tuple[str, ...] = ()
    md5: tuple[str, ...] = ()
    pdq: tuple[Frame, ...] = ()
    duration: float = 0.0
    category: str | None = None
    note: str = ""
    provenance: str = ""
    added: str = ""
    state: State = "active"
    disabled_until: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.id) <= LONGEST_ID or not self.id.isprintable():
            raise BankError(f"an entry's id is 1 to {LONGEST_ID} printable characters")
        _check_choice("kind", self.kind, get_args(EntryKind))
        _check_choice("state", self.state, get_args(State))
        if self.category is not None:
            _check_category(self.category)
        if not (self.sha256 or self.md5 or self.pdq):
            raise BankError(f"entry {self.id} holds no fingerprint")
        if len(self.pdq) > MOST_FRAMES:
            raise BankError(f"entry {self.id} has {len(self.pdq)} frames, more than {MOST_FRAMES}")
        for name, digits, values in (
            ("sha256", 64, self.sha256),
            ("md5", 32, self.md5),
            ("pdq", 64, [frame.pdq for frame in self.pdq]),
        ):
            for value in values:
                if not is_hex(value, digits):
                    raise BankError(f"{value[:80]!r} is no {name}: {digits} hexadecimal digits")
        seconds = [frame.second for frame in self.pdq]
        if seconds != sorted(seconds) or (seconds and not 0.0 <= seconds[0] <= seconds[-1] < 1e9):
            raise BankError(f"the frames of entry {self.id} are not in the order of their seconds")
        if not all(frame.quality is None or 0 <= frame.quality <= 100 for frame in self.pdq):
            raise BankError(f"a frame of entry {self.id} has a quality that is not 0 to 100")
        if not 0.0 <= self.duration < 1e9:
            raise BankError(f"{self.duration} seconds is no duration")
        if self.disabled_until is not None:
            moment(self.disabled_until)

    def active(self, now: datetime) -> bool:
        """Whether the entry may match.

        Args:
            now: The present, with a time zone.
        """
        if self.state == "disabled" and self.disabled_until is not None:
            return moment(self.disabled_until) <= now
        return self.state == "active"


class Bank(msgspec.Struct, frozen=True, kw_only=True):
    """A named collection of known content.

    Attributes:
        name: Letters, digits, ``.``, ``_`` and ``-``; at most 64 characters.
        category: What its entries are, unless they say so themselves; any category of
            the taxonomy but the context flags.
        role: What is done with a match; ``allow`` is for content known to be good.
        max_distance: Bits up to which a PDQ counts as met, 0 to 64.
        video_rule: How much of a video has to be met by another video.
        source: Who made it.
        legal_basis: Why it may be kept and compared.
        entries: In the order in which they were added; no id twice.

    Raises:
        BankError: A field is not as described.
    """

    name: str
    category: str = "known.other"
    role: Role = "block"
    max_distance: int = 31
    video_rule: VideoRule = VideoRule()
    source: str = ""
    legal_basis: str = ""
    entries: tuple[Entry, ...] = ()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BankError(f"{self.name[:80]!r} is no bank name: {NAME.pattern}")
        _check_category(self.category)
        _check_choice("role", self.role, get_args(Role))
        if not 0 <= self.max_distance <= LARGEST_DISTANCE:
            raise BankError(f"max_distance is 0 to {LARGEST_DISTANCE}, not {self.max_distance}")
        _check_rule(self.video_rule)
        seen: set[str] = set()
        for entry in self.entries:
            if entry.id in seen:
                raise BankError(f"bank {self.name} holds entry {entry.id} twice")
            seen.add(entry.id)


def moment(text: str) -> datetime:
    """Read an ISO 8601 time that says its time zone.

    Raises:
        BankError: It is none, or in no year from 1 to 9999 by UTC.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BankError(f"{text[:80]!r} is no ISO 8601 time") from None
    if found.tzinfo is None:
        raise BankError(f"{text[:80]!r} says no time zone")
    try:
        found.astimezone(UTC)
    except OverflowError:
        raise BankError(f"{text[:80]!r} is, by UTC, in no year from 1 to 9999") from None
    return found


def is_hex(text: str, digits: int) -> bool:
    """Whether a text is exactly this many lower-case hexadecimal digits."""
    return len(text) == digits and not text.strip("0123456789abcdef")


def add_entries(bank: Bank, entries: Iterable[Entry]) -> Bank:
    """Return the bank with more entries.

    Raises:
        BankError: An id is taken.
    """
    return msgspec.structs.replace(bank, entries=(*bank.entries, *entries))


def next_id(bank: Bank) -> str:
    """Return the next number that is free for an id; "1" where no id is a number."""
    return next(_free_ids({entry.id for entry in bank.entries}))


def merge(bank: Bank, entries: Iterable[Entry]) -> Bank:
    """Return the bank with the entries whose content it does not hold yet.

    Content is the same where all fingerprints are. An entry whose id is taken gets the
    next number for an id; one without a category of its own takes that of this bank.
    """
    held = {content(entry) for entry in bank.entries}
    taken = {entry.id for entry in bank.entries}
    added: list[Entry] = []
    free = _free_ids(taken)
    for entry in entries:
        if content(entry) in held:
            continue
        held.add(content(entry))
        if entry.id in taken:
            entry = msgspec.structs.replace(entry, id=next(free))
        taken.add(entry.id)
        added.append(entry)
    return add_entries(bank, added)


def _free_ids(taken: set[str]) -> Iterator[str]:
    """Yield numbers after the largest that is taken, then gaps; more may be taken meanwhile."""
    largest = max((number_of(entry_id) or 0 for entry_id in taken), default=0)
    return (n for n in map(str, chain(range(largest + 1, END), range(1, END))) if n not in taken)


def set_state(
    bank: Bank, ids: Iterable[str], state: State, *, disabled_until: str | None = None
) -> Bank:
    """Return the bank with the state of some entries changed.

    Args:
        bank: The bank.
        ids: Of the entries.
        state: The new state. An entry that is withdrawn stays so.
        disabled_until: When a disabled entry is active again, ISO 8601 with a time zone.

    Raises:
        BankError: There is no such entry, or it was withdrawn.
    """
    entries = {entry.id: entry for entry in bank.entries}
    for entry_id in ids:
        if entry_id not in entries:
            raise BankError(f"there is no entry {entry_id[:200]!r}")
        if entries[entry_id].state == "withdrawn" and state != "withdrawn":
            raise BankError(f"entry {entry_id!r} was withdrawn, for good")
        entries[entry_id] = msgspec.structs.replace(
            entries[entry_id], state=state, disabled_until=disabled_until
        )
    return msgspec.structs.replace(bank, entries=tuple(entries.values()))


def content(entry: Entry) -> tuple[object, ...]:
    """Return what makes two entries the same: their kind and all their fingerprints."""
    hashes = tuple((frame.second, frame.pdq) for frame in entry.pdq)
    return entry.kind, entry.sha256, entry.md5, hashes


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BankError(f"{name} is one of {', '.join(choices)}, not {value[:80]!r}")


def _check_rule(rule: VideoRule) -> None:
    _check_choice("need", rule.need, get_args(Need))
    for share in (rule.min_query_share, rule.min_entry_share):
        if not 0.0 <= share <= 1.0:
            raise BankError(f"a share is 0 to 1, not {share}")


def _check_category(name: str) -> None:
    if name not in bankable():
        raise BankError(f"{name[:80]!r} is no category that a bank may carry")
