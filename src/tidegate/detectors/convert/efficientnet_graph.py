"""Converts EfficientNet-Lite0 from a PyTorch checkpoint to ONNX.

The network: M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional
Neural Networks", 2019, in the variant of ``efficientnet_lite_builder.py`` of
``tensorflow/tpu``: no squeeze-and-excitation, ReLU6 throughout. Padding is TensorFlow's
"same": where a convolution needs an odd number of rows around its input, the odd one is at
the bottom and right.

Batch norms are folded into the convolutions before them. That takes additions,
multiplications, divisions and square roots in double precision, which IEEE 754 rounds in
one way, so every machine writes the same file.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.convert import ConversionError
from tidegate.detectors.convert.onnxfile import Graph
from tidegate.detectors.convert.torchfile import Array, read

SIDE = 224
"""Side of the input in pixels."""

CLASSES = 1000
"""Length of the output: logits of the classes of ImageNet-1k."""

STEM, HEAD = 32, 1280
"""Channels after the first convolution and before the last layer."""

EPSILON = 1e-3
"""Is added to a batch norm's variance."""


class Stage(NamedTuple):
    """Some blocks in a row; all but the first keep size and channels."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    Stage(blocks=1, kernel=3, stride=1, expand=1, channels=16),
    Stage(blocks=2, kernel=3, stride=2, expand=6, channels=24),
    Stage(blocks=2, kernel=5, stride=2, expand=6, channels=40),
    Stage(blocks=3, kernel=3, stride=2, expand=6, channels=80),
    Stage(blocks=3, kernel=5, stride=1, expand=6, channels=112),
    Stage(blocks=4, kernel=5, stride=2, expand=6, channels=192),
    Stage(blocks=1, kernel=3, stride=1, expand=6, channels=320),
)


def convert(checkpoint: bytes) -> bytes:
    """Return the ONNX file of a checkpoint of EfficientNet-Lite0.

    Its input ``input`` has the shape (n, 3, 224, 224), RGB as (value - 127) / 128; its output
    ``logits`` the shape (n, 1000).

    Raises:
        ConversionError: The checkpoint cannot be read, or is of another network.
    """
    return _Network(read(checkpoint)).encode()


class _Network:
    """Takes tensors out of the checkpoint as it builds the graph; none may be left."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._tensors = {
            # A count of training steps; nothing is computed from it.
            name: tensor
            for name, tensor in tensors.items()
            if not name.endswith(".num_batches_tracked")
        }
        self._graph = Graph("efficientnet-lite0")
        self._bounds = [
            self._graph.constant(name, np.array(value, np.float32))
            for name, value in (("zero", 0), ("six", 6))
        ]

    def encode(self) -> bytes:
        """Build the graph and return the file."""
        graph, side = self._graph, SIDE
        x = graph.input("input", (None, 3, side, side))
        x = self._relu6(self._convolve(x, "_conv_stem", "_bn0", (STEM, 3, 3, 3), 2, side))
        side, channels, number = _halved(side), STEM, 0
        for stage in STAGES:
            for stride in (stage.stride, *[1] * (stage.blocks - 1)):
                x = self._block(x, f"_blocks.{number}.", stage, channels, stride, side)
                side = _halved(side) if stride == 2 else side
                channels, number = stage.channels, number + 1
        x = self._relu6(self._convolve(x, "_conv_head", "_bn1", (HEAD, channels, 1, 1), 1, side))
        x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
        weights = graph.constant("_fc.weight", self._take("_fc.weight", (CLASSES, HEAD)))
        bias = graph.constant("_fc.bias", self._take("_fc.bias", (CLASSES,)))
        graph.output(graph.node("Gemm", x, weights, bias, transB=1), "logits", (None, CLASSES))
        if self._tensors:
            raise ConversionError(f"the checkpoint has {len(self._tensors)} tensors too many")
        return graph.encode()

    def _block(self, x: str, name: str, stage: Stage, channels: int, stride: int, side: int) -> str:
        """Widen, filter each channel by itself, narrow; add the input where it fits."""
        y, wide = x, channels * stage.expand
        if stage.expand != 1:
            shape = (wide, channels, 1, 1)
            y = self._relu6(self._convolve(y, f"{name}_expand_conv", f"{name}_bn0", shape, 1, side))
        shape = (wide, 1, stage.kernel, stage.kernel)
        y = self._convolve(
            y, f"{name}_depthwise_conv", f"{name}_bn1", shape, stride, side, groups=wide
        )
        shape = (stage.channels, wide, 1, 1)
        y = self._convolve(self._relu6(y), f"{name}_project_conv", f"{name}_bn2", shape, 1, side)
        if stride == 1 and channels == stage.channels:
            y = self._graph.node("Add", y, x)
        return y

    def _convolve(
        self,
        x: str,
        name: str,
        norm: str,
        shape: tuple[int, int, int, int],
        stride: int,
        side: int,
        groups: int = 1,
    ) -> str:
        """A convolution with its batch norm folded in, padded as TensorFlow pads."""
        gamma, beta, mean, variance = (
            self._take(f"{norm}.{part}", shape[:1]).astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        if variance.min() < 0:
            raise ConversionError(f"{norm}.running_var is negative")
        factor = gamma / np.sqrt(variance + EPSILON)
        weights = self._take(f"{name}.weight", shape) * factor[:, None, None, None]
        kernel = shape[2]
        padding = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        before, after = padding // 2, padding - padding // 2
        return self._graph.node(
            "Conv",
            x,
            self._graph.constant(f"{name}.weight", weights.astype(np.float32)),
            self._graph.constant(f"{name}.bias", (beta - mean * factor).astype(np.float32)),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )

    def _relu6(self, x: str) -> str:
        return self._graph.node("Clip", x, *self._bounds)

    def _take(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        tensor = self._tensors.pop(name, None)
        if tensor is None:
            raise ConversionError(f"the checkpoint has no tensor {name}")
        if tensor.shape != shape or tensor.dtype != np.float32 or not np.isfinite(tensor).all():
            raise ConversionError(f"{name} is not a finite float32 tensor of shape {shape}")
        return tensor.astype(np.float32)


def _halved(side: int) -> int:
    return -(-side // 2)
