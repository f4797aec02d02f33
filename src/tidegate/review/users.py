"""Users: who works here, what they may do, and on which queues."""

import secrets
from typing import Annotated, get_args

from fastapi import APIRouter, Request, Response
from pydantic import SecretStr
from sqlalchemy import Connection

from tidegate.review import filled
from tidegate.review.filled import NONE, REFUSED, Faults, some, values
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.service import users as api
from tidegate.service.auth import Principal
from tidegate.service.roles import ROLES, SCOPES, Role
from tidegate.service.shape import After
from tidegate.service.state import Service
from tidegate.service.users import NewPassword, NewRole, NewUser, User
from tidegate.store import audit, queues, users
from tidegate.store.error import InvalidError, MissingError

router = APIRouter()

PATH = f"{HERE}/users"

LIMIT = 50
"""Rows of a page."""

TOLD: dict[Role, str] = {
    "viewer": "Viewer: sees what was decided and why, and no media",
    "reviewer": "Reviewer: decides cases",
    "lead": "Lead: answers for reviewers, sees figures and the audit record",
    "curator": "Curator: answers for banks and policies",
    "admin": "Admin: everything",
}
"""Each role in words."""

_FIELDS = ("name", "role", "email", "reason")

Who = Annotated[Principal, visits("users")]
Changes = Annotated[Principal, posts("users")]


@router.get(PATH)
def list_users(request: Request, at: At, who: Who, after: After = None) -> Response:
    """Show who works here."""
    page = api.list_users(at, who, after=after, limit=LIMIT)
    with at.store.read() as connection:
        works = {user.id: queues.of_user(connection, user.id) for user in page.users}
    return render(
        request,
        at,
        who,
        "users/list.html",
        users=page.users,
        works=works,
        next=page.next,
        first=after is None,
    )


@router.get(f"{PATH}/new")
def new(request: Request, at: At, who: Who) -> Response:
    """Show the form of a new user."""
    return _form(request, at, who, values({"role": "reviewer"}, _FIELDS))


@router.post(PATH)
def create(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Make a user with a password that is shown once."""
    password = _password()
    try:
        wanted = filled.filled(NewUser, given, *_FIELDS, password=SecretStr(password))
        made = api.create(wanted, at, who)
    except REFUSED as error:
        return _form(request, at, who, values(given, _FIELDS), filled.faults(error))
    return _shown(request, at, who, made, password, fresh=True)


@router.get(f"{PATH}/{{user}}")
def show(request: Request, user: str, at: At, who: Who) -> Response:
    """Show a user."""
    return _page(request, at, who, user)


@router.post(f"{PATH}/{{user}}/role")
def change_role(request: Request, user: str, at: At, who: Changes, given: Given) -> Response:
    """Give a user another role."""
    try:
        made = api.change_role(user, filled.filled(NewRole, given, "role", "reason"), at, who)
    except REFUSED as error:
        return _page(request, at, who, user, filled.faults(error))
    return go(f"{PATH}/{user}", said=f"{made.name} is {made.role} now, and has to log in again.")


@router.post(f"{PATH}/{{user}}/queues")
def change_queues(request: Request, user: str, at: At, who: Changes, given: Given) -> Response:
    """Say on which queues a user works."""
    chosen = some(given, "queues")
    try:
        with at.store.write() as connection:
            there = _choice(connection, user)
            wanted = [queue for queue in chosen if queue in there]
            if chosen and not wanted:  # None would be all of them.
                raise InvalidError("none of these queues is there any more")
            queues.set_for_user(
                connection,
                user,
                wanted,
                actor=who.actor,
                reason=text(given, "reason"),
                now=at.clock(),
            )
    except REFUSED as error:
        return _page(request, at, who, user, filled.faults(error))
    said = "They work on these queues alone." if chosen else "They work on all that they may."
    return go(f"{PATH}/{user}", said=said)


@router.get(f"{PATH}/{{user}}/password")
def setting_password(request: Request, user: str, at: At, who: Who) -> Response:
    """Ask whether a user is to have another password."""
    return _ask(request, at, who, user, "password")


@router.post(f"{PATH}/{{user}}/password")
def set_password(request: Request, user: str, at: At, who: Changes, given: Given) -> Response:
    """Give a user another password, and show it once."""
    password = _password()
    try:
        wanted = filled.filled(NewPassword, given, "reason", password=SecretStr(password))
        made = api.change_password(user, wanted, at, who)
    except REFUSED as error:
        return _ask(request, at, who, user, "password", filled.faults(error))
    return _shown(request, at, who, made, password, fresh=False)


@router.get(f"{PATH}/{{user}}/disable")
def disabling(request: Request, user: str, at: At, who: Who) -> Response:
    """Ask whether a user is to be disabled."""
    return _ask(request, at, who, user, "disable")


@router.post(f"{PATH}/{{user}}/disable")
def disable(request: Request, user: str, at: At, who: Changes, given: Given) -> Response:
    """Let a user log in no more."""
    try:
        made = api.disable(user, filled.why(given), at, who)
    except REFUSED as error:
        return _ask(request, at, who, user, "disable", filled.faults(error))
    return go(f"{PATH}/{user}", said=f"{made.name} logs in no more.")


def _form(
    request: Request,
    at: Service,
    who: Principal,
    given: dict[str, str],
    wrong: Faults = NONE,
) -> Response:
    return render(
        request,
        at,
        who,
        "users/form.html",
        status=wrong.status,
        given=given,
        faults=wrong,
        roles=TOLD.items(),
    )


def _choice(connection: Connection, user: str) -> list[str]:
    """Return the queues to choose from. One of theirs that is empty now stays among them."""
    return sorted({*queues.known(connection), *queues.of_user(connection, user)})


def _page(
    request: Request, at: Service, who: Principal, user: str, wrong: Faults = NONE
) -> Response:
    found = _found(at, user)
    with at.store.read() as connection:
        past = audit.newest(connection, subject=f"user:{user}", limit=10)
        known, works = _choice(connection, user), queues.of_user(connection, user)
    role: Role = next(one for one in get_args(Role) if one == found.role)
    return render(
        request,
        at,
        who,
        "users/user.html",
        status=wrong.status,
        user=found,
        faults=wrong,
        roles=TOLD.items(),
        reviews="review" in ROLES[role],
        known=[(queue, queue) for queue in known],
        works=works,
        scopes=[told for scope, told in SCOPES.items() if scope in ROLES[role]],
        past=past,
    )


def _ask(
    request: Request, at: Service, who: Principal, user: str, what: str, wrong: Faults = NONE
) -> Response:
    return render(
        request,
        at,
        who,
        f"users/{what}.html",
        status=wrong.status,
        user=_found(at, user),
        faults=wrong,
    )


def _shown(
    request: Request, at: Service, who: Principal, user: User, password: str, *, fresh: bool
) -> Response:
    """Show a password, this once: it is in no address, no cookie and no log."""
    return render(
        request, at, who, "users/made.html", status=201, user=user, secret=password, fresh=fresh
    )


def _found(at: Service, user: str) -> User:
    with at.store.read() as connection:
        found = users.get(connection, user)
    if found is None:
        raise MissingError("there is no such user")
    return User.of(found)


def _password() -> str:
    """Return a password of 120 bits that can be read out."""
    text = secrets.token_hex(15)
    return "-".join(text[start : start + 6] for start in range(0, len(text), 6))
