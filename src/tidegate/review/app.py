"""The whole application: the API, and the console's pages beside it.

How to write a page here:

- A noun is a file with a ``router``; it has its line in :data:`ROUTERS`. Its templates are in a
  folder of the same name.
- ``GET`` shows: ``who: Annotated[Principal, visits("banks.read")]``, and returns
  :func:`~tidegate.review.frame.render`. ``POST`` changes something and goes to a page that shows
  it: ``who: Annotated[Principal, posts("banks.write")]``, ``given: Given``, and returns
  :func:`~tidegate.review.frame.go`. It works without JavaScript.
- Every form has ``{{ csrf() }}`` in it.
- No script and no style stands in a page: the policy of :data:`~tidegate.review.frame.POLICY`
  lets none run. Modules and style sheets are files in ``static``.
- What is wrong with a form is told on the page of the form, with what was filled in.
- Routes are plain ``def`` where they use the database: they run in a thread.
"""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tidegate.review import (
    appeals,
    audit,
    banks,
    cases,
    dashboard,
    enlist,
    entrance,
    frame,
    items,
    keys,
    live,
    policies,
    quality,
    queues,
    uploads,
    users,
    webhooks,
    wellness,
)
from tidegate.review.frame import HERE, LoginFirstError
from tidegate.review.static import Static
from tidegate.service import app as service_app
from tidegate.service import problems
from tidegate.service.state import Service
from tidegate.store.error import StoreError

Handler = Callable[[Request, Exception], Response | Awaitable[Response]]

ROUTERS: tuple[APIRouter, ...] = (
    entrance.router,
    live.router,
    items.router,
    queues.router,
    cases.router,
    enlist.router,
    wellness.router,
    banks.router,
    policies.router,
    webhooks.router,
    users.router,
    keys.router,
    audit.router,
    appeals.router,
    dashboard.router,
    quality.router,
)
"""What has pages, one line each."""


def build(service: Service) -> FastAPI:
    """Return the application of a service. The service is closed by whoever opened it."""
    app = service_app.build(service, uploads=uploads.LARGE, failed=_failed)
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.state.live = live.Live(service)
    app.mount(f"{HERE}/static", Static())
    for kind in (HTTPException, RequestValidationError, *service_app.ERRORS):
        app.add_exception_handler(kind, _or_page(app.exception_handlers[kind]))
    app.add_exception_handler(LoginFirstError, _page)
    return app


def _or_page(otherwise: Handler) -> Handler:
    """Return what answers an error by a page where a page was asked for."""

    async def answer(request: Request, error: Exception) -> Response:
        if _is_page(request):
            told = service_app.of_store(error) if isinstance(error, StoreError) else error
            return await _page(request, told)
        response = otherwise(request, error)
        return response if isinstance(response, Response) else await response

    return answer


def _is_page(request: Request) -> bool:
    return request.url.path == HERE or request.url.path.startswith(f"{HERE}/")


def _failed(request: Request) -> Response:
    return frame.failed(request) if _is_page(request) else problems.failed(request)


async def _page(request: Request, error: Exception) -> Response:
    return await run_in_threadpool(frame.problem, request, error)
