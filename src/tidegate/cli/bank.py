"""``tidegate bank``: banks of known content, in files."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate import taxonomy
from tidegate.cli import exits
from tidegate.cli.files import alone_in
from tidegate.cli.paths import Paths, names
from tidegate.evidence import Role
from tidegate.matching import (
    Bank,
    BankError,
    Entry,
    add_entries,
    import_file,
    next_id,
    save_bank,
)
from tidegate.media import Reader, Sampling
from tidegate.pipeline import SAMPLING, enrol, find, printable, read_bank

app = typer.Typer(help="Keep banks of known content, in files.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="BANK", help="The bank's file.")]

ROWS = 50
"""Entries that ``show`` lists unless it is asked for all."""


@app.command()
def create(
    file: File,
    name: Annotated[
        str | None, typer.Option(help="Name that decisions cite. Default: the file's.")
    ] = None,
    category: Annotated[
        str, typer.Option(help=f"One of: {', '.join(taxonomy.bankable())}.")
    ] = "known.other",
    role: Annotated[
        Role, typer.Option(help="block, review, or allow for content known to be good.")
    ] = "block",
    distance: Annotated[
        int, typer.Option(help="Bits of 256 up to which a picture counts as met, 0 to 64.")
    ] = 31,
    source: Annotated[str, typer.Option(help="Who made it.")] = "",
    legal_basis: Annotated[str, typer.Option(help="Why it may be kept and compared.")] = "",
) -> int:
    """Create an empty bank."""
    if file.exists():
        raise typer.BadParameter(f"{file} is there already")
    bank = Bank(
        name=name or file.name.split(".")[0],
        category=category,
        role=role,
        max_distance=distance,
        source=printable(source),
        legal_basis=printable(legal_basis),
    )
    _save(bank, file)
    _say(f"{file}: bank {_title(bank)}")
    return exits.OK


@app.command()
def add(
    file: File,
    media: Paths,
    category: Annotated[
        str | None, typer.Option(help="Category of these entries. Default: the bank's.")
    ] = None,
    note: Annotated[str, typer.Option(help="For people. Default: the file's name.")] = "",
    gap: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=3600.0,
            help="Most seconds between the stored frames of a video; 0 stores every frame, "
            "which helps where much moves.",
        ),
    ] = SAMPLING.gap,
) -> int:
    """Hash images and videos into a bank. Nothing is written unless all of them can be."""
    with alone_in(file.absolute().parent):
        bank, number = _add(file, media, category, printable(note), gap)
    _say(f"{file}: {number:,} added, {len(bank.entries):,} entries")
    return exits.OK


@app.command("import")
def import_(
    file: File,
    lists: Annotated[
        list[Path],
        typer.Argument(
            metavar="LIST",
            help="Banks or hash lists: 'hash' or 'type hash' a line, CSV or JSON Lines.",
        ),
    ],
) -> int:
    """Merge other banks and hash lists into a bank. What it holds already is left out."""
    with alone_in(file.absolute().parent):
        bank = read_bank(file)
        before = len(bank.entries)
        for other in lists:
            try:
                bank = import_file(bank, other)
            except OSError as error:
                raise BankError(f"{other}: cannot be read: {error.strerror}") from None
        _save(bank, file)
    _say(f"{file}: {len(bank.entries) - before:,} added, {len(bank.entries):,} entries")
    return exits.OK


@app.command()
def show(
    file: File,
    json: Annotated[bool, typer.Option("--json", help="Write the whole bank as JSON.")] = False,
    all_entries: Annotated[bool, typer.Option("--all", help="List every entry.")] = False,
) -> int:
    """Show a bank or a hash list and its entries."""
    bank = read_bank(file)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(bank) + b"\n")
        return exits.OK
    console = Console()
    console.print(
        Text(f"{bank.name}: {bank.category}, {bank.role}, up to {bank.max_distance} bits")
    )
    for label, value in (("source", bank.source), ("legal basis", bank.legal_basis)):
        if value:
            console.print(Text(f"{label}: {value}"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("entry", "kind", "fingerprints", "category", "state", "note"):
        table.add_column(column)
    shown = bank.entries if all_entries else bank.entries[:ROWS]
    for entry in shown:
        prints = f"{len(entry.pdq)} pdq, {len(entry.sha256)} sha256, {len(entry.md5)} md5"
        cells = (entry.id, entry.kind, prints, entry.category or "", entry.state, entry.note)
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    more = len(bank.entries) - len(shown)
    console.print(
        Text(f"{len(bank.entries):,} entries" + (f", {more:,} not shown" if more else ""))
    )
    return exits.OK


def _title(bank: Bank) -> str:
    return f"{bank.name}: {bank.category}, {bank.role}, up to {bank.max_distance} bits"


def _add(
    file: Path, media: list[str], category: str | None, note: str, gap: float
) -> tuple[Bank, int]:
    """Hash media into a bank and save it; return it, with the number of new entries."""
    bank = read_bank(file)
    known = {digest: entry.id for entry in bank.entries for digest in entry.sha256}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    number = int(next_id(bank))
    added: list[Entry] = []
    with Reader(sampling=Sampling(gap=gap)) as reader:
        for found in find(names(media)):
            entry_id = str(number + len(added))
            enrolled = enrol(found, reader, entry_id, category=category, note=note, added=now)
            if enrolled is None:
                continue
            (digest,) = enrolled.entry.sha256
            if digest in known:
                _say(f"left out: {printable(found.path)} is entry {known[digest]} already")
                continue
            known[digest] = entry_id
            added.append(enrolled.entry)
            remarks = "".join(f" ({remark})" for remark in enrolled.remarks)
            _say(f"entry {entry_id}: {printable(found.path)}{remarks}")
    bank = add_entries(bank, added)
    _save(bank, file)
    return bank, len(added)


def _save(bank: Bank, file: Path) -> None:
    try:
        save_bank(bank, file)
    except OSError as error:
        raise BankError(f"{file}: cannot be written: {error.strerror}") from None


def _say(text: str) -> None:
    Console().print(Text(text), soft_wrap=True)
