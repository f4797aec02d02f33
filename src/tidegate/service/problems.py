"""Errors of the API as problem details: ``application/problem+json`` (RFC 9457).

A ``type`` is the stable name of a kind of problem, a path on the service itself. What goes
wrong inside is told to the log, never to whoever asked.
"""

import http
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
"""Single errors of one request that are listed."""

_LONGEST = 200


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pointer: str = Field(
        description="Where: a JSON pointer that begins with body, query, path, header or cookie.",
        examples=["/query/limit"],
    )
    detail: str = Field(description="What.", examples=["Input should be a valid integer"])


class ProblemDetails(BaseModel):
    """What every error of the API answers (RFC 9457)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(description="Stable name of the kind.", examples=["/problems/not-found"])
    title: str = Field(description="The kind in words.", examples=["Not found"])
    status: int = Field(description="The HTTP status again.", examples=[404])
    detail: str | None = Field(default=None, description="What happened this time.")
    errors: tuple[Fault, ...] | None = Field(
        default=None, description=f"What is wrong with the request, the first {MOST_ERRORS}."
    )


class Problem(HTTPException):
    """An error that is meant for whoever asked. Raised anywhere in a request.

    Attributes:
        slug: The last part of ``type``; never changed once released.
        title: The kind in words.
        status: HTTP status.

    Args:
        detail: What happened this time; it is shown.
        headers: Sent along.
        errors: What is wrong with the request, piece by piece.
    """

    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong here"
    status: ClassVar[int] = 500

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Fault] = (),
    ) -> None:
        super().__init__(self.status, detail or self.title, dict(headers or {}))
        self.errors = tuple(errors)

    def details(self) -> ProblemDetails:
        """Return what is answered."""
        detail = self.detail if self.detail != self.title else None
        return ProblemDetails(
            type=f"/problems/{self.slug}",
            title=self.title,
            status=self.status,
            detail=detail,
            errors=self.errors or None,
        )


class BadRequest(Problem):
    """The request cannot be read."""

    slug, title, status = "bad-request", "The request cannot be read", 400


class Unauthenticated(Problem):
    """No key and no session, or one that is not valid; which of these is not said."""

    slug, title, status = "unauthenticated", "A valid key or session is needed", 401

    def __init__(self) -> None:
        # RFC 9110, 11.6.1: a 401 names a way to do better.
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="tidegate"'})


class Forbidden(Problem):
    """Known, and not allowed to."""

    slug, title, status = "forbidden", "Not allowed", 403


class NotFound(Problem):
    """Nothing there, or nothing that whoever asked may know of."""

    slug, title, status = "not-found", "Not found", 404


class MethodNotAllowed(Problem):
    """The route knows other methods."""

    slug, title, status = "method-not-allowed", "The method is not allowed here", 405


class Conflict(Problem):
    """What is there has changed, or stands against it."""

    slug, title, status = "conflict", "In conflict with what is there", 409


class Gone(Problem):
    """It was there."""

    slug, title, status = "gone", "Not there any more", 410


class TooLarge(Problem):
    """The body has more bytes than are taken."""

    slug, title, status = "too-large", "The body is too large", 413


class UnsupportedType(Problem):
    """Not a type that is taken."""

    slug, title, status = "unsupported-type", "The type is not supported", 415


class Invalid(Problem):
    """Read, and not what is asked for."""

    slug, title, status = "invalid", "The request is not valid", 422


class TooMany(Problem):
    """More often than is allowed."""

    slug, title, status = "too-many-requests", "Too many requests", 429

    def __init__(self, retry_after: float) -> None:
        # Whole seconds, and never too early (RFC 9110, 10.2.3).
        super().__init__(headers={"Retry-After": str(max(1, math.ceil(retry_after)))})


class Unavailable(Problem):
    """Not now."""

    slug, title, status = "unavailable", "Not available right now", 503


class Internal(Problem):
    """Our fault. What it was is in the log."""


KINDS: dict[int, type[Problem]] = {kind.status: kind for kind in Problem.__subclasses__()}
"""The kind that a status stands for where nothing more is known of it."""


def problem_responses(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Return what a route, a router or an application says in OpenAPI about its problems."""
    return {kind.status: {"description": kind.title, "model": ProblemDetails} for kind in kinds}


def install(app: FastAPI) -> None:
    """Have an application answer every error as a problem, unknown routes among them."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _unexpected)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        schema = describe()
        _name_media_type(schema)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def respond(problem: Problem) -> Response:
    """Return a problem as a response, for where none can be raised."""
    return _answer(problem.details(), problem.headers)


def failed(request: Request) -> Response:
    """Return the answer to a request in which something went wrong: no more than that."""
    return respond(Internal())


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return respond(error)
    # Raised by the framework: its words are not ours to vouch for, so only the status counts.
    return _answer(_by_status(error.status_code), error.headers)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # What was sent, and what a validator made of it, stays out: it may be a secret.
    faults = [
        Fault(pointer=_pointer(one["loc"]), detail=_words(one))
        for one in error.errors()[:MOST_ERRORS]
    ]
    return respond(Invalid(errors=faults))


async def _unexpected(request: Request, error: Exception) -> Response:
    return failed(request)


def _answer(details: ProblemDetails, headers: Mapping[str, str] | None) -> Response:
    return JSONResponse(
        details.model_dump(exclude_none=True),
        status_code=details.status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
        media_type=MEDIA_TYPE,
    )


def _by_status(status: int) -> ProblemDetails:
    kind = KINDS.get(status)
    if kind is None:  # RFC 9457, 4.2.1: nothing more than the status says.
        phrase = http.HTTPStatus(status).phrase
        return ProblemDetails(type="about:blank", title=phrase, status=status)
    return ProblemDetails(type=f"/problems/{kind.slug}", title=kind.title, status=status)


def _name_media_type(schema: dict[str, Any]) -> None:
    """Say in OpenAPI that problems are problems; FastAPI calls every model plain JSON."""
    of_problem = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    for route in schema.get("paths", {}).values():
        for operation in route.values():
            for response in operation.get("responses", {}).values():
                content = response.get("content", {})
                if content.get("application/json") == of_problem:
                    content[MEDIA_TYPE] = content.pop("application/json")


def _pointer(parts: Sequence[str | int]) -> str:
    """Return a JSON pointer (RFC 6901), cut off where it is long."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "".join(f"/{part}" for part in escaped)[:_LONGEST]


def _words(error: Mapping[str, Any]) -> str:
    # A validator of one's own words its error as it likes, with what was sent in it.
    if error["type"] in ("value_error", "assertion_error"):
        return "Value is not valid"
    return str(error["msg"])[:_LONGEST]
