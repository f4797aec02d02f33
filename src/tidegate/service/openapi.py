"""The description of the API: what FastAPI gathers, made complete.

It knows which dependencies guard a route, and which models an answer has. From that come the
scopes that a route needs, the problems that any route may answer, and an example of every body
and answer, put together from the examples of their fields.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from tidegate.service import embedded
from tidegate.service.auth import CSRF_HEADER, Needs
from tidegate.service.problems import (
    KINDS,
    MEDIA_TYPE,
    Forbidden,
    Internal,
    Invalid,
    Problem,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
)

SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "tg_<prefix>_<secret>",
        "description": "An API key.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-tidegate",
        "description": "The session of a browser, opened by `/v1/login`; `tidegate` where the "
        f"service is reached by http. Requests that change something have `{CSRF_HEADER}` too.",
    },
}

_PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}
_DEEPEST = 12


def install(app: FastAPI) -> None:
    """Have an application describe itself whole."""
    describe = app.openapi
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(_complete(app, describe()))
        return made

    app.openapi = openapi  # type: ignore[method-assign]


def unique_id(route: APIRoute) -> str:
    """Return the name of an operation: its file and its function, ``keys_create``."""
    return f"{route.endpoint.__module__.rpartition('.')[2]}_{route.name}"


def guards(app: FastAPI) -> dict[tuple[str, str], Needs | None]:
    """Return what guards each route, by method and path; ``None``: nothing does."""
    found: dict[tuple[str, str], Needs | None] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        for method in sorted(getattr(route, "methods", None) or ()):
            dependant = getattr(route, "dependant", None)
            guard = next(_needs(dependant), None) if dependant else None
            found[method, getattr(context, "path", None) or route.path] = guard  # type: ignore[attr-defined]
    return found


def _needs(dependant: Dependant) -> Iterator[Needs]:
    if isinstance(dependant.call, Needs):
        yield dependant.call
    for part in dependant.dependencies:
        yield from _needs(part)


def _complete(app: FastAPI, document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    document["components"]["securitySchemes"] = SCHEMES
    schemas.update(embedded.components())
    embedded.link(document)
    guarded = guards(app)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete_operation(operation, guarded.get((method.upper(), path)), schemas)
    # FastAPI's own form of an error, which nothing here answers.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    # As whoever reads it gets it: defaults of pydantic's are tuples here and there.
    return cast(dict[str, Any], json.loads(json.dumps(document)))


def _complete_operation(
    operation: dict[str, Any], guard: Needs | None, schemas: dict[str, Any]
) -> None:
    responses = operation["responses"]
    kinds: list[type[Problem]] = [Internal]
    if guard is not None:
        kinds += [Unauthenticated, Forbidden, TooMany, Unavailable]
        operation["security"] = [{"key": []}, {"session": []}]
        operation["x-scopes"] = list(guard.scopes)
        words = " and ".join(f"`{scope}`" for scope in guard.scopes) or "none: any key or session"
        operation["description"] = f"{operation.get('description', '')}\n\nScope: {words}."
    if "requestBody" in operation:
        kinds += [TooLarge]
    if "422" in responses:
        responses["422"] = _answer(Invalid)
    for kind in kinds:
        responses.setdefault(str(kind.status), _answer(kind))
    for status, response in responses.items():
        for media_type, content in response.get("content", {}).items():
            if media_type == MEDIA_TYPE:
                content.setdefault("example", _problem(int(status)))
            else:
                _add_example(content, schemas)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        _add_example(content, schemas)


def _answer(kind: type[Problem]) -> dict[str, Any]:
    return {"description": kind.title, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}


def _problem(status: int) -> dict[str, Any]:
    kind = KINDS[status]
    return {"type": f"/problems/{kind.slug}", "title": kind.title, "status": status}


def _add_example(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    if "example" not in content and "examples" not in content:
        # A field without one, or bytes. For JSON the test of the document says which.
        with suppress(LookupError):
            content["example"] = _example(content.get("schema", {}), schemas, 0)


def _example(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    """Return an example of what a schema describes.

    Raises:
        LookupError: Some part of it has no example, and could be anything.
    """
    if depth > _DEEPEST:
        raise LookupError("too deep")
    match schema:
        case {"examples": [first, *_]}:
            return first
        case {"example": example}:
            return example
        case {"const": value} | {"enum": [value, *_]} | {"default": value}:
            return value
        case {"$ref": str(reference)}:
            return _example(schemas[reference.rpartition("/")[2]], schemas, depth + 1)
        case {"allOf": [first, *_]} | {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
            return _example(first, schemas, depth + 1)
        case {"properties": dict(properties)}:
            return {name: _example(part, schemas, depth + 1) for name, part in properties.items()}
        case {"type": "array", "items": dict(part)}:
            return [_example(part, schemas, depth + 1)]
        case {"type": "null"}:
            return None
        case {"type": "boolean"}:
            return True
    raise LookupError(f"no example: {schema}")
