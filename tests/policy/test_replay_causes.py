"""What a change of a decision is put down to."""

import pytest

from tidegate.evidence import ACTIONS, Evidence, Facts, Match, Signal, Skipped
from tidegate.policy import Program, parse
from tidegate.policy.change import causes, effect_changes, same, step, untold

BASE = """
tidegate_policy: 1
id: p
version: 1
names: {queues: [q]}
banks:
  - {id: good, where: {role: allow}, distance: 31, action: allow}
  - {id: block, where: {role: block}, distance: 31, action: remove}
  - {id: look, where: {role: review}, distance: 31, action: review}
unknowns:
  - {id: any, where: {}, action: review}
"""


def decide(text, seen, facts=None):
    return Program(parse(BASE + text, "p.yaml")).decide(seen, facts or Facts())


def seen(score, *matches):
    signal = Signal(category="sexual.explicit", score=score, detector="d", version="1")
    return Evidence(signals=(signal,), matches=matches)


def met(role):
    return Match(bank=role, entry="1", category="known.other", role=role, kind="pdq", distance=3)


STRICT = "thresholds: {sexual.explicit: {label: 0.3, hold: 0.6}}\n"
LOOSE = "thresholds: {sexual.explicit: {label: 0.3}}\n"
CAPPED = STRICT + "rules: [{id: calm, when: 'true', then: {cap: label}}]\n"


def told(old, new):
    return {(cause.side, cause.rule, cause.category) for cause in causes(old, new)}


def test_a_rule_that_is_on_one_side_only():
    strict, loose = decide(STRICT, seen(0.9)), decide(LOOSE, seen(0.9))
    rule = "thresholds.sexual.explicit.hold"
    assert told(loose, strict) == {("new", rule, "sexual.explicit")}
    assert told(strict, loose) == {("old", rule, "sexual.explicit")}


def test_a_cap_on_the_other_side_is_the_cause_and_not_the_rule_that_it_lowers():
    strict, capped = decide(STRICT, seen(0.9)), decide(CAPPED, seen(0.9))
    assert told(strict, capped) == {("new", "rules.calm", "sexual.explicit")}
    assert told(capped, strict) == {("old", "rules.calm", "sexual.explicit")}


def test_so_is_an_allow_bank_that_overrules():
    block = decide(STRICT, seen(0.1, met("block")))
    both = decide(STRICT, seen(0.1, met("block"), met("allow")))
    assert told(block, both) == {("new", "banks.good", "known.other")}


def test_without_a_change_of_action_there_is_no_cause():
    assert causes(decide(STRICT, seen(0.9)), decide(STRICT, seen(0.9))) == ()


def test_a_value_is_close_to_its_threshold_or_not():
    loose = decide(LOOSE, seen(0.9))
    for score, close in ((0.6, True), (0.649, True), (0.66, False), (0.9, False)):
        (cause,) = causes(loose, decide(STRICT, seen(score)))
        assert cause.close is close, score


QUEUED = (
    LOOSE + "rules: [{id: r, when: 'sexual.explicit > 0.5', then: {queue: q, priority: PRIO}}]\n"
)


def test_effects_alone_make_a_decision_another_one():
    plain = decide(LOOSE, seen(0.9))
    low, high = (decide(QUEUED.replace("PRIO", p), seen(0.9)) for p in ("10", "90"))
    assert effect_changes(plain, low) == (("added", "queue", "q"),)
    assert effect_changes(low, plain) == (("removed", "queue", "q"),)
    assert effect_changes(low, high) == (("moved", "queue", "q"),)
    assert same(low, low)
    assert not same(plain, low)
    assert plain.action == low.action


def test_what_was_not_asked_is_named():
    skipped = Skipped(detector="m", version="1", categories=("sexual.explicit",), because="met")
    assert untold(decide(STRICT, Evidence(skipped=(skipped,)))) == ("m",)
    assert untold(decide(STRICT, seen(0.9))) == ()


@pytest.mark.parametrize("old", ACTIONS)
def test_steps_are_counted_from_the_weakest_action(old):
    assert [step(old, new) for new in ACTIONS] == [
        ACTIONS.index(new) - ACTIONS.index(old) for new in ACTIONS
    ]
