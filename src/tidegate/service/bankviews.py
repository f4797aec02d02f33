"""What the API says of banks and their entries, and what it is told of them."""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AwareDatetime, Field

from tidegate.evidence import Action, Role
from tidegate.matching import Bank, BankError, Entry, Frame
from tidegate.matching.bank import LARGEST_DISTANCE
from tidegate.service import dryrun, entries
from tidegate.service.entries import LONGEST_NOTE
from tidegate.service.problems import Fault, Invalid
from tidegate.service.shape import Next, Reason, Shape
from tidegate.store import banks, clock

T = TypeVar("T")

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
MD5 = "098f6bcd4621d373cade4e832627b4f6"
PDQ = "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22"
"""Of nothing in particular, for examples."""

MOST_HASHES = 1000
"""Hashes of a kind that are given at once."""

SHOWN_FRAMES = 8
"""Frames of an entry that are shown; an export has all of them."""

Digits32 = Annotated[str, Field(pattern="^[0-9a-fA-F]{32}$")]
Digits64 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Distance = Annotated[int, Field(ge=0, le=LARGEST_DISTANCE)]
Note = Annotated[str, Field(max_length=LONGEST_NOTE)]
State = Literal["active", "disabled", "withdrawn"]


class BankChange(Shape):
    """What a bank says about itself; what is not given stays as it is."""

    category: str | None = Field(
        default=None,
        description="What its entries are, unless they say so themselves: a category of the "
        "taxonomy that a bank may carry.",
        max_length=100,
        examples=["known.other"],
    )
    role: Role | None = Field(
        default=None, description="What is done with a match.", examples=["block"]
    )
    max_distance: Distance | None = Field(
        default=None, description="Bits up to which a PDQ counts as met.", examples=[31]
    )
    enabled_ratio: Share | None = Field(
        default=None,
        description="Share of the lookups by HMA's routes that ask the bank. At 0 no item is "
        "held against it either; at any more, every item is.",
        examples=[1.0],
    )
    need: Literal["either", "both"] | None = Field(
        default=None,
        description="Whether one of the shares of a video that are asked for is enough.",
        examples=["either"],
    )
    min_query_share: Share | None = Field(
        default=None, description="Least share of a video that is an entry's.", examples=[0.0]
    )
    min_entry_share: Share | None = Field(
        default=None, description="Least share of an entry that is in a video.", examples=[0.0]
    )
    source: str | None = Field(
        default=None, max_length=2000, description="Who made it.", examples=["our photo desk"]
    )
    legal_basis: str | None = Field(
        default=None,
        max_length=2000,
        description="Why it may be kept and compared.",
        examples=["licence terms, section 4"],
    )
    version: int | None = Field(
        default=None,
        description="`version` of the bank as it was looked at; a conflict where it is another.",
        examples=[1],
    )
    reason: Reason = ""

    def applied(self, bank: banks.New) -> banks.New:
        """Return the bank, changed by this.

        Raises:
            Invalid: It would be none.
        """
        rule = bank.rule
        changed = banks.New(
            name=bank.name,
            category=_else(self.category, bank.category),
            role=_else(self.role, bank.role),
            max_distance=_else(self.max_distance, bank.max_distance),
            rule=banks.Rule(
                need=_else(self.need, rule.need),
                min_query_share=_else(self.min_query_share, rule.min_query_share),
                min_entry_share=_else(self.min_entry_share, rule.min_entry_share),
                enabled_ratio=_else(self.enabled_ratio, rule.enabled_ratio),
            ),
            source=_else(self.source, bank.source),
            legal_basis=_else(self.legal_basis, bank.legal_basis),
        )
        checked(changed)
        return changed


class NewBank(BankChange):
    """A bank to make."""

    name: str = Field(
        description="Letters, digits, `.`, `_` and `-`; at most 64. It never changes.",
        max_length=64,
        examples=["press-photos"],
    )

    def made(self) -> banks.New:
        """Return the bank.

        Raises:
            Invalid: It is none.
        """
        return self.applied(banks.New(name=self.name, category="known.other", role="block"))


class BankView(Shape):
    """A bank."""

    name: str = Field(description="Its name.", examples=["press-photos"])
    category: str = Field(description="What its entries are.", examples=["known.other"])
    role: Role = Field(description="What is done with a match.", examples=["block"])
    max_distance: int = Field(description="Bits up to which a PDQ counts as met.", examples=[31])
    enabled_ratio: float = Field(description="Share of the lookups that ask it.", examples=[1.0])
    need: str = Field(description="Whether one share is enough.", examples=["either"])
    min_query_share: float = Field(description="Least share of a video.", examples=[0.0])
    min_entry_share: float = Field(description="Least share of an entry.", examples=[0.0])
    source: str = Field(description="Who made it.", examples=["our photo desk"])
    legal_basis: str = Field(description="Why it may be kept.", examples=["licence terms"])
    version: int = Field(description="One more with each change.", examples=[1])
    author: str = Field(
        description="Who made it here.", examples=["user:0199c0de-0000-7000-8000-000000000002"]
    )
    created_at: str = Field(
        description="When it was made.", examples=["2026-11-23T08:30:00.000000+00:00"]
    )

    @classmethod
    def of(cls, bank: banks.Bank) -> Self:
        """Return what is shown of a bank."""
        return cls(**_of_bank(bank))


class Counts(Shape):
    """How many entries stand how."""

    active: int = Field(description="May match.", examples=[998])
    disabled: int = Field(description="Do not match for a time.", examples=[1])
    withdrawn: int = Field(description="Never match again.", examples=[1])


class BankDetail(BankView):
    """A bank, with how many entries it has."""

    entries: Counts

    @classmethod
    def counted(cls, bank: banks.Bank, counts: banks.Counts) -> Self:
        """Return what is shown of a bank."""
        shown = Counts(active=counts.active, disabled=counts.disabled, withdrawn=counts.withdrawn)
        return cls(**_of_bank(bank), entries=shown)


class BankList(Shape):
    """All banks, by name."""

    banks: tuple[BankView, ...]


class Hashes(Shape):
    """Fingerprints of one piece of content."""

    sha256: tuple[Digits64, ...] = Field(
        default=(),
        fail_fast=True,
        max_length=MOST_HASHES,
        description="Of files.",
        examples=[[SHA256]],
    )
    md5: tuple[Digits32, ...] = Field(
        default=(),
        fail_fast=True,
        max_length=MOST_HASHES,
        description="Of files.",
        examples=[[MD5]],
    )
    pdq: tuple[Digits64, ...] = Field(
        default=(),
        fail_fast=True,
        max_length=MOST_HASHES,
        description="Of pictures.",
        examples=[[PDQ]],
    )

    def made(self, *, category: str | None = None, note: str = "", provenance: str = "") -> Entry:
        """Return an entry of these, without an id of its own yet.

        Raises:
            Invalid: There is no hash, or no such category.
        """
        try:
            return Entry(
                id="0",
                sha256=tuple(value.lower() for value in self.sha256),
                md5=tuple(value.lower() for value in self.md5),
                pdq=tuple(Frame(value.lower()) for value in self.pdq),
                category=category,
                note=note,
                provenance=provenance,
            )
        except BankError as error:
            raise Invalid(str(error).replace("entry 0", "the entry")) from None


class About(Shape):
    """What is said of an entry that is added."""

    category: str | None = Field(
        default=None,
        max_length=100,
        description="What it is; nothing: what its bank says.",
        examples=["known.other"],
    )
    note: Note = Field(default="", description="For people.", examples=["ticket 77"])
    provenance: Note = Field(default="", description="Where it comes from.", examples=["desk"])
    state: Literal["active", "disabled"] = Field(
        default="active",
        description="`disabled`: it is there to be tried out, and matches once it is enabled.",
        examples=["active"],
    )
    reason: Reason = ""


class NewEntry(About, Hashes):
    """An entry to add: its hashes, or a URL to fetch it from."""

    url: str | None = Field(
        default=None,
        max_length=4000,
        description="Where to fetch it; it is hashed, and the file is not kept.",
        examples=["https://cdn.example/a.jpg"],
    )


class EntryView(Shape):
    """An entry of a bank."""

    bank: str = Field(description="The name of its bank.", examples=["press-photos"])
    id: str = Field(description="Its id; no other entry of any bank has it.", examples=["17"])
    kind: Literal["image", "video"] = Field(description="What it is.", examples=["image"])
    category: str | None = Field(description="Null: what its bank says.", examples=[None])
    note: str = Field(description="For people.", examples=["ticket 77"])
    provenance: str = Field(description="Where it comes from.", examples=["desk"])
    sha256: tuple[str, ...] = Field(description="Digests of files.", examples=[[SHA256]])
    md5: tuple[str, ...] = Field(description="Digests of files.", examples=[[MD5]])
    pdq: tuple[str, ...] = Field(
        description=f"The first {SHOWN_FRAMES}; an export has all.", examples=[[PDQ]]
    )
    frames: int = Field(description="How many PDQs there are.", examples=[1])
    duration: float = Field(description="Seconds; 0 for a picture.", examples=[0.0])
    state: State = Field(description="How it stands.", examples=["active"])
    disabled_until: str | None = Field(description="When it matches again.", examples=[None])
    author: str = Field(
        description="Who changed it last.", examples=["user:0199c0de-0000-7000-8000-000000000002"]
    )
    reason: str = Field(description="Why.", examples=["ticket 77"])
    created_at: str = Field(
        description="When it was added.", examples=["2026-11-23T08:30:00.000000+00:00"]
    )
    changed_at: str = Field(
        description="When it was changed last.", examples=["2026-11-23T08:30:00.000000+00:00"]
    )
    distance: int | None = Field(
        default=None, description="Bits from the hash that was looked for.", examples=[None]
    )

    @classmethod
    def of(cls, row: banks.Entry, distance: int | None = None) -> Self:
        """Return what is shown of an entry."""
        entry = entries.read(row)
        return cls(
            bank=row.bank,
            id=row.id,
            kind=entry.kind,
            category=entry.category,
            note=entry.note,
            provenance=entry.provenance,
            sha256=entry.sha256,
            md5=entry.md5,
            pdq=tuple(frame.pdq for frame in entry.pdq[:SHOWN_FRAMES]),
            frames=len(entry.pdq),
            duration=entry.duration,
            state=row.state,
            disabled_until=row.disabled_until,
            author=row.author,
            reason=row.reason,
            created_at=clock.text(row.created_at),
            changed_at=clock.text(row.changed_at),
            distance=distance,
        )


class EntryPage(Shape):
    """Some entries, those that were changed last first; of a hash, the nearest first."""

    entries: tuple[EntryView, ...]
    next: Next


class Imported(Shape):
    """What became of a list."""

    read: int = Field(description="Entries that it has.", examples=[1000])
    added: int = Field(description="Those that the bank did not hold yet.", examples=[990])


class StateChange(Shape):
    """How entries are to stand from now on."""

    ids: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        fail_fast=True,
        min_length=1,
        max_length=banks.MOST_CHANGED,
        description="Which.",
        examples=[["17", "18"]],
    )
    state: State = Field(description="What was withdrawn stays so.", examples=["disabled"])
    until: AwareDatetime | None = Field(
        default=None,
        description="When a disabled entry matches again; nothing: until it is enabled.",
        examples=["2027-01-01T00:00:00Z"],
    )
    reason: Reason = ""


class CausedView(Shape):
    """A decision that an entry has caused."""

    decision: str = Field(description="Its id.", examples=["0199c0de-0000-7000-8000-000000000003"])
    item: str = Field(
        description="On which item.", examples=["0199c0de-0000-7000-8000-000000000001"]
    )
    action: Action = Field(description="What was decided.", examples=["remove"])
    in_force: bool = Field(description="Whether it is the item's decision now.", examples=[True])
    created_at: str = Field(
        description="When it was decided.", examples=["2026-11-23T08:30:00.000000+00:00"]
    )


class CausedPage(Shape):
    """Some decisions, the oldest first."""

    decisions: tuple[CausedView, ...]
    next: Next


class UndoView(Shape):
    """The undoing of all that an entry has caused."""

    job: str = Field(description="Its job.", examples=["0199c0de-0000-7000-8000-000000000004"])
    state: Literal["ready", "leased", "done", "dead"] = Field(
        description="How far it is.", examples=["ready"]
    )
    error: str | None = Field(description="Why it failed last.", examples=[None])


class Trial(Hashes):
    """What to hold against the items of the last days: hashes, or an entry that there is."""

    entry: str | None = Field(
        default=None, max_length=200, description="Id of an entry of the bank.", examples=["17"]
    )
    days: Annotated[float, Field(gt=0.0, le=3660.0)] = Field(
        default=7.0, description="How far to go back.", examples=[7.0]
    )
    distance: Distance | None = Field(
        default=None, description="Bits; nothing: what the bank says.", examples=[31]
    )


class HitView(Shape):
    """An item that an entry would have met."""

    item: str = Field(description="Its id.", examples=["0199c0de-0000-7000-8000-000000000001"])
    action: Action | None = Field(description="What is decided of it now.", examples=["allow"])
    distance: int = Field(description="Bits; 0 for a digest.", examples=[4])
    second: float | None = Field(description="When in it; null for a digest.", examples=[0.0])


class TrialView(Shape):
    """What came of it. Whole frames are compared, as they lie: an entry that is live meets more."""

    looked: int = Field(description="Items that were compared.", examples=[12000])
    unknown: int = Field(description="Items without recorded hashes.", examples=[3])
    whole: bool = Field(description="Whether these were all items of the time.", examples=[True])
    met: int = Field(description="Items that it would have met.", examples=[2])
    items: tuple[HitView, ...] = Field(
        description=f"The nearest, {dryrun.MOST_TOLD} at most.",
    )

    @classmethod
    def of(cls, told: dryrun.Told) -> Self:
        """Return what is shown of it."""
        hits = tuple(HitView(**hit._asdict()) for hit in told.hits)
        return cls(
            looked=told.looked, unknown=told.unknown, whole=told.whole, met=told.met, items=hits
        )


def checked(bank: banks.New) -> None:
    """Check that a bank is one.

    Raises:
        Invalid: It is none.
    """
    try:
        Bank(name=bank.name, category=bank.category)
    except BankError as error:
        where = "category" if "category" in str(error) else "name"
        raise Invalid(errors=[Fault(pointer=f"/body/{where}", detail=str(error)[:200])]) from None


def _of_bank(bank: banks.Bank) -> dict[str, Any]:
    return {
        "name": bank.name,
        "category": bank.category,
        "role": bank.role,
        "max_distance": bank.max_distance,
        "enabled_ratio": bank.rule.enabled_ratio,
        "need": bank.rule.need,
        "min_query_share": bank.rule.min_query_share,
        "min_entry_share": bank.rule.min_entry_share,
        "source": bank.source,
        "legal_basis": bank.legal_basis,
        "version": bank.version,
        "author": bank.author,
        "created_at": clock.text(bank.created_at),
    }


def _else(given: T | None, before: T) -> T:
    return before if given is None else given
