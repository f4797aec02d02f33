"""A replay: what another policy would have done with recorded decisions."""

from datetime import datetime
from typing import Literal

from tidegate.evidence import Action, EffectKind, Value
from tidegate.report.statistics import Rate

SCHEMA_VERSION = 1

Side = Literal["old", "new"]


class Count(Value, frozen=True, kw_only=True):
    """How many items something was about."""

    name: str
    items: int


class Flow(Value, frozen=True, kw_only=True):
    """Items that went from one action to another.

    Attributes:
        old: What was decided.
        new: What would be, or ``None`` where that cannot be told.
        items: How many.
    """

    old: Action
    new: Action | None
    items: int


class Blame(Value, frozen=True, kw_only=True):
    """What some changes of action are due to. An item may be due to several.

    Attributes:
        side: Whether the rule is the old policy's or the new one's; ``None`` for a category.
        name: The rule or the category.
        stricter: Items for which more is done.
        weaker: Items for which less is done.
    """

    side: Side | None
    name: str
    stricter: int
    weaker: int


class EffectChange(Value, frozen=True, kw_only=True):
    """What became of a queue, a label or an alarm.

    Attributes:
        kind: What it is.
        value: Its name.
        added: Items that get it and did not.
        removed: Items that got it and do not.
        moved: Items that keep it with another priority.
    """

    kind: EffectKind
    value: str
    added: int
    removed: int
    moved: int


class Tripped(Value, frozen=True, kw_only=True):
    """A breaker, and how many items it lowered in the replay."""

    side: Side
    breaker: str
    items: int


class Drift(Value, frozen=True, kw_only=True):
    """Decided again under the very policy of the record.

    Attributes:
        checked: Records of a policy that is at hand.
        differing: Those for which the decision is another one than then.
    """

    checked: int
    differing: int


class Reviewed(Value, frozen=True, kw_only=True):
    """How changes of action stand to what people found.

    Attributes:
        items: Items that a person has looked at.
        towards: Changes towards what the person found.
        against: Changes away from it.
        unmet: Items of the file of reviews that no replayed record is of.
    """

    items: int
    towards: int
    against: int
    unmet: int


class Because(Value, frozen=True, kw_only=True):
    """A rule that one change is due to, and what it says."""

    side: Side
    rule: str
    text: str


class Changed(Value, frozen=True, kw_only=True):
    """An item to look at.

    Attributes:
        path: Path of the item, or the platform's name of it.
        sha256: Digest of its bytes, or ``None``.
        at: When it was decided.
        old: What was decided.
        new: What would be.
        weight: What it is ranked by: see :mod:`tidegate.pipeline.notable`.
        notes: Why it is worth a look, in words; may be empty.
        because: The rules that the change is due to.
    """

    path: str
    sha256: str | None
    at: datetime
    old: Action
    new: Action
    weight: int
    notes: tuple[str, ...]
    because: tuple[Because, ...]


class Damage(Value, frozen=True, kw_only=True):
    """A record that could not be replayed.

    Attributes:
        file: Its file.
        line: Its line or row, from 1.
        reason: Why.
    """

    file: str
    line: int
    reason: str


class Threshold(Value, frozen=True, kw_only=True):
    """Where the new policy has a threshold of a category, for all items alike.

    Attributes:
        action: What it asks for.
        score: From which score on.
        detectors: How many detectors must reach it.
    """

    action: Action
    score: float
    detectors: int


class Step(Value, frozen=True, kw_only=True):
    """What one threshold finds.

    Attributes:
        threshold: In hundredths from 0 to 1.
        items: Items that score at least this.
        precision: Of the reviewed among them, how many truly show the category.
        recall: Of the reviewed that show it, how many are among them.
    """

    threshold: float
    items: int
    precision: Rate
    recall: Rate


class Sweep(Value, frozen=True, kw_only=True):
    """All thresholds of one category.

    Attributes:
        category: Id in the taxonomy.
        scored: Items with a score for it.
        unknown: Items without one, or of which a part was not seen: they are in no step.
        positive: Scored items that a person found to show it.
        negative: Scored items that a person found not to show it.
        thresholds: Those of the new policy.
        steps: One for each hundredth.
    """

    category: str
    scored: int
    unknown: int
    positive: int
    negative: int
    thresholds: tuple[Threshold, ...]
    steps: tuple[Step, ...]


class Replay(Value, frozen=True, kw_only=True):
    """A replay.

    Attributes:
        schema: Version of this JSON.
        tidegate: Version of Tidegate.
        new: Id and version of the policy that was tried.
        new_sha256: Its digest.
        old: Id and version of the policy that it is held against; ``None`` where that is what
            was recorded.
        old_sha256: Its digest.
        since: Earliest time of the records that count, or ``None``.
        until: They are before this time; or ``None``.
        first_at: Earliest time of a record that was replayed.
        last_at: Latest one.
        files: Files that were read.
        records: Records that were replayed.
        outside: Records before ``since`` and from ``until`` on.
        unreadable: Records that could not be replayed.
        damage: Which these are, at most :data:`~tidegate.pipeline.replay_tally.MOST_DAMAGE`.
        recorded: By which policies the replayed records were decided.
        flows: Items by old and new action.
        changed: Items whose action, effects or being judged changes.
        stricter: Items for which more is done.
        weaker: Items for which less is done.
        untold: Items for which it cannot be told, because a detector was not asked then.
        untold_by: These detectors.
        judged: Items that were not judged and would be.
        unjudged: Items that were judged and would not be.
        rules: Rules that changes of action are due to.
        categories: Categories that they are about; ``(none)`` for guards and what concerns all.
        effects: Queues, labels and alarms that change.
        breakers: Breakers that tripped in the replay.
        shadow: What the new policy would do were its rules in shadow live: flows from its
            action to that.
        shadow_rules: Rules in shadow, and how many items they were met by.
        drift: Items that are decided another way under the very same policy.
        reviewed: How changes stand to what people found.
        first: The changes to look at first.
        sweeps: Thresholds of the categories that were asked for.
    """

    schema: int = SCHEMA_VERSION
    tidegate: str
    new: str
    new_sha256: str
    old: str | None
    old_sha256: str | None
    since: datetime | None
    until: datetime | None
    first_at: datetime | None
    last_at: datetime | None
    files: int
    records: int
    outside: int
    unreadable: int
    damage: tuple[Damage, ...]
    recorded: tuple[Count, ...]
    flows: tuple[Flow, ...]
    changed: int
    stricter: int
    weaker: int
    untold: int
    untold_by: tuple[Count, ...]
    judged: int
    unjudged: int
    rules: tuple[Blame, ...]
    categories: tuple[Blame, ...]
    effects: tuple[EffectChange, ...]
    breakers: tuple[Tripped, ...]
    shadow: tuple[Flow, ...]
    shadow_rules: tuple[Count, ...]
    drift: Drift
    reviewed: Reviewed
    first: tuple[Changed, ...]
    sweeps: tuple[Sweep, ...]
