"""A detector that was not asked is told as that: neither as clean nor as missing."""

import io
from pathlib import Path

import msgspec
from rich.console import Console

from tests.report.conftest import EXPLICIT, evidence, hashed, make_report, still
from tidegate.evidence import Evidence, Item, Skipped
from tidegate.policy import Program, parse
from tidegate.report import render, summary
from tidegate.report.explain import explanation

RULES = Path(__file__).parents[2] / "src/tidegate/policies/default.yaml"
BECAUSE = "banks.block-bank asks for remove, and no score could change that"
SKIPPED = Skipped(detector="opennsfw", version="1.0", categories=(EXPLICIT,), because=BECAUSE)


def item(**fields: object) -> Item:
    found: Evidence = evidence(media=still(), frames=hashed(0.0), **fields)
    program = Program(parse(RULES.read_text(), "default.yaml"))
    return Item(path="a.jpg", evidence=found, decision=program.decide(found), elapsed=0.1)


def text(of: object) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(of)
    return console.export_text()


def test_what_was_not_asked_is_neither_looked_for_nor_uncovered() -> None:
    skipped = item(covered=(), skipped=(SKIPPED,), versions={"detector:opennsfw": "1.0"})
    told = text(explanation(skipped))
    assert f"Detector opennsfw 1.0 was not asked: {BECAUSE}" in told
    assert "Looked for: nothing by a detector" in told
    page = render(make_report(skipped), {}, "a")
    assert f"opennsfw 1.0 was not asked: {BECAUSE}" in page
    assert "<dt>Not asked</dt>" in page
    covered = text(summary(make_report(skipped))).split("Not covered by any detector: ")[1]
    assert EXPLICIT not in covered.splitlines()[0]


def test_a_page_without_any_does_not_speak_of_it() -> None:
    page = render(make_report(item()), {}, "a")
    assert "not asked" not in page.lower()


def test_what_the_policy_lacks_is_told_everywhere() -> None:
    """It is in no list of the evidence, and a reason points to it all the same."""
    lacking = item(covered=())
    assert [unknown.cause for unknown in lacking.decision.missing] == ["not_covered"]
    page = render(make_report(lacking), {}, "a")
    for told in (page, text(explanation(lacking)), text(summary(make_report(lacking)))):
        assert "no detector answers for sexual.explicit" in told
    assert msgspec.json.decode(msgspec.json.encode(lacking), type=Item) == lacking
