"""All that is known of an item, as its page tells it to somebody."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from tidegate import evidence as values
from tidegate.evidence import Evidence
from tidegate.report import words
from tidegate.report.timeline import Timeline, timeline
from tidegate.report.withhold import withheld
from tidegate.service import statements
from tidegate.service.alarms import CALLBACK
from tidegate.service.auth import Principal
from tidegate.service.media import Links, links_for
from tidegate.service.quality import BLIND
from tidegate.service.references import references
from tidegate.service.showing import Hidden, hidden
from tidegate.service.state import Service
from tidegate.store import actors, appeals, cases, decisions, outbox, webhooks
from tidegate.store.appeals import Appeal
from tidegate.store.cases import Case
from tidegate.store.decisions import Past, Recorded
from tidegate.store.items import Item
from tidegate.store.outbox import Message

HISTORY = 50
"""Decisions that are listed, the newest."""

MESSAGES = 50
"""Messages that are listed, the newest."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A message about an item.

    Attributes:
        message: The message.
        to: Whom it is for, in words.
        webhook: Id of the webhook, where it is one that is still there.
    """

    message: Message
    to: str
    webhook: str | None


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that is known of an item.

    Attributes:
        item: The item.
        reference: Where it came from, as far as somebody may know.
        made: The decision in force, or ``None``.
        judged: What that rests on, as reports have it; or ``None`` where nothing is recorded.
        outcome: Why it was decided so, in a sentence, where no rule of the policy tells; or empty.
        unknowns: What could not be answered, and no reason tells.
        withheld: Whether nothing that holds a trace of the picture is told.
        author: Who decided, in words.
        timeline: What happened when, of what moves.
        hidden: Why nobody is shown it, or ``None``.
        links: Where it is seen, or ``None`` where it is not, by whoever looks.
        metadata: What the platform sent along, as text.
        history: Decisions, newest first, each with who made it.
        cases: Cases that it is or was in, newest first.
        appeals: Appeals against decisions on it, newest first.
        messages: What others were told of it, newest first.
        restricted: Whether its uploader can be notified: something restricts it.
    """

    item: Item
    reference: str | None
    made: Recorded | None
    judged: values.Item | None
    outcome: str
    unknowns: tuple[values.Unknown, ...]
    withheld: bool
    author: str
    timeline: Timeline | None
    hidden: Hidden | None
    links: Links | None
    metadata: str
    history: list[tuple[Past, str]]
    cases: list[Case]
    appeals: list[Appeal]
    messages: list[Sent]
    restricted: bool


def known(connection: Connection, at: Service, who: Principal, item: Item) -> Known:
    """Return all that is known of an item, as far as somebody may know it."""
    history = decisions.history(connection, item.id, limit=HISTORY)
    made = None if item.decision is None else decisions.get(connection, item.decision)
    evidence = None if made is None else made.evidence or _by_machine(connection, history)
    judged = None
    if made is not None and evidence is not None:
        judged = values.Item(
            path=item.id, evidence=evidence, decision=made.decision, elapsed=0, facts=made.facts
        )
    why = hidden(connection, item)
    sees = why is None and "media.read" in who.scopes
    return Known(
        item=item,
        reference=references(connection, who, [item])[0],
        made=made,
        judged=judged,
        outcome=_outcome(made, judged),
        unknowns=() if judged is None else _untold(judged),
        withheld=judged is not None and withheld(judged),
        author="" if made is None else _author(connection, made),
        timeline=None if judged is None else timeline(judged),
        hidden=why,
        links=links_for(connection, at, who, item.id) if sees else None,
        metadata=_pretty(item.metadata),
        history=[(past, _author(connection, past)) for past in history],
        cases=_cases(connection, who, item.id),
        appeals=appeals.of_item(connection, item.id) if "review" in who.scopes else [],
        messages=_sent(connection, item.id),
        restricted=statements.restricts(item.action),
    )


def _cases(connection: Connection, who: Principal, item: str) -> list[Case]:
    """Return the cases that somebody may know of; of blind ones, only who answers for reviewers."""
    if "review" not in who.scopes:
        return []
    found = cases.all_of_item(connection, item)
    return [case for case in found if case.kind not in BLIND or "audit" in who.scopes]


def _by_machine(connection: Connection, history: list[Past]) -> Evidence | None:
    """Return the evidence of the last decision of a machine: a person's may have none."""
    last = next((past.id for past in history if past.origin == "machine"), None)
    found = None if last is None else decisions.get(connection, last)
    return None if found is None else found.evidence


def _outcome(made: Recorded | None, judged: values.Item | None) -> str:
    if made is None:
        return ""
    if made.origin == "reviewer":
        return made.reason or "Whoever decided gave no reason."
    # What rules fired is listed with their reasons.
    return "" if judged is None or made.decision.reasons else words.outcome(judged)


def _untold(judged: values.Item) -> tuple[values.Unknown, ...]:
    told = {r.index for r in judged.decision.reasons if r.ground == "unknown"}
    return tuple(u for i, u in enumerate(words.unknowns(judged)) if i not in told)


def _author(connection: Connection, made: Recorded | Past) -> str:
    return "the policy" if made.origin == "machine" else actors.name(connection, made.author)


def _sent(connection: Connection, item: str) -> list[Sent]:
    newest = outbox.of_item(connection, item)[::-1][:MESSAGES]
    known = {one: webhooks.get(connection, one) for one in {m.target for m in newest}}
    told = []
    for message in newest:
        webhook = known[message.target]
        if webhook is not None:
            to = webhook.name
        elif message.target.startswith(CALLBACK):
            to = f"the callback at {message.target.removeprefix(CALLBACK)}"
        else:
            to = "a webhook that was removed"
        told.append(Sent(message=message, to=to, webhook=webhook.id if webhook else None))
    return told


def _pretty(metadata: dict[str, Any]) -> str:
    if not metadata:
        return ""
    return msgspec.json.format(msgspec.json.encode(metadata), indent=2).decode()
