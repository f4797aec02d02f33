"""The paths that commands take."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, BinaryIO

import typer

LONGEST = 1 << 16
"""Bytes of a line on standard input; no system has paths as long."""

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
            yield from _lines(stdin())
        elif not path:
            raise typer.BadParameter("a PATH is empty")
        else:
            yield path


def stdin() -> BinaryIO:
    """Return standard input.

    Raises:
        typer.BadParameter: It is closed.
    """
    if sys.stdin is None:
        raise typer.BadParameter("'-': standard input is closed")
    return sys.stdin.buffer


def _lines(file: BinaryIO) -> Iterator[str]:
    while line := file.readline(LONGEST):
        if len(line) == LONGEST:
            raise typer.BadParameter(f"'-': a line is longer than {LONGEST:,} bytes, and no path")
        if line.strip():
            yield os.fsdecode(line.rstrip(b"\r\n"))
