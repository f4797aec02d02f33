"""Being told of work instead of asking for it all the time.

Postgres tells by ``LISTEN``/``NOTIFY``: a notice is given when the transaction that has
rung is committed. SQLite has none: there a commit of this process tells those who wait in
it, and any commit is seen by looking, ten times a second, at a counter in shared memory,
for it may be another process's. A bell may ring for nothing and, where a connection was
lost, rings to be on the safe side; whoever hears it looks for work, and looks now and then
without it.
"""

import sqlite3
import threading
import time
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from tidegate.closing import Closing
from tidegate.store.error import StoreError

if TYPE_CHECKING:
    from psycopg import Connection as Listener

LOOK = 0.1
"""Seconds between two looks at what other processes wrote to SQLite."""


Name = Literal["jobs", "outbox"]
"""What there is to be told of."""

RUNG = "tidegate_rung"
"""The option under which a connection keeps what its transaction has rung, on SQLite."""


class Bell(Closing):
    """Something to wait at."""

    @abstractmethod
    def wait(self, timeout: float) -> bool:
        """Wait until it rings, or has rung since the last wait.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether it rang.
        """


def ring(connection: Connection, name: Name) -> None:
    """Ring when this transaction is committed, and not at all if it is undone."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"NOTIFY tidegate_{name}")
    else:
        connection.get_execution_options()[RUNG].add(name)


class Changes:
    """Counts the commits of this process that have rung one bell."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How many there were."""
        return self._count

    def tell(self) -> None:
        """Count one more, and wake whoever waits."""
        with self._news:
            self._count += 1
            self._news.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """Wait for more than were seen, and return how many there are."""
        with self._news:
            self._news.wait_for(lambda: self._count != seen, timeout)
            return self._count


class PolledBell(Bell):
    """The bell of SQLite."""

    def __init__(self, changes: Changes, file: Path) -> None:
        self._changes = changes
        self._seen = changes.count
        self._other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._version = self._look()

    def wait(self, timeout: float) -> bool:
        """Wait for a commit that rings, or for one that may be of another process."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            count, version = self._changes.wait(self._seen, min(left, LOOK)), self._look()
            rang = (count, version) != (self._seen, self._version)
            self._seen, self._version = count, version
            if rang or left <= LOOK:
                return rang

    def close(self) -> None:
        """Close the connection that looks."""
        self._other.close()

    def _look(self) -> int:
        """Return SQLite's counter of what other connections committed."""
        version: int = self._other.execute("PRAGMA data_version").fetchone()[0]
        return version


class PostgresBell(Bell):
    """The bell of Postgres. It has a connection of its own, outside the pool."""

    def __init__(self, url: URL, name: Name) -> None:
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._channel = f"tidegate_{name}"
        self._listener = self._listen()

    def wait(self, timeout: float) -> bool:
        """Wait for a notice. A connection that was lost is made anew, and that rings too.

        Raises:
            StoreError: It was lost, and cannot be made.
        """
        import psycopg

        try:
            return any(True for _ in self._listener.notifies(timeout=timeout, stop_after=1))
        except psycopg.OperationalError:
            self.close()
            self._listener = self._listen()
            return True

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
