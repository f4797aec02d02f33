"""Sends what is in the outbox: each message at least once, those of one item in their order.

One thread talks to the database: it notes what came of attempts and hands out what is due; others
only send. So nothing waits for a receiver but the thread that sends to it, and many results are
kept by one transaction. Whoever is killed while it sends loses nothing: after :data:`LEASE` the
message is due again, and arrives a second time with the same id.

A target that does not answer is left alone for a while, longer each time, and then tried with one
message: the rest waits untouched, as long as it takes. A message is given up by a try that fails
a day after it was due. ``Retry-After``, rates and rests are kept in memory: each process that
sends has its own.
"""

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection

from tidegate.service import envelope, notices, outward
from tidegate.service.alarms import CALLBACK
from tidegate.service.callbacks import callback_host, callback_key
from tidegate.service.envelope import Body
from tidegate.service.secret import Secret
from tidegate.service.signing import SigningKey
from tidegate.service.targets import Courier, Outcome, Target
from tidegate.store import clock, items, outbox, waiting, webhooks
from tidegate.store.backoff import delay, jitter_of
from tidegate.store.clock import DAY, HOUR, MINUTE, SECOND
from tidegate.store.error import LeaseLostError
from tidegate.store.outbox import Message
from tidegate.store.webhooks import Webhook

if TYPE_CHECKING:
    from tidegate.service.state import Service

LEASE = 120.0
"""Seconds after which a message that was taken is due again: more than any attempt takes."""

THREADS = 16
"""Attempts at a time."""

LANES = 8
"""Attempts at a time to one target, each with another item."""

MOST = 50
"""Messages of a digest at most."""

FIRST_REST, LONGEST_REST = 5.0, 300.0
"""Seconds that a target which does not answer is left alone: at first, and at most."""

KEPT = 30 * DAY
"""How long what was delivered is remembered."""

_IDLE = 1.0
"""Seconds after which messages are looked for that no bell told of."""

_STOP = 0.1
"""Seconds between two looks at whether to stop, while nothing rings."""

_RETRY = 1.0
"""Seconds before a database that cannot be used is tried again."""

logger = logging.getLogger(__name__)


@dataclass
class _Line:
    """How it goes with one target.

    Attributes:
        busy: Attempts under way.
        failures: How often in a row it did not answer.
        rest_until: Until when it is left alone.
        blocked_until: Until when all that is due waits for another message of its item.
        sent: When something was sent, within the last minute.
    """

    busy: int = 0
    failures: int = 0
    rest_until: int = 0
    blocked_until: int = 0
    sent: deque[int] = field(default_factory=deque)

    def room(self, hook: Webhook | None, now: int) -> int:
        """Return how many more attempts may be made now."""
        if now < max(self.rest_until, self.blocked_until):
            return 0
        while self.sent and self.sent[0] <= now - MINUTE:
            self.sent.popleft()
        if hook is not None and hook.per_minute and len(self.sent) >= hook.per_minute:
            return 0
        return (1 if self.failures or _gathers(hook) else LANES) - self.busy

    def idle(self, now: int) -> bool:
        """Whether there is nothing to remember of it."""
        recent = self.sent and self.sent[-1] > now - MINUTE
        return not (self.busy or self.failures or recent or now < self.rest_until)


@dataclass(frozen=True)
class _Sent:
    """An attempt that has ended."""

    target: str
    messages: list[Message]
    outcome: Outcome
    seconds: float


class Sender:
    """Sends what is due; one for each process.

    Args:
        service: What this process has open.
        courier: Brings messages; by default as the environment says.
        name: Of this sender, for the record; by default the machine's and the process's.

    Raises:
        SettingError: The environment says something that makes no sense.
    """

    def __init__(
        self, service: "Service", *, courier: Courier | None = None, name: str | None = None
    ) -> None:
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._store = service.store
        self._clock = service.clock
        self._secret = service.secret
        self._courier = courier or Courier(
            outward.read(),
            service.settings.base_url,
            service.clock,
            notice=notices.of_messages(service),
        )
        self._lines: dict[str, _Line] = {}
        self._ended: deque[_Sent] = deque()
        self._wake = threading.Event()
        self._purged = 0

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; then end what is under way, and note it.

        Raises:
            StoreError: The database cannot be reached at the start.
        """
        over = threading.Event()
        with self._store.bell("outbox") as bell:

            def listen() -> None:
                while not (stop.is_set() or over.is_set()):
                    try:
                        if bell.wait(_STOP):
                            self._wake.set()
                    except Exception:
                        logger.exception("the database cannot be listened to")
                        stop.wait(_RETRY)
                self._wake.set()

            listener = threading.Thread(target=listen, name="tidegate-outbox")
            listener.start()
            try:
                with ThreadPoolExecutor(THREADS, thread_name_prefix="tidegate-sender") as pool:
                    while not stop.is_set():
                        self._wake.wait(self._try(pool))
                        self._wake.clear()
                self._note()
            finally:
                over.set()
                listener.join()

    def round(self, pool: Executor) -> float:
        """Note what has ended, and hand out what is due.

        Args:
            pool: What sends.

        Returns:
            Seconds after which there may be more to do, where nothing happens before.

        Raises:
            StoreError: The database cannot be used. Nothing is lost: call it again.
        """
        self._note()
        now = self._clock()
        self._purge(now)
        with self._store.read() as connection:
            waits = waiting.targets(connection)
            hooks = {w.target: webhooks.get(connection, w.target) for w in waits if w.due_at <= now}
        soonest = now + clock.span(_IDLE)
        for target, due_at in waits:
            if due_at > now:
                soonest = min(soonest, due_at)
                continue
            self._hand_out(target, hooks[target], pool, now)
        self._lines = {name: line for name, line in self._lines.items() if not line.idle(now)}
        return (soonest - now) / SECOND

    def _try(self, pool: Executor) -> float:
        try:
            return self.round(pool)
        except Exception:
            # The database is away, or restarts. What was sent is noted when it is back.
            logger.exception("nothing can be sent")
            return _RETRY

    def _hand_out(self, target: str, hook: Webhook | None, pool: Executor, now: int) -> None:
        """Take messages to one target, and have them sent."""
        if hook is not None and not hook.active:
            return
        line = self._lines.setdefault(target, _Line())
        room = min(line.room(hook, now), THREADS - sum(one.busy for one in self._lines.values()))
        if room < 1:
            return
        with self._store.write() as connection:
            taken = outbox.take(
                connection,
                target=target,
                sender=self.name,
                seconds=LEASE,
                limit=MOST if _gathers(hook) else room,
                now=now,
            )
            places = {message.id: self._place(connection, message, hook, now) for message in taken}
        if not taken:
            line.blocked_until = now + clock.span(_IDLE)
        for parcel in [taken] if taken and _gathers(hook) else [[message] for message in taken]:
            line.busy += 1
            line.sent.append(now)
            pool.submit(self._send, target, places[parcel[0].id], parcel)

    def _place(
        self, connection: Connection, message: Message, hook: Webhook | None, now: int
    ) -> Target | None:
        """Return where a message goes, or ``None`` where there is nobody any more."""
        if hook is not None:
            keys = tuple(SigningKey(key.id, Secret(key.secret)) for key in hook.signing(now))
            return Target(hook.kind, hook.address, keys)
        if message.target.startswith(CALLBACK) and message.item is not None:
            item = items.get(connection, message.item)
            if item is not None and item.callback is not None:
                key = callback_key(self._secret, callback_host(item.callback))
                return Target("webhook", item.callback, (key,), public=True)
        return None

    def _send(self, target: str, place: Target | None, messages: list[Message]) -> None:
        """Send, in a thread of the pool, and have the result noted."""
        began = time.monotonic()
        try:
            outcome = (
                Outcome("there is no such webhook any more", final=True)
                if place is None
                else self._courier.bring(place, _told(messages))
            )
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            outcome = Outcome(f"the message cannot be read: {error}", final=True)
        self._ended.append(_Sent(target, messages, outcome, time.monotonic() - began))
        self._wake.set()

    def _note(self) -> None:
        """Note what came of attempts that have ended."""
        ended = list(self._ended)
        if not ended:
            return
        now = self._clock()
        with self._store.write() as connection:
            for sent in ended:
                for message in sent.messages:
                    _record(connection, message, sent, now)
        for sent in ended:
            self._ended.popleft()
            self._judge(sent, now)

    def _judge(self, sent: _Sent, now: int) -> None:
        """Remember of a target how it answered."""
        line, outcome = self._lines[sent.target], sent.outcome
        line.busy -= 1
        if not outcome.alone:
            line.failures = 0
            return
        if now >= line.rest_until:
            # Those that were under way together count as one.
            line.failures += 1
            rest = delay(
                line.failures,
                first=FIRST_REST,
                longest=LONGEST_REST,
                jitter=jitter_of(sent.target, line.failures),
            )
            line.rest_until = now + rest
        line.rest_until = max(line.rest_until, now + clock.span(outcome.rest))

    def _purge(self, now: int) -> None:
        """Forget, once an hour, what was delivered long ago."""
        if now < self._purged + HOUR:
            return
        with self._store.write() as connection:
            outbox.purge(connection, now - KEPT)
        self._purged = now


def _gathers(hook: Webhook | None) -> bool:
    """Whether several messages go as one: in a digest, or where only so many may be sent."""
    return hook is not None and bool(hook.digest_seconds or hook.per_minute)


def _told(messages: Sequence[Message]) -> list[envelope.Message]:
    """Return messages as they travel."""
    return [_travelling(message) for message in messages]


def _travelling(message: Message) -> envelope.Message:
    body = msgspec.json.decode(message.body, type=Body)
    fields = {name: getattr(body, name) for name in Body.__struct_fields__}
    added = {"id": message.id, "event": message.event, "sequence": message.sequence}
    return msgspec.convert(fields | added, envelope.Message)


def _record(connection: Connection, message: Message, sent: _Sent, now: int) -> None:
    error, status, _, final, _ = sent.outcome
    seconds = sent.seconds
    try:
        if error is None:
            outbox.delivered(connection, message, status=status, seconds=seconds, now=now)
        else:
            outbox.failed(
                connection, message, error, status=status, seconds=seconds, now=now, final=final
            )
    except LeaseLostError as lost:
        logger.warning("%s: it may arrive twice", lost)
