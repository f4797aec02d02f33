"""What a policy does beside the action, what it lowers and what it lacks, as reports show it."""

import io
import re

import pytest
from rich.console import Console

from tidegate.evidence import Bound, Evidence, Facts, Item, MediaInfo, Reason, Signal, Uploader
from tidegate.pipeline import gather
from tidegate.policy import Program, parse
from tidegate.report import render, words
from tidegate.report.explain import explanation
from tidegate.report.table import summary

POLICY = """
tidegate_policy: 1
id: p
version: 1
names: {queues: [nudity], labels: [art], alarms: [on-call]}
needs: [violence.gore]
thresholds:
  sexual.explicit: {label: 0.5, hold: {score: 0.6, detectors: 2}}
banks:
  - {id: good, where: {role: allow}, action: allow}
  - {id: others, where: {}, action: remove}
rules:
  - {id: shown-as-art, title: Shown as art, when: "'context.art' in context",
     then: {cap: review, queue: nudity, priority: 80, label: art, alarm: on-call}}
  - {id: tried, title: Tried first, mode: shadow, when: sexual.explicit > 0.5,
     then: {action: remove}}
unknowns:
  - {id: all, where: {}, action: review}
"""


@pytest.fixture(scope="module")
def item():
    evidence = Evidence(
        media=MediaInfo(kind="image", format="jpeg", width=9, height=9),
        signals=tuple(
            Signal(category="sexual.explicit", score=0.9, detector=name, version="1")
            for name in ("one", "two")
        ),
        covered=("sexual.explicit",),
    )
    facts = Facts(surface="post", context=("context.art",), uploader=Uploader(account_days=1))
    decision = Program(parse(POLICY, "p")).decide(evidence, facts)
    return Item(path="a.jpg", evidence=evidence, decision=decision, elapsed=0.1, facts=facts)


def test_the_explanation_shows_all_of_it(item):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(explanation(item))
    told = " ".join(console.export_text().split())
    for said in (
        "The platform says: surface post, context context.art, account of 1 day",
        "not covered: no detector answers for violence.gore, which the policy needs",
        "thresholds.sexual.explicit.hold → review",
        "✓ detectors that agree 2 ≥ 2",
        "lowered from hold by rules.shown-as-art",
        "because of Shown as art, no score or guard leads to more than review",
        "8. Rules in shadow that would have fired rules.tried → review because of Tried first "
        "lowered from remove by rules.shown-as-art",
        "queue nudity at priority 80, because of rules.shown-as-art",
        "label art, because of rules.shown-as-art",
        "alarm on-call, because of rules.shown-as-art",
        "With the rules in shadow live it would be review.",
    ):
        assert said in told


def test_the_page_shows_all_of_it(item):
    page = render(gather([item]), {}, "t")
    told = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for said in (
        "surface post",
        "account of 1 day",
        "lowered from hold by rules.shown-as-art",
        "queue nudity at priority 80",
        "alarm on-call",
        "1 rule in shadow would have fired, and made it review",
        "no detector answers for violence.gore, which the policy needs",
    ):
        assert said in told


def test_the_head_says_who_is_to_be_told_and_why(item):
    said = "Alarm on-call by 2 items: rules.shown-as-art"
    report = gather([item, item])
    assert said in render(report, {}, "t")
    assert said in summary(report).plain
    assert "Alarm" not in summary(gather([])).plain


def test_what_a_detector_for_review_only_lowers_says_so():
    reason = Reason(
        rule="thresholds.x.remove",
        action="review",
        ground="signal",
        index=0,
        category="sexual.explicit",
        bounds=(),
        text="",
        capped_from="remove",
        capped_by="detector one",
    )
    told = "lowered from remove by detector one, which is for review only"
    assert words.lowered(reason) == told


def test_too_few_detectors_are_counted_in_words():
    short = Bound(of="detectors", observed=1, threshold=2, holds=False)
    assert words.bound(short) == "detectors that agree 1 < 2"
