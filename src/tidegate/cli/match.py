"""``tidegate match``: what is known of files, without judging them."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tidegate.cli import budgets, exits
from tidegate.cli.budgets import Budgets
from tidegate.cli.options import Grey, Views
from tidegate.cli.paths import Paths, names
from tidegate.evidence import Evidence, Item, Match, MediaInfo, Role, Unknown, Value
from tidegate.figures import pace, part, percent, stretch
from tidegate.matching import Bank, BankFolder
from tidegate.media import Sampling
from tidegate.pipeline import Scanner, find, read_bank
from tidegate.report import visible
from tidegate.report.words import match_distance, plural

EPILOG = (
    "Exit status: [bold]0[/] nothing met, [bold]1[/] something met, [bold]2[/] something could "
    "not be told (it is listed on standard error, the rest is told all the same; wins over 1), "
    "[bold]64[/] wrong usage, [bold]130[/] stopped by Ctrl-C."
)


class Met(Value, frozen=True, kw_only=True):
    """What one file met, as ``--json`` writes it.

    Attributes:
        path: As given or found.
        sha256: Digest of the bytes, or ``None`` where they could not be read.
        md5: Digest of the bytes, or ``None`` where they could not be read.
        size: Bytes, or ``None`` where they could not be read.
        media: What the media is, or ``None`` where that is unknown.
        banks: Banks that were asked.
        matches: Entries met, nearest first.
        unknowns: What could not be told.
    """

    path: str
    sha256: str | None
    md5: str | None
    size: int | None
    media: MediaInfo | None
    banks: tuple[str, ...]
    matches: tuple[Match, ...]
    unknowns: tuple[Unknown, ...]


def match(
    paths: Paths,
    bank: Annotated[
        list[Path],
        typer.Option(metavar="FILE", help="Bank or hash list to match with. May be repeated."),
    ],
    role: Annotated[
        Role | None, typer.Option(help="Ask only the banks of this role. Default: all.")
    ] = None,
    distance: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="Bits up to which PDQ matches. Default: each bank's own."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Write one JSON line a file, with all there is.")
    ] = False,
    gap: Annotated[
        float,
        typer.Option(
            min=0.0, max=3600.0, help="Most seconds between the frames of a video; 0 is all."
        ),
    ] = Sampling().gap,
    grey: Grey = False,
    views: Views = "standard",
    budget: Budgets = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Files matched at once. Default: all processors."),
    ] = None,
) -> int:
    """Hold images, animations and videos against banks. No model is asked, no policy applied."""
    limits = budgets.chosen(budget)
    tally = _Tally(json=json)
    found = find(names(paths))
    # Without detectors a scan is hashing and matching; what a policy made of it is not told.
    with Scanner(
        banks=_banks(bank, role),
        detectors=(),
        budget=limits,
        sampling=Sampling(gap=gap),
        jobs=jobs,
        distance=distance,
        grey=grey,
        views=views,
    ) as scanner:
        try:
            for scanned in scanner.stream(found):
                if scanned.item is not None:
                    tally.take(scanned.item)
        except KeyboardInterrupt:
            return exits.INTERRUPTED
    tally.close()
    return tally.status


def _banks(files: list[Path], role: Role | None) -> list[Bank | BankFolder]:
    banks = [bank for bank in map(read_bank, files) if role in (None, bank.role)]
    if not banks:
        raise typer.BadParameter(f"--role: no bank of the role {role!r} is among those given")
    return banks


class _Tally:
    """Tells each file as it comes, and counts."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._items = self._met = self._untold = 0

    @property
    def status(self) -> int:
        if self._untold:
            return exits.UNJUDGED
        return exits.ACT if self._met else exits.OK

    def take(self, item: Item) -> None:
        evidence = item.evidence
        self._items += 1
        self._met += bool(evidence.matches)
        self._untold += bool(evidence.unknowns)
        if self._json:
            sys.stdout.buffer.write(msgspec.json.encode(_document(item.path, evidence)) + b"\n")
        elif evidence.matches:
            lines = [visible(item.path), *map(_line, evidence.matches)]
            sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        for unknown in evidence.unknowns:
            told = f"{visible(item.path)}: {unknown.cause}: {visible(unknown.detail)}"
            sys.stderr.write(f"tidegate: {told}\n")

    def close(self) -> None:
        if not self._json:
            untold = f", {self._untold:,} not told in full" if self._untold else ""
            sys.stdout.write(f"{plural(self._items, 'item')}: {self._met:,} met{untold}\n")


def _document(path: str, evidence: Evidence) -> Met:
    return Met(
        path=path,
        sha256=evidence.sha256,
        md5=evidence.md5,
        size=evidence.size,
        media=evidence.media,
        banks=evidence.banks,
        matches=evidence.matches,
        unknowns=evidence.unknowns,
    )


def _line(met: Match) -> str:
    """Return a match as one line, its first columns of a fixed width."""
    told = []
    if met.transform != "none":
        told.append(met.transform.replace("_", " "))
    if part(met.view):
        told.append(part(met.view))
    if met.span is not None:
        told.append(f"{stretch(met.span)}, {percent(met.query_share)} of this item")
    if met.entry_span is not None:
        told.append(f"entry's {stretch(met.entry_span)}, {percent(met.entry_share)} of the entry")
    if played := pace(met.speed):
        told.append(played)
    if met.note:
        told.append(visible(met.note))
    columns = f"  {match_distance(met):<11}  {met.role:<6}  {met.category:<27}"
    return "  ".join([f"{columns}  {visible(met.bank)} / {visible(met.entry)}", *told])
