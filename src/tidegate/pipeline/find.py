"""From what a user names to the files to scan: folders, globs, lists."""

import fnmatch
import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Found(NamedTuple):
    """A file to scan.

    Attributes:
        path: Where it is.
        named: True where the user named it, or a pattern for it; False where it was met
            in a folder. A named file is always judged; a file met in a folder only where
            its content is an image or a video.
        beneath: The folder or the start of the pattern under which it was met; links below
            that are not followed. ``None`` where the user named the file itself.
    """

    path: Path
    named: bool
    beneath: Path | None = None


def find(names: Iterable[str | os.PathLike[str]]) -> list[Found]:
    """Return the files that the names stand for, in a stable order, each once.

    A folder stands for all files beneath it, in the order of their paths; symbolic links
    met in it are not followed, so nothing outside is reached. A name that does not exist
    but has ``*``, ``?`` or ``[`` is a pattern (``**`` crosses folders; what begins with a dot
    has to be asked for); it does not lead through links either. A name that stands for nothing is
    returned as it is, so that it is reported and not lost.
    """
    named: dict[Path, Found] = {}
    for name in names:
        for found in _expand(name):
            known = named.get(found.path)
            if known is None or found.beneath is None or found.named > known.named:
                named[found.path] = found
    return list(named.values())


def _expand(name: str | os.PathLike[str]) -> Iterator[Found]:
    path = Path(name)
    if not os.fspath(name):
        raise ValueError("an empty name stands for no file")
    if _is_folder(path):
        yield from _walk(path)
    elif not os.path.lexists(path) and glob.has_magic(str(path)):
        plain = list(itertools.takewhile(lambda part: not glob.has_magic(part), path.parts))
        start = Path(*plain)
        matches = sorted(set(_matches(start, path.parts[len(plain) :])))
        if not matches:
            yield Found(path, named=True)
        walked: set[Path] = set()
        for match in matches:
            if _is_folder(match) and not match.is_symlink():
                # Where a folder above it matches too, all beneath that has been found.
                if walked.isdisjoint(match.parents):
                    walked.add(match)
                    yield from _walk(match, start)
            else:
                yield Found(match, named=True, beneath=start)
    else:
        yield Found(path, named=True)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # A name that is too long, or in a folder that is closed to us.
        return False


def _matches(folder: Path, pattern: Sequence[str]) -> Iterator[Path]:
    """Yield what matches a pattern beneath a folder, perhaps more than once.

    As ``glob.glob`` with ``recursive``, which however follows links, and never ends where two
    of them lead back to their folder. A folder that is closed to us is yielded itself.
    """
    first, *rest = pattern
    if first == "**":
        while rest[:1] == ["**"]:
            rest = rest[1:]
        for place, inside in _folders(folder, hidden=False):
            if not rest:
                yield place
                yield from (place / entry.name for entry in inside or () if _shown(entry, "*"))
            elif inside is None:
                yield place
            else:
                yield from _matches(place, rest)
        return
    if not glob.has_magic(first):
        first = glob.escape(first)
    inside = _inside(folder)
    if inside is None:
        yield folder
    for entry in inside or ():
        if not _shown(entry, first) or not fnmatch.fnmatchcase(entry.name, first):
            continue
        if not rest:
            yield folder / entry.name
        elif entry.is_dir(follow_symlinks=False):
            yield from _matches(folder / entry.name, rest)


def _shown(entry: os.DirEntry[str], pattern: str) -> bool:
    """Return whether a name may be met: what begins with a dot has to be asked for."""
    return not entry.name.startswith(".") or pattern.startswith((".", "[.]"))


def _walk(folder: Path, beneath: Path | None = None) -> Iterator[Found]:
    beneath = beneath or folder
    closed: list[Found] = []
    for place, inside in _folders(folder, hidden=True):
        if inside is None:
            closed.append(Found(place, named=True, beneath=beneath))
        for entry in inside or ():
            if not _leads_to_folder(entry):
                yield Found(place / entry.name, False, beneath)
    # What could not be opened is reported as such, and not passed over.
    yield from closed


def _folders(
    folder: Path, *, hidden: bool
) -> Iterator[tuple[Path, Sequence[os.DirEntry[str]] | None]]:
    """Yield a folder and all beneath it with what is in each, in the order of their paths.

    However deep they are: a stack of our own does not run out. ``None`` stands for what is in
    a folder that is closed to us.

    Args:
        folder: Where to begin.
        hidden: Whether to enter folders that begin with a dot.
    """
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        inside = _inside(place)
        yield place, inside
        waiting += [
            place / entry.name
            for entry in reversed(inside or ())
            if entry.is_dir(follow_symlinks=False) and (hidden or _shown(entry, "*"))
        ]


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link in a circle: it is told of as a file that cannot be opened.
        return False


def _inside(folder: Path) -> list[os.DirEntry[str]] | None:
    """Return what is in a folder by name; nothing where it is gone, ``None`` where it is closed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        return None


def printable(path: str | os.PathLike[str]) -> str:
    r"""Return a path as valid Unicode; bytes that are not UTF-8 become ``\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
