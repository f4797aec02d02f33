"""``/v1/keys``: API keys. The secret is shown once, when a key is made."""

from datetime import UTC, datetime
from typing import Annotated, Self, cast

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, Field
from sqlalchemy import Connection

from tidegate.service.auth import Principal, needs
from tidegate.service.problems import Conflict, Forbidden, Invalid, NotFound, problem_responses
from tidegate.service.roles import SCOPES, Scope, least_role
from tidegate.service.shape import After, Limit, Next, Reason, Shape, Why
from tidegate.service.state import Service, service
from tidegate.service.tokens import new_api_key
from tidegate.store import clock, keys
from tidegate.store.clock import MINUTE
from tidegate.store.error import MissingError

router = APIRouter(prefix="/v1/keys", tags=["keys"])

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""When a key has ended, whatever is asked for: the audit chain takes no time after 2255."""

At = Annotated[Service, Depends(service)]
Who = Annotated[Principal, needs("keys")]
Id = Annotated[
    str,
    Path(
        description="Id of the key.",
        max_length=36,
        examples=["0199c0de-0000-7000-8000-000000000001"],
    ),
]


class Key(Shape):
    """An API key, without its secret."""

    id: str = Field(description="Its id.", examples=["0199c0de-0000-7000-8000-000000000001"])
    name: str = Field(description="What it is for.", examples=["forum uploads"])
    prefix: str = Field(
        description="The part of the key that names it: `tg_<prefix>_…`.", examples=["a2b3c4d5e6"]
    )
    scopes: tuple[str, ...] = Field(
        description="What it may do.", examples=[["items.read", "items.write"]]
    )
    role: str = Field(description="The least role that may do all this.", examples=["lead"])
    author: str = Field(
        description="Who made it.", examples=["user:0199c0de-0000-7000-8000-000000000002"]
    )
    created_at: str = Field(
        description="When it was made.", examples=["2026-11-23T08:30:00.000000+00:00"]
    )
    used_at: str | None = Field(description="When it was last used, to a minute.", examples=[None])
    expires_at: str | None = Field(description="When it ends by itself.", examples=[None])
    revoked_at: str | None = Field(description="When it was revoked.", examples=[None])

    @classmethod
    def of(cls, key: keys.Key) -> Self:
        """Return what is shown of a key."""
        return cls(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            scopes=key.scopes,
            role=key.role,
            author=key.author,
            created_at=clock.text(key.created_at),
            used_at=_text(key.used_at),
            expires_at=_text(key.expires_at),
            revoked_at=_text(key.revoked_at),
        )


class MadeKey(Shape):
    """A new key. This is the only time that its secret is shown."""

    key: Key
    token: str = Field(
        description="The whole key, for `Authorization: Bearer …`. It cannot be shown again.",
        examples=["tg_a2b3c4d5e6_" + "x" * 43],
    )


class Keys(Shape):
    """A page of keys, newest first."""

    keys: tuple[Key, ...]
    next: Next


class NewKey(Shape):
    """A key to make."""

    name: str = Field(
        description="What it is for.", min_length=1, max_length=200, examples=["forum uploads"]
    )
    scopes: tuple[Scope, ...] = Field(
        fail_fast=True,
        description="What it may do: none that whoever makes it lacks.",
        min_length=1,
        max_length=len(SCOPES),
        examples=[["items.read", "items.write"]],
    )
    expires_at: Annotated[AwareDatetime, Field(lt=LATEST)] | None = Field(
        default=None,
        description="When it ends by itself; before 2200.",
        examples=["2027-01-01T00:00:00Z"],
    )
    reason: Reason = ""


class Rotation(Shape):
    """How to exchange a key."""

    overlap_minutes: int = Field(
        default=60,
        ge=0,
        le=7 * 24 * 60,
        description="How long the old key works beside the new one.",
        examples=[60],
    )
    reason: Reason = ""


@router.post(
    "", status_code=201, summary="Make a key", responses=problem_responses(Forbidden, Invalid)
)
def create(wanted: NewKey, at: At, who: Who) -> MadeKey:
    """The answer holds the key itself, this once; only its SHA-256 is kept."""
    now = at.clock()
    expires_at = None if wanted.expires_at is None else clock.parse(wanted.expires_at.isoformat())
    if expires_at is not None and expires_at <= now:
        raise Invalid("expires_at is over already")
    with at.store.write() as connection:
        return _make(
            connection,
            who,
            name=wanted.name,
            scopes=frozenset(wanted.scopes),
            expires_at=expires_at,
            reason=wanted.reason,
            now=now,
        )


@router.get("", summary="List keys")
def list_keys(at: At, who: Who, after: After = None, limit: Limit = 50) -> Keys:
    """Newest first, those that have ended among them."""
    with at.store.read() as connection:
        found = keys.page(connection, after=after, limit=limit + 1)
    shown = found[:limit]
    return Keys(
        keys=tuple(Key.of(key) for key in shown),
        next=shown[-1].id if len(found) > limit else None,
    )


@router.post(
    "/{key}/rotate",
    status_code=201,
    summary="Exchange a key",
    responses=problem_responses(NotFound, Conflict),
)
def rotate(key: Id, how: Rotation, at: At, who: Who) -> MadeKey:
    """Makes a key with the same name and scopes. The old one works on for a while.

    Both have the same idempotency keys: what was sent by one and is sent again by the other is the
    same item.
    """
    now = at.clock()
    with at.store.write() as connection:
        old = keys.get(connection, key)
        if old is None:
            raise MissingError("there is no such key")
        until = now + how.overlap_minutes * MINUTE
        keys.expire(connection, key, at=until, actor=who.actor, reason=how.reason, now=now)
        return _make(
            connection,
            who,
            name=old.name,
            scopes=cast(frozenset[Scope], frozenset(old.scopes)),
            expires_at=old.expires_at,
            line=old.line,
            reason=how.reason,
            now=now,
        )


@router.post(
    "/{key}/revoke", summary="Revoke a key", responses=problem_responses(NotFound, Conflict)
)
def revoke(key: Id, why: Why, at: At, who: Who) -> Key:
    """It opens nothing from the next request on."""
    with at.store.write() as connection:
        keys.revoke(connection, key, actor=who.actor, reason=why.reason, now=at.clock())
        found = keys.get(connection, key)
    assert found is not None
    return Key.of(found)


def _make(
    connection: Connection,
    who: Principal,
    *,
    name: str,
    scopes: frozenset[Scope],
    expires_at: int | None,
    reason: str,
    now: int,
    line: str | None = None,
) -> MadeKey:
    if lacking := scopes - who.scopes:
        raise Forbidden(f"nobody gives away a scope that they lack: {min(lacking)}")
    made = new_api_key()
    key = keys.add(
        connection,
        name=name,
        prefix=made.prefix,
        digest=made.digest,
        scopes=scopes,
        role=least_role(scopes),
        author=who.actor,
        now=now,
        expires_at=expires_at,
        line=line,
        reason=reason,
    )
    return MadeKey(key=Key.of(key), token=made.token.text())


def _text(at: int | None) -> str | None:
    return None if at is None else clock.text(at)
