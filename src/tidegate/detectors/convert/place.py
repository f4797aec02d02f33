"""The first and the last step of an installation: bytes that were reviewed, and the home."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from tidegate.detectors.classifier import Classifier
from tidegate.detectors.convert import ConversionError
from tidegate.detectors.golden import verify
from tidegate.detectors.manifest import Manifest, ManifestError
from tidegate.detectors.parse import parse


def reviewed(path: Path, size: int, sha256: str) -> bytes:
    """Return the bytes of a file, if they are the ones that were reviewed.

    Args:
        path: The file.
        size: Bytes that it has; no more than one beyond is read.
        sha256: Digest that it has.

    Raises:
        ConversionError: It cannot be read, or is another file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(size + 1)
    except OSError as error:
        raise ConversionError(f"{path}: {error.strerror}") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        told = f"more than {size} bytes" if len(data) > size else f"sha256 {digest}"
        raise ConversionError(f"{path} has {told}: not the file that was reviewed, {sha256}")
    return data


def shipped(name: str) -> Manifest:
    """Return a manifest that comes with Tidegate, by the name of its file."""
    text = resources.files("tidegate.detectors").joinpath("models", name).read_text("utf-8")
    return parse(text, name)


def place(model: bytes, manifest: Manifest, home: Path, tell: Callable[[str], None]) -> Path:
    """Put a converted model into the model home, whole and with the right answers.

    It is written beside its place, has to be the model of the manifest and to give the
    answers of the golden vectors there, and is then moved.

    Args:
        model: The ONNX file.
        manifest: Its manifest.
        home: The model home.
        tell: Is told each step, one line for people.

    Returns:
        Path of the ONNX file.

    Raises:
        ConversionError: It is not the model of the manifest, or answers otherwise.
        OSError: The home cannot be written to.
    """
    digest = hashlib.sha256(model).hexdigest()
    if digest != manifest.file.sha256:
        raise ConversionError(
            f"{manifest.id}: converting gave sha256 {digest}, not {manifest.file.sha256}: "
            "this version of NumPy or this machine calculates in another way"
        )
    folder = home / manifest.id
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / manifest.file.path
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
        draft = Path(scratch) / path.name
        with draft.open("wb") as file:
            file.write(model)
            file.flush()
            os.fsync(file.fileno())
        tell(f"checking {len(manifest.golden)} golden vectors")
        try:
            verify(Classifier(manifest, draft))
        except ManifestError as error:
            raise ConversionError(str(error)) from None
        draft.replace(path)
    tell(f"installed {path}")
    return path
