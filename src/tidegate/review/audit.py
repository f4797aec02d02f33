"""The audit record: who did what to what and why, and whether the chain of it is whole."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from tidegate.review import filled
from tidegate.review.filled import NONE, values
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.service.auth import Principal
from tidegate.service.problems import Conflict, Fault, Invalid
from tidegate.store import actors, audit, auditsearch, checkpoint, clock, users
from tidegate.store.audit import Row
from tidegate.store.auditsearch import Wanted
from tidegate.store.clock import DAY
from tidegate.store.error import MissingError, StoreError

router = APIRouter()

PATH = f"{HERE}/audit"

LIMIT = 50
"""Rows of a page."""

_FIELDS = ("actor", "action", "subject", "since", "until")

Who = Annotated[Principal, visits("audit")]
Changes = Annotated[Principal, posts("audit")]


@router.get(PATH)
def search(
    request: Request,
    at: At,
    who: Who,
    after: Annotated[int | None, Query(ge=1, le=1 << 62)] = None,
) -> Response:
    """Show rows, newest first: all of them, or those that are looked for."""
    asked, wrong = values(request.query_params, _FIELDS), NONE
    asked = {name: value.strip()[:500] for name, value in asked.items()}
    with at.store.read() as connection:
        try:
            wanted = _wanted(connection, asked)
        except Invalid as error:
            wrong, found = filled.faults(error), auditsearch.Found([], None, 0)
        else:
            found = auditsearch.search(connection, wanted, before=after, limit=LIMIT)
        names = _names(connection, (row.actor for row in found.rows))
        titles = _names(connection, (row.subject for row in found.rows))
    kept = urlencode({name: value for name, value in asked.items() if value})
    return render(
        request,
        at,
        who,
        "audit/list.html",
        status=wrong.status,
        rows=found.rows,
        next=None if found.cursor is None else str(found.cursor),
        looked=found.looked,
        asked=asked,
        narrowed=bool(kept),
        onward=f"{PATH}?{kept}&" if kept else f"{PATH}?",
        start=f"{PATH}?{kept}",
        names=names,
        titles=titles,
        faults=wrong,
        first=after is None,
        chain=at.chain.state(),
        key=at.chain.key_id(),
    )


@router.post(f"{PATH}/verify")
def verify(at: At, who: Changes, given: Given) -> Response:
    """Walk the chain, from where the last walk has ended or from the first row."""
    at.chain.begin(anew=text(given, "anew") == "1")
    return go(f"{PATH}#chain")


@router.post(f"{PATH}/checkpoint")
def export_checkpoint(at: At, who: Changes, given: Given) -> Response:
    """Return a signed checkpoint of what was verified, as a file."""
    try:
        made = at.chain.checkpoint()
    except StoreError as error:
        raise Conflict(str(error)) from None
    with at.store.write() as connection:
        audit.append(
            connection,
            actor=who.actor,
            action="audit.checkpoint",
            subject="audit",
            body={"seq": made.seq, "key": made.key},
            reason=text(given, "reason"),
            now=at.clock(),
        )
    return _file(checkpoint.write(made), f"tidegate-{made.seq}.checkpoint", "application/json")


@router.get(f"{PATH}/key")
def public_key(at: At, who: Who) -> Response:
    """Return the key that checkpoints are verified by, as a file."""
    return _file(at.chain.public_key(), "tidegate-audit.pub", "application/x-pem-file")


@router.get(f"{PATH}/{{seq}}")
def show(
    request: Request, seq: Annotated[int, Path(ge=1, le=1 << 62)], at: At, who: Who
) -> Response:
    """Show a row, with all that its digest is made of."""
    with at.store.read() as connection:
        found = _row(connection, seq)
        names = _names(connection, (found.actor, found.subject))
        more = audit.newest(connection, subject=found.subject, limit=20)
    return render(
        request,
        at,
        who,
        "audit/row.html",
        row=found,
        names=names,
        body=msgspec.json.format(found.body.encode()).decode(),
        whole=msgspec.json.format(msgspec.json.encode(found)).decode(),
        sound=audit.digest(found) == found.hash,
        more=[row for row in more if row.seq != seq],
        where=_where(found),
    )


@router.get(f"{PATH}/{{seq}}/json")
def show_json(seq: Annotated[int, Path(ge=1, le=1 << 62)], at: At, who: Who) -> Response:
    """Return a row as it is exported."""
    with at.store.read() as connection:
        found = _row(connection, seq)
    return Response(msgspec.json.encode(found), media_type="application/json")


def _row(connection: Connection, seq: int) -> Row:
    found = audit.newest(connection, before=seq + 1, limit=1)
    if not found or found[0].seq != seq:
        raise MissingError(f"there is no row {seq}")
    return found[0]


def _wanted(connection: Connection, asked: dict[str, str]) -> Wanted:
    """Return what a form asks for: people by their names, days in UTC, both of them whole."""
    actor = asked["actor"] or None
    if actor is not None and ":" not in actor and actor != "system":
        found = users.by_name(connection, actor)
        if found is None:
            raise _wrong("actor", "Nobody has this name. A key is written key:ID.")
        actor = f"user:{found[0].id}"
    until = _day(asked, "until")
    return Wanted(
        actor=actor,
        action=asked["action"].removesuffix(".") or None,
        subject=asked["subject"] or None,
        since=_day(asked, "since"),
        until=None if until is None else until + DAY,
    )


def _day(asked: dict[str, str], name: Literal["since", "until"]) -> int | None:
    if not asked[name]:
        return None
    try:
        day = date.fromisoformat(asked[name])
        return clock.parse(datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat())
    except ValueError:
        raise _wrong(name, "It should be a day, as in 2026-11-23.") from None


def _wrong(field: str, detail: str) -> Invalid:
    return Invalid(errors=[Fault(pointer=f"/query/{field}", detail=detail)])


def _names(connection: Connection, of: Iterable[str]) -> dict[str, str]:
    return {one: actors.name(connection, one) for one in {*of}}


_PLACES = {
    "bank": f"{HERE}/banks",
    "case": f"{HERE}/cases",
    "policy": f"{HERE}/policies",
    "user": f"{HERE}/users",
}


def _where(row: Row) -> str | None:
    """Return the page of what was done something to, where it has one."""
    kind, _, of = row.subject.partition(":")
    if kind in _PLACES and of and of.replace("-", "").replace(".", "").replace("_", "").isalnum():
        return f"{_PLACES[kind]}/{of}"
    return None


def _file(data: bytes, name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=kind, headers=headers)
