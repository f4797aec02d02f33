import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import sqlalchemy as sa

from tests.store.making import NOW
from tidegate.store import audit, canonical
from tidegate.store.audit import START
from tidegate.store.checkpoint import (
    load_key,
    load_public_key,
    make_key,
    public_pem,
    read,
    sign,
    write,
)
from tidegate.store.error import InvalidError, StoreError
from tidegate.store.tables import audit as table
from tidegate.store.tables import audit_head
from tidegate.store.verify import verify


def append(connection, subject="s", **fields):
    defaults = {"actor": "user:1", "action": "bank.add", "body": {}, "now": NOW}
    audit.append(connection, subject=subject, **defaults | fields)


def fill(store, count):
    for n in range(count):
        with store.write() as connection:
            append(connection, f"s{n + 1}", reason="why", body={"n": n})


def verified(store, **options):
    with store.read() as connection:
        return verify(connection, **options)


def test_each_row_carries_the_digest_of_the_one_before(store):
    fill(store, 3)
    with store.read() as connection:
        rows = audit.newest(connection, limit=9)[::-1]
    assert [row.seq for row in rows] == [1, 2, 3]
    assert [row.prev for row in rows] == [START, rows[0].hash, rows[1].hash]
    found = verified(store)
    assert (found.rows, found.hash, found.problem) == (3, rows[-1].hash, None)


def test_a_digest_can_be_made_again_by_anybody(store):
    fill(store, 1)
    with store.read() as connection:
        (row,) = audit.newest(connection, limit=1)
    zeros = "0" * 64
    text = (
        f'{{"action":"bank.add","actor":"user:1","at":{NOW},"body":"{{\\"n\\":0}}",'
        f'"prev":"{zeros}","reason":"why","seq":1,"subject":"s1"}}'
    )
    assert row.hash == hashlib.sha256(text.encode()).hexdigest()


def test_an_empty_chain_is_whole(store):
    assert verified(store).problem is None


def test_rows_of_a_transaction_that_is_undone_are_not_in_the_chain(store):
    def undone():
        with store.write() as connection:
            append(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()

    def undone_within(connection):
        with connection.begin_nested():
            append(connection, "undone")
            raise ZeroDivisionError

    with store.write() as connection:
        append(connection, "before")
        with pytest.raises(ZeroDivisionError):
            undone_within(connection)
        with connection.begin_nested():
            append(connection, "inner")
    with store.read() as connection:
        assert [row.subject for row in audit.newest(connection, limit=9)] == ["inner", "before"]
    assert verified(store).problem is None


def test_the_chain_does_not_fork_under_many_writers(store):
    start = threading.Barrier(8)

    def write_some(name):
        start.wait()
        for n in range(5):
            with store.write() as connection:
                append(connection, f"{name}-{n}")
                append(connection, f"{name}-{n}'")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write_some, range(8)))
    found = verified(store)
    assert (found.rows, found.problem) == (80, None)


def test_only_a_transaction_of_the_store_can_append(store):
    with store.read() as connection, pytest.raises(StoreError, match="not for writing"):
        append(connection)


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": {"score": 0.5}},
        {"body": {"n": 2**53}},
        {"body": {1: 2}},
        {"body": {"a": "\ud800"}},
        {"body": {"a": "x" * audit.LARGEST_BODY}},
        {"actor": ""},
        {"subject": "a\0b"},
        {"reason": "x" * 2001},
    ],
)
def test_what_has_no_place_in_the_chain_is_refused(store, wrong):
    with store.write() as connection, pytest.raises(InvalidError):
        append(connection, **wrong)


def test_the_database_refuses_to_change_the_chain(store):
    fill(store, 1)
    for change in ("UPDATE audit SET reason = ''", "DELETE FROM audit", "TRUNCATE audit"):
        if store.dialect == "sqlite" and change.startswith("TRUNCATE"):
            continue
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), store.write() as connection:
            connection.exec_driver_sql(change)
    assert verified(store).rows == 1


def test_a_chain_without_its_head_is_told(store):
    fill(store, 1)
    with store.write() as connection:
        connection.execute(sa.delete(audit_head))
    assert verified(store).problem.what == "head"
    with pytest.raises(StoreError, match="lost its head"):
        fill(store, 1)


def test_a_checkpoint_proves_a_chain_that_was_made_anew(store, tmp_path):
    key = make_key(tmp_path / "key.pem")
    (tmp_path / "public.pem").write_bytes(public_pem(key))
    fill(store, 3)
    with store.read() as connection:
        text = write(sign(connection, load_key(tmp_path / "key.pem"), now=NOW))
    fill(store, 2)
    kept = read(text, load_public_key(tmp_path / "public.pem"))
    assert verified(store, checkpoints=[kept]).problem is None
    assert verified(store, since=kept).rows == 2
    with store.write() as connection:
        unlock(connection)
        connection.execute(sa.delete(table))
        connection.execute(sa.update(audit_head).values(seq=0, hash=START))
    fill(store, 1)
    with store.write() as connection:
        append(connection, "another")
    assert verified(store).problem is None
    for options in ({"checkpoints": [kept]}, {"since": kept}):
        assert verified(store, **options).problem.seq == 3
        assert verified(store, **options).problem.what == "missing"
    fill(store, 2)
    for options in ({"checkpoints": [kept]}, {"since": kept}):
        assert verified(store, **options).problem.seq == 3
        assert verified(store, **options).problem.what == "rewritten"


def test_a_checkpoint_that_was_changed_is_refused(store, tmp_path):
    key = make_key(tmp_path / "key.pem")
    fill(store, 1)
    with store.read() as connection:
        made = sign(connection, key, now=NOW)
    public = key.public_key()
    assert read(write(made), public) == made
    other = make_key(tmp_path / "other.pem").public_key()
    for wrong, by in (
        (write(msgspec.structs.replace(made, seq=2)), public),
        (write(msgspec.structs.replace(made, hash="0" * 64)), public),
        (write(msgspec.structs.replace(made, signature="AAAA")), public),
        (write(msgspec.structs.replace(made, signature="é")), public),
        (write(made), other),
        (b"{}", public),
        (b"x" * 100_000, public),
    ):
        with pytest.raises(InvalidError):
            read(wrong, by)


def test_a_key_is_for_its_owner_only_and_never_written_over(tmp_path):
    path = tmp_path / "key.pem"
    make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StoreError, match="File exists"):
        make_key(path)
    (tmp_path / "no.pem").write_text("nothing")
    for load in (load_key, load_public_key):
        with pytest.raises(StoreError):
            load(tmp_path / "no.pem")
        with pytest.raises(StoreError):
            load(tmp_path / "missing.pem")


def test_the_canonical_form_is_that_of_rfc_8785():
    # Section 3.2.3: keys sort by UTF-16 code units, whatever their code points.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    text = canonical.encode(dict.fromkeys(keys))
    assert list(msgspec.json.decode(text)) == [
        "\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip
    assert canonical.encode({"b": [1, -2, True, None], "a": '\x1f\x7f"\\/\n€'}) == (
        '{"a":"\\u001f\x7f\\"\\\\/\\n€","b":[1,-2,true,null]}'
    )


def test_a_value_without_bounds_has_no_canonical_form():
    nested = []
    nested.append(nested)
    for wrong in (nested, 0.5, {"a": float("nan")}, {1}, b"x"):
        with pytest.raises(InvalidError):
            canonical.encode(wrong)


def unlock(connection):
    """Do what somebody would do who wants to change the chain and may change the database."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return
    for change in ("update", "delete"):
        connection.exec_driver_sql(f"DROP TRIGGER audit_no_{change}")
