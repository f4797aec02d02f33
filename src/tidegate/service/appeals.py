"""``/v1/appeals``: notices for uploaders, and their appeals against what was decided.

A platform asks for the notice of an item and hands its link on, or shows the statement itself. An
appeal comes by the page of that link (:mod:`tidegate.review.appeals`), or by the platform, which
knows whose item it is.
"""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from tidegate.evidence import Action
from tidegate.service import appealing, notices, statements
from tidegate.service.auth import Principal, needs
from tidegate.service.problems import Conflict, NotFound, problem_responses
from tidegate.service.shape import After, Limit, Next, Shape
from tidegate.service.state import Service, service
from tidegate.store import appeals, audit, clock, decisions, items
from tidegate.store.clock import SECOND

router = APIRouter(prefix="/v1", tags=["appeals"])

At = Annotated[Service, Depends(service)]
Reads = Annotated[Principal, needs("items.read")]
Writes = Annotated[Principal, needs("items.write")]

_ID = "0199c0de-0000-7000-8000-000000000001"
_AT = "2026-11-23T08:30:00.000000+00:00"

ItemId = Annotated[str, Path(description="Id of the item.", max_length=36, examples=[_ID])]
AppealId = Annotated[str, Path(description="Id of the appeal.", max_length=36, examples=[_ID])]

State = Literal["open", "overdue", "ended", "upheld", "reversed"]


class Part(Shape):
    """A part of a statement of reasons."""

    heading: str = Field(description="What it is about.", examples=["Who decided"])
    text: tuple[str, ...] = Field(
        description="Its paragraphs, plain text.",
        examples=[["A person decided. Software had looked at the content before."]],
    )


class Transparency(Shape):
    """What the DSA Transparency Database asks, as far as Tidegate knows it."""

    decision_visibility: str = Field(
        description="What was done.", examples=["DECISION_VISIBILITY_CONTENT_REMOVED"]
    )
    decision_ground: str = Field(
        description="Always the platform's terms: Tidegate judges by a policy, not by a law.",
        examples=["DECISION_GROUND_INCOMPATIBLE_CONTENT"],
    )
    category: str | None = Field(
        description="The nearest statement category; null where the ground has none.",
        examples=["STATEMENT_CATEGORY_VIOLENCE"],
    )
    automated_detection: str = Field(description="Whether software found it.", examples=["Yes"])
    automated_decision: str = Field(
        description="Whether software decided.", examples=["AUTOMATED_DECISION_FULLY"]
    )


class Notice(Shape):
    """What an uploader may be told of the decision in force on an item."""

    url: str = Field(
        description="A page for the uploader alone: whoever has the link is taken for them.",
        examples=[f"https://tidegate.example/appeal?notice={_ID}.1795000000.{'x' * 43}"],
    )
    decision: str = Field(description="Id of the decision.", examples=[_ID])
    action: Action = Field(description="What was decided.", examples=["remove"])
    until: str = Field(description="Until when it can be appealed against.", examples=[_AT])
    title: str = Field(
        description="The decision in one line.", examples=["Your content was removed"]
    )
    statement: tuple[Part, ...] = Field(
        description="The statement of reasons, as the page has it, to be shown or sent as it is."
    )
    dsa: Transparency = Field(description="For the Transparency Database.")


class NewAppeal(Shape):
    """An appeal that the platform brings for the uploader."""

    text: str = Field(
        min_length=1,
        max_length=appeals.LONGEST_TEXT,
        description="What the uploader says, plain text.",
        examples=["This is a scene of a play that I took part in."],
    )
    author: str = Field(
        default="",
        max_length=appeals.LONGEST_AUTHOR,
        description="What you call whoever appeals, opaque. It is given back, and not shown to "
        "reviewers.",
        examples=["a-8231"],
    )
    decision: str | None = Field(
        default=None,
        max_length=36,
        description="The decision that they know of; where another one is in force by now, that "
        "is a conflict. Null: the one in force.",
        examples=[_ID],
    )


class Appeal(Shape):
    """An appeal."""

    id: str = Field(description="Its id.", examples=[_ID])
    item: str = Field(description="About which item.", examples=[_ID])
    decision: str = Field(description="Against which decision.", examples=[_ID])
    case: str = Field(description="The case in which it is looked at.", examples=[_ID])
    author: str = Field(
        description="What you call whoever appeals; empty of an appeal by a link.",
        examples=["a-8231"],
    )
    text: str = Field(
        description="What they say, plain text.",
        examples=["This is a scene of a play that I took part in."],
    )
    state: Literal["open", "upheld", "reversed"] = Field(
        description="`upheld`: the decision stays; `reversed`: the item is treated better. Within "
        "half a minute a reviewer may take the answer back.",
        examples=["open"],
    )
    overdue: bool = Field(description="Open, and to be answered before now.", examples=[False])
    answer: str = Field(
        description="What the reviewer says to the uploader; empty where it ended because "
        "nothing restricts the item any more.",
        examples=[""],
    )
    outcome: str | None = Field(
        description="Id of the decision that has ended it.", examples=[None]
    )
    created_at: str = Field(description="When it was made.", examples=[_AT])
    due_at: str = Field(description="Until when it should be answered.", examples=[_AT])
    ended_at: str | None = Field(description="When it ended.", examples=[None])

    @classmethod
    def of(cls, one: appeals.Appeal, who: Principal, now: int) -> Self:
        """Return what somebody is shown of an appeal."""
        judges = "review" in who.scopes and "items.write" not in who.scopes
        return cls(
            id=one.id,
            item=one.item,
            decision=one.decision,
            case=one.case,
            author="" if judges else one.author,
            text=one.text,
            state=one.state,
            overdue=one.overdue(now),
            answer=one.answer,
            outcome=one.outcome,
            created_at=clock.text(one.created_at),
            due_at=clock.text(one.due_at),
            ended_at=None if one.ended_at is None else clock.text(one.ended_at),
        )


class Appeals(Shape):
    """A page of appeals."""

    appeals: tuple[Appeal, ...]
    next: Next


@router.post(
    "/items/{item}/notice",
    summary="Notify the uploader of a decision",
    responses=problem_responses(NotFound, Conflict),
)
def notify(item: ItemId, at: At, who: Writes) -> Notice:
    """A link and a text for the uploader: what was decided, why, and how to appeal against it.

    The time for an appeal begins now. A conflict where nothing restricts the item.
    """
    now = at.clock()
    with at.store.write() as connection:
        found = items.hold(connection, item)
        made = None if found.decision is None else decisions.get(connection, found.decision)
        if made is None or not statements.restricts(made.decision.action):
            raise appealing.NoAppealError("nothing")
        until = notices.until(at, now) // SECOND * SECOND
        why = appealing.barrier(connection, found, made.id, now=now, until=until)
        audit.append(
            connection,
            actor=who.actor,
            action="notice.make",
            subject=item,
            body={"decision": made.id, "until": until},
            now=now,
        )
    said = statements.statement(found, made, until if why is None else None)
    dsa = statements.transparency(made)
    return Notice(
        url=notices.url(at, made.id, until),
        decision=made.id,
        action=made.decision.action,
        until=clock.text(until),
        title=said.title,
        statement=tuple(Part(heading=part.heading, text=part.text) for part in said.parts),
        dsa=Transparency(
            decision_visibility=dsa.decision_visibility,
            decision_ground=dsa.decision_ground,
            category=dsa.category,
            automated_detection=dsa.automated_detection,
            automated_decision=dsa.automated_decision,
        ),
    )


@router.post(
    "/items/{item}/appeals",
    status_code=201,
    summary="Appeal against a decision",
    responses=problem_responses(NotFound, Conflict),
)
def create(item: ItemId, wanted: NewAppeal, at: At, who: Writes) -> Appeal:
    """Puts it before a person who had no part in the decision.

    Against one decision there is one appeal, and none against the answer to one. The platform
    knows how long it lets its users appeal: this route has no deadline.
    """
    now = at.clock()
    with at.store.write() as connection:
        made = appealing.appeal(
            connection,
            item,
            text=wanted.text,
            author=wanted.author,
            actor=who.actor,
            days=at.settings.appeal_days,
            decision=wanted.decision,
            now=now,
        )
    return Appeal.of(made, who, now)


@router.get("/appeals", summary="List appeals")
def list_appeals(
    at: At,
    who: Reads,
    state: Annotated[
        State | None,
        Query(description="Where they stand; `ended` is upheld or reversed.", examples=["open"]),
    ] = None,
    item: Annotated[str | None, Query(description="About which item.", max_length=36)] = None,
    after: After = None,
    limit: Limit = 50,
) -> Appeals:
    """Those that are open by when they are due; all others, and all together, newest first."""
    now = at.clock()
    with at.store.read() as connection:
        which = appeals.Filter(state=state, item=item)
        page = appeals.page(connection, which, now=now, after=after, limit=limit)
    shown = tuple(Appeal.of(one, who, now) for one in page.appeals)
    return Appeals(appeals=shown, next=page.cursor)


@router.get("/appeals/{appeal}", summary="Show an appeal", responses=problem_responses(NotFound))
def show(appeal: AppealId, at: At, who: Reads) -> Appeal:
    """With what the uploader says, and the answer."""
    with at.store.read() as connection:
        found = appeals.get(connection, appeal)
    if found is None:
        raise NotFound
    return Appeal.of(found, who, at.clock())
