"""Distances: from every copy to its own original, and between pictures that are unrelated."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.robustness import photos
from benchmarks.robustness.copies import all_copies, saved
from tidegate import hashing
from tidegate.hashing.views import PRESETS, View, views

VIEWS: tuple[View, ...] = PRESETS["thorough"]

FAR = 257
"""The distance of a picture that has no such view, or one too flat to be matched."""

PROCESSES = 2

BLOCK = 1 << 10
"""Queries whose distances to all entries are held at a time."""


class Setting(NamedTuple):
    """What is hashed of the query, in how many positions, and what of the entry.

    Attributes:
        name: The column of the table.
        query: Views of the query.
        entry: Views of the entry.
        turned: Whether the query is hashed in eight positions or in one.
    """

    name: str
    query: tuple[View, ...]
    entry: tuple[View, ...]
    turned: bool = True


SETTINGS = (
    Setting("PDQ alone", PRESETS["whole"], PRESETS["whole"], turned=False),
    Setting("+ eight positions", PRESETS["whole"], PRESETS["whole"]),
    Setting("+ unframed query", PRESETS["standard"], PRESETS["whole"]),
    Setting("unframed on both sides", PRESETS["standard"], PRESETS["standard"]),
    Setting("all parts of the query", PRESETS["thorough"], PRESETS["standard"]),
    Setting("all parts of the entry", PRESETS["standard"], PRESETS["thorough"]),
    Setting("all parts of both", PRESETS["thorough"], PRESETS["thorough"]),
)


class Hashes(NamedTuple):
    """The hashes of pictures.

    Attributes:
        bits: (pictures, views, 8, 32) uint8, in the order of :data:`VIEWS`; the first
            of the eight positions is the picture as it is.
        known: (pictures, views), whether there is such a view and it can be matched.
    """

    bits: NDArray[np.uint8]
    known: NDArray[np.bool_]


def hash_picture(picture: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return (views, 8, 32) uint8 hashes and whether each can be matched."""
    bits = np.zeros((len(VIEWS), 8, 32), np.uint8)
    known = np.zeros(len(VIEWS), bool)
    for view, part in views(np.asarray(picture), VIEWS).items():
        at = VIEWS.index(view)
        bits[at], quality = hashing.dihedral(part)
        known[at] = quality >= hashing.MIN_QUALITY and min(part.shape[:2]) >= hashing.MIN_SIDE
    return bits, known


def hash_original(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Hash a photograph as it is."""
    return hash_picture(photos.load(file))


def hash_copies(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return (copies, views, 8, 32) hashes of every copy of a photograph."""
    photo = photos.load(file)
    found = []
    for copy in all_copies():
        made = copy.make(photo, Random(f"{file.name} {copy.name}")).convert("RGB")  # noqa: S311
        found.append(hash_picture(made if copy.group == "Saved again" else saved(made)))
    bits, known = zip(*found, strict=True)
    return np.stack(bits), np.stack(known)


def originals(files: list[Path]) -> Hashes:
    """Hash photographs as they are."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        bits, known = zip(*pool.map(hash_original, files, chunksize=8), strict=True)
    return Hashes(np.stack(bits), np.stack(known))


def copies(files: list[Path]) -> list[Hashes]:
    """Hash every copy of the photographs: one answer a way to copy."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        bits, known = zip(*pool.map(hash_copies, files, chunksize=2), strict=True)
    return [Hashes(*way) for way in zip(np.stack(bits, 1), np.stack(known, 1), strict=True)]


def paired(queries: Hashes, entries: Hashes, setting: Setting) -> NDArray[np.int64]:
    """Return the distance of each query to the entry of the same number."""
    ours, usable = _queries(queries, setting)
    theirs, known = _entries(entries, setting)
    apart = np.bitwise_count(ours[:, :, np.newaxis] ^ theirs[:, np.newaxis]).sum(-1, dtype=np.int64)
    apart[~(usable[:, :, np.newaxis] & known[:, np.newaxis])] = FAR
    nearest: NDArray[np.int64] = apart.min(axis=(1, 2))
    return nearest


def crossed(queries: Hashes, entries: Hashes, setting: Setting) -> Iterator[NDArray[np.int64]]:
    """Yield blocks of rows of (queries, entries) distances, in order."""
    ours, usable = _queries(queries, setting)
    theirs, known = _entries(entries, setting)
    count, parts = known.shape
    right = _signs(theirs.reshape(count * parts, 32)).T
    step = max(1, BLOCK // ours.shape[1])
    for at in range(0, len(ours), step):
        block = ours[at : at + step]
        dots = _signs(block.reshape(-1, 32)) @ right
        apart = ((256 - dots) / 2).reshape(len(block), -1, count, parts)
        apart[~usable[at : at + step]] = FAR
        nearest = apart.min(axis=1)
        nearest[:, ~known] = FAR
        yield nearest.min(axis=2).astype(np.int64)


def _queries(hashes: Hashes, setting: Setting) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return (n, hashes, 32) of the query's side of a setting, and which can be matched."""
    chosen = [VIEWS.index(view) for view in setting.query]
    positions = 8 if setting.turned else 1
    bits = hashes.bits[:, chosen, :positions].reshape(len(hashes.bits), -1, 32)
    return bits, np.repeat(hashes.known[:, chosen], positions, axis=1)


def _entries(hashes: Hashes, setting: Setting) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return (n, hashes, 32) of the entry's side: as they are, not turned."""
    chosen = [VIEWS.index(view) for view in setting.entry]
    return hashes.bits[:, chosen, 0], hashes.known[:, chosen]


def _signs(hashes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (n, 256) of -1 and 1: the product of two counts agreeing less differing bits."""
    return np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1
