"""Items: finding one, and all that is known of it.

Webhooks and mails lead here. Nothing here decides: who wants an item decided anew opens a case.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, RedirectResponse

from tidegate.evidence import ACTIONS
from tidegate.review.around import around
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.review.known import known
from tidegate.review.looks import looks
from tidegate.service import appeals as appeals_api
from tidegate.service import items as api
from tidegate.service import opening
from tidegate.service.auth import Principal
from tidegate.service.calling import called
from tidegate.service.problems import NotFound
from tidegate.service.shape import Why
from tidegate.service.state import Service
from tidegate.store import (
    cases,
    clock,
    decisions,
    exposure,
    items,
)
from tidegate.store.clock import SECOND
from tidegate.store.items import Filter, Item, State

router = APIRouter()

PATH = f"{HERE}/items"

PAGE = 50
"""Items of a page of the list."""

SHOWN = 10 * SECOND
"""What is booked where a page without scripts shows a picture: nobody tells how long."""

LONGEST = 500

STATES: tuple[State, ...] = get_args(State)

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Reads = Annotated[Principal, visits("items.read")]
Writes = Annotated[Principal, posts("items.write")]
Sees = Annotated[Principal, posts("media.read")]
Reviews = Annotated[Principal, posts("review")]
Id = Annotated[str, Path(max_length=36)]
Word = Annotated[str, Query(max_length=LONGEST)]


@router.get(PATH)
def search(
    request: Request,
    at: At,
    who: Reads,
    q: Word = "",
    state: Word = "",
    action: Word = "",
    surface: Word = "",
    uploader: Word = "",
    since: Word = "",
    until: Word = "",
    pictures: Word = "",
    after: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """List items, newest first, or lead to the one that was asked for."""
    asked = {"q": q, "state": state, "action": action, "surface": surface, "uploader": uploader}
    asked |= {"since": since, "until": until, "pictures": pictures}
    asked = {name: value.strip() for name, value in asked.items() if value.strip()}
    which, errors = _filter(asked)
    found = items.Page([], None)
    shown: dict[str, Any] = {}
    with at.store.read() as connection:
        if set(asked) == {"q"} and not after and (place := _place(connection, asked["q"])):
            return RedirectResponse(place, 303)
        if not errors:
            found = items.page(connection, which, limit=PAGE, cursor=after or None)
        if asked.get("pictures") and "media.read" in who.scopes:
            shown = dict(looks(connection, at, who, (item.id for item in found.items)))
    if set(asked) == {"q"} and not after and found.cursor is None and len(found.items) == 1:
        return RedirectResponse(f"{PATH}/{found.items[0].id}", 303)
    return render(
        request,
        at,
        who,
        "items/list.html",
        status=422 if errors else 200,
        found=found,
        shown=shown,
        asked=asked,
        errors=errors,
        after=after,
        states=[(state, state) for state in STATES],
        actions=[(action, action) for action in ACTIONS],
        unpictured={name: value for name, value in asked.items() if name != "pictures"},
    )


@router.get(f"{PATH}/{{item}}")
def show(request: Request, item: Id, at: At, who: Reads) -> Response:
    """Show all that is known of an item."""
    with at.store.read() as connection:
        mine = _mine(connection, at, who, item)
    if mine is not None:
        return go(
            f"{HERE}/cases/{mine}",
            said="You have this item before you. What others have said of it comes after.",
        )
    return _page(request, at, who, item)


@router.post(f"{PATH}/{{item}}/rescan")
def rescan(item: Id, at: At, who: Writes, given: Given) -> Response:
    """Have an item judged again."""
    api.rescan(item, _why(given), Response(), at, who)
    return go(f"{PATH}/{item}", said="It is judged again, as soon as there is time.")


@router.post(f"{PATH}/{{item}}/delete")
def delete(item: Id, at: At, who: Writes, given: Given) -> Response:
    """Delete the media of an item."""
    api.delete_media(item, at, who, _why(given).reason)
    return go(f"{PATH}/{item}", said="The media is deleted. The record stays.")


@router.post(f"{PATH}/{{item}}/case")
def open_case(item: Id, at: At, who: Reviews, given: Given) -> Response:
    """Have an item before a person."""
    with at.store.write() as connection:
        case = called(connection, item, actor=who.actor, reason=_why(given).reason, now=at.clock())
    return go(f"{HERE}/cases/{case.id}", said="The case is open.")


@router.post(f"{PATH}/{{item}}/notice")
def notice(request: Request, item: Id, at: At, who: Writes) -> Response:
    """Make a link for the uploader. It stands on this page alone, in no address and no cookie."""
    made = appeals_api.notify(item, at, who)
    return render(request, at, who, "items/notice.html", notice=made, item=item)


@router.post(f"{PATH}/{{item}}/show")
def unveil(request: Request, item: Id, at: At, who: Sees) -> Response:
    """Show an item with its picture unveiled, for pages without scripts."""
    request.state.private = True
    with at.store.write(durable=False) as connection:
        category = _category(connection, _need(connection, item))
        exposure.book(connection, who.id, category, SHOWN, now=at.clock())
    return _page(request, at, who, item, unveiled=True)


@router.post(f"{PATH}/{{item}}/seen")
def book(request: Request, item: Id, at: At, who: Sees, given: Given) -> Response:
    """Book what was seen unblurred; the page tells, and is told what that makes."""
    request.state.private = True
    now = at.clock()
    with at.store.write(durable=False) as connection:
        category = _category(connection, _need(connection, item))
        exposure.book(connection, who.id, category, clock.span(_seconds(given)), now=now)
        told = around(connection, who, now=now)
    return JSONResponse(
        {"seconds": told.seen // SECOND, "soft": told.soft, "capped": told.capped},
        headers={"Cache-Control": "no-store"},
    )


def _page(
    request: Request, at: Service, who: Principal, item: str, *, unveiled: bool = False
) -> Response:
    with at.store.read() as connection:
        told = known(connection, at, who, _need(connection, item))
    return render(
        request,
        at,
        who,
        "items/show.html",
        known=told,
        item=told.item,
        base=f"{PATH}/{told.item.id}",
        unveiled=unveiled and told.links is not None and not told.links.capped,
    )


def _need(connection: Connection, item: str) -> Item:
    found = items.get(connection, item)
    if found is None:
        raise NotFound("there is no such item")
    return found


def _mine(connection: Connection, at: Service, who: Principal, item: str) -> str | None:
    """Return the case of an item that somebody works on, whatever its kind.

    Whoever is asked for an opinion of their own is not to look the others' up here; and were only
    they led away, they would know that they are.
    """
    held = cases.all_of_item(connection, item) if "review" in who.scopes else []
    now = at.clock()
    mine = (c.id for c in held if c.state == "open" and c.holder(now) == who.actor)
    return next(mine, None)


def _place(connection: Connection, asked: str) -> str | None:
    """Return the page of the item or the case that has an id, or ``None``."""
    if not _ID.fullmatch(asked.lower()):
        return None
    if items.get(connection, asked.lower()) is not None:
        return f"{PATH}/{asked.lower()}"
    return f"{HERE}/cases/{asked.lower()}" if cases.get(connection, asked.lower()) else None


def _filter(asked: dict[str, str]) -> tuple[Filter, dict[str, str]]:
    """Return which items are asked for, and what is wrong with that by the name of the field."""
    errors: dict[str, str] = {}
    told: dict[str, Any] = {n: asked[n] for n in ("surface", "uploader") if n in asked}
    q = asked.get("q")
    if q is not None:
        digest = _SHA256.fullmatch(q.lower()) is not None
        told |= {"sha256": q.lower()} if digest else {"external_id": q}
    for name, all_of in (("state", STATES), ("action", ACTIONS)):
        if name in asked and asked[name] not in all_of:
            errors[name] = f"There is no {name} of this name."
        elif name in asked:
            told[name] = asked[name]
    for name, days in (("since", 0), ("until", 1)):
        if name not in asked:
            continue
        try:
            told[name] = _day(asked[name], days)
        except (ValueError, OverflowError):
            errors[name] = "This is no date, as in 2026-11-23."
    return (Filter() if errors else Filter(**told)), errors


def _day(written: str, later: int) -> int:
    """Return the beginning of a day in UTC, or of one so many days later."""
    day = date.fromisoformat(written) + timedelta(days=later)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return clock.parse(midnight.isoformat())


def _category(connection: Connection, item: Item) -> str:
    made = None if item.decision is None else decisions.get(connection, item.decision)
    return "" if made is None else opening.cause(made.decision, made.evidence).category


def _why(given: FormData) -> Why:
    return Why(reason=text(given, "reason")[:2000])


def _seconds(given: FormData) -> float:
    try:
        seconds = float(text(given, "seconds", "0"))
    except ValueError:
        return 0.0
    return seconds if 0 < seconds <= 3600 else 0.0
