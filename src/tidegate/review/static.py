"""Style sheets and modules: files of the package, by addresses that change when they do."""

import hashlib
from collections.abc import Callable
from functools import cache
from importlib import resources

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from tidegate.report import palette
from tidegate.report.page import sheet

YEAR = 31_536_000


class Static(StaticFiles):
    """Serves them. A browser keeps what it has asked for by :func:`address`."""

    def __init__(self) -> None:
        super().__init__(packages=[("tidegate.review", "static")])

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        if path in SHARED:
            response = Response(_held(path), media_type="text/css")
        else:
            response = await super().get_response(path, scope)
        addressed = b"v=" in scope["query_string"]
        # A module names another one without it: the browser asks each time whether it is the same.
        kept = f"public, max-age={YEAR}, immutable" if addressed else "no-cache"
        response.headers["Cache-Control"] = kept
        return response


@cache
def address(name: str) -> str:
    """Return where a file is served, with a digest of what it holds."""
    return f"/console/static/{name}?v={hashlib.sha256(_held(name)).hexdigest()[:12]}"


@cache
def _held(name: str) -> bytes:
    if name in SHARED:
        return SHARED[name]().encode()
    return resources.files("tidegate.review").joinpath("static", name).read_bytes()


def _palette() -> str:
    """Return the colours of actions and families, as classes and by what elements say of them."""
    light, dark = palette.variables(0), palette.variables(1)
    told = [f"[data-action={name}]{{--action:var(--action-{name})}}" for name in palette.ACTION]
    told += [f"[data-family={name}]{{--family:var(--family-{name})}}" for name in palette.FAMILY]
    themes = f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return "\n".join((themes, palette.classes(), *told))


SHARED: dict[str, Callable[[], str]] = {
    "palette.css": _palette,
    "evidence.css": lambda: sheet("evidence.css"),
}
"""Sheets that are no files here: what reports look like, the console does too."""
