"""The manifest of a model: what it is, how it is fed, and what its labels mean.

A manifest is a YAML file. It maps a model's labels to the closed taxonomy by
allowlist. Three things are refused at load, with an error that names the label:

* a target that is not a category of the taxonomy;
* a target that only a bank or a person may assert;
* a mapped label that names a protected attribute (:mod:`tidegate.detectors.red_line`).

A label that is not mapped is dropped inside the detector: no value of this project
ever carries it.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from tidegate import taxonomy
from tidegate.detectors import red_line


class ManifestError(ValueError):
    """A manifest that must not be loaded. The message names the file and the reason."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class File(_Part, frozen=True, kw_only=True):
    """Where the weights are: a file that an installed distribution ships.

    Attributes:
        package: Name of the distribution.
        path: Path of the file within it.
        sha256: Digest that the file must have.
        size: Bytes.
    """

    package: str
    path: str
    sha256: str
    size: int


class Licence(_Part, frozen=True, kw_only=True):
    """SPDX expressions for the code and for the weights."""

    code: str
    weights: str


class Input(_Part, frozen=True, kw_only=True):
    """How a picture becomes a tensor of shape (n, crop, crop, 3), float32.

    Attributes:
        name: Name of the input in the graph.
        resize: Side in pixels of the square that the picture is resized to (bilinear).
        crop: Side in pixels of the centre that is cut out.
        colour: Order of the channels.
        mean: Subtracted from each channel, in the order of ``colour``.
        std: Then divides each channel.
        jpeg_quality: Quality of a JPEG round trip after the crop, or ``None``. Some
            models were published with scores that include one.
    """

    name: str
    resize: int
    crop: int
    colour: Literal["rgb", "bgr"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    jpeg_quality: int | None = None


class Output(_Part, frozen=True, kw_only=True):
    """What comes out: probabilities of shape (n, len(labels)).

    Attributes:
        name: Name of the output in the graph.
        labels: The model's own label of each column.
    """

    name: str
    labels: tuple[str, ...]


class Golden(_Part, frozen=True, kw_only=True):
    """A tensor made by a rule, and the score that it must give.

    Attributes:
        seed: Seed of the noise that makes the tensor (:mod:`tidegate.detectors.golden`).
        scores: Expected score by category.
    """

    seed: int
    scores: dict[str, float]


class Manifest(_Part, frozen=True, kw_only=True):
    """One model.

    Attributes:
        manifest: Version of this format.
        id: Short name of the detector.
        version: Version of the detector: it goes into every signal.
        title: Name for people.
        task: What kind of model it is.
        file: Where the weights are.
        licence: Licences of code and weights.
        source: Where the model comes from.
        training: What is known of its training data.
        covers: What it sees and what it does not, for people.
        input: How it is fed.
        output: What it answers.
        labels: Its labels, each mapped to a category. All others are dropped.
        batch: Largest number of pictures in one call.
        golden: Answers that it must give.
    """

    manifest: Literal[1]
    id: str
    version: str
    title: str
    task: Literal["classify"]
    file: File
    licence: Licence
    source: str
    training: str
    covers: str
    input: Input
    output: Output
    labels: dict[str, str]
    batch: int = 8
    golden: tuple[Golden, ...] = ()

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories that this model answers for, in the order of the taxonomy."""
        targets = set(self.labels.values())
        return tuple(c for c in taxonomy.CATEGORIES if c in targets)


def parse(text: str, name: str) -> Manifest:
    """Read a manifest and check it against the taxonomy and the red line.

    Args:
        text: The YAML.
        name: Name of the file, for the error.

    Raises:
        ManifestError: It is malformed, or maps a label that must not be mapped.
    """
    try:
        manifest = msgspec.yaml.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise ManifestError(f"{name}: {error}") from None
    _check_labels(name, manifest.labels, manifest.output.labels)
    return manifest


def _check_labels(name: str, mapped: Mapping[str, str], known: tuple[str, ...]) -> None:
    if not mapped:
        raise ManifestError(f"{name}: no label is mapped to a category")
    allowed = taxonomy.detectable()
    for label, category in mapped.items():
        refusal = red_line.check(label)
        if refusal is not None:
            raise ManifestError(
                f"{name}: label {label!r} is refused: {refusal.word!r} names {refusal.reason}"
            )
        if category not in taxonomy.CATEGORIES:
            raise ManifestError(
                f"{name}: label {label!r}: {category!r} is not a category of "
                f"taxonomy v{taxonomy.VERSION}"
            )
        if category not in allowed:
            raise ManifestError(
                f"{name}: label {label!r}: {category!r} may not be asserted by a model, "
                f"only by a {taxonomy.get(category).source}"
            )
        if label not in known:
            raise ManifestError(f"{name}: label {label!r} is not an output of the model")
