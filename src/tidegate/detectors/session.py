"""A model's weights, checked against its manifest and loaded on what runs it."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.engines import Graph, on_onnxruntime, on_openvino
from tidegate.detectors.manifest import Manifest, ManifestError
from tidegate.detectors.runtime import Runtime, UnavailableError

_TYPES = {"float32": "tensor(float)", "float16": "tensor(float16)", "uint8": "tensor(uint8)"}


class Session:
    """A loaded graph. Safe to share between threads; on a processor a call uses one thread.

    ONNX Runtime loads it on the processor first, whatever runs it: it is what the graph's
    shape is checked with, and what refuses weights in other files.

    Args:
        manifest: The model.
        path: Its weights.
        runtime: What runs it.

    Raises:
        ManifestError: The weights are not those of the manifest, do not load, or do not
            take and give what it says.
        UnavailableError: The runtime is not here, or does not take the model.
    """

    def __init__(self, manifest: Manifest, path: Path, runtime: Runtime) -> None:
        self._input = manifest.input.name
        weights = _checked(manifest, path)
        graph = _load(manifest, weights)
        _check_graph(manifest, graph)
        plain = (runtime.library, runtime.device) == ("onnxruntime", "cpu")
        self._graph: Graph = graph if plain else _moved(manifest, weights, runtime)

    def run(self, outputs: list[str], batch: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """Return the named outputs for a batch of tensors, and nothing else of the graph."""
        found: list[NDArray[np.generic]] = self._graph.run(outputs, {self._input: batch})
        return found


def _checked(manifest: Manifest, path: Path) -> bytes:
    """Read the weights, once it is plain that they are as large as they should be."""
    wanted = manifest.file
    try:
        with path.open("rb") as file:
            weights = file.read(wanted.size + 1)
    except OSError as error:
        raise ManifestError(f"{manifest.id}: {path} cannot be read: {error.strerror}") from None
    if len(weights) != wanted.size:
        size = path.stat().st_size
        raise ManifestError(f"{manifest.id}: {path.name} has {size:,} bytes, not {wanted.size:,}")
    digest = hashlib.sha256(weights).hexdigest()
    if digest != wanted.sha256:
        raise ManifestError(f"{manifest.id}: {path.name} has sha256 {digest}, not {wanted.sha256}")
    return weights


def _load(manifest: Manifest, weights: bytes) -> Any:
    try:
        return on_onnxruntime(weights, "cpu")
    except UnavailableError:
        raise
    except Exception as error:
        # The runtime's errors are of many types and quote the graph at length.
        raise ManifestError(
            f"{manifest.id}: the weights are no model that loads: {type(error).__name__}"
        ) from None


def _moved(manifest: Manifest, weights: bytes, runtime: Runtime) -> Graph:
    """Load a graph that has been checked where the operator wants it."""
    try:
        if runtime.library == "openvino":
            return on_openvino(weights, runtime)
        graph: Graph = on_onnxruntime(weights, runtime.device)
        return graph
    except UnavailableError:
        raise
    except Exception as error:
        place = f"{runtime.library} on {runtime.device!r}"
        raise UnavailableError(
            f"{manifest.id}: {place} does not take the model: {type(error).__name__}"
        ) from None


def _check_graph(manifest: Manifest, graph: Any) -> None:
    """Compare the graph's input and outputs with the manifest, as far as the graph is sure."""
    given, output = manifest.input, manifest.output
    inputs = {node.name: node for node in graph.get_inputs()}
    if set(inputs) != {given.name}:
        raise ManifestError(f"{manifest.id}: the model has not one input, {given.name!r}")
    node = inputs[given.name]
    if node.type != _TYPES[given.dtype]:
        raise ManifestError(f"{manifest.id}: the input is {node.type}, not {given.dtype}")
    side = given.crop
    wanted = (side, side, 3) if given.layout == "nhwc" else (3, side, side)
    if len(node.shape) != 4 or not _agree(node.shape[1:], wanted):
        raise ManifestError(f"{manifest.id}: the input is {_sides(node.shape)}, not (n, *{wanted})")
    if isinstance(node.shape[0], int) and node.shape[0] != 1:
        raise ManifestError(f"{manifest.id}: the model takes only {node.shape[0]} pictures at once")
    if node.shape[0] == 1 and manifest.batch != 1:
        raise ManifestError(f"{manifest.id}: the model takes one picture at once: batch is 1")
    outputs = {node.name: node.shape for node in graph.get_outputs()}
    for name in filter(None, (output.name, output.boxes and output.boxes.name)):
        if name not in outputs:
            raise ManifestError(f"{manifest.id}: the model has no output {name!r}")
    if output.boxes is None:
        found, count = outputs[output.name], len(output.labels)
        if len(found) != 2 or not _agree(found[1:], (count,)):
            raise ManifestError(f"{manifest.id}: the output is {_sides(found)}, not (n, {count})")


def _sides(shape: list[int | str | None]) -> str:
    """Return a shape for people. Names of sides are the author's words: none is told."""
    return f"({', '.join(str(s) if isinstance(s, int) else '?' for s in shape)})"


def _agree(found: list[int | str | None], wanted: tuple[int, ...]) -> bool:
    """Whether each side is the wanted one, or is not fixed in the graph."""
    return len(found) == len(wanted) and all(
        not isinstance(f, int) or f == w for f, w in zip(found, wanted, strict=True)
    )
