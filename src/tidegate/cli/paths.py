"""The paths that commands take."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files, folders (all beneath), patterns, or '-' for a list on standard input. "
        "In folders, images and videos are found by content, never by name.",
    ),
]


def names(paths: Iterable[str]) -> Iterator[str]:
    """Yield the paths, with those on standard input in the place of ``-``."""
    for path in paths:
        if path == "-":
            lines = (line.rstrip(b"\r\n") for line in sys.stdin.buffer)
            yield from (os.fsdecode(line) for line in lines if line.strip())
        elif not path:
            raise typer.BadParameter("a PATH is empty")
        else:
            yield path
