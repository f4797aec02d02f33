"""Telling the user what was done, and how far it is."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from tidegate.report import visible


def line(text: str) -> str:
    r"""Return a text, which may quote names and notes of anybody, as one line without codes.

    Bytes of a path that are not UTF-8 become ``\\xNN``.
    """
    escaped = re.sub("[\udc80-\udcff]", lambda one: f"\\x{ord(one[0]) - 0xDC00:02x}", text)
    return visible(escaped)


def say(text: str) -> None:
    """Write a line to standard output."""
    Console().print(Text(line(text)), soft_wrap=True)


def complain(text: str, excerpt: str = "") -> None:
    """Write a line to standard error, and below it the lines of a file that it is about."""
    sys.stderr.write(f"tidegate: {line(text)}\n")
    for one in excerpt.splitlines():
        sys.stderr.write(f"{line(one)}\n")


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """Show bars on standard error, where it is a terminal.

    Yields:
        What to call with the name of a stage and the share of it that is done, 0 to 1.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    tasks = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def tell(stage: str, share: float) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=1.0)
            progress.update(tasks[stage], completed=share)

        yield tell
