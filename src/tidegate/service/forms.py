"""A body that goes to a file: a form with a file in it, or nothing but the bytes of one.

How large it may be says :class:`~tidegate.service.limits.BodyLimit`, before it comes here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tidegate.service.hasher import Hasher
from tidegate.service.problems import TooLarge

PIECE = 1 << 18
"""Bytes that are written at a time."""

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

    Raises:
        HTTPException: 400: it is no form, has more files, more fields or larger ones, or its
            text is not UTF-8.
    """
    _, options = parse_options_header(request.headers.get("content-type"))
    # Python has codecs that fail in ways of their own, or make text that nothing can store.
    if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
        raise HTTPException(400, "the text of a form is UTF-8")
    read = request.form(max_files=1, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD)
    async with read as parts:
        fields: dict[str, str] = {}
        sent: list[tuple[str, UploadFile]] = []
        for name, value in parts.multi_items():
            if isinstance(value, UploadFile):
                sent.append((name, value))
            else:
                fields[name] = value
        if not sent:
            yield Form((), fields)
            return
        ((field, upload),) = sent
        with hasher.file() as (file, path):
            while piece := await upload.read(PIECE):
                await run_in_threadpool(file.write, piece)
            await run_in_threadpool(file.flush)
            yield Form((Part(field, upload.filename or "", path),), fields)


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
