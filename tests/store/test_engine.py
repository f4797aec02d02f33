import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from tests.store.making import NOW, accept
from tidegate.store import bell, engine, items, jobs, schema
from tidegate.store.engine import Store
from tidegate.store.error import StoreError
from tidegate.store.tables import items as table

ADD = """
import sys
from pathlib import Path
from tidegate.store import jobs
from tidegate.store.engine import Store
with Store(sys.argv[1], Path(sys.argv[2])) as store, store.write() as connection:
    jobs.add(connection, "judge", now=0)
"""

DEAF = """
import os, signal, sys
from pathlib import Path
from tidegate.store.engine import Store
store = Store(sys.argv[1], Path(sys.argv[2]))
store.bell("judged")
os.kill(os.getpid(), signal.SIGKILL)
"""


def count(store):
    with store.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///a.db?mode=ro", "without options"),
        ("sqlite:////no/such/folder/a.db", "no such folder"),
        ("mysql://me:secret@host/db", "only postgresql:// and sqlite:///"),
        ("postgresql+asyncpg://me:secret@host/db", "only postgresql:// and sqlite:///"),
        ("secret", "no URL"),
        ("", "no URL"),
    ],
)
def test_a_url_that_is_of_no_use_is_refused(tmp_path, url, told):
    with pytest.raises(StoreError, match=told) as refused:
        Store(url, tmp_path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgres_is_known_by_its_names_and_keeps_its_password(tmp_path, scheme):
    pytest.importorskip("psycopg")
    with Store(f"{scheme}://me:secret@127.0.0.1:1/db", tmp_path) as store:
        assert store.dialect == "postgresql"
        with pytest.raises(StoreError, match="cannot be used") as failed, store.read():
            pass
        with pytest.raises(StoreError, match="cannot be listened to") as deaf:
            store.bell("jobs")
    for text in (str(store), str(failed.value), str(deaf.value)):
        assert "secret" not in text


def test_without_a_url_the_database_is_in_the_data_folder(tmp_path):
    with Store(None, tmp_path / "a" / "data") as store:
        assert store.file == tmp_path / "a" / "data" / "tidegate.db"
        assert (tmp_path / "a" / "data").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="no data folder"):
        Store(None, tmp_path / "file")


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "tidegate.db").write_bytes(b"x" * 5000)
    with (
        Store(None, tmp_path) as store,
        pytest.raises(StoreError, match="not a database"),
        store.read(),
    ):
        pass


def test_a_reader_cannot_write(store):
    with pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.?only"), store.read() as connection:
        jobs.add(connection, "judge", now=NOW)
    with store.write() as connection:
        jobs.add(connection, "judge", now=NOW)


def test_a_reader_sees_one_moment(store):
    with store.read() as connection:
        before = items.page(connection, items.Filter()).items
        with store.write() as other:
            accept(other)
        assert items.page(connection, items.Filter()).items == before
    assert count(store) == 1


def test_the_first_to_write_waits_for_who_opens_the_file_at_the_same_time(tmp_path, monkeypatch):
    with Store(None, tmp_path) as store:
        schema.upgrade(store)
        file = store.file
    other = sqlite3.connect(file)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    waits = []

    def gone(seconds):
        waits.append(seconds)
        other.close()

    monkeypatch.setattr(engine.time, "sleep", gone)
    with Store(None, tmp_path) as store:
        with store.write() as connection:
            accept(connection)
        assert count(store) == 1
    assert waits


def test_threads_that_write_do_not_meet_a_locked_database(database):
    start = threading.Barrier(8)
    with database.open() as one, database.open() as other:

        def write_some(thread):
            store = (one, other)[thread % 2]
            start.wait()
            for n in range(6):
                with store.write() as connection:
                    accept(connection, thread * 100 + n)
                with store.read() as connection:
                    items.page(connection, items.Filter(), limit=5)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(write_some, range(8)))
        assert count(one) == 48


def test_what_was_committed_survives_a_power_cut_unless_it_need_not(store):
    for durable, synchronous, commit in ((True, 2, "on"), (False, 1, "off"), (True, 2, "on")):
        with store.write(durable=durable) as connection:
            if store.dialect == "sqlite":
                asked = ("PRAGMA journal_mode", "PRAGMA synchronous", "PRAGMA foreign_keys")
                told = [connection.exec_driver_sql(query).scalar_one() for query in asked]
                assert told == ["wal", synchronous, 1]
            else:
                assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == commit


def test_a_job_needs_an_item_that_is_there(store):
    with pytest.raises(sa.exc.IntegrityError), store.write() as connection:
        jobs.add(connection, "judge", item="none", now=NOW)


def test_a_bell_rings_for_a_commit_of_this_process(store):
    with store.bell("jobs") as heard:
        assert not heard.wait(0.01)
        # Before the wait: nothing is missed between looking for work and waiting for it.
        with store.write() as connection:
            jobs.add(connection, "judge", now=NOW)
        assert heard.wait(30)
        assert not heard.wait(0.01)


def test_a_bell_does_not_ring_for_who_looks_for_work_in_vain(store):
    with store.bell("jobs") as heard:
        with store.write() as connection:
            jobs.lease(connection, worker="w", kinds=("judge",), seconds=10, now=1)
        assert not heard.wait(0.01)


def test_a_bell_rings_for_a_commit_of_another(database):
    with database.open() as store, store.bell("jobs") as heard, ThreadPoolExecutor(1) as thread:
        found = thread.submit(heard.wait, 60)
        subprocess.run([sys.executable, "-c", ADD, database.url, database.data], check=True)
        assert found.result()


def test_a_bell_tells_in_all_processes_what_it_was_rung_with(database):
    with (
        database.open() as store,
        database.open() as other,
        store.bell("judged") as here,
        other.bell("judged") as there,
    ):
        with store.write() as connection:
            bell.ring(connection, "judged", "one")
        assert here.wait(30) == there.wait(30) == ("one",)
        with suppress(InterruptedError), store.write() as connection:
            bell.ring(connection, "judged", "undone")
            raise InterruptedError
        assert not there.wait(0.01)


def test_nobody_waits_for_a_bell_whose_process_was_killed(database):
    with database.open() as store:
        subprocess.run(
            [sys.executable, "-c", DEAF, database.url, database.data], check=False, timeout=60
        )
        with store.bell("judged") as heard:
            with store.write() as connection:
                bell.ring(connection, "judged", "one")
            assert heard.wait(30) == ("one",)
        if store.dialect == "sqlite":
            assert list(store.file.with_name(f"{store.file.name}-bells").iterdir()) == []


def test_a_bell_of_postgres_does_not_ring_for_what_was_undone_or_is_not_for_it(store):
    if store.dialect == "sqlite":
        pytest.skip("SQLite rings for every commit")
    with store.bell("outbox") as heard:
        with store.write() as connection:
            jobs.add(connection, "judge", now=NOW)
        assert not heard.wait(0.01)


def test_a_bell_that_was_cut_off_rings_and_hears_again(store):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has no connection to lose")
    with store.bell("jobs") as heard:
        with store.write() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE query LIKE 'LISTEN%%' AND datname = current_database()"
            )
        assert heard.wait(30)
        with store.write() as connection:
            jobs.add(connection, "judge", now=NOW)
        assert heard.wait(30)
