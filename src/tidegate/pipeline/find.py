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
        for found in _expand(name):
            named[found.path] = found.named or named.get(found.path, False)
    return [Found(path, by_name) for path, by_name in named.items()]


def _expand(name: str | os.PathLike[str]) -> Iterator[Found]:
    path = Path(name)
    if not os.fspath(name):
        raise ValueError("an empty name stands for no file")
    if _is_folder(path):
        yield from _walk(path)
    elif not os.path.lexists(path) and glob.has_magic(str(path)):
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - absolute too
        if not matches:
            yield Found(path, named=True)
        for match in map(Path, matches):
            if _is_folder(match):
                yield from _walk(match)
            else:
                yield Found(match, named=True)
    else:
        yield Found(path, named=True)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # A name that is too long, or in a folder that is closed to us.
        return False


def _walk(folder: Path) -> Iterator[Found]:
    closed: list[Found] = []

    def remember(error: OSError) -> None:
        closed.append(Found(Path(error.filename), named=True))

    for parent, folders, files in os.walk(folder, onerror=remember):
        folders.sort()
        yield from (Found(Path(parent, file), named=False) for file in sorted(files))
    # What could not be opened is reported as such, and not passed over.
    yield from closed


def printable(path: str | os.PathLike[str]) -> str:
    r"""Return a path as valid Unicode; bytes that are not UTF-8 become ``\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
