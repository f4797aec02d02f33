"""What a policy says.

It is data: :func:`tidegate.policy.parse` reads and checks it, and
:class:`tidegate.policy.Program` applies it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec

from tidegate import taxonomy
from tidegate.evidence import ACTIONS, Action, Cause, FingerprintKind, Kind, Role, Stage

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Part = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
Score = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
Distance = Annotated[int, msgspec.Meta(ge=0, le=64)]
Priority = Annotated[int, msgspec.Meta(ge=0, le=100)]
Id = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\Z",
        description="small letters, digits, - and _, at most 64 of them",
    ),
]
BankName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Salt = Annotated[str, msgspec.Meta(max_length=100)]
Line = Annotated[str, msgspec.Meta(max_length=300)]


def _one_of(ids: Iterable[str]) -> msgspec.Meta:
    """Return what tells editors which ids there are; the checks of a policy say it better."""
    return msgspec.Meta(extra_json_schema={"enum": list(ids)})


Detectable = Annotated[str, _one_of(taxonomy.detectable())]
Bankable = Annotated[str, _one_of(taxonomy.bankable())]
Flag = Annotated[str, _one_of(taxonomy.contexts())]

Locale = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}(-\*)?\Z",
        description="a language tag such as de-AT, or all that begin with one: de-*",
    ),
]
"""A language tag, or with ``-*`` at its end all that begin with it, as the basic filtering of
RFC 4647, section 3.3.1, has it: ``de-*`` is for ``de``, ``de-DE`` and ``de-AT``."""


Most = msgspec.Meta(max_length=1000)
"""Most rules of a section: each is held against each when a policy is checked."""

Rows = msgspec.Meta(min_length=1, max_length=100)
"""How many rows a category may have."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Names(_Part, frozen=True, kw_only=True):
    """What the policy may call by name, so that a slip of the pen is an error when it loads.

    Attributes:
        surfaces: Places where the platform shows things.
        banks: Banks that rows and guards are about.
        queues: Queues of reviewers.
        labels: Labels that the platform knows.
        alarms: Whom to tell.
    """

    surfaces: Annotated[tuple[Id, ...], Most] = ()
    banks: Annotated[tuple[BankName, ...], Most] = ()
    queues: Annotated[tuple[Id, ...], Most] = ()
    labels: Annotated[tuple[Id, ...], Most] = ()
    alarms: Annotated[tuple[Id, ...], Most] = ()


class FactConditions(_Part, frozen=True, kw_only=True):
    """For which items a row of thresholds is. What is left out holds for all.

    A fact that the platform did not state meets no condition.

    Attributes:
        surface: Where the item is to be shown.
        locale: Language and region of the place, or all of a language: ``de-*``.
        context: Context flags that are all set.
        account_days_below: The account is younger than so many days.
        kind: What the media is.
    """

    surface: Id | None = None
    locale: Locale | None = None
    context: tuple[Flag, ...] = ()
    account_days_below: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    kind: Kind | None = None


class MatchConditions(_Part, frozen=True, kw_only=True):
    """Which matches a rule is for. A condition that is left out holds for all.

    Attributes:
        bank: Name of the bank.
        category: Category that the bank or its entry carries.
        role: What the bank is for. Matches in allow banks are only met by rules that say so.
        kind: Which fingerprint met.
    """

    bank: BankName | None = None
    category: Bankable | None = None
    role: Role | None = None
    kind: FingerprintKind | None = None


class UnknownConditions(_Part, frozen=True, kw_only=True):
    """Which missing answers a rule is for. A condition that is left out holds for all.

    Attributes:
        category: Category that is unknown.
        stage: Where in the pipeline the answer is missing.
        cause: Why.
        detector: Id of the detector that could not answer.
    """

    category: Detectable | None = None
    stage: Stage | None = None
    cause: Cause | None = None
    detector: str | None = None


class Agreed(_Part, frozen=True, kw_only=True):
    """A threshold that several detectors must reach, each by itself, at the same time.

    Detectors that are for review only do not count.

    Attributes:
        score: The score.
        detectors: How many must reach it.
    """

    score: Score
    detectors: Annotated[int, msgspec.Meta(ge=1, le=8)]


Cell = Score | Agreed | Literal["never"]
"""From which score on an action is asked for. ``never`` takes back what a more general row says."""


class Row(_Part, frozen=True, kw_only=True):
    """For one category, the score at which each action is asked for.

    Attributes:
        where: For which items; all of them where it is left out.
        label: Score from which the item is labelled, and so on for the other actions.
        restrict: See ``label``.
        review: See ``label``.
        hold: See ``label``.
        remove: See ``label``.
        quarantine: See ``label``.
    """

    where: FactConditions = FactConditions()
    label: Cell | None = None
    restrict: Cell | None = None
    review: Cell | None = None
    hold: Cell | None = None
    remove: Cell | None = None
    quarantine: Cell | None = None

    def cells(self) -> Iterator[tuple[Action, Cell]]:
        """Yield what is said, the weakest action first."""
        for action in ACTIONS[1:]:
            cell: Cell | None = getattr(self, action)
            if cell is not None:
                yield action, cell


class BankRule(_Part, frozen=True, kw_only=True):
    """What a match with a bank does.

    Attributes:
        id: Name of the rule within the policy.
        where: Which matches it is for.
        distance: Largest Hamming distance, in bits.
        query_share: Smallest share of the item that must match.
        entry_share: Smallest share of the entry that must match.
        action: What it asks for. ``allow`` overrules what other rules ask for.
        despite_allow: True where a match in an allow bank does not overrule this.
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


class Then(_Part, frozen=True, kw_only=True):
    """What a rule does when its guard holds. At least one of these.

    Attributes:
        action: What it asks for.
        queue: Queue to put the item into.
        priority: In that queue, 0 to 100; the highest comes first.
        label: Label to put on the item.
        alarm: Whom to tell.
        cap: The strongest action that scores and guards may lead to. Neither what a bank holds
            nor what is unknown is lowered by it.
    """

    action: Action | None = None
    queue: Id | None = None
    priority: Priority = 50
    label: Id | None = None
    alarm: Id | None = None
    cap: Action | None = None


class Rollout(_Part, frozen=True, kw_only=True):
    """For which share of items a rule is live; for the others it is in shadow.

    Attributes:
        share: The share, in (0, 1].
        salt: Another salt chooses other items.
    """

    share: Part
    salt: Salt = ""


Mode = Literal["live", "shadow", "off"]


class Rule(_Part, frozen=True, kw_only=True):
    """A guard, and what follows where it holds.

    Attributes:
        id: Name of the rule within the policy.
        when: The guard, a CEL expression; see :mod:`tidegate.policy.names` for its names.
        then: What it does.
        title: One line for people: it goes into the reasons.
        mode: ``shadow`` tells what it would do and does nothing; ``off`` is not asked.
        unknown: What is asked for where the guard cannot be told, in place of what the
            section ``unknowns`` says. ``ignore`` takes it as not holding.
        rollout: For which share of items it is live.
    """

    id: Id
    when: str
    then: Then
    title: Line = ""
    mode: Mode = "live"
    unknown: Action | Literal["ignore"] | None = None
    rollout: Rollout | None = None


class Sample(_Part, frozen=True, kw_only=True):
    """A share of items that a person looks at again, whatever was decided.

    Chosen by content and salt alone: the same content is chosen each time, and nobody can
    tell in advance which.

    Attributes:
        id: Name of the sample within the policy.
        share: The share, in (0, 1].
        queue: Queue to put them into.
        of: Actions of which items are chosen.
        priority: In that queue.
        salt: Another salt chooses other items.
    """

    id: Id
    share: Part
    queue: Id
    of: tuple[Action, ...] = ACTIONS
    priority: Priority = 10
    salt: Salt = ""


class Breaker(_Part, frozen=True, kw_only=True):
    """A fuse: more than so many in a time is more likely a fault than a flood.

    Attributes:
        id: Name of the breaker within the policy.
        per: What is counted by itself: each ``rule``, ``uploader`` or bank ``entry``.
        limit: How many it lets through.
        within: In which time.
        of: Actions that are counted and, beyond the limit, lowered.
        action: What is done instead.
        alarm: Whom to tell when it trips.
    """

    id: Id
    per: Literal["rule", "uploader", "entry"]
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
    within: Literal["hour", "day"]
    alarm: Id
    of: tuple[Action, ...] = ("remove",)
    action: Literal["review", "hold"] = "review"


class Policy(_Part, frozen=True, kw_only=True):
    """A policy.

    Attributes:
        tidegate_policy: Version of this format.
        id: Short name.
        version: Number of this version; it goes into every decision.
        title: One line for people.
        names: What else it may call by name.
        needs: Categories without which an item is not judged: where no detector answers for
            one, that is a missing answer, with the cause ``not_covered``.
        thresholds: For each category one row, or several that are for some items only.
        banks: Rules for matches.
        rules: Rules with guards.
        unknowns: Rules for missing answers.
        sampling: Shares of items that people look at again.
        breakers: Fuses.
    """

    tidegate_policy: Literal[1]
    id: Id
    version: Annotated[int, msgspec.Meta(ge=1)]
    banks: Annotated[tuple[BankRule, ...], Most]
    unknowns: Annotated[tuple[UnknownRule, ...], Most]
    title: Line = ""
    names: Names = Names()
    needs: Annotated[tuple[Detectable, ...], Most] = ()
    thresholds: dict[Detectable, Row | Annotated[tuple[Row, ...], Rows]] = msgspec.field(
        default_factory=dict
    )
    rules: Annotated[tuple[Rule, ...], Most] = ()
    sampling: Annotated[tuple[Sample, ...], Most] = ()
    breakers: Annotated[tuple[Breaker, ...], Most] = ()

    @property
    def name(self) -> str:
        """Id and version, as decisions cite them."""
        return f"{self.id}/{self.version}"

    def rows(self, category: str) -> tuple[Row, ...]:
        """Return the rows of a category, in their order."""
        given = self.thresholds.get(category, ())
        return (given,) if isinstance(given, Row) else given


Conditions = MatchConditions | UnknownConditions

PRECEDENCE = ("bank", "category", "kind", "role", "detector", "cause", "stage")
"""Conditions, most specific first. Of two rules for one thing, the rule with the more
specific condition wins, whatever else the other one has."""


def conditions(where: Conditions) -> Mapping[str, str]:
    """Return the conditions that are set."""
    given: Mapping[str, Any] = msgspec.structs.asdict(where)
    return {key: value for key, value in given.items() if value is not None}


def specificity(where: Conditions) -> tuple[bool, ...]:
    """Return a key that sorts rules from the general to the specific."""
    given = conditions(where)
    return tuple(key in given for key in PRECEDENCE)
