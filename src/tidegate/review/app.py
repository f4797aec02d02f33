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
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tidegate.review import entrance, frame
from tidegate.review.frame import HERE, LoginFirstError
from tidegate.review.static import Static
from tidegate.service import app as service_app
from tidegate.service.state import Service

Handler = Callable[[Request, Exception], Response | Awaitable[Response]]

ROUTERS: tuple[APIRouter, ...] = (entrance.router,)
"""What has pages, one line each."""


def build(service: Service) -> FastAPI:
    """Return the application of a service. The service is closed by whoever opened it."""
    app = service_app.build(service)
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.mount(f"{HERE}/static", Static())
    for kind in (HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _or_page(app.exception_handlers[kind]))
    app.add_exception_handler(LoginFirstError, _page)
    return app


def _or_page(otherwise: Handler) -> Handler:
    """Return what answers an error by a page where a page was asked for."""

    async def answer(request: Request, error: Exception) -> Response:
        if request.url.path.startswith(HERE):
            return await _page(request, error)
        response = otherwise(request, error)
        return response if isinstance(response, Response) else await response

    return answer


async def _page(request: Request, error: Exception) -> Response:
    return frame.problem(request, error)
