"""Puts models into the model home, and takes them out of it."""

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.detectors.catalogue import Model, read, shipped
from tidegate.detectors.home import SUFFIX, folder, home, kept
from tidegate.detectors.manifest import Manifest, ManifestError
from tidegate.detectors.parse import parse
from tidegate.detectors.trial import try_out

_DRAFT = ".new-"
_OURS = re.compile(r"[0-9a-f]{64}|\.new-.*")
"""What an earlier version, or an addition that was cut off, has left in a model's folder."""


def add(manifest_file: Path, weights: Path | None = None) -> Model:
    """Put a model into the model home, once it has passed every check.

    Where an older one of its id is there, it takes its place in one step: whoever looks
    meanwhile, or after the power went, finds the old one or the new one, whole.

    Args:
        manifest_file: Its manifest.
        weights: Its weights; by default the file beside the manifest that it names. They
            are not needed where an installed distribution ships them.

    Raises:
        ManifestError: It must not be used: the manifest, the red line, the digest, the graph,
            what it costs or a golden vector is against it. Nothing is written.
        OSError: The model home cannot be written to.
    """
    text = read(manifest_file)
    manifest = parse(text, manifest_file.name)
    if any(manifest.id == model.manifest.id for model in shipped()):
        raise ManifestError(f"{manifest.id}: a model of this id comes with Tidegate")
    path = weights
    if manifest.file.package is not None:
        path = None
    elif path is None:
        path = manifest_file.parent / manifest.file.path
    try_out(manifest, text, path)
    home().mkdir(parents=True, exist_ok=True)
    with _alone():
        place = folder(manifest.id)
        place.mkdir(exist_ok=True)
        if path is not None:
            _keep(manifest, path)
        # This is the step.
        _write(place / (manifest.id + SUFFIX), text.encode())
        for left in place.iterdir():
            if left != kept(manifest).parent and _OURS.fullmatch(left.name):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    return Model.of(manifest, "added")


def remove(model_id: str) -> bool:
    """Take a model out of the model home, usable or not; return whether it was there."""
    place = folder(model_id)
    if not place.is_dir() or place.parent != home() or model_id.startswith("."):
        return False
    with _alone():
        gone = Path(tempfile.mkdtemp(dir=home(), prefix=".old-"))
        place.rename(gone / "model")
        shutil.rmtree(gone)
    return True


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until nobody else changes the model home."""
    descriptor = os.open(home(), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _keep(manifest: Manifest, weights: Path) -> None:
    """Copy the weights that were tried to where they are kept."""
    wanted, place = manifest.file, kept(manifest)
    with weights.open("rb") as file:
        data = file.read(wanted.size + 1)
    if hashlib.sha256(data).hexdigest() != wanted.sha256:
        raise ManifestError(f"{manifest.id}: {weights.name} was changed while it was added")
    place.parent.mkdir(exist_ok=True)
    _write(place, data)
    _sync(place.parent.parent)


def _write(place: Path, data: bytes) -> None:
    """Write a file so that its name only ever stands for all of it, on the disk too."""
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=_DRAFT)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o644)
        draft.replace(place)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync(place.parent)


def _sync(place: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
