"""The audit chain: who did what to what and why, in rows that cannot be changed unseen.

Each row carries the digest of the row before it and its own, SHA-256 over the canonical
JSON (:mod:`~tidegate.store.canonical`) of all its other columns::

    {"action":…,"actor":…,"at":…,"body":…,"prev":…,"reason":…,"seq":…,"subject":…}

``body`` is in there as the text that is stored. The first row follows 64 zeros. The head
keeps the last row's number and digest: its row is locked by whoever appends, so the chain
never forks, in any number of processes, and a tail that was cut off is missed. Somebody
who can write to the database can make the whole chain anew, head and all: against that
there are signed checkpoints, kept elsewhere (:mod:`~tidegate.store.checkpoint`).

Triggers refuse to change or delete a row. They are a second line, for accidents.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import canonical
from tidegate.store.error import InvalidError, StoreError
from tidegate.store.tables import audit, audit_head
from tidegate.store.text import check

START = "0" * 64
"""What the first row follows."""

LARGEST_BODY = 1 << 18
"""Characters of a row's body at most."""

PENDING = "tidegate_audit"
"""The option under which a connection keeps what its transaction has appended."""


class Row(Value, frozen=True, kw_only=True):
    """One row of the chain.

    Attributes:
        seq: 1 for the first row, and one more for each.
        at: When, in microseconds.
        actor: Who: ``user:ID``, ``key:ID``, ``worker:NAME``, ``system``, ``cli:ACCOUNT`` for a
            command that works on the database, or ``nobody``.
        action: What, for example ``decision.record``.
        subject: To what, for example an item's id.
        reason: Why, in words.
        body: The particulars, canonical JSON.
        prev: Digest of the row before.
        hash: Digest of this row.
    """

    seq: int
    at: int
    actor: str
    action: str
    subject: str
    reason: str
    body: str
    prev: str
    hash: str


class Entry(Value, frozen=True, kw_only=True):
    """What is to be appended; see :class:`Row`."""

    at: int
    actor: str
    action: str
    subject: str
    reason: str
    body: str


class Pending:
    """What a transaction has appended so far."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._savepoints: list[int] = []

    def save(self) -> None:
        """Set a savepoint."""
        self._savepoints.append(len(self.entries))

    def release(self) -> None:
        """Keep what came since the last savepoint."""
        self._savepoints.pop()

    def undo(self) -> None:
        """Forget what came since the last savepoint."""
        del self.entries[self._savepoints.pop() :]


def append(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    body: dict[str, Any],
    now: int,
    reason: str = "",
) -> None:
    """Append a row to the chain when this transaction is committed, and not if it is undone.

    Raises:
        InvalidError: A text is too long, or the body has no canonical form.
        StoreError: The connection is not from :meth:`~tidegate.store.engine.Store.write`.
    """
    for name, value, longest in (("actor", actor, 200), ("action", action, 100)):
        check(name, value, longest)
    check("subject", subject, 500)
    check("reason", reason, 2000, empty=True)
    text = canonical.encode(body)
    if len(text) > LARGEST_BODY:
        raise InvalidError(f"an audit row's body has {LARGEST_BODY} characters at most")
    pending(connection).entries.append(
        Entry(at=now, actor=actor, action=action, subject=subject, reason=reason, body=text)
    )


def pending(connection: Connection) -> Pending:
    """Return what the transaction of a connection has appended so far.

    Raises:
        StoreError: The connection is not from :meth:`~tidegate.store.engine.Store.write`.
    """
    found = connection.get_execution_options().get(PENDING)
    if not isinstance(found, Pending):
        raise StoreError("this connection is not for writing: it is not from Store.write()")
    return found


def flush(connection: Connection, appended: Pending) -> None:
    """Write what a transaction has appended. Nothing else may be locked after this."""
    if not appended.entries:
        return
    head = connection.execute(_HEAD).one_or_none()
    if head is None:
        raise StoreError("the audit chain has lost its head: restore a backup")
    rows = _chained(appended.entries, head.seq, head.hash)
    connection.execute(_ADDED, [_columns(row) for row in rows])
    connection.execute(_MOVED, {"last": rows[-1].seq, "digest": rows[-1].hash})


# Made once: nearly every transaction ends with them.
_HEAD = sa.select(audit_head.c.seq, audit_head.c.hash).with_for_update()
_ADDED = sa.insert(audit)
_MOVED = sa.update(audit_head).values(seq=sa.bindparam("last"), hash=sa.bindparam("digest"))


def newest(
    connection: Connection, *, subject: str | None = None, before: int | None = None, limit: int
) -> list[Row]:
    """Return rows, newest first.

    Args:
        connection: To read by.
        subject: Only what was done to this.
        before: Only rows with a smaller number.
        limit: How many at most.
    """
    query = sa.select(audit).order_by(audit.c.seq.desc()).limit(limit)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    if before is not None:
        query = query.where(audit.c.seq < before)
    return [Row(**row) for row in connection.execute(query).mappings()]


def digest(row: Row) -> str:
    """Return what the digest of a row has to be, 64 hexadecimal digits."""
    columns = _columns(row)
    del columns["hash"]
    return hashlib.sha256(canonical.encode(columns).encode()).hexdigest()


def _chained(entries: Sequence[Entry], seq: int, prev: str) -> list[Row]:
    rows = []
    for entry in entries:
        seq += 1
        fields = {name: getattr(entry, name) for name in Entry.__struct_fields__}
        row = Row(seq=seq, prev=prev, hash="", **fields)
        prev = digest(row)
        rows.append(Row(seq=seq, prev=row.prev, hash=prev, **fields))
    return rows


def _columns(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Row.__struct_fields__}
