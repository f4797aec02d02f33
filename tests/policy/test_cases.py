import jsonschema
import pytest
import yaml

import tidegate.policy.trying as trying
from tidegate.evidence import ACTIONS, Evidence, Facts, Item, Signal
from tidegate.policy import PolicyError, Program, decide, parse
from tidegate.policy.cases import ItemPlace, parse_cases
from tidegate.policy.trying import coverage, run
from tidegate.schemas import text

POLICY = parse(
    """
tidegate_policy: 1
id: p
version: 1
names: {surfaces: [avatar], banks: [press], queues: [q], labels: [l], alarms: [on-call]}
needs: [sexual.explicit]
thresholds:
  sexual.explicit:
    - {label: 0.5, review: 0.8, hold: {score: 0.6, detectors: 2}}
    - {where: {surface: avatar}, label: never}
banks:
  - {id: good, where: {role: allow}, distance: 10, action: allow}
  - {id: others, where: {}, action: remove}
rules:
  - {id: capped, when: "'context.art' in context", then: {cap: label, label: l, alarm: on-call}}
  - {id: tried, mode: shadow, when: "met['press']", then: {action: quarantine}}
  - {id: rolled, when: item.duration > 9.0, then: {queue: q}, rollout: {share: 0.5}, unknown: hold}
unknowns:
  - {id: all, where: {}, action: review}
sampling:
  - {id: blind, share: 0.001, queue: q}
breakers:
  - {id: fuse, per: rule, limit: 5, within: hour, alarm: on-call}
""",
    "p.yaml",
)


def outcomes(cases, items=None, policy=POLICY):
    text = f"tidegate_cases: 1\nreview_only: [weak]\ncases:\n{cases}"
    return run(Program(policy), parse_cases(text, "p.cases.yaml", policy), items or {})


def outcome(case, **options):
    (found,) = outcomes(f"  - {{name: c, {case}}}\n", **options)
    return found


def test_short_evidence_is_what_it_says():
    decision = outcome(
        "signals: {sexual.explicit: {one: 0.7, two: 0.6}}, expect: {action: hold}"
    ).decision
    evidence = Evidence(
        signals=tuple(
            Signal(category="sexual.explicit", score=score, detector=name, version="1")
            for name, score in (("one", 0.7), ("two", 0.6))
        ),
        covered=("sexual.explicit",),
        banks=("press",),
    )
    assert [(r.rule, r.text) for r in decision.reasons] == [
        (r.rule, r.text) for r in decide(evidence, POLICY).reasons if r.ground != "unknown"
    ]


@pytest.mark.parametrize(
    "case",
    [
        "expect: {action: allow, judged: true, fired: [], missing: []}",
        "covered: [], expect: {action: review, judged: false, missing: [not_covered]}",
        "signals: {sexual.explicit: 0.8}, expect: {action: review}",
        "signals: {sexual.explicit: {weak: 0.9, one: 0.9}}, expect: {action: review}",
        "matches: [{bank: b}], expect: {action: remove, fired: [banks.others], alarms: []}",
        "matches: [{bank: b, distance: 32}], expect: {action: allow, fired: []}",
        "matches: [{bank: b}, {bank: g, role: allow}], expect: "
        "{action: allow, fired: [banks.good], overruled: [banks.others]}",
        "matches: [{bank: press}], expect: {action: remove, shadow: [rules.tried], "
        "shadow_action: quarantine}",
        "matches: [{bank: b}], counts: {fuse: 5}, expect: "
        "{action: review, capped: [banks.others], alarms: [on-call]}",
        "matches: [{bank: b}], counts: {fuse: 4}, expect: {action: remove, capped: []}",
        "facts: {context: [context.art]}, signals: {sexual.explicit: 0.9}, expect: "
        "{action: label, capped: ['thresholds.sexual.explicit[0].review'], labels: [l], "
        "alarms: [on-call]}",
        "media: {kind: video, duration: 10}, expect: {action: allow, queues: [q]}",
        "media: {kind: video, duration: 10}, drawn: [], expect: {action: allow, queues: []}",
        "media: {kind: video, duration: 10}, drawn: [rules.rolled], expect: "
        "{action: allow, fired: [rules.rolled], queues: [q]}",
        "drawn: [sampling.blind], expect: {action: allow, fired: [], queues: [q]}",
        "unknowns: [truncated], expect: {action: review, judged: false, fired: [unknowns.all]}",
        "unknowns: [{cause: detector_failed, categories: [violence.gore]}], expect: "
        "{action: review, fired: [unknowns.all]}",
        "evidence: {covered: [sexual.explicit]}, expect: "
        "{action: hold, fired: [rules.rolled.unknown]}",
    ],
)
def test_what_is_expected_and_is_so(case):
    assert outcome(case).mismatches == ()


@pytest.mark.parametrize(
    ("expect", "mismatch"),
    [
        ("{action: allow}", ("action", "allow", "remove")),
        ("{action: remove, judged: false}", ("judged", "no", "yes")),
        ("{action: remove, fired: []}", ("fired", "none", "banks.others")),
        (
            "{action: remove, overruled: [banks.good]}",
            ("overruled", "banks.good", "none"),
        ),
        ("{action: remove, shadow: []}", ("shadow", "none", "rules.tried")),
        ("{action: remove, shadow_action: hold}", ("shadow_action", "hold", "quarantine")),
        ("{action: remove, queues: [q]}", ("queues", "q", "none")),
        ("{action: remove, missing: [guard]}", ("missing", "guard", "none")),
    ],
)
def test_what_is_not_as_expected_is_told(expect, mismatch):
    assert outcome(f"matches: [{{bank: press}}], expect: {expect}").mismatches == (mismatch,)


def test_an_item_of_a_report_is_a_case():
    evidence = Evidence(
        signals=(Signal(category="sexual.explicit", score=0.9, detector="d", version="1"),),
        covered=("sexual.explicit",),
    )
    item = Item(
        path="a.jpg",
        evidence=evidence,
        decision=decide(evidence, POLICY),
        elapsed=0.1,
        facts=Facts(surface="avatar"),
    )
    items = {ItemPlace(file="scan.json"): item}
    found = outcome("item: scan.json, expect: {action: hold}", items=items)
    # Its duration is not known, and what is stated of it counts: the row of avatars.
    assert [r.rule for r in found.decision.reasons] == [
        "rules.rolled.unknown",
        "thresholds.sexual.explicit[0].review",
    ]


def test_the_coverage_names_what_no_case_makes_fire():
    cases = """
  - {name: a, signals: {sexual.explicit: 0.9}, expect: {action: review}}
  - {name: b, matches: [{bank: press}], counts: {fuse: 5}, expect: {action: review}}
"""
    found = coverage(POLICY, outcomes(cases))
    assert found.reached == (
        "thresholds.sexual.explicit[0].label",
        "thresholds.sexual.explicit[0].review",
        "banks.others",
        "rules.tried",
        "breakers.fuse",
    )
    assert found.missed == (
        "thresholds.sexual.explicit[0].hold",
        "thresholds.sexual.explicit[1].label",
        "banks.good",
        "rules.capped",
        "rules.rolled",
        "rules.rolled.unknown",
        "unknowns.all",
        "sampling.blind",
    )
    assert found.share == pytest.approx(5 / 13)


def test_never_is_covered_where_it_takes_something_back():
    row = "thresholds.sexual.explicit[1].label"
    case = "signals: {sexual.explicit: 0.6}, facts: {surface: avatar}, expect: {action: allow}"
    assert row in outcome(case).reached
    case = "signals: {sexual.explicit: 0.6}, expect: {action: label}"
    assert row not in outcome(case).reached


@pytest.mark.parametrize(
    ("case", "place", "message"),
    [
        (
            "expect: {action: alow}",
            "3:32",
            "'alow' has no meaning here (at cases.0.expect.action): did you mean 'allow'?",
        ),
        (
            "expect: {judged: true}",
            "3:15",
            "'action' is missing (at cases.0.expect)",
        ),
        (
            "signal: {}, expect: {action: allow}",
            "3:15",
            "'signal' has no meaning here (at cases.0): did you mean 'signals'?",
        ),
        (
            "signals: {sexual.explict: 0.5}, expect: {action: allow}",
            "3:25",
            "'sexual.explict' is not a category that is scored (did you mean 'sexual.explicit'?)",
        ),
        (
            "signals: {people.face: 0.5}, expect: {action: allow}",
            "3:25",
            "'people.face' is not a category that is scored",
        ),
        (
            "matches: [{bank: b, category: context.art}], expect: {action: allow}",
            "3:45",
            "'context.art' is not a category that a bank carries",
        ),
        (
            "facts: {context: [context.arts]}, expect: {action: allow}",
            "3:33",
            "'context.arts' is not a context flag (did you mean 'context.art'?)",
        ),
        (
            "drawn: [sampling.blnd], expect: {action: allow}",
            "3:23",
            "'sampling.blnd' is not a sample or a rollout (did you mean 'sampling.blind'?)",
        ),
        (
            "counts: {fues: 3}, expect: {action: allow}",
            "3:24",
            "'fues' is not a breaker (did you mean 'fuse'?)",
        ),
        (
            "expect: {action: allow, fired: [banks.other]}",
            "3:47",
            "'banks.other' is not a rule of p/1 (did you mean 'banks.others'?)",
        ),
        (
            "item: a.json, signals: {sexual.explicit: 0.5}, expect: {action: allow}",
            "3:5",
            "c: say the evidence in short, as 'evidence' or as 'item'",
        ),
        (
            "facts: {surface: avatr}, expect: {action: allow}",
            "3:32",
            "'avatr' is not among names.surfaces (did you mean 'avatar'?)",
        ),
        (
            "unknowns: [corrupt, {cause: corrupt, categories: [x]}], expect: {action: allow}",
            "3:65",
            "'x' is not a category that is scored",
        ),
        (
            "expect: {action: allow}}\n  - {name: c, expect: {action: allow}",
            "4:12",
            "two cases are called 'c'",
        ),
    ],
)
def test_cases_that_do_not_load_say_what_and_where(case, place, message):
    text = f"tidegate_cases: 1\ncases:\n  - {{name: c, {case}}}\n"
    with pytest.raises(PolicyError) as error:
        parse_cases(text, "c", POLICY)
    assert str(error.value) == f"c:{place}: {message}"


def test_a_chance_that_no_content_has_is_told():
    rare = parse(
        "tidegate_policy: 1\nid: r\nversion: 1\nnames: {queues: [q]}\n"
        "banks: [{id: a, where: {role: allow}, action: allow},"
        " {id: o, where: {}, action: review}]\n"
        "unknowns: [{id: u, where: {}, action: review}]\n"
        "sampling: [{id: all, share: 1, queue: q}]\n",
        "r",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trying, "MOST_DRAWS", 100)
        with pytest.raises(ValueError, match="c: no content is drawn for just nothing"):
            outcome("drawn: [], expect: {action: allow}", policy=rare)


def test_the_schema_is_for_editors():
    schema = yaml.safe_load(text("cases-v1.json"))
    expect = schema["$defs"]["Expected"]["properties"]
    assert expect["action"]["enum"] == sorted(ACTIONS)
    case = {"name": "c", "expect": {"action": "allow"}, "signals": {"sexual.explicit": 0.5}}
    jsonschema.validate({"tidegate_cases": 1, "cases": [case]}, schema)
    wrong = case | {"signals": {"people.face": 0.5}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"tidegate_cases": 1, "cases": [wrong]}, schema)
