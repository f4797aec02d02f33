import io
import sys

import pytest
from argon2 import PasswordHasher

from tests.service.asking import PASSWORD
from tests.store.making import NOW
from tidegate.cli.app import run
from tidegate.service.passwords import Passwords
from tidegate.service.secret import Secret
from tidegate.store import audit, schema, sessions, users
from tidegate.store.engine import Store

NEW = "another horse battery"

CHEAP = Passwords(PasswordHasher(memory_cost=8, time_cost=1, parallelism=1))
"""No password of the tests is worth 19 MiB."""


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("TIDEGATE_DATA", str(tmp_path))
    with Store(None, tmp_path) as opened:
        schema.upgrade(opened)
        with opened.write() as connection:
            for name, role in (("ada", "admin"), ("bob", "viewer")):
                made = {"name": name, "role": role, "password": CHEAP.hash(Secret(PASSWORD))}
                users.add(connection, **made, actor=None, now=NOW)
            bob = users.by_name(connection, "bob")[0]
            users.disable(connection, bob.id, actor="system", reason="left", now=NOW)
        yield opened


@pytest.fixture
def typed(monkeypatch):
    """Says what comes by standard input."""

    def typed(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))

    return typed


def test_who_has_lost_the_only_password_sets_another(store, typed, capfd):
    with store.write() as connection:
        ada = users.by_name(connection, "ada")[0]
        sessions.start(connection, digest="d", user=ada.id, csrf="c", now=NOW)
    typed(NEW.encode() + b"\n")
    assert run(["users", "reset", "ada"]) == 0
    told = capfd.readouterr()
    assert told.out == "ada (admin) has a new password, and no session any more\n"
    with store.read() as connection:
        stored = users.by_name(connection, "ada")[1]
        assert sessions.find(connection, "d", now=NOW) is None
        row = audit.newest(connection, limit=1)[0]
    assert CHEAP.check(Secret(NEW), stored).right
    assert not CHEAP.check(Secret(PASSWORD), stored).right
    assert (row.action, row.subject) == ("user.password", f"user:{ada.id}")
    assert row.actor.startswith("cli:")
    assert NEW not in told.out + told.err + row.body


@pytest.mark.parametrize(
    ("name", "password", "status", "said"),
    [
        ("ada", b"short\n", 64, "a password needs 12 characters or more"),
        ("ada", b"", 64, "a password needs 12 characters or more"),
        ("ada", b"\xff" * 20, 64, "a password has to be text"),
        ("eve", NEW.encode(), 70, "there is no user eve"),
        ("bob", NEW.encode(), 70, "the user is disabled"),
    ],
)
def test_what_cannot_be_set_changes_nothing(store, typed, capfd, name, password, status, said):
    typed(password)
    assert run(["users", "reset", name]) == status
    (line,) = capfd.readouterr().err.splitlines()
    assert said in line
    with store.read() as connection:
        assert CHEAP.check(Secret(PASSWORD), users.by_name(connection, "ada")[1]).right
        assert "user.password" not in [row.action for row in audit.newest(connection, limit=9)]


def test_users_are_listed_with_their_roles(store, capfd):
    assert run(["users", "list"]) == 0
    bob, ada = capfd.readouterr().out.splitlines()
    assert ada == "ada  admin  since 2027-01-15"
    assert bob == "bob  viewer  since 2027-01-15, disabled 2027-01-15"


def test_a_folder_that_is_not_there_is_not_made(tmp_path, capfd):
    missing = tmp_path / "nowhere"
    assert run(["users", "list", "--data", str(missing)]) == 64
    assert not missing.exists()
