"""``/v1/webhooks``: to whom messages go. The secret of one is shown once, when it is made."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from tidegate.evidence import ACTIONS, Action
from tidegate.service import alarms, outward
from tidegate.service.addresses import read_url
from tidegate.service.alarms import CALLBACK
from tidegate.service.auth import Principal, needs
from tidegate.service.callbacks import NOWHERE, callback_host, callback_key
from tidegate.service.envelope import EVENTS, WANTED, Wanted
from tidegate.service.fetch_error import FetchError
from tidegate.service.problems import Conflict, Fault, Invalid, NotFound, problem_responses
from tidegate.service.shape import After, Limit, Next, Reason, Shape, Why
from tidegate.service.signing import new_key
from tidegate.service.state import Service, service
from tidegate.store import audit, clock, ids, outbox, webhooks
from tidegate.store.clock import MINUTE
from tidegate.store.error import MissingError
from tidegate.store.webhooks import Key, Kind

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

At = Annotated[Service, Depends(service)]
Who = Annotated[Principal, needs("webhooks")]
Id = Annotated[
    str,
    Path(
        description="Id of the webhook.",
        max_length=36,
        examples=["0199c0de-0000-7000-8000-000000000001"],
    ),
]

_TOLD = "; ".join(f"`{event}`: {EVENTS[event]}" for event in WANTED)

Name = Annotated[
    str,
    Field(description="What it is called; no two have the same.", min_length=1, max_length=200),
]
Address = Annotated[
    str,
    Field(
        description="A URL, or one e-mail address. By https, and to a public address, unless the "
        "operator allows others.",
        min_length=1,
        max_length=2000,
    ),
]
Events = Annotated[
    tuple[Wanted, ...],
    Field(
        description=f"Of what it hears. {_TOLD}",
        min_length=1,
        max_length=len(WANTED),
        fail_fast=True,
    ),
]
Actions = Annotated[
    tuple[Action, ...],
    Field(
        description="Of which decisions it hears, by what is done: an `item.decided` or "
        "`item.reversed` with one of these actions, or that ends one of them. None: of all. "
        "Other events come whatever is said here.",
        max_length=len(ACTIONS),
        fail_fast=True,
        examples=[["remove", "quarantine"]],
    ),
]
PerMinute = Annotated[
    int | None,
    Field(
        description="How often something is sent at most; what waits goes as one.",
        ge=1,
        le=6000,
        examples=[30],
    ),
]
DigestSeconds = Annotated[
    int | None,
    Field(
        description="How long is collected what goes as one, 50 messages at most.",
        ge=1,
        le=86_400,
        examples=[300],
    ),
]


class SigningKey(Shape):
    """A key that signs, without its secret."""

    id: str = Field(description="The `kid` of a signature.", examples=["k1a2b3c4"])
    until: str | None = Field(description="When it ends, or null: it is in use.", examples=[None])


class Webhook(Shape):
    """A webhook, without its secret."""

    id: str = Field(description="Its id.", examples=["0199c0de-0000-7000-8000-000000000001"])
    name: str = Field(description="What it is called.", examples=["platform"])
    kind: Kind = Field(description="How messages go.", examples=["webhook"])
    address: str = Field(
        description="Where they go; of Slack only the host, for its URL is a secret.",
        examples=["https://platform.example/tidegate"],
    )
    events: tuple[str, ...] = Field(
        description="Of what it hears.", examples=[["item.decided", "item.reversed"]]
    )
    actions: Actions
    per_minute: PerMinute
    digest_seconds: DigestSeconds
    active: bool = Field(description="Whether it hears of anything.", examples=[True])
    version: int = Field(description="Counts its changes.", examples=[1])
    keys: tuple[SigningKey, ...] = Field(description="What signs, newest first.")
    created_at: str = Field(
        description="When it was made.", examples=["2026-11-23T08:30:00.000000+00:00"]
    )

    @classmethod
    def of(cls, hook: webhooks.Webhook, now: int) -> Self:
        """Return what is shown of a webhook."""
        address = hook.address
        if hook.kind == "slack":
            address = f"https://{urlsplit(address).hostname}/…"
        return cls(
            id=hook.id,
            name=hook.name,
            kind=hook.kind,
            address=address,
            events=hook.events,
            actions=hook.actions,
            per_minute=hook.per_minute,
            digest_seconds=hook.digest_seconds,
            active=hook.active,
            version=hook.version,
            keys=tuple(
                SigningKey(id=key.id, until=None if key.until is None else clock.text(key.until))
                for key in hook.signing(now)
            ),
            created_at=clock.text(hook.created_at),
        )


class Secret(Shape):
    """A key that signs, with its secret."""

    id: str = Field(description="The `kid` of a signature.", examples=["k1a2b3c4"])
    secret: str = Field(
        description="The text that HMAC-SHA256 is keyed with.", examples=["tgw_" + "x" * 43]
    )


class MadeWebhook(Shape):
    """A webhook, with a new key. This is the only time that its secret is shown."""

    webhook: Webhook
    key: Secret | None = Field(
        description="What signs from now on; null where nothing is signed: Slack, e-mail.",
    )


class Webhooks(Shape):
    """A page of webhooks, newest first."""

    webhooks: tuple[Webhook, ...]
    next: Next


class NewWebhook(Shape):
    """A webhook to make."""

    name: Annotated[Name, Field(examples=["platform"])]
    kind: Kind = Field(
        default="webhook",
        description="`webhook`: signed JSON; `slack`: text, for Slack and what understands the "
        "same; `email`: plain text by the operator's mail server.",
        examples=["webhook"],
    )
    address: Annotated[Address, Field(examples=["https://platform.example/tidegate"])]
    events: Annotated[Events, Field(examples=[["item.decided", "item.reversed"]])]
    actions: Actions = ()
    per_minute: PerMinute = None
    digest_seconds: DigestSeconds = None
    reason: Reason = ""


class Change(Shape):
    """What is to be different; what is left out stays as it is."""

    version: int = Field(description="Of the webhook, as it was looked at.", examples=[1])
    name: Annotated[Name, Field(examples=["platform"])] | None = None
    address: Annotated[Address, Field(examples=["https://platform.example/new"])] | None = None
    events: Annotated[Events, Field(examples=[["item.decided"]])] | None = None
    actions: Actions | None = None
    per_minute: PerMinute = None
    digest_seconds: DigestSeconds = None
    active: bool | None = Field(
        default=None,
        description="Whether it hears of anything. What happens while it does not is not told "
        "later; what waits already goes on waiting.",
        examples=[False],
    )
    reason: Reason = ""


class Rotation(Shape):
    """How to exchange the key."""

    overlap_minutes: int = Field(
        default=24 * 60,
        ge=0,
        le=30 * 24 * 60,
        description="How long the old key signs beside the new one.",
        examples=[24 * 60],
    )
    reason: Reason = ""


class CallbackHost(Shape):
    """Whose key to show."""

    host: str = Field(
        description="Host of the callbacks, a name or an address.",
        pattern=r"^[^/?#@\\\s]{1,253}$",
        examples=["platform.example"],
    )
    reason: Reason = ""


class Sent(Shape):
    """A message that was written."""

    message: str = Field(
        description="Its id; see its deliveries.", examples=["0199c0de-0000-7000-8000-000000000002"]
    )


class Behind(Shape):
    """What a target has not received."""

    target: str = Field(
        description="Id of a webhook, or `callback:HOST` of the callbacks of items.",
        examples=["callback:platform.example"],
    )
    waiting: int = Field(description="How many messages wait.", examples=[3])
    dead: int = Field(description="How many were given up.", examples=[0])
    oldest: str | None = Field(
        description="When the oldest that waits was written.",
        examples=["2026-11-23T08:30:00.000000+00:00"],
    )


class Backlog(Shape):
    """What has not arrived, by target."""

    targets: tuple[Behind, ...]


@router.post("", status_code=201, summary="Make a webhook", responses=problem_responses(Conflict))
def create(wanted: NewWebhook, at: At, who: Who) -> MadeWebhook:
    """Signed JSON goes to a `webhook`: the answer holds the secret, this once."""
    _check(wanted.kind, wanted.address)
    now = at.clock()
    key = _new_key() if wanted.kind == "webhook" else None
    with at.store.write() as connection:
        made = webhooks.add(
            connection,
            name=wanted.name,
            kind=wanted.kind,
            address=wanted.address,
            events=wanted.events,
            actions=wanted.actions,
            per_minute=wanted.per_minute,
            digest_seconds=wanted.digest_seconds,
            key=key,
            actor=who.actor,
            reason=wanted.reason,
            now=now,
        )
    return _made(made, key, now)


@router.get("", summary="List webhooks")
def list_webhooks(at: At, who: Who, after: After = None, limit: Limit = 50) -> Webhooks:
    """Newest first."""
    with at.store.read() as connection:
        found = webhooks.page(connection, after=after, limit=limit + 1)
    now, shown = at.clock(), found[:limit]
    return Webhooks(
        webhooks=tuple(Webhook.of(hook, now) for hook in shown),
        next=shown[-1].id if len(found) > limit else None,
    )


@router.get("/backlog", summary="What has not arrived")
def backlog(at: At, who: Who) -> Backlog:
    """Counts what waits and what was given up, for webhooks and for the callbacks of items."""
    with at.store.read() as connection:
        found = outbox.backlog(connection)
    return Backlog(
        targets=tuple(
            Behind(
                target=one.target,
                waiting=one.waiting,
                dead=one.dead,
                oldest=None if one.oldest is None else clock.text(one.oldest),
            )
            for one in found
        )
    )


@router.post("/callback-key", summary="Show the key that signs callbacks to a host")
def show_callback_key(of: CallbackHost, at: At, who: Who) -> Secret:
    """Each host has a key of its own, that follows from the server's key."""
    host = callback_host(f"https://{of.host}/")
    if host == NOWHERE:
        raise Invalid(errors=[Fault(pointer="/body/host", detail="is no host of a callback")])
    key = callback_key(at.secret, host)
    with at.store.write() as connection:
        audit.append(
            connection,
            actor=who.actor,
            action="webhook.callback-key",
            subject=CALLBACK + host,
            body={"key": key.id},
            reason=of.reason,
            now=at.clock(),
        )
    return Secret(id=key.id, secret=key.secret.text())


@router.get("/{webhook}", summary="Show a webhook", responses=problem_responses(NotFound))
def show(webhook: Id, at: At, who: Who) -> Webhook:
    """Without its secret: that is shown once, when it is made."""
    return Webhook.of(_found(at, webhook), at.clock())


@router.patch(
    "/{webhook}", summary="Change a webhook", responses=problem_responses(NotFound, Conflict)
)
def change(webhook: Id, wanted: Change, at: At, who: Who) -> Webhook:
    """Goes by its version: who has not seen the last change changes nothing."""
    values = {
        name: getattr(wanted, name)
        for name in wanted.model_fields_set - {"version", "reason"}
        # A limit may be taken away, the rest cannot be.
        if getattr(wanted, name) is not None or name in ("per_minute", "digest_seconds")
    }
    if wanted.address is not None:
        _check(_found(at, webhook).kind, wanted.address)
    now = at.clock()
    with at.store.write() as connection:
        changed = webhooks.change(
            connection,
            webhook,
            version=wanted.version,
            actor=who.actor,
            reason=wanted.reason,
            now=now,
            **values,
        )
    return Webhook.of(changed, now)


@router.post(
    "/{webhook}/rotate",
    status_code=201,
    summary="Exchange the key of a webhook",
    responses=problem_responses(NotFound, Conflict),
)
def rotate(webhook: Id, how: Rotation, at: At, who: Who) -> MadeWebhook:
    """Both keys sign for a while: a receiver that knows either of them is served."""
    now, key = at.clock(), _new_key()
    with at.store.write() as connection:
        changed = webhooks.rotate(
            connection,
            webhook,
            key,
            until=now + how.overlap_minutes * MINUTE,
            actor=who.actor,
            reason=how.reason,
            now=now,
        )
    return _made(changed, key, now)


@router.delete(
    "/{webhook}",
    status_code=204,
    summary="Delete a webhook",
    responses=problem_responses(NotFound),
)
def delete(
    webhook: Id,
    at: At,
    who: Who,
    reason: Annotated[
        str, Query(description="Why, for the audit chain.", max_length=2000, examples=["moved"])
    ] = "",
) -> None:
    """Nothing is sent to it any more, what waits included."""
    with at.store.write() as connection:
        webhooks.delete(connection, webhook, actor=who.actor, reason=reason, now=at.clock())


@router.post(
    "/{webhook}/test",
    status_code=202,
    summary="Test a webhook",
    responses=problem_responses(NotFound, Conflict),
)
def test(webhook: Id, why: Why, at: At, who: Who) -> Sent:
    """Sends it a `webhook.test`, as anything else is sent: its deliveries say what became of it."""
    now, hook = at.clock(), _found(at, webhook)
    if not hook.active:
        raise Conflict("the webhook is not active")
    with at.store.write() as connection:
        message = alarms.send_test(connection, hook, now=now)
        audit.append(
            connection,
            actor=who.actor,
            action="webhook.test",
            subject=webhook,
            body={"message": message},
            reason=why.reason,
            now=now,
        )
    return Sent(message=message)


def _found(at: Service, webhook: str) -> webhooks.Webhook:
    with at.store.read() as connection:
        hook = webhooks.get(connection, webhook)
    if hook is None:
        raise MissingError("there is no such webhook")
    return hook


def _check(kind: Kind, address: str) -> None:
    """Refuse an address to which nothing could be sent."""
    out = outward.read()
    if kind == "email":
        if not outward.is_address(address):
            raise Invalid("address is one e-mail address, as in team@platform.example")
        if out.smtp is None:
            raise Invalid("this service sends no e-mail: TIDEGATE_SMTP is not set")
        return
    try:
        read_url(address, out.allowance())
    except FetchError as error:
        raise Invalid(f"address {error}") from None


def _new_key() -> Key:
    made = new_key(f"k{ids.new()[-8:]}")
    return Key(id=made.id, secret=made.secret.text())


def _made(hook: webhooks.Webhook, key: Key | None, now: int) -> MadeWebhook:
    shown = None if key is None else Secret(id=key.id, secret=key.secret)
    return MadeWebhook(webhook=Webhook.of(hook, now), key=shown)
