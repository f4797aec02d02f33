"""The dashboard of leads: how much waits and how long, how much is decided, how far people agree.

It is of queues and categories. It has nobody's exposure, and puts nobody before another.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tidegate.review import plots
from tidegate.review.frame import HERE, At, render, visits
from tidegate.review.sheets import share, sheet, sheets, written
from tidegate.service.auth import Principal
from tidegate.service.oversight import RANGES, Overview, overview
from tidegate.service.problems import NotFound
from tidegate.service.state import Service

router = APIRouter()

PATH = f"{HERE}/dashboard"

DEFAULT = 30
"""Days that are shown where nobody says how many."""

LOOKS = 60
"""Rows of the table beneath the plot of the queues, the newest. The file has all of them."""

Leads = Annotated[Principal, visits("audit")]
Days = Annotated[str, Query()]


@router.get(PATH)
def show(request: Request, at: At, who: Leads, days: Days = "") -> Response:
    """Show all of it."""
    made = _overview(at, days)
    return render(
        request,
        at,
        who,
        "dashboard/show.html",
        made=made,
        ranges=[(str(one), f"{one} days") for one in RANGES],
        days=str(made.days),
        sheets={one.name: one for one in sheets(_newest(made))},
        plots=(
            plots.depths(
                made.depths,
                made.waiting,
                since=made.since,
                now=made.now,
                every=RANGES[made.days],
            ),
            plots.decisions(made.daily, since=made.since, days=made.days),
        ),
        width=plots.WIDTH,
        height=plots.HEIGHT,
        agreed=share(made.agreed[0].agreement.agreed),
    )


@router.get(f"{PATH}/{{name}}.csv")
def download(name: str, at: At, who: Leads, days: Days = "") -> Response:
    """Return one of its tables for a spreadsheet."""
    made = _overview(at, days)
    found = sheet(made, name)
    if found is None:
        raise NotFound
    file = f"tidegate-{found.name}-{made.days}-days.csv"
    return Response(
        written(found),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


def _newest(made: Overview) -> Overview:
    """Return it with as many of the looks at the queues as a page has room for."""
    return made._replace(depths=made.depths[-LOOKS:])


def _overview(at: Service, days: str) -> Overview:
    asked = int(days) if days in {str(one) for one in RANGES} else DEFAULT
    with at.store.read() as connection:
        return overview(connection, days=asked, now=at.clock())
