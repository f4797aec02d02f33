"""The sound files that are mutated, as they lie in a folder."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Seed(NamedTuple):
    """A sound file.

    Attributes:
        format: What decodes it.
        name: Its name among the seeds of its format.
        data: The bytes.
    """

    format: str
    name: str
    data: bytes


def made(folder: Path) -> dict[str, list[Seed]]:
    """Make the seeds into a new folder and read them."""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-m", "tests.fuzz.make", str(folder)], check=True, cwd=root)
    return load(folder)


def load(folder: Path) -> dict[str, list[Seed]]:
    """Read the seeds in a folder, by format, in the order of names."""
    seeds: dict[str, list[Seed]] = {}
    for path in sorted(folder.iterdir()):
        format, name = path.name.split(".")
        seeds.setdefault(format, []).append(Seed(format, name, path.read_bytes()))
    return seeds
