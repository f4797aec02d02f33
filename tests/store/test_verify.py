"""Whatever is done to one row of the chain, walking it names that row."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.making import NOW
from tests.store.test_audit import unlock
from tidegate.store import audit
from tidegate.store.tables import audit as table
from tidegate.store.tables import audit_head
from tidegate.store.verify import verify

ROWS = 7

rows = st.integers(1, ROWS)

quick = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class UndoneError(Exception):
    """Ends a transaction that was only tried."""


@pytest.fixture
def chain(store):
    with store.write() as connection:
        for n in range(ROWS):
            audit.append(
                connection,
                actor="user:1",
                action="bank.add",
                subject=f"s{n}",
                reason="why",
                body={"n": n},
                now=NOW + n,
            )
    return store


def after(chain, tamper):
    """Return the problem that is found after the chain was tampered with; nothing stays."""
    found = []

    def attempt():
        with chain.write() as connection:
            unlock(connection)
            tamper(connection)
            found.append(verify(connection).problem)
            raise UndoneError

    with pytest.raises(UndoneError):
        attempt()
    return found[0]


def row_of(connection, seq):
    return audit.Row(
        **connection.execute(sa.select(table).where(table.c.seq == seq)).mappings().one()
    )


def fields(row, **changed):
    return {name: getattr(row, name) for name in row.__struct_fields__} | changed


def put(connection, row, **changed):
    connection.execute(sa.insert(table).values(fields(row, **changed)))


def update(connection, row, **values):
    connection.execute(sa.update(table).where(table.c.seq == row).values(values))


def renumber(connection, first, by):
    """Move a row and all after it, in an order in which no number is taken."""
    moved = range(first, ROWS + 1)
    for seq in reversed(moved) if by > 0 else moved:
        update(connection, seq, seq=seq + by)
    connection.execute(sa.update(audit_head).values(seq=ROWS + by))


@quick
@given(
    seq=rows,
    name=st.sampled_from([n for n in audit.Row.__struct_fields__ if n != "seq"]),
    data=st.data(),
)
def test_an_altered_field(chain, seq, name, data):
    value = data.draw(
        st.integers(0, 2**50) if name == "at" else st.text(st.characters(exclude_categories=["C"]))
    )

    def tamper(connection):
        same = value == getattr(row_of(connection, seq), name)
        update(connection, seq, **{name: value * 2 if same else value})

    problem = after(chain, tamper)
    assert (problem.what, problem.seq) == ("altered", seq)


@quick
@given(seq=rows, reason=st.text(st.characters(exclude_categories=["C"])))
def test_an_altered_row_whose_digest_was_made_anew(chain, seq, reason):
    def tamper(connection):
        row = audit.Row(**fields(row_of(connection, seq), reason=reason + "!"))
        update(connection, seq, reason=row.reason, hash=audit.digest(row))

    problem = after(chain, tamper)
    assert (problem.what, problem.seq) == ("altered", seq)


@quick
@given(first=rows, count=st.integers(1, ROWS))
def test_missing_rows(chain, first, count):
    problem = after(
        chain,
        lambda c: c.execute(
            sa.delete(table).where(table.c.seq >= first, table.c.seq < first + count)
        ),
    )
    assert (problem.what, problem.seq) == ("missing", first)


@quick
@given(seq=st.integers(1, ROWS - 1))
def test_a_missing_row_whose_place_was_closed(chain, seq):
    def tamper(connection):
        connection.execute(sa.delete(table).where(table.c.seq == seq))
        renumber(connection, seq + 1, -1)

    problem = after(chain, tamper)
    assert (problem.what, problem.seq) == ("missing", seq)


@quick
@given(pair=st.sets(rows, min_size=2, max_size=2))
def test_rows_that_changed_places(chain, pair):
    first, second = sorted(pair)

    def tamper(connection):
        update(connection, first, seq=-1)
        update(connection, second, seq=first)
        update(connection, -1, seq=second)

    problem = after(chain, tamper)
    assert (problem.what, problem.seq) == ("reordered", first)


@quick
@given(seq=st.integers(1, ROWS), right=st.booleans())
def test_an_inserted_row(chain, seq, right):
    """With all the rows after it moved, and its own digest made as it should be, or not."""

    def tamper(connection):
        like = row_of(connection, seq)
        renumber(connection, seq, 1)
        forged = audit.Row(**fields(like, reason="forged"))
        put(connection, forged, hash=audit.digest(forged) if right else "f" * 64)

    problem = after(chain, tamper)
    assert problem.seq == seq
    assert problem.what == ("inserted" if right else "altered")


@pytest.mark.parametrize("head", [True, False])
def test_a_row_at_the_end_that_nobody_appended(chain, head):
    def tamper(connection):
        last = row_of(connection, ROWS)
        forged = audit.Row(**fields(last, seq=ROWS + 1, prev=last.hash, reason="forged"))
        put(connection, forged, hash=audit.digest(forged))
        if head:
            # What it takes to fool everything but a checkpoint.
            connection.execute(
                sa.update(audit_head).values(seq=ROWS + 1, hash=audit.digest(forged))
            )

    problem = after(chain, tamper)
    assert problem is None if head else (problem.what, problem.seq) == ("inserted", ROWS + 1)


def test_rows_before_the_first(chain):
    problem = after(chain, lambda c: put(c, row_of(c, 1), seq=-4))
    assert (problem.what, problem.seq) == ("inserted", -4)


@pytest.mark.parametrize(
    "value", ["reason = CAST(x'ff' AS TEXT)", "reason = x'00'", "at = 0.5", "at = 'soon'"]
)
def test_a_row_with_what_only_sqlite_can_hold(chain, value):
    if chain.dialect == "postgresql":
        pytest.skip("Postgres refuses it")
    problem = after(chain, lambda c: c.exec_driver_sql(f"UPDATE audit SET {value} WHERE seq = 4"))
    assert (problem.what, problem.seq) == ("altered", 4)
