"""Bringing a database to the tables that this version of Tidegate knows: Alembic."""

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tidegate.store.engine import PATIENCE, Store
from tidegate.store.error import StoreError

LOCK = 0x7469646567617465
"""Names the lock under which a Postgres database is migrated: "tidegate" in ASCII."""


def newest() -> str:
    """Return the revision that this version of Tidegate brings a database to."""
    found = _scripts().get_current_head()
    assert found is not None
    return found


def revision(store: Store) -> str | None:
    """Return the revision that a database is at, or ``None`` where it is empty.

    Raises:
        StoreError: The database cannot be reached.
    """
    with store.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check(store: Store) -> None:
    """Refuse a database that is not at this version's revision: for whoever must not change it.

    Raises:
        StoreError: It is older, newer, or empty.
    """
    if (found := revision(store)) != newest():
        _refuse_unknown(store, found)
        raise StoreError(f"{store}: the database is not up to date: it is at {found or 'nothing'}")


def upgrade(store: Store) -> None:
    """Bring a database up to date, all of it or nothing. Others that try meanwhile wait.

    Raises:
        StoreError: It was made by a newer version, or cannot be reached.
    """
    if store.dialect == "sqlite":
        _log_ahead(store.file)
    with store.write() as connection:
        if store.dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        found = MigrationContext.configure(connection).get_current_revision()
        _refuse_unknown(store, found)
        if found != newest():
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", _scripts().dir.replace("%", "%%"))
            command.upgrade(config, "head")


def _refuse_unknown(store: Store, found: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"{store}: the database is at revision {found}, which this version of Tidegate does "
            f"not know: a newer one made it. This one knows up to {newest()}"
        )


def _log_ahead(file: Path) -> None:
    """Have SQLite log ahead of its file (WAL), so that readers and a writer do not wait.

    The file remembers it. Two processes that set it at the same time would meet an error
    that no waiting helps against, so one goes after the other.
    """
    try:
        with file.with_name(file.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with closing(sqlite3.connect(file, timeout=PATIENCE)) as connection:
                mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{file}: the database cannot be opened: {error}") from None
    if mode != "wal":
        raise StoreError(f"{file}: the file system cannot hold a database that several open")


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).with_name("migrations")))
