"""Decisions: what was decided of each item, by whom, on what, in order. Rows are only added."""

import hashlib
from collections.abc import Collection
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Action, Decision, Evidence, Facts, Value
from tidegate.store import audit, ids, items
from tidegate.store import contents as known
from tidegate.store.contents import Key
from tidegate.store.error import MissingError, StateError
from tidegate.store.items import Item
from tidegate.store.tables import contents, decision_entries, decisions
from tidegate.store.tables import items as items_table
from tidegate.store.text import check

Origin = Literal["machine", "reviewer"]


class New(Value, frozen=True, kw_only=True):
    """A decision to be recorded.

    Attributes:
        item: Of which item.
        origin: Whether the policy or a person decided.
        author: Who: ``worker:NAME``, or ``user:ID`` of the reviewer.
        decision: What was decided, and why.
        facts: What the platform said of the item, as it went into the decision.
        content: Which evidence it rests on, kept in :mod:`~tidegate.store.contents`; or
            ``None`` where that is kept with the decision.
        evidence: The evidence. Where ``content`` names it, it need not be given, and is not
            kept here again. Where no other item can have the same, as with what a deadline
            or a crash left unknown or what could not be fetched, it is kept here alone.
        reason: In words; a reviewer gives one.
        key: Of an item, at most one decision ever has the same; or ``None``.
    """

    item: str
    origin: Origin
    author: str
    decision: Decision
    facts: Facts = Facts()
    content: Key | None = None
    evidence: Evidence | None = None
    reason: str = ""
    key: str | None = None


class Recorded(New, frozen=True, kw_only=True):
    """A decision of the record.

    Attributes:
        id: Its id.
        number: 1 for the item's first decision, and one more for each.
        created_at: When it was made.
    """

    id: str
    number: int
    created_at: int


class Past(Value, frozen=True, kw_only=True):
    """A decision as the history of an item tells it: without its reasons, evidence and facts.

    Attributes:
        id: Its id.
        number: 1 for the item's first decision, and one more for each.
        origin: Whether the policy or a person decided.
        author: Who.
        action: What was decided.
        policy: Under which policy.
        reason: In words.
        created_at: When it was made.
    """

    id: str
    number: int
    origin: Origin
    author: str
    action: Action
    policy: str
    reason: str
    created_at: int


class Result(Value, frozen=True, kw_only=True):
    """What became of a decision.

    Attributes:
        id: Its id, or that of the one that was there.
        new: Whether it was recorded by this call. ``False``: it was there, and nothing has
            changed.
        before: The item's action before this call, or ``None`` where it had none.
    """

    id: str
    new: bool
    before: Action | None


def record(
    connection: Connection,
    made: New,
    *,
    now: int,
    in_force: bool = True,
    held: Item | None = None,
) -> Result:
    """Record a decision, once.

    The item is locked until the transaction ends. A machine that decides on the same
    evidence, facts and policy as the machine before it changes nothing, and is told so: it
    has no alarms to send. That holds for a second worker with the same job, and for a
    rescan under which nothing has changed, whatever a reviewer has decided since; not where
    what a reviewer has decided was taken back, and an older decision is in force.

    Args:
        connection: Of the transaction.
        made: The decision.
        now: The present.
        in_force: Whether the item's action is from now on what was decided. ``False`` for
            what is only to be seen in its history, for example a machine's opinion of what
            a reviewer has decided.
        held: The item, where this transaction has locked it already.

    Raises:
        MissingError: There is no such item.
        StateError: A machine has judged an item whose media was deleted.
    """
    check("author", made.author, 200)
    check("reason", made.reason, 4000, empty=True)
    item = items.hold(connection, made.item) if held is None else held
    facts = msgspec.json.encode(made.facts).decode()
    inputs = _inputs(made, facts) if made.origin == "machine" else None
    last = _last(connection, made.item)
    there = _recorded_before(connection, made, inputs, last, item.decision if in_force else None)
    if there is not None:
        return Result(id=there, new=False, before=item.action)
    if item.state == "deleted" and made.origin == "machine":
        raise StateError(f"the media of item {item.id} was deleted: it is not judged any more")
    number = 1 if last is None else last.number + 1
    decision, chosen = ids.new(), made.decision
    values = {
        "id": decision,
        "item": made.item,
        "number": number,
        "origin": made.origin,
        "author": made.author,
        "reason": made.reason,
        "action": chosen.action,
        "policy": chosen.policy,
        "policy_sha256": chosen.policy_sha256,
        "sha256": made.content and made.content.sha256,
        "pipeline": made.content and made.content.pipeline,
        "evidence": _evidence_kept_here(made),
        "facts": facts,
        "decision": msgspec.json.encode(chosen).decode(),
        "key": made.key,
        "inputs": inputs,
        "created_at": now,
    }
    connection.execute(_ADDED, values)
    if entries := _entries(connection, made):
        rows = [{"decision": decision, "bank": bank, "entry": entry} for bank, entry in entries]
        connection.execute(sa.insert(decision_entries), rows)
    if in_force:
        change = {
            "of": made.item,
            "action": chosen.action,
            "decision": decision,
            "judged_at": now,
            "error": None,
            "state": item.state if item.state == "deleted" else "judged",
            "version": item.version + 1,
        }
        connection.execute(_DECIDED, change)
    told = {
        "item": made.item,
        "number": number,
        "action": chosen.action,
        "before": item.action,
        "in_force": in_force,
        "policy": chosen.policy,
        "policy_sha256": chosen.policy_sha256,
        "sha256": values["sha256"],
        "pipeline": values["pipeline"],
        "decision_sha256": hashlib.sha256(str(values["decision"]).encode()).hexdigest(),
    }
    audit.append(
        connection,
        actor=made.author,
        action="decision.record",
        subject=decision,
        reason=made.reason[:2000],
        body=told,
        now=now,
    )
    return Result(id=decision, new=True, before=item.action)


def put_back(
    connection: Connection, item: str, decision: str | None, *, actor: str, now: int
) -> None:
    """Have an earlier decision of an item in force again, as if none had come after it.

    Args:
        connection: Of the transaction, that holds the item.
        item: Which.
        decision: Its id; or ``None``: the item is not decided any more.
        actor: Who does it.
        now: The present.

    Raises:
        MissingError: There is no such item, or no such decision of it.
    """
    held = items.hold(connection, item)
    change: dict[str, Any] = {"action": None, "decision": None, "judged_at": None}
    if decision is not None:
        query = sa.select(decisions).filter_by(id=decision, item=item)
        row = connection.execute(query).mappings().first()
        if row is None:
            raise MissingError(f"item {item} has no decision {decision:.40}")
        change = {"action": row["action"], "decision": decision, "judged_at": row["created_at"]}
    elif held.state == "judged":
        change["state"] = "received"
    connection.execute(_DECIDED, change | {"of": item, "version": held.version + 1})
    audit.append(
        connection,
        actor=actor,
        action="decision.put_back",
        subject=item,
        body={"decision": decision, "before": held.decision},
        now=now,
    )


def get(connection: Connection, decision: str) -> Recorded | None:
    """Return a decision with its evidence, or ``None`` where there is none."""
    row = connection.execute(_ONE, {"of": decision}).mappings().first()
    return None if row is None else _recorded(row)


def history(connection: Connection, item: str, *, limit: int = 100) -> list[Past]:
    """Return the decisions on an item, newest first. What each rests on is for :func:`get`."""
    rows = connection.execute(_HISTORY, {"of": item, "most": limit}).mappings()
    return [Past(**row) for row in rows]


def actions(connection: Connection, wanted: Collection[str]) -> dict[str, Action]:
    """Return what was decided by some decisions, by their ids."""
    query = sa.select(decisions.c.id, decisions.c.action).where(decisions.c.id.in_([*wanted]))
    return {row.id: row.action for row in connection.execute(query)}


# Made once: workers ask for each item.
_ADDED = sa.insert(decisions)
_DECIDED = sa.update(items_table).where(items_table.c.id == sa.bindparam("of"))
_SAME = sa.and_(
    contents.c.sha256 == decisions.c.sha256, contents.c.pipeline == decisions.c.pipeline
)
_ONE = (
    sa.select(decisions, sa.func.coalesce(decisions.c.evidence, contents.c.evidence).label("held"))
    .select_from(decisions.outerjoin(contents, _SAME))
    .where(decisions.c.id == sa.bindparam("of"))
)
_HISTORY = (
    sa.select(*(decisions.c[name] for name in Past.__struct_fields__))
    .where(decisions.c.item == sa.bindparam("of"))
    .order_by(decisions.c.number.desc())
    .limit(sa.bindparam("most"))
)
_LAST = (
    sa.select(*(decisions.c[name] for name in ("id", "number", "origin", "inputs")))
    .where(decisions.c.item == sa.bindparam("of"))
    .order_by(decisions.c.number.desc())
    .limit(1)
)


def _last(connection: Connection, item: str, *origins: Origin) -> Any:
    """Return the last decision on an item, of some origins or any, or ``None``."""
    query = _LAST.where(decisions.c.origin.in_(origins)) if origins else _LAST
    return connection.execute(query, {"of": item}).first()


def _recorded_before(
    connection: Connection, made: New, inputs: str | None, last: Any, standing: str | None
) -> str | None:
    """Return the id of the decision that this one would repeat, if there is one.

    Once a person's decision was taken back, an older one of a machine stands (``standing``). What
    was only noted meanwhile is not repeated then by the same: it takes its place.
    """
    if made.key is not None:
        query = sa.select(decisions.c.id).filter_by(item=made.item, key=made.key)
        if (found := connection.execute(query).scalar()) is not None:
            return str(found)
    if made.origin == "machine" and last is not None and last.origin != "machine":
        last = _last(connection, made.item, "machine")
    same = inputs is not None and last is not None and last.inputs == inputs
    if not same:
        return None
    if standing not in (None, last.id):
        query = sa.select(decisions.c.origin).where(decisions.c.id == standing)
        if connection.execute(query).scalar() == "machine":
            return None
    return str(last.id)


def _evidence_kept_here(made: New) -> str | None:
    if made.evidence is None or made.content is not None:
        return None
    return msgspec.json.encode(made.evidence).decode()


def _inputs(made: New, facts: str) -> str:
    """Return a digest of all that a machine's decision follows from."""
    content = made.content and (made.content.sha256, made.content.pipeline)
    parts = msgspec.json.encode(
        (content, _evidence_kept_here(made), facts, made.decision.policy_sha256)
    )
    return hashlib.sha256(parts).hexdigest()


def _entries(connection: Connection, made: New) -> list[tuple[str, str]]:
    """Return the entries of banks, by bank and id, that a decision rests on."""
    fired = [r.index for r in made.decision.reasons if r.ground == "match" and not r.overruled_by]
    if not fired:
        return []
    evidence = made.evidence
    if evidence is None and made.content is not None:
        evidence = known.get(connection, made.content)
    matches = evidence.matches if evidence is not None else ()
    return sorted({(matches[i].bank, matches[i].entry) for i in fired if i < len(matches)})


def _recorded(row: Any) -> Recorded:
    held = row["held"]
    return Recorded(
        id=row["id"],
        item=row["item"],
        number=row["number"],
        origin=row["origin"],
        author=row["author"],
        decision=msgspec.json.decode(row["decision"], type=Decision),
        facts=msgspec.json.decode(row["facts"], type=Facts),
        content=row["sha256"] and Key(sha256=row["sha256"], pipeline=row["pipeline"]),
        evidence=None if held is None else msgspec.json.decode(held, type=Evidence),
        reason=row["reason"],
        key=row["key"],
        created_at=row["created_at"],
    )
