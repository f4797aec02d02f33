"""Policies: what decides. Written, checked, tried on what was decided before, then put in force."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import PlainTextResponse

from tidegate import taxonomy
from tidegate.policy import Policy, PolicyError, parse, prose
from tidegate.report import replay_drawing as drawing
from tidegate.report import replay_words as words
from tidegate.review import filled
from tidegate.review.checking import (
    Checked,
    Different,
    Tried,
    checked,
    different,
    kept_cases,
    message,
    tried,
)
from tidegate.review.filled import NONE, REFUSED, Faults
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.service import policies as api
from tidegate.service.auth import Principal
from tidegate.service.policies import NewPolicy, VersionText
from tidegate.service.problems import Invalid
from tidegate.service.replaying import MOST, Replayed, replay_recorded
from tidegate.service.shape import After
from tidegate.service.state import Service
from tidegate.store import actors, policies, policycases
from tidegate.store.error import StateError

router = APIRouter()

PATH = f"{HERE}/policies"

LIMIT = 50
"""Rows of a page."""

DAYS = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"))
"""How far a replay may go back."""

Reads = Annotated[Principal, visits("policies.read")]
Writes = Annotated[Principal, visits("policies.write")]
Changes = Annotated[Principal, posts("policies.write")]


@router.get(PATH)
def list_policies(request: Request, at: At, who: Reads, after: After = None) -> Response:
    """Show what is in force, what was, and all versions."""
    page = api.list_versions(at, who, after=after, limit=LIMIT)
    past = api.list_activations(at, who, limit=10).activations
    with at.store.read() as connection:
        names = _names(connection, [*(p.author for p in page.policies), *(a.author for a in past)])
        versions = {a.policy: policies.need(connection, a.policy) for a in past}
    shown = {of: _title(version.source, version.policy) for of, version in versions.items()}
    return render(
        request,
        at,
        who,
        "policies/list.html",
        versions=page.policies,
        next=page.next,
        active=api.show_active(at, who),
        past=past,
        titles=shown,
        names=names,
        first=after is None,
    )


@router.get(f"{PATH}/new")
def new(
    request: Request,
    at: At,
    who: Writes,
    of: Annotated[str | None, Query(alias="from", max_length=36)] = None,
) -> Response:
    """Show the editor, with the policy in force or another one to start from."""
    base = api.show_active(at, who) if of is None else api.show(of, at, who)
    return _editor(request, at, who, base.source)


@router.post(f"{PATH}/check")
async def check(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Show the editor again, with what the text comes to. Changes nothing."""
    source, reason = _source(given), text(given, "reason")
    wrong = NONE
    found: Checked | None = None
    try:
        found = await at.slow.run(checked, at, _fitting(source))
    except REFUSED as error:
        wrong = filled.faults(error)
    return await run_in_threadpool(_editor, request, at, who, source, reason, found, wrong)


@router.post(PATH)
async def add(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Keep a version, if it loads. It is not in force by that."""
    source, reason = _source(given), text(given, "reason")
    found: Checked | None = None
    try:
        wanted = filled.made(NewPolicy, source=_fitting(source), reason=reason)
        made = await at.slow.run(api.add, wanted, at, who)
    except api.DoesNotLoad:
        found = await at.slow.run(checked, at, source)
        wrong = Faults("It is not kept: it does not load.", {}, 422)
    except REFUSED as error:
        wrong = filled.faults(error)
    else:
        said = "This version is kept. It decides nothing until it is put in force."
        return go(_path(made.id), said=said)
    return await run_in_threadpool(_editor, request, at, who, source, reason, found, wrong)


@router.get(f"{PATH}/roll-back")
def rolling_back(request: Request, at: At, who: Writes) -> Response:
    """Ask whether to go back to the policy that was in force before."""
    try:
        with at.store.read() as connection:
            version = policies.previous(connection).id
    except StateError as error:
        return go(PATH, said=f"{error}".capitalize())
    return _ask(request, at, who, version, back=True)


@router.post(f"{PATH}/roll-back")
def roll_back(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Go back to the policy that was in force before, if it is the one that was looked at."""
    version = text(given, "version")
    with at.store.read() as connection:
        wanted = policies.previous(connection)
    try:
        if wanted.id != version:
            raise StateError("another policy was put in force meanwhile: look again")
        api.roll_back(filled.why(given), at, who)
    except REFUSED as error:
        return _ask(request, at, who, wanted.id, filled.faults(error), back=True)
    return go(PATH, said="The policy from before is in force again.")


@router.get(f"{PATH}/{{policy}}")
def show(request: Request, policy: str, at: At, who: Reads) -> Response:
    """Show a version in words."""
    found = api.show(policy, at, who)
    try:
        held: Policy | None = _parsed(found)
        error = None
    except PolicyError as wrong:
        held, error = None, wrong
    return _tab(
        request,
        at,
        who,
        found,
        "words",
        held=held,
        error=error,
        prose=prose,
        untold=[c for c in taxonomy.detectable() if held and c not in held.thresholds],
    )


@router.get(f"{PATH}/{{policy}}/text")
def show_text(request: Request, policy: str, at: At, who: Reads) -> Response:
    """Show a version as it was written."""
    return _tab(request, at, who, api.show(policy, at, who), "text")


@router.get(f"{PATH}/{{policy}}/file")
def show_file(policy: str, at: At, who: Reads) -> Response:
    """Return the text of a version as a file."""
    found = api.show(policy, at, who)
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in found.policy)
    headers = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
    return PlainTextResponse(found.source, headers=headers)


@router.get(f"{PATH}/{{policy}}/difference")
def show_difference(request: Request, policy: str, at: At, who: Reads) -> Response:
    """Show in what a version differs from the one in force."""
    found = api.show(policy, at, who)
    return _tab(request, at, who, found, "difference", different=_different(at, found))


@router.get(f"{PATH}/{{policy}}/cases")
async def show_cases(request: Request, policy: str, at: At, who: Reads) -> Response:
    """Show what comes of the cases of a policy."""
    found = await run_in_threadpool(api.show, policy, at, who)
    told = await at.slow.run(_tried, at, found, None)
    return await run_in_threadpool(_cases, request, at, who, found, told)


@router.post(f"{PATH}/{{policy}}/cases")
async def keep_cases(request: Request, policy: str, at: At, who: Changes, given: Given) -> Response:
    """Try cases, and keep them where that is asked for and they load."""
    found = await run_in_threadpool(api.show, policy, at, who)
    source = _source(given, "cases")
    told = await at.slow.run(_tried, at, found, source)
    if not text(given, "keep"):
        return await run_in_threadpool(_cases, request, at, who, found, told)
    wrong = Faults("They are not kept: they do not load.", {}, 422)
    if told.error is None:
        try:
            await run_in_threadpool(_keep, at, who, found, source, given)
            return go(_path(policy, "cases"), said="The cases are kept, for all its versions.")
        except REFUSED as error:
            wrong = filled.faults(error)
    return await run_in_threadpool(_cases, request, at, who, found, told, wrong)


@router.get(f"{PATH}/{{policy}}/replay")
async def replay(
    request: Request,
    policy: str,
    at: At,
    who: Reads,
    days: Annotated[int | None, Query(ge=1, le=366)] = None,
) -> Response:
    """Show what a version would have decided in the last days. Changes nothing."""
    found = await run_in_threadpool(api.show, policy, at, who)
    told: Replayed | None = None
    if days is not None and not found.in_force:
        told = await at.slow.run(_replayed, at, found, days)
    return await run_in_threadpool(_replay, request, at, who, found, told, days)


@router.get(f"{PATH}/{{policy}}/activate")
def activating(request: Request, policy: str, at: At, who: Writes) -> Response:
    """Ask whether a version is to be put in force."""
    return _ask(request, at, who, policy)


@router.post(f"{PATH}/{{policy}}/activate")
def activate(request: Request, policy: str, at: At, who: Changes, given: Given) -> Response:
    """Put a version in force, if the one that it was held against still is."""
    try:
        if text(given, "against") != api.show_active(at, who).id:
            raise StateError("another policy was put in force meanwhile: look again")
        made = api.activate(policy, filled.why(given), at, who)
    except REFUSED as error:
        return _ask(request, at, who, policy, filled.faults(error))
    return go(PATH, said=f"{made.policy} is in force, from the next item on.")


def _editor(
    request: Request,
    at: Service,
    who: Principal,
    source: str,
    reason: str = "",
    found: Checked | None = None,
    wrong: Faults = NONE,
) -> Response:
    return render(
        request,
        at,
        who,
        "policies/edit.html",
        status=wrong.status,
        source=source,
        reason=reason,
        checked=found,
        message=message,
        faults=wrong,
        most=policies.LARGEST,
    )


def _tab(
    request: Request,
    at: Service,
    who: Principal,
    found: VersionText,
    tab: str,
    *,
    status: int = 200,
    **values: object,
) -> Response:
    with at.store.read() as connection:
        names = _names(connection, [found.author])
    return render(
        request,
        at,
        who,
        f"policies/{tab}.html",
        status=status,
        found=found,
        title=_title(found.source, found.policy),
        names=names,
        tab=tab,
        message=message,
        **values,
    )


def _cases(
    request: Request,
    at: Service,
    who: Principal,
    found: VersionText,
    told: Tried,
    wrong: Faults = NONE,
) -> Response:
    with at.store.read() as connection:
        held = policycases.get(connection, found.policy)
    return _tab(
        request,
        at,
        who,
        found,
        "cases",
        status=wrong.status,
        tried=told,
        kept=0 if held is None else held.version,
        most=policycases.LARGEST,
        faults=wrong,
    )


def _keep(at: Service, who: Principal, found: VersionText, source: str, given: FormData) -> None:
    kept = text(given, "kept")
    with at.store.write() as connection:
        policycases.put(
            connection,
            found.policy,
            source,
            version=int(kept) if kept.isascii() and kept.isdigit() and len(kept) < 10 else -1,
            actor=who.actor,
            reason=text(given, "reason"),
            now=at.clock(),
        )


def _replay(
    request: Request,
    at: Service,
    who: Principal,
    found: VersionText,
    told: Replayed | None,
    days: int | None,
) -> Response:
    made = None if told is None else told.replay
    old, new = ((), ()) if made is None else words.actions(made)
    return _tab(
        request,
        at,
        who,
        found,
        "replay",
        told=told,
        made=made,
        days=days,
        choices=DAYS,
        most=MOST,
        words=words,
        drawing=drawing,
        flow=None if made is None else drawing.sankey(made),
        counts={} if made is None else {(f.old, f.new): f.items for f in made.flows},
        old=old,
        new=new,
        moves=tuple((words.goal(action), "number") for action in new),
    )


def _ask(
    request: Request,
    at: Service,
    who: Principal,
    policy: str,
    wrong: Faults = NONE,
    *,
    back: bool = False,
) -> Response:
    """Ask whether a version is to be put in force, and show what that changes."""
    found = api.show(policy, at, who)
    return _tab(
        request,
        at,
        who,
        found,
        "activate",
        status=wrong.status,
        different=_different(at, found),
        against=api.show_active(at, who).id,
        back=back,
        faults=wrong,
    )


def _different(at: Service, found: VersionText) -> Different:
    try:
        return different(at, _parsed(found))
    except PolicyError as error:
        return Different("", found.policy, why=f"This version does not load any more: {error}")


def _replayed(at: Service, found: VersionText, days: int) -> Replayed:
    try:
        return replay_recorded(at, _parsed(found), days=days)
    except PolicyError as error:
        raise api.DoesNotLoad(error) from None


def _tried(at: Service, found: VersionText, source: str | None) -> Tried:
    """Try cases on a version; ``None`` is those that are kept."""
    try:
        policy = _parsed(found)
    except PolicyError as error:
        return Tried(source or "", error=error)
    return tried(policy, kept_cases(at, policy) if source is None else source)


def _parsed(found: VersionText) -> Policy:
    return parse(found.source, api.NAME)


@lru_cache(maxsize=64)  # Reading YAML takes long, and a version never changes.
def _title(source: str, name: str) -> str:
    """Return what a version is called; one that no longer loads by its name alone."""
    try:
        return parse(source, api.NAME).name
    except PolicyError:
        return name


def _source(given: FormData, name: str = "source") -> str:
    """Return a text as it is in a file: a browser ends lines as DOS does."""
    value = given.get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _fitting(source: str) -> str:
    if not source.strip():
        raise Invalid("there is no text")
    if len(source) > policies.LARGEST:
        raise Invalid(f"a policy has {policies.LARGEST:,} characters at most")
    return source


def _names(connection: Connection, of: Iterable[str]) -> dict[str, str]:
    return {actor: actors.name(connection, actor) for actor in {*of}}


def _path(policy: str, *parts: str) -> str:
    return "/".join((PATH, policy, *parts))
