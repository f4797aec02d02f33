"""The tree of a checked CEL expression, read from its serial form.

The form is ``google.protobuf.Any`` around ``cel.expr.CheckedExpr``, as in ``checked.proto`` and
``syntax.proto`` of https://github.com/google/cel-spec. Only the few fields that are needed are
read, so no protobuf library is.
"""

import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

Constant = bool | int | float | str | bytes | None


class Node(NamedTuple):
    """A node.

    Attributes:
        kind: What it is. ``other`` is a message or a loop (a macro such as ``exists``).
        text: The name, the field or the function; CEL calls operators ``_&&_``, ``!_``, ``@in``.
        value: The value of a constant.
        parts: Operands, with the receiver of a call first; elements of a list.
        overload: Which form of the function is called, where that is certain.
        offset: Where it stands: characters from the start of the source.
    """

    kind: Literal["constant", "name", "field", "call", "list", "other"]
    text: str
    value: Constant
    parts: tuple["Node", ...]
    overload: str
    offset: int

    def total(self) -> int:
        """Return the number of nodes from here down."""
        return 1 + sum(part.total() for part in self.parts)

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


class TooManyNodesError(ValueError):
    """The tree has more nodes than allowed."""


_ANY_VALUE = 2
_REFERENCES, _EXPRESSION, _SOURCE = 2, 4, 5
_OVERLOADS = 3
_POSITIONS = 4
_KEY, _VALUE = 1, 2
_ID, _CONSTANT, _IDENT, _SELECT, _CALL, _LIST = 2, 3, 4, 5, 6, 7
_NULL, _BOOL, _INT, _DOUBLE, _STRING = 1, 2, 3, 5, 6

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def read(serial: bytes, limit: int) -> Node:
    """Read what ``Expression.serialize()`` gives.

    Args:
        serial: The bytes.
        limit: Most nodes.

    Raises:
        TooManyNodesError: There are more.
        ValueError: It is something else.
    """
    checked = _message(serial, _ANY_VALUE)
    overloads: dict[int, str] = {}
    offsets: dict[int, int] = {}
    tree = b""
    for number, field in _fields(checked):
        if number == _REFERENCES:
            key, reference = _entry(field)
            called = [_text(name) for n, name in _fields(_bytes(reference)) if n == _OVERLOADS]
            overloads[key] = called[0] if len(called) == 1 else ""
        elif number == _EXPRESSION:
            tree = _bytes(field)
        elif number == _SOURCE:
            positions = (f for n, f in _fields(_bytes(field)) if n == _POSITIONS)
            for key, offset in map(_entry, positions):
                offsets[key] = offset if isinstance(offset, int) else 0
    return _Reader(overloads, offsets, limit).node(tree)


class _Reader:
    def __init__(self, overloads: dict[int, str], offsets: dict[int, int], limit: int) -> None:
        self._overloads, self._offsets, self._left = overloads, offsets, limit

    def node(self, expression: bytes) -> Node:
        self._left -= 1
        if self._left < 0:
            raise TooManyNodesError
        id_, what, body = 0, 0, b""
        for number, field in _fields(expression):
            if number == _ID and isinstance(field, int):
                id_ = field
            else:
                what, body = number, _bytes(field)
        offset = self._offsets.get(id_, 0)
        if what == _CONSTANT:
            return Node("constant", "", _constant(body), (), "", offset)
        if what == _IDENT:
            # ``.surface`` is the same name as ``surface``.
            return Node("name", _text(_message(body, 1)).lstrip("."), None, (), "", offset)
        if what == _SELECT:
            part = _text(_message(body, 2))
            return Node("field", part, None, self._nodes(body, 1), "", offset)
        if what == _CALL:
            parts = self._nodes(body, 1) + self._nodes(body, 3)
            overload = self._overloads.get(id_, "")
            return Node("call", _text(_message(body, 2)), None, parts, overload, offset)
        if what == _LIST:
            return Node("list", "", None, self._nodes(body, 1), "", offset)
        return Node("other", "", None, (), "", offset)

    def _nodes(self, body: bytes, wanted: int) -> tuple[Node, ...]:
        return tuple(self.node(_bytes(f)) for number, f in _fields(body) if number == wanted)


def _constant(body: bytes) -> Constant:
    for number, field in _fields(body):
        if number == _NULL:
            return None
        if number == _BOOL:
            return bool(field)
        if number == _INT and isinstance(field, int):
            return field - (1 << 64) if field >> 63 else field
        if number == _DOUBLE:
            value: float = struct.unpack("<d", _bytes(field))[0]
            return value
        if number == _STRING:
            return _text(field)
    return b""  # Bytes, unsigned numbers and all that guards have no use for.


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: number, and a whole number or the bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == _VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_EIGHT, _FOUR):
            length = 8 if wire == _EIGHT else 4
        else:
            raise ValueError("not a message")
        if at + length > len(message):
            raise ValueError("a message that is cut off")
        yield tag >> 3, message[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number that is cut off")


def _entry(field: int | bytes) -> tuple[int, int | bytes]:
    """Return key and value of an element of a map with whole numbers for keys."""
    entry = dict(_fields(_bytes(field)))
    key = entry.get(_KEY, 0)
    if not isinstance(key, int):
        raise ValueError("a key that is no number")
    return key, entry.get(_VALUE, 0)


def _message(message: bytes, wanted: int) -> bytes:
    return next((_bytes(field) for number, field in _fields(message) if number == wanted), b"")


def _bytes(field: int | bytes) -> bytes:
    if isinstance(field, int):
        raise ValueError("a number in place of a message")
    return field


def _text(field: int | bytes) -> str:
    return _bytes(field).decode()
