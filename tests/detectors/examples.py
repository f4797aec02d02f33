"""Manifests and models that are small enough to be made where they are needed."""

import copy
import hashlib
from pathlib import Path

import numpy as np
import yaml

from tidegate.detectors.convert.onnxfile import Graph

SIDE = 16

PLAIN = {
    "manifest": 1,
    "id": "example",
    "version": "1",
    "title": "Example",
    "task": "classify",
    "file": {"path": "example.onnx", "sha256": "00" * 32, "size": 1},
    "licence": {"code": "MIT", "weights": "MIT"},
    "source": "nowhere",
    "training": "none",
    "covers": "nothing",
    "misses": "everything",
    "unmeasured": "everything",
    "input": {"name": "x", "resize": SIDE, "crop": SIDE, "colour": "rgb"},
    "output": {"name": "y", "labels": ["gun"]},
    "labels": {"gun": "violence.weapon"},
}


def manifest(labels: dict | None = None, outputs: list[str] | None = None, **changes) -> str:
    """Return a manifest's YAML. ``input__crop=8`` changes a part of a part."""
    made = copy.deepcopy(PLAIN)
    if labels is not None:
        made["labels"] = labels
        made["output"]["labels"] = list(labels) if outputs is None else outputs
    for name, value in changes.items():
        part, _, field = name.partition("__")
        if field:
            made[part][field] = value
        else:
            made[part] = value
    return yaml.safe_dump(made, allow_unicode=True)


def brightness(weights: list[list[float]], side: int = SIDE) -> bytes:
    """Return a model whose outputs are weighted sums of a picture's mean red, green and blue."""
    graph = Graph("brightness")
    x = graph.input("x", (None, side, side, 3))
    mean = graph.node("ReduceMean", x, axes=[1, 2], keepdims=0)
    y = graph.node("MatMul", mean, graph.constant("w", np.array(weights, np.float32).T))
    graph.output(y, "y", (None, len(weights)))
    return graph.encode()


def boxes(rows: list[list[float]], *, apart: bool = False) -> bytes:
    """Return a model that answers with these rows of 4 + labels numbers, whatever it sees."""
    table = np.array([rows], np.float32)
    graph = Graph("boxes")
    x = graph.input("x", (None, SIDE, SIDE, 3))
    zero = graph.node("Mul", x, graph.constant("zero", np.zeros(1, np.float32)))
    zero = graph.node("ReduceMean", zero, axes=[2, 3], keepdims=1)
    zero = graph.node("ReduceMean", zero, axes=[1], keepdims=1)
    flat = graph.node("Squeeze", zero, graph.constant("axis", np.array([3], np.int64)))
    parts = {"b": table[..., :4], "y": table[..., 4:]} if apart else {"y": table}
    for name, part in parts.items():
        y = graph.node("Add", flat, graph.constant(f"{name}s", part))
        graph.output(y, name, (None, *part.shape[1:]))
    return graph.encode()


def stored(folder: Path, model: bytes, text: str) -> tuple[Path, Path]:
    """Write a manifest with the model's digest, and the model beside it; return both paths."""
    plain = yaml.safe_load(text)
    plain["file"] |= {"sha256": hashlib.sha256(model).hexdigest(), "size": len(model)}
    weights = folder / plain["file"]["path"]
    weights.write_bytes(model)
    file = folder / f"{plain['id']}.model.yaml"
    file.write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")
    return file, weights
