"""The audit chain, walked apart from requests."""

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.service.asking import ONCE
from tidegate.service import chain
from tidegate.store import audit, checkpoint
from tidegate.store.error import StoreError
from tidegate.store.tables import audit as table
from tidegate.store.verify import Head, piece


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(chain, "PIECE", 4)
    monkeypatch.setattr(chain, "PAUSE", 0.0)


def append(service, count):
    with service.store.write() as connection:
        for _ in range(count):
            audit.append(
                connection, actor="key:1", action="a", subject="s", body={}, now=service.clock()
            )


def walked(service, **how):
    service.chain.begin(**how)
    service.chain.join()
    return service.chain.state()


def alter(service, seq, **values):
    with service.store.write() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_no_update")
        else:
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_append_only ON audit")
        connection.execute(sa.update(table).where(table.c.seq == seq).values(values))


def test_a_chain_is_walked_in_pieces_and_then_from_where_the_walk_has_ended(service):
    assert service.chain.state().at is None
    append(service, 10)
    found = walked(service)
    assert (found.seq, found.head, found.walking, found.problem) == (10, 10, False, None)
    append(service, 5)
    assert service.chain.state().seq == 10
    assert walked(service).seq == 15


@pytest.mark.parametrize("rows", [1, 4, 5, 8])
def test_no_border_of_pieces_is_taken_for_an_end(service, rows):
    append(service, rows)
    assert (walked(service).seq, walked(service).problem) == (rows, None)


@pytest.mark.parametrize("seq", [1, 4, 5, 9])
def test_a_row_that_was_altered_is_found_in_whichever_piece_it_is(service, seq):
    append(service, 9)
    alter(service, seq, reason="another")
    found = walked(service)
    assert (found.problem.what, found.problem.seq) == ("altered", seq)
    assert found.seq == seq - 1


def test_a_row_whose_digest_was_made_anew_is_found_by_the_row_after_its_piece(service):
    append(service, 9)
    with service.store.read() as connection:
        row = audit.newest(connection, before=5, limit=1)[0]
    changed = audit.Row(**{n: getattr(row, n) for n in row.__struct_fields__} | {"reason": "x"})
    alter(service, 4, reason="x", hash=audit.digest(changed))
    assert walked(service).problem.seq == 4


def test_what_was_walked_before_is_walked_again_where_that_is_asked_for(service):
    append(service, 9)
    walked(service)
    alter(service, 2, reason="another")
    assert walked(service).problem is None
    assert walked(service, anew=True).problem.seq == 2


def test_a_tail_that_was_cut_off_is_missed(service):
    append(service, 9)
    with service.store.read() as connection:
        found = piece(connection, Head(seq=0, hash=audit.START), 4)
    assert (found.seq, found.rows, found.problem) == (4, 4, None)
    with service.store.write() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_no_delete")
        else:
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS audit_append_only ON audit")
        connection.execute(sa.delete(table).where(table.c.seq > 7))
    assert walked(service).problem.what == "missing"


@ONCE
def test_only_what_was_verified_is_signed_by_a_key_of_the_servers_own(service):
    append(service, 6)
    with pytest.raises(StoreError):
        service.chain.checkpoint()
    walked(service)
    append(service, 1)
    made = service.chain.checkpoint()
    assert made.seq == 6
    key = load_pem_public_key(service.chain.public_key())
    assert checkpoint.read(checkpoint.write(made), key) == made
    alter(service, 2, reason="another")
    walked(service, anew=True)
    with pytest.raises(StoreError):
        service.chain.checkpoint()
