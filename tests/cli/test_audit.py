import json
import shutil
import sqlite3

import msgspec
import pytest

from tests.store.making import NOW
from tidegate.cli.app import run as run_here
from tidegate.store import audit, schema
from tidegate.store.audit import Row, digest
from tidegate.store.engine import Store


def append(folder, count, name="a"):
    with Store(None, folder) as store, store.write() as connection:
        for number in range(count):
            audit.append(
                connection,
                actor="user:1",
                action="item.accept",
                subject=f"{name}{number}",
                reason="because",
                body={"n": number},
                now=NOW + number,
            )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    with Store(None, folder) as store:
        schema.upgrade(store)
    append(folder, 8)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A data folder with eight rows in its chain."""
    return shutil.copytree(made, tmp_path / "data")


@pytest.fixture
def tidegate(folder, capfdbinary, monkeypatch):
    """Runs a command in this process: its exit status, standard output and standard error."""
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def tidegate(*arguments, data=folder):
        status = run_here([*map(str, arguments), *(["--data", str(data)] if data else [])])
        out, err = capfdbinary.readouterr()
        return status, out, err.decode()

    return tidegate


def tamper(folder, *statements):
    """Change the chain as somebody would who has the database's file."""
    connection = sqlite3.connect(folder / "tidegate.db")
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for (name,) in triggers.fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def make_anew(folder):
    """Make the whole chain anew from its third row on, head and all."""
    connection = sqlite3.connect(folder / "tidegate.db")
    connection.row_factory = sqlite3.Row
    prev = None
    for found in connection.execute("SELECT * FROM audit ORDER BY seq").fetchall():
        row = Row(**dict(found))
        if prev is not None:
            row = msgspec.structs.replace(row, prev=prev)
        prev = digest(row)
        connection.execute(
            "UPDATE audit SET prev = ?, hash = ? WHERE seq = ?", (row.prev, prev, row.seq)
        )
    connection.execute("UPDATE audit_head SET hash = ?", (prev,))
    connection.commit()
    connection.close()


@pytest.fixture
def key(tidegate, tmp_path):
    file = tmp_path / "signing.pem"
    status, out, _ = tidegate("audit", "key", file, data=None)
    assert status == 0
    assert b"signing.pem.pub verifies" in out
    assert file.stat().st_mode & 0o077 == 0
    return file


@pytest.fixture
def signed(tidegate, key, tmp_path):
    """A checkpoint of the chain as it was, kept elsewhere."""
    status, out, _ = tidegate("audit", "checkpoint", "--key", key)
    assert status == 0
    file = tmp_path / "checkpoint.json"
    file.write_bytes(out)
    return file


def test_a_whole_chain_is_whole(tidegate):
    status, out, _ = tidegate("audit", "verify")
    assert status == 0
    assert out.startswith(b"whole: 8 rows; the last is ")


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE audit SET reason = 'none' WHERE seq = 5"], "altered: row 5 "),
        (["DELETE FROM audit WHERE seq = 4"], "missing: row 4 "),
        (["DELETE FROM audit WHERE seq > 6"], "missing: row 7 "),
        (
            [
                "UPDATE audit SET seq = 99 WHERE seq = 3",
                "UPDATE audit SET seq = 3 WHERE seq = 6",
                "UPDATE audit SET seq = 6 WHERE seq = 99",
            ],
            "reordered: row 3 ",
        ),
    ],
)
def test_the_first_row_that_is_wrong_is_named(tidegate, folder, statements, said):
    tamper(folder, *statements)
    status, out, err = tidegate("audit", "verify")
    assert status == 1
    assert err.startswith(f"tidegate: {said}")
    assert b"rows before it are whole" in out


def test_no_checkpoint_is_made_of_a_chain_that_is_not_whole(tidegate, folder, key):
    tamper(folder, "DELETE FROM audit WHERE seq = 4")
    status, out, err = tidegate("audit", "checkpoint", "--key", key)
    assert (status, out) == (1, b"")
    assert "nothing is signed" in err


def test_a_chain_that_was_made_anew_is_found_by_a_checkpoint_alone(tidegate, folder, key, signed):
    public = f"{key}.pub"
    with_it = ("audit", "verify", "--checkpoint", signed, "--public-key", public)
    append(folder, 3, "b")
    status, out, _ = tidegate(*with_it)
    assert status == 0
    assert out.startswith(b"whole: 11 rows, and 1 checkpoint with it")
    tamper(folder, "UPDATE audit SET reason = 'none' WHERE seq = 5")
    make_anew(folder)
    assert tidegate("audit", "verify")[0] == 0
    status, _, err = tidegate(*with_it)
    assert status == 1
    assert err.startswith("tidegate: rewritten: a checkpoint knows another row 8")


def test_a_checkpoint_that_was_changed_or_is_of_another_key_is_refused(
    tidegate, tmp_path, key, signed
):
    other = tmp_path / "other.pem"
    tidegate("audit", "key", other, data=None)
    status, _, err = tidegate(
        "audit", "verify", "--checkpoint", signed, "--public-key", f"{other}.pub"
    )
    assert (status, "is signed by key" in err) == (64, True)
    changed = json.loads(signed.read_bytes()) | {"seq": 7}
    signed.write_text(json.dumps(changed))
    status, _, err = tidegate(
        "audit", "verify", "--checkpoint", signed, "--public-key", f"{key}.pub"
    )
    assert (status, "signature is not right" in err) == (64, True)


def test_checkpoint_and_key_go_together(tidegate, signed):
    assert tidegate("audit", "verify", "--checkpoint", signed)[0] == 64
    assert tidegate("audit", "verify", "--public-key", signed)[0] == 64


def test_what_is_exported_can_be_verified_by_anybody(tidegate):
    status, out, _ = tidegate("audit", "export")
    rows = [msgspec.json.decode(line, type=Row) for line in out.splitlines()]
    assert status == 0
    assert [row.seq for row in rows] == list(range(1, 9))
    assert all(digest(row) == row.hash for row in rows)
    assert [row.prev for row in rows[1:]] == [row.hash for row in rows[:-1]]


def test_a_key_is_never_written_over(tidegate, key):
    before = key.read_bytes()
    status, _, err = tidegate("audit", "key", key, data=None)
    assert status == 64
    assert "is there already" in err
    assert key.read_bytes() == before


@pytest.mark.parametrize("command", [("verify",), ("export",)])
def test_where_there_is_no_store_none_is_made(tidegate, tmp_path, command):
    status, out, _ = tidegate("audit", *command, data=tmp_path / "nowhere")
    assert (status, out) == (64, b"")
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "empty").mkdir()
    status, _, err = tidegate("audit", *command, data=tmp_path / "empty")
    assert status == 70
    assert "not up to date" in err
