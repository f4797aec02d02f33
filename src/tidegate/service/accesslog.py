"""One line in the log for each request, and an id by which to find it.

A line has the method, the path without its query (links are signed there), the template of the
route, the status, the time, who asked and from where. It has no header, no body and no part of
either. Of what is somebody's alone, as what they have looked at, there is no line: the route says
so by ``request.state.private``.

The id comes from ``X-Request-ID``, where a proxy in front has set a plain one, and is answered
under the same name.
"""

import logging
import re
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.service.meters import Meters
from tidegate.store import ids

HEADER = "X-Request-ID"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_LONGEST_PATH = 300

logger = logging.getLogger(__name__)

Failed = Callable[[Request], Response]
"""Makes an answer, without whatever may just have failed."""


class AccessLog:
    """ASGI middleware that writes the line, counts the request and answers what went wrong.

    Args:
        app: The application.
        meters: Where requests are counted.
        failed: Makes the answer to a request in which something went wrong.
    """

    def __init__(self, app: ASGIApp, meters: Meters, failed: Failed) -> None:
        self._app = app
        self._meters = meters
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell of it when it is over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request = given if _ID.fullmatch(given) else ids.new()
        began = time.monotonic()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            logger.exception("a request failed", extra={"told": {"request": request}})
            if status:  # Half of an answer is out: that it breaks off is all that can be said.
                raise
            await self._failed(Request(scope))(scope, receive, noted)
        finally:
            self._tell(scope, request, status, time.monotonic() - began)

    def _tell(self, scope: Scope, request: str, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        # What is below no route is one label: paths are made up by whoever asks.
        route = str(getattr(scope.get("route"), "path", "none"))
        self._meters.answered(method, route, status, seconds)
        if scope.get("state", {}).get("private") and status < 400:
            return
        client = scope.get("client")
        told = {
            "request": request,
            "method": method,
            "path": scope["path"][:_LONGEST_PATH],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "actor": scope.get("state", {}).get("actor"),
            "client": client[0] if client else None,
        }
        logger.info("request", extra={"told": told})
