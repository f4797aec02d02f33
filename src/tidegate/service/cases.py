"""``/v1/cases``: what waits for a person, who is at work on it, and what they answer.

The console is built on the same functions. Who asks sees the cases of the queues that they work
on (:func:`tidegate.store.queues.visible`), and those that they have themselves; of any other there
is none. A case that is put before a reviewer blind looks like any other to them.
"""

from typing import Annotated, Any, Self

import msgspec
from fastapi import APIRouter, Body, Depends, Path, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from tidegate.evidence import Action
from tidegate.service import casework
from tidegate.service.auth import Principal, needs
from tidegate.service.casework import ANSWERS, Answer
from tidegate.service.problems import Conflict, Invalid, NotFound, problem_responses
from tidegate.service.quality import BLIND
from tidegate.service.shape import After, Limit, Next, Shape, Why
from tidegate.service.state import Service, service
from tidegate.store import caselists, cases, claims, clock, queues, reviews
from tidegate.store.caselists import Depth, Filter
from tidegate.store.cases import Case, Kind, State
from tidegate.store.error import ConflictError, MissingError
from tidegate.store.reviews import LONGEST_NOTE, Review

router = APIRouter(tags=["cases"])

_ID = "0199c0de-0000-7000-8000-000000000011"
_ITEM = "0199c0de-0000-7000-8000-000000000001"
_AT = "2026-11-23T08:30:00.000000+00:00"

At = Annotated[Service, Depends(service)]
Who = Annotated[Principal, needs("review")]
Id = Annotated[str, Path(description="Id of the case.", max_length=36, examples=[_ID])]
Queue = Annotated[str, Field(max_length=200, examples=["review"])]


class CaseView(Shape):
    """A case."""

    id: str = Field(description="Its id.", examples=[_ID])
    kind: Kind = Field(description="What it is for.", examples=["review"])
    state: State = Field(
        description="`open`, `decided` by a person, or `closed` because nothing is left to decide.",
        examples=["open"],
    )
    category: str | None = Field(
        description="What it is about, or null: no single category.", examples=["sexual.explicit"]
    )
    item: str = Field(description="The item that it shows.", examples=[_ITEM])
    copies: int = Field(
        description="Items in it: with the same bytes, or nearly the same picture. An answer is "
        "for all of them.",
        examples=[3],
    )
    queues: tuple[str, ...] = Field(
        description="Where it stands, or stood when it ended, the best first.",
        examples=[["review"]],
    )
    confidence: float = Field(description="How sure the policy is, 0 to 1.", examples=[0.83])
    severity: float = Field(description="How bad it would be, 1 to 32.", examples=[8.0])
    reach: int = Field(
        description="How many people may come to see it, as far as is known.", examples=[12_000]
    )
    parent: str | None = Field(description="The case that it comes of.", examples=[None])
    opened_at: str = Field(description="When it was opened.", examples=[_AT])
    due_at: str | None = Field(description="When it should have an answer.", examples=[None])
    escalated: bool = Field(description="Whether somebody has passed it on.", examples=[False])
    claimed_by: str | None = Field(
        description="Who has it now: `user:ID` or `key:ID`.", examples=["key:0199c0de"]
    )
    claimed_until: str | None = Field(description="Until when.", examples=[_AT])
    version: int = Field(
        description="Counts what changes what is decided. An answer names the one that was seen.",
        examples=[1],
    )
    review: str | None = Field(description="The answer that has decided it.", examples=[None])
    ended_at: str | None = Field(description="When it was decided or closed.", examples=[None])

    @classmethod
    def of(cls, case: Case, who: Principal, now: int) -> Self:
        """Return what somebody is shown of a case."""
        blind = not _may_tell(case.kind, who)
        return cls(
            id=case.id,
            kind="review" if blind else case.kind,
            state=case.state,
            category=case.category or None,
            item=case.item,
            copies=case.copies,
            queues=case.queues,
            confidence=case.confidence,
            severity=case.severity,
            reach=round(case.reach),
            parent=None if blind else case.parent,
            opened_at=clock.text(case.opened_at),
            due_at=_text(case.due_at),
            escalated=case.escalated_by is not None,
            claimed_by=case.holder(now),
            claimed_until=_text(case.claimed_until if case.holder(now) else None),
            version=case.version,
            review=case.review,
            ended_at=_text(case.ended_at),
        )


class ReviewView(Shape):
    """What a person answered."""

    id: str = Field(description="Its id.", examples=["0199c0de-0000-7000-8000-000000000012"])
    case: str = Field(description="To which case.", examples=[_ID])
    reviewer: str = Field(description="Who.", examples=["key:0199c0de"])
    action: Action = Field(description="What is to be done.", examples=["remove"])
    rule: str | None = Field(
        description="Where in the policy the reason stands.",
        examples=["thresholds.sexual.explicit"],
    )
    category: str | None = Field(description="Of the taxonomy.", examples=["sexual.explicit"])
    note: str = Field(description="In words.", examples=[""])
    context: tuple[str, ...] = Field(description="Context flags that were set.", examples=[[]])
    created_at: str = Field(description="When.", examples=[_AT])
    leaves_at: str = Field(
        description="When others are told; until then it can be taken back.", examples=[_AT]
    )
    undone_at: str | None = Field(description="When it was taken back.", examples=[None])

    @classmethod
    def of(cls, review: Review) -> Self:
        """Return what is shown of an answer."""
        return cls(
            id=review.id,
            case=review.case,
            reviewer=review.reviewer,
            action=review.action,
            rule=review.rule or None,
            category=review.category or None,
            note=review.note,
            context=review.context,
            created_at=clock.text(review.created_at),
            leaves_at=clock.text(review.leaves_at),
            undone_at=_text(review.undone_at),
        )


class CaseWhole(CaseView):
    """A case with its answers."""

    reviews: tuple[ReviewView, ...] = Field(
        description="The answers so far, newest first, those that were taken back included."
    )


class CasePage(Shape):
    """Some cases."""

    cases: tuple[CaseView, ...]
    next: Next


class CopyView(Shape):
    """An item of a case."""

    item: str = Field(description="Its id.", examples=[_ITEM])
    distance: int = Field(
        description="Bits by which its PDQ differed from that of the case when it joined, 0 to 15; "
        "0 where the bytes are the same.",
        examples=[4],
    )
    joined_at: str = Field(description="When it joined.", examples=[_AT])


class CopyPage(Shape):
    """Some items of a case, in the order of ids."""

    copies: tuple[CopyView, ...]
    next: Next


class QueueView(Shape):
    """How much waits in a queue."""

    queue: str = Field(description="Its name.", examples=["review"])
    open: int = Field(description="Open cases.", examples=[120])
    claimed: int = Field(description="Of these, how many somebody is at work on.", examples=[3])
    overdue: int = Field(description="How many should have had an answer by now.", examples=[0])
    oldest: str | None = Field(description="When the oldest was opened.", examples=[_AT])

    @classmethod
    def of(cls, depth: Depth) -> Self:
        """Return what is shown of a queue."""
        shown = {name: getattr(depth, name) for name in Depth.__struct_fields__}
        return cls(**shown | {"oldest": _text(depth.oldest)})


class QueueList(Shape):
    """The queues that one works on, by name."""

    queues: tuple[QueueView, ...]


class ChoiceView(Shape):
    """A reason that the policy in force offers."""

    rule: str | None = Field(
        description="Where in the policy it stands; null: nothing is against it.",
        examples=["thresholds.sexual.explicit"],
    )
    text: str = Field(description="In words.", examples=["Sexually explicit. Pornographic …"])
    category: str | None = Field(description="Of the taxonomy.", examples=["sexual.explicit"])
    action: Action = Field(
        description="The strongest thing that the policy itself asks for by it.",
        examples=["review"],
    )


class ReasonList(Shape):
    """The reasons that the policy in force offers."""

    policy: str = Field(description="Its id and version.", examples=["default/2"])
    reasons: tuple[ChoiceView, ...]


class NextIn(Shape):
    """Which case one wants."""

    queues: Annotated[tuple[Queue, ...], Field(max_length=200, fail_fast=True)] | None = Field(
        default=None,
        description="From which queues; nothing: from all that one works on.",
        examples=[["review"]],
    )


class AnswerIn(Shape):
    """What somebody answers."""

    version: int = Field(ge=1, description="Of the case, as it was seen.", examples=[1])
    action: Action = Field(description=f"{', '.join(ANSWERS)}.", examples=["remove"])
    rule: str = Field(
        default="",
        max_length=300,
        description="Where in the policy the reason stands, as `/v1/cases/reasons` has it. None is "
        "needed with `allow`, or where the category says it all.",
        examples=["thresholds.sexual.explicit"],
    )
    category: str = Field(
        default="",
        max_length=100,
        description="Of the taxonomy; nothing: that of the rule.",
        examples=["sexual.explicit"],
    )
    note: str = Field(
        default="", max_length=LONGEST_NOTE, description="For those who work here.", examples=[""]
    )
    context: tuple[str, ...] = Field(
        default=(),
        fail_fast=True,
        max_length=20,
        description="Context flags to set.",
        examples=[["context.news"]],
    )


class SplitIn(Shape):
    """Which copy is to be a case of its own."""

    item: str = Field(max_length=36, description="Its id.", examples=[_ITEM])


@router.get("/v1/queues", summary="List your queues")
def list_queues(at: At, who: Who) -> QueueList:
    """Those that you work on, with what waits in them."""
    with at.store.read() as connection:
        found = caselists.depths(connection, _mine(connection, who), now=at.clock())
    return QueueList(queues=tuple(map(QueueView.of, found)))


@router.get("/v1/cases", summary="List cases", responses=problem_responses(Invalid))
def list_cases(
    at: At,
    who: Who,
    queue: Annotated[
        list[Queue] | None,
        Query(max_length=200, description="Of which queues; nothing: all that you work on."),
    ] = None,
    state: Annotated[State, Query(description="Where they stand.")] = "open",
    kind: Annotated[Kind | None, Query(description="What they are for.")] = None,
    category: Annotated[
        str | None, Query(max_length=100, description="What they are about.")
    ] = None,
    item: Annotated[str | None, Query(max_length=36, description="An item in them.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> CasePage:
    """Open ones in the order in which they are given out.

    With another state, or a kind, a category or an item: newest first.
    """
    which = Filter(kinds=_kinds(kind, who), state=state, category=category, item=item)
    with at.store.read() as connection:
        mine = _mine(connection, who, queue) if _may_tell(kind, who) else ()
        if which == Filter(state="open"):
            found = caselists.page(connection, mine, after=after, limit=limit)
        else:
            found = caselists.search(connection, mine, which, after=after, limit=limit)
    now = at.clock()
    shown = tuple(CaseView.of(case, who, now) for case in found.cases if not case.rests(now))
    return CasePage(cases=shown, next=found.cursor)


@router.get("/v1/cases/reasons", summary="List the reasons that the policy offers")
def list_reasons(at: At, who: Who) -> ReasonList:
    """An answer names one of them, or a category."""
    with at.store.read() as connection:
        policy = casework.policy_now(connection)
    shown = tuple(
        ChoiceView(
            rule=one.rule or None, text=one.text, category=one.category or None, action=one.action
        )
        for one in casework.reasons(policy)
    )
    return ReasonList(policy=policy.name, reasons=shown)


@router.post(
    "/v1/cases/next",
    summary="Take the next case",
    response_model=CaseView,
    responses={204: {"description": "Nothing waits that you could be given."}},
)
def next_case(at: At, who: Who, wanted: Annotated[NextIn, Body()] = NextIn()) -> Any:  # noqa: B008
    """It is yours for two minutes; renew it while you look, and it stays so."""
    now = at.clock()
    with at.store.write(durable=False) as connection:
        mine = _mine(connection, who, wanted.queues)
        found = casework.next_case(connection, mine, actor=who.actor, now=now)
    return Response(status_code=204) if found is None else CaseView.of(found, who, now)


@router.get("/v1/cases/{case}", summary="Show a case", responses=problem_responses(NotFound))
def show(case: Id, at: At, who: Who) -> CaseWhole:
    """With its answers. What the item is, and why it is here, `/v1/items/{item}` says."""
    with at.store.read() as connection:
        found = visible(connection, case, who, at.clock())
        given = reviews.of_case(connection, case)
    view = CaseView.of(found, who, at.clock())
    return CaseWhole(**dict(view), reviews=tuple(map(ReviewView.of, given)))


@router.get(
    "/v1/cases/{case}/copies",
    summary="List the items of a case",
    responses=problem_responses(NotFound),
)
def list_copies(case: Id, at: At, who: Who, after: After = None, limit: Limit = 50) -> CopyPage:
    """The shown one is among them."""
    with at.store.read() as connection:
        visible(connection, case, who, at.clock())
        found = cases.copies(connection, case, after=after, limit=limit + 1)
    shown = tuple(
        CopyView(item=one.item, distance=one.distance, joined_at=clock.text(one.created_at))
        for one in found[:limit]
    )
    return CopyPage(copies=shown, next=shown[-1].item if len(found) > limit else None)


@router.post(
    "/v1/cases/{case}/claim",
    summary="Take a case",
    responses=problem_responses(NotFound, Conflict),
)
def claim(case: Id, at: At, who: Who) -> CaseView:
    """Yours for two minutes. Where somebody else has it, the answer says who."""
    now = at.clock()
    with at.store.write(durable=False) as connection:
        workable(connection, case, who, now)
        found = claims.claim(connection, case, who.actor, now=now)
    return CaseView.of(found, who, now)


@router.post(
    "/v1/cases/{case}/renew",
    summary="Keep a case",
    responses=problem_responses(NotFound, Conflict),
)
def renew(case: Id, at: At, who: Who) -> CaseView:
    """Yours for another two minutes, where nobody else has taken it since."""
    now = at.clock()
    with at.store.write(durable=False) as connection:
        workable(connection, case, who, now)
        found = claims.renew(connection, case, who.actor, now=now)
    return CaseView.of(found, who, now)


@router.post(
    "/v1/cases/{case}/release",
    summary="Give a case back",
    responses=problem_responses(NotFound),
)
def release(case: Id, at: At, who: Who) -> CaseView:
    """Anybody may be given it then, you as well. What is not yours any more stays as it is."""
    now = at.clock()
    with at.store.write(durable=False) as connection:
        workable(connection, case, who, now)
        found = claims.release(connection, case, who.actor, now=now)
    return CaseView.of(found, who, now)


@router.post(
    "/v1/cases/{case}/skip",
    summary="Leave a case to others",
    responses=problem_responses(NotFound, Conflict),
)
def skip(case: Id, at: At, who: Who) -> CaseView:
    """You are not given it again."""
    now = at.clock()
    with at.store.write() as connection:
        workable(connection, case, who, now)
        found = claims.skip(connection, case, who.actor, now=now)
    return CaseView.of(found, who, now)


@router.post(
    "/v1/cases/{case}/escalate",
    summary="Pass a case on",
    responses=problem_responses(NotFound, Conflict),
)
def escalate(case: Id, why: Why, at: At, who: Who) -> CaseView:
    """It goes to those who decide what others could not, and leaves its queues."""
    now = at.clock()
    with at.store.write() as connection:
        workable(connection, case, who, now)
        found = casework.escalate(connection, case, actor=who.actor, reason=why.reason, now=now)
    return CaseView.of(found, who, now)


@router.post(
    "/v1/cases/{case}/decide",
    summary="Answer a case",
    responses=problem_responses(NotFound, Conflict, Invalid),
)
def decide(case: Id, given: AnswerIn, at: At, who: Who) -> ReviewView:
    """For all its items, at once. Others are told half a minute later.

    Where somebody else has the case, or it has changed since you saw it, the answer says what
    happened, and nothing is done. The same answer sent twice counts once.
    """
    said = msgspec.convert(given.model_dump(exclude={"version"}), Answer)
    with at.store.write() as connection:
        workable(connection, case, who, at.clock())
        review = casework.decide(
            connection, case, said, actor=who.actor, version=given.version, now=at.clock()
        )
    return ReviewView.of(review)


@router.post(
    "/v1/cases/{case}/undo",
    summary="Take your answer back",
    responses=problem_responses(NotFound, Conflict),
)
def undo(case: Id, at: At, who: Who) -> CaseView:
    """As if it had not been: nobody was told. The case is open, and yours again."""
    now = at.clock()
    with at.store.write() as connection:
        found = visible(connection, case, who, now)
        if found.review is None:
            raise ConflictError("this case has no answer")
        opened = casework.undo(connection, found.review, actor=who.actor, now=now)
    return CaseView.of(opened, who, now)


@router.post(
    "/v1/cases/{case}/reverse",
    summary="Open a decided case again",
    responses=problem_responses(NotFound, Conflict),
)
def reverse(case: Id, why: Why, at: At, who: Who) -> CaseView:
    """The decision stays in force until the next answer; who was told of it is told of that."""
    now = at.clock()
    with at.store.write() as connection:
        workable(connection, case, who, now)
        found = casework.reverse(connection, case, actor=who.actor, reason=why.reason, now=now)
    return CaseView.of(found, who, now)


@router.post(
    "/v1/cases/{case}/split",
    summary="Give a copy a case of its own",
    responses=problem_responses(NotFound, Conflict),
)
def split(case: Id, which: SplitIn, at: At, who: Who) -> CaseView:
    """For a copy that turns out to be different. The answer is its new case."""
    now = at.clock()
    with at.store.write() as connection:
        workable(connection, case, who, now)
        found = casework.split(connection, case, which.item, actor=who.actor, now=now)
    return CaseView.of(found, who, now)


def _may_tell(kind: Kind | None, who: Principal) -> bool:
    """Return whether somebody may know that a case is of this kind."""
    return kind not in BLIND or who.role != "reviewer"


def _kinds(kind: Kind | None, who: Principal) -> tuple[Kind, ...]:
    """Return the kinds that somebody asks for: what looks like a review to them is one."""
    if kind is None:
        return ()
    return (kind,) if kind != "review" or _may_tell("second", who) else (kind, *sorted(BLIND))


def _mine(
    connection: Connection, who: Principal, wanted: list[str] | tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """Return the queues that somebody works on, of those that they ask for."""
    mine = queues.visible(connection, who.id, who.role)
    return mine if wanted is None else tuple(queue for queue in mine if queue in wanted)


def workable(connection: Connection, case: str, who: Principal, now: int) -> Case:
    """Return a case that somebody may work on: in a queue of theirs, or theirs itself.

    Raises:
        MissingError: There is none for them.
    """
    found = cases.need(connection, case)
    mine = found.claimed_by == who.actor or set(found.queues) & set(_mine(connection, who))
    if not mine or found.rests(now):
        raise MissingError(f"there is no case {case:.40}")
    return found


def visible(connection: Connection, case: str, who: Principal, now: int) -> Case:
    """Return a case that somebody may see: that they may work on, or have answered before.

    Raises:
        MissingError: There is none for them.
    """
    if any(review.reviewer == who.actor for review in reviews.of_case(connection, case)):
        return cases.need(connection, case)
    return workable(connection, case, who, now)


def _text(at: int | None) -> str | None:
    return None if at is None else clock.text(at)
