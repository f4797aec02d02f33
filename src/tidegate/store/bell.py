"""Being told of work instead of asking for it all the time, in any process.

Postgres tells by ``LISTEN``/``NOTIFY``: a notice is given when the transaction that has
rung is committed. SQLite has none: there each bell is a named pipe beside the database, and
whoever has rung writes to those of its name once that is committed. A process that dies in
between rings no more; so what must not wait is looked for too, ten times a second, at a
counter of commits in shared memory.

A bell may ring for nothing and, where a connection was lost, rings to be on the safe side;
whoever hears it looks for work, and looks now and then without it.
"""

import errno
import os
import select
import sqlite3
import time
from abc import abstractmethod
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from tidegate.closing import Closing
from tidegate.store import ids
from tidegate.store.error import StoreError

if TYPE_CHECKING:
    from psycopg import Connection as Listener

LOOK = 0.1
"""Seconds between two looks at what other processes wrote to SQLite."""

MOST = 1 << 16
"""Bytes that a pipe holds."""

Name = Literal["jobs", "outbox", "judged"]
"""What there is to be told of: work, messages to be sent, and items that were judged."""

LOOKED_FOR: frozenset[Name] = frozenset({"jobs", "outbox"})
"""What nobody looks for more often than a bell does; who waits for an item looks by itself."""

RUNG = "tidegate_rung"
"""The option under which a connection keeps what its transaction has rung, on SQLite."""

Told = tuple[str, ...]
"""What a bell tells when it rings: the texts it was rung with, an empty one where it is not
known; none where it does not ring."""


class Bell(Closing):
    """Something to wait at."""

    @abstractmethod
    def wait(self, timeout: float) -> Told:
        """Wait until it rings, or has rung since the last wait.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            What it tells, or nothing where it did not ring.
        """


def ring(connection: Connection, name: Name, text: str = "") -> None:
    """Ring when this transaction is committed, and not at all if it is undone.

    Args:
        connection: Of the transaction.
        name: Which bells.
        text: What they tell, for example an id: one line, of 100 characters at most.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_notify(%s, %s)", (f"tidegate_{name}", text))
    else:
        connection.get_execution_options()[RUNG].add((name, text))


def ring_pipes(database: Path, rung: Collection[tuple[Name, str]]) -> None:
    """Ring the bells of a SQLite database, in all processes. Nobody is waited for."""
    with suppress(FileNotFoundError), os.scandir(_folder(database)) as pipes:
        for pipe in pipes:
            lines = "".join(f"{text}\n" for name, text in rung if pipe.name.startswith(f"{name}."))
            if lines:
                _write(pipe.path, lines.encode())


def _write(pipe: str, lines: bytes) -> None:
    try:
        descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # Whoever has read it is dead.
            Path(pipe).unlink(missing_ok=True)
        elif error.errno != errno.ENOENT:
            raise
        return
    # One that is full has rung already.
    with suppress(BlockingIOError), os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(lines)


def _folder(database: Path) -> Path:
    return database.with_name(f"{database.name}-bells")


class PipeBell(Bell):
    """The bell of SQLite.

    Raises:
        StoreError: No pipe can be made beside the database.
    """

    def __init__(self, database: Path, name: Name) -> None:
        folder, pipe = _folder(database), f"{name}.{ids.new()}"
        self._pipe = folder / pipe
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            # One that nobody reads is taken for one whose reader is dead: so it gets its name
            # when it is open. Open for both, for it ends where nobody could write to it.
            os.mkfifo(folder / f".{pipe}", 0o600)
            self._reader = os.open(folder / f".{pipe}", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            (folder / f".{pipe}").rename(self._pipe)
        except OSError as error:
            raise StoreError(f"{folder}: no pipe can be made: {error.strerror}") from None
        self._ready = select.poll()
        self._ready.register(self._reader, select.POLLIN)
        self._commits: sqlite3.Connection | None = None
        if name in LOOKED_FOR:
            self._commits = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._seen = self._look()

    def wait(self, timeout: float) -> Told:
        """Wait for a ring, or for a commit that may have been to ring."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            rings = self._ready.poll(1000 * max(0.0, min(left, LOOK)))
            told = tuple(os.read(self._reader, MOST).decode().splitlines()) if rings else ()
            seen, self._seen = self._seen, self._look()
            if told or seen != self._seen:
                return told or ("",)
            if left <= LOOK:
                return ()

    def close(self) -> None:
        """Take the pipe away."""
        self._pipe.unlink(missing_ok=True)
        os.close(self._reader)
        if self._commits is not None:
            self._commits.close()

    def _look(self) -> int:
        """Return SQLite's counter of what other connections committed."""
        if self._commits is None:
            return 0
        version: int = self._commits.execute("PRAGMA data_version").fetchone()[0]
        return version


class PostgresBell(Bell):
    """The bell of Postgres. It has a connection of its own, outside the pool."""

    def __init__(self, url: URL, name: Name) -> None:
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._channel = f"tidegate_{name}"
        self._listener = self._listen()

    def wait(self, timeout: float) -> Told:
        """Wait for a notice. A connection that was lost is made anew, and that rings too.

        Raises:
            StoreError: It was lost, and cannot be made.
        """
        import psycopg

        try:
            notices = self._listener.notifies(timeout=timeout, stop_after=1)
            return tuple(notice.payload for notice in notices)
        except psycopg.OperationalError:
            self.close()
            self._listener = self._listen()
            return ("",)

    def close(self) -> None:
        """Close the connection that listens."""
        self._listener.close()

    def _listen(self) -> "Listener[tuple[object, ...]]":
        import psycopg

        try:
            listener = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
            listener.execute(f"LISTEN {self._channel}")
        except psycopg.OperationalError as error:
            first = next(iter(str(error).splitlines()), "no reason given")
            raise StoreError(f"the database cannot be listened to: {first}") from None
        return listener
