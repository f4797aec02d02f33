"""Queues: how much waits where, and which case comes first, and why."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tidegate import taxonomy
from tidegate.review import words
from tidegate.review.around import around
from tidegate.review.frame import HERE, At, render, visits
from tidegate.service import ranking
from tidegate.service.auth import Principal
from tidegate.service.shape import After
from tidegate.store import actors, caselists, queues

router = APIRouter()

PATH = f"{HERE}/queues"

LIMIT = 25
"""Cases of a page."""

Sees = Annotated[Principal, visits("review")]
Of = Annotated[str, Query(max_length=200)]


@router.get(PATH)
def show(
    request: Request, at: At, who: Sees, queue: Of = "", category: Of = "", after: After = None
) -> Response:
    """Show the queues that somebody works on, and their cases in the order of their rank."""
    now = at.clock()
    with at.store.read() as connection:
        mine = queues.visible(connection, who.id, who.role)
        chosen = [queue] if queue in mine else list(mine)
        page = caselists.page(
            connection, chosen, limit=LIMIT, after=after, category=category or None
        )
        page = page._replace(cases=[case for case in page.cases if not case.rests(now)])
        holders = {case.holder(now) for case in page.cases} - {None}
        names = {holder: actors.name(connection, str(holder)) for holder in holders}
        depths = caselists.depths(connection, mine, now=now)
        beside = around(connection, who, now=now)
    return render(
        request,
        at,
        who,
        "queues/list.html",
        queue=queue if queue in mine else "",
        category=category,
        after=after,
        of_queues=[("", "All of mine"), *((name, name) for name in mine)],
        of_categories=[("", "Any"), *((c, words.category(c)) for c in taxonomy.bankable())],
        most_severe=max(ranking.SEVERITY.values()),
        depths=depths,
        page=page,
        names=names,
        around=beside,
    )
