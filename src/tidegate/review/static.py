"""Style sheets and modules: files of the package, by addresses that change when they do."""

import hashlib
from functools import cache
from importlib import resources

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

YEAR = 31_536_000


class Static(StaticFiles):
    """Serves them. A browser keeps what it has asked for by :func:`address`."""

    def __init__(self) -> None:
        super().__init__(packages=[("tidegate.review", "static")])

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        response = await super().get_response(path, scope)
        if b"v=" in scope["query_string"]:
            response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
        return response


@cache
def address(name: str) -> str:
    """Return where a file is served, with a digest of what it holds."""
    held = resources.files("tidegate.review").joinpath("static", name).read_bytes()
    return f"/console/static/{name}?v={hashlib.sha256(held).hexdigest()[:12]}"
