"""A multipart form, taken apart as it comes: one file in pieces, and short texts.

Nothing of it goes to a place of its own first, as it does with Starlette's parser: whoever reads
the form says where the file goes.

Sources: RFC 7578 (multipart/form-data), RFC 2046.
"""

from collections.abc import Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from tidegate.service.problems import BadRequest, TooLarge

PIECE = 1 << 18
"""Bytes that are gathered before they are written: a thread for each that arrives costs more."""

Begin = Callable[[str, str | None], int | None]
"""Is told the name of a part, and of the file in it if there is one. Returns how many bytes its
text may have, or ``None``: it is the file. Raises where the part is not taken."""


class Parts:
    """The parts of a form.

    Args:
        boundary: What is between them.
        begin: Is asked of each.

    Attributes:
        texts: What has come of the texts, by the names of their parts; of two the last.
        waiting: Bytes of the file that were not taken yet.
    """

    def __init__(self, boundary: bytes, begin: Begin) -> None:
        self.texts: dict[str, bytearray] = {}
        self.waiting = 0
        self._begin_part = begin
        self._pieces: list[bytes] = []
        self._ended = False
        self._part = ""
        self._most: int | None = 0
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
        """Take more of the body.

        Raises:
            BadRequest: It is no form, or a name in it is not UTF-8.
            TooLarge: A text has more bytes than it may.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadRequest("the body is no multipart form") from error

    def take(self) -> bytes:
        """Return what has come of the file since the last time."""
        pieces, self._pieces, self.waiting = self._pieces, [], 0
        return b"".join(pieces)

    def end(self) -> None:
        """Check that the form is whole.

        Raises:
            BadRequest: It is cut short.
        """
        if not self._ended:
            raise BadRequest("the form is cut short")

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
        file = options.get(b"filename")
        self._part = text(options.get(b"name", b""))
        self._most = self._begin_part(self._part, None if file is None else text(file))
        if self._most is not None:
            self.texts[self._part] = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._most is None:
            self._pieces.append(data[start:end])
            self.waiting += end - start
            return
        self.texts[self._part] += data[start:end]
        if len(self.texts[self._part]) > self._most:
            raise TooLarge(f"{self._part:.40} has {self._most:,} bytes at most")

    def _end(self) -> None:
        self._ended = True


def boundary(request: Request) -> bytes:
    """Return what is between the parts of a form.

    Raises:
        BadRequest: The content type names nothing that could be.
    """
    _, options = parse_options_header(request.headers["content-type"])
    found = options.get(b"boundary", b"")
    if not 1 <= len(found) <= 70:
        raise BadRequest("the content type names no boundary")
    return found


def text(data: bytes | bytearray) -> str:
    """Return a text of a form.

    Raises:
        BadRequest: It is not UTF-8: there are codecs that make text that nothing can store.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadRequest("the text of a form is UTF-8") from None
