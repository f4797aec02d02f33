"""The report on a terminal."""

import posixpath
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from tidegate.evidence import ACTIONS, Action, Item, Report
from tidegate.report import words
from tidegate.report.coverage import coverage
from tidegate.report.visible import shorten, visible

STYLES: dict[Action, str] = {
    "allow": "green",
    "label": "cyan",
    "restrict": "blue",
    "review": "yellow",
    "hold": "dark_orange",
    "remove": "bold red",
    "quarantine": "bold white on dark_magenta",
}
"""How each action looks on a terminal."""

_UNKNOWN = "italic magenta"


def table(report: Report, path_width: int = 48) -> Table:
    """Return one row an item: item, decision, strongest reason, time taken.

    Args:
        report: What to show, in its own order.
        path_width: Characters that a path may take; longer ones are cut in the middle.
            The folder that all items are in stands once, at the head.
    """
    folder = _common_folder([item.path for item in report.items])
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    # Cells are Text, never str: Rich reads markup in strings, and file names are hostile.
    heading = Text("item")
    if folder:
        heading.append(f" in {shorten(visible(folder), path_width - len('item in '))}")
    rows.add_column(heading, no_wrap=True)
    rows.add_column("decision", no_wrap=True)
    rows.add_column("strongest reason", overflow="fold", ratio=1)
    rows.add_column("time", justify="right", no_wrap=True, style="dim")
    for item in report.items:
        rows.add_row(
            Text(shorten(visible(item.path.removeprefix(folder)), path_width)),
            _decision(item),
            Text(visible(words.outcome(item))),
            Text(words.elapsed(item.elapsed)),
        )
    return rows


def _common_folder(paths: Sequence[str]) -> str:
    """Return the folder that all of several paths are in, with a slash; else nothing."""
    folders = {posixpath.dirname(path) for path in paths}
    if len(paths) < 2 or "" in folders or len({path[0] == "/" for path in paths}) > 1:
        return ""
    common = posixpath.commonpath(folders)
    return f"{common}/" if common.strip("/") else ""


def _decision(item: Item) -> Text:
    action = item.decision.action
    text = Text(action, STYLES[action])
    if not item.decision.judged:
        text.append(", not judged", _UNKNOWN)
    return text


def summary(report: Report) -> Text:
    """Return the number of items by decision, and every item that was not judged."""
    text = Text(words.plural(len(report.items), "item"), "bold")
    for action in reversed(ACTIONS):
        if count := report.summary.get(action, 0):
            text.append(" · ", "dim")
            text.append(f"{count:,} {action}", STYLES[action])
    for alarm in words.alarms(report.items):
        text.append(f"\n{visible(alarm)}", "bold yellow")
    if report.skipped:
        text.append(
            f"\n{words.plural(report.skipped, 'file')} skipped: links, or no images or videos",
            "dim",
        )
    lacking = coverage(item.evidence for item in report.items).not_looked_for
    if lacking and any(item.evidence.media for item in report.items):
        text.append(f"\nNot covered by any detector: {', '.join(lacking)}", "dim")
    if report.interrupted:
        text.append("\nInterrupted: the scan was stopped before its end.", "bold yellow")
    if report.unjudged:
        text.append(f"\n{words.plural(report.unjudged, 'item')} could not be judged:", _UNKNOWN)
        for item in report.items:
            if not item.decision.judged:
                _append_unknowns(text, item)
    return text


def _append_unknowns(text: Text, item: Item) -> None:
    text.append(f"\n  {visible(item.path)}", "bold")
    for unknown in words.unknowns(item):
        text.append(f"\n    {visible(words.unknown(unknown))}")
