"""The photographs: two public sets, at fixed commits, fetched once into an ignored folder."""

import hashlib
import subprocess
from pathlib import Path
from typing import NamedTuple

from PIL import Image

CACHE = Path(__file__).parents[2] / "build/robustness/photographs"
"""Where they are kept."""


class Collection(NamedTuple):
    """A public set of photographs.

    Attributes:
        name: What to call it on the page.
        repository: Where Git finds it.
        commit: The version that is measured.
        pattern: Which of its files are the photographs.
    """

    name: str
    repository: str
    commit: str
    pattern: str


COLLECTIONS = (
    Collection(
        "imagenet-sample-images",
        "https://github.com/EliSchwartz/imagenet-sample-images",
        "bc69043e2862758a1906c6a24a792bb28c6bb2ff",
        "*.JPEG",
    ),
    Collection(
        "BSDS500",
        "https://github.com/BIDS/BSDS500",
        "a04b7c6c3a9f0ace74bf205c72a43d32e1c72722",
        "BSDS500/data/images/*/*.jpg",
    ),
)


def fetch(collection: Collection, cache: Path) -> list[Path]:
    """Return the photographs' files in a fixed order, cloning the set if it is not there.

    Raises:
        subprocess.CalledProcessError: Git cannot fetch the set or that version of it.
    """
    folder = cache / collection.name
    store = folder / ".git"
    if not store.exists():
        git(
            "clone", "-q", "--no-checkout", "--filter=blob:none", collection.repository, str(folder)
        )
    wanted = (collection.commit, "--", f":(glob){collection.pattern}")
    git(f"--git-dir={store}", f"--work-tree={folder}", "checkout", "-qf", *wanted)
    return sorted(folder.glob(collection.pattern))


def halves(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Split by the digests of the names: one half to choose by, the other to report on."""
    shuffled = sorted(files, key=lambda file: hashlib.sha256(file.name.encode()).digest())
    return shuffled[::2], shuffled[1::2]


def load(file: Path) -> Image.Image:
    """Return the photograph as RGB."""
    with Image.open(file) as picture:
        return picture.convert("RGB")


def git(*arguments: str) -> None:
    """Run Git."""
    subprocess.run(("git", *arguments), check=True)  # noqa: S603, S607
