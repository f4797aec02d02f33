"""Banks: what is known, what an entry would meet before it is live, and what it has caused."""

import re
from collections.abc import Iterable
from typing import Annotated, cast
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import StreamingResponse

from tidegate import taxonomy
from tidegate.review import filled
from tidegate.review.filled import NONE, REFUSED, Faults, values
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.review.looks import looks
from tidegate.review.uploads import sends, sent
from tidegate.service import banks as api
from tidegate.service.auth import Principal
from tidegate.service.bankviews import (
    About,
    BankChange,
    EntryPage,
    EntryView,
    NewBank,
    NewEntry,
    State,
    StateChange,
    Trial,
    TrialView,
)
from tidegate.service.problems import BadRequest, Fault, Invalid
from tidegate.service.shape import After
from tidegate.service.state import Service
from tidegate.store import actors, banks, clock, jobs
from tidegate.store.banks import Caused
from tidegate.store.error import MissingError

router = APIRouter()

PATH = f"{HERE}/banks"

LIMIT = 50
"""Rows of a page."""

DAYS = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"))
"""How far a dry run may go back."""

PICTURES = 48
"""Pictures of a dry run: what is nearest."""

MOST_LEFT = 1000
"""Decisions of an entry that are counted while an undo goes on."""

ROLES = {
    "block": "Block: a match is acted upon",
    "review": "Review: a match goes before people",
    "allow": "Allow: a match speaks for the item",
}

STATES: dict[State, str] = {
    "active": "active",
    "disabled": "disabled",
    "withdrawn": "withdrawn",
}

TO: dict[State, str] = {
    "active": "Let it match",
    "disabled": "Disable it",
    "withdrawn": "Withdraw it for good",
}
"""What is done to an entry, as the button says."""

_HASH = re.compile("[0-9a-f]{32}|((sha256|pdq):)?[0-9a-f]{64}")

_BANK = (
    "name",
    "category",
    "role",
    "max_distance",
    "enabled_ratio",
    "need",
    "min_query_share",
    "min_entry_share",
    "source",
    "legal_basis",
    "reason",
)
_ABOUT = ("category", "note", "provenance", "state", "reason")
_ENTRY = ("by", "url", "hashes", *_ABOUT)

Reads = Annotated[Principal, visits("banks.read")]
Writes = Annotated[Principal, visits("banks.write")]
Changes = Annotated[Principal, posts("banks.write")]
Sends = Annotated[Principal, sends("banks.write")]


@router.get(PATH)
def list_banks(request: Request, at: At, who: Reads) -> Response:
    """Show all banks."""
    return render(request, at, who, "banks/list.html", banks=api.list_banks(at, who).banks)


@router.get(f"{PATH}/:new")
def new(request: Request, at: At, who: Writes) -> Response:
    """Show the form of a new bank."""
    start = {"category": "known.other", "role": "block", "max_distance": "31"}
    return _bank_form(request, at, who, values(start, _BANK))


@router.post(PATH)
def create(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Make a bank."""
    try:
        made = api.create(filled.filled(NewBank, given, *_BANK), at, who)
    except REFUSED as error:
        return _bank_form(request, at, who, values(given, _BANK), filled.faults(error))
    return go(_path(made.name), said=f"The bank {made.name} is there. Add an entry to it.")


@router.get(f"{PATH}/{{bank}}")
async def show(
    request: Request,
    bank: str,
    at: At,
    who: Reads,
    note: str = "",
    state: str = "",
    hash: str = "",
    after: After = None,
) -> Response:
    """Show a bank and its entries, all or those that are looked for."""
    asked = {"note": note.strip(), "state": state, "hash": hash.strip().lower()}
    wrong, page, standing = NONE, None, state if state in STATES else None
    try:
        if asked["hash"] and not _HASH.fullmatch(asked["hash"]):
            detail = "A hash is 32 or 64 hexadecimal digits: an MD5, a SHA-256 or a PDQ."
            raise Invalid(errors=[Fault(pointer="/query/hash", detail=detail)])
        page = await api.list_entries(
            bank,
            at,
            who,
            state=None if asked["hash"] else standing,
            note=None if asked["hash"] else asked["note"][:200] or None,
            hash=asked["hash"] or None,
            after=after,
            limit=LIMIT,
        )
    except Invalid as error:
        wrong = filled.faults(error)
    return await run_in_threadpool(_bank_page, request, at, who, bank, asked, page, wrong)


@router.get(f"{PATH}/{{bank}}/change")
def changing(request: Request, bank: str, at: At, who: Writes) -> Response:
    """Show the form of a bank."""
    found = api.show(bank, at, who)
    held = {name: _written(getattr(found, name, "")) for name in _BANK}
    return _bank_form(request, at, who, held, bank=bank, version=found.version)


@router.post(f"{PATH}/{{bank}}/change")
def change(request: Request, bank: str, at: At, who: Changes, given: Given) -> Response:
    """Change a bank."""
    version = text(given, "version")
    try:
        # What is emptied is meant to be empty.
        emptied = {name: text(given, name) for name in ("source", "legal_basis")}
        names = (*(name for name in _BANK if name not in ("name", *emptied)), "version")
        api.change(bank, filled.filled(BankChange, given, *names, **emptied), at, who)
    except REFUSED as error:
        wrong, shown = filled.faults(error), values(given, _BANK)
        return _bank_form(request, at, who, shown, wrong, bank=bank, version=version)
    return go(_path(bank), said="The bank is changed, and in force so.")


@router.get(f"{PATH}/{{bank}}/delete")
def deleting(request: Request, bank: str, at: At, who: Writes) -> Response:
    """Ask whether a bank is to be deleted."""
    return render(request, at, who, "banks/delete.html", bank=api.show(bank, at, who))


@router.post(f"{PATH}/{{bank}}/delete")
def delete(bank: str, at: At, who: Changes, given: Given) -> Response:
    """Delete a bank."""
    api.delete(bank, at, who, reason=filled.why(given).reason)
    return go(PATH, said=f"The bank {bank} is deleted.")


@router.get(f"{PATH}/{{bank}}/add")
def adding(request: Request, bank: str, at: At, who: Writes) -> Response:
    """Show the forms of a new entry."""
    return _entry_form(request, at, who, bank, values({"state": "disabled"}, _ENTRY))


@router.post(f"{PATH}/{{bank}}/add")
async def add(request: Request, bank: str, at: At, who: Changes, given: Given) -> Response:
    """Add an entry by its hashes or by a URL."""
    shown, before = values(given, _ENTRY), at.clock()
    try:
        by_url = text(given, "by") == "url"
        hashes = {} if by_url else _hashes(shown["hashes"])
        names = ("url", *_ABOUT) if by_url else _ABOUT
        wanted = filled.filled(NewEntry, given, *names, **hashes)
        if by_url and wanted.url is None:
            raise _missing("url", "Say where it is.")
        made = await at.slow.run(api.add_given, at, who, bank, wanted)
    except REFUSED as error:
        return await run_in_threadpool(
            _entry_form, request, at, who, bank, shown, filled.faults(error)
        )
    return _added(bank, made, before)


@router.post(f"{PATH}/{{bank}}/file")
async def add_file(request: Request, bank: str, at: At, who: Sends) -> Response:
    """Add an entry by a file."""
    before = at.clock()
    async with sent(request, at, who) as form:
        try:
            given = FormData(form.fields)
            about = filled.filled(About, given, *_ABOUT)
            if not form.files or form.files[0].field != "file" or not form.files[0].name:
                raise _missing("file", "Choose a picture or a video.")
            _, name, path = form.files[0]
            made = await at.slow.run(api.add_file, at, who, bank, path, name, about)
        except REFUSED as error:
            shown, wrong = values(form.fields, _ENTRY), filled.faults(error)
            return await run_in_threadpool(_entry_form, request, at, who, bank, shown, wrong)
    return _added(bank, made, before)


@router.get(f"{PATH}/{{bank}}/import")
def importing(request: Request, bank: str, at: At, who: Writes) -> Response:
    """Show the form of a list."""
    return _import_form(request, at, who, bank)


@router.post(f"{PATH}/{{bank}}/import")
async def import_list(request: Request, bank: str, at: At, who: Sends) -> Response:
    """Add a list of entries, and report."""
    async with sent(request, at, who) as form:
        try:
            if not form.files or not form.files[0].name:
                raise _missing("file", "Choose a list.")
            name, path = form.files[0].name[:200], form.files[0].path
            reason = filled.why(FormData(form.fields)).reason
            done = await at.slow.run(api.import_file, at, who, bank, path, name, reason)
        except REFUSED as error:
            wrong = filled.faults(error)
            return await run_in_threadpool(_import_form, request, at, who, bank, wrong)
    held = done.read - done.added
    more = f", {held:,} of which the bank held already" if held else ""
    return go(
        _path(bank),
        said=f"{name}: {done.read:,} entries read{more}; {done.added:,} added.",
    )


@router.get(f"{PATH}/{{bank}}/export")
def export(bank: str, at: At, who: Reads) -> StreamingResponse:
    """Return the bank as a file."""
    return api.export(bank, at, who)


@router.get(f"{PATH}/{{bank}}/entries/{{entry}}")
def show_entry(request: Request, bank: str, entry: str, at: At, who: Reads) -> Response:
    """Show an entry: what it is, how it stands, what it has caused."""
    found = api.show_entry(bank, entry, at, who)
    caused = api.caused(bank, entry, at, who, limit=LIMIT)
    with at.store.read() as connection:
        (row,) = banks.named(connection, bank, [entry])
        names = _names(connection, [row.author])
        made_of = looks(connection, at, who, () if row.item is None else (row.item,))
    return render(
        request,
        at,
        who,
        "banks/entry.html",
        bank=api.show(bank, at, who),
        entry=found,
        row=row,
        names=names,
        look=made_of.get(row.item or ""),
        caused=caused,
        days=DAYS,
        to=TO,
    )


@router.get(f"{PATH}/{{bank}}/entries/{{entry}}/state")
def changing_state(
    request: Request, bank: str, entry: str, at: At, who: Writes, to: State = "disabled"
) -> Response:
    """Ask whether an entry is to stand otherwise."""
    return _state_form(request, at, who, bank, entry, to, {"until": "", "reason": ""})


@router.post(f"{PATH}/{{bank}}/entries/{{entry}}/state")
def set_state(
    request: Request,
    bank: str,
    entry: str,
    at: At,
    who: Changes,
    given: Given,
) -> Response:
    """Disable, enable or withdraw an entry."""
    if (to := cast(State, text(given, "to"))) not in TO:
        raise BadRequest("this is no state of an entry")
    shown = values(given, ("until", "reason"))
    # A browser says no time zone: the page asks for UTC.
    until = f"{shown['until']}Z" if shown["until"] and to == "disabled" else None
    try:
        reason = filled.why(given).reason
        wanted = filled.made(StateChange, ids=(entry,), state=to, until=until, reason=reason)
        api.set_state(bank, wanted, at, who)
    except REFUSED as error:
        return _state_form(request, at, who, bank, entry, to, shown, filled.faults(error))
    said = {
        "active": "It matches from now on.",
        "disabled": "It is disabled, and matches nothing.",
        "withdrawn": "It is withdrawn, for good.",
    }
    return go(_path(bank, "entries", entry), said=said[to])


@router.get(f"{PATH}/{{bank}}/entries/{{entry}}/dry-run")
async def try_out(
    request: Request,
    bank: str,
    entry: str,
    at: At,
    who: Reads,
    days: Annotated[int, Query(ge=1, le=366)] = 7,
) -> Response:
    """Show what an entry would have met in the last days. Changes nothing."""
    told = await at.slow.run(api.tried, at, bank, Trial(entry=entry, days=days))
    return await run_in_threadpool(_tried, request, at, who, bank, entry, days, told)


@router.get(f"{PATH}/{{bank}}/entries/{{entry}}/caused")
def list_caused(
    request: Request, bank: str, entry: str, at: At, who: Reads, after: After = None
) -> Response:
    """Show which decisions an entry has caused."""
    page = api.caused(bank, entry, at, who, after=after, limit=LIMIT)
    return render(
        request,
        at,
        who,
        "banks/caused.html",
        bank=bank,
        entry=api.show_entry(bank, entry, at, who),
        caused=page,
        onward=_path(bank, "entries", entry, "caused") + "?",
    )


@router.get(f"{PATH}/{{bank}}/entries/{{entry}}/undo")
def undoing(request: Request, bank: str, entry: str, at: At, who: Writes) -> Response:
    """Ask whether all that an entry has caused is to be undone."""
    return _undo_form(request, at, who, bank, entry)


@router.post(f"{PATH}/{{bank}}/entries/{{entry}}/undo")
def begin_undo(
    request: Request, bank: str, entry: str, at: At, who: Changes, given: Given
) -> Response:
    """Undo all that an entry has caused."""
    try:
        job = api.begin_undo(bank, entry, filled.why(given), at, who).job
    except REFUSED as error:
        return _undo_form(request, at, who, bank, entry, filled.faults(error))
    return go(_path(bank, "undo", job))


@router.get(f"{PATH}/{{bank}}/undo/{{job}}")
def show_undo(request: Request, bank: str, job: str, at: At, who: Reads) -> Response:
    """Show how far an undo is."""
    found = api.show_undo(bank, job, at, who)
    with at.store.read() as connection:
        held = jobs.get(connection, job)
        assert held is not None  # It was just shown.
        entry = str(held.payload["entry"])
        left = [c for c in _all_caused(connection, bank, entry) if c.in_force]
    return render(
        request,
        at,
        who,
        "banks/undo.html",
        bank=bank,
        entry=entry,
        undo=found,
        left=len(left),
        most=MOST_LEFT,
    )


def _bank_page(
    request: Request,
    at: Service,
    who: Principal,
    bank: str,
    asked: dict[str, str],
    page: EntryPage | None,
    wrong: Faults,
) -> Response:
    return render(
        request,
        at,
        who,
        "banks/bank.html",
        status=wrong.status,
        bank=api.show(bank, at, who),
        entries=page.entries if page else (),
        next=page.next if page else None,
        asked=asked,
        narrowed=any(asked.values()),
        onward=_query(_path(bank), asked),
        states=STATES,
        faults=wrong,
    )


def _bank_form(
    request: Request,
    at: Service,
    who: Principal,
    given: dict[str, str],
    wrong: Faults = NONE,
    *,
    bank: str | None = None,
    version: int | str | None = None,
) -> Response:
    return render(
        request,
        at,
        who,
        "banks/form.html",
        status=wrong.status,
        bank=bank,
        looked_at=version,
        given=given,
        faults=wrong,
        roles=ROLES.items(),
        bankable=_bankable(),
    )


def _entry_form(
    request: Request,
    at: Service,
    who: Principal,
    bank: str,
    given: dict[str, str],
    wrong: Faults = NONE,
) -> Response:
    return render(
        request,
        at,
        who,
        "banks/add.html",
        status=wrong.status,
        bank=api.show(bank, at, who),
        given=given,
        faults=wrong,
        bankable=[("", "As the bank says"), *_bankable()],
        most=at.settings.upload_bytes,
    )


def _import_form(
    request: Request, at: Service, who: Principal, bank: str, wrong: Faults = NONE
) -> Response:
    return render(
        request,
        at,
        who,
        "banks/import.html",
        status=wrong.status,
        bank=api.show(bank, at, who),
        faults=wrong,
        most=at.settings.upload_bytes,
    )


def _state_form(
    request: Request,
    at: Service,
    who: Principal,
    bank: str,
    entry: str,
    to: State,
    given: dict[str, str],
    wrong: Faults = NONE,
) -> Response:
    return render(
        request,
        at,
        who,
        "banks/state.html",
        status=wrong.status,
        bank=bank,
        entry=api.show_entry(bank, entry, at, who),
        to=to,
        title=TO[to],
        given=given,
        faults=wrong,
    )


def _undo_form(
    request: Request, at: Service, who: Principal, bank: str, entry: str, wrong: Faults = NONE
) -> Response:
    with at.store.read() as connection:
        caused = _all_caused(connection, bank, entry)
    return render(
        request,
        at,
        who,
        "banks/undoing.html",
        status=wrong.status,
        bank=bank,
        entry=api.show_entry(bank, entry, at, who),
        left=sum(one.in_force for one in caused),
        most=MOST_LEFT,
        faults=wrong,
    )


def _tried(
    request: Request,
    at: Service,
    who: Principal,
    bank: str,
    entry: str,
    days: int,
    told: TrialView,
) -> Response:
    with at.store.read() as connection:
        shown = looks(connection, at, who, [hit.item for hit in told.items[:PICTURES]])
    return render(
        request,
        at,
        who,
        "banks/dryrun.html",
        bank=api.show(bank, at, who),
        entry=api.show_entry(bank, entry, at, who),
        told=told,
        looks=shown,
        days=days,
        choices=DAYS,
    )


def _added(bank: str, made: EntryView, before: int) -> Response:
    """Lead to an entry that was added, or was there before."""
    if made.created_at < clock.text(before):
        said = f"The bank holds this already, as entry {made.id}."
    elif made.state == "disabled":
        said = f"Entry {made.id} is in the bank, and matches nothing yet. Try it out first."
    else:
        said = f"Entry {made.id} is in the bank, and matches from now on."
    return go(_path(bank, "entries", made.id), said=said)


def _all_caused(connection: Connection, bank: str, entry: str) -> list[Caused]:
    if not banks.named(connection, bank, [entry]):
        raise MissingError(f"bank {bank:.64} has no entry {entry:.200}")
    return banks.caused(connection, bank, entry, limit=MOST_LEFT)


def _hashes(given: str) -> dict[str, tuple[str, ...]]:
    """Return what hashes a text has, one a line: 64 digits are a PDQ unless it says otherwise."""
    found: dict[str, list[str]] = {"sha256": [], "md5": [], "pdq": []}
    for line in given.split():
        kind, _, digits = line.lower().rpartition(":")
        if kind and kind not in found:
            raise _missing("hashes", f"{line[:80]} is no hash: write sha256:… or pdq:… or md5:…")
        found[kind or ("md5" if len(digits) == 32 else "pdq")].append(digits)
    if not any(found.values()):
        raise _missing("hashes", "Give one hash at least.")
    return {kind: tuple(digits) for kind, digits in found.items()}


def _missing(field: str, detail: str) -> Invalid:
    return Invalid(errors=[Fault(pointer=f"/body/{field}", detail=detail)])


def _bankable() -> list[tuple[str, str]]:
    return [(name, taxonomy.CATEGORIES[name].title) for name in taxonomy.bankable()]


def _names(connection: Connection, of: Iterable[str]) -> dict[str, str]:
    return {actor: actors.name(connection, actor) for actor in {*of}}


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _path(bank: str, *parts: str) -> str:
    return "/".join((PATH, quote(bank, safe=""), *(quote(part, safe="") for part in parts)))


def _query(path: str, asked: dict[str, str]) -> str:
    """Return an address to which ``after=`` may be added."""
    kept = urlencode({name: value for name, value in asked.items() if value})
    return f"{path}?{kept}&" if kept else f"{path}?"
