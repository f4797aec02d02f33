"""Logging in and out, who one is, and the first admin."""

import hashlib
import json
import secrets
from base64 import b64encode
from importlib.resources import files
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import HTMLResponse

from tidegate.service.auth import Principal, cookie_name, needs
from tidegate.service.problems import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    Problem,
    TooMany,
    problem_responses,
)
from tidegate.service.roles import ROLES, Role, Scope
from tidegate.service.secret import Secret
from tidegate.service.shape import Hidden, Shape
from tidegate.service.state import Service, service
from tidegate.service.tokens import new_session, opens_first
from tidegate.service.users import Name, Password, hashed
from tidegate.service.whence import network
from tidegate.store import audit, sessions, users
from tidegate.store.clock import SECOND

router = APIRouter(tags=["login"])

LOGIN = "login"
"""What a login is called in the audit chain."""

REMEMBERED = 200
"""Rows of the audit chain about a user, the newest, that tell where they have logged in."""

At = Annotated[Service, Depends(service)]


class WrongLogin(Problem):
    """No such name, or not its password; which of these is not said."""

    slug, title, status = "wrong-login", "The name or the password is wrong", 401


class Login(Shape):
    """A name and a password."""

    name: str = Field(description="What one logs in with.", max_length=200, examples=["ada"])
    password: Hidden = Field(
        description="The password.", examples=["a sentence that nobody else has said"]
    )


class First(Shape):
    """The first admin."""

    token: Hidden = Field(
        description="From the link that the first start has printed: what is behind its `#`.",
        examples=["tga_" + "x" * 43],
    )
    name: Name
    password: Password


class OwnPassword(Shape):
    """Another password for oneself."""

    old: Hidden = Field(description="The one until now.", examples=["what I said before"])
    new: Password


class Me(Shape):
    """Who one is."""

    kind: Literal["user", "key"] = Field(description="A person or a key.", examples=["user"])
    id: str = Field(description="Its id.", examples=["0199c0de-0000-7000-8000-000000000001"])
    name: str = Field(description="Its name.", examples=["ada"])
    role: Role = Field(description="The role.", examples=["reviewer"])
    scopes: tuple[Scope, ...] = Field(
        description="What may be done.", examples=[["items.read", "review"]]
    )
    csrf: str | None = Field(
        description="Of a session: what `X-CSRF-Token` has to be in requests that change "
        "something.",
        examples=["kq5xVNbMFtRZ0Vt3m2hYMw"],
    )


@router.post(
    "/v1/login", summary="Log in", responses=problem_responses(WrongLogin, Invalid, TooMany)
)
def login(given: Login, request: Request, response: Response, at: At) -> Me:
    """Opens a session: 12 hours at most, and two hours without use. Its cookie is for the browser.

    How often a name is tried, and how often an address tries, is limited; a network from which
    the user has logged in before has a share of its own, that no stranger can use up. The time
    that an answer takes is the same whether there is such a user or not.
    """
    now, whence = at.clock(), network(request)
    _slow_down(at, request, given.name)
    with at.store.read() as connection:
        found = users.by_name(connection, given.name) if "\0" not in given.name else None
    user, stored = (None, None) if found is None else found
    checked = at.passwords.check(Secret(given.password.get_secret_value()), stored)
    if user is None or user.disabled_at is not None or not checked.right:
        with at.store.write() as connection:
            at.refusals.note(connection, user.id if user else None, whence, now=now)
        raise WrongLogin
    with at.store.write() as connection:
        # The role may have changed, or the password, since it was checked.
        if users.by_name(connection, user.name, hold=True) != found:
            raise WrongLogin
        if checked.rehash is not None:
            users.rehash(connection, user.id, checked.rehash)
        at.refusals.tell(connection, now=now)
        audit.append(
            connection,
            actor=f"user:{user.id}",
            action=LOGIN,
            subject=f"user:{user.id}",
            body={"address": whence},
            now=now,
        )
        return _open(connection, at, user, response, now)


@router.post("/v1/logout", status_code=204, summary="Log out")
def logout(response: Response, at: At, who: Annotated[Principal, needs()]) -> None:
    """Ends the session, here and in the database. A key stays as it is."""
    if who.session is None:
        return
    now = at.clock()
    with at.store.write() as connection:
        sessions.end(connection, who.session, now=now)
        audit.append(
            connection, actor=who.actor, action="logout", subject=who.actor, body={}, now=now
        )
    _set_cookie(response, at, "", 0)


@router.get("/v1/whoami", summary="Who one is")
def whoami(who: Annotated[Principal, needs()]) -> Me:
    """With the CSRF token, where it is a session."""
    return Me(
        kind=who.kind,
        id=who.id,
        name=who.name,
        role=who.role,
        scopes=tuple(sorted(who.scopes)),
        csrf=who.csrf,
    )


@router.post(
    "/v1/password",
    summary="Change one's own password",
    responses=problem_responses(WrongLogin, Forbidden, Invalid, TooMany),
)
def own_password(
    given: OwnPassword,
    request: Request,
    response: Response,
    at: At,
    who: Annotated[Principal, needs()],
) -> Me:
    """Ends all one's sessions and opens a new one."""
    if who.kind != "user":
        raise Forbidden("a key has no password")
    _slow_down(at, request, who.name)
    now = at.clock()
    with at.store.read() as connection:
        found = users.by_name(connection, who.name)
    if (
        found is None
        or not at.passwords.check(Secret(given.old.get_secret_value()), found[1]).right
    ):
        raise WrongLogin
    password = hashed(at, given.new)
    with at.store.write() as connection:
        if users.by_name(connection, who.name, hold=True) != found:
            raise WrongLogin
        user = users.set_password(
            connection, who.id, password, actor=who.actor, reason="their own", now=now
        )
        return _open(connection, at, user, response, now)


@router.post(
    "/v1/first",
    status_code=201,
    summary="Make the first admin",
    responses=problem_responses(Gone, Invalid, Conflict, TooMany),
)
def first(given: First, request: Request, response: Response, at: At) -> Me:
    """Works once, by the link of the first start, while there is no admin."""
    now = at.clock()
    _slow_down(at, request, given.name)
    link = at.first
    if link is None or not opens_first(
        Secret(given.token.get_secret_value()), link.digest, link.expires, now / SECOND
    ):
        raise Gone("the link is not good, or not any more: start the service anew for another")
    password = hashed(at, given.password)
    with at.store.write() as connection:
        # What makes the link work once, in any number of processes, is that there is an admin.
        users.lock(connection)
        if users.has_admin(connection):
            raise Gone("there is an admin already")
        user = users.add(
            connection,
            name=given.name,
            role="admin",
            password=password,
            actor=None,
            reason="by the link of the first start",
            now=now,
        )
        me = _open(connection, at, user, response, now)
    at.first = None
    return me


@router.get("/welcome", include_in_schema=False)
async def welcome() -> HTMLResponse:
    """Return the page that the link of the first start leads to."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


def _slow_down(at: Service, request: Request, name: str) -> None:
    """Refuse what is tried too often.

    Strangers are limited by network, by network and name, and by name. Whoever asks from where
    the user has logged in before is let through by a limit that strangers have no part in.
    """
    whence, limits = network(request), at.limits
    wait = (
        limits.login_address.take(whence)
        or limits.login_here.take(f"{whence} {name}")
        or limits.login_name.take(name)
    )
    if wait and (user := _user_of(at, name, whence)):
        wait = limits.login_known.take(f"{whence} {user}")
    if wait:
        raise TooMany(wait)


def _user_of(at: Service, name: str, network: str) -> str | None:
    """Return the user of a name, where one of their last logins was from a network."""
    with at.store.read() as connection:
        found = users.by_name(connection, name) if "\0" not in name else None
        if found is None:
            return None
        own = audit.newest(connection, subject=f"user:{found[0].id}", limit=REMEMBERED)
    logins = (json.loads(row.body) for row in own if row.action == LOGIN)
    return found[0].id if any(login["address"] == network for login in logins) else None


def _open(
    connection: Connection, at: Service, user: users.User, response: Response, now: int
) -> Me:
    made = new_session()
    csrf = secrets.token_urlsafe(32)
    ends = sessions.start(connection, digest=made.digest, user=user.id, csrf=csrf, now=now)
    _set_cookie(response, at, made.token.text(), (ends - now) // SECOND)
    role = cast(Role, user.role)
    return Me(
        kind="user",
        id=user.id,
        name=user.name,
        role=role,
        scopes=tuple(sorted(ROLES[role])),
        csrf=csrf,
    )


def _set_cookie(response: Response, at: Service, value: str, seconds: int) -> None:
    response.set_cookie(
        cookie_name(at),
        value,
        max_age=seconds,
        path="/",
        secure=at.settings.secure,
        httponly=True,
        samesite="lax",
    )


def _digest(tag: str) -> str:
    """Return the source by which a policy lets what is within a tag of the page run (CSP 3)."""
    inside = _PAGE.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    return f"'sha256-{b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"


_PAGE = files(__package__).joinpath("welcome.html").read_text("utf-8")
_POLICY = (
    f"default-src 'none'; script-src {_digest('script')}; style-src {_digest('style')}; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
