"""A Postgres of the tests' own: a new cluster in a temporary folder, on a socket in it."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from tidegate.store import schema
from tidegate.store.tables import metadata

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian's packages put each version's programs, off the PATH."""


def programs():
    """Return the folder with initdb and postgres, or ``None`` where Postgres is not installed."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    versions = [p for p in DEBIAN.glob("*/bin") if (p / "postgres").exists()]
    return max(versions, key=lambda p: float(p.parent.name), default=None)


class Cluster:
    """A running server. Nothing that it holds is meant to survive a power cut."""

    def __init__(self, bin_folder):
        # Sockets have short names: the folder is not below pytest's.
        self.folder = Path(tempfile.mkdtemp(prefix="tg-pg-"))
        self._numbers = itertools.count(1)
        self._as = self._somebody()
        if "user" in self._as:
            shutil.chown(self.folder, self._as["user"], self._as["group"])
        data = self.folder / "data"
        make = [bin_folder / "initdb", "-D", data, "-U", "tidegate", "-A", "trust"]
        make += ["-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, **self._as)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": "120",
        }
        options = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        with (self.folder / "log").open("w") as log:
            self._server = subprocess.Popen(
                [bin_folder / "postgres", "-D", data, *options], stderr=log, **self._as
            )
        while True:
            try:
                psycopg.connect(self.dsn("postgres")).close()
                break
            except psycopg.OperationalError:
                if self._server.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.02)

    def dsn(self, database):
        return f"host={self.folder} user=tidegate dbname={database}"

    def url(self, database):
        return f"postgresql://tidegate@/{database}?host={self.folder}"

    def create(self):
        """Make an empty database and return its name."""
        name = f"t{next(self._numbers)}"
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return name

    def empty(self, name):
        """Make a database as it is when it was brought up to date. Quicker than a new one."""
        with psycopg.connect(self.dsn(name)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            # The audit chain refuses to be emptied.
            connection.execute("SET session_replication_role = replica")
            tables = ", ".join(f'"{table}"' for table in metadata.tables)
            connection.execute(f"TRUNCATE {tables}")
            connection.execute("INSERT INTO audit_head VALUES (1, 0, repeat('0', 64))")
            connection.execute("INSERT INTO bank_revision VALUES (1, 0)")
            connection.execute("UPDATE alembic_version SET version_num = %s", [schema.newest()])

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self._server.send_signal(signal.SIGINT)
        self._server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _somebody():
        """Return whom to run as: Postgres refuses root."""
        if os.geteuid():
            return {}
        names = {entry.pw_name for entry in pwd.getpwall()}
        name = next(n for n in ("postgres", "nobody") if n in names)
        return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": [], "cwd": "/"}
