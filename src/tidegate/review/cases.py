"""Cases: what is it, why is it here, and what is to be done with it.

Looking at a case takes nothing; whoever wants to answer it takes it first, for two minutes that
their page renews while it is seen. The page of a case whose answer is known, or that asks for a
second opinion, is the page of any other.
"""

from collections.abc import Callable, Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.responses import JSONResponse

from tidegate import taxonomy
from tidegate.review import answering, appeals, filled, words
from tidegate.review.around import around
from tidegate.review.dossier import Dossier, dossier
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.service import banks as api
from tidegate.service import cases as api_cases
from tidegate.service import casework
from tidegate.service.auth import Principal
from tidegate.service.bankviews import StateChange
from tidegate.service.casework import ANSWERS
from tidegate.service.problems import Conflict, NotFound
from tidegate.service.state import Service
from tidegate.store import actors, caselists, cases, claims, clock, exposure, queues, reviews
from tidegate.store.caselists import Filter
from tidegate.store.cases import Case
from tidegate.store.clock import SECOND
from tidegate.store.error import ConflictError, InvalidError, MissingError
from tidegate.store.preferences import Veil

router = APIRouter()

PATH = f"{HERE}/cases"

QUEUES = f"{HERE}/queues"

SHOWN = 10 * SECOND
"""What is booked where a page without scripts shows a picture: nobody tells how long."""

Sees = Annotated[Principal, visits("media.read")]
Works = Annotated[Principal, posts("review")]
Looks = Annotated[Principal, posts("media.read")]
Curates = Annotated[Principal, posts("banks.write")]
Id = Annotated[str, Path(max_length=36)]
Of = Annotated[str, Query(max_length=200)]


@router.post(f"{PATH}/next")
def take_next(at: At, who: Works, given: Given) -> Response:
    """Give the best case that is free, of one queue or of all; else one that is theirs already."""
    queue = text(given, "queue")
    now = at.clock()
    with at.store.write() as connection:
        mine = queues.visible(connection, who.id, who.role)
        wanted = [queue] if queue in mine else [] if queue else mine
        found = casework.next_case(connection, wanted, actor=who.actor, now=now)
        if found is None:
            found = _held(connection, who, wanted, now)
    if found is None:
        return go(_queues(queue), said="There is nothing left to do here.")
    return go(_case(found.id, queue))


@router.get(f"{PATH}/{{case}}")
def show(
    request: Request,
    case: Id,
    at: At,
    who: Sees,
    queue: Of = "",
    second: Annotated[float, Query(alias="at", ge=0, le=86_400)] = 0.0,
) -> Response:
    """Show a case."""
    return _page(request, at, who, case, queue=queue, second=second)


@router.post(f"{PATH}/{{case}}/show")
def unveil(request: Request, case: Id, at: At, who: Looks, given: Given) -> Response:
    """Show a case with its pictures unveiled, for pages without scripts.

    It is the answer itself and leads nowhere: nothing remembers that the pictures were shown, and
    to ask for it again is to see them again.
    """
    request.state.private = True
    now = at.clock()
    with at.store.write(durable=False) as connection:
        found = _seen(connection, at, who, case)
        exposure.book(connection, who.id, found.category, SHOWN, now=now)
    second = _number(given, "second")
    return _page(request, at, who, case, queue=text(given, "queue"), second=second, unveiled=True)


@router.post(f"{PATH}/{{case}}/seen")
def book(request: Request, case: Id, at: At, who: Looks, given: Given) -> Response:
    """Book what was seen unblurred; the page tells every few seconds, and is told what that makes.

    Nobody but they themselves is ever told.
    """
    request.state.private = True
    now = at.clock()
    with at.store.write(durable=False) as connection:
        found = _seen(connection, at, who, case)
        seconds = _number(given, "seconds")
        exposure.book(connection, who.id, found.category, clock.span(seconds), now=now)
        told = around(connection, who, now=now)
    return JSONResponse(
        {"seconds": told.seen // SECOND, "soft": told.soft, "capped": told.capped},
        headers={"Cache-Control": "no-store"},
    )


@router.post(f"{PATH}/{{case}}/claim")
def claim(request: Request, case: Id, at: At, who: Works, given: Given) -> Response:
    """Take a case."""

    def take(connection: Connection, found: Case) -> None:
        claims.claim(connection, found.id, who.actor, now=at.clock())

    return _done(request, at, who, case, given, take, stay=True)


@router.post(f"{PATH}/{{case}}/renew")
def renew(case: Id, at: At, who: Works, given: Given) -> Response:
    """Keep a case for two minutes more; or tell whose it is by now."""
    now = at.clock()
    with at.store.write(durable=False) as connection:
        found = _seen(connection, at, who, case, works=True)
        try:
            kept = claims.renew(connection, found.id, who.actor, now=now)
        except ConflictError as error:
            return JSONResponse({"lost": filled.faults(error).said}, 409)
    until = kept.claimed_until or now
    return JSONResponse({"seconds": (until - now) // SECOND}, headers={"Cache-Control": "no-store"})


@router.post(f"{PATH}/{{case}}/release")
def release(request: Request, case: Id, at: At, who: Works, given: Given) -> Response:
    """Give a case back."""

    def put_back(connection: Connection, found: Case) -> None:
        claims.release(connection, found.id, who.actor, now=at.clock())

    queue = text(given, "queue")
    done = _done(request, at, who, case, given, put_back, stay=True)
    return go(_queues(queue), said="The case is back in its queue.") if _went(done) else done


@router.post(f"{PATH}/{{case}}/decide")
def decide(request: Request, case: Id, at: At, who: Works, given: Given) -> Response:
    """Answer a case, and go on with the next."""

    def answer(connection: Connection, found: Case) -> None:
        version = int(_number(given, "version"))
        casework.decide(
            connection,
            found.id,
            answering.read(given),
            actor=who.actor,
            version=version,
            now=at.clock(),
        )

    return _done(request, at, who, case, given, answer)


@router.post(f"{PATH}/{{case}}/skip")
def skip(request: Request, case: Id, at: At, who: Works, given: Given) -> Response:
    """Leave a case to others, and go on with the next."""

    def leave(connection: Connection, found: Case) -> None:
        claims.skip(connection, found.id, who.actor, now=at.clock())

    return _done(request, at, who, case, given, leave)


@router.post(f"{PATH}/{{case}}/escalate")
def escalate(request: Request, case: Id, at: At, who: Works, given: Given) -> Response:
    """Pass a case on to those who decide what others could not, and go on with the next."""

    def pass_on(connection: Connection, found: Case) -> None:
        reason = text(given, "reason") or text(given, "note")
        casework.escalate(connection, found.id, actor=who.actor, reason=reason, now=at.clock())

    return _done(request, at, who, case, given, pass_on)


@router.post(f"{PATH}/{{case}}/reverse")
def reverse(request: Request, case: Id, at: At, who: Works, given: Given) -> Response:
    """Open a case again that was decided."""

    def open_again(connection: Connection, found: Case) -> None:
        reason = text(given, "reason")
        if not reason:
            raise InvalidError("a reversal wants a reason")
        casework.reverse(connection, found.id, actor=who.actor, reason=reason, now=at.clock())

    return _done(request, at, who, case, given, open_again, stay=True)


@router.post(f"{PATH}/{{case}}/split")
def split(request: Request, case: Id, at: At, who: Works, given: Given) -> Response:
    """Give a copy that turns out to be different a case of its own."""

    def take_out(connection: Connection, found: Case) -> None:
        item = text(given, "item")
        casework.split(connection, found.id, item, actor=who.actor, now=at.clock())

    done = _done(request, at, who, case, given, take_out, stay=True)
    if not _went(done):
        return done
    return go(_case(case, text(given, "queue")), said="The copy has a case of its own.")


@router.post(f"{PATH}/{{case}}/wrong")
def wrong(case: Id, at: At, who: Curates, given: Given) -> Response:
    """Disable an entry that a case met wrongly, and ask whether to undo what it has caused."""
    bank, entry, reason = text(given, "bank"), text(given, "entry"), text(given, "reason")
    with at.store.read() as connection:
        found = _seen(connection, at, who, case)
    told = reason or f"found to be wrong in case {found.id}"
    api.set_state(bank, StateChange(ids=(entry,), state="disabled", reason=told), at, who)
    where = f"{HERE}/banks/{_quoted(bank)}/entries/{_quoted(entry)}/undo"
    return go(where, said=f"Entry {entry} of {bank} is disabled: it matches nothing any more.")


@router.post(f"{HERE}/reviews/{{review}}/undo")
def undo(review: Id, at: At, who: Works, given: Given) -> Response:
    """Take an answer back, and lead to its case. The one that they went on to goes back."""
    now = at.clock()
    with at.store.write() as connection:
        found = casework.undo(connection, review, actor=who.actor, now=now)
    with at.store.write(durable=False) as connection:
        other = cases.get(connection, text(given, "held")[:36])
        if other is not None and other.id != found.id and other.holder(now) == who.actor:
            claims.release(connection, other.id, who.actor, now=now)
    where = _case(found.id, text(given, "queue"))
    return go(where, said="Your answer is taken back. The case is yours again.")


def _held(connection: Connection, who: Principal, wanted: Sequence[str], now: int) -> Case | None:
    """Return a case that somebody has taken already, and not answered."""
    which = Filter(state="open", claimed_by=who.actor)
    found = caselists.search(connection, wanted, which, limit=5).cases
    return next((case for case in found if case.holder(now) == who.actor), None)


def _done(
    request: Request,
    at: Service,
    who: Principal,
    case: str,
    given: FormData,
    do: Callable[[Connection, Case], None],
    *,
    stay: bool = False,
) -> Response:
    """Do something with a case, and lead on; or show the case and why it could not be done."""
    queue = text(given, "queue")
    try:
        with at.store.write() as connection:
            do(connection, _seen(connection, at, who, case, works=True))
    except (ConflictError, InvalidError) as error:
        return _page(request, at, who, case, queue=queue, given=given, faults=filled.faults(error))
    return go(_case(case, queue)) if stay else take_next(at, who, given)


def _page(
    request: Request,
    at: Service,
    who: Principal,
    case: str,
    *,
    queue: str,
    second: float = 0.0,
    unveiled: bool = False,
    given: FormData | None = None,
    faults: filled.Faults = filled.NONE,
) -> Response:
    now = at.clock()
    with at.store.read() as connection:
        found = _seen(connection, at, who, case)
        told = dossier(connection, at, who, found)
        answered = None if found.review is None else reviews.get(connection, found.review)
        beside = around(connection, who, now=now)
        appeal = appeals.part(connection, found, now=now)
        names = () if answered is None else (answered.reviewer,)
        named = {actor: actors.name(connection, actor) for actor in names}
    choices = casework.reasons(told.rules.policy)
    return render(
        request,
        at,
        who,
        "cases/case.html",
        status=faults.status,
        base=f"{PATH}/{found.id}",
        title=words.category(found.category) if found.category else "Case",
        case=found,
        told=told,
        around=beside,
        answered=answered,
        named=named,
        appeal=appeal,
        answers=ANSWERS,
        reasons=[choice for choice in choices if choice.rule],
        others=taxonomy.detectable(),
        contexts=taxonomy.contexts(),
        begun=answering.begun(told, choices) if given is None else answering.again(given),
        queue=queue,
        second=_moment(told, second),
        unveiled=unveiled and not beside.capped,
        faults=faults,
        reviews="review" in who.scopes,
        reversible=found.state == "decided" and found.kind != "appeal",
        veil=_veil(told.veil),
    )


def _seen(
    connection: Connection, at: Service, who: Principal, case: str, *, works: bool = False
) -> Case:
    """Return a case, if somebody may see it.

    That is who works on one of its queues, has it, or has answered it; and who answers for banks.
    What somebody has only answered once, or looks at for its banks, they do not work on.

    Args:
        connection: To read by.
        at: The service.
        who: Who asks.
        case: Which.
        works: Whether they want to work on it.

    Raises:
        NotFound: There is none, or it is none of theirs.
    """
    found = cases.get(connection, case)
    if found is not None and not works and "banks.write" in who.scopes:
        return found
    may = api_cases.workable if works else api_cases.visible
    try:
        return may(connection, case, who, at.clock())
    except MissingError:
        raise NotFound("there is no such case, or it is in none of your queues") from None


def _veil(veil: Veil) -> str:
    """Return the classes of a veiled picture; see ``static/console.css`` and ``case.css``."""
    if veil.blur == "none":
        return "veiled grey" if veil.grey else "veiled none"
    colour = "" if veil.grey else " blur"
    return f"veiled{colour} light" if veil.blur == "light" else f"veiled{colour}"


def _moment(told: Dossier, second: float) -> float:
    """Return the second that is shown first: that asked for, or where something was strongest."""
    if second or not told.moments:
        return second
    return next((m.second for m in told.moments if m.texts), told.moments[0].second)


def _number(given: FormData, name: str) -> float:
    try:
        value = float(text(given, name) or 0)
    except ValueError:
        raise Conflict(f"{name} is no number") from None
    return value if 0 <= value <= 1e9 else 0.0


def _went(done: Response) -> bool:
    return done.status_code == 303


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _case(case: str, queue: str) -> str:
    return f"{PATH}/{case}" + (f"?queue={_quoted(queue)}" if queue else "")


def _queues(queue: str) -> str:
    return QUEUES + (f"?queue={_quoted(queue)}" if queue else "")
