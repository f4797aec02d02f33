"""Walking the audit chain: the first row that is not what was written, and what is wrong.

One row at a time, in the order of their numbers, in bounded memory. A row *fits* when its
digest is right and it follows the row before. Where one does not, its digest and that of
its neighbours tell what happened: see :func:`_blame`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import audit
from tidegate.store.audit import Row
from tidegate.store.checkpoint import Checkpoint
from tidegate.store.error import InvalidError
from tidegate.store.tables import audit as table
from tidegate.store.tables import audit_head

BATCH = 1000
"""Rows that are held in memory."""

What = Literal["altered", "missing", "reordered", "inserted", "rewritten", "head"]


class Problem(Value, frozen=True, kw_only=True):
    """The first thing that is wrong with a chain.

    Attributes:
        seq: Number of the row: of the one that is wrong, or of the one that is not there.
        what: ``altered``, ``missing``, ``reordered``: another row stands in its place,
            ``inserted``: it was never appended, ``rewritten``: a checkpoint knows this row
            as another, so it or a row before it was changed and the chain made anew,
            ``head``: the rows are right but the head is gone.
        text: The same in words.
    """

    seq: int
    what: What
    text: str


class Verified(Value, frozen=True, kw_only=True):
    """What a walk has found.

    Attributes:
        rows: How many rows were walked, up to the first problem.
        seq: Number of the last row that fits.
        hash: Its digest.
        problem: The first problem, or ``None`` where the chain is whole.
    """

    rows: int
    seq: int
    hash: str
    problem: Problem | None = None


class Head(Value, frozen=True, kw_only=True):
    """What the chain's head says of its last row."""

    seq: int
    hash: str


def verify(
    connection: Connection,
    *,
    since: Checkpoint | None = None,
    checkpoints: Sequence[Checkpoint] = (),
) -> Verified:
    """Walk the chain.

    Args:
        connection: From :meth:`~tidegate.store.engine.Store.read`: the walk sees one moment.
        since: Start after this checkpoint, whose signature was verified; it vouches for
            what is before. ``None`` walks it all.
        checkpoints: Others whose signatures were verified, to hold the rows against.
    """
    start = Head(seq=since.seq, hash=since.hash) if since else Head(seq=0, hash=audit.START)
    signed = {c.seq: c.hash for c in checkpoints if c.seq > start.seq}
    head = connection.execute(sa.select(audit_head.c.seq, audit_head.c.hash)).mappings().first()
    if since and since.seq:
        query = sa.select(table.c.hash).where(table.c.seq == since.seq)
        found = connection.execute(query).scalar()
        if found != since.hash:
            problem = _rewritten(since.seq) if found else _missing(since.seq)
            return Verified(rows=0, seq=since.seq, hash=since.hash, problem=problem)
    with _any_text(connection):
        return _walked(connection, start, Head(**head) if head else None, signed)


def piece(connection: Connection, start: Head, most: int) -> Verified:
    """Walk the rows after one that was walked before, so many at most.

    Args:
        connection: From :meth:`~tidegate.store.engine.Store.read`.
        start: The row before; number 0 and :data:`~tidegate.store.audit.START` for the first.
        most: Rows at most. Where there are more, the row after the last of them vouches for it.
    """
    found = connection.execute(sa.select(audit_head.c.seq, audit_head.c.hash)).mappings().first()
    head, end = Head(**found) if found else None, start.seq + most
    with _any_text(connection):
        if head is None or head.seq <= end:
            return _walked(connection, start, head, {})
        own = sa.select(table.c.hash).where(table.c.seq == end)
        known = sa.select(table.c.prev).where(table.c.seq == end + 1)
        digest = connection.execute(known).scalar() or connection.execute(own).scalar()
        return _walked(connection, start, Head(seq=end, hash=digest or ""), {}, end)


def _walked(
    connection: Connection,
    start: Head,
    head: Head | None,
    signed: Mapping[int, str],
    end: int | None = None,
) -> Verified:
    beyond = sa.select(table).where(table.c.seq > start.seq if start.seq else sa.true())
    if end is not None:
        beyond = beyond.where(table.c.seq <= end)
    with connection.execute(
        beyond.order_by(table.c.seq), execution_options={"yield_per": BATCH}
    ) as found_rows:
        rows = (Row(**row) for row in found_rows.mappings())

        def place_of(digest: str) -> int | None:
            query = sa.select(table.c.seq).where(table.c.hash == digest).limit(1)
            return connection.execute(query).scalar()

        return walk(rows, start, head, signed, place_of)


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """Have SQLite give text that is not UTF-8 too: somebody may have put it into a row."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.dbapi_connection
    before = raw.text_factory
    raw.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = before


def walk(
    rows: Iterable[Row],
    start: Head,
    head: Head | None,
    signed: Mapping[int, str],
    place_of: Callable[[str], int | None],
) -> Verified:
    """Walk a chain, from wherever its rows come.

    Args:
        rows: In the order of their numbers.
        start: The row before the first.
        head: What the chain says is its last row; ``None`` where it does not say.
        signed: Digests of rows that checkpoints vouch for, by number.
        place_of: Finds the number under which a row with a digest is kept.
    """
    last, count = start, 0
    for row, following in _pairs(rows):
        problem = None
        if row.seq != last.seq + 1:
            problem = _missing(last.seq + 1) if row.seq > last.seq else _inserted(row.seq)
        elif not _sound(row) or row.prev != last.hash:
            vouched = row.hash == (following.prev if following else head.hash if head else None)
            problem = _blame(row, last, vouched, place_of)
        elif signed.get(row.seq, row.hash) != row.hash:
            problem = _rewritten(row.seq)
        if problem is not None:
            return Verified(rows=count, seq=last.seq, hash=last.hash, problem=problem)
        last, count = Head(seq=row.seq, hash=row.hash), count + 1
    problem = _at_the_end(last, head, signed)
    return Verified(rows=count, seq=last.seq, hash=last.hash, problem=problem)


def _blame(
    row: Row, last: Head, vouched: bool, place_of: Callable[[str], int | None]
) -> Problem | None:
    """Say what is wrong where a row does not fit after the last one that did.

    Args:
        row: The row.
        last: The row before.
        vouched: Whether the row after it, or the head, knows it by its digest.
        place_of: Finds the number under which a row with a digest is kept.
    """
    if _sound(row):
        if vouched and last.seq:
            # What comes after knows this row and this row knows another one before it.
            text = f"row {last.seq} was altered, and its digest made anew"
            return Problem(seq=last.seq, what="altered", text=text)
        text = f"row {row.seq} does not follow the row before it: it was altered or inserted"
        return Problem(seq=row.seq, what="altered", text=text)
    before = place_of(row.prev)
    written_as = _written_as(row, before)
    if written_as is None:
        text = f"row {row.seq} was altered: it is not what its digest was made of"
        return Problem(seq=row.seq, what="altered", text=text)
    if written_as < row.seq:
        return _inserted(written_as)
    if before is None:
        return _missing(row.seq)
    text = f"row {row.seq} was written as row {written_as}: rows were put in another order"
    return Problem(seq=row.seq, what="reordered", text=text)


def _written_as(row: Row, before: int | None) -> int | None:
    """Return the number with which a row's digest is right: near its own, or after ``before``."""
    near = [row.seq - 1, row.seq + 1]
    for seq in [before + 1, *near] if before is not None else near:
        values = {name: getattr(row, name) for name in Row.__struct_fields__} | {"seq": seq}
        if _sound(Row(**values)):
            return seq
    return None


def _sound(row: Row) -> bool:
    """Whether a row is what its digest was made of."""
    try:
        return audit.digest(row) == row.hash
    except InvalidError:
        return False


def _at_the_end(last: Head, head: Head | None, signed: Mapping[int, str]) -> Problem | None:
    beyond = max(signed, default=0)
    if head is None:
        return Problem(seq=last.seq, what="head", text="the chain has lost its head")
    if max(head.seq, beyond) > last.seq:
        return _missing(last.seq + 1, "the end of the chain was cut off")
    if head.seq < last.seq:
        return _inserted(head.seq + 1)
    if head.hash != last.hash:
        text = f"row {last.seq} was altered, and its digest made anew: the head knows another"
        return Problem(seq=last.seq, what="altered", text=text)
    return None


def _missing(seq: int, more: str = "") -> Problem:
    text = f"row {seq} is missing" + (f": {more}" if more else "")
    return Problem(seq=seq, what="missing", text=text)


def _inserted(seq: int) -> Problem:
    return Problem(seq=seq, what="inserted", text=f"row {seq} was inserted: it was never appended")


def _rewritten(seq: int) -> Problem:
    text = f"a checkpoint knows another row {seq}: the chain was made anew, here or before"
    return Problem(seq=seq, what="rewritten", text=text)


def _pairs(rows: Iterable[Row]) -> Iterator[tuple[Row, Row | None]]:
    """Yield each row with the one after it."""
    walking = iter(rows)
    row = next(walking, None)
    while row is not None:
        following = next(walking, None)
        yield row, following
        row = following
