"""Paths and queries that no route has to be asked about."""

from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate.service import problems


class PlainPaths:
    """ASGI middleware that refuses a path or a query with a NUL in it.

    No id, name or cursor has one, Postgres can store none, and a driver that is shown one raises
    an error that looks like ours. What stands in a body is checked where it is read.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            refused = problems.BadRequest("there is a NUL in the path or the query")
            await problems.respond(refused)(scope, receive, send)
            return
        await self._app(scope, receive, send)
