"""Writes ONNX files: the few messages of the format that a converted model needs.

An ONNX file is one Protocol Buffers message (``onnx.proto3`` of the ONNX project,
Apache-2.0; the numbers below are its field numbers). Protocol Buffers promise no
canonical bytes, so a library may write the same model differently from one version to
the next. This writer has no such freedom: the same graph gives the same bytes on every
machine, and a manifest can carry the sha256 of a model that is converted where it is
installed.

::

    graph = Graph("toy", opset=17)
    x = graph.input("input", (None, 3, 224, 224))     # None: any number, the batch
    w = graph.constant("stem.weight", weights)        # float32 or int64 array
    y = graph.node("Conv", x, w, strides=[2, 2], pads=[0, 0, 1, 1])
    y = graph.node("Clip", y, graph.constant("zero", zero), graph.constant("six", six))
    graph.output(y, "features", (None, 32, 112, 112))
    data = graph.encode()                             # bytes of the file
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.convert import ConversionError

IR_VERSION = 8
"""Version of the file format; 8 came with ONNX 1.10 (2021), before opset 16."""

_TENSOR_TYPES = {np.dtype("<f4"): 1, np.dtype("<i8"): 7}

Shape = Sequence[int | None]
Attribute = int | float | str | Sequence[int]


class Graph:
    """A graph in the making: nodes in the order in which they run.

    Values are known by name, and every method that makes one returns its name.

    Args:
        name: Name of the graph, for people.
        opset: Version of the standard operators that the nodes are written to.
    """

    def __init__(self, name: str, opset: int = 17) -> None:
        self._name = name
        self._opset = opset
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._constants: list[bytes] = []
        self._nodes: list[bytes] = []
        self._names: set[str] = set()

    def input(self, name: str, shape: Shape) -> str:
        """Declare a float32 input. A side that is ``None`` may have any length."""
        self._inputs.append(_value(self._new(name), shape))
        return name

    def constant(self, name: str, values: NDArray[np.float32] | NDArray[np.int64]) -> str:
        """Add an array that the file carries.

        Raises:
            ConversionError: The name is taken, or the array is neither float32 nor int64.
        """
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        if little.dtype not in _TENSOR_TYPES:
            raise ConversionError(f"{self._name}: {name!r} is {values.dtype}, not float32 or int64")
        self._constants.append(
            b"".join(_int(1, side) for side in values.shape)
            + _int(2, _TENSOR_TYPES[little.dtype])
            + _text(8, self._new(name))
            + _bytes(9, little.tobytes())
        )
        return name

    def node(self, op: str, *inputs: str, name: str | None = None, **attributes: Attribute) -> str:
        """Add a node with one output, and return that output's name.

        Args:
            op: Operator of the standard set, for example ``Conv``.
            inputs: Names of its inputs; ``""`` leaves an optional one out.
            name: Name of its output; by default the operator and a number.
            attributes: Its attributes; a sequence is one of integers.

        Raises:
            ConversionError: An input is not the name of a value made before, or the name is taken.
        """
        for given in inputs:
            if given and given not in self._names:
                raise ConversionError(f"{self._name}: {op}: there is no value {given!r}")
        output = self._new(name if name is not None else f"{op}_{len(self._nodes)}")
        self._nodes.append(
            b"".join(_text(1, given) for given in inputs)
            + _text(2, output)
            + _text(4, op)
            + b"".join(_bytes(5, _attribute(k, attributes[k])) for k in sorted(attributes))
        )
        return output

    def output(self, value: str, name: str, shape: Shape) -> None:
        """Declare that a value is a float32 output of the model, under this name."""
        self._outputs.append(_value(self.node("Identity", value, name=name), shape))

    def encode(self) -> bytes:
        """Return the file."""
        graph = (
            b"".join(_bytes(1, node) for node in self._nodes)
            + _text(2, self._name)
            + b"".join(_bytes(5, constant) for constant in self._constants)
            + b"".join(_bytes(11, value) for value in self._inputs)
            + b"".join(_bytes(12, value) for value in self._outputs)
        )
        opset = _text(1, "") + _int(2, self._opset)
        return _int(1, IR_VERSION) + _text(2, "tidegate") + _bytes(7, graph) + _bytes(8, opset)

    def _new(self, name: str) -> str:
        if not name or name in self._names:
            raise ConversionError(f"{self._name}: the name {name!r} is empty or taken")
        self._names.add(name)
        return name


def _value(name: str, shape: Shape) -> bytes:
    """ValueInfoProto: a float32 tensor of this shape."""
    sides = (_text(2, "batch") if side is None else _int(1, side) for side in shape)
    dims = b"".join(_bytes(1, side) for side in sides)
    tensor = _int(1, _TENSOR_TYPES[np.dtype("<f4")]) + _bytes(2, dims)
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _attribute(name: str, value: Attribute) -> bytes:
    """AttributeProto; field 20 says which kind of value it holds."""
    match value:
        case int():
            return _text(1, name) + _int(3, value) + _int(20, 2)
        case float():
            return _text(1, name) + _key(2, 5) + struct.pack("<f", value) + _int(20, 1)
        case str():
            return _text(1, name) + _text(4, value) + _int(20, 3)
        case _:
            return _text(1, name) + b"".join(_int(8, i) for i in value) + _int(20, 7)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # a negative number is written as its 64-bit two's complement
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _int(field: int, value: int) -> bytes:
    return _key(field, 0) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
