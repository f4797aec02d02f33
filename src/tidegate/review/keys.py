"""API keys: what platforms and tools ask the service with."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from tidegate.review import filled
from tidegate.review.filled import NONE, REFUSED, Faults, some, values
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.service import keys as api
from tidegate.service.auth import Principal
from tidegate.service.keys import Key, MadeKey, NewKey, Rotation
from tidegate.service.roles import SCOPES
from tidegate.service.shape import After
from tidegate.service.state import Service
from tidegate.store import actors, clock, keys
from tidegate.store.error import MissingError

router = APIRouter()

PATH = f"{HERE}/keys"

LIMIT = 50
"""Rows of a page."""

OVERLAPS = ((0, "not at all"), (60, "1 hour"), (24 * 60, "1 day"), (7 * 24 * 60, "7 days"))
"""How long an old key works beside the new one, in minutes."""

_FIELDS = ("name", "expires_at", "reason")

Who = Annotated[Principal, visits("keys")]
Changes = Annotated[Principal, posts("keys")]


@router.get(PATH)
def list_keys(request: Request, at: At, who: Who, after: After = None) -> Response:
    """Show keys, those that have ended among them."""
    page = api.list_keys(at, who, after=after, limit=LIMIT)
    with at.store.read() as connection:
        authors = {key.author for key in page.keys}
        names = {author: actors.name(connection, author) for author in authors}
    now = clock.text(at.clock())
    return render(
        request,
        at,
        who,
        "keys/list.html",
        keys_shown=[(key, _state(key, now)) for key in page.keys],
        names=names,
        next=page.next,
        first=after is None,
    )


@router.get(f"{PATH}/new")
def new(request: Request, at: At, who: Who) -> Response:
    """Show the form of a new key."""
    return _form(request, at, who, values({}, _FIELDS) | {"scopes": ()})


@router.post(PATH)
def create(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Make a key, and show it."""
    ends = text(given, "expires_at")
    # A browser gives a day: the key ends when the day does, in UTC.
    more: dict[str, Any] = {"expires_at": f"{ends}T23:59:59Z"} if ends else {}
    try:
        chosen = some(given, "scopes")
        made = api.create(
            filled.filled(NewKey, given, "name", "reason", scopes=chosen, **more), at, who
        )
    except REFUSED as error:
        shown = values(given, _FIELDS) | {"scopes": some(given, "scopes")}
        return _form(request, at, who, shown, filled.faults(error))
    return _secret(request, at, who, made)


@router.get(f"{PATH}/{{key}}/rotate")
def rotating(request: Request, key: str, at: At, who: Who) -> Response:
    """Ask whether a key is to be exchanged."""
    return _ask(request, at, who, key, "rotate")


@router.post(f"{PATH}/{{key}}/rotate")
def rotate(request: Request, key: str, at: At, who: Changes, given: Given) -> Response:
    """Exchange a key, and show the new one."""
    try:
        how = filled.filled(Rotation, given, "overlap_minutes", "reason")
        made = api.rotate(key, how, at, who)
    except REFUSED as error:
        return _ask(request, at, who, key, "rotate", filled.faults(error))
    return _secret(request, at, who, made)


@router.get(f"{PATH}/{{key}}/revoke")
def revoking(request: Request, key: str, at: At, who: Who) -> Response:
    """Ask whether a key is to be revoked."""
    return _ask(request, at, who, key, "revoke")


@router.post(f"{PATH}/{{key}}/revoke")
def revoke(request: Request, key: str, at: At, who: Changes, given: Given) -> Response:
    """Revoke a key."""
    try:
        gone = api.revoke(key, filled.why(given), at, who)
    except REFUSED as error:
        return _ask(request, at, who, key, "revoke", filled.faults(error))
    return go(PATH, said=f"The key {gone.name} opens nothing any more.")


def _form(
    request: Request, at: Service, who: Principal, given: dict[str, Any], wrong: Faults = NONE
) -> Response:
    return render(
        request,
        at,
        who,
        "keys/form.html",
        status=wrong.status,
        given=given,
        faults=wrong,
        scopes=[(name, f"{name}: {told}") for name, told in SCOPES.items() if name in who.scopes],
    )


def _ask(
    request: Request, at: Service, who: Principal, key: str, what: str, wrong: Faults = NONE
) -> Response:
    with at.store.read() as connection:
        found = keys.get(connection, key)
    if found is None:
        raise MissingError("there is no such key")
    return render(
        request,
        at,
        who,
        f"keys/{what}.html",
        status=wrong.status,
        key=Key.of(found),
        faults=wrong,
        overlaps=OVERLAPS,
    )


def _secret(request: Request, at: Service, who: Principal, made: MadeKey) -> Response:
    """Show a new key, this once: it is in no address, no cookie and no log."""
    return render(request, at, who, "keys/made.html", status=201, key=made.key, token=made.token)


def _state(key: Key, now: str) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "ended" if key.expires_at is not None and key.expires_at <= now else "works"
