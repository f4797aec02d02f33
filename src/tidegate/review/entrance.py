"""The way in and out: logging in by a form, where a role begins its day, one's own account."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import SecretStr, ValidationError
from starlette.responses import RedirectResponse

from tidegate.review.frame import (
    HERE,
    LOGIN,
    LOGOUT,
    At,
    Given,
    Kept,
    go,
    posts,
    render,
    same_site,
    text,
    visits,
    within,
)
from tidegate.service import login as service_login
from tidegate.service.auth import Principal, identify
from tidegate.service.login import Login, OwnPassword, WrongLogin
from tidegate.service.problems import Invalid, TooMany, Unauthenticated
from tidegate.service.roles import Role
from tidegate.service.state import Service
from tidegate.store import audit, sessions

router = APIRouter()

BEGIN: dict[Role, str] = {
    "viewer": f"{HERE}/items",
    "reviewer": f"{HERE}/queues",
    "lead": f"{HERE}/dashboard",
    "curator": f"{HERE}/banks",
    "admin": f"{HERE}/dashboard",
}
"""Where the day of each role begins."""

WRONG = "There is no such name, or it has another password."


@router.get("/")
def root() -> Response:
    """Lead to the console."""
    return RedirectResponse(HERE, 303)


@router.get(HERE)
def home(who: Annotated[Principal, visits()]) -> Response:
    """Lead to where a role begins its day."""
    return RedirectResponse(BEGIN[who.role], 303)


@router.get(LOGIN)
def login_page(request: Request, at: At, next: str = HERE) -> Response:
    """Show the form; whoever is logged in already is led on."""
    try:
        identify(request, at)
    except Unauthenticated:
        return render(request, at, None, "login.html", next=within(next), kept=None)
    return RedirectResponse(within(next), 303)


@router.post(LOGIN)
def login(request: Request, at: At, given: Given) -> Response:
    """Open a session, and lead to where somebody wanted to go.

    What they had filled in when an earlier login ended is shown to be sent again, and not sent:
    nobody but they can say whether it still holds.
    """
    same_site(request)
    kept, onward = Kept.read(given), within(text(given, "next"))
    answer = go(onward)
    try:
        asked = Login(name=text(given, "name"), password=_secret(given, "password"))
        me = service_login.login(asked, request, answer, at)
    except (ValidationError, WrongLogin):
        return _refused(request, at, given, kept, onward, 401, WRONG)
    except TooMany as error:
        seconds = (error.headers or {})["Retry-After"]
        told = f"That was tried too often. Try again in {seconds} seconds."
        return _refused(request, at, given, kept, onward, 429, told)
    if kept is None:
        return answer
    page = render(request, at, None, "again.html", kept=kept, token=me.csrf)
    page.raw_headers += [one for one in answer.raw_headers if one[0] == b"set-cookie"]
    return page


def _refused(
    request: Request,
    at: Service,
    given: Given,
    kept: Kept | None,
    onward: str,
    status: int,
    told: str,
) -> Response:
    values = {"next": onward, "kept": kept, "name": text(given, "name"), "error": told}
    return render(request, at, None, "login.html", status=status, **values)


@router.post(LOGOUT)
def logout(at: At, who: Annotated[Principal, posts()]) -> Response:
    """End the session."""
    answer = go(LOGIN, said="You are logged out.")
    service_login.logout(answer, at, who)
    return answer


@router.get(f"{HERE}/account")
def account(request: Request, at: At, who: Annotated[Principal, visits()]) -> Response:
    """Show who one is, where one is logged in, and the form for another password."""
    return _account(request, at, who)


def _account(
    request: Request, at: Service, who: Principal, status: int = 200, **errors: str
) -> Response:
    with at.store.read() as connection:
        logins = sessions.of_user(connection, who.id, now=at.clock())
    return render(request, at, who, "account.html", status=status, logins=logins, errors=errors)


@router.post(f"{HERE}/account/password")
def password(
    request: Request, at: At, given: Given, who: Annotated[Principal, posts()]
) -> Response:
    """Change one's own password: all logins end but this one, which is opened anew."""
    new = _secret(given, "password-new")
    if new != _secret(given, "password-again"):
        return _account(request, at, who, 422, again="The two are not the same.")
    answer = go(f"{HERE}/account", said="Your password is changed. All other logins have ended.")
    try:
        asked = OwnPassword(old=_secret(given, "password-old"), new=new)
        service_login.own_password(asked, request, answer, at, who)
    except ValidationError:
        return _account(request, at, who, 422, new="This cannot be read.")
    except Invalid as error:
        return _account(request, at, who, 422, new=error.errors[0].detail)
    except WrongLogin:
        return _account(request, at, who, 422, old="This is not your password.")
    return answer


@router.post(f"{HERE}/account/logout")
def logout_everywhere(at: At, who: Annotated[Principal, posts()]) -> Response:
    """End all of one's own sessions, this one as well."""
    now = at.clock()
    with at.store.write() as connection:
        ended = sessions.end_all(connection, who.id, now=now)
        audit.append(
            connection,
            actor=who.actor,
            action="logout.everywhere",
            subject=who.actor,
            body={"sessions_ended": ended},
            now=now,
        )
    return go(LOGIN, said="You are logged out everywhere.")


def _secret(given: Given, name: str) -> SecretStr:
    """Return a password as it was typed: white space is part of it."""
    value = given.get(name)
    return SecretStr(value if isinstance(value, str) else "")
