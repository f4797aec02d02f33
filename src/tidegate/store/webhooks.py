"""Webhooks: to whom messages go, how often, and by which keys they are signed.

``secret`` holds the keys that sign, newest first, as JSON: while keys are exchanged there are
two. They are kept as they are, because to sign means to have them; the database is as secret as
they are. What lists webhooks never shows them.
"""

from collections.abc import Collection, Iterable
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Action, Value
from tidegate.store import audit, bell, ids
from tidegate.store.error import InvalidError, MissingError, StateError
from tidegate.store.outbox import GIVE_UP
from tidegate.store.tables import outbox, webhooks
from tidegate.store.text import check
from tidegate.store.upsert import insert_new

Kind = Literal["webhook", "slack", "email"]

_CHANGEABLE = ("name", "address", "events", "actions", "per_minute", "digest_seconds", "active")


class Key(Value, frozen=True, kw_only=True):
    """A key that signs.

    Attributes:
        id: Names it, visible to all.
        secret: The text that both sides hold.
        until: When it ends, or ``None`` for the one in use.
    """

    id: str
    secret: str
    until: int | None = None

    def __repr__(self) -> str:
        """Return its name alone: what is logged shows no secret."""
        return f"Key(id={self.id!r})"


class Webhook(Value, frozen=True, kw_only=True):
    """To whom messages go.

    Attributes:
        id: Its id.
        name: What it is called; no two have the same.
        kind: How they go: as signed JSON, as text for Slack, or by e-mail.
        address: A URL, or an e-mail address. Slack's URL is a secret by itself.
        events: Of what it wants to hear, sorted.
        actions: Of which decisions, sorted: those that have or had one of these actions. Empty:
            of all of them.
        per_minute: How often something is sent to it at most, or ``None``.
        digest_seconds: How long is collected what goes as one, or ``None``.
        active: Whether it hears of anything.
        version: Counts its changes.
        created_at: When it was made.
        keys: By which messages are signed, newest first; only of a webhook.
    """

    id: str
    name: str
    kind: Kind
    address: str
    events: tuple[str, ...]
    actions: tuple[Action, ...]
    per_minute: int | None
    digest_seconds: int | None
    active: bool
    version: int
    created_at: int
    keys: tuple[Key, ...] = ()

    def signing(self, now: int) -> tuple[Key, ...]:
        """Return the keys that sign at a time, newest first."""
        return tuple(key for key in self.keys if key.until is None or now < key.until)


def add(
    connection: Connection,
    *,
    name: str,
    kind: Kind,
    address: str,
    events: Iterable[str],
    actor: str,
    now: int,
    actions: Iterable[Action] = (),
    per_minute: int | None = None,
    digest_seconds: int | None = None,
    key: Key | None = None,
    reason: str = "",
) -> Webhook:
    """Keep a new webhook.

    Args:
        connection: Of the transaction.
        name: What it is called.
        kind: How messages go.
        address: Where to.
        events: Of what it wants to hear.
        actor: Who makes it.
        now: The present.
        actions: Of which decisions; none: of all of them.
        per_minute: How often something is sent at most.
        digest_seconds: How long is collected what goes as one.
        key: That signs; of a webhook only.
        reason: Why.

    Raises:
        InvalidError: A value is too long or empty.
        StateError: There is one of this name.
    """
    _check(name, address)
    hook = Webhook(
        id=ids.new(),
        name=name,
        kind=kind,
        address=address,
        events=tuple(sorted(set(events))),
        actions=tuple(sorted(set(actions))),
        per_minute=per_minute,
        digest_seconds=digest_seconds,
        active=True,
        version=1,
        created_at=now,
        keys=() if key is None else (key,),
    )
    if not insert_new(connection, webhooks, _columns(hook), key=["name"]):
        raise StateError("there is a webhook of this name")
    _tell(connection, "webhook.create", hook, actor, reason, now)
    return hook


def get(connection: Connection, webhook: str) -> Webhook | None:
    """Return a webhook, or ``None`` where there is none, or none any more."""
    row = connection.execute(_kept().where(webhooks.c.id == webhook)).mappings().first()
    return None if row is None else _webhook(row)


def page(connection: Connection, *, after: str | None, limit: int) -> list[Webhook]:
    """Return webhooks, newest first.

    Args:
        connection: To read by.
        after: Id of the last one on the page before.
        limit: How many at most.
    """
    query = _kept().order_by(webhooks.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(webhooks.c.id < after)
    return [_webhook(row) for row in connection.execute(query).mappings()]


def wanting(connection: Connection, event: str, actions: Collection[Action] = ()) -> list[Webhook]:
    """Return the webhooks that are to hear of an event, in the order they were made.

    Args:
        connection: To read by.
        event: What happens.
        actions: Of a decision, what it does and what it undoes; none where it is about no
            decision.
    """
    found = [_webhook(row) for row in connection.execute(_ACTIVE).mappings()]
    return [
        hook
        for hook in found
        if event in hook.events
        and not (hook.actions and actions and set(actions).isdisjoint(hook.actions))
    ]


def change(
    connection: Connection,
    webhook: str,
    *,
    version: int,
    actor: str,
    now: int,
    reason: str = "",
    **values: Any,
) -> Webhook:
    """Change a webhook.

    Args:
        connection: Of the transaction.
        webhook: Which.
        version: As it was when whoever changes it looked at it.
        actor: Who changes it.
        now: The present.
        reason: Why.
        values: New ones, by the names of :class:`Webhook`.

    Raises:
        MissingError: There is none.
        StateError: Somebody has changed it meanwhile, or there is another of this name.
        InvalidError: A value is too long or empty.
    """
    if unknown := values.keys() - set(_CHANGEABLE):
        raise InvalidError(f"{min(unknown)} of a webhook does not change")
    held = _held(connection, webhook)
    if held.version != version:
        raise StateError(f"the webhook was changed meanwhile: it is at version {held.version}")
    for several in values.keys() & {"events", "actions"}:
        values[several] = tuple(sorted(set(values[several])))
    hook = msgspec.structs.replace(held, **values, version=version + 1)
    _check(hook.name, hook.address)
    same = sa.select(webhooks.c.id).where(webhooks.c.name == hook.name, webhooks.c.id != hook.id)
    if connection.execute(same).first() is not None:
        raise StateError("there is a webhook of this name")
    _keep(connection, hook)
    _tell(connection, "webhook.change", hook, actor, reason, now)
    return hook


def rotate(
    connection: Connection,
    webhook: str,
    key: Key,
    *,
    until: int,
    actor: str,
    now: int,
    reason: str = "",
) -> Webhook:
    """Have a new key sign, beside the one in use until a time. One that was ending ends now.

    Raises:
        MissingError: There is none.
        StateError: It has no keys: it is no webhook of signed JSON.
    """
    held = _held(connection, webhook)
    if not held.keys:
        raise StateError(f"what goes to {held.kind} is not signed: there is no key to exchange")
    ending = msgspec.structs.replace(held.keys[0], until=until)
    keys = (key, ending) if until > now else (key,)
    hook = msgspec.structs.replace(held, keys=keys, version=held.version + 1)
    _keep(connection, hook)
    _tell(connection, "webhook.rotate", hook, actor, reason, now)
    return hook


def delete(connection: Connection, webhook: str, *, actor: str, now: int, reason: str = "") -> None:
    """Have nothing sent any more; the keys are forgotten, the messages stay, and the name is free.

    Raises:
        MissingError: There is none.
    """
    held = _held(connection, webhook)
    gone = {"name": held.id, "secret": None, "key_id": None, "active": False, "deleted_at": now}
    connection.execute(sa.update(webhooks).where(webhooks.c.id == webhook).values(gone))
    _tell(connection, "webhook.delete", held, actor, reason, now)


def redeliver_dead(connection: Connection, webhook: str, *, now: int) -> int:
    """Have all that was given up sent again, for another day if need be; return how many."""
    dead = sa.update(outbox).where(outbox.c.target == webhook, outbox.c.state == "dead")
    again = {"state": "waiting", "due_at": now, "give_up_at": now + GIVE_UP, "ended_at": None}
    count = connection.execute(dead.values(again)).rowcount
    bell.ring(connection, "outbox")
    return count


def _kept() -> sa.Select[Any]:
    return sa.select(webhooks).where(webhooks.c.deleted_at.is_(None))


# Made once: each decision asks.
_ACTIVE = _kept().where(webhooks.c.active).order_by(webhooks.c.id)


def _held(connection: Connection, webhook: str) -> Webhook:
    query = _kept().where(webhooks.c.id == webhook).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        raise MissingError("there is no such webhook")
    return _webhook(row)


def _check(name: str, address: str) -> None:
    check("name", name, 200)
    check("address", address, 2000)


def _keep(connection: Connection, hook: Webhook) -> None:
    kept = sa.update(webhooks).where(webhooks.c.id == hook.id)
    connection.execute(kept.values(_columns(hook)))


def _columns(hook: Webhook) -> dict[str, Any]:
    columns = {field: getattr(hook, field) for field in Webhook.__struct_fields__}
    keys = columns.pop("keys")
    return columns | {
        "events": msgspec.json.encode(hook.events).decode(),
        "actions": msgspec.json.encode(hook.actions).decode(),
        "secret": msgspec.json.encode(keys).decode() if keys else None,
        "key_id": keys[0].id if keys else None,
    }


def _webhook(row: Any) -> Webhook:
    columns = {field: row[field] for field in Webhook.__struct_fields__ if field != "keys"}
    columns["events"] = msgspec.json.decode(row["events"], type=tuple[str, ...])
    columns["actions"] = msgspec.json.decode(row["actions"], type=tuple[Action, ...])
    keys = msgspec.json.decode(row["secret"], type=tuple[Key, ...]) if row["secret"] else ()
    return Webhook(**columns, keys=keys)


def _tell(
    connection: Connection, action: str, hook: Webhook, actor: str, reason: str, now: int
) -> None:
    body = {
        "name": hook.name,
        "kind": hook.kind,
        "events": list(hook.events),
        "actions": list(hook.actions),
        "per_minute": hook.per_minute,
        "digest_seconds": hook.digest_seconds,
        "active": hook.active,
        "keys": [key.id for key in hook.keys],
    }
    # The address of Slack lets anybody write there: the chain, which is given away, has none.
    body["address"] = hook.address if hook.kind != "slack" else None
    audit.append(
        connection, actor=actor, action=action, subject=hook.id, body=body, now=now, reason=reason
    )
