"""Installs the mid-sized MobileNetV2 of nsfwjs from the npm package that ships its weights.

The package holds the model as JavaScript files of plain data. They are read, never run,
and only once the digest of the whole archive is that of the one that was reviewed.
"""

import io
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from tidegate.detectors.convert import ConversionError, npm, tfjs
from tidegate.detectors.convert.jsmodule import exported
from tidegate.detectors.convert.place import place, reviewed, shipped

MANIFEST = "nsfwjs.model.yaml"

PACKAGE = "nsfwjs"
VERSION = "4.4.0"
"""The package on npm, and the version that was reviewed."""

ARCHIVE_SIZE = 24_973_068
ARCHIVE_SHA256 = "585cd178f3b994337c4d10a87b080d342fc52f8b9bf0085c4d1f345a3a1c5382"
"""Of the archive that npm's registry has for it: ``nsfwjs-4.4.0.tgz``."""

FOLDER = "package/dist/models/mobilenet_v2_mid"
MODEL = "model.min.js"
SHARDS = {
    "group1-shard1of2": "group1-shard1of2.min.js",
    "group1-shard2of2": "group1-shard2of2.min.js",
}
"""Where the archive has the model, and its shards by the path that the model has for them."""

MAX_MEMBER = 8 << 20
"""Most bytes of a file of the archive that is read."""

SIDE = 224
"""Height and width in pixels of the pictures that it takes."""


def install(home: Path, tell: Callable[[str], None], package: Path | None = None) -> Path:
    """Make the model's ONNX file and put it into the model home.

    The file appears in the home whole and with the right answers, or not at all.

    Args:
        home: The model home.
        tell: Is told each step, one line for people.
        package: The package's archive as a file, for a machine without npm or network.

    Returns:
        Path of the ONNX file.

    Raises:
        ConversionError: The package is not to be had or not the one that was reviewed, or
            what came of it is not the model of the manifest.
        OSError: The home cannot be written to.
    """
    manifest = shipped(MANIFEST)
    if package is not None:
        archive = reviewed(package, ARCHIVE_SIZE, ARCHIVE_SHA256)
    else:
        with tempfile.TemporaryDirectory(prefix="tidegate-npm-") as folder:
            tell(f"fetching {PACKAGE}@{VERSION} with npm")
            fetched = npm.pack(PACKAGE, VERSION, Path(folder))
            archive = reviewed(fetched, ARCHIVE_SIZE, ARCHIVE_SHA256)
    tell(f"converting {FOLDER.rpartition('/')[2]}")
    return place(convert(archive), manifest, home, tell)


def convert(archive: bytes) -> bytes:
    """Return the model in an archive of the package as an ONNX file.

    Its input is ``input``, float32 of shape (batch, 224, 224, 3), RGB in [0, 1]; its
    output is ``output``, float32 of shape (batch, 5): the probabilities of Drawing, Hentai,
    Neutral, Porn and Sexy.

    Raises:
        ConversionError: The archive does not hold the model, or not as plain data.
    """
    members = _members(archive, {MODEL, *SHARDS.values()})
    shards = {path: _bytes(members[file], file) for path, file in SHARDS.items()}
    model = exported(members[MODEL], MODEL)
    return tfjs.convert(model, shards, name=PACKAGE, side=SIDE)


def _members(archive: bytes, wanted: set[str]) -> dict[str, bytes]:
    """Read the files that are wanted, by name, into memory. Nothing is unpacked to disk."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as files:
            for member in files:
                folder, _, name = member.name.rpartition("/")
                if folder != FOLDER or name not in wanted:
                    continue
                file = files.extractfile(member) if member.isreg() else None
                if file is None or member.size > MAX_MEMBER:
                    raise ConversionError(f"{PACKAGE}: {member.name} is no file of ordinary size")
                found[name] = file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ConversionError(f"{PACKAGE}: the archive cannot be read: {error}") from None
    if missing := wanted - found.keys():
        raise ConversionError(f"{PACKAGE}: the archive has no {FOLDER}/{min(missing)}")
    return found


def _bytes(script: bytes, name: str) -> bytes:
    """A shard is exported as a string in base64."""
    try:
        return msgspec.json.decode(exported(script, name), type=bytes)
    except msgspec.DecodeError as error:
        raise ConversionError(f"{name}: {error}") from None
