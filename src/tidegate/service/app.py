"""The application: every router, and what all of them have alike.

How to write a route here:

- A noun is a file with a ``router``; it has its line in :data:`ROUTERS`.
- Every route says who may: ``who: Annotated[Principal, needs("items.read")]``. The service is
  ``at: Annotated[Service, Depends(service)]``. A test refuses a route without the first.
- Bodies and answers are pydantic models, frozen, with ``extra="forbid"`` and an example for each
  field. Only what has a schema of its own already travels as it is: evidence and decisions, by
  the types of :mod:`~tidegate.service.embedded`.
- Every route has a summary, a docstring for its description, an example and its problems:
  ``responses=problem_responses(NotFound, ...)``. 401, 403, 422, 429 and 503 are added to all.
- Routes are plain ``def`` where they use the database: they run in a thread. ``async def`` is
  for streaming, and never calls the store.
- Errors of the store are answered by :data:`ERRORS`; a route catches none of them for that.
- What works in the background is started by :mod:`~tidegate.service.start`. What is to be loaded
  before requests are served adds its check to ``service.checks``; what is counted is in
  ``service.meters``.
- Times are ISO 8601 text (:func:`tidegate.store.clock.text`), ids are text.
"""

import logging
import re
from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope as Asked

import tidegate
from tidegate.service import (
    appeals,
    banks,
    cases,
    deliveries,
    health,
    hma,
    items,
    keys,
    login,
    media,
    metrics,
    notices,
    openapi,
    policies,
    problems,
    users,
    webhooks,
)
from tidegate.service.accesslog import AccessLog, Failed
from tidegate.service.headers import SecurityHeaders
from tidegate.service.limits import BodyLimit
from tidegate.service.paths import PlainPaths
from tidegate.service.problems import Conflict, Invalid, NotFound, Problem, Unavailable
from tidegate.service.state import Service
from tidegate.store.error import (
    ConflictError,
    InvalidError,
    LeaseLostError,
    MissingError,
    StateError,
    StoreError,
)

logger = logging.getLogger(__name__)

ROUTERS: tuple[APIRouter, ...] = (
    items.router,
    login.router,
    keys.router,
    users.router,
    health.router,
    metrics.router,
    banks.router,
    policies.router,
    hma.router,
    cases.router,
    appeals.router,
    media.router,
    webhooks.router,
    deliveries.router,
)
"""What is served, one line each. They are tried in this order: what is asked most comes first."""

UPLOADS: tuple[str, ...] = (
    "/v1/items",
    "/v1/banks/{bank}/entries",
    "/v1/banks/{bank}/import",
    "/hma/h/hash",
    "/hma/m/lookup",
    "/hma/c/bank/{bank}/content",
)
"""Templates of the routes whose bodies hold files, and may be as large as an upload."""

FORM = 1 << 16
"""Bytes that a form may have besides the file in it."""

SHORT = 1 << 14
"""Bytes that a login may have."""

OPEN: dict[str, int] = {"/v1/login": SHORT, "/v1/first": SHORT, notices.PATH: FORM}
"""Routes that anybody may ask, whose bodies are read before anything is known of who asks, and
the bytes of their bodies at most."""

ERRORS: dict[type[StoreError], type[Problem]] = {
    InvalidError: Invalid,
    MissingError: NotFound,
    StateError: Conflict,
    ConflictError: Conflict,
    LeaseLostError: Conflict,
    StoreError: Unavailable,
}
"""What an error of the store is to whoever asked."""


def build(
    service: Service, *, uploads: Sequence[str] = (), failed: Failed = problems.failed
) -> FastAPI:
    """Return the application of a service. The service is closed by whoever opened it.

    Args:
        service: The service.
        uploads: Templates of more paths whose bodies may be as large as an upload.
        failed: Makes the answer to a request in which something went wrong.
    """
    app = FastAPI(
        title="Tidegate",
        summary="Content moderation for images and video: content, never people.",
        version=tidegate.__version__,
        # The pages that come with FastAPI load scripts from elsewhere; the document is enough.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.unique_id,
    )
    app.state.service = service
    problems.install(app)
    for kind in ERRORS:
        app.add_exception_handler(kind, _store_error)
    for router in ROUTERS:
        app.include_router(router)
    openapi.install(app)
    # The last is the outermost: every answer has the headers, every request a line in the log.
    app.add_middleware(PlainPaths)
    app.add_middleware(BodyLimit, most=_largest(service, (*UPLOADS, *uploads)))
    app.add_middleware(AccessLog, meters=service.meters, failed=failed)
    app.add_middleware(SecurityHeaders, secure=service.settings.secure)
    return app


def _largest(service: Service, templates: Sequence[str]) -> Callable[[Asked], int]:
    settings = service.settings
    # Asked before there is a route: what is refused is not even looked at.
    uploads = re.compile("|".join(re.sub(r"{\w+}", "[^/]+", template) for template in templates))

    def most(asked: Asked) -> int:
        if (most := OPEN.get(asked["path"])) is not None:
            return most
        upload = uploads.fullmatch(asked["path"])
        return settings.upload_bytes + FORM if upload else settings.body_bytes

    return most


async def _store_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)
    return problems.respond(of_store(error))


def of_store(error: StoreError) -> Problem:
    """Return what an error of the store is to whoever asked."""
    kind = next(ERRORS[one] for one in type(error).__mro__ if one in ERRORS)
    if kind is not Unavailable:
        return kind(str(error))
    logger.error("%s", error)  # What is said of the database is for the log.
    return Unavailable()
