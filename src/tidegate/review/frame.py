"""What all pages have alike: who may see them, forms, how they are drawn, what their errors are."""

import logging
from functools import cache
from typing import Annotated, Any, NamedTuple, cast
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends as Dependency
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

import tidegate
from tidegate import taxonomy
from tidegate.report.visible import visible
from tidegate.review import words
from tidegate.review.static import address
from tidegate.service.auth import Needs, Principal, identify
from tidegate.service.problems import BadRequest, Unauthenticated
from tidegate.service.roles import Scope
from tidegate.service.state import Service, service

logger = logging.getLogger(__name__)

HERE = "/console"
"""Below which all pages are."""

LOGIN = f"{HERE}/login"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""What a page may load and run (CSP Level 3): our own files, and nothing that stands in it."""

SAID = "tidegate-said"
"""The cookie that carries one sentence over to the page that comes next."""

MOST_FIELDS = 500
LARGEST_FIELD = 1 << 18

At = Annotated[Service, Depends(service)]


class Place(NamedTuple):
    """A place of the navigation.

    Attributes:
        title: What it is called.
        path: Where it is.
        scope: Who may go there.
    """

    title: str
    path: str
    scope: Scope


PLACES: tuple[Place, ...] = (
    Place("Queues", f"{HERE}/queues", "review"),
    Place("Items", f"{HERE}/items", "items.read"),
    Place("Appeals", f"{HERE}/appeals", "review"),
    Place("Dashboard", f"{HERE}/dashboard", "audit"),
    Place("Banks", f"{HERE}/banks", "banks.read"),
    Place("Policies", f"{HERE}/policies", "policies.read"),
    Place("Webhooks", f"{HERE}/webhooks", "webhooks"),
    Place("Users", f"{HERE}/users", "users"),
    Place("Keys", f"{HERE}/keys", "keys"),
    Place("Audit", f"{HERE}/audit", "audit"),
)
"""Where one can go, in the order of the day's work."""


class LoginFirstError(Exception):
    """Nobody has logged in here: they are led to where they can, and back."""


async def fields(request: Request) -> FormData:
    """Return the fields of a form that has no file.

    Raises:
        BadRequest: It is no form, or has a file.
    """
    try:
        return await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD)
    except HTTPException:
        raise BadRequest("the form cannot be read") from None


Given = Annotated[FormData, Depends(fields)]
"""What was filled in. The same name several times: ``given.getlist(name)``."""


class Visits(Needs):
    """Lets a person see a page who has some scopes; leads to the login who is nobody."""

    def __call__(self, request: Request, at: At) -> Principal:
        """Return who asks."""
        return self._person(request, at, None)

    def _person(self, request: Request, at: Service, csrf: str | None) -> Principal:
        if "authorization" in request.headers:  # A key is for the API.
            raise LoginFirstError
        try:
            return self.admit(request, at, identify(request, at, csrf=csrf))
        except Unauthenticated:
            raise LoginFirstError from None


class Posts(Visits):
    """Lets a person change something by a form that has the session's CSRF token in it."""

    def __call__(self, request: Request, at: At, given: Given) -> Principal:  # type: ignore[override]
        """Return who asks."""
        return self._person(request, at, text(given, "csrf"))


def visits(*scopes: Scope) -> Dependency:
    """Return the dependency of a page that shows something."""
    return cast(Dependency, Depends(Visits(*scopes)))


def posts(*scopes: Scope) -> Dependency:
    """Return the dependency of a page that changes something."""
    return cast(Dependency, Depends(Posts(*scopes)))


def text(given: FormData, name: str, default: str = "") -> str:
    """Return a field of a form as text, without white space around it."""
    value = given.get(name, default)
    return value.strip() if isinstance(value, str) else default


def render(
    request: Request,
    at: Service,
    who: Principal | None,
    template: str,
    *,
    status: int = 200,
    **values: Any,
) -> Response:
    """Return a page.

    Args:
        request: What is answered.
        at: The service.
        who: Who sees it; or ``None`` where nobody has logged in.
        template: Its name in ``templates``.
        status: HTTP status.
        **values: What the template shows.
    """
    page = (
        _environment()
        .get_template(template)
        .render(
            who=who,
            places=places(who),
            path=request.url.path,
            now=at.clock(),
            said=_heard(request),
            csrf=_csrf(who),
            may=lambda scope: who is not None and scope in who.scopes,
            **values,
        )
    )
    response = HTMLResponse(page, status, headers={"Content-Security-Policy": POLICY})
    if SAID in request.cookies:
        response.delete_cookie(SAID, path=HERE)
    return response


def go(path: str, *, said: str | None = None) -> Response:
    """Lead to another page after a form, where one sentence tells what has happened."""
    response = RedirectResponse(path, 303)
    if said is not None:
        response.set_cookie(
            SAID, quote(said[:500]), max_age=30, path=HERE, httponly=True, samesite="lax"
        )
    return response


def within(path: str | None, otherwise: str = HERE) -> str:
    """Return a path of the console that somebody asks to be led to; any other place is not."""
    if path is None or not path.startswith(f"{HERE}/") or "\\" in path or not path.isprintable():
        return otherwise
    parts = urlsplit(path)
    return otherwise if parts.netloc or parts.scheme else path


def problem(request: Request, error: Exception) -> Response:
    """Return the page of an error."""
    at = request.app.state.service
    if isinstance(error, LoginFirstError):
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        onward = f"?next={quote(wanted, safe='')}" if request.method == "GET" else ""
        return RedirectResponse(LOGIN + onward, 303)
    status, told, headers = 500, "Something went wrong here. It is in the log.", {}
    if isinstance(error, RequestValidationError):
        status, told = 422, "The address or the form is not valid."
    elif isinstance(error, HTTPException):
        status, told, headers = error.status_code, error.detail, dict(error.headers or {})
    response = render(request, at, None, "problem.html", status=status, told=told)
    response.headers.update(headers)
    return response


def places(who: Principal | None) -> tuple[Place, ...]:
    """Return where somebody may go."""
    return tuple(place for place in PLACES if who is not None and place.scope in who.scopes)


def _heard(request: Request) -> str | None:
    said = request.cookies.get(SAID)
    return None if said is None else unquote(said)


def _csrf(who: Principal | None) -> "Csrf":
    return Csrf(who.csrf if who is not None else None)


class Csrf:
    """Writes the hidden field that every form has."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self) -> Markup:
        """Return the field."""
        return Markup('<input type="hidden" name="csrf" value="{}">').format(self._token or "")


def _finalize(value: object) -> object:
    """Make every text that reaches the page safe to look at; escaping comes after."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tidegate.review"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= words.FILTERS
    environment.globals |= {
        "here": HERE,
        "static": address,
        "version": tidegate.__version__,
        "categories": taxonomy.CATEGORIES,
    }
    return environment
