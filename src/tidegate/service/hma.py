"""``/hma``: the routes of Hasher-Matcher-Actioner 1.1, for clients that were written for it.

Same paths, parameters, statuses and shapes; docs/hma.md lists what differs. A bank here is a bank
there, an entry a content, whose number is the entry's id. The signals are ``pdq`` of photos and
``video_md5`` of videos. A key comes by ``Authorization: Bearer``, or as the password of the URL.

A picture that no hash can be made of answers the word ``unhashable`` where its hash would be, and
the header ``Tidegate-Unhashable``: nobody knows what it would have met.

Source: github.com/facebook/ThreatExchange, hasher-matcher-actioner, version 1.1.7.
"""

import random
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from tidegate.hashing import hamming
from tidegate.matching import BankError, Entry, Frame
from tidegate.service import alarms, entries
from tidegate.service.auth import Principal, needs
from tidegate.service.banks import enrolled
from tidegate.service.forms import Form, form
from tidegate.service.hasher import Unreadable
from tidegate.service.hmashapes import (
    CONTENTS,
    NAME,
    SIGNALS,
    UNHASHABLE,
    About,
    Content,
    HmaRoute,
    Refused,
    about_of,
    check_types,
    hash_of,
    kind_of,
    metadata_of,
    names_of,
    note_of,
    object_of,
    ratio_of,
    shown_bank,
    shown_match,
    shown_standing,
    signal_of,
    signals_of,
    state_of,
)
from tidegate.service.replica import Near
from tidegate.service.state import Service, service
from tidegate.store import banks
from tidegate.store.error import MissingError, StateError

HEADER = "Tidegate-Unhashable"

CONFIDENT = 31
"""Bits up to which HMA calls two PDQs a match, where no bank is concerned."""


router = APIRouter(prefix="/hma", tags=["hma"], route_class=HmaRoute)

At = Annotated[Service, Depends(service)]
Looks = Annotated[Principal, needs("hma")]
Writes = Annotated[Principal, needs("hma", "banks.write")]
Url = Annotated[str, Query(description="Where it is.", max_length=4000)]
Hash = Annotated[str, Query(description="A hash.", max_length=200)]
HashType = Annotated[str, Query(description="`pdq` or `video_md5`.", max_length=100)]
MaybeUrl = Annotated[str | None, Query(description="Where it is.", max_length=4000)]
MaybeHash = Annotated[str | None, Query(description="A hash.", max_length=200)]
MaybeType = Annotated[str | None, Query(description="`pdq` or `video_md5`.", max_length=100)]
Name = Annotated[str, Path(description="Name of the bank.", max_length=64)]
Api = Annotated[str, Path(description="Name of it.", max_length=100)]
Number = Annotated[int, Path(description="Id of the content.", ge=0)]
Types = Annotated[str | None, Query(description="Signals to make, comma-separated.")]
Kind = Annotated[str | None, Query(description="`photo` or `video`; nothing: as it says itself.")]
Only = Annotated[str | None, Query(description="Names of banks to ask, comma-separated.")]
Seed = Annotated[str | None, Query(description="The same seed asks the same banks.")]
Bypass = Annotated[bool, Query(description="Ask all banks, whatever their ratio.")]


def _ok(example: Any) -> dict[int | str, dict[str, Any]]:
    """Return what a route says in OpenAPI about its answer."""
    shown = {"description": "As HMA.", "content": {"application/json": {"example": example}}}
    return {200: shown}


_PDQ = "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22"
_MATCHES = {"PRESS": [{"bank_content_id": 17, "distance": "4"}]}
_BANK = {"name": "PRESS", "matching_enabled_ratio": 1.0}
_ADDED = {"id": 17, "signals": {"pdq": _PDQ}}
_CONTENT = {"id": 17, "disable_until_ts": 1, "original_media_uri": None, "bank": _BANK}
_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        name: {"type": "string", "format": "binary"} for name in CONTENTS
                    },
                },
                "example": {"photo": "(bytes)"},
            }
        },
    }
}


def _json_body(example: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


@router.get(
    "/status",
    summary="Whether lookups are answered",
    response_class=PlainTextResponse,
)
def status(at: At, who: Looks) -> PlainTextResponse:
    """`I-AM-ALIVE`, or 503 with `INDEX-NOT-LOADED` or `INDEX-STALE`."""
    problem = at.replica.problem()
    if problem is None:
        return PlainTextResponse("I-AM-ALIVE")
    told = "INDEX-NOT-LOADED" if "not loaded" in problem else "INDEX-STALE"
    return PlainTextResponse(told, 503)


@router.get("/status/live", summary="Whether it is alive", response_class=PlainTextResponse)
def status_live(who: Looks) -> PlainTextResponse:
    """`I-AM-ALIVE`."""
    return PlainTextResponse("I-AM-ALIVE")


# ---------------------------------------------------------------------------------- hashing


@router.get("/h/hash", summary="Hash what a URL names", responses=_ok({"pdq": _PDQ}))
async def hash_url(
    url: Url, at: At, who: Looks, content_type: Kind = None, types: Types = None
) -> JSONResponse:
    """The signals of its type of content."""

    def work() -> JSONResponse:
        with _fetched(at, url, content_type) as (path, kind):
            return _signals(_hash(at, path, kind, types))

    return await at.slow.run(work)


@router.post("/h/hash", summary="Hash a file", responses=_ok({"pdq": _PDQ}), openapi_extra=_FILE)
async def hash_file(request: Request, at: At, who: Looks, types: Types = None) -> JSONResponse:
    """A form with one file, whose part is called by its type of content."""
    async with form(request, at.hasher) as sent:
        path, kind = _sent(sent)
        return _signals(await at.slow.run(_hash, at, path, kind, types))


# --------------------------------------------------------------------------------- matching


@router.get("/m/raw_lookup", summary="Look a hash up", responses=_ok({"matches": [17]}))
def raw_lookup(
    signal: Hash,
    signal_type: HashType,
    at: At,
    who: Looks,
    banks: Only = None,
    include_distance: Annotated[bool, Query(description="Tell distances too.")] = False,
) -> JSONResponse:
    """In all banks, whatever their ratio. What is disabled or withdrawn is never met."""
    met = _lookup(at, signal, signal_type, names_of(banks))
    if include_distance:
        return JSONResponse({"matches": [shown_match(near, signal_type) for near in met]})
    return JSONResponse({"matches": [int(near.entry.id) for near in met]})


@router.get("/m/lookup", summary="Look a hash or a URL up", responses=_ok(_MATCHES))
async def lookup(
    at: At,
    who: Looks,
    url: MaybeUrl = None,
    signal: MaybeHash = None,
    signal_type: MaybeType = None,
    content_type: Kind = None,
    types: Types = None,
    banks: Only = None,
    seed: Seed = None,
    bypass_coinflip: Bypass = False,
) -> JSONResponse:
    """Of a hash: matches by bank. Of a URL: that, by signal."""

    def of_url(url: str) -> JSONResponse:
        asked = _asked(at, names_of(banks), seed, bypass=bypass_coinflip)
        with _fetched(at, url, content_type) as (path, kind):
            made = _hash(at, path, kind, types)
        found = {name: _by_bank(at, value, name, asked) for name, value in made.items()}
        told = found if signal_type is None else found.get(signal_type, {})
        return _signals(made, told)

    def of_hash(signal: str, signal_type: str) -> JSONResponse:
        asked = _asked(at, names_of(banks), seed, bypass=bypass_coinflip)
        return JSONResponse(_by_bank(at, signal, signal_type, asked))

    if url:
        return await at.slow.run(of_url, url)
    if not signal or not signal_type:
        raise Refused(400, "Either url or both signal and signal_type are required")
    return await run_in_threadpool(of_hash, signal, signal_type)


@router.post(
    "/m/lookup",
    summary="Look a file up",
    responses=_ok({"pdq": _MATCHES}),
    openapi_extra=_FILE,
)
async def lookup_file(
    request: Request,
    at: At,
    who: Looks,
    types: Types = None,
    banks: Only = None,
    seed: Seed = None,
    bypass_coinflip: Bypass = False,
) -> JSONResponse:
    """Matches by signal and bank."""
    async with form(request, at.hasher) as sent:
        path, kind = _sent(sent)

        def work() -> JSONResponse:
            asked = _asked(at, names_of(banks), seed, bypass=bypass_coinflip)
            made = _hash(at, path, kind, types)
            found = {name: _by_bank(at, value, name, asked) for name, value in made.items()}
            return _signals(made, found)

        return await at.slow.run(work)


@router.post(
    "/m/compare",
    summary="Compare two hashes",
    responses=_ok({"pdq": [True, {"distance": 9}]}),
    openapi_extra=_json_body({"pdq": [_PDQ, _PDQ]}),
)
async def compare(request: Request, who: Looks) -> JSONResponse:
    """Of each signal a pair of hashes: whether they match, and how far they are apart."""
    pairs = await object_of(request)
    told: dict[str, Any] = {}
    for name, pair in pairs.items():
        if not isinstance(pair, list):
            raise Refused(400, f"Comparison hashes for {name[:80]} was not a list")
        if len(pair) != 2:
            raise Refused(400, "Comparison hash list length must be exactly 2")
        try:
            left, right = (hash_of(str(value), signal_of(name)) for value in pair)
        except ValueError as error:
            raise Refused(400, f"Invalid {name[:80]} hash: {error}") from None
        if left is None or right is None:
            told[name] = [False, {"distance": UNHASHABLE}]
        elif name == "pdq":
            distance = hamming(bytes.fromhex(left), bytes.fromhex(right))
            told[name] = [distance <= CONFIDENT, {"distance": distance}]
        else:
            told[name] = [left == right, {"distance": "-"}]
    return JSONResponse(told)


# --------------------------------------------------------------------------------- curation


_Ratio = Annotated[
    float | None, Field(description="Share of the lookups that ask it, 0 to 1.", examples=[1.0])
]
_Flag = Annotated[
    bool | None, Field(description="The same as 1 or 0, where no ratio is given.", examples=[True])
]


class BankCreate(BaseModel):
    """A bank to make."""

    name: str = Field(description="UPPER_WITH_UNDERSCORE.", examples=["PRESS"])
    enabled_ratio: _Ratio = None
    enabled: _Flag = None


class BankUpdate(BaseModel):
    """What is to change of a bank."""

    name: str | None = Field(default=None, description="Its own.", examples=["PRESS"])
    enabled_ratio: _Ratio = None
    enabled: _Flag = None


@router.get("/c/banks", summary="List banks", responses=_ok([_BANK]))
def list_banks(at: At, who: Looks) -> JSONResponse:
    """All of them."""
    with at.store.read() as connection:
        return JSONResponse([shown_bank(bank) for bank in banks.listed(connection)])


@router.post(
    "/c/banks",
    status_code=201,
    summary="Make a bank",
    responses={201: {"content": {"application/json": {"example": _BANK}}}},
)
def make_bank(wanted: BankCreate, at: At, who: Writes) -> JSONResponse:
    """Its role is `review` and its category `known.other` until a curator says otherwise."""
    if not NAME.fullmatch(wanted.name):
        raise Refused(400, "Bank names must be UPPER_WITH_UNDERSCORE")
    rule = banks.Rule(enabled_ratio=ratio_of(wanted.enabled_ratio, wanted.enabled, 1.0))
    new = banks.New(name=wanted.name, category="known.other", role="review", rule=rule)
    try:
        with at.store.write() as connection:
            made = banks.create(
                connection, new, actor=who.actor, reason="by HMA's routes", now=at.clock()
            )
    except StateError:
        raise Refused(403, "Bank already exists") from None
    at.replica.poke()
    return JSONResponse(shown_bank(made), 201)


@router.get("/c/bank/{name}", summary="Show a bank", responses=_ok(_BANK))
def show_bank(name: Name, at: At, who: Looks) -> JSONResponse:
    """Its name and its ratio."""
    return JSONResponse(shown_bank(_need(at, name)))


@router.put("/c/bank/{name}", summary="Change a bank", responses=_ok(_BANK))
def change_bank(name: Name, wanted: BankUpdate, at: At, who: Writes) -> JSONResponse:
    """Its ratio. A bank keeps its name, for decisions and policies name it."""
    if wanted.name is not None and not NAME.fullmatch(wanted.name):
        raise Refused(400, "Bank names must be UPPER_WITH_UNDERSCORE")
    if wanted.name not in (None, name):
        raise Refused(400, "A bank keeps its name: make another one, and delete this one")
    try:
        with at.store.write() as connection:
            bank = banks.need(connection, name)
            ratio = ratio_of(wanted.enabled_ratio, wanted.enabled, bank.rule.enabled_ratio)
            new = banks.New(
                name=name,
                category=bank.category,
                role=bank.role,
                max_distance=bank.max_distance,
                rule=msgspec.structs.replace(bank.rule, enabled_ratio=ratio),
                source=bank.source,
                legal_basis=bank.legal_basis,
            )
            made = banks.change(
                connection,
                new,
                version=None,
                actor=who.actor,
                reason="by HMA's routes",
                now=at.clock(),
            )
    except MissingError:
        raise Refused(404, "Bank not found") from None
    at.replica.poke()
    return JSONResponse(shown_bank(made))


@router.delete("/c/bank/{name}", summary="Delete a bank", responses=_ok({"message": "Done"}))
def delete_bank(name: Name, at: At, who: Writes) -> JSONResponse:
    """Done, too, where there was none."""
    try:
        with at.store.write() as connection:
            banks.delete(
                connection, name, actor=who.actor, reason="by HMA's routes", now=at.clock()
            )
    except MissingError:
        pass
    else:
        at.replica.poke()
    return JSONResponse({"message": "Done"})


@router.post(
    "/c/bank/{name}/content",
    summary="Add a content by URL or file",
    responses=_ok(_ADDED),
    openapi_extra=_FILE,
)
async def add_content(
    name: Name,
    request: Request,
    at: At,
    who: Writes,
    url: MaybeUrl = None,
    content_type: Kind = None,
    types: Types = None,
) -> JSONResponse:
    """A `url` in the query, or a form with a file. `note` and `metadata` in the JSON or form."""
    await run_in_threadpool(_need, at, name)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with form(request, at.hasher) as sent:
            about = about_of(sent.fields)
            if url is None:
                path, kind = _sent(sent, "Neither `url` nor multipart file upload was received")
                return await at.slow.run(_enrol, at, who, name, path, kind, types, about)
    else:
        about = about_of(await object_of(request, empty=True))

    def work() -> JSONResponse:
        if not url:
            raise Refused(400, "Neither `url` nor multipart file upload was received")
        with _fetched(at, url, content_type) as (path, kind):
            return _enrol(at, who, name, path, kind, types, about)

    return await at.slow.run(work)


@router.get("/c/bank/{name}/content/{number}", summary="Show a content", responses=_ok(_CONTENT))
def show_content(
    name: Name,
    number: Number,
    at: At,
    who: Looks,
    include_signals: Annotated[bool, Query(description="Tell its hashes.")] = False,
    include_metadata: Annotated[bool, Query(description="Tell what was said of it.")] = True,
) -> JSONResponse:
    """What was withdrawn is not found."""
    bank, row = _content(at, name, number)
    entry = entries.read(row)
    told = shown_standing(row) | {"original_media_uri": None, "bank": shown_bank(bank)}
    if include_signals:
        told["signals"] = signals_of(entry)
    if include_metadata and (metadata := metadata_of(entry)):
        told["metadata"] = {
            "content_id": None,
            "content_uri": None,
            "json": None,
            "collab": None,
        } | metadata
    if entry.note:
        told["note"] = entry.note
    return JSONResponse(told)


@router.put(
    "/c/bank/{name}/content/{number}",
    summary="Disable a content, or change its note",
    responses=_ok(_CONTENT),
    openapi_extra=_json_body({"disable_until_ts": 0}),
)
async def change_content(
    name: Name, number: Number, request: Request, at: At, who: Writes
) -> JSONResponse:
    """`disable_until_ts`: 0 disables, 1 enables, else seconds since 1970 until then."""
    wanted = await object_of(request)
    return await run_in_threadpool(_change_content, at, who, name, number, wanted)


@router.delete(
    "/c/bank/{name}/content/{number}",
    summary="Withdraw a content",
    responses=_ok({"deleted": 1}),
)
def delete_content(name: Name, number: Number, at: At, who: Writes) -> JSONResponse:
    """It never matches again, and the same content does not come back."""
    _need(at, name)
    try:
        _content(at, name, number)
    except Refused:
        return JSONResponse({"deleted": 0})
    with at.store.write() as connection:
        banks.set_state(
            connection,
            name,
            [str(number)],
            "withdrawn",
            actor=who.actor,
            reason="by HMA's routes",
            now=at.clock(),
        )
        alarms.entries(connection, name, [str(number)], by=who.actor, new=False, now=at.clock())
    at.replica.poke()
    return JSONResponse({"deleted": 1})


@router.post(
    "/c/bank/{name}/signal",
    summary="Add a content by its hashes",
    responses=_ok(_ADDED),
    openapi_extra=_json_body({"pdq": _PDQ}),
)
async def add_signals(name: Name, request: Request, at: At, who: Writes) -> JSONResponse:
    """Hashes by signal, and perhaps a `note`."""
    await run_in_threadpool(_need, at, name)
    given = await object_of(request)
    note = note_of(given.pop("note", None))
    if not given:
        raise Refused(400, "No signals given")
    made: dict[str, str] = {}
    for kind, value in given.items():
        if kind not in SIGNALS:
            raise Refused(400, f"No such signal type {kind[:80]}")
        try:
            checked = hash_of(str(value), kind)
        except ValueError as error:
            raise Refused(400, f"Invalid {kind} signal: {error}") from None
        if checked is None:
            raise Refused(400, f"Invalid {kind} signal: it is {UNHASHABLE}")
        made[kind] = checked
    md5 = (made["video_md5"],) if "video_md5" in made else ()
    pdq = (Frame(made["pdq"]),) if "pdq" in made else ()
    entry = Entry(id="0", md5=md5, pdq=pdq, note=note)
    added = await run_in_threadpool(_keep, at, who, name, entry)
    return JSONResponse({"id": added, "signals": made})


@router.get("/c/exchanges/apis", summary="List exchange APIs", responses=_ok([]))
def list_exchange_apis(who: Looks) -> JSONResponse:
    """None: lists are imported, not fetched from exchanges."""
    return JSONResponse([])


@router.get("/c/exchanges", summary="List exchanges", responses=_ok([]))
def list_exchanges(who: Looks) -> JSONResponse:
    """None."""
    return JSONResponse([])


@router.post("/c/exchanges", summary="Make an exchange", responses=_ok({}))
async def make_exchange(request: Request, who: Writes) -> JSONResponse:
    """There are none to make."""
    api = str((await object_of(request)).get("api"))
    raise Refused(400, f"No such exchange type '{api[:80]}'")


@router.get("/c/exchanges/api/{api}", summary="Show an exchange API", responses=_ok({}))
def show_exchange_api(api: Api, who: Looks) -> JSONResponse:
    """There are none."""
    raise Refused(400, f"no such Exchange API '{api[:80]}'")


@router.get("/c/exchange/{name}", summary="Show an exchange", responses=_ok({}))
def show_exchange(name: Api, who: Looks) -> JSONResponse:
    """There are none."""
    raise Refused(404, f"Exchange '{name[:80]}' not found")


@router.get(
    "/c/signal_type",
    summary="List signals",
    responses=_ok([{"name": "pdq", "enabled_ratio": 1.0}]),
)
def list_signals(who: Looks) -> JSONResponse:
    """Those that there are."""
    return JSONResponse([{"name": name, "enabled_ratio": 1.0} for name in SIGNALS])


@router.get(
    "/c/content_type",
    summary="List types of content",
    responses=_ok([{"name": "photo", "enabled": True}]),
)
def list_contents(who: Looks) -> JSONResponse:
    """Those that there are."""
    return JSONResponse([{"name": name, "enabled": True} for name in CONTENTS])


# ---------------------------------------------------------------------------------- helpers


def _hash(at: Service, path: FilePath, kind: Content, types: str | None) -> dict[str, str]:
    """Return the signals of a file that are wanted."""
    signal = CONTENTS[kind]
    check_types(types, signal)
    if signal == "video_md5":
        return {signal: at.hasher.md5(path)}
    try:
        return {signal: at.hasher.photo(path).pdq or UNHASHABLE}
    except Unreadable as error:
        raise Refused(400, f"the photo cannot be hashed: {str(error)[:300]}") from None


@contextmanager
def _fetched(at: Service, url: str, kind: str | None) -> Iterator[tuple[FilePath, Content]]:
    """Have what a URL names in a file, and what it is."""
    if kind is not None:
        kind = kind_of(kind)
    with at.hasher.fetched(url) as (path, found):
        if kind is None:
            begins = found.content_type.lower().partition("/")[0]
            kind = {"image": "photo", "video": "video"}.get(begins) or at.hasher.kind(path)
        if kind is None:
            raise Refused(
                400,
                f"unsupported url ContentType: '{found.content_type[:80]}', if you know the "
                "expected type, provide it with the content_type query param",
            )
        yield path, kind_of(kind)


def _sent(
    sent: Form, missing: str = "Missing multipart/form-data file upload"
) -> tuple[FilePath, Content]:
    if not sent.files:
        raise Refused(400, missing)
    ((field, _, path),) = sent.files
    return path, kind_of(field)


def _asked(
    at: Service, only: frozenset[str] | None, seed: str | None, *, bypass: bool
) -> frozenset[str]:
    """Return the banks that a lookup asks: a coin decides of those that are partly enabled."""
    held = at.replica.banks().state.banks
    # HMA's coin, so that the same seed asks the same banks.
    coin = random.Random(seed).random()  # noqa: S311 - no secret
    names = frozenset(
        name for name, each in held.items() if bypass or 0.0 < each.bank.rule.enabled_ratio >= coin
    )
    return names if only is None else names & only


def _lookup(
    at: Service, signal: str, signal_type: str, only: Collection[str] | None
) -> Sequence[Near]:
    """Return the entries that a hash meets."""
    kind = signal_of(signal_type)
    try:
        digits = hash_of(signal, kind)
    except ValueError as error:
        raise Refused(400, f"invalid signal: {error}") from None
    if digits is None:
        return ()
    now = at.replica.banks()
    found = now.near(digits, only=only) if kind == "pdq" else now.holders("md5", digits, only=only)
    return tuple(found)


def _by_bank(
    at: Service, signal: str, signal_type: str, only: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = {}
    for near in _lookup(at, signal, signal_type, only):
        told.setdefault(near.bank, []).append(shown_match(near, signal_type))
    return told


def _signals(made: dict[str, str], told: Any = None) -> JSONResponse:
    """Answer signals, or what came of them, and say which could not be made."""
    lacking = [name for name, value in made.items() if value == UNHASHABLE]
    headers = {HEADER: ", ".join(lacking)} if lacking else None
    return JSONResponse(made if told is None else told, headers=headers)


def _need(at: Service, name: str) -> banks.Bank:
    with at.store.read() as connection:
        found = banks.get(connection, name)
    if found is None:
        raise Refused(404, f"bank '{name[:80]}' not found")
    return found


def _content(at: Service, name: str, number: int) -> tuple[banks.Bank, banks.Entry]:
    bank = _need(at, name)
    with at.store.read() as connection:
        found = banks.named(connection, name, [str(number)])
    if not found or found[0].state == "withdrawn":
        raise Refused(404, f"content '{number}' not found")
    return bank, found[0]


def _enrol(
    at: Service,
    who: Principal,
    name: str,
    path: FilePath,
    kind: Content,
    types: str | None,
    about: About,
) -> JSONResponse:
    """Add what a file shows to a bank."""
    made = _hash(at, path, kind, types)
    try:
        entry = at.hasher.entry(path, category=None, note=about.note, provenance=about.metadata)
    except Unreadable as error:
        if kind == "photo":
            raise Refused(400, f"the photo cannot be hashed: {str(error)[:300]}") from None
        # HMA keeps of a video nothing but its digest; so do we where it cannot be decoded.
        entry = Entry(
            id="0",
            kind="video",
            md5=(made["video_md5"],),
            note=about.note,
            provenance=about.metadata,
        )
    except BankError as error:
        raise Refused(400, str(error)[:300]) from None
    added = _keep(at, who, name, entry)
    return _signals(made, {"id": added, "signals": made})


def _keep(at: Service, who: Principal, name: str, entry: Entry) -> int:
    try:
        added = enrolled(at, name, entry, actor=who.actor, reason="by HMA's routes")
    except MissingError:
        raise Refused(404, f"bank '{name[:80]}' not found") from None
    return int(added.id)


def _change_content(
    at: Service, who: Principal, name: str, number: int, wanted: dict[str, Any]
) -> JSONResponse:
    bank, row = _content(at, name, number)
    now, actor = at.clock(), who.actor
    with at.store.write() as connection:
        if "disable_until_ts" in wanted:
            state, until = state_of(wanted["disable_until_ts"], now // 1_000_000)
            banks.set_state(
                connection,
                name,
                [row.id],
                state,
                disabled_until=until,
                actor=actor,
                reason="by HMA's routes",
                now=now,
            )
            alarms.entries(connection, name, [row.id], by=actor, new=False, now=now)
        if "note" in wanted:
            entry = msgspec.structs.replace(entries.read(row), note=note_of(wanted["note"]))
            banks.describe(connection, name, row.id, entries.written(entry), actor=actor, now=now)
    at.replica.poke()
    _, row = _content(at, name, number)
    entry = entries.read(row)
    return JSONResponse(
        shown_standing(row)
        | {
            "original_media_uri": None,
            "bank": shown_bank(bank),
            "collab_metadata": {},
            "user_metadata": metadata_of(entry) or None,
            "note": entry.note or None,
        }
    )
