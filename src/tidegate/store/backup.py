"""Copies of everything that a store holds, made while it is in use, and put back.

::

    backup/
      backup.json    what is in here; written last, so without it a backup is not whole
      tidegate.db    SQLite, by its online backup; or
      database.dump  Postgres, by pg_dump in its custom format
      media/         the media as it was, hard-linked where the file system can

The database is copied before the media: whatever an item of the copy names is there, unless
it was deleted meanwhile, as somebody wished. ``pg_dump`` and ``pg_restore`` have to be on
the PATH, no older than the server.
"""

import hashlib
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import schema
from tidegate.store.engine import FILE, Store
from tidegate.store.error import StoreError
from tidegate.store.tables import audit_head, metadata
from tidegate.store.verify import verify

MANIFEST, DUMP, MEDIA = "backup.json", "database.dump", "media"


class Manifest(Value, frozen=True, kw_only=True):
    """What a backup holds.

    Attributes:
        tidegate_backup: Version of this JSON.
        tidegate: Version of Tidegate that made it.
        dialect: Which database it is of.
        revision: Which tables it has.
        created_at: When it was made, in microseconds.
        sha256: Digest of the database's copy.
        rows: How many rows each table has.
        audit_seq: Number of the audit chain's last row.
        audit_hash: Its digest.
        media: How many files.
    """

    tidegate_backup: int = 1
    tidegate: str
    dialect: str
    revision: str
    created_at: int
    sha256: str
    rows: dict[str, int]
    audit_seq: int
    audit_hash: str
    media: int


def backup(store: Store, folder: Path, *, now: int) -> Manifest:
    """Copy a store to a new folder, while others use it.

    Args:
        store: The store; its media is in ``media`` of its data folder.
        folder: Where to; not there yet, or empty. It is for its owner only.
        now: The present.

    Raises:
        StoreError: The folder holds something, a file cannot be written, or ``pg_dump`` fails.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StoreError(f"{folder}: is not empty: a backup gets a folder of its own")
        return _backup(store, folder, now)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{folder}: no backup can be made: {error}") from None


def restore(store: Store, folder: Path) -> Manifest:
    """Put a backup back into an empty store, bring it up to date, and check what is there.

    Returns:
        What was put back. Its rows were counted and its audit chain was verified.

    Raises:
        StoreError: The store is not empty, the backup is of another kind of database, is
            not whole or was changed, or what came of it is not what it says.
    """
    manifest = read(folder)
    if manifest.dialect != store.dialect:
        raise StoreError(f"{folder}: is a backup of {manifest.dialect}, not of {store.dialect}")
    with store.read() as connection:
        if sa.inspect(connection).get_table_names():
            raise StoreError(f"{store}: is not empty: a backup is put back into a new store")
    copy = folder / (FILE if store.dialect == "sqlite" else DUMP)
    try:
        if _digest(copy) != manifest.sha256:
            raise StoreError(f"{copy}: was changed since the backup was made")
        if store.dialect == "sqlite":
            _copy_sqlite(copy, store.file)
        else:
            options = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges")
            _run(store, "pg_restore", *options, str(copy))
        _link(folder / MEDIA, store.data / MEDIA)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{folder}: cannot be put back: {error}") from None
    with store.read() as connection:
        if _rows(connection) != manifest.rows:
            raise StoreError(f"{store}: does not have the rows that the backup had")
        verified = verify(connection)
    if verified.problem is not None:
        raise StoreError(f"{store}: the audit chain is not whole: {verified.problem.text}")
    if (verified.seq, verified.hash) != (manifest.audit_seq, manifest.audit_hash):
        raise StoreError(f"{store}: does not have the audit chain that the backup had")
    schema.upgrade(store)
    return manifest


def read(folder: Path) -> Manifest:
    """Return what a backup says of itself.

    Raises:
        StoreError: There is none, or it is not whole.
    """
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except OSError as error:
        raise StoreError(f"{folder}: is no whole backup: {error.strerror}") from None
    except ValueError as error:
        raise StoreError(f"{folder / MANIFEST}: {error}") from None
    if found.tidegate_backup != 1:
        raise StoreError(f"{folder}: was made by a newer version of Tidegate")
    return found


def _backup(store: Store, folder: Path, now: int) -> Manifest:
    schema.check(store)
    if store.dialect == "sqlite":
        copy = folder / FILE
        _copy_sqlite(store.file, copy)
        with Store(f"sqlite:///{copy}", folder) as copied, copied.read() as connection:
            rows, head = _rows(connection), connection.execute(sa.select(audit_head)).one()
    else:
        copy = folder / DUMP
        with store.read() as connection:
            # The dump sees what this transaction sees, which is idle meanwhile.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            rows, head = _rows(connection), connection.execute(sa.select(audit_head)).one()
            _run(store, "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={copy}")
    manifest = Manifest(
        tidegate=version("tidegate"),
        dialect=store.dialect,
        revision=schema.newest(),
        created_at=now,
        sha256=_digest(copy),
        rows=rows,
        audit_seq=head.seq,
        audit_hash=head.hash,
        media=_link(store.data / MEDIA, folder / MEDIA),
    )
    with (folder / MANIFEST).open("xb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest)))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _copy_sqlite(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        # One file, with nothing beside it.
        new.execute("PRAGMA journal_mode = DELETE")


def _rows(connection: Connection) -> dict[str, int]:
    tables = metadata.tables.items()
    count = {name: sa.select(sa.func.count()).select_from(table) for name, table in tables}
    return {name: connection.execute(query).scalar_one() for name, query in count.items()}


def _link(source: Path, target: Path) -> int:
    """Have the files of a folder in another too, and return how many there are."""
    count = 0
    for path in source.rglob("*"):
        there = target / path.relative_to(source)
        if path.is_symlink() or not path.is_file():
            continue
        there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One that goes while this runs was deleted as somebody wished.
        with suppress(FileNotFoundError):
            # Media may have outlived its database. It is not written over: it may be the very
            # file that the backup has.
            there.unlink(missing_ok=True)
            try:
                os.link(path, there)
            except OSError:
                shutil.copy2(path, there)
            count += 1
    return count


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(store: Store, program: str, *options: str) -> None:
    """Run a program of Postgres. The password goes by its environment: others see arguments."""
    found = shutil.which(program)
    if found is None:
        raise StoreError(f"{program} is not on the PATH: install Postgres's client programs")
    url = store.url.set(drivername="postgresql", password=None)
    environment = dict(os.environ)
    if store.url.password is not None:
        environment["PGPASSWORD"] = str(store.url.password)
    ran = subprocess.run(  # noqa: S603 - found on the PATH, arguments are ours
        [found, *options, f"--dbname={url.render_as_string()}"],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if ran.returncode:
        raise StoreError(f"{program} failed: {ran.stderr.strip()[-500:]}")
