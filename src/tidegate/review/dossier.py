"""All that a case's page tells: what it is, why it is here, what there is to say about it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from tidegate import evidence as values
from tidegate.evidence import Evidence
from tidegate.policy import Policy, digest, prose
from tidegate.report import words
from tidegate.report.timeline import Timeline, timeline
from tidegate.review.met import Met, met
from tidegate.review.moments import Moment, moments
from tidegate.review.past import Step, Told, alike, past
from tidegate.review.scores import Score, scores, turning
from tidegate.service import casework
from tidegate.service.auth import Principal
from tidegate.service.media import Links, links_for
from tidegate.service.showing import Hidden, hidden
from tidegate.service.state import Service
from tidegate.store import actors, cases, decisions, items, preferences
from tidegate.store.cases import Case
from tidegate.store.decisions import Recorded
from tidegate.store.items import Item
from tidegate.store.preferences import Veil

MOST_COPIES = 24
"""Copies that are listed."""


@dataclass(frozen=True, kw_only=True)
class CopyShown:
    """A copy that a case stands for.

    Attributes:
        item: The copy.
        distance: Bits by which it differs from what is shown; 0: it is the same.
        thumbnail: Its picture, or ``None`` where nobody is shown it.
    """

    item: Item
    distance: int
    thumbnail: str | None


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the policy says about what was found.

    Attributes:
        policy: The policy in force.
        same: Whether the case was decided under it, and not under an older one.
        cells: For each category: the actions and from which score they are asked for.
        lines: Rules for banks, guards and missing answers that fired, in words.
    """

    policy: Policy
    same: bool
    cells: dict[str, list[tuple[str, str]]]
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """A case, as its page tells it to somebody.

    Attributes:
        case: The case.
        item: What it shows.
        hidden: Why nobody is shown it, or ``None``.
        links: Where it is seen, or ``None`` where nobody is shown it.
        veil: How it is shown before somebody asks to see it.
        made: What the policy decided of it, or ``None`` where nothing is recorded.
        judged: That, as reports have it.
        evidence: What is known of it.
        stated: What the platform says of it.
        met: Entries of banks that it met.
        met_more: Entries that are left out.
        scores: What detectors said.
        turning: What would have changed what was decided.
        unknowns: What could not be answered, in words.
        timeline: What happened when, of what moves.
        moments: Frames of what moves.
        steps: What was decided of it before.
        alike: Other items with the same bytes.
        alike_more: Whether there are more.
        copies: Copies that the case stands for, where it has any.
        rules: What the policy says.
        holder: Who has the case, in words, or ``None``.
        mine: Whether that is whoever looks.
        story: What happened to the case last.
    """

    case: Case
    item: Item
    hidden: Hidden | None
    links: Links | None
    veil: Veil
    made: Recorded | None
    judged: values.Item | None
    evidence: Evidence
    stated: tuple[str, ...]
    met: list[Met]
    met_more: int
    scores: list[Score]
    turning: list[str]
    unknowns: tuple[str, ...]
    timeline: Timeline | None
    moments: list[Moment]
    steps: tuple[Step, ...]
    alike: list[Item]
    alike_more: bool
    copies: list[CopyShown]
    rules: Rules
    holder: str | None
    mine: bool
    story: str

    @property
    def moves(self) -> bool:
        """Whether it has a length."""
        return bool(self.moments)


def dossier(connection: Connection, at: Service, who: Principal, case: Case) -> Dossier:
    """Return all that is told of a case to somebody who may see it."""
    now = at.clock()
    item = items.get(connection, case.item)
    assert item is not None  # The database says so itself.
    told = past(connection, case)
    made = None if told.machine is None else decisions.get(connection, told.machine)
    evidence = Evidence() if made is None or made.evidence is None else made.evidence
    judged = None if made is None else _judged(made, evidence)
    why = hidden(connection, item)
    found, left_out = met(connection, at, who, evidence)
    others, more = alike(connection, item, told.until)
    holder = case.holder(now)
    duration = evidence.media.duration if evidence.media and not _still(evidence) else 0.0
    return Dossier(
        case=case,
        item=item,
        hidden=why,
        links=None if why is not None else links_for(connection, at, who, item.id),
        veil=preferences.get(connection, who.id).of(case.category),
        made=made,
        judged=judged,
        evidence=evidence,
        stated=words.facts(item.facts if made is None else made.facts),
        met=found,
        met_more=left_out,
        scores=[] if made is None else scores(evidence, made.decision),
        turning=[] if made is None else turning(made.decision),
        unknowns=() if judged is None else tuple(map(words.unknown, words.unknowns(judged))),
        timeline=None if judged is None else timeline(judged),
        moments=moments(evidence, duration) if duration > 0 and why is None else [],
        steps=told.steps,
        alike=others,
        alike_more=more,
        copies=_copies(connection, at, who, case, told),
        rules=_rules(connection, made),
        holder=None if holder is None else actors.name(connection, holder),
        mine=holder == who.actor,
        story=cases.story(connection, case),
    )


def _judged(made: Recorded, evidence: Evidence) -> values.Item:
    return values.Item(
        path=made.item, evidence=evidence, decision=made.decision, elapsed=0.0, facts=made.facts
    )


def _still(evidence: Evidence) -> bool:
    return evidence.media is not None and evidence.media.kind == "image"


def _copies(
    connection: Connection, at: Service, who: Principal, case: Case, told: Told
) -> list[CopyShown]:
    if case.copies < 2 or told.until is not None:
        return []
    shown = []
    for copy in cases.copies(connection, case.id, limit=MOST_COPIES + 1):
        found = items.get(connection, copy.item)
        if found is None or found.id == case.item:
            continue
        seen = hidden(connection, found) is None
        link = links_for(connection, at, who, found.id).thumbnail if seen else None
        shown.append(CopyShown(item=found, distance=copy.distance, thumbnail=link))
    return shown[:MOST_COPIES]


def _rules(connection: Connection, made: Recorded | None) -> Rules:
    policy = casework.policy_now(connection)
    named = () if made is None else (*made.decision.reasons, *made.decision.near)
    categories = dict.fromkeys(r.category for r in named if r.category is not None)
    cells = {
        category: [
            (prose.items(row.where), ", ".join(f"{a} from {prose.cell(c)}" for a, c in row.cells()))
            for row in policy.rows(category)
        ]
        for category in categories
        if policy.rows(category)
    }
    fired = {reason.rule for reason in named}
    lines = [
        *(prose.bank_rule(rule) for rule in policy.banks if f"banks.{rule.id}" in fired),
        *(
            f"{rule.title or rule.id}: {prose.then(rule.then)}, where {rule.when}"
            for rule in policy.rules
            if f"rules.{rule.id}" in fired
        ),
        *(prose.unknown_rule(rule) for rule in policy.unknowns if f"unknowns.{rule.id}" in fired),
    ]
    same = made is not None and made.decision.policy_sha256 == digest(policy)
    return Rules(policy=policy, same=same, cells=cells, lines=tuple(lines))
