"""``tidegate bank show``, ``stats`` and ``verify``: what is in a bank, and whether it is whole."""

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli import exits
from tidegate.cli.say import complain, line, say, stages
from tidegate.matching import Bank, BankError, BankFolder
from tidegate.matching import stats as count
from tidegate.matching import verify as check
from tidegate.pipeline import read_bank

File = Annotated[Path, typer.Argument(metavar="BANK", help="The bank's file or folder.")]

ROWS = 50
"""Entries that ``show`` lists unless it is asked for all."""


def show(
    file: File,
    json: Annotated[bool, typer.Option("--json", help="Write the whole bank as JSON.")] = False,
    all_entries: Annotated[bool, typer.Option("--all", help="List every entry.")] = False,
) -> int:
    """Show a bank or a hash list and its entries."""
    opened = read_bank(file)
    if isinstance(opened, Bank):
        bank, entries, total = opened, iter(opened.entries), len(opened.entries)
    else:
        bank, entries, total = opened.bank, opened.entries(), len(opened)
    if json:
        head = msgspec.json.encode(msgspec.structs.replace(bank, entries=()))
        sys.stdout.buffer.write(head.removesuffix(b"]}"))
        encoder = msgspec.json.Encoder()
        for place, entry in enumerate(entries):
            sys.stdout.buffer.write((b"," if place else b"") + encoder.encode(entry))
        sys.stdout.buffer.write(b"]}\n")
        return exits.OK
    console = Console()
    console.print(Text(line(title(bank))))
    for label, value in (("source", bank.source), ("legal basis", bank.legal_basis)):
        if value:
            console.print(Text(line(f"{label}: {value}")))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("entry", "kind", "fingerprints", "category", "state", "note"):
        table.add_column(column)
    for entry in entries if all_entries else islice(entries, ROWS):
        prints = f"{len(entry.pdq)} pdq, {len(entry.sha256)} sha256, {len(entry.md5)} md5"
        state = (
            f"{entry.state} until {entry.disabled_until}" if entry.disabled_until else entry.state
        )
        cells = (entry.id, entry.kind, prints, entry.category or "", state, entry.note)
        table.add_row(*(Text(line(cell)) for cell in cells))
    console.print(table)
    more = 0 if all_entries else max(total - ROWS, 0)
    console.print(Text(f"{total:,} entries" + (f", {more:,} not shown" if more else "")))
    return exits.OK


def title(bank: Bank) -> str:
    """Return what a bank says about itself, in a line."""
    return f"{bank.name}: {bank.category}, {bank.role}, up to {bank.max_distance} bits"


def stats(
    file: File,
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> int:
    """Count what a bank holds, and what it costs."""
    found = count(read_bank(file), file)
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
        return exits.OK
    numbers = ", ".join(f"{n:,} {state}" for state, n in found.states.items() if n)
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in found.kinds.items() if n)
    rows = [
        ("entries", f"{found.entries:,}" + "".join(f" ({w})" for w in (numbers, kinds) if w)),
        ("hashes", f"{found.hashes:,} searched, {found.flat_hashes:,} too flat "
                   f"({found.flat_share:.1%})"),
        ("on disk", f"{found.bytes:,} bytes, {found.bytes_per_entry:,} an entry"),
    ]  # fmt: skip
    if found.journal_bytes or found.segments:
        rows.append(
            ("journal", f"{found.journal_entries:,} entries, {found.journal_changes:,} changes, "
                        f"{found.journal_bytes:,} bytes")
        )  # fmt: skip
    for part in found.segments:
        plan = f"{part.chunks} × {part.chunk_bits} bits" if part.chunks else "all are compared"
        rows.append(
            (part.file, f"{part.entries:,} entries, {part.hashes:,} hashes, "
                        f"{part.distinct_hashes:,} distinct; {plan}; {part.bytes:,} bytes, "
                        f"{part.index_bytes:,} of them searched")
        )  # fmt: skip
    if found.merge_due:
        rows.append(("due", "a merge: 'tidegate bank merge'"))
    table = Table(
        box=None, pad_edge=False, show_header=False, title=found.name, title_justify="left"
    )
    table.add_column(style="dim")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
    return exits.OK


def verify(file: File) -> int:
    """Read all of a bank and check that it is whole. What is not is named, with status 70."""
    try:
        bank = read_bank(file)
        if isinstance(bank, BankFolder):
            with stages() as tell:
                problems = list(check(bank, tell))
        else:
            problems = []
    except BankError as error:
        problems = [str(error)]
    for problem in problems:
        complain(problem)
    if not problems:
        say(f"{file}: whole")
    return exits.FAILED if problems else exits.OK
