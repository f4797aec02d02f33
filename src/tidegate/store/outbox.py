"""Messages to others, written in the transaction that makes them due, sent after it.

A message is *waiting* until it is *delivered*, or *dead* when a day of tries was not
enough. A sender takes what is due of one target (:func:`take`), sends it, and says how
that went. While it sends, the message is not due; a sender that dies leaves it due again
after a while. So a message may arrive twice, with the same id, and never not at all.

Messages of one item to one target are numbered, and go out in that order: a later one
waits until the earlier is delivered or dead.
"""

from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import bell, ids
from tidegate.store.backoff import delay, jitter_of
from tidegate.store.clock import DAY, span
from tidegate.store.error import InvalidError, LeaseLostError, MissingError
from tidegate.store.tables import deliveries, items, outbox
from tidegate.store.text import check, cut
from tidegate.store.upsert import insert_new

State = Literal["waiting", "delivered", "dead"]

FIRST_DELAY, LONGEST_DELAY = 10.0, 7200.0
"""Seconds before a message is sent again: after the first failure, and at most."""

GIVE_UP = DAY
"""Microseconds after a message was first due at which it is tried for the last time."""

LARGEST_BODY = 1 << 20
"""Bytes of a body at most."""


class Message(Value, frozen=True, kw_only=True):
    """A message, as it is now.

    Attributes:
        id: Its id; the receiver knows by it what it has had.
        target: To whom: a webhook's id, or whatever the service understands.
        item: About which item, or ``None``.
        sequence: 1 for the first message about the item to this target, and one more for
            each; ``None`` without an item.
        event: What happened, for example ``item.decided``.
        body: The particulars, JSON, as they are to be sent.
        state: Where it stands.
        due_at: When it may be sent, or sent again.
        give_up_at: When it is tried for the last time.
        attempts: How often it was taken.
        sender: Who took it last.
        last_status: What the receiver answered last, an HTTP status, or ``None``.
        last_error: Why it failed last, or ``None``.
        dedupe: At most one message ever has the same.
        created_at: When it was written.
        ended_at: When it was delivered or dead.
    """

    id: str
    target: str
    item: str | None
    sequence: int | None
    event: str
    body: str
    state: State
    due_at: int
    give_up_at: int
    attempts: int
    sender: str | None
    last_status: int | None
    last_error: str | None
    dedupe: str | None
    created_at: int
    ended_at: int | None


class Delivery(Value, frozen=True, kw_only=True):
    """One attempt to deliver a message.

    Attributes:
        message: Its id.
        attempt: 1 for the first.
        status: What the receiver answered, an HTTP status, or ``None`` where it did not.
        error: What went wrong, or ``None`` where nothing did.
        micros: How long it took.
        created_at: When it ended.
    """

    message: str
    attempt: int
    status: int | None
    error: str | None
    micros: int
    created_at: int


class Backlog(Value, frozen=True, kw_only=True):
    """What a target has not received.

    Attributes:
        target: Which.
        waiting: How many messages wait.
        dead: How many were given up.
        oldest: When the oldest that waits was written, or ``None``.
    """

    target: str
    waiting: int
    dead: int
    oldest: int | None


def append(
    connection: Connection,
    *,
    target: str,
    event: str,
    body: Any,
    now: int,
    item: str | None = None,
    due_at: int | None = None,
    dedupe: str | None = None,
) -> str | None:
    """Write a message; a sender is woken when the transaction is committed.

    Args:
        connection: Of the transaction that makes the message due.
        target: To whom.
        event: What happened.
        body: Anything that msgspec writes as JSON.
        now: The present.
        item: About which item. Its row is locked until the transaction ends.
        due_at: Not before; ``None`` is at once.
        dedupe: At most one message ever has the same.

    Returns:
        Its id, or ``None`` where there is or was a message with the same ``dedupe``.

    Raises:
        InvalidError: A value is out of its range.
        MissingError: There is no such item.
    """
    check("target", target, 500)
    check("event", event, 100)
    written = msgspec.json.encode(body)
    if len(written) > LARGEST_BODY:
        raise InvalidError(f"a message's body has {LARGEST_BODY} bytes at most")
    message, due = ids.new(), now if due_at is None else due_at
    values = {
        "id": message,
        "target": target,
        "item": item,
        "sequence": None if item is None else _next(connection, target, item),
        "event": event,
        "body": written.decode(),
        "state": "waiting",
        "due_at": due,
        "give_up_at": due + GIVE_UP,
        "attempts": 0,
        "dedupe": dedupe,
        "created_at": now,
    }
    if not insert_new(connection, outbox, values, key=["dedupe"]):
        return None
    bell.ring(connection, "outbox")
    return message


def targets(connection: Connection, *, now: int) -> list[str]:
    """Return the targets for which there is something to take."""
    query = sa.select(outbox.c.target).where(*_due(now))
    return list(connection.execute(query.distinct().order_by(outbox.c.target)).scalars())


def take(
    connection: Connection, *, target: str, sender: str, seconds: float, limit: int, now: int
) -> list[Message]:
    """Take messages to one target that are due, at most one of each item.

    Args:
        connection: Of a transaction that should do nothing else, end before sending, and
            need not be durable.
        target: To whom.
        sender: Who takes them.
        seconds: For how long: then they are due again, to anybody.
        limit: How many at most.
        now: The present.

    Returns:
        The messages, oldest first.
    """
    query = sa.select(outbox.c.id).where(outbox.c.target == target, *_due(now))
    query = query.order_by(outbox.c.due_at, outbox.c.id).limit(limit)
    chosen = connection.execute(query.with_for_update(skip_locked=True)).scalars().all()
    if not chosen:
        return []
    taken = (
        sa.update(outbox)
        .where(outbox.c.id.in_(chosen))
        .values(due_at=now + span(seconds), attempts=outbox.c.attempts + 1, sender=sender)
        .returning(outbox)
    )
    messages = [Message(**row) for row in connection.execute(taken).mappings()]
    return sorted(messages, key=lambda message: message.id)


def delivered(
    connection: Connection, message: Message, *, status: int | None, seconds: float, now: int
) -> None:
    """Say that a message has arrived.

    Args:
        connection: Of the transaction.
        message: As it was taken.
        status: What the receiver answered, or ``None`` where its protocol has no number.
        seconds: How long it took.
        now: The present.

    Raises:
        LeaseLostError: Somebody else has taken it since, and will say.
    """
    _end(connection, message, now=now, state="delivered", last_status=status, last_error=None)
    _log(connection, message, status, None, seconds, now)


def failed(
    connection: Connection,
    message: Message,
    error: str,
    *,
    status: int | None,
    seconds: float,
    now: int,
    jitter: float | None = None,
    final: bool = False,
) -> State:
    """Say that a message did not arrive: it is sent again later, or dead after a day.

    Args:
        connection: Of the transaction.
        message: As it was taken.
        error: Why, in words.
        status: What the receiver answered, or ``None`` where it did not.
        seconds: How long it took.
        now: The present.
        jitter: In [0, 1), or ``None`` for one that follows from the message and attempt.
        final: Whether trying again is of no use.

    Returns:
        ``waiting`` or ``dead``.

    Raises:
        LeaseLostError: Somebody else has taken it since, and will say.
    """
    told = {"last_status": status, "last_error": cut(error)}
    state: State = "dead" if final or now >= message.give_up_at else "waiting"
    if state == "dead":
        _end(connection, message, now=now, state=state, **told)
    else:
        wait = delay(
            message.attempts,
            first=FIRST_DELAY,
            longest=LONGEST_DELAY,
            jitter=jitter_of(message.id, message.attempts) if jitter is None else jitter,
        )
        _change(connection, message, due_at=min(now + wait, message.give_up_at), **told)
    _log(connection, message, status, cut(error), seconds, now)
    return state


def redeliver(connection: Connection, message: str, *, now: int) -> None:
    """Send a message again that was delivered or is dead, for another day if need be.

    Raises:
        MissingError: There is no such message that has ended.
    """
    again = (
        sa.update(outbox)
        .where(outbox.c.id == message, outbox.c.state != "waiting")
        .values(state="waiting", due_at=now, give_up_at=now + GIVE_UP, ended_at=None)
    )
    if not connection.execute(again).rowcount:
        raise MissingError(f"there is no message {message:.40} that was delivered or is dead")
    bell.ring(connection, "outbox")


def take_back(connection: Connection, item: str, cause: str) -> bool:
    """Delete the messages about an item that one thing has caused, where none has left.

    Args:
        connection: Of the transaction that undoes what has caused them. Where this fails, let it
            be undone itself.
        item: About which item.
        cause: What their ``dedupe`` begins with, before a colon.

    Returns:
        Whether no sender had taken any of them.
    """
    caused = sa.and_(
        outbox.c.item == item, outbox.c.dedupe.startswith(f"{cause}:", autoescape=True)
    )
    count = connection.execute(sa.select(sa.func.count(outbox.c.id)).where(caused)).scalar_one()
    here = sa.delete(outbox).where(caused, outbox.c.state == "waiting", outbox.c.attempts == 0)
    return connection.execute(here).rowcount == count


def get(connection: Connection, message: str) -> Message | None:
    """Return a message, or ``None`` where there is none."""
    row = connection.execute(sa.select(outbox).where(outbox.c.id == message)).mappings().first()
    return None if row is None else Message(**row)


def of_item(connection: Connection, item: str) -> list[Message]:
    """Return the messages about an item, oldest first."""
    query = sa.select(outbox).where(outbox.c.item == item).order_by(outbox.c.id)
    return [Message(**row) for row in connection.execute(query).mappings()]


def of_target(
    connection: Connection,
    target: str,
    *,
    limit: int,
    state: State | None = None,
    before: Message | None = None,
) -> list[Message]:
    """Return messages to a target, newest first.

    Args:
        connection: To read by.
        target: To whom.
        limit: How many at most.
        state: Only those that stand so.
        before: Only those older than this one: the last of the page before.
    """
    query = sa.select(outbox).where(outbox.c.target == target)
    if state is not None:
        query = query.where(outbox.c.state == state)
    key = sa.tuple_(outbox.c.created_at, outbox.c.id)
    if before is not None:
        query = query.where(key < sa.tuple_(before.created_at, before.id))
    query = query.order_by(outbox.c.created_at.desc(), outbox.c.id.desc()).limit(limit)
    return [Message(**row) for row in connection.execute(query).mappings()]


def log(connection: Connection, message: str) -> list[Delivery]:
    """Return the attempts to deliver a message, in order."""
    query = sa.select(deliveries).where(deliveries.c.message == message)
    rows = connection.execute(query.order_by(deliveries.c.attempt)).mappings()
    return [Delivery(**row) for row in rows]


def backlog(connection: Connection) -> list[Backlog]:
    """Return what has not arrived, by target."""
    waiting = outbox.c.state == "waiting"
    query = (
        sa.select(
            outbox.c.target,
            sa.func.count(sa.case((waiting, 1))),
            sa.func.count(sa.case((outbox.c.state == "dead", 1))),
            sa.func.min(sa.case((waiting, outbox.c.created_at))),
        )
        .where(outbox.c.state.in_(("waiting", "dead")))  # Few of many: so an index finds them.
        .group_by(outbox.c.target)
        .order_by(outbox.c.target)
    )
    return [
        Backlog(target=target, waiting=count, dead=dead, oldest=oldest)
        for target, count, dead, oldest in connection.execute(query)
    ]


def purge(connection: Connection, before: int) -> int:
    """Forget messages that were delivered before a time, and their log; return how many.

    Dead ones stay, and so does the last message of each item, for the numbers to go on.
    """
    later = outbox.alias()
    followed = sa.exists().where(
        later.c.target == outbox.c.target,
        later.c.item == outbox.c.item,
        later.c.sequence > outbox.c.sequence,
    )
    query = sa.delete(outbox).where(
        outbox.c.state == "delivered",
        outbox.c.ended_at < before,
        sa.or_(outbox.c.item.is_(None), followed),
    )
    return connection.execute(query).rowcount


def _due(now: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what holds of a message that may be sent now."""
    earlier = outbox.alias()
    blocked = sa.exists().where(
        earlier.c.target == outbox.c.target,
        earlier.c.item == outbox.c.item,
        earlier.c.sequence < outbox.c.sequence,
        earlier.c.state == "waiting",
    )
    return outbox.c.state == "waiting", outbox.c.due_at <= now, ~blocked


def _next(connection: Connection, target: str, item: str) -> int:
    """Return the number of the next message about an item, which is locked first."""
    locked = sa.select(items.c.id).where(items.c.id == item).with_for_update(key_share=True)
    if connection.execute(locked).first() is None:
        raise MissingError(f"there is no item {item:.40}")
    query = sa.select(sa.func.coalesce(sa.func.max(outbox.c.sequence), 0)).where(
        outbox.c.target == target, outbox.c.item == item
    )
    last: int = connection.execute(query).scalar_one()
    return last + 1


def _end(connection: Connection, message: Message, *, now: int, **values: Any) -> None:
    _change(connection, message, ended_at=now, **values)
    # What waited for this one may be due.
    bell.ring(connection, "outbox")


def _change(connection: Connection, message: Message, **values: Any) -> None:
    mine = sa.update(outbox).where(
        outbox.c.id == message.id,
        outbox.c.state == "waiting",
        outbox.c.attempts == message.attempts,
    )
    if not connection.execute(mine.values(values)).rowcount:
        raise LeaseLostError(f"message {message.id} was taken by another sender meanwhile")


def _log(
    connection: Connection,
    message: Message,
    status: int | None,
    error: str | None,
    seconds: float,
    now: int,
) -> None:
    values = {
        "message": message.id,
        "attempt": message.attempts,
        "status": status,
        "error": error,
        "micros": span(seconds),
        "created_at": now,
    }
    connection.execute(sa.insert(deliveries), values)
