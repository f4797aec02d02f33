"""What a message to the outside says: the JSON that webhooks carry, version 1.

A body is always one :class:`Envelope` with one or more messages. :class:`Body` is what is known
when something happens, and kept in the outbox; the sender adds the rest. What is not there is left
out. Nothing here is media, leads to media, or says who uploaded it: whoever needs that has
``external_id`` and gets back the ``metadata`` that it sent. Of an appeal it holds nothing that
the uploader wrote.
"""

from typing import Any, Literal, get_args

import msgspec

from tidegate.evidence import Action, Value
from tidegate.store.decisions import Origin

Event = Literal[
    "item.decided",
    "item.reversed",
    "item.failed",
    "appeal.opened",
    "appeal.decided",
    "alarm.raised",
    "bank.entry.added",
    "bank.entry.changed",
    "webhook.test",
]

Wanted = Literal[
    "item.decided",
    "item.reversed",
    "item.failed",
    "appeal.opened",
    "appeal.decided",
    "alarm.raised",
    "bank.entry.added",
    "bank.entry.changed",
]
"""What a webhook can ask for; a test is sent to it in any case."""

WANTED: tuple[Wanted, ...] = get_args(Wanted)

EVENTS: dict[Event, str] = {
    "item.decided": "An item was decided: the first time, or anew with the same action.",
    "item.reversed": "The action of an item that was decided before has changed.",
    "item.failed": "An item could not be judged, for a reason that is not in the item.",
    "appeal.opened": "Somebody has appealed against the decision on an item.",
    "appeal.decided": "An appeal has ended: by another person's answer, or because nothing "
    "restricts the item any more.",
    "alarm.raised": "A rule or a breaker of the policy has raised an alarm.",
    "bank.entry.added": "Somebody has added an entry to a bank.",
    "bank.entry.changed": "An entry of a bank was disabled, enabled or withdrawn.",
    "webhook.test": "Somebody has asked for a test of this webhook.",
}
"""Each event in words."""


class Item(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The item that a message is about.

    Attributes:
        id: Its id.
        external_id: What the platform calls it.
        surface: Where it is shown.
        sha256: Digest of its bytes.
        metadata: What the platform sent along, as it was.
    """

    id: str
    external_id: str | None = None
    surface: str | None = None
    sha256: str | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)


class Reason(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Why something was decided.

    Attributes:
        rule: Where in the policy the rule stands.
        text: The reason in words.
        action: What the rule asks for.
        category: Of the content.
    """

    rule: str
    text: str
    action: Action | None = None
    category: str | None = None


class Decision(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided.

    Attributes:
        id: Its id.
        action: What to do with the item.
        judged: False where the action rests on nothing but missing evidence.
        by: Whether the policy or a person decided.
        policy: Id and version of the policy.
        before: The item's action before, where it had one.
        reasons: The rules that count, strongest first, 20 at most.
        labels: Labels that the item gets.
        queues: Queues of reviewers that it goes to.
    """

    id: str
    action: Action
    judged: bool
    by: Origin
    policy: str
    before: Action | None = None
    reasons: tuple[Reason, ...] = ()
    labels: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()


class Alarm(Value, frozen=True, kw_only=True):
    """An alarm.

    Attributes:
        name: What the policy calls it.
        rules: The rules and breakers that have raised it.
    """

    name: str
    rules: tuple[str, ...]


class Appeal(Value, frozen=True, kw_only=True, omit_defaults=True):
    """An appeal. What the uploader wrote is not in it: ``GET /v1/appeals/{id}`` has that.

    Attributes:
        id: Its id.
        state: ``open``; ``upheld``: the decision stays; ``reversed``: the item is treated better.
        decision: Id of the decision that it is against.
        due_at: Until when it should be answered, ISO 8601 in UTC.
        answer: What the reviewer says to the uploader.
    """

    id: str
    state: Literal["open", "upheld", "reversed"]
    decision: str
    due_at: str
    answer: str | None = None


class Entry(Value, frozen=True, kw_only=True):
    """An entry of a bank.

    Attributes:
        bank: Name of the bank.
        id: Of the entry.
        state: ``active``, ``disabled`` or ``withdrawn``.
        by: Who has changed it.
        revision: Of the banks, after the change.
    """

    bank: str
    id: str
    state: str
    by: str
    revision: int


class Body(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What happened.

    Attributes:
        at: When, ISO 8601 in UTC.
        item: To which item.
        decision: What was decided.
        appeal: Which appeal.
        alarm: Which alarm.
        entry: Which entry of a bank.
        error: Why an item could not be judged.
    """

    at: str
    item: Item | None = None
    decision: Decision | None = None
    appeal: Appeal | None = None
    alarm: Alarm | None = None
    entry: Entry | None = None
    error: str | None = None


class Message(Body, frozen=True, kw_only=True, omit_defaults=True):
    """One message.

    Attributes:
        id: Its id. The same message may come twice, with the same id.
        event: What kind of thing happened.
        sequence: 1 for the first message about the item to this receiver, and one more for each.
        link: Where somebody may look at it, who is let in.
        notice: For the uploader alone: where the reasons of the decision are told, and an appeal
            against it is made. Whoever has the link is taken for them.
    """

    id: str
    event: Event
    sequence: int | None = None
    link: str | None = None
    notice: str | None = None


class Envelope(Value, frozen=True, kw_only=True):
    """The body of a webhook.

    Attributes:
        tidegate_webhook: Version of this JSON.
        messages: One, or several of a digest; each about another item.
    """

    tidegate_webhook: Literal[1] = 1
    messages: tuple[Message, ...]
