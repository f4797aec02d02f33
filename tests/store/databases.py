"""Databases for all tests: of each session there is one Postgres."""

import itertools
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.store.postgres import Cluster, programs
from tidegate.store import schema
from tidegate.store.engine import Store

DIALECTS = ("sqlite", "postgresql")


@dataclass
class Database:
    """A database of a test's own, with all tables, or empty."""

    url: str
    data: Path

    def open(self, **options):
        return Store(self.url, self.data, **options)


@pytest.fixture(scope="session")
def cluster():
    found = programs()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Postgres is not installed: CI tests both databases")
        pytest.skip("Postgres is not installed")
    running = Cluster(found)
    yield running
    running.stop()


@pytest.fixture(scope="session", params=DIALECTS)
def dialect(request):
    return request.param


@pytest.fixture(scope="session")
def ready(dialect, request, tmp_path_factory):
    """Databases that are up to date and empty: SQLite's is copied, Postgres's are used again."""
    if dialect == "postgresql":
        return []
    folder = tmp_path_factory.mktemp("ready")
    with Store(None, folder) as store:
        schema.upgrade(store)
    return [store.file]


@pytest.fixture
def make_database(dialect, ready, request, tmp_path):
    """Makes databases: with all tables, or empty."""
    numbers = itertools.count()

    def make(*, empty=False):
        data = tmp_path / f"data{next(numbers)}"
        data.mkdir()
        if dialect == "sqlite":
            if not empty:
                shutil.copy(ready[0], data)
            return Database(f"sqlite:///{data}/tidegate.db", data)
        cluster = request.getfixturevalue("cluster")
        if empty:
            return Database(cluster.url(cluster.create()), data)
        if ready:
            name = ready.pop()
            cluster.empty(name)
        else:
            name = cluster.create()
            with Store(cluster.url(name), data) as store:
                schema.upgrade(store)
        request.addfinalizer(lambda: ready.append(name))
        return Database(cluster.url(name), data)

    return make


@pytest.fixture
def database(make_database):
    return make_database()


@pytest.fixture
def store(database):
    with database.open() as opened:
        yield opened
