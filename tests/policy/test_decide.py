import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate import taxonomy
from tidegate.evidence import ACTIONS, Evidence, Match, Signal, Span, Unknown, strength
from tidegate.pipeline import load_policy
from tidegate.policy import decide, finding, parse

DEFAULT = load_policy()


def match(**changes):
    given = {"bank": "b", "entry": "1", "category": "known.other", "role": "block", "kind": "pdq"}
    return Match(**{**given, "distance": 9, **changes})


def signal(score, category="sexual.explicit"):
    return Signal(category=category, score=score, detector="d", version="1")


def unknown(**changes):
    return Unknown(**{"stage": "media", "cause": "corrupt", "detail": "is damaged", **changes})


def decided(*found, policy=DEFAULT):
    return decide(
        Evidence(
            matches=tuple(f for f in found if isinstance(f, Match)),
            signals=tuple(f for f in found if isinstance(f, Signal)),
            unknowns=tuple(f for f in found if isinstance(f, Unknown)),
            covered=("sexual.explicit",),  # The default policy needs it.
        ),
        policy,
    )


@pytest.mark.parametrize(
    ("found", "action", "judged"),
    [
        ([], "allow", True),
        ([signal(0.49)], "allow", True),
        ([signal(0.50)], "label", True),
        ([signal(0.80)], "review", True),
        ([match()], "remove", True),
        ([match(distance=31)], "remove", True),
        ([match(distance=32)], "allow", True),
        ([match(role="review")], "review", True),
        ([match(category="child_safety.known_material")], "quarantine", True),
        ([unknown()], "review", False),
        ([unknown(), signal(0.6)], "review", False),
        ([unknown(), signal(0.9)], "review", True),
        ([unknown(), match()], "remove", True),
        ([match(role="allow", distance=4)], "allow", True),
        ([match(role="allow", distance=4), match(), signal(0.99)], "allow", True),
        ([match(role="allow", distance=11), match()], "remove", True),
        ([match(role="allow", distance=0, query_share=0.5), match()], "remove", True),
        (
            [match(role="allow", distance=0), match(category="child_safety.known_material")],
            "quarantine",
            True,
        ),
    ],
)
def test_the_default_policy(found, action, judged):
    decision = decided(*found)
    assert (decision.action, decision.judged) == (action, judged)


def test_reasons_say_what_was_compared_with_what():
    policy = parse(POLICY.replace("action: remove}", "action: remove, query_share: 0.5}"), "p")
    found = match(distance=9, span=Span(start=14, end=31), query_share=0.83)
    (reason,) = decided(found, policy=policy).reasons
    assert reason.rule == "banks.b"
    assert [(b.of, b.observed, b.threshold, b.holds) for b in reason.bounds] == [
        ("distance", 9, 31, True),
        ("query_share", 0.83, 0.5, True),
    ]
    assert reason.text == (
        "known.other: 9 bits from entry 1 of bank b, 00:14–00:31, 83 % of the picture"
    )


def test_what_nearly_fired_is_told_apart_from_what_is_far():
    decision = decided(signal(0.62), match(distance=33), match(distance=60))
    assert [r.rule for r in decision.reasons] == ["thresholds.sexual.explicit.label"]
    assert [r.rule for r in decision.near] == [
        "banks.block-bank",
        "thresholds.sexual.explicit.review",
        "thresholds.sexual.explicit.hold",
    ]
    assert [finding(Evidence(matches=(match(),) * 3), r).distance for r in decision.rest] == [9]


def test_an_overruled_reason_is_kept_and_says_by_what():
    decision = decided(match(role="allow", distance=0), match(entry="2"))
    assert [(r.rule, r.overruled_by) for r in decision.reasons] == [
        ("banks.known-good", None),
        ("banks.block-bank", "banks.known-good"),
    ]


POLICY = """
tidegate_policy: 1
id: p
version: 1
names: {banks: [mine]}
banks:
  - {id: a, where: {role: allow}, action: allow}
  - {id: b, where: {role: block}, action: remove}
  - {id: r, where: {role: review}, action: review}
  - {id: mine, where: {bank: mine}, action: label, distance: 5}
  - {id: exact, where: {kind: sha256, role: block}, action: hold}
unknowns:
  - {id: any, where: {}, action: hold}
  - {id: flat, where: {cause: too_flat}, action: label}
"""


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (match(), "banks.b"),
        (match(bank="mine", distance=5), "banks.mine"),
        (match(bank="mine", kind="sha256", distance=0), "banks.mine"),
        (match(kind="sha256", distance=0), "banks.exact"),
        (match(kind="md5", distance=0), "banks.b"),
        (unknown(), "unknowns.any"),
        (unknown(stage="matching", cause="too_flat"), "unknowns.flat"),
    ],
)
def test_the_most_specific_rule_wins(found, rule):
    assert decided(found, policy=parse(POLICY, "p")).reasons[0].rule == rule


shares = st.floats(0, 1)
evidences = st.builds(
    Evidence,
    matches=st.lists(
        st.builds(
            match,
            role=st.sampled_from(["block", "review", "allow"]),
            kind=st.sampled_from(["pdq", "sha256", "md5"]),
            category=st.sampled_from(
                [c.id for c in taxonomy.CATEGORIES.values() if c.source == "bank"]
            ),
            distance=st.integers(0, 64),
            query_share=shares,
            entry_share=shares,
        ),
        max_size=4,
    ).map(tuple),
    signals=st.lists(
        st.builds(signal, shares, st.sampled_from(taxonomy.detectable())), max_size=4
    ).map(tuple),
    unknowns=st.lists(
        st.builds(unknown, cause=st.sampled_from(["corrupt", "too_flat", "deadline"])), max_size=2
    ).map(tuple),
)


@given(evidences)
def test_the_same_evidence_gives_the_same_bytes(evidence):
    again = msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence)
    assert msgspec.json.encode(decide(evidence, DEFAULT)) == msgspec.json.encode(
        decide(again, DEFAULT)
    )


@given(evidences)
def test_the_strongest_standing_reason_wins_and_unknown_is_never_clean(evidence):
    decision = decide(evidence, DEFAULT)
    standing = [r for r in decision.reasons if r.overruled_by is None]
    assert strength(decision.action) == max((strength(r.action) for r in standing), default=0)
    allowed = any(r.action == "allow" for r in standing)
    if evidence.unknowns and not allowed:
        assert decision.action != "allow"
    for reason in decision.reasons:
        assert all(bound.holds for bound in reason.bounds)
    for reason in (*decision.near, *decision.rest):
        assert not all(bound.holds for bound in reason.bounds)


@given(evidences, st.integers(0, 3))
def test_more_unknown_never_weakens_a_decision(evidence, count):
    more = msgspec.structs.replace(evidence, unknowns=(*evidence.unknowns, *(unknown(),) * count))
    before, after = decide(evidence, DEFAULT), decide(more, DEFAULT)
    assert strength(after.action) >= strength(before.action)


def test_every_action_has_its_place():
    assert [strength(a) for a in ACTIONS] == list(range(7))


def test_what_was_not_seen_is_not_allowed_by_what_was():
    cut = unknown(cause="corrupt", span=Span(start=1, end=9))
    decision = decided(match(role="allow", distance=0), cut)
    assert (decision.action, decision.judged) == ("review", False)
    same_bytes = match(role="allow", distance=0, kind="sha256")
    assert decided(same_bytes, cut).action == "allow"


def test_a_general_rule_is_not_for_what_is_known_to_be_good():
    policy = parse(POLICY.replace("{bank: mine}", "{category: known.other}"), "p")
    assert decided(match(role="allow", distance=0), policy=policy).action == "allow"


@pytest.mark.parametrize("action", ACTIONS[1:])
def test_a_signal_for_review_only_asks_a_person_at_most(action):
    text = f"""
tidegate_policy: 1
id: strict
version: 1
title: t
thresholds:
  violence.weapon: {{{action}: 0.5}}
banks:
  - {{id: known-good, where: {{role: allow}}, distance: 10, action: allow}}
  - {{id: others, where: {{}}, distance: 31, action: review}}
unknowns:
  - {{id: all, where: {{}}, action: review}}
"""
    weak = msgspec.structs.replace(signal(0.9, "violence.weapon"), review_only=True)
    policy = parse(text, "strict.yaml")
    allowed = "label" if action == "label" else "review"
    assert decided(weak, policy=policy).action == allowed
    (reason,) = decided(weak, policy=policy).reasons
    assert reason.text.endswith("for review only")
    assert decided(signal(0.9, "violence.weapon"), policy=policy).action == action
