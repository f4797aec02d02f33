"""A form with a file, on its way to disk: never whole in memory, and stopped where it is too large.

Each piece goes to where it stays, and is hashed as it passes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from tidegate.service.parts import PIECE, Parts, boundary
from tidegate.service.problems import BadRequest, Fault, Invalid, TooLarge
from tidegate.service.room import Incoming, Room, TooManyBytesError

LARGEST_ITEM = 1 << 16
"""Bytes of the JSON that says what a file is, at most."""


class Upload:
    """What a form held.

    Each hand-over to a thread costs; so what came last is written by the thread that asks for
    the file, and a small file is made, written and kept by one thread.

    Attributes:
        item: The JSON that says what it is; an empty object where the form has none.
    """

    def __init__(self, room: Room, most: int) -> None:
        self.item = b"{}"
        self._room = room
        self._most = most
        self._incoming: Incoming | None = None
        self._rest = b""

    @property
    def file(self) -> Incoming:
        """The file, with all that has come. It waits for the disk: ask in a thread.

        Raises:
            TooLarge: It is larger than is taken.
        """
        if self._incoming is None:
            self._incoming = self._room.receive(self._most)
        rest, self._rest = self._rest, b""
        try:
            self._incoming.write(rest)
        except TooManyBytesError as error:
            raise TooLarge(f"the file is {error}") from None
        return self._incoming

    @property
    def begun(self) -> Incoming | None:
        """The file where some of it was written and it is not closed yet."""
        incoming = self._incoming
        return None if incoming is None or incoming.closed else incoming

    def hold(self, data: bytes) -> None:
        """Take bytes of the file, to be written when it is asked for."""
        self._rest += data


@asynccontextmanager
async def received(request: Request, room: Room, most: int) -> AsyncIterator[Upload]:
    """Take a form with a part ``file`` and perhaps a part ``item``; the file goes with the end.

    Args:
        request: Its body is read here.
        room: Where the file goes.
        most: Bytes of it at most.

    Raises:
        BadRequest: It is no form, or is cut short.
        Invalid: It has other parts, one twice, or no file.
        TooLarge: The file or the JSON is larger than is taken.
    """
    upload = Upload(room, most)
    try:
        seen: set[str] = set()
        form = Parts(boundary(request), lambda part, _: _begin(part, seen))
        async for chunk in request.stream():
            form.feed(chunk)
            if form.waiting >= PIECE:
                upload.hold(form.take())
                await run_in_threadpool(lambda: upload.file)
        form.end()
        if "file" not in seen:
            raise _invalid("file", "is missing")
        if upload.begun is None and not form.waiting:
            raise _invalid("file", "is empty")
        upload.hold(form.take())
        if "item" in form.texts:
            upload.item = bytes(form.texts["item"])
        yield upload
    except ClientDisconnect:
        # Nobody hears it; the log does, as a request like others.
        raise BadRequest("the form is cut short") from None
    finally:
        if upload.begun is not None:
            await run_in_threadpool(upload.begun.close)


async def short_body(request: Request) -> bytes:
    """Return a body of :data:`LARGEST_ITEM` bytes at most.

    Raises:
        TooLarge: It has more.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_ITEM:
            raise TooLarge(f"the JSON of an item has {LARGEST_ITEM:,} bytes at most")
    return bytes(body)


def _begin(part: str, seen: set[str]) -> int | None:
    """Return how long a part of the form may be, as :data:`~tidegate.service.parts.Begin` says."""
    if part not in ("file", "item"):
        raise Invalid(errors=[Fault(pointer="/body", detail="a form has a file and an item")])
    if part in seen:
        raise _invalid(part, "is there twice")
    seen.add(part)
    return None if part == "file" else LARGEST_ITEM


def _invalid(part: str, detail: str) -> Invalid:
    return Invalid(errors=[Fault(pointer=f"/body/{part}", detail=detail)])
