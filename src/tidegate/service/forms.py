"""A body that goes to a file: a form with a file in it, or nothing but the bytes of one.

How large it may be says :class:`~tidegate.service.limits.BodyLimit`, before it comes here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from tidegate.service.hasher import Hasher
from tidegate.service.parts import PIECE, Parts, boundary, text
from tidegate.service.problems import BadRequest, TooLarge

MOST_FIELDS = 16
LARGEST_FIELD = 1 << 16

LARGEST_JSON = 1 << 18
"""Bytes of JSON where a file may come too, which may be far larger: JSON is read into memory."""


class Part(NamedTuple):
    """A file of a form.

    Attributes:
        field: What its part is called.
        name: What the file is called, as whoever sent it says.
        path: Where it lies.
    """

    field: str
    name: str
    path: Path


class Form(NamedTuple):
    """A form.

    Attributes:
        files: Its files.
        fields: Its other parts; of several of one name the last.
    """

    files: tuple[Part, ...]
    fields: dict[str, str]


@asynccontextmanager
async def form(request: Request, hasher: Hasher) -> AsyncIterator[Form]:
    """Have a form with one file at most, the file on disk, until the ``with`` ends.

    What is no multipart form has nothing in it.

    Raises:
        HTTPException: 400: it is cut short, has more files or more fields, or its text is not
            UTF-8.
        TooLarge: A field is larger than :data:`LARGEST_FIELD`.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        yield Form((), {})
        return
    if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
        raise HTTPException(400, "the text of a form is UTF-8")
    with hasher.file() as (file, path):
        try:
            form = await _read(request, file, path)
        except BadRequest as error:
            # In the shape that errors of the route have.
            raise HTTPException(400, error.detail) from None
        except ClientDisconnect:
            raise HTTPException(400, "the form is cut short") from None
        yield form


async def _read(request: Request, file: BinaryIO, path: Path) -> Form:
    found: list[Part] = []
    fields = 0

    def begin(part: str, name: str | None) -> int | None:
        nonlocal fields
        if name is not None:
            if found:
                raise BadRequest("a form has one file at most here")
            found.append(Part(part, name, path))
            return None
        fields += 1
        if fields > MOST_FIELDS:
            raise BadRequest(f"a form has {MOST_FIELDS} fields at most")
        return LARGEST_FIELD

    parts = Parts(boundary(request), begin)
    async for chunk in request.stream():
        parts.feed(chunk)
        if parts.waiting >= PIECE:
            await run_in_threadpool(file.write, parts.take())
    parts.end()

    def rest() -> None:
        file.write(parts.take())
        file.flush()

    await run_in_threadpool(rest)
    return Form(tuple(found), {name: text(data) for name, data in parts.texts.items()})


async def short(request: Request) -> bytes:
    """Return a body that is no file, of :data:`LARGEST_JSON` bytes at most.

    Raises:
        TooLarge: It has more.
    """
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > LARGEST_JSON:
            raise TooLarge(f"JSON has {LARGEST_JSON:,} bytes at most here")
    return bytes(found)


@asynccontextmanager
async def body(request: Request, hasher: Hasher) -> AsyncIterator[Path]:
    """Have the bytes of a body in a file until the ``with`` ends."""
    with hasher.file() as (file, path):
        pieces, waiting = [], 0
        async for chunk in request.stream():
            pieces.append(chunk)
            waiting += len(chunk)
            if waiting >= PIECE:
                await run_in_threadpool(file.write, b"".join(pieces))
                pieces, waiting = [], 0
        await run_in_threadpool(file.write, b"".join(pieces))
        await run_in_threadpool(file.flush)
        yield path
