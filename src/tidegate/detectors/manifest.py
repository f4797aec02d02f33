"""The manifest of a model: what it is, how it is fed, and what its labels mean.

A manifest is a YAML file, ``<id>.model.yaml``. It maps a model's labels to the closed
taxonomy by allowlist. Three things are refused at load, with an error that names the label:

* a target that is not a category of the taxonomy;
* a target that only a bank or a person may assert;
* a mapped label that names a protected attribute or a proxy for one
  (:mod:`tidegate.detectors.red_line`).

A label that is not mapped is dropped inside the detector: no value of this project
ever carries it. docs/models.md explains each field.
"""

from typing import Annotated, Literal

import msgspec

from tidegate import taxonomy
from tidegate.evidence import Action

MAX_WEIGHTS = 512 << 20
"""Most bytes of a file of weights: it is read as a whole."""

NO_NEWLINE = r"$(?!\n)"
Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}" + NO_NEWLINE)]
Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,31}" + NO_NEWLINE)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}" + NO_NEWLINE)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, msgspec.Meta(gt=0.0, le=1e4)]
Number = Annotated[float, msgspec.Meta(ge=-1e4, le=1e4)]
Side = Annotated[int, msgspec.Meta(ge=16, le=2048)]
Labels = Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=25_000)]


class ManifestError(ValueError):
    """A model that must not be used. The message names the model or file and the reason."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class File(_Part, frozen=True, kw_only=True):
    """Where the weights are.

    Attributes:
        package: The installed distribution that ships them, or ``None`` where they lie in
            the model home, in the folder of the model.
        path: Path of the file within the distribution; in the model home a bare name.
        sha256: Digest that the file must have.
        size: Bytes that it must have, at most :data:`MAX_WEIGHTS`.
        get: How to get it, for people; for example a command.
    """

    package: Name | None = None
    path: Name
    sha256: Sha256
    size: Annotated[int, msgspec.Meta(ge=1, le=MAX_WEIGHTS)]
    get: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Licence(_Part, frozen=True, kw_only=True):
    """SPDX expressions for the code and for the weights."""

    code: Name
    weights: Name


class Input(_Part, frozen=True, kw_only=True):
    """How a picture becomes a tensor, in this order.

    Attributes:
        name: Name of the input in the graph.
        resize: Side in pixels of the square that the picture is resized to.
        fit: How it comes to be square: ``stretch`` ignores its proportions, ``cover`` makes
            its shorter side ``resize`` long and cuts off the rest of the longer one,
            ``contain`` makes its longer side so long and fills the rest with ``fill``.
        filter: How pixels are interpolated. All but ``nearest`` look at every pixel.
        fill: Grey level, 0 to 255, around a picture that is contained.
        crop: Side in pixels of the centre that is then cut out; the side of the tensor.
        jpeg_quality: Quality of a JPEG round trip after the crop, or ``None``. Some
            models were published with scores that include one.
        colour: Order of the channels.
        scale: Multiplies each value, 0 to 255, first.
        mean: Is then subtracted from each channel, in the order of ``colour``.
        std: Then divides each channel.
        layout: Order of the tensor's axes.
        dtype: Type of the tensor. ``uint8`` takes the pixels as they are.
    """

    name: Name
    resize: Side
    fit: Literal["stretch", "cover", "contain"] = "stretch"
    filter: Literal["nearest", "box", "bilinear", "bicubic", "lanczos"] = "bilinear"
    fill: Annotated[int, msgspec.Meta(ge=0, le=255)] = 114
    crop: Side
    jpeg_quality: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    colour: Literal["rgb", "bgr"]
    scale: Positive = 1.0
    mean: tuple[Number, Number, Number] = (0.0, 0.0, 0.0)
    std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)
    layout: Literal["nhwc", "nchw"] = "nhwc"
    dtype: Literal["float32", "float16", "uint8"] = "float32"


class Boxes(_Part, frozen=True, kw_only=True):
    """Where a detection model's boxes are, and which of them are kept.

    Attributes:
        name: Output of shape (n, boxes, 4) that holds them, or ``None`` where they are the
            first four values of each row of the output of scores.
        format: What the four numbers are.
        unit: Whether they are pixels of the tensor or fractions of it.
        rows: False where the boxes are the last axis and their values the one before:
            (n, 4 + labels, boxes).
        floor: Lowest score of a box that is kept.
        iou: Boxes of one label that overlap by more than this intersection over union are
            one: the one with the higher score (non-maximum suppression).
        limit: Most boxes that are kept in one picture, highest scores first.
    """

    name: Name | None = None
    format: Literal["xyxy", "yxyx", "cxcywh"]
    unit: Literal["pixels", "fractions"] = "pixels"
    rows: bool = True
    floor: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.25
    iou: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.45
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class Output(_Part, frozen=True, kw_only=True):
    """What comes out: a value for each label, of each picture or of each box.

    Attributes:
        name: Name of the output in the graph.
        labels: The model's own label of each column.
        activation: What turns the values into probabilities; ``none`` where they are.
        combine: How the scores of labels of one category become one: ``sum`` where the
            labels are alternatives, ``max`` where several may hold at once.
        boxes: Where the boxes are: for the task ``detect``, and only for it.
    """

    name: Name
    labels: Labels
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    combine: Literal["sum", "max"] = "sum"
    boxes: Boxes | None = None


class Target(_Part, frozen=True, kw_only=True):
    """What a label means.

    Attributes:
        category: Id in the taxonomy.
        weight: Multiplies the label's score.
    """

    category: Name
    weight: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 1.0


class Calibration(_Part, frozen=True, kw_only=True, tag_field="method"):
    """How scores become probabilities.

    Attributes:
        data: What it was fitted on, for people.
    """

    data: Text


class Uncalibrated(Calibration, frozen=True, kw_only=True, tag="none"):
    """Scores are as the model gives them. ``data`` may say why."""

    data: Annotated[str, msgspec.Meta(max_length=4000)] = ""


class Temperature(Calibration, frozen=True, kw_only=True, tag="temperature"):
    """Logits are divided by one number before the activation (Guo et al. 2017).

    Attributes:
        temperature: The number; above 1 the scores become less sure.
    """

    temperature: Annotated[float, msgspec.Meta(ge=0.01, le=100.0)]


class Platt(Calibration, frozen=True, kw_only=True, tag="platt"):
    """The logit of a category's score goes through a line, then a sigmoid (Platt 1999).

    Attributes:
        lines: Slope, above 0, and intercept by category.
    """

    lines: dict[str, tuple[Positive, Number]]


class Isotonic(Calibration, frozen=True, kw_only=True, tag="isotonic"):
    """A category's score is looked up in a rising table (Zadrozny and Elkan 2002).

    Attributes:
        tables: Points (score, calibrated) by category, at least two, both never falling;
            straight between them, flat outside.
    """

    tables: dict[
        str,
        Annotated[tuple[tuple[Share, Share], ...], msgspec.Meta(min_length=2, max_length=256)],
    ]


class Golden(_Part, frozen=True, kw_only=True):
    """A picture made by a rule, and the scores that it must give.

    Attributes:
        seed: Seed of the picture (:mod:`tidegate.detectors.golden`).
        scores: Expected score by category; all of the model's.
    """

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
    scores: dict[str, Share]


class Manifest(_Part, frozen=True, kw_only=True):
    """One model.

    Attributes:
        manifest: Version of this format.
        id: Short name of the detector.
        version: Version of the detector: it goes into every signal.
        title: Name for people.
        task: ``classify`` scores a whole picture, ``detect`` says where as well.
        file: Where the weights are.
        licence: Licences of code and weights.
        source: Where the model comes from.
        training: What is known of its training data.
        covers: What it sees, for people.
        misses: What it is known not to see, for people.
        unmeasured: What nobody has measured, for people.
        review_only: Whether its signals alone must not do more than ask for a review.
        input: How it is fed.
        output: What it answers.
        labels: Its labels, each mapped to a category. All others are dropped.
        dropped: Labels that are left out on purpose; documentation, for they are dropped
            whether they are listed or not.
        calibration: How its scores become probabilities.
        thresholds: Scores from which a policy may act, by category and action.
        batch: Largest number of pictures in one call.
        golden: Answers that it must give.
    """

    manifest: Literal[1]
    id: Id
    version: Version
    title: Name
    task: Literal["classify", "detect"]
    file: File
    licence: Licence
    source: Text
    training: Text
    covers: Text
    misses: Text
    unmeasured: Text
    review_only: bool = False
    input: Input
    output: Output
    labels: Annotated[dict[Name, Name | Target], msgspec.Meta(min_length=1)]
    dropped: Annotated[tuple[Name, ...], msgspec.Meta(max_length=25_000)] = ()
    calibration: Uncalibrated | Temperature | Platt | Isotonic = Uncalibrated()
    thresholds: dict[str, dict[Action, Share]] = {}
    batch: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    golden: Annotated[tuple[Golden, ...], msgspec.Meta(max_length=32)] = ()

    @property
    def targets(self) -> dict[str, Target]:
        """What each mapped label means, written out."""
        return {
            label: Target(category=target) if isinstance(target, str) else target
            for label, target in self.labels.items()
        }

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories that this model answers for, in the order of the taxonomy."""
        targets = {target.category for target in self.targets.values()}
        return tuple(c for c in taxonomy.CATEGORIES if c in targets)
