"""``/v1/users``: people who work here, their roles and passwords."""

from typing import Annotated, Self, cast

from fastapi import APIRouter, Depends, Path
from pydantic import Field, SecretStr
from sqlalchemy import Connection

from tidegate.service.auth import Principal, needs
from tidegate.service.passwords import LONGEST, SHORTEST, PasswordError
from tidegate.service.problems import (
    Conflict,
    Fault,
    Forbidden,
    Invalid,
    NotFound,
    problem_responses,
)
from tidegate.service.roles import ROLES, Role
from tidegate.service.secret import Secret
from tidegate.service.shape import After, Hidden, Limit, Next, Reason, Shape, Why
from tidegate.service.state import Service, service
from tidegate.store import clock, users

router = APIRouter(prefix="/v1/users", tags=["users"])

At = Annotated[Service, Depends(service)]
Who = Annotated[Principal, needs("users")]
Id = Annotated[
    str,
    Path(
        description="Id of the user.",
        max_length=36,
        examples=["0199c0de-0000-7000-8000-000000000001"],
    ),
]
Name = Annotated[
    str,
    Field(
        description="What they log in with.",
        # No spaces at the ends and none that cannot be seen: two names never look alike.
        pattern=r"^[A-Za-z0-9][A-Za-z0-9@._+-]{0,99}$",
        examples=["ada"],
    ),
]
Password = Annotated[
    Hidden,
    Field(
        description=f"{SHORTEST} to {LONGEST} characters, whatever they are.",
        examples=["a sentence that nobody else has said"],
    ),
]


class User(Shape):
    """Somebody who works here."""

    id: str = Field(description="Their id.", examples=["0199c0de-0000-7000-8000-000000000001"])
    name: str = Field(description="What they log in with.", examples=["ada"])
    email: str | None = Field(description="Where mail reaches them.", examples=[None])
    role: str = Field(description="What they may do.", examples=["reviewer"])
    created_at: str = Field(
        description="When they were made.", examples=["2026-11-23T08:30:00.000000+00:00"]
    )
    disabled_at: str | None = Field(description="When they were disabled.", examples=[None])

    @classmethod
    def of(cls, user: users.User) -> Self:
        """Return what is shown of a user."""
        return cls(
            id=user.id,
            name=user.name,
            email=user.email,
            role=user.role,
            created_at=clock.text(user.created_at),
            disabled_at=None if user.disabled_at is None else clock.text(user.disabled_at),
        )


class Users(Shape):
    """A page of users, newest first."""

    users: tuple[User, ...]
    next: Next


class NewUser(Shape):
    """A user to make."""

    name: Name
    role: Role = Field(description="What they may do.", examples=["reviewer"])
    password: Password
    email: str | None = Field(
        default=None,
        max_length=320,
        pattern=r"^[^@\s]+@[^@\s]+$",
        description="Where mail reaches them.",
        examples=["ada@tidegate.example"],
    )
    reason: Reason = ""


class NewRole(Shape):
    """Another role."""

    role: Role = Field(description="What they may do from now on.", examples=["lead"])
    reason: Reason = ""


class NewPassword(Shape):
    """Another password for somebody."""

    password: Password
    reason: Reason = ""


@router.post(
    "",
    status_code=201,
    summary="Make a user",
    responses=problem_responses(Forbidden, Conflict, Invalid),
)
def create(wanted: NewUser, at: At, who: Who) -> User:
    """Nobody gives a role that may do more than they may."""
    _may_give(who, wanted.role)
    password = hashed(at, wanted.password)
    with at.store.write() as connection:
        made = users.add(
            connection,
            name=wanted.name,
            role=wanted.role,
            password=password,
            email=wanted.email,
            actor=who.actor,
            reason=wanted.reason,
            now=at.clock(),
        )
    return User.of(made)


@router.get("", summary="List users")
def list_users(at: At, who: Who, after: After = None, limit: Limit = 50) -> Users:
    """Newest first, those that are disabled among them."""
    with at.store.read() as connection:
        found = users.page(connection, after=after, limit=limit + 1)
    shown = found[:limit]
    return Users(
        users=tuple(User.of(user) for user in shown),
        next=shown[-1].id if len(found) > limit else None,
    )


@router.put(
    "/{user}/role", summary="Change a role", responses=problem_responses(NotFound, Conflict)
)
def change_role(user: Id, wanted: NewRole, at: At, who: Who) -> User:
    """Ends all their sessions. The last admin stays one."""
    _may_give(who, wanted.role)
    with at.store.write() as connection:
        _may_change(connection, who, user)
        return User.of(
            users.set_role(
                connection,
                user,
                wanted.role,
                actor=who.actor,
                reason=wanted.reason,
                now=at.clock(),
            )
        )


@router.put(
    "/{user}/password", summary="Set a password", responses=problem_responses(NotFound, Conflict)
)
def change_password(user: Id, wanted: NewPassword, at: At, who: Who) -> User:
    """For somebody who has lost theirs. Ends all their sessions."""
    password = hashed(at, wanted.password)
    with at.store.write() as connection:
        _may_change(connection, who, user)
        return User.of(
            users.set_password(
                connection,
                user,
                password,
                actor=who.actor,
                reason=wanted.reason,
                now=at.clock(),
            )
        )


@router.post(
    "/{user}/disable", summary="Disable a user", responses=problem_responses(NotFound, Conflict)
)
def disable(user: Id, why: Why, at: At, who: Who) -> User:
    """They log in no more, and their sessions end. The last admin stays; a name stays taken."""
    with at.store.write() as connection:
        _may_change(connection, who, user)
        return User.of(
            users.disable(connection, user, actor=who.actor, reason=why.reason, now=at.clock())
        )


def hashed(at: Service, password: SecretStr) -> str:
    """Return the hash of a new password.

    Raises:
        Invalid: It breaks the rule.
    """
    try:
        return at.passwords.hash(Secret(password.get_secret_value()))
    except PasswordError as error:
        fault = Fault(pointer="/body/password", detail=str(error))
        raise Invalid(errors=[fault]) from None


def _may_give(who: Principal, role: Role) -> None:
    if lacking := ROLES[role] - who.scopes:
        raise Forbidden(f"nobody gives a role that may do more than they may: {min(lacking)}")


def _may_change(connection: Connection, who: Principal, user: str) -> None:
    """Refuse to touch somebody who may do more: whoever sets a password can log in with it."""
    found = users.get(connection, user)
    if found is not None and ROLES[cast(Role, found.role)] - who.scopes:
        raise Forbidden("nobody changes a user who may do more than they may")
