"""Converts a graph model of TensorFlow.js to ONNX.

The format: ``model.json`` holds the nodes of a TensorFlow graph, in the JSON mapping of
Protocol Buffers, and a manifest of the weights; the weights lie one behind the other in
shards of bytes, each quantised by itself (``io_utils.ts`` of TensorFlow.js, Apache-2.0):
``uint8`` and ``uint16`` as ``value * scale + min`` in double precision, ``float16`` as it is.

The operators are those that a convolutional classifier with folded batch norms consists
of. Pictures stay (n, height, width, channels) at the input; within, ONNX wants the
channels before the height.
"""

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tidegate.detectors.convert import ConversionError
from tidegate.detectors.convert.onnxfile import Graph

MAX_VALUES = 50_000_000
"""Most weights that a model may have: 200 MB as float32."""

_Side = Annotated[int, Meta(ge=1, le=1 << 20)]
_Name = Annotated[str, Meta(min_length=1, max_length=500)]

_STORED = {"uint8": "u1", "uint16": "<u2", "float16": "<f2", "float32": "<f4"}


class _Quantization(msgspec.Struct, frozen=True):
    dtype: Literal["uint8", "uint16", "float16"]
    min: float = 0.0
    scale: float = 1.0


class _Weight(msgspec.Struct, frozen=True):
    name: _Name
    shape: Annotated[tuple[_Side, ...], Meta(max_length=4)]
    dtype: Literal["float32"]
    quantization: _Quantization | None = None


class _Group(msgspec.Struct, frozen=True):
    paths: Annotated[tuple[_Name, ...], Meta(max_length=100)]
    weights: Annotated[tuple[_Weight, ...], Meta(max_length=10_000)]


class _List(msgspec.Struct, frozen=True):
    i: tuple[int, ...] = ()
    s: tuple[str, ...] = ()


class _Attribute(msgspec.Struct, frozen=True):
    """One attribute; which field is set says of which kind it is."""

    list: _List = _List()
    s: str = ""
    b: bool = False


class _Node(msgspec.Struct, frozen=True):
    name: _Name
    op: _Name
    input: Annotated[tuple[_Name, ...], Meta(max_length=16)] = ()
    attr: dict[str, _Attribute] = {}

    def integers(self, name: str) -> tuple[int, ...]:
        """Return a list of integers, empty where the attribute is absent."""
        return self.attr.get(name, _Attribute()).list.i

    def text(self, name: str) -> str:
        """Return a text, empty where the attribute is absent."""
        return _decoded(self.attr.get(name, _Attribute()).s)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty where the attribute is absent."""
        return tuple(_decoded(s) for s in self.attr.get(name, _Attribute()).list.s)

    def flag(self, name: str) -> bool:
        """Return a flag, false where the attribute is absent."""
        return self.attr.get(name, _Attribute()).b


class _Topology(msgspec.Struct, frozen=True):
    node: Annotated[tuple[_Node, ...], Meta(max_length=10_000)]


class _Model(msgspec.Struct, frozen=True):
    format: Literal["graph-model"]
    modelTopology: _Topology  # noqa: N815 - the name in the file
    weightsManifest: Annotated[tuple[_Group, ...], Meta(max_length=100)]  # noqa: N815


def convert(model: str, shards: Mapping[str, bytes], *, name: str, side: int) -> bytes:
    """Return a model as an ONNX file.

    Its input is ``input``, float32 of shape (batch, side, side, 3); its output is
    ``output``, what the graph's last node gives.

    Args:
        model: The text of ``model.json``.
        shards: The weights, by the path that the model has for them. Nothing else is read:
            a path is a key here and never touches a file system.
        name: Name of the model, for the graph and for errors.
        side: Height and width of the pictures in pixels.

    Raises:
        ConversionError: The model is malformed, too large, or uses what is not supported.
    """
    try:
        parsed = msgspec.json.decode(model, type=_Model, strict=False)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConversionError(f"{name}: {error}") from None
    weights: dict[str, NDArray[np.float32]] = {}
    for group in parsed.weightsManifest:
        weights |= _weights(group, shards, name)
    return _Translation(name, side, weights).run(parsed.modelTopology.node)


def _weights(
    group: _Group, shards: Mapping[str, bytes], name: str
) -> dict[str, NDArray[np.float32]]:
    missing = [path for path in group.paths if path not in shards]
    if missing:
        raise ConversionError(f"{name}: there is no shard {missing[0]!r}")
    data = b"".join(shards[path] for path in group.paths)
    if sum(math.prod(weight.shape) for weight in group.weights) > MAX_VALUES:
        raise ConversionError(f"{name}: more than {MAX_VALUES} weights")
    found: dict[str, NDArray[np.float32]] = {}
    offset = 0
    for weight in group.weights:
        stored = np.dtype(_STORED[weight.quantization.dtype if weight.quantization else "float32"])
        end = offset + math.prod(weight.shape) * stored.itemsize
        if end > len(data):
            raise ConversionError(f"{name}: the shards end within the weight {weight.name!r}")
        values = np.frombuffer(data[offset:end], stored).reshape(weight.shape)
        if stored.kind == "u" and weight.quantization is not None:
            values = values * weight.quantization.scale + weight.quantization.min
        with np.errstate(over="ignore"):
            found[weight.name] = values.astype(np.float32)
        if not np.isfinite(found[weight.name]).all():
            raise ConversionError(f"{name}: the weight {weight.name!r} is not finite")
        offset = end
    if offset != len(data):
        raise ConversionError(f"{name}: the shards have {len(data) - offset} bytes too many")
    return found


class _Translation:
    """One graph on its way to ONNX, node by node."""

    def __init__(self, name: str, side: int, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._name = name
        self._side = side
        self._weights = weights
        self._graph = Graph(name)
        self._values: dict[str, str] = {}
        self._zero = self._graph.constant("zero", np.array(0, np.float32))
        self._six = self._graph.constant("six", np.array(6, np.float32))
        self._translators: dict[str, Callable[[_Node], str]] = {
            "Placeholder": self._placeholder,
            "Mul": lambda node: self._arithmetic(node, "Mul"),
            "Sub": lambda node: self._arithmetic(node, "Sub"),
            "AddV2": lambda node: self._arithmetic(node, "Add"),
            "_FusedConv2D": self._convolution,
            "FusedDepthwiseConv2dNative": self._depthwise,
            "AvgPool": self._average,
            "Squeeze": self._squeeze,
            "_FusedMatMul": self._dense,
            "Softmax": lambda node: self._graph.node("Softmax", *self._inputs(node, 1), axis=-1),
            "Identity": lambda node: self._inputs(node, 1)[0],
        }

    def run(self, nodes: tuple[_Node, ...]) -> bytes:
        last = ""
        for node in nodes:
            if node.op == "Const":
                continue
            translate = self._translators.get(node.op)
            if translate is None:
                raise ConversionError(f"{self._name}: the operator {node.op} is not supported")
            last = self._values[node.name] = translate(node)
        if not last:
            raise ConversionError(f"{self._name}: the graph has no nodes")
        self._graph.output(last, "output", (None, None))
        return self._graph.encode()

    def _placeholder(self, node: _Node) -> str:
        self._arity(node, 0)
        pixels = self._graph.input("input", (None, self._side, self._side, 3))
        return self._graph.node("Transpose", pixels, perm=[0, 3, 1, 2])

    def _arithmetic(self, node: _Node, op: str) -> str:
        return self._graph.node(op, *(self._scalar_or_value(i) for i in self._arity(node, 2)))

    def _convolution(self, node: _Node) -> str:
        kernel = self._weight(node, 1, 4)  # height, width, inputs, outputs
        return self._window(node, kernel.transpose(3, 2, 0, 1), groups=1)

    def _depthwise(self, node: _Node) -> str:
        kernel = self._weight(node, 1, 4)  # height, width, channels, outputs per channel
        height, width, channels, multiplier = kernel.shape
        kernels = kernel.transpose(2, 3, 0, 1)
        return self._window(
            node, kernels.reshape(channels * multiplier, 1, height, width), groups=channels
        )

    def _window(self, node: _Node, kernel: NDArray[np.float32], groups: int) -> str:
        """A convolution with its bias and, where there is one, its ReLU6."""
        self._require(node, self._integers(node, "dilations", 4) == (1, 1, 1, 1), "is dilated")
        convolved = self._graph.node(
            "Conv",
            self._value(node.input[0]),
            self._graph.constant(f"{node.name}/kernel", kernel),
            self._graph.constant(f"{node.name}/bias", self._bias(node)),
            group=groups,
            **self._geometry(node),
        )
        return self._activated(node, convolved)

    def _average(self, node: _Node) -> str:
        self._require(node, self._padding(node) == "VALID", "averages over its padding")
        (value,) = self._inputs(node, 1)
        size = self._spatial(node, "ksize")
        return self._graph.node("AveragePool", value, kernel_shape=size, **self._geometry(node))

    def _squeeze(self, node: _Node) -> str:
        self._require(node, node.integers("squeeze_dims") == (1, 2), "squeezes other axes")
        axes = self._graph.constant(f"{node.name}/axes", np.array([2, 3], np.int64))
        return self._graph.node("Squeeze", *self._inputs(node, 1), axes)

    def _dense(self, node: _Node) -> str:
        turned = node.flag("transpose_a") or node.flag("transpose_b")
        self._require(node, not turned, "transposes its matrices")
        product = self._graph.node(
            "Gemm",
            self._value(self._arity(node, 3)[0]),
            self._graph.constant(f"{node.name}/matrix", self._weight(node, 1, 2)),
            self._graph.constant(f"{node.name}/bias", self._bias(node)),
        )
        return self._activated(node, product)

    def _activated(self, node: _Node, value: str) -> str:
        match node.texts("fused_ops"):
            case ("BiasAdd",):
                return value
            case ("BiasAdd", "Relu6"):
                return self._graph.node("Clip", value, self._zero, self._six)
            case fused:
                raise self._error(node, f"fuses {', '.join(fused) or 'nothing'}")

    def _geometry(self, node: _Node) -> dict[str, Any]:
        # TensorFlow's SAME puts an odd pixel of padding at the end: that is SAME_UPPER.
        padding = {"SAME": "SAME_UPPER", "VALID": "VALID"}[self._padding(node)]
        return {"strides": self._spatial(node, "strides"), "auto_pad": padding}

    def _padding(self, node: _Node) -> str:
        padding = node.text("padding")
        self._require(node, padding in ("SAME", "VALID"), f"has the padding {padding!r}")
        return padding

    def _spatial(self, node: _Node, attribute: str) -> tuple[int, int]:
        batch, height, width, channels = self._integers(node, attribute, 4)
        self._require(node, (batch, channels) == (1, 1), f"has {attribute} across channels")
        self._require(node, 1 <= height <= 64 and 1 <= width <= 64, f"has huge {attribute}")
        return height, width

    def _integers(self, node: _Node, attribute: str, count: int) -> tuple[int, ...]:
        self._require(node, node.text("data_format") == "NHWC", "is not laid out as NHWC")
        values = node.integers(attribute)
        self._require(node, len(values) == count, f"has {len(values)} {attribute}, not {count}")
        return values

    def _bias(self, node: _Node) -> NDArray[np.float32]:
        self._arity(node, 3)
        return self._weight(node, 2, 1)

    def _weight(self, node: _Node, index: int, rank: int) -> NDArray[np.float32]:
        name = self._arity(node, 3)[index]
        weight = self._weights.get(name)
        if weight is None or weight.ndim != rank:
            raise self._error(node, f"needs a weight of {rank} axes in {name!r}")
        return weight

    def _inputs(self, node: _Node, count: int) -> list[str]:
        return [self._value(name) for name in self._arity(node, count)]

    def _value(self, name: str) -> str:
        if name not in self._values:
            raise ConversionError(f"{self._name}: nothing before gives {name!r}")
        return self._values[name]

    def _scalar_or_value(self, name: str) -> str:
        weight = self._weights.get(name)
        if weight is None:
            return self._value(name)
        if weight.ndim:
            raise ConversionError(f"{self._name}: {name!r} is not a single number")
        if name not in self._values:
            self._values[name] = self._graph.constant(name, weight)
        return self._values[name]

    def _arity(self, node: _Node, count: int) -> tuple[str, ...]:
        self._require(node, len(node.input) == count, f"has {len(node.input)} inputs, not {count}")
        return node.input

    def _require(self, node: _Node, fine: bool, why: str) -> None:
        if not fine:
            raise self._error(node, why)

    def _error(self, node: _Node, why: str) -> ConversionError:
        return ConversionError(f"{self._name}: {node.op} {node.name!r} {why}")


def _decoded(text: str) -> str:
    """Bytes are base64 in the JSON mapping of Protocol Buffers."""
    try:
        return base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise ConversionError(f"{text[:40]!r} is not the base64 of a name") from None
