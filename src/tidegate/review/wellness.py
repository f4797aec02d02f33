"""Wellness: what is veiled and how, how much somebody wants to see, and what they have seen.

All of it is their own: there is no page, no route and no file in which anybody else sees it.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from tidegate import taxonomy
from tidegate.review import filled
from tidegate.review.frame import HERE, At, Given, go, posts, render, text, visits
from tidegate.service.auth import Principal
from tidegate.service.showing import NEVER
from tidegate.service.state import Service
from tidegate.store import clock, exposure, preferences
from tidegate.store.clock import DAY, MINUTE
from tidegate.store.error import InvalidError
from tidegate.store.exposure import Seen
from tidegate.store.preferences import Preferences, Veil

router = APIRouter()

PATH = f"{HERE}/wellness"

DAYS = 14
"""Of the ledger that are shown."""

SHOWN = tuple(c for c in taxonomy.bankable() if c not in NEVER)
"""Categories whose pictures are shown to reviewers at all."""

BLURS = (("strong", "strongly"), ("light", "lightly"), ("none", "not at all"))
SIZES = (("small", "small"), ("medium", "medium"), ("large", "large"))

Mine = Annotated[Principal, visits()]
Changes = Annotated[Principal, posts()]


@router.get(PATH)
def show(request: Request, at: At, who: Mine) -> Response:
    """Show somebody what is theirs."""
    with at.store.read() as connection:
        wanted = preferences.get(connection, who.id)
    return _page(request, at, who, wanted)


@router.post(PATH)
def change(request: Request, at: At, who: Changes, given: Given) -> Response:
    """Keep how somebody wants to work."""
    try:
        wanted = _wanted(given)
    except (msgspec.ValidationError, InvalidError) as error:
        with at.store.read() as connection:
            before = preferences.get(connection, who.id)
        said = filled.Faults(f"This cannot be kept: {error}.", {}, 422)
        return _page(request, at, who, before, said)
    now = at.clock()
    with at.store.write() as connection:
        kept = preferences.put(connection, who.id, wanted, now=now)
    later = kept.limit(exposure.day(now)) != kept.hard
    return go(PATH, said="Kept. The higher limit holds from tomorrow." if later else "Kept.")


@router.post(f"{PATH}/forget")
def forget(at: At, who: Changes) -> Response:
    """Delete what somebody has seen before today."""
    with at.store.write() as connection:
        exposure.forget(connection, who.id, now=at.clock())
    return go(PATH, said="What you had seen before today is deleted.")


def _page(
    request: Request,
    at: Service,
    who: Principal,
    wanted: Preferences,
    faults: filled.Faults = filled.NONE,
) -> Response:
    now = at.clock()
    today = exposure.day(now)
    with at.store.read() as connection:
        seen = exposure.ledger(connection, who.id, since=today - DAYS + 1)
        whole = exposure.today(connection, who.id, now=now)
    return render(
        request,
        at,
        who,
        "wellness/mine.html",
        status=faults.status,
        wanted=wanted,
        limit=wanted.limit(today),
        seen=whole,
        days=_days(seen, today),
        known=SHOWN,
        blurs=BLURS,
        sizes=SIZES,
        faults=faults,
        minute=MINUTE,
    )


def _days(seen: list[Seen], today: int) -> list[tuple[str, int, list[Seen]]]:
    """Return each day with its date, its sum and what it is made of."""
    found = []
    for day in range(today, today - DAYS, -1):
        of_day = [each for each in seen if each.day == day]
        found.append((clock.text(day * DAY)[:10], sum(each.micros for each in of_day), of_day))
    return found


def _wanted(given: FormData) -> Preferences:
    """Return what was filled in.

    Raises:
        msgspec.ValidationError: It is out of its range.
        InvalidError: It is no number.
    """
    veils = {c: _veil(given, f"{c}.") for c in SHOWN if text(given, f"{c}.own")}
    share = _number(given, "benign")
    plain = {
        "veil": msgspec.to_builtins(_veil(given, "")),
        "veils": msgspec.to_builtins(veils),
        "soft": _number(given, "soft"),
        "hard": _number(given, "hard"),
        "rest": _number(given, "rest"),
        "benign": None if share is None else share / 100,
        "keys": bool(text(given, "keys")),
    }
    return msgspec.convert(plain, Preferences)


def _veil(given: FormData, before: str) -> Veil:
    plain = {
        "blur": text(given, f"{before}blur", "strong"),
        "grey": bool(text(given, f"{before}grey")),
        "size": text(given, f"{before}size", "medium"),
    }
    return msgspec.convert(plain, Veil)


def _number(given: FormData, name: str) -> int | None:
    value = text(given, name)
    if not value:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 4:
        raise InvalidError(f"{name} is a whole number")
    return int(value)
