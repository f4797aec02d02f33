"""What people do with cases: take the next one, answer it, take that back, reverse it, split it.

An answer to a review, a disagreement or an appeal takes effect: a decision of each item of the
case, in one transaction with the messages that tell of it. These leave half a minute later
(:data:`UNDO`), and until then the answer can be taken back as if it had not been. After that it
can be reversed: the case is open again, and the next answer tells whoever was told.

Answers to second opinions, to cases whose answer is known and to benign ones have no effect on
items. How cases come about is in :mod:`~tidegate.service.opening`.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from tidegate import taxonomy
from tidegate.evidence import Action, Decision, Effect, Facts, Reason, Value, strength
from tidegate.policy import Policy, digest, parse, prose
from tidegate.policy.schema import Rule
from tidegate.service import alarms, appealing, opening, quality, ranking
from tidegate.store import cases, claims, decisions, items, outbox, policies, reviews
from tidegate.store.cases import Case, Kind, New
from tidegate.store.claims import CLAIM
from tidegate.store.clock import SECOND
from tidegate.store.decisions import Recorded
from tidegate.store.error import ConflictError, InvalidError, MissingError
from tidegate.store.queues import ESCALATED
from tidegate.store.reviews import Made, Review

UNDO = 30 * SECOND
"""Microseconds in which an answer can be taken back: nobody outside is told before."""

ANSWERS: tuple[Action, ...] = ("allow", "label", "restrict", "remove", "quarantine")
"""What a person may answer. Not ``review`` or ``hold``: these ask for a person, who has looked by
then. Who is not sure escalates, or skips."""

EFFECTIVE: frozenset[Kind] = frozenset({"review", "disagreement", "appeal"})
"""Kinds of cases whose answers take effect."""

REVERSIBLE: frozenset[Kind] = frozenset({"review", "disagreement"})
"""Kinds of cases that can be opened again. The outcome of an appeal is told as final."""

_ALLOWED = "A person has looked, and nothing in the policy is against it."


class Answer(Value, frozen=True, kw_only=True):
    """What a person answers.

    Attributes:
        action: What is to be done; one of :data:`ANSWERS`.
        rule: Where in the policy the reason stands, one of :func:`reasons`. Empty where the
            category says it all, or with ``allow``.
        category: Of the taxonomy. Empty: that of the rule.
        note: In words, for those who work here.
        context: Context flags of the taxonomy that the reviewer sets.
    """

    action: Action
    rule: str = ""
    category: str = ""
    note: str = ""
    context: tuple[str, ...] = ()


class Choice(NamedTuple):
    """A reason that the policy offers.

    Attributes:
        rule: Where in the policy it stands; empty for "nothing is against it".
        text: In words.
        category: Of the taxonomy, or empty where it is about no single one.
        action: The strongest thing that the policy itself asks for by it. A reviewer may answer
            something else for the same reason.
    """

    rule: str
    text: str
    category: str
    action: Action


def policy_now(connection: Connection) -> Policy:
    """Return the policy in force."""
    return _parsed(*policies.active(connection))[0]


def reasons(policy: Policy) -> tuple[Choice, ...]:
    """Return the reasons that a policy offers: that nothing is against it, then in its order."""
    return tuple(_choices(policy))


def next_case(
    connection: Connection,
    queues: Collection[str],
    *,
    actor: str,
    now: int,
    seconds: float = CLAIM,
) -> Case | None:
    """Give somebody the best case of some queues that is free, or another one in its place.

    Args:
        connection: Of a transaction that does nothing else.
        queues: Those that they see.
        actor: To whom.
        now: The present.
        seconds: For how long.

    Returns:
        The case, theirs; or ``None`` where there is none.
    """
    place = claims.first_free(connection, queues, actor, now=now)
    if place is None:
        return None
    since = cases.need(connection, place.case).opened_at
    other = quality.instead(connection, actor, place.queue, now=now, since=since)
    if other is not None:
        with suppress(ConflictError):  # Somebody else was given it at the same time.
            return claims.claim(connection, other, actor, now=now, seconds=seconds)
    return claims.next_for(connection, queues, actor, now=now, seconds=seconds)


def decide(
    connection: Connection, case: str, answer: Answer, *, actor: str, version: int, now: int
) -> Review:
    """Answer a case.

    Args:
        connection: Of the transaction.
        case: Which.
        answer: What is to be done, and why.
        actor: Who answers.
        version: Of the case, as they saw it.
        now: The present.

    Returns:
        The review. Until its ``leaves_at`` it can be taken back (:func:`undo`).

    Raises:
        MissingError: There is no such case.
        ConflictError: Somebody else has it, has answered it, or it has changed since; it says
            what happened. Or the policy has changed, and has no such rule.
        InvalidError: The answer says nothing, or what the policy and the taxonomy do not know.
    """
    held = cases.hold(connection, case)
    claims.admit(connection, held, actor, now)
    if held.version != version:
        raise ConflictError(f"this case has changed: {cases.story(connection, held)}")
    policy, sha256 = _parsed(*policies.active(connection))
    choice = _chosen(answer, policy)
    effective = held.kind in EFFECTIVE
    made = []
    if effective:
        made = [
            _overrule(connection, item, answer, choice, policy, sha256, actor, now)
            for item in _items(connection, held)
        ]
    mine = held.claimed_by == actor and held.claimed_at is not None
    new = reviews.New(
        case=held.id,
        kind=held.kind,
        queue=held.queues[0] if held.queues else "",
        reviewer=actor,
        action=answer.action,
        rule=choice.rule,
        category=choice.category,
        note=answer.note,
        context=tuple(dict.fromkeys(answer.context)),
        effective=effective,
        micros=now - (held.claimed_at or now) if mine else None,
        opened_at=held.opened_at,
        leaves_at=now + UNDO,
    )
    review = reviews.add(connection, new, decisions=made, now=now)
    after = cases.decided(connection, held.id, review.id, answer.action, actor=actor, now=now)
    if held.kind == "benign" and answer.action != "allow":
        _escalated(connection, after, choice, now)
    if effective:
        appealing.answered(connection, after, review, now=now)
    quality.after(connection, after, review, now=now)
    return review


def undo(connection: Connection, review: str, *, actor: str, now: int) -> Case:
    """Take an answer back, as if it had not been: nobody outside was told.

    Args:
        connection: Of the transaction.
        review: Which answer.
        actor: Who has given it, and nobody else.
        now: The present.

    Returns:
        The case, open, and theirs again; closed where the media of all its items was deleted.

    Raises:
        MissingError: There is no such answer.
        ConflictError: It is not theirs; it is too late; or something has followed from it.
    """
    answer = reviews.get(connection, review)
    if answer is None:
        raise MissingError(f"there is no review {review:.40}")
    held = cases.hold(connection, answer.case)
    if answer.reviewer != actor:
        raise ConflictError("only whoever has given an answer takes it back; it can be reversed")
    if held.review != answer.id:
        raise ConflictError(f"this is not the answer any more: {cases.story(connection, held)}")
    if now >= answer.leaves_at:
        raise ConflictError(f"after {UNDO // SECOND} s it has left: it can be reversed")
    deleted = []
    for made in reviews.decisions_of(connection, answer.id):
        item = items.hold(connection, made.item)
        if item.decision != made.decision:
            raise ConflictError(f"item {made.item} was decided again since")
        if not outbox.take_back(connection, made.item, made.decision):
            raise ConflictError("somebody was told of it already: it can be reversed")
        (last,) = decisions.history(connection, item.id, limit=1)
        decisions.put_back(connection, made.item, made.before, actor=actor, now=now)
        if item.state == "deleted":
            deleted.append(item)
        elif last.id != made.decision:
            # What a machine has found since was only noted: it is to come into force now.
            reason = "it was judged while a person's answer was in force"
            items.rescan(connection, item.id, actor=actor, reason=reason, now=now)
    for child in cases.children(connection, held.id):
        if child.opened_at == answer.created_at and child.state != "closed":
            cases.close(connection, child.id, actor=actor, reason="the answer was undone", now=now)
    undone = reviews.undo(connection, answer.id, now=now)
    cases.reopen(connection, held.id, actor=actor, reason="", action="review.undo", now=now)
    case = claims.claim(connection, held.id, actor, now=now)
    for item in deleted:
        opening.gone(connection, item, actor=actor, now=now)
        case = cases.need(connection, case.id)
    if undone.effective:
        appealing.undone(connection, case, undone, now=now)
    quality.undone(connection, case, undone, now=now)
    return case


def reverse(connection: Connection, case: str, *, actor: str, reason: str, now: int) -> Case:
    """Open a case again that was decided: the next answer takes the place of the one in force.

    Until then that stays in force. Whoever was told of it is told of the reversal. What somebody
    has decided since in another case, for example by the answer to an appeal, stays as it is: such
    items leave the case.

    Args:
        connection: Of the transaction.
        case: Which.
        actor: Who does it.
        reason: Why.
        now: The present.

    Raises:
        MissingError: There is no such case.
        ConflictError: It has no answer that took effect, an item of it is before people again in
            another case, or all of them were decided in others since.
    """
    held = cases.hold(connection, case)
    if held.kind not in REVERSIBLE or held.state != "decided":
        raise ConflictError("only what was decided can be reversed, and no appeal is")
    held = _still_its_own(connection, held, actor, now)
    if held.kind == "review":
        for one in cases.copies(connection, held.id, limit=opening.MOST_COPIES):
            other = cases.of_item(connection, one.item)
            if other is not None:
                raise ConflictError(f"item {one.item} is in case {other.id}, which is open")
    return cases.reopen(
        connection, held.id, actor=actor, reason=reason, action="review.reverse", now=now
    )


def escalate(connection: Connection, case: str, *, actor: str, reason: str, now: int) -> Case:
    """Pass a case on to those who decide what others could not.

    One whose answer is known, or that is for a rest, ends instead: nobody has to decide it.

    Raises:
        MissingError: There is no such case.
        ConflictError: Somebody else has it, it has ended, or it was escalated before.
    """
    held = cases.hold(connection, case)
    if held.kind in ("golden", "benign"):
        claims.admit(connection, held, actor, now)
        return cases.close(connection, case, actor=actor, reason=reason or "escalated", now=now)
    return claims.escalate(connection, case, actor=actor, reason=reason, now=now)


def split(connection: Connection, case: str, item: str, *, actor: str, now: int) -> Case:
    """Give a copy that turns out to be different a case of its own, and return that.

    Args:
        connection: Of the transaction.
        case: The case that it is in.
        item: The copy.
        actor: Who does it: whoever has the case, or anybody where nobody has it.
        now: The present.

    Raises:
        MissingError: There is no such case, or the item is not in it.
        ConflictError: Somebody else has it, it has ended, or the item is alone in it.
    """
    held = cases.hold(connection, case)
    claims.admit(connection, held, actor, now)
    if held.kind != "review" or held.copies == 1:
        raise ConflictError("this case has no copies")
    if item not in {one.item for one in cases.copies(connection, case, limit=held.copies)}:
        raise MissingError(f"item {item:.40} is not in this case")
    copy = items.hold(connection, item)
    ranks = cases.ranks(connection, case)
    opening.take_out(connection, held, copy, reason="split off", actor=actor, now=now)
    decision = decisions.get(connection, copy.decision or "")
    lift = ranking.lift((held.reach, held.copies), (copy.reach or 0, 1))
    new = New(
        kind="review",
        item=item,
        queues={queue: rank + lift for queue, rank in ranks.items()},
        category=held.category,
        confidence=held.confidence,
        severity=held.severity,
        reach=copy.reach or 0,
        pdq=opening.fingerprint(None if decision is None else decision.evidence),
        parent=held.id,
    )
    return cases.open_case(connection, new, actor=actor, now=now)


def _still_its_own(connection: Connection, held: Case, actor: str, now: int) -> Case:
    """Take the items out of a case that people have decided in other cases since."""
    own = {made.decision for made in reviews.decisions_of(connection, str(held.review))}
    for item in _items(connection, held):
        made = None if item.decision in own else decisions.get(connection, str(item.decision))
        if made is None or made.origin != "reviewer":
            continue
        if held.copies == 1:
            raise ConflictError("somebody has decided on this in another case since")
        reason = "it was decided in another case since"
        held = opening.take_out(connection, held, item, reason=reason, actor=actor, now=now)
    return held


def _items(connection: Connection, held: Case) -> list[items.Item]:
    """Return the items of a case, locked in the order of their ids."""
    inside = cases.copies(connection, held.id, limit=max(held.copies, 1))
    return [items.hold(connection, one.item) for one in inside]


def _overrule(
    connection: Connection,
    item: items.Item,
    answer: Answer,
    choice: Choice,
    policy: Policy,
    sha256: str,
    actor: str,
    now: int,
) -> Made:
    """Put in force what a person has decided of an item."""
    before = None if item.decision is None else decisions.get(connection, item.decision)
    facts = item.facts if before is None else before.facts
    content = None if before is None else before.content
    evidence = None if before is None or content is not None else before.evidence
    decision = Decision(
        action=answer.action,
        judged=True,
        reasons=(
            Reason(
                rule=choice.rule,
                action=answer.action,
                # A person is none of the evidence.
                ground="guard",
                index=0,
                category=choice.category or None,
                bounds=(),
                text=choice.text,
            ),
        ),
        near=(),
        rest=(),
        policy=policy.name,
        policy_sha256=sha256,
        effects=_labels(answer, choice, policy, before),
    )
    made = decisions.New(
        item=item.id,
        origin="reviewer",
        author=actor,
        decision=decision,
        facts=_with_context(facts, answer.context),
        content=content,
        evidence=evidence,
        reason=answer.note,
    )
    result = decisions.record(connection, made, now=now, held=item)
    alarms.messages(connection, item, decision, result, by="reviewer", due_at=now + UNDO, now=now)
    return Made(item=item.id, decision=result.id, before=item.decision)


def _with_context(facts: Facts, flags: tuple[str, ...]) -> Facts:
    context = tuple(dict.fromkeys((*facts.context, *flags)))
    return msgspec.structs.replace(facts, context=context)


def _labels(
    answer: Answer, choice: Choice, policy: Policy, before: Recorded | None
) -> tuple[Effect, ...]:
    """Return the labels of an answer: those that the item had, and that of the rule chosen.

    What is allowed, or gone, has none.
    """
    if answer.action not in ("label", "restrict"):
        return ()
    had = () if before is None else before.decision.effects
    labels = {e.value: e for e in had if e.kind == "label"}
    rule = next((r for r in policy.rules if f"rules.{r.id}" == choice.rule), None)
    if rule is not None and rule.then.label is not None:
        label = rule.then.label
        labels.setdefault(label, Effect(kind="label", value=label, rules=(choice.rule,)))
    return tuple(labels[name] for name in sorted(labels))


def _escalated(connection: Connection, benign: Case, choice: Choice, now: int) -> None:
    """Open a case for what was held to be benign, and is not in somebody's eyes."""
    if cases.of_item(connection, benign.item) is not None:
        return
    severity = ranking.severity(choice.category)
    rank = ranking.rank(confidence=0.5, severity=severity, reach=benign.reach, opened_at=now)
    new = New(
        kind="review",
        item=benign.item,
        queues={ESCALATED: rank},
        category=choice.category,
        severity=severity,
        reach=benign.reach,
        parent=benign.id,
    )
    cases.open_case(connection, new, actor=opening.SYSTEM, now=now)


@lru_cache(maxsize=4)
def _parsed(source: str, version: str) -> tuple[Policy, str]:
    policy = parse(source, f"policy {version}")
    return policy, digest(policy)


def _chosen(answer: Answer, policy: Policy) -> Choice:
    """Return the reason of an answer.

    Raises:
        InvalidError: It says nothing, or what nobody knows.
        ConflictError: The policy has no such rule: it has changed.
    """
    if answer.action not in ANSWERS:
        raise InvalidError(f"an answer is {', '.join(ANSWERS)}")
    for flag in answer.context:
        if flag not in taxonomy.contexts():
            raise InvalidError(f"context is {', '.join(taxonomy.contexts())}")
    if answer.category and answer.category not in _CONTENT:
        raise InvalidError("the category is none of the taxonomy")
    offered = {choice.rule: choice for choice in reasons(policy)}
    choice = offered.get(answer.rule)
    if choice is None:
        raise ConflictError(f"policy {policy.name}, in force now, has no {answer.rule:.200}")
    if choice.category and answer.category not in ("", choice.category):
        raise InvalidError(f"{choice.rule} is about {choice.category}")
    category = choice.category or answer.category
    if not answer.rule and answer.action != "allow":
        if not category:
            raise InvalidError(f"{answer.action} wants a reason: a rule or a category")
        return Choice("", _of_category(category), category, answer.action)
    return choice._replace(category=category)


_CONTENT = frozenset({*taxonomy.detectable(), *taxonomy.bankable()})


def _choices(policy: Policy) -> Iterator[Choice]:
    yield Choice("", _ALLOWED, "", "allow")
    for category in policy.thresholds:
        asked = [
            action
            for row in policy.rows(category)
            for action, cell in row.cells()
            if cell != "never"
        ]
        if asked:
            strongest = max(asked, key=strength)
            yield Choice(f"thresholds.{category}", _of_category(category), category, strongest)
    for bank in policy.banks:
        known = "Known to be good" if bank.action == "allow" else "Known content"
        text = f"{known}: {prose.matches(bank.where)}."
        yield Choice(f"banks.{bank.id}", text, bank.where.category or "", bank.action)
    for rule in policy.rules:
        if rule.mode == "live":
            yield Choice(f"rules.{rule.id}", _of_rule(rule), "", rule.then.action or "review")
    for unknown in policy.unknowns:
        text = f"Not judged: {prose.missing(unknown.where)}."
        yield Choice(f"unknowns.{unknown.id}", text, unknown.where.category or "", unknown.action)


def _of_category(category: str) -> str:
    known = taxonomy.get(category)
    return f"{known.title}. {known.includes}"


def _of_rule(rule: Rule) -> str:
    return rule.title or f"{rule.id}: {prose.then(rule.then)}"
