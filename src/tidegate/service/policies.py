"""``/v1/policies``: what decides. A version is checked before it is kept, and before it decides.

A policy that does not load changes nothing: the answer says where the trouble is, and the one in
force stays. Workers look at each job which one that is.
"""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from tidegate.pipeline.load import DEFAULT, shipped
from tidegate.policy import Policy, PolicyError, parse
from tidegate.service.auth import Principal, needs
from tidegate.service.problems import (
    Conflict,
    Fault,
    Invalid,
    NotFound,
    problem_responses,
)
from tidegate.service.shape import After, Limit, Next, Reason, Shape, Why
from tidegate.service.state import Service, service
from tidegate.store import clock, policies

router = APIRouter(prefix="/v1/policies", tags=["policies"])

NAME = "policy.yaml"
"""What a policy that came in a request is called where something is wrong with it."""

_ID = "0199c0de-0000-7000-8000-000000000005"
_SOURCE = shipped()[DEFAULT][:400] + "…"

At = Annotated[Service, Depends(service)]
Reads = Annotated[Principal, needs("policies.read")]
Writes = Annotated[Principal, needs("policies.write")]
Id = Annotated[str, Path(description="Id of the version.", max_length=36, examples=[_ID])]


class DoesNotLoad(Invalid):
    """A policy that does not load.

    The pointer of its errors goes on with the line and the column in the text, counted from 1,
    where they are known: ``/body/source/12/5``. The first error says what is wrong, the second
    one shows the line, with a caret under the column.
    """

    slug, title = "policy", "The policy does not load"

    def __init__(self, error: PolicyError) -> None:
        place = [str(part) for part in (error.line, error.column) if part is not None]
        pointer = "/".join(["/body/source", *place])
        said = [str(error)[:1000], error.excerpt]
        super().__init__(
            said[0], errors=[Fault(pointer=pointer, detail=each) for each in said if each]
        )


class PolicyText(Shape):
    """A policy."""

    source: str = Field(
        description="YAML.", min_length=1, max_length=policies.LARGEST, examples=[_SOURCE]
    )


class NewPolicy(PolicyText):
    """A version to keep."""

    activate: bool = Field(
        default=False, description="Whether to put it in force at once.", examples=[False]
    )
    reason: Reason = ""


class Checked(Shape):
    """A policy that loads."""

    policy: str = Field(description="What it calls itself.", examples=["default"])


class VersionView(Shape):
    """A version."""

    id: str = Field(description="Its id.", examples=[_ID])
    policy: str = Field(description="What it calls itself.", examples=["default"])
    sha256: str = Field(description="Digest of its text.", examples=["9f86d081884c7d65" * 4])
    author: str = Field(description="Who added it.", examples=["system"])
    reason: str = Field(description="Why.", examples=["stricter on avatars"])
    created_at: str = Field(
        description="When it was added.", examples=["2026-11-23T08:30:00.000000+00:00"]
    )
    in_force: bool = Field(description="Whether it decides now.", examples=[True])

    @classmethod
    def of(cls, version: policies.Version, active: str) -> Self:
        """Return what is shown of a version."""
        return cls(**_shown(version, active))


class VersionText(VersionView):
    """A version, with its text."""

    source: str = Field(description="YAML.", examples=[_SOURCE])

    @classmethod
    def whole(cls, version: policies.Version, active: str) -> Self:
        """Return a version."""
        return cls(**_shown(version, active), source=version.source)


class VersionPage(Shape):
    """Some versions, newest first."""

    policies: tuple[VersionView, ...]
    next: Next


class ActivationView(Shape):
    """That a version was put in force."""

    number: int = Field(description="One more each time.", examples=[2])
    policy: str = Field(description="Which version.", examples=[_ID])
    author: str = Field(description="Who did it.", examples=["system"])
    reason: str = Field(description="Why.", examples=["the first start"])
    created_at: str = Field(description="When.", examples=["2026-11-23T08:30:00.000000+00:00"])


class ActivationList(Shape):
    """What was put in force, the newest first."""

    activations: tuple[ActivationView, ...]


@router.post(
    "",
    status_code=201,
    summary="Add a policy",
    responses=problem_responses(Conflict, Invalid),
)
def add(wanted: NewPolicy, at: At, who: Writes) -> VersionView:
    """The same text again is the same version. One that does not load is not kept."""
    policy = _parsed(wanted.source)
    new = policies.New(policy=policy.id, source=wanted.source)
    actor, reason, now = who.actor, wanted.reason, at.clock()
    with at.store.write() as connection:
        version = policies.add(connection, new, actor=actor, reason=reason, now=now)
        if wanted.activate:
            policies.activate(connection, version.id, actor=actor, reason=reason, now=now)
        return VersionView.of(version, policies.active(connection).version)


@router.post("/check", summary="Check a policy", responses=problem_responses(Invalid))
def check(wanted: PolicyText, who: Writes) -> Checked:
    """Whether it loads, and where the trouble is. Changes nothing."""
    return Checked(policy=_parsed(wanted.source).name)


@router.get("", summary="List policies")
def list_versions(at: At, who: Reads, after: After = None, limit: Limit = 50) -> VersionPage:
    """All versions of all policies, newest first."""
    with at.store.read() as connection:
        found = policies.listed(connection, limit=limit + 1, before=after)
        active = policies.active(connection).version
    return VersionPage(
        policies=tuple(VersionView.of(each, active) for each in found[:limit]),
        next=found[limit - 1].id if len(found) > limit else None,
    )


@router.get("/active", summary="Show the policy in force")
def show_active(at: At, who: Reads) -> VersionText:
    """With its text."""
    with at.store.read() as connection:
        active = policies.active(connection).version
        return VersionText.whole(policies.need(connection, active), active)


@router.get("/activations", summary="List what was in force")
def list_activations(at: At, who: Reads, limit: Limit = 50) -> ActivationList:
    """The newest first, which is in force."""
    with at.store.read() as connection:
        found = policies.activations(connection, limit=limit)
    return ActivationList(activations=tuple(map(_activation, found)))


@router.post(
    "/roll-back",
    summary="Go back to the policy before",
    responses=problem_responses(Conflict, Invalid),
)
def roll_back(why: Why, at: At, who: Writes) -> VersionView:
    """Puts the version in force that was before the present one; twice, the one before that."""
    with at.store.read() as connection:
        wanted = policies.previous(connection)
    return _put(at, who, wanted, why.reason)


@router.get("/{policy}", summary="Show a policy", responses=problem_responses(NotFound))
def show(policy: Id, at: At, who: Reads) -> VersionText:
    """With its text."""
    with at.store.read() as connection:
        found = policies.need(connection, policy)
        return VersionText.whole(found, policies.active(connection).version)


@router.post(
    "/{policy}/activate",
    summary="Put a policy in force",
    responses=problem_responses(NotFound, Conflict, Invalid),
)
def activate(policy: Id, why: Why, at: At, who: Writes) -> VersionView:
    """From the next item on. One that no longer loads, under a newer Tidegate, is refused."""
    with at.store.read() as connection:
        wanted = policies.need(connection, policy)
    return _put(at, who, wanted, why.reason)


def _put(at: Service, who: Principal, version: policies.Version, reason: str) -> VersionView:
    """Put a version in force, if it loads."""
    _parsed(version.source)
    with at.store.write() as connection:
        policies.activate(connection, version.id, actor=who.actor, reason=reason, now=at.clock())
    return VersionView.of(version, version.id)


def _parsed(source: str) -> Policy:
    try:
        return parse(source, NAME)
    except PolicyError as error:
        raise DoesNotLoad(error) from None


def _shown(version: policies.Version, active: str) -> dict[str, Any]:
    return {
        "id": version.id,
        "policy": version.policy,
        "sha256": version.sha256,
        "author": version.author,
        "reason": version.reason,
        "created_at": clock.text(version.created_at),
        "in_force": version.id == active,
    }


def _activation(each: policies.Activation) -> ActivationView:
    return ActivationView(
        number=each.number,
        policy=each.policy,
        author=each.author,
        reason=each.reason,
        created_at=clock.text(each.created_at),
    )
