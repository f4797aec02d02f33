"""Writing files for the user."""

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other command changes files of this folder, and keep others out.

    Raises:
        OSError: The folder does not exist or cannot be read.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def check_target(html: Path, files: Iterable[Path], work: str) -> None:
    """Refuse a page that could not be written after all the work, or would destroy a file.

    Args:
        html: Where the page is to go.
        files: The files that the user named.
        work: What is to be done with them, in a word.
    """
    if not html.absolute().parent.is_dir():
        raise typer.BadParameter(f"--html: there is no folder {html.parent}")
    if html.is_dir():
        raise typer.BadParameter(f"--html: {html} is a folder")
    # What is written takes the place of what is there, and of a device or a link for good.
    if html.is_symlink() or (html.exists() and not html.is_file()):
        raise typer.BadParameter(f"--html: {html} is a link, a device or the like, and no file")
    if html.exists() and any(file.exists() and file.samefile(html) for file in files):
        raise typer.BadParameter(f"--html: {html} is one of the files to {work}")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it.

    Raises:
        OSError: The folder does not exist or cannot be written to; names the file.
    """
    try:
        with _replacing(path) as file:
            file.write(text)
    except OSError as error:
        raise OSError(error.errno, f"cannot be written: {error.strerror}", str(path)) from None


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """Open a file that takes the place of another once it is whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".tidegate.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
