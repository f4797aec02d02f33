"""What the tests of messages put into the store, and what they send with."""

from concurrent.futures import Executor, Future

import msgspec

from tests.store.making import accept, decision
from tidegate.evidence import Effect
from tidegate.service import alarms
from tidegate.store import decisions, items, outbox, webhooks
from tidegate.store.clock import SECOND

KEY = webhooks.Key(id="k1", secret="tgw_first")


class AtOnce(Executor):
    """Does what it is given before it returns."""

    def __init__(self):
        self.done = 0

    def submit(self, work, /, *arguments, **named):
        self.done += 1
        work(*arguments, **named)
        return Future()


class Receivers:
    """Takes the place of the courier: keeps what arrives, and answers as a test says."""

    def __init__(self, answer=lambda target, messages: None):
        self.answer = answer
        self.arrived = []

    def bring(self, target, messages):
        from tidegate.service.targets import Outcome

        outcome = self.answer(target, messages) or Outcome(status=200)
        if outcome.error is None:
            self.arrived.append((target.address, [message.id for message in messages]))
        return outcome


def add_hook(service, name="platform", events=("item.decided", "item.reversed"), **rest):
    fields = {"kind": "webhook", "address": "https://platform.example/tidegate", "key": KEY}
    if rest.get("kind", "webhook") != "webhook":
        fields["key"] = None
    with service.store.write() as connection:
        return webhooks.add(
            connection,
            name=name,
            events=events,
            actor="system",
            now=service.clock(),
            **fields | rest,
        )


def decide(service, item=None, *, action="remove", number=1, alarms_=(), **fields):
    """Decide an item, made if need be, with its messages; return the item's id."""
    now = service.clock()
    with service.store.write() as connection:
        item = item or accept(connection, number, now=now, **fields)
        made = decision(action, policy=f"default/{action}")
        effects = tuple(Effect(kind="alarm", value=name, rules=("rules.a",)) for name in alarms_)
        made = msgspec.structs.replace(made, effects=effects)
        new = decisions.New(item=item, origin="machine", author="worker:w", decision=made)
        held = items.hold(connection, item)
        result = decisions.record(connection, new, now=now)
        alarms.messages(connection, held, made, result, now=now)
    return item


def written(service, target):
    """Return the messages to a target, oldest first."""
    with service.store.read() as connection:
        return outbox.of_target(connection, getattr(target, "id", target), limit=1000)[::-1]


def pass_time(sender, clock, seconds):
    """Have a sender work through a time in 40 steps at most, without waiting for it."""
    least = round(seconds * SECOND) // 40 + 1
    until = clock.now + round(seconds * SECOND)
    pool = AtOnce()
    while True:
        done = pool.done
        wait = sender.round(pool)
        if pool.done > done:
            continue  # There is something to note.
        if clock.now == until:
            return
        clock.now = min(clock.now + max(round(wait * SECOND), least), until)
