"""Cases tried on their policy: what is not as expected, and what no case reaches."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec

from tidegate.evidence import (
    Action,
    Decision,
    EffectKind,
    Evidence,
    Facts,
    Item,
    Match,
    MediaInfo,
    Signal,
    Unknown,
)
from tidegate.policy.breakers import counters, trip
from tidegate.policy.cases import Case, Cases, Expected, GivenMedia, GivenUnknown, ItemPlace, parts
from tidegate.policy.draw import drawn
from tidegate.policy.narrow import holds, rank, row_name
from tidegate.policy.program import Program
from tidegate.policy.schema import Policy, Rollout, Sample
from tidegate.policy.weigh import kind_of

DETECTOR = "a detector"
"""The detector of a score that stands alone."""

MOST_DRAWS = 1_000_000
"""Contents that are tried to find one that is drawn as a case wants."""


class Mismatch(NamedTuple):
    """Something that is not as it was expected.

    Attributes:
        of: What of the decision.
        expected: What was expected, in words.
        got: What there is, in words.
    """

    of: str
    expected: str
    got: str


class Outcome(NamedTuple):
    """What came of a case.

    Attributes:
        case: The case.
        decision: The decision that the policy makes.
        mismatches: All that is not as expected; empty where the case holds.
        reached: What of the policy made a difference or was at work: names of rules.
    """

    case: Case
    decision: Decision
    mismatches: tuple[Mismatch, ...]
    reached: frozenset[str]


def run(program: Program, cases: Cases, items: Mapping[ItemPlace, Item]) -> list[Outcome]:
    """Decide all cases.

    Args:
        program: The policy, ready to decide.
        cases: The cases.
        items: The items of cases that are in files.

    Raises:
        ValueError: No content is drawn as a case wants.
    """
    return [_run(program, cases, case, items) for case in cases.cases]


def _run(program: Program, cases: Cases, case: Case, items: Mapping[ItemPlace, Item]) -> Outcome:
    policy = program.policy
    facts = case.facts
    if case.place is not None:
        item = items[case.place]
        evidence = item.evidence
        facts = item.facts if facts == Facts() else facts
    elif case.evidence is not None:
        evidence = case.evidence
    else:
        evidence = _evidence(policy, cases, case)
    if case.drawn is not None:
        evidence = msgspec.structs.replace(evidence, sha256=_content(policy, case))
    decision = program.decide(evidence, facts)
    counted = {
        counter: case.counts.get(counter.breaker, 0)
        for counter in counters(policy, decision, evidence, facts)
    }
    decision = trip(policy, decision, evidence, facts, counted)
    return Outcome(
        case,
        decision,
        tuple(_mismatches(case.expect, decision)),
        frozenset(_reached(policy, decision, evidence, facts)),
    )


def _evidence(policy: Policy, cases: Cases, case: Case) -> Evidence:
    media = GivenMedia(kind=case.media) if isinstance(case.media, str) else case.media
    signals = [
        Signal(
            category=category,
            score=score,
            detector=detector,
            version="1",
            review_only=detector in cases.review_only,
        )
        for category, given in case.signals.items()
        for detector, score in (given.items() if isinstance(given, dict) else [(DETECTOR, given)])
    ]
    unknowns = [GivenUnknown(cause=u) if isinstance(u, str) else u for u in case.unknowns]
    banks = (*policy.names.banks, *(match.bank for match in case.matches))
    covered = (*policy.needs, *case.signals)
    return Evidence(
        size=case.size,
        media=MediaInfo(
            kind=media.kind,
            format=media.format,
            width=media.width,
            height=media.height,
            duration=media.duration,
        ),
        matches=tuple(Match(**msgspec.structs.asdict(match)) for match in case.matches),
        signals=tuple(sorted(signals, key=lambda s: (-s.score, s.category))),
        unknowns=tuple(
            Unknown(
                stage=u.stage or ("detectors" if u.detector or u.categories else "media"),
                cause=u.cause,
                detail="as the case says",
                detector=u.detector,
                categories=u.categories,
            )
            for u in unknowns
        ),
        banks=tuple(dict.fromkeys(banks if case.banks is None else case.banks)),
        covered=tuple(dict.fromkeys(covered if case.covered is None else case.covered)),
    )


def _content(policy: Policy, case: Case) -> str:
    """Return the digest of a content that is drawn for just what a case wants."""
    chances: dict[str, Sample | Rollout] = {f"sampling.{s.id}": s for s in policy.sampling}
    chances |= {f"rules.{r.id}": r.rollout for r in policy.rules if r.rollout is not None}
    wanted = case.drawn or ()
    for number in range(MOST_DRAWS):
        content = sha256(str(number).encode()).hexdigest()
        if all(drawn(content, name, lot) == (name in wanted) for name, lot in chances.items()):
            return content
    raise ValueError(f"{case.name}: no content is drawn for just {', '.join(wanted) or 'nothing'}")


def _mismatches(expected: Expected, decision: Decision) -> Iterator[Mismatch]:
    if decision.action != expected.action:
        yield Mismatch("action", expected.action, decision.action)
    if expected.judged not in (None, decision.judged):
        yield Mismatch("judged", _yes(expected.judged), _yes(decision.judged))
    if expected.shadow_action not in (None, decision.shadow_action):
        yield Mismatch(
            "shadow_action", str(expected.shadow_action), decision.shadow_action or "none"
        )
    reasons = decision.reasons
    told: dict[str, Sequence[str]] = {
        "fired": [r.rule for r in reasons if r.overruled_by is None],
        "overruled": [r.rule for r in reasons if r.overruled_by is not None],
        "capped": [r.rule for r in reasons if r.capped_by is not None],
        "shadow": [r.rule for r in decision.shadow],
        "queues": _effects(decision, "queue"),
        "labels": _effects(decision, "label"),
        "alarms": _effects(decision, "alarm"),
        "missing": [unknown.cause for unknown in decision.missing],
    }
    for of, got in told.items():
        wanted: Sequence[str] | None = getattr(expected, of)
        if wanted is not None and {*wanted} != {*got}:
            yield Mismatch(of, _listed(wanted), _listed(got))


def _yes(value: bool | None) -> str:
    return "yes" if value else "no"


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted({*names})) or "none"


def _effects(decision: Decision, kind: EffectKind) -> list[str]:
    return [effect.value for effect in decision.effects if effect.kind == kind]


def _reached(policy: Policy, decision: Decision, evidence: Evidence, facts: Facts) -> Iterator[str]:
    for reason in (*decision.reasons, *decision.shadow):
        yield reason.rule
        if reason.capped_by is not None:
            yield reason.capped_by
    for effect in decision.effects:
        yield from effect.rules
    kind = kind_of(evidence)
    for category in {signal.category for signal in evidence.signals}:
        rows = policy.rows(category)
        last: dict[Action, tuple[int, object]] = {}
        meant = [n for n, row in enumerate(rows) if holds(row.where, facts, kind)]
        for number in sorted(meant, key=lambda n: rank(rows[n].where)):
            last |= {action: (number, cell) for action, cell in rows[number].cells()}
        for action, (number, cell) in last.items():
            if cell == "never":
                yield f"{row_name(category, number, len(rows))}.{action}"


class Coverage(NamedTuple):
    """Which rules of a policy cases reach.

    Attributes:
        reached: Names of those that are.
        missed: Names of those that no case makes fire.
    """

    reached: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the rules that are reached, in [0, 1]."""
        total = len(self.reached) + len(self.missed)
        return len(self.reached) / total if total else 1.0


def coverage(policy: Policy, outcomes: Sequence[Outcome]) -> Coverage:
    """Return which rules of a policy the outcomes of cases reach."""
    reached = {name for outcome in outcomes for name in outcome.reached}
    names = parts(policy)
    return Coverage(
        tuple(name for name in names if name in reached),
        tuple(name for name in names if name not in reached),
    )
