"""What a policy says: thresholds for categories, rules for banks, rules for the unknown.

A policy is data. :func:`tidegate.policy.parse.parse` reads and checks it,
:func:`tidegate.policy.decide.decide` applies it.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from tidegate.evidence import Action, Cause, FingerprintKind, Role, Stage

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Score = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
Distance = Annotated[int, msgspec.Meta(ge=0, le=64)]
Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class MatchConditions(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """Which matches a rule is for. A condition that is left out holds for all."""

    bank: str | None = None
    category: str | None = None
    role: Role | None = None
    kind: FingerprintKind | None = None


class UnknownConditions(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """Which missing answers a rule is for. A condition that is left out holds for all."""

    stage: Stage | None = None
    cause: Cause | None = None
    detector: str | None = None


class BankRule(_Part, frozen=True, kw_only=True):
    """What a match with a bank does.

    Attributes:
        id: Name of the rule within the policy.
        where: Which matches it is for.
        distance: Largest Hamming distance, in bits.
        query_share: Smallest share of the item that must match.
        entry_share: Smallest share of the entry that must match.
        action: What it asks for. ``allow`` overrules what other rules ask for.
        despite_allow: True where a match in an allow bank does not overrule this rule.
    """

    id: Id
    where: MatchConditions
    action: Action
    distance: Distance = 31
    query_share: Share = 0.0
    entry_share: Share = 0.0
    despite_allow: bool = False


class UnknownRule(_Part, frozen=True, kw_only=True):
    """What a missing answer does.

    Attributes:
        id: Name of the rule within the policy.
        where: Which missing answers it is for.
        action: What it asks for; never ``allow``.
    """

    id: Id
    where: UnknownConditions
    action: Action


class Policy(_Part, frozen=True, kw_only=True):
    """A policy.

    Attributes:
        tidegate_policy: Version of this format.
        id: Short name.
        version: Number of this version; it goes into every decision.
        title: One line for people.
        thresholds: For each category, the score at which each action is asked for.
        banks: Rules for matches.
        unknowns: Rules for missing answers.
    """

    tidegate_policy: Literal[1]
    id: Id
    version: Annotated[int, msgspec.Meta(ge=1)]
    banks: tuple[BankRule, ...]
    unknowns: tuple[UnknownRule, ...]
    title: str = ""
    thresholds: dict[str, dict[Action, Score]] = msgspec.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Id and version, as decisions cite them."""
        return f"{self.id}/{self.version}"


Conditions = MatchConditions | UnknownConditions

PRECEDENCE = ("bank", "category", "kind", "role", "detector", "cause", "stage")
"""Conditions, most specific first. Of two rules for one thing, the rule with the more
specific condition wins, whatever else the other one has."""


def conditions(where: Conditions) -> Mapping[str, str]:
    """Return the conditions that are set."""
    given = msgspec.structs.asdict(where)
    return {key: value for key, value in given.items() if value is not None}


def specificity(where: Conditions) -> tuple[bool, ...]:
    """Return a key that sorts rules from the general to the specific."""
    given = conditions(where)
    return tuple(key in given for key in PRECEDENCE)
