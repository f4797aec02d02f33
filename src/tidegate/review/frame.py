"""What all pages have alike: who may see them, forms, how they are drawn, what their errors are."""

import logging
from functools import cache
from typing import Annotated, Any, NamedTuple, Self, cast
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends as Dependency
from jinja2 import Environment
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

import tidegate
from tidegate import taxonomy
from tidegate.report.page import environment
from tidegate.report.words import plural
from tidegate.review import words
from tidegate.review.static import address
from tidegate.service.auth import Needs, Principal, identify
from tidegate.service.problems import BadRequest, Forbidden, Problem, Unauthenticated
from tidegate.service.roles import SCOPES, Scope
from tidegate.service.state import Service, service
from tidegate.store import preferences

logger = logging.getLogger(__name__)

HERE = "/console"
"""Below which all pages are."""

LOGIN = f"{HERE}/login"

LOGOUT = f"{HERE}/logout"

KEPT = "kept"
"""The field of the login that says where a form was to go; those of the form have it before."""

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

    def holds(self, path: str) -> bool:
        """Return whether a page is here or below."""
        return path == self.path or path.startswith(f"{self.path}/")


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


WRONG: dict[int, tuple[str, str]] = {
    400: ("That cannot be read", "The form is broken, or too large."),
    403: ("You may not do this", "Your role has no part in it. An admin gives roles."),
    404: ("There is nothing here", "The address is wrong, or what was here is not any more."),
    405: ("There is nothing here", "This address takes a form and shows no page."),
    409: ("Something has changed meanwhile", "Look at it again, and decide anew."),
    410: ("It is not there any more", "It was deleted. Its record stays."),
    413: ("That is too large", "The form has more in it than is taken."),
    422: ("That is not valid", "The address or the form has something in it that makes no sense."),
    429: ("That was too often", "Wait a moment, then try again."),
    500: ("Something went wrong here", "It was not your doing. The log says what it was."),
    503: ("Not right now", "The database cannot be reached. Try again in a moment."),
}
"""What went wrong, by the status: a heading, and a sentence where nothing more is known."""


class LoginFirstError(Exception):
    """Nobody has logged in here: they are led to where they can, and back.

    Attributes:
        given: What they have filled in, where they have sent a form; it is not lost.

    Args:
        given: The same.
    """

    def __init__(self, given: FormData | None = None) -> None:
        super().__init__("log in first")
        self.given = given


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
    """Lets a person see a page who has some scopes; leads to the login who is nobody.

    Attributes:
        used: Whether it keeps a session from ending for want of use.
    """

    used = True

    def __call__(self, request: Request, at: At) -> Principal:
        """Return who asks."""
        return self._person(request, at, None)

    def _person(self, request: Request, at: Service, csrf: str | None) -> Principal:
        if "authorization" in request.headers:  # A key is for the API.
            raise LoginFirstError
        try:
            who = identify(request, at, csrf=csrf, used=self.used)
        except Unauthenticated:
            raise LoginFirstError from None
        request.state.who = who
        return self.admit(request, at, who)


class Listens(Visits):
    """Lets a page ask for what is new, by itself: nobody need be there."""

    used = False


class Posts(Visits):
    """Lets a person change something by a form that has the session's CSRF token in it."""

    def __call__(self, request: Request, at: At, given: Given) -> Principal:  # type: ignore[override]
        """Return who asks."""
        same_site(request)
        try:
            return self._person(request, at, text(given, "csrf"))
        except LoginFirstError:
            raise LoginFirstError(given) from None


def same_site(request: Request) -> None:
    """Refuse a form that stands on another site.

    Without a session there is no token that another site cannot know, and what is kept of a form
    must not be anybody else's idea. Every browser that reaches us by https, or on this machine,
    says where a form stood (W3C Fetch Metadata). ``Origin`` would be ``null`` under our own
    referrer policy.

    Raises:
        Forbidden: It does.
    """
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise Forbidden("a form of another site changes nothing here")


def visits(*scopes: Scope) -> Dependency:
    """Return the dependency of a page that shows something."""
    return cast(Dependency, Depends(Visits(*scopes)))


def listens(*scopes: Scope) -> Dependency:
    """Return the dependency of what a page asks by itself."""
    return cast(Dependency, Depends(Listens(*scopes)))


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
            keys=_keys(at, who),
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
    above = {".", ".."} & set(unquote(parts.path).split("/"))
    return otherwise if parts.netloc or parts.scheme or above else path


def problem(request: Request, error: Exception) -> Response:
    """Return the page of an error."""
    at = request.app.state.service
    if isinstance(error, LoginFirstError):
        return _login_first(request, at, error)
    status, told, headers = 500, "", {}
    if isinstance(error, RequestValidationError):
        status = 422
    elif isinstance(error, HTTPException):
        status, headers = error.status_code, dict(error.headers or {})
        if isinstance(error, Problem) and error.detail != error.title:
            told = error.detail  # The framework's words are not ours.
    page = _wrong(request, at, _who(request, at), status, told)
    page.headers.update(headers)
    return page


def failed(request: Request) -> Response:
    """Return the page of what nobody expected; the database is not asked for it."""
    return _wrong(request, request.app.state.service, None, 500, "")


def _wrong(
    request: Request, at: Service, who: Principal | None, status: int, told: str
) -> Response:
    heading, otherwise = WRONG.get(status, WRONG[500])
    told = f"{told[0].upper()}{told[1:].rstrip('.')}." if told else otherwise
    values = {"heading": heading, "told": told}
    return render(request, at, who, "problem.html", status=status, **values)


def _login_first(request: Request, at: Service, error: LoginFirstError) -> Response:
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(b"event: over\ndata: {}\n\n", media_type="text/event-stream")
    if error.given is None or request.url.path == LOGOUT:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        onward = f"?next={quote(asked, safe='')}" if request.method == "GET" else ""
        return RedirectResponse(LOGIN + onward, 303)
    kept = Kept.of(request.url.path, error.given)
    return render(request, at, None, "login.html", status=401, kept=kept, next=HERE)


class Kept(NamedTuple):
    """A form that came when its sender's login had ended.

    Attributes:
        path: Where it was to go.
        fields: Names and values, without passwords and the token.
    """

    path: str
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, path: str, given: FormData) -> Self:
        """Return what is kept of a form."""
        return cls(path, tuple(p for p in _plain(given) if not p[0].startswith(_UNKEPT)))

    @classmethod
    def read(cls, given: FormData) -> Self | None:
        """Return what was kept, from the form of the login that carried it on."""
        path = within(text(given, KEPT), "")
        if not path:
            return None
        prefix = f"{KEPT}."
        carried = (pair for pair in _plain(given) if pair[0].startswith(prefix))
        return cls(path, tuple((name.removeprefix(prefix), value) for name, value in carried))


_UNKEPT = ("csrf", "password")


def _plain(given: FormData) -> list[tuple[str, str]]:
    return [(name, value) for name, value in given.multi_items() if isinstance(value, str)]


def _who(request: Request, at: Service) -> Principal | None:
    """Return who asks, for the frame of a page that tells what went wrong."""
    if (known := getattr(request.state, "who", None)) is not None:
        return cast(Principal, known)
    if request.method != "GET":
        return None
    try:
        return Visits()(request, at)
    except (LoginFirstError, HTTPException):
        return None


def places(who: Principal | None) -> tuple[Place, ...]:
    """Return where somebody may go."""
    return tuple(place for place in PLACES if who is not None and place.scope in who.scopes)


def _keys(at: Service, who: Principal | None) -> bool:
    """Return whether single keys act, for somebody."""
    if who is None:
        return True
    with at.store.read() as connection:
        return preferences.get(connection, who.id).keys


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


@cache
def _environment() -> Environment:
    # Reports have parts that pages show as they are: reasons, the timeline.
    made = environment("tidegate.review", "tidegate.report")
    made.filters |= words.FILTERS
    made.globals |= {
        "here": HERE,
        "plural": plural,
        "scopes": SCOPES,
        "static": address,
        "version": tidegate.__version__,
        "categories": taxonomy.CATEGORIES,
    }
    return made
