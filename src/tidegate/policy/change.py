"""What became of a decision under another policy, and which rules that is due to. Pure."""

from typing import Literal, NamedTuple

from tidegate.evidence import Action, Decision, EffectKind, Reason, strength
from tidegate.policy.weigh import NEAR

Side = Literal["old", "new"]

CLOSE = 0.25
"""Part of what counts as near (:data:`~tidegate.policy.weigh.NEAR`) up to which a value is close
to its threshold: 0.05 of a score, 2 bits of a distance."""


class Cause(NamedTuple):
    """A rule that a change is due to.

    Attributes:
        side: Whether the rule is one of the old or of the new decision.
        rule: Where it stands in its policy.
        category: What it is about, or ``None`` for a guard and for what concerns all.
        text: What it says of the item.
        close: Whether it fired by a hair.
    """

    side: Side
    rule: str
    category: str | None
    text: str
    close: bool


EffectChange = tuple[Literal["added", "removed", "moved"], EffectKind, str]
"""How an effect changed, its kind and its value; ``moved`` is another priority."""


def step(old: Action, new: Action) -> int:
    """Return by how many actions the new one is stronger; negative where it is weaker."""
    return strength(new) - strength(old)


def same(old: Decision, new: Decision) -> bool:
    """Return whether two decisions have the same done."""
    return old.action == new.action and old.judged == new.judged and not effect_changes(old, new)


def causes(old: Decision, new: Decision) -> tuple[Cause, ...]:
    """Return the rules that a change of action is due to.

    They are those that the stronger of both actions rests on, if they are there on that side
    only; and where a rule is there on both sides, the one that silences or lowers it on the
    other.

    Args:
        old: A decision.
        new: Another, on the same evidence.

    Returns:
        Each cause once; none where the action is the same.
    """
    by = step(old.action, new.action)
    if not by:
        return ()
    strong, weak = (new, old) if by > 0 else (old, new)
    here, there = (_NEW, _OLD) if by > 0 else (_OLD, _NEW)
    others = {_key(reason): reason for reason in weak.reasons}
    found: dict[tuple[Side, str, str | None], Cause] = {}
    for reason in strong.reasons:
        if reason.overruled_by is not None or reason.action != strong.action:
            continue
        other = others.get(_key(reason))
        lowered = other and (other.overruled_by or other.capped_by)
        if lowered and lowered not in (reason.overruled_by, reason.capped_by):
            cause = Cause(there, lowered, reason.category, reason.text, False)
        else:
            cause = Cause(here, reason.rule, reason.category, reason.text, _is_close(reason))
        found.setdefault((cause.side, cause.rule, cause.category), cause)
    return tuple(found.values())


_OLD: Side = "old"
_NEW: Side = "new"


def _key(reason: Reason) -> tuple[str, str, int]:
    return reason.rule, reason.ground, reason.index


def _is_close(reason: Reason) -> bool:
    return any(abs(b.observed - b.threshold) <= CLOSE * NEAR[b.of] for b in reason.bounds)


def effect_changes(old: Decision, new: Decision) -> tuple[EffectChange, ...]:
    """Return how the effects differ, in the order of kind and value."""
    if old.effects == new.effects:
        return ()
    before = {(e.kind, e.value): e.priority for e in old.effects}
    after = {(e.kind, e.value): e.priority for e in new.effects}
    changes: list[EffectChange] = []
    for kind, value in sorted(before.keys() | after.keys()):
        key = (kind, value)
        if key not in before:
            changes.append(("added", kind, value))
        elif key not in after:
            changes.append(("removed", kind, value))
        elif before[key] != after[key]:
            changes.append(("moved", kind, value))
    return tuple(changes)


def untold(decision: Decision) -> tuple[str, ...]:
    """Return the detectors that were not asked then and would have to be for this decision."""
    return tuple(
        dict.fromkeys(
            one.detector or "a detector" for one in decision.missing if one.cause == "not_asked"
        )
    )
