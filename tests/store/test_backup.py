import shutil

import msgspec
import pytest

from tests.store.making import NOW, accept, decision
from tests.store.test_audit import unlock
from tidegate.store import backup, decisions, items, schema
from tidegate.store.error import StoreError
from tidegate.store.verify import verify


@pytest.fixture
def used(store):
    """A store with items, decisions and media."""
    media = store.data / "media" / "01"
    media.mkdir(parents=True)
    for n in range(3):
        (media / f"{n}").write_bytes(b"picture %d" % n)
        with store.write() as connection:
            item = accept(connection, n, reference=f"01/{n}")
            made = decisions.New(item=item, origin="machine", author="w", decision=decision())
            decisions.record(connection, made, now=NOW)
    return store


def everything(store):
    with store.read() as connection:
        found = items.page(connection, items.Filter()).items
        return found, [decisions.history(connection, item.id) for item in found], verify(connection)


def test_a_backup_put_back_is_what_was_there(used, make_database, tmp_path):
    made = backup.backup(used, tmp_path / "backup", now=NOW)
    with used.write() as connection:
        accept(connection, 9)
    assert (made.rows["items"], made.rows["decisions"], made.rows["audit"]) == (3, 3, 6)
    with make_database(empty=True).open() as new:
        assert backup.restore(new, tmp_path / "backup") == made
        schema.check(new)
        found, histories, verified = everything(new)
        assert [item.external_id for item in found] == ["ext-2", "ext-1", "ext-0"]
        assert all(len(history) == 1 for history in histories)
        assert (verified.rows, verified.problem) == (6, None)
        for n in range(3):
            assert (new.data / "media" / "01" / f"{n}").read_bytes() == b"picture %d" % n
        # It goes on from there.
        with new.write() as connection:
            accept(connection, 10)
        assert everything(new)[2].rows == 7


def test_a_backup_is_for_its_owner_and_has_a_folder_of_its_own(used, tmp_path):
    backup.backup(used, tmp_path / "backup", now=NOW)
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    with pytest.raises(StoreError, match="not empty"):
        backup.backup(used, tmp_path / "backup", now=NOW)


def test_a_backup_is_not_put_over_what_is_there(used, tmp_path):
    backup.backup(used, tmp_path / "backup", now=NOW)
    with pytest.raises(StoreError, match="is not empty"):
        backup.restore(used, tmp_path / "backup")


def test_a_backup_that_is_not_whole_or_was_changed_is_refused(used, make_database, tmp_path):
    made = tmp_path / "backup"
    backup.backup(used, made, now=NOW)
    (copy,) = [p for p in made.iterdir() if p.name in ("tidegate.db", "database.dump")]
    with make_database(empty=True).open() as new:
        with copy.open("ab") as file:
            file.write(b"x")
        with pytest.raises(StoreError, match="was changed"):
            backup.restore(new, made)
        (made / "backup.json").unlink()
        with pytest.raises(StoreError, match="no whole backup"):
            backup.restore(new, made)


def test_a_backup_of_a_chain_that_is_not_whole_is_told(used, make_database, tmp_path):
    with used.write() as connection:
        unlock(connection)
        connection.exec_driver_sql("UPDATE audit SET reason = 'x' WHERE seq = 2")
    backup.backup(used, tmp_path / "backup", now=NOW)
    with make_database(empty=True).open() as new, pytest.raises(StoreError, match="row 2 was alt"):
        backup.restore(new, tmp_path / "backup")


def test_a_backup_of_another_database_is_refused(used, make_database, tmp_path):
    backup.backup(used, tmp_path / "backup", now=NOW)
    manifest = tmp_path / "backup" / "backup.json"
    said = msgspec.json.decode(manifest.read_bytes())
    manifest.write_bytes(msgspec.json.encode(said | {"dialect": "another"}))
    with make_database(empty=True).open() as new, pytest.raises(StoreError, match="of another"):
        backup.restore(new, tmp_path / "backup")


def test_a_program_that_is_missing_is_named(used, tmp_path, monkeypatch):
    if used.dialect == "sqlite":
        pytest.skip("SQLite needs none")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(StoreError, match="pg_dump is not on the PATH"):
        backup.backup(used, tmp_path / "backup", now=NOW)


def test_a_backup_is_put_back_beside_media_that_outlived_the_database(
    used, make_database, tmp_path
):
    backup.backup(used, tmp_path / "backup", now=NOW)
    with make_database(empty=True).open() as new:
        left = new.data / "media" / "01"
        left.mkdir(parents=True)
        (left / "0").hardlink_to(tmp_path / "backup" / "media" / "01" / "0")
        (left / "1").write_bytes(b"half a pict")
        backup.restore(new, tmp_path / "backup")
        for n in range(3):
            for data in (new.data, tmp_path / "backup"):
                assert (data / "media" / "01" / f"{n}").read_bytes() == b"picture %d" % n
