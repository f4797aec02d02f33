"""A form with a file, on its way to disk: never whole in memory, and stopped where it is too large.

Starlette's own parser would write the file to a place of its own first, whatever its size. Here
each piece goes to where it stays, and is hashed as it passes.

Sources: RFC 7578 (multipart/form-data), RFC 2046.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from tidegate.service.problems import BadRequest, Fault, Invalid, TooLarge
from tidegate.service.room import Incoming, Room, TooManyBytesError

LARGEST_ITEM = 1 << 16
"""Bytes of the JSON that says what a file is, at most."""

PIECE = 1 << 18
"""Bytes that are gathered before they are written: a thread for each that arrives costs more."""


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
        form = _Form(_boundary(request))
        async for chunk in request.stream():
            form.feed(chunk)
            if form.waiting >= PIECE:
                upload.hold(form.take())
                await run_in_threadpool(lambda: upload.file)
        form.end()
        if upload.begun is None and not form.waiting:
            raise _invalid("file", "is empty")
        upload.hold(form.take())
        if form.item is not None:
            upload.item = bytes(form.item)
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


class _Form:
    """Takes a form apart: what is of the file, and what is of the item."""

    def __init__(self, boundary: bytes) -> None:
        self.item: bytearray | None = None
        self._pieces: list[bytes] = []
        self.waiting = 0
        self._ended = False
        self._seen: set[str] = set()
        self._part = ""
        self._name = b""
        self._value = b""
        self._disposition = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take more of the body."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadRequest("the body is no multipart form") from error

    def take(self) -> bytes:
        """Return what has come of the file since the last time."""
        pieces, self._pieces, self.waiting = self._pieces, [], 0
        return b"".join(pieces)

    def end(self) -> None:
        """Check that the form is whole."""
        if not self._ended:
            raise BadRequest("the form is cut short")
        if "file" not in self._seen:
            raise _invalid("file", "is missing")

    def _begin(self) -> None:
        self._disposition = self._name = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        part = options.get(b"name", b"").decode("latin-1")
        if part not in ("file", "item"):
            raise Invalid(errors=[Fault(pointer="/body", detail="a form has a file and an item")])
        if part in self._seen:
            raise _invalid(part, "is there twice")
        self._seen.add(part)
        self._part = part
        if part == "item":
            self.item = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self._pieces.append(data[start:end])
            self.waiting += end - start
            return
        assert self.item is not None
        self.item += data[start:end]
        if len(self.item) > LARGEST_ITEM:
            raise TooLarge(f"the JSON of an item has {LARGEST_ITEM:,} bytes at most")

    def _end(self) -> None:
        self._ended = True


def _boundary(request: Request) -> bytes:
    _, options = parse_options_header(request.headers["content-type"])
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise BadRequest("the content type names no boundary")
    return boundary


def _invalid(part: str, detail: str) -> Invalid:
    return Invalid(errors=[Fault(pointer=f"/body/{part}", detail=detail)])
