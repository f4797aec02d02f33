"""Cases: evidence in short, and the decision that a policy is expected to make of it.

They stand in a file beside the policy: ``my.cases.yaml`` beside ``my.yaml``.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from tidegate import taxonomy
from tidegate.evidence import (
    Action,
    Cause,
    Evidence,
    Facts,
    FingerprintKind,
    Kind,
    Role,
    Stage,
    foreign_category,
)
from tidegate.policy.document import Document
from tidegate.policy.narrow import row_name
from tidegate.policy.schema import Bankable, Detectable, Id, Policy, Share
from tidegate.policy.shape import Wrong
from tidegate.policy.spelling import nearest
from tidegate.policy.tree import Path


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class GivenMatch(_Part, frozen=True, kw_only=True):
    """A match, in short.

    Attributes:
        bank: Name of the bank.
        category: Category that the entry carries.
        role: What the bank is for.
        kind: Which fingerprint met.
        distance: Hamming distance in bits.
        query_share: Share of the item that matched.
        entry_share: Share of the entry that matched.
        entry: Id of the entry.
    """

    bank: str
    category: Bankable = "known.other"
    role: Role = "block"
    kind: FingerprintKind = "pdq"
    distance: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    query_share: Share = 1.0
    entry_share: Share = 1.0
    entry: str = "1"


class GivenUnknown(_Part, frozen=True, kw_only=True):
    """A missing answer, in short.

    Attributes:
        cause: Why.
        stage: Where; by default ``detectors`` where a detector or categories are named, else
            ``media``.
        detector: Id of the detector that could not answer.
        categories: Categories that are unknown because of it; all where it is left out.
    """

    cause: Cause
    stage: Stage | None = None
    detector: str | None = None
    categories: tuple[Detectable, ...] = ()


class GivenMedia(_Part, frozen=True, kw_only=True):
    """What the media is, in short.

    Attributes:
        kind: Image, animation or video.
        format: File format.
        width: Pixels.
        height: Pixels.
        duration: Seconds.
    """

    kind: Kind = "image"
    format: str = "jpeg"
    width: int = 640
    height: int = 480
    duration: float = 0.0


class Expected(_Part, frozen=True, kw_only=True):
    """The decision that is expected. What is left out is not looked at.

    Attributes:
        action: What to do.
        judged: Whether the item could be judged.
        fired: All rules that fired and were not overruled.
        overruled: All rules that fired and were overruled.
        capped: All rules that ask for less than they would, for a cap, a breaker or a weak
            detector.
        shadow: All rules in shadow that would have fired.
        shadow_action: The action that there would be if rules in shadow were live.
        queues: All queues that the item is put into.
        labels: All labels that it gets.
        alarms: All alarms that are raised.
        missing: Causes of all that is unknown to this policy, besides what the evidence says.
    """

    action: Action
    judged: bool | None = None
    fired: tuple[str, ...] | None = None
    overruled: tuple[str, ...] | None = None
    capped: tuple[str, ...] | None = None
    shadow: tuple[str, ...] | None = None
    shadow_action: Action | None = None
    queues: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    alarms: tuple[str, ...] | None = None
    missing: tuple[Cause, ...] | None = None


class ItemPlace(_Part, frozen=True, kw_only=True):
    """An item within a report.

    Attributes:
        file: What ``tidegate scan --json`` or ``--jsonl`` wrote, beside the cases.
        path: Of several items, the one with this path.
    """

    file: str
    path: str | None = None


class Case(_Part, frozen=True, kw_only=True):
    """One case.

    Attributes:
        name: What it shows, one line.
        expect: The decision.
        signals: Scores by category; for several detectors, by category and detector.
        matches: Entries of banks that were met.
        unknowns: What is missing: a cause alone, or with more.
        media: What the media is.
        size: Bytes.
        banks: Banks that were asked; by default those that the policy declares, and those met.
        covered: Categories that a detector answers for; by default those that the policy
            needs, and those with a score.
        facts: What the platform says of the item.
        drawn: Samples (``sampling.blind``) and rollouts (``rules.new``) that choose this
            item; all others do not. Where it is left out no sample chooses it, and every
            rollout does.
        counts: How many decisions each breaker has counted before this one.
        evidence: All of the evidence, in place of what is in short.
        item: The same, in a file: what ``tidegate scan --json`` wrote.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    expect: Expected
    signals: dict[Detectable, Share | dict[str, Share]] = msgspec.field(default_factory=dict)
    matches: tuple[GivenMatch, ...] = ()
    unknowns: tuple[Cause | GivenUnknown, ...] = ()
    media: Kind | GivenMedia = "image"
    size: Annotated[int, msgspec.Meta(ge=0)] | None = None
    banks: tuple[str, ...] | None = None
    covered: tuple[Detectable, ...] | None = None
    facts: Facts = Facts()
    drawn: tuple[str, ...] | None = None
    counts: dict[Id, Annotated[int, msgspec.Meta(ge=0)]] = msgspec.field(default_factory=dict)
    evidence: Evidence | None = None
    item: str | ItemPlace | None = None

    @property
    def place(self) -> ItemPlace | None:
        """Where the item is, or ``None`` where the case itself says it."""
        return ItemPlace(file=self.item) if isinstance(self.item, str) else self.item


class Cases(_Part, frozen=True, kw_only=True):
    """A file of cases.

    Attributes:
        tidegate_cases: Version of this format.
        review_only: Detectors that are for review only.
        cases: The cases.
    """

    tidegate_cases: Literal[1]
    cases: tuple[Case, ...]
    review_only: tuple[str, ...] = ()


def parse_cases(text: str, name: str, policy: Policy) -> Cases:
    """Read cases and check them against their policy.

    Args:
        text: The YAML.
        name: Name of the file, for the error.
        policy: The policy.

    Raises:
        PolicyError: It is malformed, or names what the policy and the taxonomy do not know.
    """
    document = Document(text, name)
    cases = document.convert(Cases)
    for wrong in _problems(cases, policy):
        raise document.error(wrong.path, wrong.message, key=wrong.key)
    return cases


def _problems(cases: Cases, policy: Policy) -> Iterator[Wrong]:
    chances = [f"sampling.{s.id}" for s in policy.sampling]
    chances += [f"rules.{r.id}" for r in policy.rules if r.rollout is not None]
    flags = taxonomy.contexts()
    rules = parts(policy)
    for index, case in enumerate(cases.cases):
        path: Path = ("cases", index)

        def among(
            given: Collection[str],
            known: Sequence[str],
            what: str,
            *at: str | int,
            path: Path = path,
        ) -> Iterator[Wrong]:
            for number, one in enumerate(given):
                if one not in known:
                    near = nearest(one, known)
                    meant = f" (did you mean {near!r}?)" if near else ""
                    keyed = isinstance(given, dict)
                    place = (*path, *at, one if keyed else number)
                    yield Wrong(place, f"{one!r} is not {what}{meant}", keyed)

        if case.name in [other.name for other in cases.cases[:index]]:
            yield Wrong((*path, "name"), f"two cases are called {case.name!r}")
        if sum((case.evidence is not None, case.item is not None, _is_short(case))) > 1:
            yield Wrong(path, f"{case.name}: say the evidence in short, as 'evidence' or as 'item'")
        detectable, bankable = taxonomy.detectable(), taxonomy.bankable()
        yield from among(case.signals, detectable, "a category that is scored", "signals")
        yield from among(case.covered or (), detectable, "a category that is scored", "covered")
        for number, match in enumerate(case.matches):
            at = ("matches", number, "category")
            yield from among((match.category,), bankable, "a category that a bank carries", *at)
        for number, lost in enumerate(case.unknowns):
            if isinstance(lost, GivenUnknown):
                at = ("unknowns", number, "categories")
                yield from among(lost.categories, detectable, "a category that is scored", *at)
        surfaces = policy.names.surfaces
        if surfaces and case.facts.surface is not None:
            given = (case.facts.surface,)
            yield from among(given, surfaces, "among names.surfaces", "facts", "surface")
        yield from among(case.facts.context, flags, "a context flag", "facts", "context")
        yield from among(case.drawn or (), chances, "a sample or a rollout", "drawn")
        yield from among(case.counts, [b.id for b in policy.breakers], "a breaker", "counts")
        for of in ("fired", "overruled", "capped", "shadow"):
            wanted: tuple[str, ...] = getattr(case.expect, of) or ()
            yield from among(wanted, rules, f"a rule of {policy.name}", "expect", of)
        if case.evidence is not None:
            foreign = foreign_category(case.evidence)
            met = {foreign} if foreign is not None else ()
            yield from among(met, list(taxonomy.CATEGORIES), "a category", "evidence")


def _is_short(case: Case) -> bool:
    return bool(
        case.signals
        or case.matches
        or case.unknowns
        or case.banks is not None
        or case.covered is not None
        or case.media != "image"
        or case.size is not None
    )


def parts(policy: Policy) -> list[str]:
    """Return the names of all rules of a policy that can be at work, as decisions cite them.

    A threshold that is ``never`` is at work where it takes something back.
    """
    return [
        *(
            f"{row_name(category, number, len(rows))}.{action}"
            for category in policy.thresholds
            for rows in [policy.rows(category)]
            for number, row in enumerate(rows)
            for action, _ in row.cells()
        ),
        *(f"banks.{rule.id}" for rule in policy.banks),
        *(f"rules.{rule.id}" for rule in policy.rules if rule.mode != "off"),
        *(
            f"rules.{rule.id}.unknown"
            for rule in policy.rules
            if rule.mode != "off" and rule.unknown not in (None, "ignore")
        ),
        *(f"unknowns.{rule.id}" for rule in policy.unknowns),
        *(f"sampling.{sample.id}" for sample in policy.sampling),
        *(f"breakers.{breaker.id}" for breaker in policy.breakers),
    ]
