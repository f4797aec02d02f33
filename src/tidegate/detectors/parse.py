"""From YAML text to a manifest that may be used. Pure: the caller reads the file."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath

import msgspec

from tidegate import taxonomy
from tidegate.detectors import red_line
from tidegate.detectors.manifest import Isotonic, Manifest, ManifestError, Platt
from tidegate.detectors.plain import plain
from tidegate.evidence import strength

MAX_MAPPED = 2000
"""Most labels that a manifest maps: each is read in many ways."""

MAX_MAPPED_TEXT = 50_000
"""Most characters of all labels that it maps."""

_QUOTED = re.compile(
    r"(Invalid (?:enum )?value|unknown field) .*?"
    r"(?= - at (?:`key` in )?`\$[a-z0-9_.\[\]]*`\Z|\Z)",
    re.DOTALL,
)
"""Where an error of msgspec quotes the text: it may be a label that nobody may see."""


def parse(text: str, name: str) -> Manifest:
    """Read a manifest and check it against the taxonomy and the red line.

    Args:
        text: The YAML.
        name: Name of the file, for the error.

    Raises:
        ManifestError: It is malformed, contradicts itself, or maps a label that must not
            be mapped. No label is named that is not mapped.
    """
    try:
        manifest = msgspec.convert(plain(text, name), Manifest)
    except msgspec.ValidationError as error:
        reason = _QUOTED.sub(r"\1", str(error))
        raise ManifestError(f"{name}: {reason}") from None
    for problem in _problems(manifest):
        raise ManifestError(f"{name}: {problem}")
    return manifest


def _problems(manifest: Manifest) -> Iterator[str]:
    yield from _purpose_problems(manifest)
    yield from _label_problems(manifest)
    yield from _file_problems(manifest)
    yield from _input_problems(manifest)
    yield from _output_problems(manifest)
    yield from _calibration_problems(manifest)
    yield from _threshold_problems(manifest)
    for golden in manifest.golden:
        if set(golden.scores) != set(manifest.categories):
            yield f"golden vector {golden.seed} does not score exactly the model's categories"


def _purpose_problems(manifest: Manifest) -> Iterator[str]:
    """What a model and its parts are called says what it is for."""
    path, boxes = PurePosixPath(manifest.file.path), manifest.output.boxes
    names = (
        ("id", manifest.id),
        # Its numbers count versions; words of anybody's may follow them.
        ("version", manifest.version.lstrip("0123456789.+_-")),
        ("title", manifest.title),
        ("file.package", manifest.file.package),
        ("file.path", str(path.parent)),
        ("file.path", path.stem),
        ("input.name", manifest.input.name),
        ("output.name", manifest.output.name),
        ("output.boxes.name", boxes.name if boxes is not None else None),
    )
    for field, value in names:
        if value and (refusal := red_line.check(value)) is not None:
            yield f"{field} {value!r} is refused: {refusal.word!r} names {refusal.reason}"


def _label_problems(manifest: Manifest) -> Iterator[str]:
    if len(manifest.labels) > MAX_MAPPED:
        yield f"labels: more than {MAX_MAPPED:,} are mapped"
    if sum(map(len, manifest.labels)) > MAX_MAPPED_TEXT:
        yield f"labels: those that are mapped have more than {MAX_MAPPED_TEXT:,} characters"
    outputs = manifest.output.labels
    places = {label: place for place, label in enumerate(outputs)}
    times = Counter(outputs)
    dropped = set(manifest.dropped)
    allowed = taxonomy.detectable()
    for label, target in manifest.targets.items():
        category = target.category
        if (refusal := red_line.check(label)) is not None:
            yield f"label {label!r} is refused: {refusal.word!r} names {refusal.reason}"
        if category not in taxonomy.CATEGORIES:
            yield (
                f"label {label!r}: {category!r} is not a category of taxonomy v{taxonomy.VERSION}"
            )
        elif category not in allowed:
            yield (
                f"label {label!r}: {category!r} may not be asserted by a model, "
                f"only by a {taxonomy.get(category).source}"
            )
        if label not in places:
            yield f"label {label!r} is not an output of the model"
        elif times[label] > 1:
            yield f"label {label!r} is an output more than once: which one is meant?"
        elif (refusal := red_line.check_place(places[label], len(outputs))) is not None:
            yield f"label {label!r} is refused: {refusal.word!r} names {refusal.reason}"
        if label in dropped:
            yield f"label {label!r} is mapped and dropped"
    if not dropped <= places.keys():
        yield "dropped: a label is not an output of the model"


def _file_problems(manifest: Manifest) -> Iterator[str]:
    path = PurePosixPath(manifest.file.path)
    if path.is_absolute() or not {"..", "."}.isdisjoint(path.parts) or "\\" in str(path):
        yield "file.path leads out of its folder"
    if manifest.file.package is None and (len(path.parts) != 1 or path.name.startswith(".")):
        yield "file.path is to be a bare name where no package ships the file"
    if path.name.endswith(".model.yaml"):
        yield "file.path names the manifest, not the weights"
    if "\0" in str(path):
        yield "file.path holds a zero byte"


def _input_problems(manifest: Manifest) -> Iterator[str]:
    given = manifest.input
    if given.crop > given.resize:
        yield f"input.crop {given.crop} is larger than input.resize {given.resize}"
    normalised = given.scale != 1.0 or any(given.mean) or given.std != (1.0, 1.0, 1.0)
    if given.dtype == "uint8" and normalised:
        yield "input: uint8 takes the pixels as they are, without scale, mean and std"
    if manifest.task == "detect" and (given.fit == "cover" or given.crop != given.resize):
        yield "input: a model that says where must see the whole picture: no crop, no cover"


def _output_problems(manifest: Manifest) -> Iterator[str]:
    output = manifest.output
    if (output.boxes is not None) is not (manifest.task == "detect"):
        yield "output.boxes is for the task detect, and only for it"
    if output.combine == "sum" and output.activation == "sigmoid" and manifest.task == "classify":
        yield "output.combine: labels that a sigmoid scores are no alternatives; write max"
    if output.boxes is not None and output.boxes.name == output.name:
        yield "output.boxes.name is the output of the scores; leave it out"


def _calibration_problems(manifest: Manifest) -> Iterator[str]:
    given, categories = manifest.calibration, set(manifest.categories)
    fitted = categories
    if isinstance(given, Platt):
        fitted = set(given.lines)
    if isinstance(given, Isotonic):
        fitted = set(given.tables)
    if fitted != categories:
        yield "calibration does not speak of exactly the model's categories"
    if isinstance(given, Isotonic):
        for category, points in given.tables.items():
            if any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(points)):
                yield f"calibration.tables: the one of {category!r} does not rise"


def _threshold_problems(manifest: Manifest) -> Iterator[str]:
    for category, row in manifest.thresholds.items():
        if category not in manifest.categories:
            yield "thresholds: a row is for none of the model's categories"
        if "allow" in row:
            yield f"thresholds: {category}: a score cannot ask for 'allow'"
        if any(score == 0.0 for score in row.values()):
            yield f"thresholds: {category}: a threshold is above 0"
        ranked = sorted(row, key=strength)
        if any(row[weaker] > row[stronger] for weaker, stronger in pairwise(ranked)):
            yield f"thresholds: {category}: a stronger action asks for a lower score"
        if manifest.review_only and ranked and strength(ranked[-1]) > strength("review"):
            yield f"thresholds: {category}: signals for review only ask for no more than it"
