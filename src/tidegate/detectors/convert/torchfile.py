"""Reads PyTorch checkpoints without PyTorch, and without ever unpickling them.

A checkpoint of the format before PyTorch 1.6 (``torch/serialization.py``,
``_legacy_load``) is five pickles in a row: a magic number, the version of the format, the
sizes of C types, the dictionary of tensors, and the keys of the storages. The storages
follow: for each key a little-endian 64-bit number of elements, then the elements.

A pickle is a program, and a loader that looks names up can be made to run anything. This
reader is a stack machine of its own instead. It knows the instructions that put data
together and the few names that PyTorch writes for a dictionary of tensors; these stand
for values of this file and are never imported. Any other instruction or name is refused by
name. The cost is bounded by the length of the file: tensors are views into it, and every
tensor has to lie within its storage.
"""

import math
import pickletools
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.convert import ConversionError

Array = NDArray[np.float32 | np.int64]

_T = TypeVar("_T")

MAGIC = 0x1950A86A20F9469CFC6C
"""The number that the first pickle holds."""

VERSION = 1001
"""The version of the format that the second pickle holds."""

MAX_INSTRUCTIONS = 100_000
"""Longest program that is followed; a network of 300 tensors takes 11,000."""

MAX_DIMENSIONS = 8
"""Most dimensions of a tensor."""

MAX_LINE = 200
"""Most bytes of a module's or a function's name."""


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that PyTorch writes. It stands for itself: nothing is imported or called."""

    dotted: str


@dataclass(frozen=True, slots=True)
class _Storage:
    """A run of ``count`` elements, found by its key."""

    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage; offset and strides are in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


_INSTRUCTIONS = {code.code.encode("latin-1"): code.name for code in pickletools.opcodes}
_NUMBERS = {
    # Instructions whose argument is a number: its bytes, and whether it has a sign.
    "PROTO": (1, False),
    "BININT": (4, True),
    "BININT1": (1, False),
    "BININT2": (2, False),
    "BINPUT": (1, False),
    "LONG_BINPUT": (4, False),
    "BINGET": (1, False),
    "LONG_BINGET": (4, False),
}

_MARK = _Name("a mark")
_DICTIONARY = _Name("collections.OrderedDict")
_TENSOR = _Name("torch._utils._rebuild_tensor_v2")
_DTYPES: dict[_Name, np.dtype[Any]] = {
    _Name("torch.FloatStorage"): np.dtype("<f4"),
    _Name("torch.LongStorage"): np.dtype("<i8"),
}
_NAMES = {_DICTIONARY, _TENSOR, *_DTYPES}


def read(data: bytes) -> dict[str, Array]:
    """Return the tensors of a checkpoint by name, as read-only views into ``data``.

    Args:
        data: The file. Let its digest be known before it gets here.

    Raises:
        ConversionError: It is not such a checkpoint, it is cut off, or it asks for anything
            but a dictionary of float32 and int64 tensors.
    """
    programs = _Programs(data)
    if programs.run() != MAGIC or programs.run() != VERSION:
        raise ConversionError("not a PyTorch checkpoint of the format before 1.6")
    programs.run()  # Sizes of C types: the storages are little-endian whatever it says.
    tensors, keys = programs.run(), programs.run()
    if type(tensors) is not dict or type(keys) is not list:
        raise ConversionError("not a dictionary of tensors with a list of storages")
    storages = _storages(data, programs.at, keys, programs.storages)
    return {name: _view(name, tensor, storages) for name, tensor in tensors.items()}


class _Programs:
    """Follows one pickle after the other, and keeps the storages that they name."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self._left = MAX_INSTRUCTIONS
        self.storages: dict[str, _Storage] = {}

    def run(self) -> Any:
        """Follow one pickle to its end and return its value."""
        start = self.at
        try:
            return self._run()
        except (IndexError, KeyError, ValueError) as error:
            if isinstance(error, ConversionError):
                raise
            raise ConversionError(f"a malformed pickle at byte {start}: {error}") from None

    def _run(self) -> Any:
        stack: list[Any] = []
        memo: dict[int, Any] = {}
        while True:
            self._left -= 1
            if self._left < 0:
                raise ConversionError(f"more than {MAX_INSTRUCTIONS} instructions")
            match self._instruction():
                case "STOP", _:
                    (value,) = stack
                    return value
                case "PROTO", _:
                    pass
                case "NONE", _:
                    stack.append(None)
                case ("NEWTRUE" | "NEWFALSE") as name, _:
                    stack.append(name == "NEWTRUE")
                case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE", value:
                    stack.append(value)
                case "MARK", _:
                    stack.append(_MARK)
                case "EMPTY_TUPLE", _:
                    stack.append(())
                case "EMPTY_LIST", _:
                    stack.append([])
                case "EMPTY_DICT", _:
                    stack.append({})
                case ("TUPLE1" | "TUPLE2" | "TUPLE3") as name, _:
                    stack.append(tuple([stack.pop() for _ in range(int(name[-1]))][::-1]))
                case "TUPLE", _:
                    stack.append(tuple(_since_mark(stack)))
                case ("APPEND" | "APPENDS") as name, _:
                    items = [stack.pop()] if name == "APPEND" else _since_mark(stack)
                    _expect(list, stack[-1]).extend(items)
                case ("SETITEM" | "SETITEMS") as name, _:
                    single = name == "SETITEM"
                    pairs = [stack.pop(-2), stack.pop()] if single else _since_mark(stack)
                    target = _expect(dict, stack[-1])
                    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
                        # Only text: the hash of nested tuples may take for ever.
                        target[_expect(str, key)] = value
                case "BINPUT" | "LONG_BINPUT", index:
                    memo[index] = stack[-1]
                case "BINGET" | "LONG_BINGET", index:
                    stack.append(memo[index])
                case "GLOBAL", dotted:
                    stack.append(_name(dotted))
                case "REDUCE", _:
                    arguments, called = _expect(tuple, stack.pop()), stack.pop()
                    stack.append(_make(called, arguments))
                case "BINPERSID", _:
                    stack.append(self._storage(_expect(tuple, stack.pop())))
                case "BUILD", _:
                    stack.pop()  # The versions of a dictionary's modules: of no use here.
                    _expect(dict, stack[-1])
                case name, _:
                    raise ConversionError(f"the pickle's instruction {name} is refused")

    def _instruction(self) -> tuple[str, Any]:
        """Take the name of the next instruction, and its argument if it is one of ours."""
        code = self._take(1)
        name = _INSTRUCTIONS.get(code, f"{code!r}")
        if name in _NUMBERS:
            length, signed = _NUMBERS[name]
            return name, int.from_bytes(self._take(length), "little", signed=signed)
        if name == "LONG1":
            return name, int.from_bytes(self._take(self._take(1)[0]), "little", signed=True)
        if name == "BINUNICODE":
            return name, str(self._take(int.from_bytes(self._take(4), "little")), "utf-8")
        if name == "GLOBAL":
            return name, f"{self._line()}.{self._line()}"
        return name, None

    def _take(self, length: int) -> bytes:
        taken = self._data[self.at : self.at + length]
        if len(taken) < length:
            raise ConversionError(f"cut off within the pickle at byte {self.at}")
        self.at += length
        return taken

    def _line(self) -> str:
        end = self._data.index(b"\n", self.at, self.at + MAX_LINE)
        line = self._take(end - self.at)
        self.at += 1
        return str(line, "utf-8")

    def _storage(self, identity: tuple[Any, ...]) -> _Storage:
        if len(identity) != 6 or identity[0] != "storage" or identity[5] is not None:
            raise ConversionError("a storage that is a view of another")
        kind, key, count = identity[1], _expect(str, identity[2]), _expect(int, identity[4])
        if _expect(_Name, kind) not in _DTYPES:
            raise ConversionError(f"{kind.dotted} is no type of storage")
        storage = _Storage(key, _DTYPES[kind], count)
        if self.storages.setdefault(key, storage) != storage:
            raise ConversionError(f"storage {_brief(key)} is described in two ways")
        return storage


def _name(dotted: str) -> _Name:
    name = _Name(dotted)
    if name not in _NAMES:
        raise ConversionError(f"the pickle's name {_brief(name.dotted)} is refused")
    return name


def _make(name: Any, arguments: tuple[Any, ...]) -> dict[str, Any] | _Tensor:
    """What PyTorch's own functions would make, as data."""
    if name == _DICTIONARY and not arguments:
        return {}
    if name == _TENSOR and len(arguments) == 6:
        storage, offset, shape, strides, gradient, hooks = arguments
        if gradient is False and hooks == {}:
            sides, steps = _whole(shape), _whole(strides)
            return _Tensor(_expect(_Storage, storage), _expect(int, offset), sides, steps)
    called = name.dotted if type(name) is _Name else f"a {type(name).__name__}"
    raise ConversionError(f"{called} is called as no plain tensor is")


def _storages(
    data: bytes, start: int, keys: list[Any], wanted: dict[str, _Storage]
) -> dict[str, Array]:
    """Return the elements of each storage; they have to fill the rest of the file."""
    found: dict[str, Array] = {}
    for key in keys:
        if type(key) is not str or key not in wanted or key in found:
            raise ConversionError("the list of storages is not that of the tensors")
        dtype, count = wanted[key].dtype, wanted[key].count
        end = start + 8 + count * dtype.itemsize
        if count < 1 or end > len(data):
            raise ConversionError(f"storage {_brief(key)} of {count} elements is not in the file")
        if int.from_bytes(data[start : start + 8], "little") != count:
            raise ConversionError(f"storage {_brief(key)} has not the length that its tensors say")
        found[key] = np.frombuffer(data, dtype, count, start + 8)
        start = end
    if len(found) != len(wanted) or start != len(data):
        raise ConversionError("the storages are not all that follows the pickles")
    return found


def _view(name: str, tensor: Any, storages: dict[str, Array]) -> Array:
    if type(tensor) is not _Tensor:
        raise ConversionError(f"{_brief(name)} is a {type(tensor).__name__}, not a tensor")
    storage, offset, shape, strides = tensor.storage, tensor.offset, tensor.shape, tensor.strides
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=False))
    if (
        len(shape) != len(strides)
        or min((offset, *strides)) < 0
        or max(strides, default=0) > storage.count
        or min(shape, default=1) < 1
        # More elements than the storage has would be the same ones again and again.
        or math.prod(shape) > storage.count
        or last >= storage.count
    ):
        raise ConversionError(f"tensor {_brief(name)} does not lie within its storage")
    steps = [step * storage.dtype.itemsize for step in strides]
    view: Array = np.lib.stride_tricks.as_strided(
        storages[storage.key][offset:], shape, steps, writeable=False
    )
    return view


def _since_mark(stack: list[Any]) -> list[Any]:
    """Take what lies above the topmost mark, and the mark."""
    for index in range(len(stack) - 1, -1, -1):
        if stack[index] is _MARK:
            items = stack[index + 1 :]
            del stack[index:]
            return items
    raise ConversionError("a pickle without the mark that it refers to")


def _whole(numbers: Any) -> tuple[int, ...]:
    """Sizes or strides. A long tuple is not looked at: one may be given again and again."""
    if len(_expect(tuple, numbers)) > MAX_DIMENSIONS:
        raise ConversionError(f"a tensor of more than {MAX_DIMENSIONS} dimensions")
    return tuple(_expect(int, number) for number in numbers)


def _expect(kind: type[_T], value: Any) -> _T:
    # Exactly this type: a bool is no length and a mark is no tuple.
    if type(value) is not kind:
        raise ConversionError(f"a {type(value).__name__} where a {kind.__name__} belongs")
    return value


def _brief(text: str) -> str:
    return repr(text[:80])
