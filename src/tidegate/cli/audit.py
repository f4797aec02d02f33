"""``tidegate audit``: the audit chain verified, exported, and signed."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tidegate.cli import exits
from tidegate.cli.say import complain, say
from tidegate.cli.stores import Data, Database, opened

# What needs the database is imported where it is needed: other commands start faster without.
if TYPE_CHECKING:
    from tidegate.store.checkpoint import Checkpoint

app = typer.Typer(
    help="Verify, export and sign the audit chain: who did what, in rows that cannot be changed "
    "unseen.",
    no_args_is_help=True,
)

_BATCH = 1000

_STATUS = (
    "Exit status: [bold]0[/] the chain is whole, [bold]1[/] it is not, [bold]64[/] wrong usage, "
    "[bold]70[/] the database cannot be used."
)


@app.command(epilog=_STATUS)
def verify(
    data: Data = None,
    database: Database = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="Hold the chain against a signed checkpoint. May be repeated.",
        ),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="By which checkpoints are signed: PEM."),
    ] = None,
) -> int:
    """Walk the whole chain, and name the first row that was altered, left out or moved.

    Whoever can write to the database can make the chain anew: only a checkpoint that was kept
    elsewhere tells that.
    """
    from tidegate.store.error import StoreError
    from tidegate.store.verify import verify as walk

    if bool(checkpoints) != (public_key is not None):
        raise typer.BadParameter("--checkpoint and --public-key: one is of no use alone")
    try:
        signed = _checkpoints(checkpoints or [], public_key)
    except StoreError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        with opened(data, database) as store, store.read() as connection:
            verified = walk(connection, checkpoints=signed)
    except StoreError as error:
        complain(str(error))
        return exits.FAILED
    if verified.problem is not None:
        complain(f"{verified.problem.what}: {verified.problem.text}")
        say(f"{verified.rows:,} rows before it are whole")
        return exits.ACT
    held = f", and {_count(len(signed), 'checkpoint')} with it" if signed else ""
    say(f"whole: {_count(verified.rows, 'row')}{held}; the last is {verified.hash}")
    return exits.OK


@app.command()
def export(data: Data = None, database: Database = None) -> int:
    """Write the chain to standard output, one row a line: JSON, with all that its digest needs."""
    import sqlalchemy as sa

    from tidegate.store.audit import Row
    from tidegate.store.error import StoreError
    from tidegate.store.tables import audit as table

    try:
        with opened(data, database) as store, store.read() as connection:
            query = sa.select(table).order_by(table.c.seq)
            options = {"yield_per": _BATCH}
            for row in connection.execute(query, execution_options=options).mappings():
                sys.stdout.buffer.write(msgspec.json.encode(Row(**row)) + b"\n")
    except StoreError as error:
        complain(str(error))
        return exits.FAILED
    return exits.OK


@app.command("checkpoint", epilog=_STATUS)
def make_checkpoint(
    key: Annotated[
        Path, typer.Option(metavar="FILE", help="By which it is signed, from `tidegate audit key`.")
    ],
    data: Data = None,
    database: Database = None,
) -> int:
    """Verify the chain, sign its last row, and write the checkpoint to standard output.

    Keep it where whoever can write to the database cannot.
    """
    from tidegate.store import checkpoint, clock
    from tidegate.store.error import StoreError
    from tidegate.store.verify import verify as walk

    try:
        signing = checkpoint.load_key(key)
    except StoreError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        with opened(data, database) as store, store.read() as connection:
            verified = walk(connection)
            if verified.problem is not None:
                complain(f"{verified.problem.what}: {verified.problem.text}: nothing is signed")
                return exits.ACT
            made = checkpoint.sign(connection, signing, now=clock.now())
    except StoreError as error:
        complain(str(error))
        return exits.FAILED
    sys.stdout.buffer.write(checkpoint.write(made))
    return exits.OK


@app.command("key")
def make_key(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where the key goes; not there yet.")
    ],
) -> int:
    """Make a key that signs checkpoints. The public half, for who verifies, goes to FILE.pub."""
    from tidegate.store import checkpoint
    from tidegate.store.error import StoreError

    public = file.with_name(f"{file.name}.pub")
    try:
        if os.path.lexists(public):
            raise StoreError(f"{public}: is there already")
        made = checkpoint.make_key(file)
        with public.open("xb") as written:
            written.write(checkpoint.public_pem(made))
    except StoreError as error:
        raise typer.BadParameter(str(error)) from None
    say(f"{file} signs, {public} verifies: key {checkpoint.key_id(made.public_key())}")
    return exits.OK


def _checkpoints(files: list[Path], public_key: Path | None) -> "list[Checkpoint]":
    """Return checkpoints whose signature is right.

    Raises:
        StoreError: One is not, or cannot be read; it is named.
    """
    from tidegate.store import checkpoint
    from tidegate.store.error import InvalidError, StoreError

    found = []
    for file in files:
        assert public_key is not None
        key = checkpoint.load_public_key(public_key)
        try:
            with file.open("rb") as opened_file:
                text = opened_file.read(checkpoint.LARGEST_FILE + 1)
            found.append(checkpoint.read(text, key))
        except OSError as error:
            raise StoreError(f"{file}: cannot be read: {error.strerror}") from None
        except InvalidError as error:
            raise StoreError(f"{file}: {error}") from None
    return found


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
