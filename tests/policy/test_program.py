"""Guards, caps, effects, shadow, sampling, needs, skipped models: what a program makes of them."""

import pickle

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.evidence import (
    ACTIONS,
    Evidence,
    Facts,
    Match,
    MediaInfo,
    Signal,
    Skipped,
    Span,
    Unknown,
    Uploader,
    strength,
)
from tidegate.policy import Program, digest, parse
from tidegate.policy.breakers import counters, trip
from tidegate.policy.schema import Names

HEAD = """
tidegate_policy: 1
id: p
version: 1
names:
  {surfaces: [avatar, post], banks: [mine, theirs], queues: [q, quality], labels: [nsfw],
   alarms: [team]}
banks:
  - {id: a, where: {role: allow}, action: allow}
  - {id: b, where: {role: block}, action: remove}
  - id: csam
    where: {category: child_safety.known_material}
    action: quarantine
    despite_allow: true
  - {id: r, where: {role: review}, action: review}
unknowns:
  - {id: any, where: {}, action: review}
  - {id: drawn, where: {category: sexual.drawn}, action: label}
  - {id: drawn-crash, where: {category: sexual.drawn, cause: crashed}, action: hold}
"""


def program(text=""):
    return Program(parse(HEAD + text, "p.yaml"))


def signal(score, category="sexual.explicit", detector="d", **more):
    return Signal(category=category, score=score, detector=detector, version="1", **more)


def match(**changes):
    given = {"bank": "mine", "entry": "1", "category": "known.other", "role": "block"}
    return Match(**{**given, "kind": "pdq", "distance": 3, **changes})


def seen(*found, **more):
    return Evidence(
        **{
            "sha256": "ab" * 32,
            "media": MediaInfo(kind="image", format="jpeg", width=9, height=9),
            "matches": tuple(f for f in found if isinstance(f, Match)),
            "signals": tuple(f for f in found if isinstance(f, Signal)),
            "unknowns": tuple(f for f in found if isinstance(f, Unknown)),
            "banks": ("mine",),
            **more,
        }
    )


def rule(when, then, **more):
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"rules:\n  - {{id: x, when: '{when}', then: {then}{extra}}}\n"


GUARD = rule('sexual.explicit > 0.5 && surface == "avatar"', "{action: hold, queue: q}")
AVATAR = Facts(surface="avatar")


def test_a_guard_that_holds_acts_and_is_named_as_the_cause():
    decision = program(GUARD).decide(seen(signal(0.6)), AVATAR)
    assert decision.action == "hold"
    assert [(r.rule, r.ground) for r in decision.reasons] == [("rules.x", "guard")]
    (effect,) = decision.effects
    assert (effect.kind, effect.value, effect.rules, effect.priority) == (
        "queue",
        "q",
        ("rules.x",),
        50,
    )


@pytest.mark.parametrize(
    ("score", "facts", "action"),
    [
        (0.6, Facts(surface="post"), "allow"),
        (0.4, AVATAR, "allow"),
        # The score settles it: what the surface is does not matter.
        (0.4, Facts(), "allow"),
        # It hangs on the surface, which nobody has said.
        (0.6, Facts(), "review"),
    ],
)
def test_a_guard_is_unknown_only_where_its_answer_hangs_on_what_is_missing(score, facts, action):
    decision = program(GUARD).decide(seen(signal(score)), facts)
    assert decision.action == action
    assert decision.judged is (action == "allow")
    assert [u.cause for u in decision.missing] == ([] if action == "allow" else ["guard"])


def test_what_no_detector_answered_is_unknown_to_a_guard():
    decision = program(GUARD).decide(seen(), AVATAR)
    assert (decision.action, decision.judged) == ("review", False)
    assert decision.missing[0].detail == "rules.x: sexual.explicit is not known"
    (reason,) = decision.reasons
    assert (reason.rule, reason.ground, reason.index) == ("unknowns.any", "unknown", 0)


@pytest.mark.parametrize(("said", "action"), [("hold", "hold"), ("ignore", "allow")])
def test_a_rule_can_say_itself_what_an_unknown_guard_does(said, action):
    text = rule('surface == "avatar"', "{action: remove}", unknown=said)
    decision = program(text).decide(seen(), Facts())
    assert decision.action == action


def test_a_rule_in_shadow_tells_and_does_nothing():
    text = rule("sexual.explicit > 0.5", "{action: remove, alarm: team}", mode="shadow")
    decision = program(text).decide(seen(signal(0.9)))
    assert (decision.action, decision.effects) == ("allow", ())
    assert [r.rule for r in decision.shadow] == ["rules.x"]
    assert decision.shadow_action == "remove"


def test_a_rule_that_is_off_is_not_asked():
    text = rule("sexual.explicit > 0.5", "{action: remove}", mode="off")
    decision = program(text).decide(seen(signal(0.9)))
    assert (decision.action, decision.shadow, decision.missing) == ("allow", (), ())


def test_a_rollout_is_live_for_its_share_and_in_shadow_for_the_rest():
    text = rule("true", "{action: hold}", rollout="{share: 0.25}")
    ready = program(text)
    decisions = [ready.decide(seen(sha256=f"{n:064x}")) for n in range(2000)]
    live = sum(d.action == "hold" for d in decisions)
    # Binomial, n = 2000, p = 0.25: 400 to 600 is over five standard deviations either way.
    assert 400 < live < 600
    assert all(d.action == "hold" or d.shadow_action == "hold" for d in decisions)
    assert ready.decide(seen(sha256=None)).action == "hold"


def test_a_cap_lowers_what_was_found_and_says_so():
    text = "thresholds:\n  sexual.explicit: {label: 0.3, remove: 0.8}\n" + rule(
        "uploader.trusted", "{cap: review}"
    )
    ready, trusted = program(text), Facts(uploader=Uploader(trusted=True))
    decision = ready.decide(seen(signal(0.9)), trusted)
    assert decision.action == "review"
    strongest = decision.reasons[0]
    assert (strongest.action, strongest.capped_from, strongest.capped_by) == (
        "review",
        "remove",
        "rules.x",
    )
    assert ready.decide(seen(signal(0.9)), Facts(uploader=Uploader(trusted=False))).action == (
        "remove"
    )


@pytest.mark.parametrize(
    ("found", "action"),
    [
        (match(), "remove"),
        (match(category="child_safety.known_material"), "quarantine"),
        (Unknown(stage="media", cause="corrupt", detail="is damaged"), "review"),
    ],
)
def test_a_cap_lowers_neither_the_known_nor_the_unknown(found, action):
    text = rule("true", "{cap: label}")
    assert program(text).decide(seen(found)).action == action


@pytest.mark.parametrize("caps", [("label", "hold"), ("hold", "label")])
def test_of_several_caps_the_lowest_counts(caps):
    ready = program(
        "thresholds:\n  sexual.explicit: {remove: 0.5}\nrules:\n"
        + "".join(f"  - {{id: {c}, when: 'true', then: {{cap: {c}}}}}\n" for c in caps)
    )
    decision = ready.decide(seen(signal(0.9)))
    assert (decision.action, decision.reasons[0].capped_by) == ("label", "rules.label")


def test_an_allow_bank_overrules_a_guard_and_its_effects():
    text = rule("sexual.explicit > 0.5", "{action: remove, alarm: team}")
    known = match(role="allow", kind="sha256", distance=0)
    decision = program(text).decide(seen(signal(0.9), known))
    assert (decision.action, decision.effects) == ("allow", ())


def test_effects_of_one_name_are_one_with_all_causes_and_the_highest_priority():
    text = """rules:
  - {id: x, when: 'true', then: {queue: q, priority: 20}}
  - {id: y, when: 'true', then: {queue: q, priority: 70}}
  - {id: z, when: 'true', then: {label: nsfw}}
"""
    decision = program(text).decide(seen())
    assert [(e.kind, e.value, e.rules, e.priority) for e in decision.effects] == [
        ("label", "nsfw", ("rules.z",), 0),
        ("queue", "q", ("rules.x", "rules.y"), 70),
    ]
    assert decision.action == "allow"


@pytest.mark.parametrize(
    ("unknown", "action"),
    [
        # One rule is for what is unknown of drawn pictures, the other for all else.
        ({"categories": ("sexual.drawn",)}, "label"),
        ({"categories": ("sexual.drawn", "violence.gore")}, "review"),
        ({"categories": ("sexual.drawn",), "cause": "crashed"}, "hold"),
        # Nothing was seen: that concerns drawn pictures and all else.
        ({}, "review"),
        ({"cause": "crashed"}, "hold"),
    ],
)
def test_a_missing_answer_fires_a_rule_for_each_category_that_it_concerns(unknown, action):
    found = Unknown(**{"stage": "detectors", "cause": "detector_failed", "detail": "x", **unknown})
    assert program().decide(seen(found)).action == action


def test_a_needed_category_that_no_detector_answers_for_is_unknown():
    ready = program("needs: [sexual.explicit]\n")
    bare = ready.decide(seen())
    assert (bare.action, bare.judged, bare.missing[0].cause) == ("review", False, "not_covered")
    assert ready.decide(seen(signal(0.1), covered=("sexual.explicit",))).action == "allow"
    # That a picture is too flat for the banks is no answer of a detector.
    flat = Unknown(stage="matching", cause="too_flat", detail="x")
    assert [u.cause for u in ready.decide(seen(flat)).missing] == ["not_covered"]
    # The evidence says itself why there is no answer: it is not told twice.
    failed = Unknown(
        stage="detectors", cause="detector_failed", detail="x", categories=("sexual.explicit",)
    )
    assert ready.decide(seen(failed)).missing == ()


SKIPPED = Skipped(
    detector="d", version="1", categories=("sexual.explicit",), because="a bank holds it"
)


def test_a_skipped_detector_is_unknown_under_a_policy_for_which_it_would_matter():
    evidence = seen(match(), skipped=(SKIPPED,))
    indifferent = program("thresholds:\n  sexual.explicit: {review: 0.5}\n").decide(evidence)
    assert (indifferent.action, indifferent.missing) == ("remove", ())
    strict = program("thresholds:\n  sexual.explicit: {quarantine: 0.9}\n").decide(evidence)
    assert [u.cause for u in strict.missing] == ["not_asked"]


def test_a_skipped_detector_answers_for_its_categories():
    ready = program(rule('"sexual.explicit" in covered', "{action: hold}"))
    asked = ready.decide(seen(covered=("sexual.explicit",)))
    left_out = ready.decide(seen(skipped=(SKIPPED,)))
    assert (asked.action, asked.judged) == (left_out.action, left_out.judged) == ("hold", True)


AGREE = "thresholds:\n  sexual.explicit: {review: 0.6, hold: {score: 0.5, detectors: 2}}\n"


@pytest.mark.parametrize(
    ("signals", "action"),
    [
        ([signal(0.9)], "review"),
        ([signal(0.9), signal(0.4, detector="e")], "review"),
        ([signal(0.9), signal(0.5, detector="e")], "hold"),
        ([signal(0.55), signal(0.5, detector="e")], "hold"),
        ([signal(0.9), signal(0.9)], "review"),
        ([signal(0.9), signal(0.9, "sexual.drawn", "e")], "review"),
        ([signal(0.9), signal(0.9, detector="e", review_only=True)], "review"),
    ],
)
def test_agreement_needs_several_detectors_each_above_the_score(signals, action):
    assert program(AGREE).decide(seen(*signals)).action == action


@pytest.mark.parametrize(("start", "action"), [(8, "hold"), (11, "review")])
def test_agreement_in_a_video_is_at_the_same_time(start, action):
    one = signal(0.9, span=Span(start=0, end=10), peak=3.0)
    other = signal(0.9, detector="e", span=Span(start=start, end=20), peak=12.0)
    assert program(AGREE).decide(seen(one, other)).action == action


def test_a_guard_over_a_signal_for_review_only_asks_a_person_at_most():
    text = rule("violence.weapon > 0.5", "{action: remove}")
    weak = signal(0.9, "violence.weapon", review_only=True)
    (reason,) = program(text).decide(seen(weak)).reasons
    assert (reason.action, reason.capped_from, reason.capped_by) == (
        "review",
        "remove",
        "detector d",
    )
    # A weak opinion beside a strong one takes nothing from it.
    strong = signal(0.6, "violence.weapon", "e")
    assert program(text).decide(seen(weak, strong)).action == "remove"


def test_a_signal_for_review_only_caps_nothing():
    text = "thresholds:\n  sexual.explicit: {remove: 0.8}\n" + rule(
        "violence.weapon > 0.5", "{cap: label}"
    )
    weak = signal(0.9, "violence.weapon", review_only=True)
    assert program(text).decide(seen(signal(0.9), weak)).action == "remove"
    strong = signal(0.9, "violence.weapon", "e")
    assert program(text).decide(seen(signal(0.9), weak, strong)).action == "label"


@pytest.mark.parametrize(("third", "action"), [((4, 9), "hold"), ((6, 9), "review")])
def test_three_agree_only_where_all_do_at_one_moment(third, action):
    text = "thresholds:\n  sexual.explicit: {review: 0.6, hold: {score: 0.5, detectors: 3}}\n"
    spans = {"d": (0, 10), "e": (0, 5), "f": third}
    found = [
        signal(0.9, detector=name, span=Span(start=a, end=b), peak=a)
        for name, (a, b) in spans.items()
    ]
    decision = program(text).decide(seen(*found))
    assert decision.action == action


def test_an_agreement_names_who_agrees():
    (reason,) = program(AGREE).decide(seen(signal(0.55), signal(0.5, detector="e"))).reasons[:1]
    assert reason.text == "sexual.explicit: 0.55 by d, and from 0.50 by e"


@pytest.mark.parametrize(("score", "near"), [(0.11, True), (0.09, False), (0.0, False)])
def test_nearly_is_at_least_half(score, near):
    text = "thresholds:\n  sexual.explicit: {review: 0.2}\n"
    decision = program(text).decide(seen(signal(score)))
    assert bool(decision.near) is near
    assert bool(decision.rest) is not near


def test_a_second_opinion_for_review_only_asks_a_person_at_most():
    ready = program(rule("second.violence.weapon > 0.5", "{action: remove}"))
    strong = signal(0.9, "violence.weapon", "e")
    weak = signal(0.8, "violence.weapon", review_only=True)
    assert ready.decide(seen(strong, weak)).action == "review"
    other = signal(0.7, "violence.weapon", "f")
    assert ready.decide(seen(strong, weak, other)).action == "remove"


def test_a_sample_goes_to_a_queue_whatever_was_decided():
    text = "sampling:\n  - {id: blind, share: 0.1, queue: quality, of: [allow]}\n"
    ready = program(text)
    chosen = [n for n in range(2000) if ready.decide(seen(sha256=f"{n:064x}")).effects]
    assert 120 < len(chosen) < 280  # Binomial, n = 2000, p = 0.1: over five deviations.
    again = ready.decide(seen(sha256=f"{chosen[0]:064x}"))
    assert (again.action, again.effects[0].rules) == ("allow", ("sampling.blind",))
    other = program(text.replace("queue: quality", "queue: quality, salt: z"))
    assert chosen != [n for n in range(2000) if other.decide(seen(sha256=f"{n:064x}")).effects]
    assert ready.decide(seen(match(), sha256=f"{chosen[0]:064x}")).effects == ()


DETECTED = ("sexual.explicit", "sexual.drawn")
RULES = """thresholds:
  sexual.explicit: {label: 0.3, review: 0.6, hold: {score: 0.5, detectors: 2}}
  sexual.drawn: {restrict: 0.5}
rules:
  - {id: x, when: 'sexual.drawn > 0.7', then: {action: hold}}
  - {id: y, when: 'sexual.drawn > 0.9 && surface == "avatar"', then: {action: label}, mode: MODE}
  - {id: z, when: 'met["mine"]', then: {cap: hold}}
  - {id: low, when: 'sexual.explicit < 0.2 && uploader.removals > 0', then: {action: hold}}
breakers:
  - {id: fuse, per: rule, limit: 1, within: day, alarm: team}
"""

signals = st.lists(
    st.builds(
        signal,
        st.floats(0, 1),
        st.sampled_from(DETECTED),
        st.sampled_from(["d", "e"]),
        review_only=st.booleans(),
    ),
    max_size=4,
)
unknowns = st.lists(
    st.builds(
        Unknown,
        stage=st.sampled_from(["media", "detectors"]),
        cause=st.sampled_from(["corrupt", "crashed"]),
        detail=st.just("x"),
        categories=st.sampled_from([(), ("sexual.drawn",)]),
    ),
    max_size=2,
)
matches = st.lists(
    st.builds(
        match,
        role=st.sampled_from(["block", "review", "allow"]),
        distance=st.integers(0, 40),
        category=st.sampled_from(["known.other", "child_safety.known_material"]),
    ),
    max_size=2,
)
facts = st.builds(
    Facts,
    surface=st.sampled_from([None, "avatar", "post"]),
    uploader=st.builds(Uploader, removals=st.sampled_from([None, 0, 3])),
)
PROGRAMS = [program(RULES.replace("MODE", mode)) for mode in ("live", "off")]


def after_breakers(ready, evidence, stated):
    """Return what is decided where every breaker has reached its limit."""
    decision = ready.decide(evidence, stated)
    touched = counters(ready.policy, decision, evidence, stated)
    return trip(ready.policy, decision, evidence, stated, dict.fromkeys(touched, 1))


@given(matches, signals, signals, unknowns, facts, st.sampled_from(PROGRAMS))
def test_what_could_not_change_a_decision_does_not(found, before, more, missing, stated, ready):
    covered = seen(*found, *before, *missing)
    category = {s.category for s in more}
    review_only = bool(more) and all(s.review_only for s in more)
    if ready.could_change(covered, category, stated, review_only=review_only):
        return
    whole = seen(*found, *before, *more, *missing)
    for tripped in (False, True):
        now, then = (
            after_breakers(ready, one, stated) if tripped else ready.decide(one, stated)
            for one in (covered, whole)
        )
        assert (now.action, now.judged, now.effects) == (then.action, then.judged, then.effects)


@given(matches, signals, unknowns, facts, st.sampled_from(PROGRAMS))
def test_the_same_evidence_gives_the_same_bytes(found, scored, missing, stated, ready):
    evidence = seen(*found, *scored, *missing)
    again = msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence)
    other = Program(ready.policy)
    assert msgspec.json.encode(ready.decide(evidence, stated)) == msgspec.json.encode(
        other.decide(again, stated)
    )


@given(matches, signals, unknowns, facts, st.sampled_from(PROGRAMS))
def test_the_action_is_the_strongest_that_stands(found, scored, missing, stated, ready):
    decision = ready.decide(seen(*found, *scored, *missing), stated)
    standing = [r for r in decision.reasons if r.overruled_by is None and r.action is not None]
    assert decision.action == ACTIONS[max((strength(r.action) for r in standing), default=0)]


PARTIAL = [
    program(rule(when, "{action: remove}", unknown="hold"))
    for when in (
        "sexual.explicit > 0.5",
        "sexual.explicit < 0.5",
        "sexual.explicit > 0.5 && sexual.drawn < 0.5",
        '!met["mine"] || sexual.drawn >= 0.9',
        '"known.other" in matched',
        'distance["mine"] < 10',
        "sexual.explicit >= 0.4 && sexual.explicit < 0.8",
        "sexual.explicit > sexual.drawn && sexual.explicit < 0.8 && sexual.drawn > 0.6",
        "sexual.explicit + sexual.drawn > 1.0",
        'met["mine"] && !met["theirs"]',
        '"known.other" in matched && !("ncii.known_material" in matched)',
        "size(matched) == 0 && sexual.explicit < 0.3",
        'met["mine"] ? sexual.explicit < 0.5 : sexual.drawn < 0.5',
    )
]


levels = st.one_of(st.floats(0, 1), st.sampled_from([0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.8, 0.9]))
banks = st.sets(st.sampled_from(["mine", "theirs"]))
CATEGORY = {"mine": "known.other", "theirs": "ncii.known_material"}


@settings(max_examples=300)
@given(levels, levels, levels, levels, banks, banks, st.sampled_from(PARTIAL))
def test_a_guard_over_part_of_an_item_answers_only_what_holds_for_the_whole(
    a, b, more_a, more_b, met, met_later, ready
):
    """Whatever the unseen part shows: the answer is the same, or it was unknown."""

    def item(a, b, met, *missing):
        found = [match(role="review", bank=bank, category=CATEGORY[bank]) for bank in sorted(met)]
        given = *found, signal(a), signal(b, "sexual.drawn"), *missing
        return seen(*given, banks=("mine", "theirs"))

    cut = Unknown(stage="media", cause="truncated", detail="x")
    part = ready.decide(item(a, b, met, cut))
    whole = ready.decide(item(max(a, more_a), max(b, more_b), met | met_later))
    fired = {r.rule for r in part.reasons}
    if "rules.x.unknown" in fired:
        return
    assert ("rules.x" in fired) == ("rules.x" in {r.rule for r in whole.reasons})


def test_a_guard_over_part_of_an_item_is_told_where_nothing_could_change_it():
    cut = Unknown(stage="media", cause="truncated", detail="x")
    text = rule("sexual.explicit > 0.5", "{action: remove}")
    assert program(text).decide(seen(signal(0.6), cut)).action == "remove"


def test_a_policy_is_known_by_what_it_says_and_not_by_where_it_comes_from():
    policy = PROGRAMS[0].policy
    built = msgspec.json.decode(msgspec.json.encode(policy), type=type(policy))
    assert digest(built) == digest(pickle.loads(pickle.dumps(policy))) == digest(policy)
    assert digest(msgspec.structs.replace(policy, names=Names())) != digest(policy)
    assert digest(PROGRAMS[1].policy) != digest(policy)
