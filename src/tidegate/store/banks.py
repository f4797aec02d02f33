"""Banks and their entries: the truth about what is known. Replicas follow it by revision.

Every change of a bank or an entry gets the next revision of all. Revisions are given under the
lock of one row, so that they become visible in their order: who has read up to one has missed
none below it (:func:`since`).

An entry's id is the revision at which it was added, as text: no other entry of any bank ever has
the same, and it is a number for clients that want one. What an entry holds is JSON that is read
elsewhere (:class:`tidegate.matching.Entry` without its id and its state); two entries of a bank
never have the same digest of their content. What was withdrawn stays so, and stays in the way of
the same content.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import JSONB

from tidegate.evidence import Action, Role, Value
from tidegate.store import audit
from tidegate.store.error import InvalidError, MissingError, StateError
from tidegate.store.tables import (
    bank_entries,
    bank_revision,
    banks,
    decision_entries,
    decisions,
    items,
)
from tidegate.store.text import check

State = Literal["active", "disabled", "withdrawn"]

MOST_CHANGED = 1000
"""Entries whose state is set at once."""

LARGEST_ENTRY = 1 << 26
"""Characters of an entry; one with as many frames as it may have is shorter."""

PIECE = 500
"""Values that one query names."""


class Rule(Value, frozen=True, kw_only=True, omit_defaults=True):
    """When a bank counts as met.

    Attributes:
        need: Whether one of the shares that are asked for is enough, or both have to hold.
        min_query_share: Least share of a video that has to be an entry's, 0 to 1.
        min_entry_share: Least share of an entry that has to be in a video, 0 to 1.
        enabled_ratio: Share of the lookups, 0 to 1, that ask the bank; at 0 nothing does.
    """

    need: Literal["either", "both"] = "either"
    min_query_share: float = 0.0
    min_entry_share: float = 0.0
    enabled_ratio: float = 1.0


class New(Value, frozen=True, kw_only=True):
    """What a bank says about itself.

    Attributes:
        name: Of the bank.
        category: What its entries are, unless they say so themselves.
        role: What is done with a match.
        max_distance: Bits up to which a PDQ counts as met, 0 to 64.
        rule: When it counts as met, besides.
        source: Who made it.
        legal_basis: Why it may be kept and compared.
    """

    name: str
    category: str
    role: Role
    max_distance: int = 31
    rule: Rule = Rule()
    source: str = ""
    legal_basis: str = ""


class Bank(New, frozen=True, kw_only=True):
    """A bank of the record.

    Attributes:
        revision: Of its last change.
        version: 1 at first, one more for each change.
        author: Who made it.
        created_at: When.
    """

    revision: int
    version: int
    author: str
    created_at: int


class NewEntry(Value, frozen=True, kw_only=True):
    """An entry to be added.

    Attributes:
        content: Digest of all its fingerprints.
        entry: JSON of an object that names neither its id nor its state.
        state: How it stands from the beginning.
        disabled_until: ISO 8601 with a time zone, or ``None``.
        item: Id of the item that it was made of, or ``None``.
    """

    content: str
    entry: str
    state: State = "active"
    disabled_until: str | None = None
    item: str | None = None


class Entry(Value, frozen=True, kw_only=True):
    """An entry of the record.

    Attributes:
        bank: The name of its bank.
        id: Its id.
        revision: Of its last change.
        entry: As in :class:`NewEntry`.
        state: How it stands.
        disabled_until: ISO 8601, or ``None``.
        author: Who changed it last.
        reason: Why, in words.
        created_at: When it was added.
        changed_at: When it was changed last.
        item: As in :class:`NewEntry`.
    """

    bank: str
    id: str
    revision: int
    entry: str
    state: State
    disabled_until: str | None
    author: str
    reason: str
    created_at: int
    changed_at: int
    item: str | None = None


class Added(Value, frozen=True, kw_only=True):
    """What became of an entry that was to be added.

    Attributes:
        id: Its id, or that of the entry that has the same content.
        new: Whether it was added.
        state: How it stands.
    """

    id: str
    new: bool
    state: State


class Caused(Value, frozen=True, kw_only=True):
    """A decision that an entry has caused.

    Attributes:
        decision: Its id.
        item: On which item.
        action: What was decided.
        in_force: Whether it is the item's decision now.
        created_at: When.
    """

    decision: str
    item: str
    action: Action
    in_force: bool
    created_at: int


class Counts(Value, frozen=True, kw_only=True):
    """How many entries of a bank stand how."""

    active: int = 0
    disabled: int = 0
    withdrawn: int = 0


def revision(connection: Connection) -> int:
    """Return the revision of the last change of any bank; 0 where there was none."""
    found: int = connection.execute(sa.select(bank_revision.c.revision)).scalar_one()
    return found


def create(connection: Connection, bank: New, *, actor: str, reason: str, now: int) -> Bank:
    """Make a bank. That of a deleted one begins anew, without its entries.

    Raises:
        InvalidError: A text is too long.
        StateError: There is such a bank.
    """
    values = _values(bank)
    change = _next(connection)
    row = connection.execute(_one(bank.name).with_for_update()).mappings().first()
    made = {"author": actor, "created_at": now, "deleted_at": None, "revision": change}
    if row is None:
        connection.execute(sa.insert(banks).values(**values, **made, version=1))
    elif row["deleted_at"] is None:
        raise StateError(f"there is a bank {bank.name} already")
    else:
        connection.execute(sa.delete(bank_entries).where(bank_entries.c.bank == bank.name))
        again = sa.update(banks).where(banks.c.name == bank.name)
        connection.execute(again.values(**values, **made, version=row["version"] + 1))
    _tell(connection, "bank.create", bank.name, values, actor=actor, reason=reason, now=now)
    return need(connection, bank.name)


def change(
    connection: Connection,
    bank: New,
    *,
    version: int | None,
    actor: str,
    reason: str,
    now: int,
) -> Bank:
    """Change what a bank says about itself.

    Args:
        connection: Of the transaction.
        bank: As it is to be; its name says which.
        version: Of the bank as it was when it was looked at, or ``None`` for whichever.
        actor: Who.
        reason: Why.
        now: The present.

    Raises:
        InvalidError: A text is too long.
        MissingError: There is no such bank.
        StateError: It was changed since.
    """
    values, number = _values(bank), _next(connection)
    before = need(connection, bank.name)
    if version not in (None, before.version):
        raise StateError(f"bank {bank.name} has version {before.version} by now, not {version}")
    query = sa.update(banks).where(banks.c.name == bank.name)
    connection.execute(query.values(**values, revision=number, version=before.version + 1))
    was = _values(before)
    changed = {name: value for name, value in values.items() if value != was[name]}
    _tell(connection, "bank.change", bank.name, changed, actor=actor, reason=reason, now=now)
    return need(connection, bank.name)


def delete(connection: Connection, name: str, *, actor: str, reason: str, now: int) -> None:
    """Delete a bank: nothing is held against it any more. Its rows stay for the record.

    Raises:
        MissingError: There is no such bank.
    """
    number = _next(connection)
    bank = need(connection, name)
    query = sa.update(banks).where(banks.c.name == name)
    connection.execute(query.values(deleted_at=now, revision=number, version=bank.version + 1))
    _tell(connection, "bank.delete", name, {}, actor=actor, reason=reason, now=now)


def get(connection: Connection, name: str) -> Bank | None:
    """Return a bank, or ``None`` where there is none or it was deleted."""
    query = _one(name).where(banks.c.deleted_at.is_(None))
    row = connection.execute(query).mappings().first()
    return None if row is None else _bank(row)


def need(connection: Connection, name: str) -> Bank:
    """Return a bank.

    Raises:
        MissingError: There is none, or it was deleted.
    """
    found = get(connection, name)
    if found is None:
        raise MissingError(f"there is no bank {name:.64}")
    return found


def listed(connection: Connection) -> list[Bank]:
    """Return all banks, by name."""
    query = sa.select(banks).where(banks.c.deleted_at.is_(None)).order_by(banks.c.name)
    return [_bank(row) for row in connection.execute(query).mappings()]


def counts(connection: Connection, name: str) -> Counts:
    """Return how many entries of a bank stand how. Reads the bank's rows."""
    query = (
        sa.select(bank_entries.c.state, sa.func.count().label("entries"))
        .where(bank_entries.c.bank == name)
        .group_by(bank_entries.c.state)
    )
    return Counts(**{row.state: row.entries for row in connection.execute(query)})


def add(
    connection: Connection,
    bank: str,
    entries: Sequence[NewEntry],
    *,
    actor: str,
    reason: str,
    now: int,
    source: str = "",
) -> list[Added]:
    """Add entries whose content the bank does not hold, whatever its state; say which.

    Args:
        connection: Of the transaction. Others that change banks wait until it ends.
        bank: The name of the bank.
        entries: What to add; no order is kept between calls but that of the ids.
        actor: Who.
        reason: Why.
        now: The present.
        source: Where they come from, for the audit chain.

    Returns:
        What became of each, in the order given.

    Raises:
        InvalidError: An entry is too large.
        MissingError: There is no such bank.
    """
    if not entries:
        return []
    check("reason", reason, 2000, empty=True)
    if any(len(entry.entry) > LARGEST_ENTRY for entry in entries):
        raise InvalidError(f"an entry has {LARGEST_ENTRY} characters at most")
    # First the lock, then the look: whoever adds the same meanwhile is seen.
    number = _next(connection, len(entries))
    need(connection, bank)
    held = _held(connection, bank, {entry.content for entry in entries})
    told: list[Added] = []
    rows: list[dict[str, Any]] = []
    for entry in entries:
        if (there := held.get(entry.content)) is not None:
            told.append(there)
            continue
        made = Added(id=str(number), new=True, state=entry.state)
        held[entry.content] = Added(id=made.id, new=False, state=entry.state)
        told.append(made)
        rows.append(
            {
                "bank": bank,
                "id": made.id,
                "revision": number,
                "content": entry.content,
                "entry": entry.entry,
                "item": entry.item,
                "state": entry.state,
                "disabled_until": entry.disabled_until,
                "author": actor,
                "reason": reason,
                "created_at": now,
                "changed_at": now,
            }
        )
        number += 1
    if rows:
        connection.execute(sa.insert(bank_entries), rows)
        body = {"count": len(rows), "first": rows[0]["id"], "last": rows[-1]["id"]}
        body |= {"source": source[:500]} if source else {}
        _tell(connection, "entries.add", bank, body, actor=actor, reason=reason, now=now)
    return told


def set_state(
    connection: Connection,
    bank: str,
    ids: Collection[str],
    state: State,
    *,
    disabled_until: str | None = None,
    actor: str,
    reason: str,
    now: int,
) -> None:
    """Set the state of entries; all of them, or none.

    Args:
        connection: Of the transaction.
        bank: The name of the bank.
        ids: Of the entries, at most 1000.
        state: The new state. An entry that was withdrawn stays so.
        disabled_until: When a disabled entry is active again, ISO 8601 with a time zone.
        actor: Who.
        reason: Why.
        now: The present.

    Raises:
        InvalidError: They are too many, or the reason is too long.
        MissingError: There is no such bank or entry.
        StateError: One was withdrawn.
    """
    wanted = list(dict.fromkeys(ids))
    if not 1 <= len(wanted) <= MOST_CHANGED:
        raise InvalidError(f"1 to {MOST_CHANGED} entries are changed at once, not {len(wanted)}")
    check("reason", reason, 2000, empty=True)
    number = _next(connection, len(wanted))
    need(connection, bank)
    found = {entry.id: entry for entry in named(connection, bank, wanted)}
    for entry in wanted:
        if entry not in found:
            raise MissingError(f"bank {bank} has no entry {entry:.200}")
        if found[entry].state == "withdrawn" and state != "withdrawn":
            raise StateError(f"entry {entry} of bank {bank} was withdrawn, for good")
    query = sa.update(bank_entries).where(
        bank_entries.c.bank == bank, bank_entries.c.id == sa.bindparam("of")
    )
    same = {
        "state": state,
        "disabled_until": disabled_until,
        "author": actor,
        "reason": reason,
        "changed_at": now,
    }
    query = query.values(revision=sa.bindparam("to"), **same)
    connection.execute(query, [{"of": e, "to": number + n} for n, e in enumerate(wanted)])
    body = {"entries": wanted, "state": state, "disabled_until": disabled_until}
    action = {"active": "entries.enable", "disabled": "entries.disable"}.get(state)
    what = action or "entries.withdraw"
    _tell(connection, what, bank, body, actor=actor, reason=reason, now=now)


def describe(
    connection: Connection, bank: str, entry: str, written: str, *, actor: str, now: int
) -> None:
    """Write what an entry says for people anew; its fingerprints are those that it had.

    Raises:
        MissingError: There is no such entry.
    """
    query = (
        sa.update(bank_entries)
        .where(bank_entries.c.bank == bank, bank_entries.c.id == entry)
        .values(entry=written, revision=_next(connection), author=actor, changed_at=now)
    )
    if not connection.execute(query).rowcount:
        raise MissingError(f"bank {bank:.64} has no entry {entry:.200}")
    _tell(connection, "entries.describe", bank, {"entry": entry}, actor=actor, reason="", now=now)


def named(connection: Connection, bank: str, ids: Collection[str]) -> list[Entry]:
    """Return the entries of a bank with some ids, as far as there are any, by revision."""
    found: list[Entry] = []
    # An id is a number: what is none may be text that no database takes.
    for some in _pieces([each for each in ids if each.isascii() and each.isdigit()]):
        query = _entries(bank).where(bank_entries.c.id.in_(some))
        found += [_entry(row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda entry: entry.revision)


def find(connection: Connection, entry: str) -> Entry | None:
    """Return the entry with an id, of whichever bank that was not deleted, or ``None``."""
    alive = sa.select(banks.c.name).where(banks.c.deleted_at.is_(None))
    names = connection.execute(alive).scalars().all()
    query = sa.select(*_COLUMNS).where(bank_entries.c.bank.in_(names), bank_entries.c.id == entry)
    row = connection.execute(query).mappings().first()
    return None if row is None else _entry(row)


def search(
    connection: Connection,
    bank: str,
    *,
    limit: int,
    before: int | None = None,
    state: State | None = None,
    category: str | None = None,
    note: str | None = None,
) -> list[Entry]:
    """Return entries of a bank, those that were changed last first.

    Args:
        connection: To read by.
        bank: The name of the bank.
        limit: How many at most.
        before: Only those with a smaller revision: the last one of the page before.
        state: Only those that stand so.
        category: Only those that carry this category themselves.
        note: Only those whose note holds this, in upper or lower case. Reads all of them.
    """
    query = _entries(bank).order_by(bank_entries.c.revision.desc()).limit(limit)
    if before is not None:
        query = query.where(bank_entries.c.revision < before)
    if state is not None:
        query = query.where(bank_entries.c.state == state)
    if category is not None:
        query = query.where(_member(connection, "category") == category)
    if note is not None:
        query = query.where(_member(connection, "note").icontains(note, autoescape=True))
    return [_entry(row) for row in connection.execute(query).mappings()]


def since(connection: Connection, bank: str, after: int, *, limit: int) -> list[Entry]:
    """Return the entries of a bank that were added or changed after a revision, in order."""
    query = _entries(bank).where(bank_entries.c.revision > after)
    query = query.order_by(bank_entries.c.revision).limit(limit)
    return [_entry(row) for row in connection.execute(query).mappings()]


def count_since(connection: Connection, bank: str, after: int) -> int:
    """Return how many entries of a bank were added or changed after a revision."""
    query = sa.select(sa.func.count()).where(
        bank_entries.c.bank == bank, bank_entries.c.revision > after
    )
    found: int = connection.execute(query).scalar_one()
    return found


def caused(
    connection: Connection, bank: str, entry: str, *, limit: int, after: str = ""
) -> list[Caused]:
    """Return the decisions that an entry has caused, in the order of their ids.

    An entry has caused a decision where a rule fired by a match with it and was not overruled.

    Args:
        connection: To read by.
        bank: The name of the bank, even where it was deleted.
        entry: The id of the entry.
        limit: How many at most.
        after: The decision that was last on the page before.
    """
    query = (
        sa.select(
            decisions.c.id.label("decision"),
            decisions.c.item,
            decisions.c.action,
            (items.c.decision == decisions.c.id).label("in_force"),
            decisions.c.created_at,
        )
        .join(decision_entries, decision_entries.c.decision == decisions.c.id)
        .join(items, items.c.id == decisions.c.item)
        .where(decision_entries.c.bank == bank, decision_entries.c.entry == entry)
        .where(decision_entries.c.decision > after)
        .order_by(decision_entries.c.decision)
        .limit(limit)
    )
    rows = connection.execute(query).mappings()
    return [Caused(**{**row, "in_force": bool(row["in_force"])}) for row in rows]


_COLUMNS = [bank_entries.c[name] for name in Entry.__struct_fields__]


def _next(connection: Connection, count: int = 1) -> int:
    """Return the first of so many new revisions. Others wait for the end of the transaction."""
    query = sa.update(bank_revision).values(revision=bank_revision.c.revision + count)
    last: int = connection.execute(query.returning(bank_revision.c.revision)).scalar_one()
    return last - count + 1


def _held(connection: Connection, bank: str, contents: Collection[str]) -> dict[str, Added]:
    """Return the entries of a bank that hold some contents, by content."""
    found: dict[str, Added] = {}
    query = sa.select(bank_entries.c.content, bank_entries.c.id, bank_entries.c.state)
    for some in _pieces(contents):
        held = query.where(bank_entries.c.bank == bank, bank_entries.c.content.in_(some))
        for row in connection.execute(held):
            found[row.content] = Added(id=row.id, new=False, state=row.state)
    return found


def _one(name: str) -> sa.Select[Any]:
    return sa.select(banks).where(banks.c.name == name)


def _entries(bank: str) -> sa.Select[Any]:
    return sa.select(*_COLUMNS).where(bank_entries.c.bank == bank)


def _entry(row: Any) -> Entry:
    return Entry(**row)


def _member(connection: Connection, name: str) -> sa.ColumnElement[str]:
    """Return a member of the JSON of an entry, as text."""
    if connection.dialect.name == "postgresql":
        found: sa.ColumnElement[str] = sa.cast(bank_entries.c.entry, JSONB)[name].astext
        return found
    return sa.func.json_extract(bank_entries.c.entry, f"$.{name}", type_=sa.Text)


def _values(bank: New) -> dict[str, Any]:
    check("source", bank.source, 2000, empty=True)
    check("legal_basis", bank.legal_basis, 2000, empty=True)
    return {
        "name": bank.name,
        "category": bank.category,
        "role": bank.role,
        "max_distance": bank.max_distance,
        "rule": msgspec.json.encode(bank.rule).decode(),
        "source": bank.source,
        "legal_basis": bank.legal_basis,
    }


def _bank(row: Any) -> Bank:
    return Bank(
        name=row["name"],
        category=row["category"],
        role=row["role"],
        max_distance=row["max_distance"],
        rule=msgspec.json.decode(row["rule"], type=Rule),
        source=row["source"],
        legal_basis=row["legal_basis"],
        revision=row["revision"],
        version=row["version"],
        author=row["author"],
        created_at=row["created_at"],
    )


def _tell(
    connection: Connection,
    action: str,
    bank: str,
    body: dict[str, Any],
    *,
    actor: str,
    reason: str,
    now: int,
) -> None:
    audit.append(
        connection,
        actor=actor,
        action=action,
        subject=f"bank:{bank}",
        body=body,
        reason=reason,
        now=now,
    )


def _pieces(values: Collection[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while piece := list(islice(rest, PIECE)):
        yield piece
