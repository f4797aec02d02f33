"""``tidegate policy pack``: records as Parquet, for keeping and for other tools."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import exits
from tidegate.cli.say import complain, say
from tidegate.pipeline import parquet
from tidegate.pipeline.record import Record, RecordError
from tidegate.pipeline.records import File, find_files, line_numbers, pieces, read
from tidegate.report.words import plural

EPILOG = (
    "Exit status: [bold]0[/] all records are in it, [bold]2[/] some could not be read (they are "
    "listed, the others are in it), [bold]64[/] wrong usage, [bold]70[/] a file cannot be read or "
    "written."
)


def pack(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The Parquet file to write.")],
    records: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDS", help="Files of records, or folders with *.jsonl and *.parquet."
        ),
    ],
) -> int:
    """Write records to one Parquet file: a small part of the size, and open to other tools."""
    if target.suffix != ".parquet":
        raise typer.BadParameter(f"{target}: its name ends in .parquet")
    try:
        files = find_files(records)
        if any(target.exists() and target.samefile(file.path) for file in files):
            raise typer.BadParameter(f"{target}: is one of the files to read")
        packing = _Packing(files)
        count = parquet.pack(packing.records(), target)
    except RecordError as error:
        raise typer.BadParameter(str(error)) from None
    say(f"{target}: {plural(count, 'record')}")
    return exits.UNJUDGED if packing.lost else exits.OK


class _Packing:
    """Reads records, and tells of those that cannot be read."""

    def __init__(self, files: Sequence[File]) -> None:
        self._files = files
        self.lost = False

    def records(self) -> Iterator[Record]:
        for piece in pieces(self._files):
            for place, found in read(piece):
                if isinstance(found, Record):
                    yield found
                    continue
                self.lost = True
                line = line_numbers(piece.file, [place])[place]
                complain(f"{piece.file.path}:{line}: {found}")
