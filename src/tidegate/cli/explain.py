"""``tidegate explain``: why an item was decided as it was."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from tidegate import taxonomy
from tidegate.cli import exits
from tidegate.cli.paths import stdin
from tidegate.evidence import Item, Report
from tidegate.report.explain import explanation


def explain(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="ITEM.json",
            help="What 'scan --json' or 'scan --jsonl' wrote, or '-' for standard input.",
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
    items = [item for item in _read(file) if path is None or item.path == path]
    for item in items:
        evidence = item.evidence
        named = {m.category for m in evidence.matches} | {s.category for s in evidence.signals}
        if foreign := sorted(named - taxonomy.CATEGORIES.keys()):
            raise typer.BadParameter(f"{file}: {foreign[0]!r} is no category of ours")
    if not items:
        raise typer.BadParameter(f"{file}: no item has the path {path!r}")
    console = Console()
    for item in items:
        console.print(explanation(item))
    return exits.OK


def _read(file: Path) -> list[Item]:
    try:
        data = stdin().read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file}: cannot be read: {error.strerror}") from None
    try:
        return list(msgspec.json.decode(data, type=Report).items)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        lines = data.splitlines() if data.lstrip()[:1] == b"{" and b"\n{" in data else [data]
        return [msgspec.json.decode(line, type=Item) for line in lines if line.strip()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise typer.BadParameter(f"{file}: is no item and no report: {error}") from None
