"""``/v1/webhooks/…/deliveries``: what was sent to a webhook, how that went, and once more."""

from typing import Annotated, Any, Self

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from tidegate.service.alarms import CALLBACK
from tidegate.service.auth import Principal, needs
from tidegate.service.problems import NotFound, problem_responses
from tidegate.service.shape import After, Limit, Next, Shape, Why
from tidegate.service.state import Service, service
from tidegate.store import audit, clock, outbox, webhooks
from tidegate.store.error import MissingError
from tidegate.store.outbox import Message, State

router = APIRouter(prefix="/v1/webhooks/{webhook}", tags=["webhooks"])

At = Annotated[Service, Depends(service)]
Who = Annotated[Principal, needs("webhooks")]
Id = Annotated[
    str,
    Path(
        description="Id of the webhook, or `callback:HOST`: the callbacks of items to a host.",
        max_length=300,
        examples=["0199c0de-0000-7000-8000-000000000001"],
    ),
]
MessageId = Annotated[
    str,
    Path(
        description="Id of the message.",
        max_length=36,
        examples=["0199c0de-0000-7000-8000-000000000002"],
    ),
]


class Delivery(Shape):
    """A message, and how far it is."""

    id: str = Field(
        description="Id of the message.", examples=["0199c0de-0000-7000-8000-000000000002"]
    )
    event: str = Field(description="What happened.", examples=["item.decided"])
    item: str | None = Field(
        description="To which item.", examples=["0199c0de-0000-7000-8000-000000000003"]
    )
    sequence: int | None = Field(
        description="Of those about the item to this target, from 1.", examples=[1]
    )
    state: State = Field(description="How far it is.", examples=["delivered"])
    attempts: int = Field(description="How often it was tried.", examples=[1])
    last_status: int | None = Field(
        description="What the receiver answered last, an HTTP status.", examples=[200]
    )
    last_error: str | None = Field(description="Why it failed last.", examples=[None])
    created_at: str = Field(
        description="When it was written.", examples=["2026-11-23T08:30:00.000000+00:00"]
    )
    due_at: str | None = Field(description="When it is tried next.", examples=[None])
    ended_at: str | None = Field(
        description="When it arrived or was given up.",
        examples=["2026-11-23T08:30:01.000000+00:00"],
    )

    @classmethod
    def of(cls, message: Message) -> Self:
        """Return what is shown of a message."""
        return cls(
            id=message.id,
            event=message.event,
            item=message.item,
            sequence=message.sequence,
            state=message.state,
            attempts=message.attempts,
            last_status=message.last_status,
            last_error=message.last_error,
            created_at=clock.text(message.created_at),
            due_at=clock.text(message.due_at) if message.state == "waiting" else None,
            ended_at=None if message.ended_at is None else clock.text(message.ended_at),
        )


class Attempt(Shape):
    """One attempt."""

    number: int = Field(description="From 1.", examples=[1])
    at: str = Field(description="When it ended.", examples=["2026-11-23T08:30:01.000000+00:00"])
    seconds: float = Field(description="How long it took.", examples=[0.21])
    status: int | None = Field(description="What the receiver answered.", examples=[200])
    error: str | None = Field(description="What went wrong.", examples=[None])


class WholeDelivery(Shape):
    """A message with its body and all attempts."""

    delivery: Delivery
    attempts: tuple[Attempt, ...]
    body: dict[str, Any] = Field(
        description="What it says, without its id, event and sequence.",
        examples=[{"at": "2026-11-23T08:30:00.000000+00:00"}],
    )


class Deliveries(Shape):
    """A page of messages, newest first."""

    deliveries: tuple[Delivery, ...]
    next: Next


class Again(Shape):
    """What is sent once more."""

    messages: int = Field(description="How many messages.", examples=[12])


@router.get("/deliveries", summary="List deliveries", responses=problem_responses(NotFound))
def list_deliveries(
    webhook: Id,
    at: At,
    who: Who,
    state: Annotated[
        State | None, Query(description="Only those that are this far.", examples=["dead"])
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> Deliveries:
    """Newest first. What was delivered is remembered for 30 days, what is dead for ever."""
    _check(at, webhook)
    with at.store.read() as connection:
        before = None if after is None else _message(outbox.get(connection, after), webhook)
        found = outbox.of_target(connection, webhook, limit=limit + 1, state=state, before=before)
    shown = found[:limit]
    return Deliveries(
        deliveries=tuple(Delivery.of(message) for message in shown),
        next=shown[-1].id if len(found) > limit else None,
    )


@router.get(
    "/deliveries/{message}", summary="Show a delivery", responses=problem_responses(NotFound)
)
def show_delivery(webhook: Id, message: MessageId, at: At, who: Who) -> WholeDelivery:
    """With what it says, and every attempt."""
    with at.store.read() as connection:
        found = _message(outbox.get(connection, message), webhook)
        log = outbox.log(connection, message)
    return WholeDelivery(
        delivery=Delivery.of(found),
        attempts=tuple(
            Attempt(
                number=one.attempt,
                at=clock.text(one.created_at),
                seconds=one.micros / clock.SECOND,
                status=one.status,
                error=one.error,
            )
            for one in log
        ),
        body=msgspec.json.decode(found.body),
    )


@router.post(
    "/deliveries/{message}/redeliver",
    status_code=202,
    summary="Send a message once more",
    responses=problem_responses(NotFound),
)
def redeliver(webhook: Id, message: MessageId, why: Why, at: At, who: Who) -> Again:
    """With the same id: a receiver that had it drops it."""
    now = at.clock()
    with at.store.write() as connection:
        _message(outbox.get(connection, message), webhook)
        outbox.redeliver(connection, message, now=now)
        audit.append(
            connection,
            actor=who.actor,
            action="webhook.redeliver",
            subject=webhook,
            body={"message": message},
            reason=why.reason,
            now=now,
        )
    return Again(messages=1)


@router.post(
    "/redeliver",
    status_code=202,
    summary="Send all that was given up once more",
    responses=problem_responses(NotFound),
)
def redeliver_dead(webhook: Id, why: Why, at: At, who: Who) -> Again:
    """For another day, in the order of each item."""
    now = at.clock()
    _check(at, webhook)
    with at.store.write() as connection:
        count = webhooks.redeliver_dead(connection, webhook, now=now)
        audit.append(
            connection,
            actor=who.actor,
            action="webhook.redeliver",
            subject=webhook,
            body={"messages": count},
            reason=why.reason,
            now=now,
        )
    return Again(messages=count)


def _check(at: Service, webhook: str) -> None:
    if webhook.startswith(CALLBACK):
        return
    with at.store.read() as connection:
        if webhooks.get(connection, webhook) is None:
            raise MissingError("there is no such webhook")


def _message(found: Message | None, webhook: str) -> Message:
    if found is None or found.target != webhook:
        raise MissingError("there is no such message to this webhook")
    return found
