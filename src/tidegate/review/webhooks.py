"""Webhooks: to whom messages go, what has arrived, and what has not."""

from typing import Annotated, Any, get_args
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from tidegate.evidence import ACTIONS
from tidegate.review import filled
from tidegate.review.filled import NONE, REFUSED, Faults, some, values
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.service import deliveries as log
from tidegate.service import webhooks as api
from tidegate.service.alarms import CALLBACK
from tidegate.service.auth import Principal
from tidegate.service.envelope import EVENTS, WANTED
from tidegate.service.shape import After, Why
from tidegate.service.state import Service
from tidegate.service.webhooks import CallbackHost, Change, MadeWebhook, NewWebhook, Rotation
from tidegate.store.outbox import State

router = APIRouter()

PATH = f"{HERE}/webhooks"

LIMIT = 50
"""Rows of a page."""

KINDS = {
    "webhook": "Signed JSON, to a service of yours",
    "slack": "Text for Slack, and for what understands the same",
    "email": "Plain text by e-mail",
}

STATES: tuple[State, ...] = get_args(State)

OVERLAPS = ((0, "not at all"), (60, "1 hour"), (24 * 60, "1 day"), (7 * 24 * 60, "7 days"))
"""How long an old key signs beside the new one, in minutes."""

_FIELDS = ("name", "kind", "address", "per_minute", "digest_seconds", "reason")

Who = Annotated[Principal, visits("webhooks")]
Changes = Annotated[Principal, posts("webhooks")]


@router.get(PATH)
def list_webhooks(request: Request, at: At, who: Who, after: After = None) -> Response:
    """Show webhooks, and what has not arrived at them."""
    page = api.list_webhooks(at, who, after=after, limit=LIMIT)
    behind = {one.target: one for one in api.backlog(at, who).targets}
    return render(
        request,
        at,
        who,
        "webhooks/list.html",
        hooks=page.webhooks,
        next=page.next,
        behind=behind,
        callbacks=[one for one in behind.values() if one.target.startswith(CALLBACK)],
        first=after is None,
    )


@router.get(f"{PATH}/new")
def new(request: Request, at: At, who: Who) -> Response:
    """Show the form of a new webhook."""
    given: dict[str, Any] = values({"kind": "webhook"}, _FIELDS)
    return _form(request, at, who, given | {"events": ("item.decided", "item.reversed")})


@router.post(PATH)
def create(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Make a webhook, and show its secret."""
    try:
        several = {"events": some(given, "events"), "actions": some(given, "actions")}
        made = api.create(filled.filled(NewWebhook, given, *_FIELDS, **several), at, who)
    except REFUSED as error:
        return _form(request, at, who, _shown(given), filled.faults(error))
    if made.key is None:
        return go(_path(made.webhook.id), said="The webhook is there. Send it a test.")
    return _secret(request, at, who, made)


@router.post(f"{PATH}/callback-key")
def show_callback_key(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Show the key that signs what goes to the callbacks of a host."""
    host = text(given, "host")
    key = api.show_callback_key(filled.filled(CallbackHost, given, "host", "reason"), at, who)
    return render(request, at, who, "webhooks/callbackkey.html", host=host, key=key)


@router.get(f"{PATH}/{{webhook}}")
def show(request: Request, webhook: str, at: At, who: Who) -> Response:
    """Show a webhook and its last messages."""
    page = log.list_deliveries(webhook, at, who, limit=10)
    behind = {one.target: one for one in api.backlog(at, who).targets}
    return render(
        request,
        at,
        who,
        "webhooks/webhook.html",
        hook=api.show(webhook, at, who),
        deliveries=page.deliveries,
        behind=behind.get(webhook),
        events=EVENTS,
        kinds=KINDS,
    )


@router.get(f"{PATH}/{{webhook}}/change")
def changing(request: Request, webhook: str, at: At, who: Who) -> Response:
    """Show the form of a webhook."""
    hook = api.show(webhook, at, who)
    held = hook.model_dump() | {"reason": ""}
    return _form(request, at, who, held, hook=webhook, version=hook.version)


@router.post(f"{PATH}/{{webhook}}/change")
def change(request: Request, webhook: str, at: At, who: Changes, given: Given) -> Response:
    """Change a webhook."""
    version = text(given, "version")
    # What is left empty is no limit; an address that is left empty stays: Slack's is not shown.
    limits = {name: text(given, name) or None for name in ("per_minute", "digest_seconds")}
    several = {"events": some(given, "events"), "actions": some(given, "actions")}
    try:
        wanted = filled.filled(
            Change,
            given,
            *("name", "address", "version", "reason"),
            **several,
            **limits,
            active=text(given, "active") == "1",
        )
        api.change(webhook, wanted, at, who)
    except REFUSED as error:
        wrong, shown = filled.faults(error), _shown(given)
        kind = api.show(webhook, at, who).kind
        return _form(request, at, who, shown | {"kind": kind}, wrong, hook=webhook, version=version)
    return go(_path(webhook), said="The webhook is changed.")


@router.post(f"{PATH}/{{webhook}}/test")
def test(request: Request, webhook: str, at: At, who: Changes) -> Response:
    """Send a test, and show what becomes of it."""
    try:
        sent = api.test(webhook, Why(), at, who)
    except REFUSED as error:
        return go(_path(webhook), said=filled.faults(error).said)
    return go(_path(webhook, "deliveries", sent.message), said="A test is on its way.")


@router.get(f"{PATH}/{{webhook}}/rotate")
def rotating(request: Request, webhook: str, at: At, who: Who) -> Response:
    """Ask whether the key of a webhook is to be exchanged."""
    return _ask(request, at, who, webhook, "rotate", overlaps=OVERLAPS)


@router.post(f"{PATH}/{{webhook}}/rotate")
def rotate(request: Request, webhook: str, at: At, who: Changes, given: Given) -> Response:
    """Exchange the key of a webhook, and show the new one."""
    try:
        made = api.rotate(
            webhook, filled.filled(Rotation, given, "overlap_minutes", "reason"), at, who
        )
    except REFUSED as error:
        wrong = filled.faults(error)
        return _ask(request, at, who, webhook, "rotate", wrong, overlaps=OVERLAPS)
    return _secret(request, at, who, made)


@router.get(f"{PATH}/{{webhook}}/delete")
def deleting(request: Request, webhook: str, at: At, who: Who) -> Response:
    """Ask whether a webhook is to be deleted."""
    return _ask(request, at, who, webhook, "delete")


@router.post(f"{PATH}/{{webhook}}/delete")
def delete(webhook: str, at: At, who: Changes, given: Given) -> Response:
    """Delete a webhook."""
    name = api.show(webhook, at, who).name
    api.delete(webhook, at, who, reason=filled.why(given).reason)
    return go(PATH, said=f"The webhook {name} is deleted.")


@router.get(f"{PATH}/{{webhook}}/deliveries")
def list_deliveries(
    request: Request, webhook: str, at: At, who: Who, state: str = "", after: After = None
) -> Response:
    """Show what was sent to a webhook, or to the callbacks of a host."""
    standing = state if state in STATES else None
    page = log.list_deliveries(webhook, at, who, state=standing, after=after, limit=LIMIT)
    return render(
        request,
        at,
        who,
        "webhooks/deliveries.html",
        target=webhook,
        title=_title(at, who, webhook),
        above=_path(webhook),
        deliveries=page.deliveries,
        next=page.next,
        state=standing or "",
        states=[("", "any"), *((one, one) for one in STATES)],
        first=after is None,
    )


@router.get(f"{PATH}/{{webhook}}/deliveries/{{message}}")
def show_delivery(request: Request, webhook: str, message: str, at: At, who: Who) -> Response:
    """Show a message and every attempt to deliver it."""
    found = log.show_delivery(webhook, message, at, who)
    return render(
        request,
        at,
        who,
        "webhooks/delivery.html",
        title=_title(at, who, webhook),
        above=_path(webhook),
        one=found.delivery,
        attempts=found.attempts,
        body=msgspec.json.format(msgspec.json.encode(found.body)).decode(),
    )


@router.post(f"{PATH}/{{webhook}}/deliveries/{{message}}/redeliver")
def redeliver(webhook: str, message: str, at: At, who: Changes, given: Given) -> Response:
    """Send a message once more."""
    log.redeliver(webhook, message, filled.why(given), at, who)
    return go(_path(webhook, "deliveries", message), said="It is sent once more.")


@router.get(f"{PATH}/{{webhook}}/redeliver")
def redelivering(request: Request, webhook: str, at: At, who: Who) -> Response:
    """Ask whether all that was given up is to be sent once more."""
    behind = {one.target: one for one in api.backlog(at, who).targets}
    return render(
        request,
        at,
        who,
        "webhooks/redeliver.html",
        title=_title(at, who, webhook),
        above=_path(webhook),
        behind=behind.get(webhook),
    )


@router.post(f"{PATH}/{{webhook}}/redeliver")
def redeliver_dead(webhook: str, at: At, who: Changes, given: Given) -> Response:
    """Send all that was given up once more."""
    again = log.redeliver_dead(webhook, filled.why(given), at, who)
    said = f"Sent once more: {again.messages:,} that had been given up."
    return go(_path(webhook, "deliveries"), said=said)


def _form(
    request: Request,
    at: Service,
    who: Principal,
    given: dict[str, Any],
    wrong: Faults = NONE,
    *,
    hook: str | None = None,
    version: int | str | None = None,
) -> Response:
    return render(
        request,
        at,
        who,
        "webhooks/form.html",
        status=wrong.status,
        hook=hook,
        looked_at=version,
        given={"active": True, "actions": ()} | given,
        faults=wrong,
        kinds=KINDS.items(),
        events=[(event, f"{event}: {EVENTS[event]}") for event in WANTED],
        actions=[(action, action) for action in ACTIONS],
    )


def _ask(
    request: Request,
    at: Service,
    who: Principal,
    webhook: str,
    what: str,
    wrong: Faults = NONE,
    **more: object,
) -> Response:
    return render(
        request,
        at,
        who,
        f"webhooks/{what}.html",
        status=wrong.status,
        hook=api.show(webhook, at, who),
        faults=wrong,
        **more,
    )


def _secret(request: Request, at: Service, who: Principal, made: MadeWebhook) -> Response:
    """Show a new key, this once: it is in no address, no cookie and no log."""
    return render(
        request, at, who, "webhooks/made.html", status=201, hook=made.webhook, key=made.key
    )


def _shown(given: FormData) -> dict[str, Any]:
    several = {"events": some(given, "events"), "actions": some(given, "actions")}
    return {**values(given, _FIELDS), **several, "active": text(given, "active") == "1"}


def _title(at: Service, who: Principal, target: str) -> str:
    if target.startswith(CALLBACK):
        return f"Callbacks to {target.removeprefix(CALLBACK)}"
    return api.show(target, at, who).name


def _path(webhook: str, *parts: str) -> str:
    return "/".join((PATH, quote(webhook, safe=":"), *parts))
