"""Appeals: the page that an uploader's link opens, the list for reviewers, and a part of the case.

Nobody logs in to the uploader's page, and it needs no script. Whoever has the link is taken for the
uploader: it shows what was decided and why, never the content, and takes one appeal. The token
stands in the query, which the log leaves out, and no page tells another site where it came from.
"""

from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from tidegate.evidence import Action
from tidegate.review.frame import HERE, At, fields, render, text, visits
from tidegate.service import appealing, notices, statements
from tidegate.service.appealing import NoAppealError, Why
from tidegate.service.auth import Principal
from tidegate.service.casework import UNDO
from tidegate.service.notices import Notice, NoticeError
from tidegate.service.state import Service
from tidegate.service.statements import Part, Statement
from tidegate.service.whence import network
from tidegate.store import appeals, decisions, items
from tidegate.store.appeals import Appeal, Filter
from tidegate.store.cases import Case
from tidegate.store.decisions import Past
from tidegate.store.error import InvalidError

router = APIRouter()

PATH = f"{HERE}/appeals"

APPEALING = 5.0
"""What an appeal costs of the limit of a network; to look costs 1."""

PAGE = 50

HEADERS = {"X-Robots-Tag": "noindex, nofollow"}
"""No search engine keeps a page that is for one person."""

Shown = Literal["open", "overdue", "ended"]

Token = Annotated[str, Query(alias="notice")]


class Told(NamedTuple):
    """What an uploader's page shows.

    Attributes:
        statement: What was decided, and why.
        appeal: What became of the appeal, or ``None`` where there is none.
        text: What the uploader wrote, line by line.
        why: Why there can be no appeal, or ``None`` where there can.
        until: Until when.
        changed: Whether the decision was changed by the appeal, and that is told.
    """

    statement: Statement
    appeal: Part | None
    text: tuple[str, ...]
    why: Why | None
    until: int
    changed: bool

    @property
    def title(self) -> str:
        """What there is to say first."""
        return self.statement.title if self.appeal is None else self.appeal.heading


class Row(NamedTuple):
    """An appeal in the list.

    Attributes:
        appeal: The appeal.
        action: What it is against.
        outcome: What was decided by its end, or ``None``.
    """

    appeal: Appeal
    action: Action
    outcome: Action | None


class Apart(NamedTuple):
    """What the page of a case shows of the appeal that it is about.

    Attributes:
        appeal: The appeal.
        lines: What the uploader wrote, line by line.
        against: The decision that it is against.
        overdue: Whether it should have been answered by now.
    """

    appeal: Appeal
    lines: tuple[str, ...]
    against: Past | None
    overdue: bool


@router.get(notices.PATH)
def notice(request: Request, at: At, notice: Token = "") -> Response:
    """Show an uploader what was decided."""
    return _slowed(request, at, 1.0) or _notice(request, at, notice)


@router.post(notices.PATH)
async def appeal(request: Request, at: At, notice: Token = "") -> Response:
    """Take an appeal."""
    # Before the body is read: whoever is too fast does not have it read.
    if (slowed := _slowed(request, at, APPEALING)) is not None:
        return slowed
    try:
        given = await fields(request)
    except HTTPException as error:
        return _problem(request, at, error.status_code, "The form could not be read", error.detail)
    return await run_in_threadpool(_take, request, at, notice, text(given, "text"))


@router.get(PATH)
def list_appeals(
    request: Request,
    at: At,
    who: Annotated[Principal, visits("review")],
    show: Shown = "open",
    after: Annotated[str | None, Query(max_length=36)] = None,
) -> Response:
    """Show the appeals: those that wait, the most urgent first, or those that have ended."""
    now = at.clock()
    with at.store.read() as connection:
        page = appeals.page(connection, Filter(state=show), now=now, limit=PAGE, after=after)
        rows = _rows(connection, page.appeals)
        waiting = appeals.waiting(connection, now=now)
    return render(
        request,
        at,
        who,
        "appeals/list.html",
        rows=rows,
        waiting=waiting,
        show=show,
        next=page.cursor,
        after=after,
    )


def part(connection: Connection, case: Case, *, now: int) -> Apart | None:
    """Return what the page of a case shows by ``appeals/part.html``; ``None`` of no appeal."""
    found = appeals.of_case(connection, case.id)
    if found is None:
        return None
    made = decisions.history(connection, found.item, limit=1000)
    against = next((one for one in made if one.id == found.decision), None)
    return Apart(found, statements.lines(found.text), against, found.overdue(now))


def _notice(
    request: Request, at: Service, token: str, *, error: str | None = None, written: str = ""
) -> Response:
    now = at.clock()
    try:
        opened = notices.read(notices.key_of(at), token, now)
    except NoticeError as failed:
        return _closed(request, at, failed)
    with at.store.read() as connection:
        told = _told(connection, opened, now)
    if told is None:
        return _closed(request, at, NoticeError("wrong"))
    if told.why == "changed" and told.appeal is None:
        return _problem(
            request,
            at,
            410,
            "This notice is out of date",
            "Another decision has taken the place of the one that it was about.",
            *_present(at, opened),
        )
    response = render(
        request,
        at,
        None,
        "hosted/notice.html",
        status=200 if error is None else 422,
        told=told,
        address=f"{notices.PATH}?notice={token}",
        most=appeals.LONGEST_TEXT,
        error=error,
        written=written,
    )
    response.headers.update(HEADERS)
    return response


def _take(request: Request, at: Service, token: str, written: str) -> Response:
    now = at.clock()
    try:
        opened = notices.read(notices.key_of(at), token, now)
    except NoticeError as failed:
        return _closed(request, at, failed)
    try:
        with at.store.write() as connection:
            made = decisions.get(connection, opened.decision)
            if made is not None:
                appealing.appeal(
                    connection,
                    made.item,
                    text=written,
                    author="",
                    actor=appealing.UPLOADER,
                    days=at.settings.appeal_days,
                    decision=made.id,
                    now=now,
                    until=opened.until,
                )
    except InvalidError:
        return _notice(request, at, token, error=_wrong(written), written=written)
    except NoAppealError:
        # The page tells why, as it does to whoever comes back to it.
        pass
    return RedirectResponse(f"{notices.PATH}?notice={token}", 303, headers=HEADERS)


def _wrong(written: str) -> str:
    most = appeals.LONGEST_TEXT
    if not written:
        return "Please say why you think that the decision is wrong."
    if len(appealing.plain(written)) > most:
        return f"An appeal has {most:,} characters at most; this has {len(written):,}."
    return "There is a character in it that cannot be kept. Please type the text anew."


def _told(connection: Connection, opened: Notice, now: int) -> Told | None:
    """Return what a notice shows, or ``None`` where there is no such decision."""
    made = decisions.get(connection, opened.decision)
    item = None if made is None else items.get(connection, made.item)
    if made is None or item is None:
        return None
    why = appealing.barrier(connection, item, made.id, now=now, until=opened.until)
    found = appeals.of_decision(connection, made.id)
    if found is None and why == "waiting":
        found = appeals.open_of(connection, item.id)
    return Told(
        statement=statements.statement(item, made, opened.until if why is None else None),
        appeal=None if found is None else _appealed(connection, item, found, now),
        text=() if found is None else statements.lines(found.text),
        why=why,
        until=opened.until,
        changed=found is not None
        and found.state == "reversed"
        and statements.ended(found, now=now, settled=UNDO) is not None,
    )


def _appealed(connection: Connection, item: items.Item, found: Appeal, now: int) -> Part:
    outcome = None if found.outcome is None else decisions.get(connection, found.outcome)
    later = outcome is not None and item.decision not in (None, outcome.id)
    return statements.appealed(
        found,
        now=now,
        settled=UNDO,
        outcome=None if outcome is None else outcome.decision.action,
        present=item.action if later else None,
    )


def _present(at: Service, opened: Notice) -> tuple[str, ...]:
    """Return what is done with the item of a notice now."""
    with at.store.read() as connection:
        made = decisions.get(connection, opened.decision)
        item = None if made is None else items.get(connection, made.item)
    if item is None or item.action is None:
        return ()
    said = f"{statements.title(item.action)}. {statements.means(item.action)}"
    if statements.restricts(item.action):
        said += " The platform gives you a new notice, which says why."
    return (said,)


def _slowed(request: Request, at: Service, cost: float) -> Response | None:
    wait = at.limits.notices.take(network(request), cost)
    if not wait:
        return None
    response = _problem(
        request, at, 429, "Too many requests", "Please wait a minute, and try again."
    )
    response.headers["Retry-After"] = str(int(wait) + 1)
    return response


def _closed(request: Request, at: Service, failed: NoticeError) -> Response:
    if failed.cause == "expired":
        return _problem(
            request, at, 410, "This link has expired", "The time for an appeal is over."
        )
    return _problem(
        request,
        at,
        404,
        "This link opens nothing",
        "Part of it may be missing. Please open it from the message that it came in, whole.",
    )


def _problem(request: Request, at: Service, status: int, title: str, *told: str) -> Response:
    response = render(
        request, at, None, "hosted/problem.html", status=status, title=title, told=told
    )
    response.headers.update(HEADERS)
    return response


def _rows(connection: Connection, shown: list[Appeal]) -> list[Row]:
    ids = {one.decision for one in shown} | {one.outcome for one in shown if one.outcome}
    actions = decisions.actions(connection, ids)
    return [Row(one, actions[one.decision], actions.get(one.outcome or "")) for one in shown]
