"""Items: what a platform has sent to be judged."""

import base64
import hashlib
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Action, Facts, Value
from tidegate.store import audit, idempotency, ids, jobs
from tidegate.store.error import InvalidError, MissingError, StateError
from tidegate.store.tables import items
from tidegate.store.text import check, cut

Source = Literal["upload", "url", "object"]

State = Literal["received", "judged", "failed", "deleted"]

JUDGE = "judge"
"""The kind of job that judges an item."""

LARGEST_METADATA = 1 << 14
"""Bytes of an item's metadata, as JSON, at most."""

MOST_OF_A_PAGE = 1000
"""Items of a page at most."""


class New(Value, frozen=True, kw_only=True):
    """An item to be accepted.

    Attributes:
        source: How it came: as an upload, by a URL, or by the key of a stored object.
        reference: Where it is: the name of the media in the data folder, the URL, the key.
        external_id: What the platform calls it, or ``None``.
        facts: What the platform says of it.
        metadata: Whatever the platform wants to have back with it.
        priority: 0 to 9; higher is judged first.
        reach: How many people may come to see it, or ``None`` where the platform does not say.
        callback: Where to send the decision, besides the webhooks, or ``None``.
        sha256: Digest of its bytes, or ``None`` where they were not fetched yet.
        size: How many they are, or ``None``.
    """

    source: Source
    reference: str
    external_id: str | None = None
    facts: Facts = Facts()
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    priority: int = 5
    reach: int | None = None
    callback: str | None = None
    sha256: str | None = None
    size: int | None = None


class Item(New, frozen=True, kw_only=True):
    """An item, as it is now.

    Attributes:
        id: Its id.
        state: ``received`` until it is ``judged`` or ``failed``; ``deleted`` when its media
            is: the record stays.
        error: Why it failed, or ``None``.
        action: What is to be done with it, or ``None`` where that is not decided.
        decision: Id of the decision in force, or ``None``.
        version: Counts its changes.
        created_at: When it was accepted.
        judged_at: When the decision in force was made, or ``None``.
    """

    id: str
    state: State
    error: str | None
    action: Action | None
    decision: str | None
    version: int
    created_at: int
    judged_at: int | None


class Accepted(NamedTuple):
    """What became of an item that was sent.

    Attributes:
        id: Of the item.
        new: Whether this call made it. ``False``: an earlier one did, with the same
            idempotency key.
        item: As it is now, where this call made it.
    """

    id: str
    new: bool
    item: Item | None = None


class Filter(Value, frozen=True, kw_only=True):
    """Which items; ``None`` is any.

    Attributes:
        external_id: What the platform calls them.
        sha256: Digest of their bytes.
        state: Where they stand.
        action: What is to be done with them.
        surface: Where they are shown.
        uploader: The account's id.
        since: Accepted at this time or later.
        until: Accepted before this time.
    """

    external_id: str | None = None
    sha256: str | None = None
    state: State | None = None
    action: Action | None = None
    surface: str | None = None
    uploader: str | None = None
    since: int | None = None
    until: int | None = None


class Page(NamedTuple):
    """Some items, newest first.

    Attributes:
        items: At most as many as were asked for.
        cursor: Where the next page begins, or ``None`` where this is the last.
    """

    items: list[Item]
    cursor: str | None


def accept(
    connection: Connection,
    item: New,
    *,
    actor: str,
    now: int,
    claim: idempotency.Claim | None = None,
) -> Accepted:
    """Accept an item: it, its job and its row of the audit chain, or nothing.

    Args:
        connection: Of the transaction. When it is committed, the item will be judged.
        item: What was sent. Its media is on disk for good by now.
        actor: Who sent it, for the audit.
        now: The present.
        claim: The idempotency key it was sent with, or ``None``.

    Raises:
        InvalidError: A value is too long or out of its range.
        ConflictError: The key was used for another request.
    """
    _check(item)
    made = ids.new()
    if claim is not None:
        earlier = idempotency.claim(connection, claim, made, now=now)
        if earlier is not None:
            return Accepted(earlier, new=False)
    values = {
        "id": made,
        "source": item.source,
        "reference": item.reference,
        "external_id": item.external_id,
        "surface": item.facts.surface,
        "uploader": item.facts.uploader.id,
        "facts": msgspec.json.encode(item.facts).decode(),
        "metadata": msgspec.json.encode(item.metadata).decode(),
        "priority": item.priority,
        "reach": item.reach,
        "callback": item.callback,
        "sha256": item.sha256,
        "size": item.size,
        "state": "received",
        "version": 1,
        "created_at": now,
    }
    connection.execute(_ADDED, values)
    jobs.add(connection, JUDGE, item=made, priority=item.priority, now=now)
    told = {"external_id": item.external_id, "sha256": item.sha256, "source": item.source}
    audit.append(connection, actor=actor, action="item.accept", subject=made, body=told, now=now)
    sent = {name: getattr(item, name) for name in New.__struct_fields__}
    fresh = Item(
        **sent,
        id=made,
        state="received",
        error=None,
        action=None,
        decision=None,
        version=1,
        created_at=now,
        judged_at=None,
    )
    return Accepted(made, new=True, item=fresh)


def get(connection: Connection, item: str) -> Item | None:
    """Return an item, or ``None`` where there is none."""
    row = connection.execute(_ONE, {"item": item}).mappings().first()
    return None if row is None else _item(row)


def settled(connection: Connection, among: Collection[str]) -> list[str]:
    """Return those of some items that do not wait to be judged any more."""
    return list(connection.execute(_SETTLED, {"among": [*among]}).scalars())


def hold(connection: Connection, item: str) -> Item:
    """Return an item and lock it until the transaction ends.

    Raises:
        MissingError: There is none.
    """
    row = connection.execute(_HELD, {"item": item}).mappings().first()
    if row is None:
        raise MissingError(f"there is no item {item:.40}")
    return _item(row)


def page(
    connection: Connection, which: Filter, *, limit: int = 100, cursor: str | None = None
) -> Page:
    """Return items, newest first; an item that is added meanwhile moves no other.

    Args:
        connection: To read by.
        which: Which items.
        limit: How many at most, 1 to 1000.
        cursor: Of the page before, or ``None`` for the first.

    Raises:
        InvalidError: The limit is out of its range, or the cursor is not one.
    """
    if not 1 <= limit <= MOST_OF_A_PAGE:
        raise InvalidError(f"a page has 1 to {MOST_OF_A_PAGE} items, not {limit}")
    names = ("external_id", "sha256", "state", "action", "surface", "uploader")
    equal = {name: getattr(which, name) for name in names}
    query = sa.select(items).filter_by(**{k: v for k, v in equal.items() if v is not None})
    if which.since is not None:
        query = query.where(items.c.created_at >= which.since)
    if which.until is not None:
        query = query.where(items.c.created_at < which.until)
    if cursor is not None:
        query = query.where(sa.tuple_(items.c.created_at, items.c.id) < sa.tuple_(*_read(cursor)))
    query = query.order_by(items.c.created_at.desc(), items.c.id.desc()).limit(limit + 1)
    found = [_item(row) for row in connection.execute(query).mappings()]
    return Page(found[:limit], _cursor(found[limit - 1]) if len(found) > limit else None)


def fetched(connection: Connection, item: str, *, sha256: str, size: int) -> None:
    """Note the bytes of an item that came by a URL or a key.

    Raises:
        MissingError: There is no such item.
        StateError: It was noted to have other bytes before.
    """
    held = hold(connection, item)
    if held.sha256 not in (None, sha256):
        raise StateError(f"item {item} had other bytes before: what it names has changed")
    _change(connection, item, sha256=sha256, size=size)


def fail(connection: Connection, item: str, error: str) -> None:
    """Note that an item cannot be judged. A decision that is in force stays so.

    Raises:
        MissingError: There is no such item.
    """
    if hold(connection, item).state == "received":
        _change(connection, item, state="failed", error=cut(error))


def rescan(
    connection: Connection,
    item: str,
    *,
    actor: str,
    reason: str,
    now: int,
    cause: str | None = None,
) -> str | None:
    """Have an item judged again.

    Args:
        connection: Of the transaction.
        item: Which.
        actor: Who wants it.
        reason: Why.
        now: The present.
        cause: What makes it necessary, for example ``policy:…``: the item is judged again
            at most once for it. ``None``: judge it again in any case.

    Returns:
        The id of the job, or ``None`` where there was one for this cause. Without a cause it
        is the one that waits already, where one does: nothing is added then. Nor is it where
        one is dead: that has all its attempts before it again, and the item is as if just sent.

    Raises:
        MissingError: There is no such item.
        StateError: Its media was deleted.
    """
    held = hold(connection, item)
    if held.state == "deleted":
        raise StateError(f"the media of item {item} was deleted: it cannot be judged again")
    job = None
    if cause is None:
        # None of them is leased meanwhile: that needs the item too.
        there = [one for one in jobs.of_item(connection, item) if one.kind == JUDGE]
        for one in there:
            if one.state == "ready":
                return one.id
        for one in there:
            if one.state == "dead":
                jobs.revive(connection, one.id, now=now)
                job = one.id
        if job is not None and held.state == "failed":
            _change(connection, item, state="received", error=None)
    if job is None:
        dedupe = None if cause is None else f"{JUDGE}:{item}:{cause}"
        job = jobs.add(connection, JUDGE, item=item, priority=held.priority, dedupe=dedupe, now=now)
    if job is not None:
        told = {"cause": cause, "job": job}
        audit.append(
            connection,
            actor=actor,
            action="item.rescan",
            subject=item,
            reason=reason,
            body=told,
            now=now,
        )
    return job


def delete(connection: Connection, item: str, *, actor: str, reason: str, now: int) -> Item:
    """Note that the media of an item is to be deleted; the record stays.

    Returns:
        The item as it was: what its ``reference`` names may go when this is committed.

    Raises:
        MissingError: There is no such item.
        StateError: Its media was deleted before.
    """
    held = hold(connection, item)
    if held.state == "deleted":
        raise StateError(f"the media of item {item} was deleted before")
    _change(connection, item, state="deleted")
    audit.append(
        connection,
        actor=actor,
        action="item.delete",
        subject=item,
        reason=reason,
        # A URL may open the media to whoever reads it, and the chain keeps what it has.
        body={
            "sha256": held.sha256,
            "source": held.source,
            "reference_sha256": hashlib.sha256(held.reference.encode()).hexdigest(),
        },
        now=now,
    )
    return held


# Made once: each request and each worker asks.
_ONE = sa.select(items).where(items.c.id == sa.bindparam("item"))
_HELD = _ONE.with_for_update(key_share=True)
_ADDED = sa.insert(items)
_SETTLED = sa.select(items.c.id).where(
    items.c.id.in_(sa.bindparam("among", expanding=True)), items.c.state != "received"
)


def _check(item: New) -> None:
    check("reference", item.reference, 4000)
    for name, value, longest in (
        ("external_id", item.external_id, 500),
        ("uploader", item.facts.uploader.id, 500),
        ("callback", item.callback, 4000),
    ):
        if value is not None:
            check(name, value, longest)
    if len(msgspec.json.encode(item.metadata)) > LARGEST_METADATA:
        raise InvalidError(f"metadata has {LARGEST_METADATA} bytes at most, as JSON")
    if item.sha256 is not None and (
        len(item.sha256) != 64 or item.sha256.strip("0123456789abcdef")
    ):
        raise InvalidError("sha256 is 64 lower-case hexadecimal digits")


def _change(connection: Connection, item: str, **values: Any) -> None:
    query = sa.update(items).where(items.c.id == item)
    connection.execute(query.values(version=items.c.version + 1, **values))


def _cursor(item: Item) -> str:
    return base64.urlsafe_b64encode(f"{item.created_at}.{item.id}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[int, str]:
    try:
        written = base64.urlsafe_b64decode(cursor[:200] + "=" * (-len(cursor) % 4)).decode()
        at, _, item = written.partition(".")
        check("cursor", item, 36)
        if not 0 <= int(at) < 1 << 62:
            raise InvalidError("a cursor's time is out of range")
    except ValueError:
        raise InvalidError("this is no cursor of a page of items") from None
    return int(at), item


def _item(row: Any) -> Item:
    facts = msgspec.json.decode(row["facts"], type=Facts)
    fields = {name: row[name] for name in row if name not in ("surface", "uploader")}
    return Item(**fields | {"facts": facts, "metadata": msgspec.json.decode(row["metadata"])})
