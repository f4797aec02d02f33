import json
import shutil

import pytest

from tests.store.making import NOW, accept
from tidegate.cli.app import run as run_here
from tidegate.store import items, schema
from tidegate.store.engine import Store


@pytest.fixture
def tidegate(capfdbinary, monkeypatch):
    """Runs a command in this process: its exit status, standard output and standard error."""
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def tidegate(*arguments):
        status = run_here(list(map(str, arguments)))
        out, err = capfdbinary.readouterr()
        return status, out.decode(), err.decode()

    return tidegate


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    with Store(None, folder) as store:
        schema.upgrade(store)
        with store.write() as connection:
            for number in (1, 2):
                accept(connection, number)
    media = folder / "media/ab"
    media.mkdir(parents=True)
    (media / "abcd").write_bytes(b"bytes of a picture")
    return folder


@pytest.fixture
def data(made, tmp_path):
    """A data folder with two items and a file of media."""
    return shutil.copytree(made, tmp_path / "data")


def found(folder):
    with Store(None, folder) as store, store.read() as connection:
        return [item.external_id for item in items.page(connection, items.Filter()).items]


def test_what_is_backed_up_comes_back_whole_and_checked(tidegate, data, tmp_path):
    status, out, _ = tidegate("backup", tmp_path / "copy", "--data", data)
    assert status == 0
    assert "2 items" in out
    assert "1 file of media; the audit chain ends at row 2" in out
    status, out, _ = tidegate("restore", tmp_path / "copy", "--data", tmp_path / "new")
    assert status == 0
    assert "is back, checked: 2 items" in out
    assert found(tmp_path / "new") == ["ext-2", "ext-1"]
    assert (tmp_path / "new/media/ab/abcd").read_bytes() == b"bytes of a picture"
    assert tidegate("audit", "verify", "--data", tmp_path / "new")[0] == 0


def test_the_server_key_is_not_in_a_backup(tidegate, data, tmp_path):
    (data / "server.key").write_text("00" * 32)
    tidegate("backup", tmp_path / "copy", "--data", data)
    assert not list((tmp_path / "copy").rglob("server.key"))


def test_a_backup_goes_over_nothing_that_is_there(tidegate, data, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/letter").write_text("dear")
    status, _, err = tidegate("backup", tmp_path / "copy", "--data", data)
    assert (status, "is not empty" in err) == (70, True)
    assert [file.name for file in (tmp_path / "copy").iterdir()] == ["letter"]


def test_a_restore_goes_over_nothing_that_is_there(tidegate, data, tmp_path):
    tidegate("backup", tmp_path / "copy", "--data", data)
    with Store(None, data) as store, store.write() as connection:
        accept(connection, 3, now=NOW + 1)
    status, _, err = tidegate("restore", tmp_path / "copy", "--data", data)
    assert (status, "is not empty" in err) == (70, True)
    assert found(data) == ["ext-3", "ext-2", "ext-1"]


@pytest.mark.parametrize("how", ["changed", "counted", "unfinished"])
def test_a_backup_that_was_changed_is_not_put_back_as_if_it_were_whole(
    tidegate, data, tmp_path, how
):
    copy = tmp_path / "copy"
    tidegate("backup", copy, "--data", data)
    manifest = copy / "backup.json"
    if how == "changed":
        database = bytearray((copy / "tidegate.db").read_bytes())
        database[-1] ^= 1
        (copy / "tidegate.db").write_bytes(database)
    elif how == "counted":
        told = json.loads(manifest.read_bytes())
        told["rows"]["items"] = 3
        manifest.write_text(json.dumps(told))
    else:
        manifest.unlink()
    status, _, err = tidegate("restore", copy, "--data", tmp_path / "new")
    assert status == 70
    assert err.startswith("tidegate: ")


def test_there_has_to_be_something_to_back_up(tidegate, tmp_path):
    status, _, err = tidegate("backup", tmp_path / "copy", "--data", tmp_path / "nowhere")
    assert (status, "no folder" in err) == (64, True)
    assert not (tmp_path / "copy").exists()
