"""``/v1/banks``: known content, what it has caused, and what it would cause.

The database is changed first, and the banks that are searched follow before the answer is given:
what was withdrawn matches nothing any more when the request is done, in this process and in those
that share its data folder. Those of other machines follow within a second.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path as FilePath
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from tidegate.matching import BankError, Entry
from tidegate.matching.bankfile import Header, entries_of
from tidegate.service import alarms, entries, undo
from tidegate.service.auth import Principal, needs
from tidegate.service.bankviews import (
    About,
    BankChange,
    BankDetail,
    BankList,
    BankView,
    CausedPage,
    CausedView,
    EntryPage,
    EntryView,
    Imported,
    NewBank,
    NewEntry,
    State,
    StateChange,
    Trial,
    TrialView,
    UndoView,
)
from tidegate.service.dryrun import dry_run
from tidegate.service.fetch_error import FetchError
from tidegate.service.forms import body, form, short
from tidegate.service.hasher import Unreadable
from tidegate.service.problems import (
    BadRequest,
    Conflict,
    Fault,
    Invalid,
    NotFound,
    TooLarge,
    UnsupportedType,
    problem_responses,
)
from tidegate.service.replica import Near, described
from tidegate.service.shape import After, Limit, Reason, Shape, Why
from tidegate.service.state import Service, service
from tidegate.store import banks, clock, jobs
from tidegate.store.clock import DAY
from tidegate.store.error import MissingError

router = APIRouter(prefix="/v1/banks", tags=["banks"])

BATCH = 2000
"""Entries that are added, or exported, in one transaction: others write in between."""

T = TypeVar("T")
M = TypeVar("M", bound=Shape)

At = Annotated[Service, Depends(service)]
Reads = Annotated[Principal, needs("banks.read")]
Writes = Annotated[Principal, needs("banks.write")]
Name = Annotated[
    str, Path(description="Name of the bank.", max_length=64, examples=["press-photos"])
]
Id = Annotated[str, Path(description="Id of the entry.", max_length=200, examples=["17"])]

_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "A picture or a video."},
        "entry": {
            "type": "string",
            "description": "JSON with category, note, provenance and reason.",
        },
    },
}
_ENTRY_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": NewEntry.model_json_schema(),
            "example": {"pdq": ["d8f8f0cee0f4a84f0637022a078f67f0" * 2], "note": "ticket 77"},
        },
        "multipart/form-data": {"schema": _FORM, "example": {"file": "(bytes)"}},
    },
}
_LIST_BODY = {
    "required": True,
    "content": {
        "application/octet-stream": {
            "schema": {"type": "string", "format": "binary"},
            "example": "pdq d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22",
        }
    },
}


@router.post(
    "", status_code=201, summary="Make a bank", responses=problem_responses(Conflict, Invalid)
)
def create(wanted: NewBank, at: At, who: Writes) -> BankView:
    """The name of a deleted bank may be used again; its entries do not come back."""
    bank = wanted.made()
    with at.store.write() as connection:
        made = banks.create(connection, bank, actor=who.actor, reason=wanted.reason, now=at.clock())
    at.replica.poke()
    return BankView.of(made)


@router.get("", summary="List banks")
def list_banks(at: At, who: Reads) -> BankList:
    """All of them, by name."""
    with at.store.read() as connection:
        found = banks.listed(connection)
    return BankList(banks=tuple(map(BankView.of, found)))


@router.get("/{bank}", summary="Show a bank", responses=problem_responses(NotFound))
def show(bank: Name, at: At, who: Reads) -> BankDetail:
    """With how many entries it has."""
    with at.store.read() as connection:
        return BankDetail.counted(banks.need(connection, bank), banks.counts(connection, bank))


@router.patch(
    "/{bank}", summary="Change a bank", responses=problem_responses(NotFound, Conflict, Invalid)
)
def change(bank: Name, wanted: BankChange, at: At, who: Writes) -> BankView:
    """In force at once. What is not given stays as it is; so does the name."""
    with at.store.write() as connection:
        made = banks.change(
            connection,
            wanted.applied(banks.need(connection, bank)),
            version=wanted.version,
            actor=who.actor,
            reason=wanted.reason,
            now=at.clock(),
        )
    at.replica.poke()
    return BankView.of(made)


@router.delete(
    "/{bank}", status_code=204, summary="Delete a bank", responses=problem_responses(NotFound)
)
def delete(
    bank: Name,
    at: At,
    who: Writes,
    reason: Annotated[
        str, Query(description="Why, for the audit chain.", max_length=2000, examples=["expired"])
    ] = "",
) -> None:
    """Nothing is held against it any more. What it has caused stays in the record."""
    with at.store.write() as connection:
        banks.delete(connection, bank, actor=who.actor, reason=reason, now=at.clock())
    at.replica.poke()


@router.get(
    "/{bank}/entries", summary="List or search entries", responses=problem_responses(NotFound)
)
async def list_entries(
    bank: Name,
    at: At,
    who: Reads,
    state: Annotated[State | None, Query(description="How they stand.")] = None,
    category: Annotated[
        str | None, Query(description="Their own category.", max_length=100)
    ] = None,
    note: Annotated[
        str | None, Query(description="What their note holds.", min_length=1, max_length=200)
    ] = None,
    hash: Annotated[
        str | None,
        Query(
            description="A PDQ, a SHA-256 or an MD5: the active entries that it meets, the "
            "nearest first. It goes with no other filter.",
            pattern="^([0-9a-fA-F]{32}|(sha256:|pdq:)?[0-9a-fA-F]{64})$",
        ),
    ] = None,
    distance: Annotated[
        int | None, Query(ge=0, le=64, description="Bits, in place of what the bank says.")
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> EntryPage:
    """Those that were changed last come first.

    64 digits are looked for as a PDQ and as a SHA-256, unless `pdq:` or `sha256:` is before them.
    """
    if hash is not None:
        return await run_in_threadpool(_met, at, bank, hash.lower(), distance, limit)

    def search() -> EntryPage:
        with at.store.read() as connection:
            banks.need(connection, bank)
            found = banks.search(
                connection,
                bank,
                limit=limit + 1,
                before=_revision(after),
                state=state,
                category=category,
                note=note,
            )
        following = str(found[limit - 1].revision) if len(found) > limit else None
        return EntryPage(entries=tuple(map(EntryView.of, found[:limit])), next=following)

    if (state, category, note) == (None, None, None):
        return await run_in_threadpool(search)
    # No index knows these: of a large bank every entry is read.
    return await at.slow.run(search)


@router.post(
    "/{bank}/entries",
    status_code=201,
    summary="Add an entry",
    response_model=EntryView,
    openapi_extra={"requestBody": _ENTRY_BODY},
    responses=problem_responses(BadRequest, NotFound, Conflict, TooLarge, UnsupportedType, Invalid),
)
async def add(request: Request, bank: Name, at: At, who: Writes) -> EntryView:
    """A form with a `file`, or JSON with hashes or a `url`. The media itself is not kept.

    Where the bank holds the same content already, that entry is the answer; where it was
    withdrawn, that is a conflict: it does not come back.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with form(request, at.hasher) as sent:
            if len(sent.files) != 1 or sent.files[0].field != "file":
                raise Invalid(errors=[Fault(pointer="/body/file", detail="is missing")])
            about = _read(About, sent.fields.get("entry", "{}").encode())
            _, name, path = sent.files[0]
            return await at.slow.run(add_file, at, who, bank, path, name or "upload", about)
    if kind != "application/json":
        raise UnsupportedType("an entry is a multipart/form-data form or application/json")
    new = await run_in_threadpool(_read, NewEntry, await short(request))
    return await at.slow.run(add_given, at, who, bank, new)


@router.get(
    "/{bank}/entries/{entry}", summary="Show an entry", responses=problem_responses(NotFound)
)
def show_entry(bank: Name, entry: Id, at: At, who: Reads) -> EntryView:
    """Whatever its state."""
    with at.store.read() as connection:
        banks.need(connection, bank)
        return EntryView.of(_one(banks.named(connection, bank, [entry]), bank, entry))


@router.post(
    "/{bank}/entries/state",
    summary="Disable, enable or withdraw entries",
    responses=problem_responses(NotFound, Conflict, Invalid),
)
def set_state(bank: Name, wanted: StateChange, at: At, who: Writes) -> EntryPage:
    """All of them, or none; in force at once. What is withdrawn never matches again."""
    if wanted.until is not None and wanted.state != "disabled":
        raise Invalid(errors=[Fault(pointer="/body/until", detail="only goes with disabled")])
    until = None if wanted.until is None else wanted.until.isoformat()
    with at.store.write() as connection:
        banks.set_state(
            connection,
            bank,
            wanted.ids,
            wanted.state,
            disabled_until=until,
            actor=who.actor,
            reason=wanted.reason,
            now=at.clock(),
        )
        alarms.entries(connection, bank, wanted.ids, by=who.actor, new=False, now=at.clock())
        changed = banks.named(connection, bank, wanted.ids)
    at.replica.poke()
    return EntryPage(entries=tuple(map(EntryView.of, changed)), next=None)


@router.post(
    "/{bank}/import",
    summary="Add a list",
    openapi_extra={"requestBody": _LIST_BODY},
    responses=problem_responses(NotFound, TooLarge, Invalid),
)
async def import_list(
    request: Request,
    bank: Name,
    at: At,
    who: Writes,
    source: Annotated[
        str, Query(description="What the list is called.", max_length=200, examples=["shared.csv"])
    ] = "",
    reason: Reason = "",
) -> Imported:
    """The body is a hash list as text, CSV or JSON Lines, or a bank as it is exported.

    All of it is read before anything is added: a list that is wrong in one line adds nothing.
    What the bank holds already is left out, so a list may be sent again after a failure.
    """
    async with body(request, at.hasher) as path:
        return await at.slow.run(import_file, at, who, bank, path, source, reason)


@router.get(
    "/{bank}/export",
    summary="Export a bank",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "JSON Lines: the bank, then an entry a line, each with its state.",
            "content": {"application/jsonl": {"schema": {"type": "string"}, "example": "{}"}},
        },
        **problem_responses(NotFound),
    },
)
def export(bank: Name, at: At, who: Reads) -> StreamingResponse:
    """As `tidegate bank` reads it, and the import above."""
    with at.store.read() as connection:
        found = banks.need(connection, bank)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", bank)
    headers = {"Content-Disposition": f'attachment; filename="{name}.bank"'}
    return StreamingResponse(_lines(at, found), media_type="application/jsonl", headers=headers)


@router.get(
    "/{bank}/entries/{entry}/decisions",
    summary="Which decisions an entry caused",
    responses=problem_responses(NotFound),
)
def caused(
    bank: Name, entry: Id, at: At, who: Reads, after: After = None, limit: Limit = 50
) -> CausedPage:
    """Where a rule fired by a match with it, and was not overruled. The oldest first."""
    with at.store.read() as connection:
        _one(banks.named(connection, bank, [entry]), bank, entry)
        found = banks.caused(connection, bank, entry, limit=limit + 1, after=after or "")
    return CausedPage(
        decisions=tuple(CausedView(**_caused(each)) for each in found[:limit]),
        next=found[limit - 1].decision if len(found) > limit else None,
    )


@router.post(
    "/{bank}/entries/{entry}/undo",
    status_code=202,
    summary="Undo all that an entry caused",
    responses=problem_responses(NotFound, Conflict),
)
def begin_undo(bank: Name, entry: Id, why: Why, at: At, who: Writes) -> UndoView:
    """Every item is decided anew as if it had never met the entry, with alarms and audit.

    The entry has to be disabled or withdrawn before. What a person has decided since stays.
    """
    with at.store.write() as connection:
        job = undo.begin(
            connection, bank, entry, actor=who.actor, reason=why.reason, now=at.clock()
        )
    return UndoView(job=job, state="ready", error=None)


@router.get(
    "/{bank}/undo/{job}", summary="How far an undo is", responses=problem_responses(NotFound)
)
def show_undo(
    bank: Name,
    job: Annotated[
        str,
        Path(
            description="Its job.",
            max_length=36,
            examples=["0199c0de-0000-7000-8000-000000000004"],
        ),
    ],
    at: At,
    who: Reads,
) -> UndoView:
    """Done is what is done: its items are decided, or will be judged again."""
    with at.store.read() as connection:
        found = jobs.get(connection, job)
    if found is None or found.kind != undo.KIND or found.payload["bank"] != bank:
        raise NotFound("there is no such undo")
    return UndoView(job=job, state=found.state, error=found.error)


@router.post(
    "/{bank}/dry-run",
    summary="What an entry would have met",
    responses=problem_responses(NotFound, Invalid),
)
async def try_out(bank: Name, wanted: Trial, at: At, who: Reads) -> TrialView:
    """Held against the recorded hashes of the last days, before it goes live. Changes nothing."""
    return await at.slow.run(tried, at, bank, wanted)


def _met(at: Service, bank: str, hash: str, distance: int | None, limit: int) -> EntryPage:
    with at.store.read() as connection:
        banks.need(connection, bank)
        met = list(islice(_meeting(at, bank, hash, distance), limit))
        rows = {r.id: r for r in banks.named(connection, bank, [m.entry.id for m in met])}
    shown = [EntryView.of(rows[m.entry.id], m.distance) for m in met if m.entry.id in rows]
    return EntryPage(entries=tuple(shown), next=None)


def tried(at: Service, bank: str, wanted: Trial) -> TrialView:
    """Hold an entry against the recorded hashes of the last days.

    Raises:
        MissingError: There is no such bank or entry.
        Invalid: There is neither an entry nor a hash.
    """
    with at.store.read() as connection:
        held = banks.need(connection, bank)
        if wanted.entry is None:
            entry = wanted.made()
        else:
            entry = entries.read(
                _one(banks.named(connection, bank, [wanted.entry]), bank, wanted.entry)
            )
    told = dry_run(
        at.store,
        entry,
        since=at.clock() - round(wanted.days * DAY),
        distance=held.max_distance if wanted.distance is None else wanted.distance,
    )
    return TrialView.of(told)


def enrolled(
    at: Service,
    bank: str,
    entry: Entry,
    *,
    actor: str,
    reason: str,
    source: str = "",
    item: str | None = None,
) -> banks.Added:
    """Add an entry to a bank, and have the bank follow.

    Args:
        at: The service.
        bank: The name of the bank.
        entry: The entry.
        actor: Who adds it.
        reason: Why.
        source: Where it comes from, for the audit chain.
        item: Id of the item that it was made of, or ``None``.

    Raises:
        MissingError: There is no such bank.
        Conflict: It was withdrawn.
    """
    with at.store.write() as connection:
        (added,) = banks.add(
            connection,
            bank,
            [msgspec.structs.replace(entries.new(entry), item=item)],
            actor=actor,
            reason=reason,
            now=at.clock(),
            source=source,
        )
        if added.new:
            alarms.entries(connection, bank, [added.id], by=actor, new=True, now=at.clock())
    if added.state == "withdrawn":
        raise Conflict(
            f"the same content was withdrawn, as entry {added.id}: it does not come back"
        )
    at.replica.poke()
    return added


def add_file(
    at: Service, who: Principal, bank: str, path: FilePath, name: str, about: About
) -> EntryView:
    """Hash a file, and add an entry of it.

    Raises:
        Invalid: Nothing of it can be read as media, or what is said of it is not right.
        Conflict: The same content was withdrawn.
    """
    return _add(at, who, bank, _hashed(at, path, about, name), about)


def add_given(at: Service, who: Principal, bank: str, new: NewEntry) -> EntryView:
    """Add an entry of the hashes, or of the URL, that are given.

    Raises:
        Invalid: There is neither, both, or what the URL names cannot be had or read.
        Conflict: The same content was withdrawn.
    """
    if new.url is None:
        given = new.made(category=new.category, note=new.note, provenance=new.provenance)
        return _add(at, who, bank, given, new)
    if new.sha256 or new.md5 or new.pdq:
        raise Invalid(errors=[Fault(pointer="/body/url", detail="goes with no hashes")])
    try:
        with at.hasher.fetched(new.url) as (path, _):
            wanted = _hashed(at, path, new, new.url)
    except FetchError as error:
        raise Invalid(errors=[Fault(pointer="/body/url", detail=str(error))]) from None
    return _add(at, who, bank, wanted, new)


def _hashed(at: Service, path: FilePath, about: About, name: str) -> Entry:
    """Hash a file into an entry."""
    try:
        return at.hasher.entry(
            path,
            category=about.category,
            note=about.note,
            provenance=about.provenance or name,
        )
    except Unreadable as error:
        raise Invalid(errors=[Fault(pointer="/body/file", detail=str(error)[:500])]) from None
    except BankError as error:
        raise Invalid(errors=[Fault(pointer="/body/category", detail=str(error)[:200])]) from None


def _add(at: Service, who: Principal, bank: str, entry: Entry, about: About) -> EntryView:
    entry = msgspec.structs.replace(entry, state=about.state)
    added = enrolled(at, bank, entry, actor=who.actor, reason=about.reason)
    with at.store.read() as connection:
        return EntryView.of(_one(banks.named(connection, bank, [added.id]), bank, added.id))


def import_file(
    at: Service, who: Principal, bank: str, path: FilePath, source: str, reason: str
) -> Imported:
    """Add the entries of a list, or of a bank.

    Raises:
        MissingError: There is no such bank.
        Invalid: The list is wrong in one line; nothing is added.
    """
    with at.store.read() as connection:
        held = banks.need(connection, bank)
    try:
        read = sum(len(batch) for batch in _batches(_listed(path, held)))
    except BankError as error:
        raise Invalid(errors=[Fault(pointer="/body", detail=str(error)[:500])]) from None
    added = 0
    for batch in _batches(_listed(path, held)):
        with at.store.write() as connection:
            told = banks.add(
                connection,
                bank,
                [entries.new(entry) for entry in batch],
                actor=who.actor,
                reason=reason,
                now=at.clock(),
                source=source,
            )
        added += sum(each.new for each in told)
    at.replica.poke()
    return Imported(read=read, added=added)


def _listed(path: FilePath, bank: banks.Bank) -> Iterator[Entry]:
    """Yield the entries of a list. Those of a bank of another category say theirs."""
    with entries_of(path) as (native, found, _):
        own = None if native is None or native.category == bank.category else native.category
        for entry in found:
            if own is not None and entry.category is None:
                entry = msgspec.structs.replace(entry, category=own)
            yield entry


def _lines(at: Service, bank: banks.Bank) -> Iterator[bytes]:
    """Yield the lines of a bank's file."""
    yield msgspec.json.encode(Header.of(described(bank))) + b"\n"
    after = 0
    while True:
        with at.store.read() as connection:
            page = banks.since(connection, bank.name, after, limit=BATCH)
        if not page:
            return
        yield b"".join(map(entries.line, page))
        after = page[-1].revision


def _meeting(at: Service, bank: str, hash: str, distance: int | None) -> Iterator[Near]:
    """Yield the entries of a bank that a hash meets."""
    kind, _, digits = hash.rpartition(":")
    now = at.replica.banks()
    met: list[Near] = []
    if len(digits) == 32:
        met += now.holders("md5", digits, only=(bank,))
    else:
        if kind != "pdq":
            met += now.holders("sha256", digits, only=(bank,))
        if kind != "sha256":
            met += now.near(digits, only=(bank,), distance=distance)
    seen: set[str] = set()
    for near in met:
        if near.entry.id not in seen:
            seen.add(near.entry.id)
            yield near


def _revision(after: str | None) -> int | None:
    if after is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", after):
        raise Invalid(errors=[Fault(pointer="/query/after", detail="is no cursor of this list")])
    return int(after)


def _one(found: list[banks.Entry], bank: str, entry: str) -> banks.Entry:
    if not found:
        raise MissingError(f"bank {bank} has no entry {entry:.200}")
    return found[0]


def _caused(each: banks.Caused) -> dict[str, Any]:
    return {
        "decision": each.decision,
        "item": each.item,
        "action": each.action,
        "in_force": each.in_force,
        "created_at": clock.text(each.created_at),
    }


def _read(model: type[M], text: bytes) -> M:
    """Read JSON that did not come as a body of its own."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        faults = [
            Fault(
                pointer="/body" + "".join(f"/{part}" for part in one["loc"])[:200],
                detail=str(one["msg"])[:200],
            )
            for one in error.errors(include_input=False, include_url=False)[:20]
        ]
        raise Invalid(errors=faults) from None


def _batches(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, BATCH)):
        yield batch
