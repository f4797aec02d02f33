"""``/metrics``: the figures of this process, and of the queues that all processes share."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from tidegate.service.auth import Principal, needs
from tidegate.service.meters import MEDIA_TYPE, Meters
from tidegate.service.state import Service, service
from tidegate.store import appeals, caselists, jobs, outbox, queues
from tidegate.store.clock import SECOND

router = APIRouter(tags=["operations"])

_EXAMPLE = 'tidegate_jobs{kind="judge",state="ready"} 3.0\n'


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus's text format.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        }
    },
)
def metrics(
    at: Annotated[Service, Depends(service)], who: Annotated[Principal, needs("metrics")]
) -> Response:
    """Requests and decisions are those of this process since it started.

    Queues are those of the database, the same from every process.
    """
    now = at.clock()
    with at.store.read() as connection:
        depths = jobs.depth(connection, now=now)
        backlogs = outbox.backlog(connection)
        waiting = appeals.waiting(connection, now=now)
        opened = caselists.depths(connection, queues.known(connection), now=now)
    _queues(at.meters, depths)
    _messages(at.meters, backlogs, now)
    _cases(at.meters, opened, now)
    at.meters.appeals.labels("in_time").set(waiting.open - waiting.overdue)
    at.meters.appeals.labels("overdue").set(waiting.overdue)
    return Response(at.meters.text(), headers={"Content-Type": MEDIA_TYPE})


def _queues(meters: Meters, depths: list[jobs.Depth]) -> None:
    meters.jobs.clear()
    meters.jobs_oldest.clear()
    for one in depths:
        meters.jobs.labels(one.kind, one.state).set(one.count)
        if one.state == "ready":
            meters.jobs_oldest.labels(one.kind).set(one.oldest / SECOND)


def _messages(meters: Meters, backlogs: list[outbox.Backlog], now: int) -> None:
    meters.outbox.labels("waiting").set(sum(one.waiting for one in backlogs))
    meters.outbox.labels("dead").set(sum(one.dead for one in backlogs))
    since = min((one.oldest for one in backlogs if one.oldest is not None), default=now)
    meters.outbox_oldest.set(max(now - since, 0) / SECOND)


def _cases(meters: Meters, depths: list[caselists.Depth], now: int) -> None:
    meters.cases.clear()
    meters.cases_oldest.clear()
    for one in depths:
        meters.cases.labels(one.queue).set(one.open)
        since = now if one.oldest is None else one.oldest
        meters.cases_oldest.labels(one.queue).set(max(now - since, 0) / SECOND)
