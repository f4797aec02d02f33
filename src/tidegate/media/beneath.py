"""Reaching a file in a folder without passing through a symbolic link."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Place(NamedTuple):
    """Where a file is, as ``os.open`` and ``os.stat`` take it.

    Attributes:
        name: Of the file; relative to ``folder`` where there is one.
        folder: Descriptor of the open folder that the file is in, or ``None``.
    """

    name: str
    folder: int | None = None


@contextmanager
def place(path: Path, beneath: Path) -> Iterator[Place]:
    """Open the folder that a file is in, step by step from a folder above it.

    Each step is opened by the one before it and must not be a link (``O_NOFOLLOW``), so it does
    not help to put a link in the place of a folder meanwhile. ``beneath`` itself may be one. The
    last step is the caller's, who has to pass ``O_NOFOLLOW`` too.

    Raises:
        OSError: A folder cannot be opened, or is a link.
        ValueError: The path is not beneath the folder, or has ``..`` in it.
    """
    if path == beneath:
        yield Place(os.fspath(path))
        return
    *folders, name = path.relative_to(beneath).parts
    if ".." in (*folders, name):
        raise ValueError(f"{path} is not beneath {beneath}")
    here = os.open(beneath, _FOLDER)
    try:
        for folder in folders:
            deeper = os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = deeper
        yield Place(name, here)
    finally:
        os.close(here)
