"""``tidegate backup`` and ``tidegate restore``: a copy of all that a service holds, and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli import exits
from tidegate.cli.say import complain, say
from tidegate.cli.stores import Data, Database, opened

if TYPE_CHECKING:
    from tidegate.store.backup import Manifest

EPILOG = (
    "The server's key is not in it: keep a copy of server.key, or of TIDEGATE_SECRET, elsewhere. "
    "Exit status: [bold]0[/] done, [bold]64[/] wrong usage, [bold]70[/] it cannot be done."
)

Folder = Annotated[Path, typer.Argument(metavar="BACKUP", help="Folder of the backup.")]


def backup(folder: Folder, data: Data = None, database: Database = None) -> int:
    """Copy the database and the media to a new folder, while the service runs."""
    # Other commands start faster without.
    from tidegate.store import backup as copies
    from tidegate.store import clock
    from tidegate.store.error import StoreError

    try:
        with opened(data, database) as store:
            made = copies.backup(store, folder, now=clock.now())
    except StoreError as error:
        complain(str(error))
        return exits.FAILED
    say(f"{folder}: {_told(made)}")
    return exits.OK


def restore(folder: Folder, data: Data = None, database: Database = None) -> int:
    """Put a backup back into a new data folder and an empty database, and check what is there.

    Its digest, the number of rows and the whole audit chain are checked; then it is brought up
    to date.
    """
    from tidegate.store import backup as copies
    from tidegate.store.error import StoreError

    try:
        with opened(data, database, new=True) as store:
            made = copies.restore(store, folder)
    except StoreError as error:
        complain(str(error))
        return exits.FAILED
    say(f"{folder} is back, checked: {_told(made)}")
    return exits.OK


def _told(made: "Manifest") -> str:
    rows = sum(made.rows.values())
    files = "1 file" if made.media == 1 else f"{made.media:,} files"
    return (
        f"{made.rows['items']:,} items, {rows:,} rows in all, {files} of media; "
        f"the audit chain ends at row {made.audit_seq:,}, {made.audit_hash}"
    )
