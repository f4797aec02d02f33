"""How queues are worked on, and golden cases: pages of leads."""

from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData

from tidegate import taxonomy
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.service.auth import Principal
from tidegate.service.casework import ANSWERS
from tidegate.service.problems import NotFound
from tidegate.service.state import Service
from tidegate.store import actors, decisions, golden, items, queues
from tidegate.store.error import InvalidError, StateError
from tidegate.store.queues import QueueSettings, Role

router = APIRouter()

PATH = f"{HERE}/dashboard"

PAGE = 50
"""Rows of a page."""

SHARES = {
    "second_share": "Asked twice, %",
    "golden_share": "Golden, %",
    "benign_share": "Harmless, %",
}
"""Shares of a queue, as fields."""

ROLES = {"reviewer": "Reviewers and above", "lead": "Leads and admins", "admin": "Admins"}

LONGEST = 200
"""Characters of a reason, of a queue and of what a page takes on the way, at most."""

Leads = Annotated[Principal, visits("audit", "review")]
Changes = Annotated[Principal, posts("audit", "review")]


@router.get(f"{PATH}/queues")
def list_queues(request: Request, at: At, who: Leads) -> Response:
    """Show how each queue is worked on."""
    return _queues(request, at, who)


@router.post(f"{PATH}/queues")
def change(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Change how one is."""
    queue = text(given, "queue")
    try:
        values = {name: _share(given, name) for name in SHARES}
        version = int(text(given, "version") or "0")
    except ValueError as error:
        return _queues(request, at, who, queue, str(error), given)
    role = text(given, "role")
    if role not in get_args(Role):
        return _queues(request, at, who, queue, "Choose who works on it.", given)
    with at.store.write() as connection:
        queues.change(
            connection,
            queue,
            version=version,
            actor=who.actor,
            now=at.clock(),
            reason=text(given, "reason"),
            role=role,
            **values,
        )
    return go(f"{PATH}/queues", said=f"The queue {queue[:LONGEST]} is changed.")


@router.get(f"{PATH}/golden")
def list_golden(
    request: Request, at: At, who: Leads, after: Annotated[str | None, Query()] = None
) -> Response:
    """Show golden cases, and what was answered to them."""
    with at.store.read() as connection:
        found = golden.page(connection, limit=PAGE + 1, after=after)
        answers = golden.answers(connection, limit=PAGE)
        named = {one: actors.name(connection, one) for one in _actors(found, answers)}
    return render(
        request,
        at,
        who,
        "quality/golden.html",
        found=found[:PAGE],
        next=found[PAGE - 1].id if len(found) > PAGE else None,
        answers=answers,
        named=named,
    )


@router.get(f"{PATH}/golden/:new")
def new(request: Request, at: At, who: Leads, item: Annotated[str, Query()] = "") -> Response:
    """Show the form of a new one, of an item that was decided."""
    return _form(request, at, who, item, {})


@router.post(f"{PATH}/golden")
def make(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Make one."""
    item, action = text(given, "item"), text(given, "action")
    category = text(given, "category")
    values = {name: text(given, name) for name in ("queue", "category", "action", "note")}
    if action not in ANSWERS:
        return _form(request, at, who, item, values, {"action": "Choose the answer."})
    if category and category not in taxonomy.CATEGORIES:
        return _form(request, at, who, item, values, {"category": "Choose one of the list."})
    if not values["queue"]:
        return _form(request, at, who, item, values, {"queue": "Say in which queue."})
    said = golden.New(
        item=item,
        queue=values["queue"],
        category=category,
        action=action,
        note=values["note"],
    )
    try:
        with at.store.write() as connection:
            golden.make(connection, said, actor=who.actor, now=at.clock())
    except (InvalidError, StateError) as error:
        return _form(request, at, who, item, values, {"queue": str(error)})
    return go(f"{PATH}/golden", said="The golden case is there.")


@router.get(f"{PATH}/golden/{{case}}")
def show(case: str, request: Request, at: At, who: Leads) -> Response:
    """Show one, and what was answered to it."""
    with at.store.read() as connection:
        found = golden.get(connection, case)
        if found is None:
            raise NotFound
        answers = golden.answers(connection, limit=golden.MOST_OF_A_PAGE, golden_case=case)
        named = {one: actors.name(connection, one) for one in _actors([found], answers)}
    return render(request, at, who, "quality/show.html", one=found, answers=answers, named=named)


@router.post(f"{PATH}/golden/{{case}}/retire")
def retire(case: str, at: At, who: Changes, given: Given) -> Response:
    """Put one out of use."""
    with at.store.write() as connection:
        golden.retire(
            connection, case, actor=who.actor, reason=text(given, "reason"), now=at.clock()
        )
    return go(f"{PATH}/golden", said="The golden case is retired. What was answered stays.")


def _queues(
    request: Request,
    at: Service,
    who: Principal,
    wrong: str = "",
    error: str = "",
    given: FormData | None = None,
) -> Response:
    with at.store.read() as connection:
        found = queues.all_settings(connection)
    return render(
        request,
        at,
        who,
        "quality/queues.html",
        status=422 if error else 200,
        shown=[(one, _filled(one, given if one.queue == wrong else None)) for one in found],
        roles=list(ROLES.items()),
        shares=SHARES,
        wrong=wrong,
        error=error,
    )


def _filled(one: QueueSettings, given: FormData | None) -> dict[str, str]:
    """Return what the fields of a queue hold: as it is, or as it was filled in."""
    if given is not None:
        return {name: text(given, name) for name in ("role", *SHARES)}
    return {"role": one.role} | {name: f"{100 * getattr(one, name):g}" for name in SHARES}


def _share(given: FormData, name: str) -> float:
    written = text(given, name, "0")
    try:
        value = float(written)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise ValueError(f"“{SHARES[name]}” is a number from 0 to 100.")
    return value / 100


def _form(
    request: Request,
    at: Service,
    who: Principal,
    item: str,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
) -> Response:
    with at.store.read() as connection:
        found = items.get(connection, item) if item else None
        if found is None:
            raise NotFound
        made = decisions.get(connection, found.decision or "")
        known = queues.known(connection)
    start = {"queue": queues.REVIEW, "category": "", "action": found.action or "", "note": ""}
    if made is not None and made.decision.reasons:
        start["category"] = made.decision.reasons[0].category or ""
    return render(
        request,
        at,
        who,
        "quality/new.html",
        status=422 if errors else 200,
        item=found,
        values=start | values,
        errors=errors or {},
        queues=[(one, one) for one in known],
        answers=[("", "Choose"), *((one, one) for one in ANSWERS)],
        content=[("", "None in particular"), *((c, taxonomy.get(c).title) for c in _content())],
    )


def _content() -> tuple[str, ...]:
    return taxonomy.bankable()


def _actors(found: list[golden.Golden], answers: list[golden.Answered]) -> set[str]:
    return {one.author for one in found} | {one.reviewer for one in answers}
