"""A replay in words, as the terminal and the page say it."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tidegate.evidence import ACTIONS, Action
from tidegate.report.replay import Blame, Changed, EffectChange, Flow, Replay, Sweep
from tidegate.report.words import plural

UNTOLD = "cannot be told"
RECORDED = "what was recorded"

_SIDES = {"old": "old policy", "new": "new policy"}


def headline(made: Replay) -> str:
    """Return what a replay comes to, in one sentence."""
    items = plural(made.records, "recorded decision")
    if not made.records:
        return "No recorded decision was replayed"
    if not made.changed:
        return f"Nothing changes in {items}"
    return f"{made.changed:,} of {items} would change"


def against(made: Replay) -> str:
    """Return what the policy was held against."""
    return RECORDED if made.old is None else made.old


def moment(at: datetime) -> str:
    """Return a time, in UTC, to the minute."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def period(made: Replay) -> str:
    """Return when the replayed decisions were made."""
    if made.first_at is None or made.last_at is None:
        return "none"
    first, last = moment(made.first_at), moment(made.last_at)
    return first if first == last else f"{first} to {last}"


def moves(made: Replay) -> str:
    """Return how many decisions become stricter, weaker, or change otherwise."""
    told = [f"{made.stricter:,} stricter", f"{made.weaker:,} weaker"]
    if rest := made.changed - made.stricter - made.weaker:
        told.append(f"{rest:,} with the same action and other effects")
    return ", ".join(told)


def goal(action: Action | None) -> str:
    """Return the name of where a flow goes."""
    return UNTOLD if action is None else action


def notices(made: Replay) -> Iterator[str]:
    """Yield what has to be known before the figures are believed, each in a sentence or two."""
    if made.unreadable:
        yield (
            f"{plural(made.unreadable, 'record')} could not be replayed and "
            f"{'is' if made.unreadable == 1 else 'are'} in no figure; the list is at the end."
        )
    if made.untold:
        by = ", ".join(f"{one.name} ({one.items:,})" for one in made.untold_by)
        yield (
            f"For {plural(made.untold, 'item')} it cannot be told: a detector was not asked then, "
            f"for nothing hung on its answer, and now something would: {by}."
        )
    if made.reviewed.unmet:
        yield (
            f"{plural(made.reviewed.unmet, 'item')} of the file of reviews "
            f"{'is' if made.reviewed.unmet == 1 else 'are'} in no record that was replayed."
        )
    if made.drift.differing:
        yield (
            f"Drift: {made.drift.differing:,} of {plural(made.drift.checked, 'record')} whose own "
            "policy is at hand are decided otherwise under that very policy now. So much of the "
            "change is Tidegate's own, and not the policy's."
        )


def reviewed(made: Replay) -> str:
    """Return how changes stand to what people found; empty where nobody has looked."""
    if not made.reviewed.items:
        return ""
    return (
        f"People have looked at {plural(made.reviewed.items, 'item')}: "
        f"{made.reviewed.towards:,} changes of action are towards what they found, "
        f"{made.reviewed.against:,} away from it."
    )


def rule(blame: Blame) -> str:
    """Return a rule with the policy that it is in."""
    return blame.name if blame.side is None else f"{blame.name} ({_SIDES[blame.side]})"


def side(name: str) -> str:
    """Return which policy is meant by ``old`` or ``new``."""
    return _SIDES[name]


def effect(change: EffectChange) -> str:
    """Return what becomes of a queue, a label or an alarm."""
    told = [
        f"{count:,} {what}"
        for count, what in (
            (change.added, "more"),
            (change.removed, "fewer"),
            (change.moved, "with another priority"),
        )
        if count
    ]
    return ", ".join(told)


def why(change: Changed) -> str:
    """Return the rule that a change is due to, and how many more there are."""
    if not change.because:
        return "no rule of either decision tells"
    first, *more = change.because
    told = f"{first.rule} ({_SIDES[first.side]}): {first.text}"
    return f"{told}, and {plural(len(more), 'other rule')}" if more else told


def breakers(made: Replay) -> Iterator[str]:
    """Yield what each breaker that tripped did."""
    for one in made.breakers:
        yield f"{one.breaker} ({_SIDES[one.side]}) lowers {plural(one.items, 'decision')}"


def shadow(flow: Flow) -> str:
    """Return what rules in shadow would do."""
    if flow.old == flow.new:
        return f"{flow.items:,} stay {flow.old}"
    return f"{flow.items:,} from {flow.old} to {goal(flow.new)}"


def swept(sweep: Sweep) -> str:
    """Return what a sweep rests on."""
    told = f"{plural(sweep.scored, 'item')} with a score"
    if sweep.unknown:
        told += f"; {sweep.unknown:,} without, which are in no figure"
    if not sweep.positive + sweep.negative:
        return f"{told}. Nobody has reviewed one of them."
    return (
        f"{told}. People found it in {sweep.positive:,} of "
        f"{plural(sweep.positive + sweep.negative, 'reviewed item')}."
    )


def actions(made: Replay) -> tuple[tuple[Action, ...], tuple[Action | None, ...]]:
    """Return the actions that flows come from and go to, the strongest first."""
    order = tuple(reversed(ACTIONS))
    old = tuple(a for a in order if any(f.old == a for f in made.flows))
    new: tuple[Action | None, ...] = tuple(a for a in order if any(f.new == a for f in made.flows))
    return old, (*new, None) if any(f.new is None for f in made.flows) else new
