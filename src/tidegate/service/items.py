"""``/v1/items``: what a platform sends to be judged, and what became of it.

An item is accepted when its file, its row, its job and its row of the audit chain are on disk,
and not before: 202 is a promise. Whoever says how long to wait is told the decision in the same
answer where it was made by then.
"""

import hashlib
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import AwareDatetime
from starlette.concurrency import run_in_threadpool

from tidegate.evidence import Action
from tidegate.media import MediaError
from tidegate.media.sniff import sniff
from tidegate.policy import Policy, parse
from tidegate.policy.facts import FactsError, check_facts
from tidegate.service import opening
from tidegate.service.addresses import read_url
from tidegate.service.auth import Principal, needs
from tidegate.service.fetch_error import FetchError
from tidegate.service.problems import (
    BadRequest,
    Conflict,
    Invalid,
    NotFound,
    TooLarge,
    UnsupportedType,
    problem_responses,
)
from tidegate.service.references import references
from tidegate.service.shape import After, Limit, Reason, Why
from tidegate.service.state import Service, service
from tidegate.service.uploads import Upload, received, short_body
from tidegate.service.views import ItemPage, ItemView, NewItem, Rescan, State, Summary, invalid
from tidegate.store import clock, decisions, idempotency, items, media, policies
from tidegate.store.items import Filter

router = APIRouter(prefix="/v1/items", tags=["items"])

LONGEST_WAIT = 10.0
"""Seconds that a request may wait for the decision."""

HISTORY = 20
"""Decisions of an item that are shown, the newest."""

At = Annotated[Service, Depends(service)]
Writes = Annotated[Principal, needs("items.write")]
Reads = Annotated[Principal, needs("items.read")]
Id = Annotated[
    str,
    Path(
        description="Id of the item.",
        max_length=36,
        examples=["0199c0de-0000-7000-8000-000000000001"],
    ),
]
Wait = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{1,2}(\.[0-9]{1,3})?s?$",
        description=f"Seconds to wait for the decision, `2s`; {LONGEST_WAIT:g} at most.",
        examples=["2s"],
    ),
]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=idempotency.LONGEST_KEY,
        description="The same key with the same request makes one item, however often it is sent.",
        examples=["post-77120"],
    ),
]


def _inlined() -> dict[str, Any]:
    """Return the schema of an item's JSON in one piece."""
    schema = NewItem.model_json_schema()
    parts = schema.pop("$defs")
    schema["properties"]["uploader"] = parts["UploaderIn"]
    return schema


_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "The file."},
        "item": _inlined(),
    },
}
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": _FORM,
            "encoding": {"item": {"contentType": "application/json"}},
        },
        "application/json": {"schema": _inlined()},
    },
}


@router.post(
    "",
    status_code=202,
    summary="Send an item",
    response_model=ItemView,
    openapi_extra={"requestBody": _BODY},
    responses={
        200: {"description": "Judged while the request waited.", "model": ItemView},
        202: {"description": "Accepted, for good. It is judged as soon as there is time."},
        **problem_responses(BadRequest, Conflict, TooLarge, UnsupportedType, Invalid),
    },
)
async def create(
    request: Request,
    response: Response,
    at: At,
    who: Writes,
    wait: Wait = None,
    key: Key = None,
) -> ItemView:
    """A form with a `file` and perhaps the `item`, or the JSON of an item with a `url` or `key`.

    202 says that it is kept for good and will be judged, even if this machine loses power now.
    With `wait`, 200 has the decision where it was made in time. The same `Idempotency-Key` with
    another request is a conflict.
    """
    seconds = min(float(wait.rstrip("s")), LONGEST_WAIT) if wait else 0.0
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with received(request, at.room, at.settings.upload_bytes) as upload:
            found = await run_in_threadpool(_take, at, who, upload, key)
    elif kind == "application/json":
        body = await short_body(request)
        found = await run_in_threadpool(_note, at, who, body, key)
    else:
        raise UnsupportedType("an item is a multipart/form-data form or application/json")
    if seconds and found.state == "received":
        found = await _awaited(at, who, found.id, seconds)
    response.status_code = 202 if found.state == "received" else 200
    response.headers["Location"] = f"/v1/items/{found.id}"
    return found


@router.get("", summary="List items")
def list_items(
    at: At,
    who: Reads,
    state: Annotated[State | None, Query(description="Where they stand.")] = None,
    action: Annotated[Action | None, Query(description="What is to be done with them.")] = None,
    surface: Annotated[str | None, Query(description="Where they are shown.")] = None,
    uploader: Annotated[str | None, Query(description="The account's id.")] = None,
    external_id: Annotated[str | None, Query(description="What you call them.")] = None,
    sha256: Annotated[str | None, Query(description="Digest of their bytes.")] = None,
    since: Annotated[
        AwareDatetime | None, Query(description="Accepted at this time or later.")
    ] = None,
    until: Annotated[AwareDatetime | None, Query(description="Accepted before this time.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> ItemPage:
    """Newest first. An item that is sent meanwhile moves no other."""
    which = Filter(
        external_id=external_id,
        sha256=sha256,
        state=state,
        action=action,
        surface=surface,
        uploader=uploader,
        since=None if since is None else clock.parse(since.isoformat()),
        until=None if until is None else clock.parse(until.isoformat()),
    )
    with at.store.read() as connection:
        page = items.page(connection, which, limit=limit, cursor=after)
        shown = references(connection, who, page.items)
    return ItemPage(items=tuple(map(Summary.of, page.items, shown)), next=page.cursor)


@router.get("/{item}", summary="Show an item", responses=problem_responses(NotFound))
def show(item: Id, at: At, who: Reads) -> ItemView:
    """With the decision in force, the evidence that it rests on, and the decisions before."""
    return _view(at, who, item)


@router.post(
    "/{item}/rescan",
    status_code=202,
    summary="Judge an item again",
    responses=problem_responses(NotFound, Conflict),
)
def rescan(item: Id, why: Why, response: Response, at: At, who: Writes) -> Rescan:
    """Under the policy and the banks of now. Where nothing has changed, nothing does."""
    with at.store.write() as connection:
        job = items.rescan(
            connection, item, actor=who.actor, reason=why.reason, now=at.clock(), cause=None
        )
    assert job is not None  # Only a rescan for a cause may have been done before.
    response.headers["Location"] = f"/v1/items/{item}"
    return Rescan(job=job)


@router.delete(
    "/{item}/media",
    status_code=204,
    summary="Delete the media of an item",
    responses=problem_responses(NotFound, Conflict),
)
def delete_media(item: Id, at: At, who: Writes, reason: Annotated[Reason, Query()] = "") -> None:
    """The record stays. The bytes go when no other item has the same.

    A stored object is not touched: it is forgotten, and yours to delete.
    """
    with at.store.write() as connection:
        opening.lock(connection, item)
        was = items.delete(connection, item, actor=who.actor, reason=reason, now=at.clock())
        opening.gone(connection, was, actor=who.actor, now=at.clock())
    if was.sha256 is not None and was.source != "object":
        at.room.drop(was.sha256, lambda sha256: _named(at, sha256))


def _take(at: Service, who: Principal, upload: Upload, key: str | None) -> ItemView:
    """Accept an upload, and return the item."""
    said = NewItem.read(upload.item)
    said.check(file=True)
    with upload.file as file:
        if sniff(file.head) is None:
            raise UnsupportedType("this is no image or video")
        with at.room.keep(file) as sha256:
            size = file.size
            new = _new(at, said, source="upload", reference=sha256, sha256=sha256, size=size)
            return _accept(at, who, new, key)


def _note(at: Service, who: Principal, body: bytes, key: str | None) -> ItemView:
    """Accept an item that is elsewhere, and return it."""
    said = NewItem.read(body)
    said.check(file=False)
    if said.url is not None:
        try:
            read_url(said.url, at.sources.allowance)
        except FetchError as error:
            raise invalid("url", str(error)) from None
        return _accept(at, who, _new(at, said, source="url", reference=said.url), key)
    assert said.key is not None
    if at.sources.objects is None:
        raise invalid("key", "this service has no folder of stored objects")
    try:
        at.sources.object(said.key).close()
    except MediaError as error:
        raise invalid("key", error.detail) from None
    return _accept(at, who, _new(at, said, source="object", reference=said.key), key)


def _new(at: Service, said: NewItem, **where: Any) -> items.New:
    facts = said.facts()
    if facts.surface is not None:
        with at.store.read() as connection:
            policy = _parsed(*policies.active(connection))
        try:
            check_facts(facts, policy)
        except FactsError as error:
            raise invalid(error.fact, str(error)) from None
    return items.New(
        external_id=said.external_id,
        facts=facts,
        metadata=said.metadata,
        priority=said.priority,
        reach=said.reach,
        callback=said.callback,
        **where,
    )


@lru_cache(maxsize=2)
def _parsed(source: str, version: str) -> Policy:
    return parse(source, f"policy {version}")


def _accept(at: Service, who: Principal, new: items.New, key: str | None) -> ItemView:
    claim = None
    if key is not None:
        digest = hashlib.sha256(msgspec.json.encode(new)).hexdigest()
        claim = idempotency.Claim(who.claims, key, digest)
    accepted = at.accepting.accept(new, actor=who.actor, now=at.clock(), claim=claim)
    if accepted.item is not None and accepted.item.source == "upload":
        return ItemView.whole(accepted.item, None, None, [])
    return _view(at, who, accepted.id)


async def _awaited(at: Service, who: Principal, item: str, seconds: float) -> ItemView:
    """Return an item once it is judged, or after so many seconds as it is then."""
    with at.answers.expect(item) as waiter:
        await waiter.wait(seconds)
    return await run_in_threadpool(_view, at, who, item)


def _view(at: Service, who: Principal, item: str) -> ItemView:
    with at.store.read() as connection:
        found = items.get(connection, item)
        if found is None:
            raise NotFound
        (shown,) = references(connection, who, [found])
        # What was decided is not received any more.
        received = found.state == "received"
        past = [] if received else decisions.history(connection, item, limit=HISTORY)
        made = None if found.decision is None else decisions.get(connection, found.decision)
    return ItemView.whole(found, shown, made, past)


def _named(at: Service, sha256: str) -> bool:
    with at.store.read() as connection:
        return media.named(connection, sha256)
