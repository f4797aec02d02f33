"""What stands beside the work: the answer that can be undone, breaks, limits."""

from typing import NamedTuple

from sqlalchemy import Connection

from tidegate.service.auth import Principal
from tidegate.store import exposure, preferences, reviews
from tidegate.store.clock import MINUTE
from tidegate.store.reviews import Review

PAUSE = 10 * MINUTE
"""Who answers nothing for so long has had a break."""

LOOKED = 500
"""Answers that are looked back at: more than anybody gives between two breaks."""


class Around(NamedTuple):
    """What somebody is told beside their work.

    Attributes:
        undo: Their last answer, while it can be taken back; or ``None``.
        worked: Since when they have worked without a break, where they wanted to be reminded by
            now; or ``None``.
        seen: Microseconds that they have seen unblurred today.
        soft: Whether that is as much as they wanted to be reminded of.
        capped: Whether that is as much as they wanted to see at most.
    """

    undo: Review | None
    worked: int | None
    seen: int
    soft: bool
    capped: bool


def around(connection: Connection, who: Principal, *, now: int) -> Around:
    """Return what somebody is told beside their work."""
    answers = reviews.newest_of(connection, who.actor, limit=LOOKED)
    wanted = preferences.get(connection, who.id)
    seen = exposure.today(connection, who.id, now=now)
    begun = _begun(answers, now)
    tired = wanted.rest is not None and begun is not None and now - begun >= wanted.rest * MINUTE
    last = answers[0] if answers else None
    return Around(
        undo=last if last and last.undone_at is None and last.leaves_at > now else None,
        worked=begun if tired else None,
        seen=seen,
        soft=wanted.soft is not None and seen >= wanted.soft * MINUTE,
        capped=preferences.capped(connection, who.id, now=now),
    )


def _begun(answers: list[Review], now: int) -> int | None:
    """Return when somebody began to work after their last break, or ``None`` where they rest."""
    begun = None
    later = now
    for answer in answers:
        if later - answer.created_at > PAUSE:
            break
        begun = later = answer.created_at
    return begun
