"""``tidegate explain``: why an item was decided as it was."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tidegate.cli import exits
from tidegate.cli.paths import stdin
from tidegate.pipeline.load import Items, read_items
from tidegate.report.explain import explanation


def explain(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="ITEM.json",
            help="What 'scan --json', '--jsonl' or '--record' wrote, or '-' for standard input.",
        ),
    ],
    path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Of several items, explain the one with this path."),
    ] = None,
) -> int:
    """Show step by step why items were decided as they were.

    Evidence, the thresholds that applied and where they come from, the rules that fired
    and those that nearly did.
    """
    found = _read(file)
    items = [item for item in found.items if path is None or item.path == path]
    if not items:
        raise typer.BadParameter(f"{file}: no item has the path {path!r}")
    console = Console()
    for item in items:
        console.print(explanation(item, recorded=found.recorded))
    return exits.OK


def _read(file: Path) -> Items:
    try:
        data = stdin().read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file}: cannot be read: {error.strerror}") from None
    try:
        return read_items(data)
    except ValueError as error:
        raise typer.BadParameter(f"{file}: {error}") from None
