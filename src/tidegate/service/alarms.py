"""Who is told of what happens: messages, written in the transaction in which it happens.

One message for each webhook that is active and wants the event; one more to the item's callback.
At most one of each, however often it is decided or written: its ``dedupe`` names the decision,
the event and to whom. The sender takes them from there, and nothing here waits for anybody.
"""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection

from tidegate.evidence import Action, Decision
from tidegate.service import envelope
from tidegate.service.callbacks import callback_host
from tidegate.service.envelope import Alarm, Appeal, Body, Entry, Event
from tidegate.store import banks, clock, outbox, quality, webhooks
from tidegate.store.clock import SECOND
from tidegate.store.decisions import Origin, Recorded, Result
from tidegate.store.items import Item
from tidegate.store.webhooks import Webhook

CALLBACK = "callback:"
"""What the targets of callbacks begin with; the host follows, so that one waits for no other."""

MOST_REASONS = 20
"""Reasons of a decision that are told."""

LONGEST_TEXT = 500
"""Characters of a reason or an error that are told."""


def messages(
    connection: Connection,
    item: Item,
    decision: Decision,
    result: Result,
    *,
    now: int,
    by: Origin = "machine",
    due_at: int | None = None,
) -> None:
    """Tell that a decision has come into force, and of the alarms that it raises.

    Args:
        connection: Of the transaction that has recorded the decision.
        item: The item, as it was before or after.
        decision: What was decided.
        result: What became of it. One that was there before is not told again.
        now: The present.
        by: Whether the policy or a person decided.
        due_at: Nobody is told before; ``None`` is at once.
    """
    if not result.new:
        return
    reversed_ = result.before not in (None, decision.action)
    event: Event = "item.reversed" if reversed_ else "item.decided"
    body = Body(at=clock.text(now), item=_item(item), decision=_decision(decision, result, by))
    _tell(connection, event, body, f"{result.id}:{event}", now, item, due_at=due_at)
    quality.alarmed(connection, result.id, decision, now=now)
    for effect in decision.effects:
        if effect.kind == "alarm":
            alarm = Alarm(name=effect.value, rules=effect.rules)
            raised = msgspec.structs.replace(body, alarm=alarm)
            key = f"{result.id}:alarm.raised:{effect.value}"
            _tell(connection, "alarm.raised", raised, key, now, item, callback=False, due_at=due_at)


def appeal(
    connection: Connection,
    item: Item,
    told: Appeal,
    made: Recorded,
    *,
    now: int,
    due_at: int,
) -> None:
    """Tell that an appeal was made, or has ended; after the decision that has ended it.

    Args:
        connection: Of the transaction that notes it.
        item: The item.
        told: The appeal, as it is now.
        made: The decision: that it is against where it is open, else that has ended it.
        now: The present.
        due_at: Nobody is told before.
    """
    event: Event = "appeal.opened" if told.state == "open" else "appeal.decided"
    shown = _decision(made.decision, Result(id=made.id, new=True, before=None), made.origin)
    body = Body(at=clock.text(now), item=_item(item), decision=shown, appeal=told)
    _tell(connection, event, body, f"{made.id}:{event}", now, item, due_at=due_at)


def failed(connection: Connection, item: Item, error: str, *, now: int) -> None:
    """Tell that an item could not be judged, where it was not told of this version of it.

    Args:
        connection: Of the transaction that notes it.
        item: The item, as it was before.
        error: Why, in words.
        now: The present.
    """
    body = Body(at=clock.text(now), item=_item(item), error=error[:LONGEST_TEXT])
    _tell(connection, "item.failed", body, f"{item.id}:{item.version}:item.failed", now, item)


def entry(connection: Connection, changed: Entry, *, new: bool, now: int) -> None:
    """Tell that somebody has added or changed one entry of a bank. An import tells of none.

    Args:
        connection: Of the transaction that changes it.
        changed: The entry, as it is now.
        new: Whether it was added.
        now: The present.
    """
    event: Event = "bank.entry.added" if new else "bank.entry.changed"
    body = Body(at=clock.text(now), entry=changed)
    _tell(connection, event, body, f"entry:{changed.revision}", now)


def entries(
    connection: Connection, bank: str, ids: Collection[str], *, by: str, new: bool, now: int
) -> None:
    """Tell of entries of a bank one by one; see :func:`entry`.

    Args:
        connection: Of the transaction that changes them, after it has.
        bank: The name of the bank.
        ids: Of the entries.
        by: Who has changed them.
        new: Whether they were added.
        now: The present.
    """
    for row in banks.named(connection, bank, ids):
        changed = Entry(bank=bank, id=row.id, state=row.state, by=by, revision=row.revision)
        entry(connection, changed, new=new, now=now)


def send_test(connection: Connection, webhook: Webhook, *, now: int) -> str:
    """Write a message to one webhook, to see it arrive, and return its id."""
    body = Body(at=clock.text(now))
    made = outbox.append(connection, target=webhook.id, event="webhook.test", body=body, now=now)
    assert made is not None  # It has no dedupe.
    return made


def _tell(
    connection: Connection,
    event: Event,
    body: Body,
    key: str,
    now: int,
    item: Item | None = None,
    *,
    callback: bool = True,
    due_at: int | None = None,
) -> None:
    first = now if due_at is None else due_at
    wanting = webhooks.wanting(connection, event, _actions(event, body))
    due = {hook.id: _due(hook, first) for hook in wanting}
    if callback and item is not None and item.callback is not None:
        due[callback_target(item.callback)] = first
    for target, at in due.items():
        outbox.append(
            connection,
            target=target,
            event=event,
            body=body,
            now=now,
            item=None if item is None else item.id,
            due_at=at,
            dedupe=f"{key}:{target}",
        )


def _actions(event: Event, body: Body) -> frozenset[Action]:
    """Return what a decision does, and what it undoes: who has heard of a thing hears of its end.

    Of what is no decision in force there is nothing: whoever wants the event hears of it.
    """
    decision = body.decision
    if decision is None or event not in ("item.decided", "item.reversed"):
        return frozenset()
    before = () if decision.before is None else (decision.before,)
    return frozenset((decision.action, *before))


def callback_target(url: str) -> str:
    """Return the target under which the messages to an item's callback are sent."""
    return CALLBACK + callback_host(url)


def _due(hook: Webhook, first: int) -> int:
    """Return when a message may be sent: what one digest holds becomes due at once."""
    if not hook.digest_seconds:
        return first
    span = hook.digest_seconds * SECOND
    return (first // span + 1) * span


def _item(item: Item) -> envelope.Item:
    return envelope.Item(
        id=item.id,
        external_id=item.external_id,
        surface=item.facts.surface,
        sha256=item.sha256,
        metadata=item.metadata,
    )


def _decision(decision: Decision, result: Result, by: Origin) -> envelope.Decision:
    counting = [reason for reason in decision.reasons if reason.overruled_by is None]
    return envelope.Decision(
        id=result.id,
        action=decision.action,
        judged=decision.judged,
        by=by,
        policy=decision.policy,
        before=result.before,
        reasons=tuple(
            envelope.Reason(
                rule=reason.rule,
                text=reason.text[:LONGEST_TEXT],
                action=reason.action,
                category=reason.category,
            )
            for reason in counting[:MOST_REASONS]
        ),
        labels=tuple(effect.value for effect in decision.effects if effect.kind == "label"),
        queues=tuple(effect.value for effect in decision.effects if effect.kind == "queue"),
    )
