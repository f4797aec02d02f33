"""How somebody wants to work: what is veiled and how, and how much of it they want to see.

It is theirs alone, as :mod:`~tidegate.store.exposure` is: nobody else is shown it, and no change
of it is in the audit chain.
"""

from typing import Annotated, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import exposure
from tidegate.store.casetables import preferences
from tidegate.store.clock import MINUTE
from tidegate.store.upsert import insert_new

Blur = Literal["strong", "light", "none"]

Size = Literal["small", "medium", "large"]

Minutes = Annotated[int, msgspec.Meta(ge=1, le=1440)]


class Veil(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How a picture is shown until somebody asks to see it.

    Attributes:
        blur: How much it is blurred.
        grey: Whether its colours are taken away.
        size: How large it is.
    """

    blur: Blur = "strong"
    grey: bool = True
    size: Size = "medium"


class Preferences(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How somebody wants to work. Every default is the careful one.

    Attributes:
        veil: How pictures are shown.
        veils: How those of some categories are, by their ids.
        soft: Minutes a day unblurred after which they are reminded, or ``None``.
        hard: Minutes a day unblurred after which nothing is unblurred any more, or ``None``.
        before: What ``hard`` was before it was raised.
        raised: Day on which that was, or ``None``: a raised limit holds from the next one.
        rest: Minutes of work after which a break is suggested, or ``None``.
        benign: Share of harmless cases among those that they are given, 0 to 0.5; ``None``:
            as their queues say.
        keys: Whether single keys act; who speaks to their machine has them off.
    """

    veil: Veil = Veil()
    veils: dict[str, Veil] = msgspec.field(default_factory=dict)
    soft: Minutes | None = 20
    hard: Minutes | None = None
    before: Minutes | None = None
    raised: int | None = None
    rest: Minutes | None = 50
    benign: Annotated[float, msgspec.Meta(ge=0, le=0.5)] | None = None
    keys: bool = True

    def of(self, category: str) -> Veil:
        """Return how pictures of a category are shown."""
        return self.veils.get(category, self.veil)

    def limit(self, day: int) -> int | None:
        """Return the minutes after which nothing is unblurred on a day, or ``None``."""
        return self.before if self.raised == day else self.hard

    def changed(self, wanted: "Preferences", day: int) -> "Preferences":
        """Return what holds where these are wanted from a day on.

        A limit that is lowered holds at once. One that is raised, or taken away, holds from the
        next day: it was set for the moment in which one wants to raise it.
        """
        now = self.limit(day)
        if now is not None and (wanted.hard is None or wanted.hard > now):
            return msgspec.structs.replace(wanted, before=now, raised=day)
        return msgspec.structs.replace(wanted, before=None, raised=None)


def get(connection: Connection, user: str) -> Preferences:
    """Return how somebody wants to work; as by default where they have not said."""
    body = connection.execute(sa.select(preferences.c.body).filter_by(user=user)).scalar()
    return Preferences() if body is None else msgspec.json.decode(body, type=Preferences)


def put(connection: Connection, user: str, wanted: Preferences, *, now: int) -> Preferences:
    """Keep how somebody wants to work, and return what holds from now on."""
    kept = get(connection, user).changed(wanted, exposure.day(now))
    values = {"body": msgspec.json.encode(kept).decode(), "changed_at": now}
    if not insert_new(connection, preferences, {"user": user, **values}, key=["user"]):
        connection.execute(sa.update(preferences).filter_by(user=user).values(**values))
    return kept


def capped(connection: Connection, user: str, *, now: int) -> bool:
    """Return whether somebody has seen as much today as they wanted to at most."""
    limit = get(connection, user).limit(exposure.day(now))
    return limit is not None and exposure.today(connection, user, now=now) >= limit * MINUTE
