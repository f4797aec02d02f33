"""One door to the database: SQLite in the data folder, or Postgres where a URL says so.

>>> with store.write() as connection:
...     items.accept(connection, ...)

``read()`` is a snapshot that nothing can be written through; ``write()`` is all or
nothing, and durable when the ``with`` ends without an error. Both give a connection to
the functions of this room's other files. A store belongs to one process and any of its
threads; a child process opens its own.

Whoever locks several things locks them in this order, so that no two transactions wait for each
other:

1. the counters of breakers, in the order of their numbers;
2. a case of review;
3. items, by id;
4. what belongs to these, each row on behalf of its item: jobs, messages, decisions;
5. the head of the audit chain, which is done here, at the end.

Whoever takes work from others, jobs or messages, skips what is locked, and waits for nothing:
that needs no order. Banks, users, keys, webhooks and policies are changed by transactions of
their own, that lock nothing of these but the head.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url

from tidegate.closing import Closing
from tidegate.store import audit
from tidegate.store.bell import RUNG, Bell, Name, PipeBell, PostgresBell, ring_pipes
from tidegate.store.error import StoreError

FILE = "tidegate.db"
"""The SQLite database in the data folder, where no URL names another."""

PATIENCE = 60
"""Seconds that a writer waits for another before it gives up."""

IDLE = 60
"""Seconds after which Postgres ends a transaction whose process does nothing: a process that
hangs, or that was cut off, does not hold a row for ever."""

_DURABLE = "tidegate_durable"

_AGAIN = 0.001
"""Seconds before SQLite is asked again whether another process has ended its writing. Its own
way of waiting soon takes a hundred times as long."""


class Store(Closing):
    """An open database. Migrations are in :mod:`~tidegate.store.schema`.

    Args:
        url: ``sqlite:///FILE``, ``postgresql://…`` (also written ``postgres://…`` or
            ``postgresql+psycopg://…``), or ``None`` for ``tidegate.db`` in the data folder.
        data: The data folder. It is made where it is not there, for its owner only.
        connections: Most that are open at a time; more threads wait for one.

    Attributes:
        data: The data folder.
        dialect: Which database it is.
        url: Where it is.

    Raises:
        StoreError: The URL is none of these forms, or the folder cannot be made.
    """

    def __init__(self, url: str | None, data: Path, *, connections: int = 16) -> None:
        self.data = data
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{data}: no data folder can be made: {error.strerror}") from None
        self.url = _parse(url, data)
        self.dialect: Literal["sqlite", "postgresql"] = (
            "sqlite" if self.url.get_backend_name() == "sqlite" else "postgresql"
        )
        self._writer = threading.Lock()
        if self.dialect == "sqlite":
            self._readers, self._writers = _sqlite(self.url, connections), _sqlite_writer(self.url)
        else:
            self._readers = self._writers = _postgres(self.url, connections)
        for name, follow in (
            ("savepoint", audit.Pending.save),
            ("release_savepoint", audit.Pending.release),
            ("rollback_savepoint", audit.Pending.undo),
        ):
            event.listen(self._writers, name, partial(_follow, follow))

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path:
        """The database's file.

        Raises:
            StoreError: It is not SQLite.
        """
        if self.dialect != "sqlite" or self.url.database is None:
            raise StoreError(f"{self}: only SQLite is a file")
        return Path(self.url.database)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the database, and cannot write.

        Raises:
            StoreError: The database cannot be reached.
        """
        with self._connect(self._readers) as connection:
            if self.dialect == "postgresql":
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            self._begin(connection)
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """Give a connection in a transaction: kept at the end, undone by an error.

        What the transaction appends to the audit chain is written last, so that the chain
        is locked for a moment only, and never while something else is waited for.

        Args:
            durable: Whether to wait until it is on disk. Leases need not be: after a power
                cut, all that is missing is who was at work. Any later transaction that is
                durable makes this one so too.

        Raises:
            StoreError: The database cannot be reached, or another writer holds it too long.
        """
        with self._turn(), self._connect(self._writers) as connection:
            pending = audit.Pending()
            rung: set[tuple[Name, str]] = set()
            options = {_DURABLE: durable, audit.PENDING: pending, RUNG: rung}
            connection.execution_options(**options)
            self._begin(connection)
            try:
                if self.dialect == "postgresql" and not durable:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                yield connection
                audit.flush(connection, pending)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
        if rung:
            ring_pipes(self.file, rung)

    def bell(self, name: Name) -> Bell:
        """Return a bell that rings when there is work; one for each thread that waits.

        It hears whatever is committed from now on. Close it.

        Raises:
            StoreError: There cannot be one.
        """
        if self.dialect == "sqlite":
            return PipeBell(self.file, name)
        return PostgresBell(self.url, name)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._readers.dispose()
        self._writers.dispose()

    @contextmanager
    def _connect(self, engine: Engine) -> Iterator[Connection]:
        try:
            connection = engine.connect()
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            raise self._unreachable(error) from None
        with connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let the threads of this process write to SQLite in turn; it takes one at a time."""
        if self.dialect != "sqlite":
            yield
            return
        if not self._writer.acquire(timeout=PATIENCE):
            raise StoreError(f"{self}: another thread has been writing for {PATIENCE} s")
        try:
            yield
        finally:
            self._writer.release()

    def _begin(self, connection: Connection) -> None:
        try:
            connection.begin()
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> StoreError:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        first = next(iter(str(cause).splitlines()), type(cause).__name__)
        return StoreError(f"{self}: the database cannot be used: {first}")


def _parse(written: str | None, data: Path) -> URL:
    if written is None:
        return URL.create("sqlite", database=str((data / FILE).resolve()))
    try:
        url = make_url(written)
    except (sa.exc.ArgumentError, ValueError):
        # The text may hold a password: it is not repeated.
        raise StoreError("DATABASE_URL is no URL: postgresql://… or sqlite:///FILE") from None
    match url.drivername:
        case "sqlite" | "sqlite+pysqlite":
            if not url.database or url.database == ":memory:" or url.query:
                raise StoreError("DATABASE_URL names no file: sqlite:///FILE, without options")
            path = Path(url.database).resolve()
            if not path.parent.is_dir():
                raise StoreError(f"{path}: there is no such folder")
            return URL.create("sqlite", database=str(path))
        case "postgres" | "postgresql" | "postgresql+psycopg":
            return url.set(drivername="postgresql+psycopg")
    raise StoreError(
        f"DATABASE_URL begins with {url.drivername[:40]}: only postgresql:// and sqlite:///"
    )


def _sqlite(url: URL, connections: int) -> Engine:
    """Return what reads: nothing can be written through it."""
    engine = _sqlite_engine(url, connections, PATIENCE)

    @event.listens_for(engine, "connect")
    def opened(dbapi: sqlite3.Connection, _: object) -> None:
        dbapi.execute("PRAGMA query_only = 1")
        # Reads the file, so that one that is no database is met here.
        dbapi.execute("PRAGMA schema_version")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        _driver(connection).execute("BEGIN")

    return engine


def _sqlite_writer(url: URL) -> Engine:
    """Return what writes, by one connection: the threads of a process take turns."""
    engine = _sqlite_engine(url, 1, 0)

    @event.listens_for(engine, "connect")
    def opened(dbapi: sqlite3.Connection, _: object) -> None:
        dbapi.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        driver = _driver(connection)
        durable = connection.get_execution_options()[_DURABLE]
        until = time.monotonic() + PATIENCE
        while True:
            try:
                # FULL: what was committed survives a power cut in WAL mode too. A connection's
                # first statement reads the schema, and meets who opens the file at the same time.
                driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                # A transaction that starts as a reader and then writes fails when another wrote
                # meanwhile, and no waiting helps. So a writer says at once that it is one.
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(_AGAIN)
            else:
                return

    return engine


def _sqlite_engine(url: URL, connections: int, patience: float) -> Engine:
    # Transactions are begun by hand: the driver's own way begins none before a read.
    return sa.create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=PATIENCE,
        pool_reset_on_return=None,  # Whoever has one ends what it has begun.
        connect_args={"timeout": patience, "isolation_level": None},
        hide_parameters=True,  # Digests and password hashes are among them.
    )


def _driver(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection: what is done for each transaction, and reads nothing."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _postgres(url: URL, connections: int) -> Engine:
    try:
        engine = sa.create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=PATIENCE,
            pool_pre_ping=True,
            pool_recycle=1800,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": 10, "application_name": "tidegate"},
        )
    except ModuleNotFoundError:
        raise StoreError("Postgres needs its driver: pip install 'tidegate[postgres]'") from None

    @event.listens_for(engine, "connect")
    def opened(dbapi: Any, _: object) -> None:
        dbapi.autocommit = True
        dbapi.execute(f"SET idle_in_transaction_session_timeout = '{IDLE}s'")
        dbapi.autocommit = False

    return engine


def _follow(follow: Callable[[audit.Pending], None], connection: Connection, *_: object) -> None:
    """Have what is to be appended to the audit chain undone where a savepoint is."""
    follow(audit.pending(connection))
