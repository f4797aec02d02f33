"""``tidegate scan``: from files to decisions."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from tidegate.cli import budgets, exits
from tidegate.cli.budgets import Budgets
from tidegate.cli.facts import AccountDays, Context, Locale, Surface, stated
from tidegate.cli.files import check_target, write_whole
from tidegate.cli.options import Views
from tidegate.cli.paths import Paths, names
from tidegate.cli.say import complain, line
from tidegate.evidence import Item, Report, strength
from tidegate.media import Sampling
from tidegate.pipeline import Found, Scanned, Scanner, find, gather, load_policy
from tidegate.pipeline.record import Recorder, RecordError, record_of
from tidegate.report import Picture, render, summary, table

EPILOG = (
    "Exit status: [bold]0[/] nothing above 'label', [bold]1[/] something to act on, "
    "[bold]2[/] some items could not be judged (they are listed, the rest is judged all the "
    "same; wins over 1), [bold]64[/] wrong usage, [bold]70[/] the installation is not "
    "whole or a file cannot be written, "
    "[bold]130[/] stopped by Ctrl-C (what was done so far is written)."
)

ROWS = 200
"""Rows that a terminal table may have before items that are simply allowed are left out."""


def scan(
    paths: Paths,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Policy to decide by: a file, or a name of 'tidegate policy list'. "
            "Default: default.",
        ),
    ] = None,
    bank: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Bank or hash list to match with. May be repeated."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Write one JSON report to standard output.")
    ] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Write one JSON line an item, as it is judged.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a self-contained page with blurred pictures."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Append what was decided, and on what evidence, for 'tidegate policy replay'.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Items judged at once. Default: all processors."),
    ] = None,
    gap: Annotated[
        float,
        typer.Option(
            min=0.0, max=3600.0, help="Most seconds between judged frames; 0 is every frame."
        ),
    ] = Sampling().gap,
    views: Views = "standard",
    ask_all: Annotated[
        bool,
        typer.Option(
            "--ask-all", help="Ask every detector, even where no answer could change what is done."
        ),
    ] = False,
    surface: Surface = None,
    locale: Locale = None,
    context: Context = None,
    account_days: AccountDays = None,
    budget: Budgets = None,
) -> int:
    """Judge images, animations and videos: what breaks the policy, where, and what to do."""
    if json and jsonl:
        raise typer.BadParameter("--json and --jsonl exclude each other")
    limits = budgets.chosen(budget)
    found = find(names(paths))
    if html is not None:
        check_target(html, [one.path for one in found if one.named], "scan")
    loaded = load_policy(policy)
    scanner = Scanner(
        loaded,
        bank or (),
        facts=stated(loaded, surface, locale, context, account_days),
        sampling=Sampling(gap=gap),
        budget=limits,
        jobs=jobs,
        pictures=html is not None,
        views=views,
        cascade=not ask_all,
    )
    with scanner, _recorder(record) as recorder:
        run = _Run(recorder, lines=jsonl, keep=not jsonl or html is not None)
        run.follow(scanner, found)
    report = gather(run.items, skipped=run.skipped, interrupted=run.interrupted)
    if html is not None:
        write_whole(html, render(report, run.pictures, title="Tidegate scan"))
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    elif not jsonl:
        _show(report)
    if html is not None:
        Console(stderr=json or jsonl).print(Text(line(f"Report: {html}")), soft_wrap=True)
    return run.status


def _recorder(path: Path | None) -> AbstractContextManager[Recorder | None]:
    if path is None:
        return nullcontext()
    try:
        recorder = Recorder(path)
    except RecordError as error:
        raise typer.BadParameter(f"--record: {error}") from None
    except OSError as error:
        raise typer.BadParameter(f"--record {path}: {error.strerror}") from None
    if recorder.mended:
        complain(f"{path}: its last record was cut short; it stays, and replay tells of it")
    return recorder


class _Run:
    """A scan under way: what it has seen, and what it must say at the end."""

    def __init__(self, recorder: Recorder | None, *, lines: bool, keep: bool) -> None:
        self.items: list[Item] = []
        self.pictures: dict[int, Sequence[Picture]] = {}
        self.skipped = 0
        self.interrupted = False
        self._recorder = recorder
        self._lines = lines
        self._keep = keep
        self._unrecorded = False
        self._acts = False
        self._unjudged = False

    @property
    def status(self) -> int:
        if self.interrupted:
            return exits.INTERRUPTED
        if self._unrecorded:
            return exits.FAILED
        if self._unjudged:
            return exits.UNJUDGED
        return exits.ACT if self._acts else exits.OK

    def follow(self, scanner: Scanner, found: Sequence[Found]) -> None:
        try:
            for scanned in _with_progress(scanner.stream(found), len(found)):
                self._take(scanned)
        except KeyboardInterrupt:
            self.interrupted = True

    def _take(self, scanned: Scanned) -> None:
        item = scanned.item
        if item is None:
            self.skipped += 1
            return
        self._acts |= strength(item.decision.action) > strength("label")
        self._unjudged |= not item.decision.judged
        if self._recorder is not None:
            self._record(self._recorder, item)
        if self._lines:
            sys.stdout.buffer.write(msgspec.json.encode(item) + b"\n")
            sys.stdout.buffer.flush()
        if self._keep:
            self.pictures[len(self.items)] = scanned.pictures
            self.items.append(item)

    def _record(self, recorder: Recorder, item: Item) -> None:
        try:
            recorder.add(record_of(item, datetime.now(UTC)))
        except RecordError as error:
            complain(str(error))
            self._unrecorded = True


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:.1f}/s", style="dim")


def _with_progress(scanned: Iterable[Scanned], total: int) -> Iterator[Scanned]:
    console = Console(stderr=True)
    columns = (
        TextColumn("scanning"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        yield from progress.track(scanned, total=total)


def _show(report: Report) -> None:
    console = Console()
    shown = report
    if len(report.items) > ROWS:
        told = tuple(i for i in report.items if i.decision.action != "allow")
        shown = msgspec.structs.replace(report, items=told)
    console.print(table(shown, path_width=max(24, console.width // 3)))
    console.print()
    console.print(summary(report))
