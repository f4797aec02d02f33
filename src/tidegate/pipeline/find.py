"""From what a user names to the files to scan: folders, globs, lists."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Found(NamedTuple):
    """A file to scan.

    Attributes:
        path: Where it is.
        named: True where the user named it, or a pattern for it; False where it was met
            in a folder. A named file is always judged; a file met in a folder only where
            its content is an image or a video.
    """

    path: Path
    named: bool


def find(names: Iterable[str | os.PathLike[str]]) -> list[Found]:
    """Return the files that the names stand for, in a stable order, each once.

    A folder stands for all files beneath it, in the order of their paths; symbolic links
    met in it are not followed, so nothing outside is reached. A name that does not exist
    but has ``*``, ``?`` or ``[`` is a pattern (``**`` crosses folders). A name that stands
    for nothing is returned as it is, so that it is reported and not lost.
    """
    named: dict[Path, bool] = {}
    for name in names:
        for found in _expand(Path(name)):
            named[found.path] = found.named or named.get(found.path, False)
    return [Found(path, by_name) for path, by_name in named.items()]


def _expand(path: Path) -> Iterator[Found]:
    if path.is_dir():
        yield from (Found(file, named=False) for file in _walk(path))
    elif not os.path.lexists(path) and glob.has_magic(str(path)):
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - absolute too
        if not matches:
            yield Found(path, named=True)
        for match in map(Path, matches):
            if match.is_dir():
                yield from (Found(file, named=False) for file in _walk(match))
            else:
                yield Found(match, named=True)
    else:
        yield Found(path, named=True)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(parent, file) for file in sorted(files))


def printable(path: str | os.PathLike[str]) -> str:
    r"""Return a path as valid Unicode; bytes that are not UTF-8 become ``\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
