"""The way in: logging in and out, and where a role begins its day."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from tidegate.review.frame import HERE, At, places, render, visits
from tidegate.service.auth import Principal

router = APIRouter()


@router.get("/")
def root() -> Response:
    """Lead to the console."""
    return RedirectResponse(HERE, 303)


@router.get(HERE)
def home(request: Request, at: At, who: Annotated[Principal, visits()]) -> Response:
    """Lead to where a role begins its day."""
    return RedirectResponse(places(who)[0].path, 303)


@router.get(f"{HERE}/login")
def login(request: Request, at: At) -> Response:
    """Show the form."""
    return render(request, at, None, "login.html")
