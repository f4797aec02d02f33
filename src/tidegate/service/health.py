"""``/healthz``: the process lives. ``/readyz``: it may be sent requests.

Both are open to anybody, as what asks them (a load balancer, an orchestrator) has no key. They
tell names of checks and nothing of the inside.
"""

import logging
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from tidegate.service.state import Service, service
from tidegate.store import schema
from tidegate.store.error import StoreError

router = APIRouter(tags=["operations"])

logger = logging.getLogger(__name__)


class Health(BaseModel):
    """That the process lives."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Literal["ok"] = Field(description="Always so.", examples=["ok"])


class Readiness(BaseModel):
    """Whether it may be sent requests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ready: bool = Field(description="Whether every check holds.", examples=[True])
    checks: dict[str, str] = Field(
        description="Each check: `ok`, or what is wrong.",
        examples=[{"database": "ok", "banks": "ok", "models": "ok"}],
    )


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> Health:
    """Answered without the database: a process that cannot answer this is to be started anew."""
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="Whether requests may be sent here",
    response_model=Readiness,
    responses={503: {"description": "A check does not hold.", "model": Readiness}},
)
def readyz(at: Annotated[Service, Depends(service)]) -> Response:
    """The database can be reached and is up to date, the banks and the models are loaded."""
    checks = {"database": _database(at)} | {name: check() for name, check in at.checks.items()}
    told = {name: wrong or "ok" for name, wrong in checks.items()}
    ready = not any(checks.values())
    answer = Readiness(ready=ready, checks=told)
    return JSONResponse(answer.model_dump(), status_code=200 if ready else 503)


def _database(at: Service) -> str | None:
    try:
        schema.check(at.store)
    except StoreError as error:
        logger.warning("not ready: %s", error)
        return "cannot be used, or is not up to date"
    return None
