"""Telling the user what was done, and how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text


def say(text: str) -> None:
    """Write a line to standard output."""
    Console().print(Text(text), soft_wrap=True)


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
