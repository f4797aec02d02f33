"""The page of a replay: whole without a script, and every drawing in words and figures."""

import io
import itertools
import re
from datetime import UTC, datetime

import msgspec
import pytest
from rich.console import Console

from tests.report.pages import Page
from tidegate.report.replay import (
    Because,
    Blame,
    Changed,
    Count,
    Damage,
    Drift,
    EffectChange,
    Flow,
    Replay,
    Reviewed,
    Step,
    Sweep,
    Threshold,
    Tripped,
)
from tidegate.report.replay_drawing import OPEN, plots, sankey
from tidegate.report.replay_html import render_replay
from tidegate.report.replay_table import shown
from tidegate.report.statistics import rate

AT = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
HOSTILE = "<b>odd</b>\u202e.jpg"


def change(number):
    because = Because(side="new", rule="thresholds.x.hold", text="x: 0.93 by d")
    return Changed(
        path=f"{HOSTILE}{number}",
        sha256="ab" * 32,
        at=AT,
        old="review",
        new="hold",
        weight=4,
        notes=("close to the threshold",),
        because=(because,),
    )


def sweep(reviewed):
    steps = []
    for index in range(101):
        tp, fp = (max(0, 50 - index // 2), max(0, 30 - index)) if reviewed else (0, 0)
        steps.append(
            Step(
                threshold=index / 100,
                items=10 * (100 - index),
                precision=rate(tp, tp + fp),
                recall=rate(tp, 50 if reviewed else 0),
            )
        )
    return Sweep(
        category="sexual.explicit",
        scored=1000,
        unknown=7,
        positive=50 if reviewed else 0,
        negative=30 if reviewed else 0,
        thresholds=(
            Threshold(action="label", score=0.5, detectors=1),
            Threshold(action="hold", score=0.5, detectors=2),
        ),
        steps=tuple(steps),
    )


@pytest.fixture(scope="module")
def full():
    flows = (
        Flow(old="allow", new="allow", items=90_000),
        Flow(old="allow", new="label", items=1),
        Flow(old="review", new="hold", items=1200),
        Flow(old="review", new="review", items=800),
        Flow(old="review", new=None, items=40),
        Flow(old="remove", new="review", items=300),
    )
    return Replay(
        tidegate="0.1.0",
        new="new/2",
        new_sha256="12" * 32,
        old=None,
        old_sha256=None,
        since=None,
        until=None,
        first_at=AT,
        last_at=AT,
        files=2,
        records=92_341,
        outside=5,
        unreadable=3,
        damage=(Damage(file="r.jsonl", line=17, reason="is cut short: its writer was stopped"),),
        recorded=(Count(name="old/1", items=92_341),),
        flows=flows,
        changed=1501,
        stricter=1201,
        weaker=300,
        untold=40,
        untold_by=(Count(name="nsfwjs", items=40),),
        judged=0,
        unjudged=2,
        rules=(Blame(side="new", name="thresholds.x.hold", stricter=1200, weaker=0),),
        categories=(Blame(side=None, name="sexual.explicit", stricter=1200, weaker=0),),
        effects=(EffectChange(kind="queue", value="fast", added=12, removed=0, moved=3),),
        breakers=(Tripped(side="new", breaker="fuse", items=300),),
        shadow=(Flow(old="allow", new="remove", items=9),),
        shadow_rules=(Count(name="rules.trial", items=9),),
        drift=Drift(checked=100, differing=4),
        reviewed=Reviewed(items=80, towards=20, against=3, unmet=7),
        first=tuple(change(number) for number in range(OPEN + 3)),
        sweeps=(sweep(True),),
    )


def nothing(full):
    return msgspec.structs.replace(
        full,
        changed=0, stricter=0, weaker=0, untold=0, untold_by=(), unreadable=0, damage=(),
        flows=(Flow(old="allow", new="allow", items=92_341),), rules=(), categories=(), effects=(),
        breakers=(), shadow=(), shadow_rules=(), first=(), sweeps=(sweep(False),), unjudged=0,
        drift=Drift(checked=100, differing=0),
    )  # fmt: skip


def test_a_page_needs_nothing_runs_nothing_and_holds_no_picture(full):
    html = render_replay(full)
    names = {tag for tag, _ in Page(html).tags}
    assert not names & {"script", "img", "image", "iframe", "link", "object", "video"}
    assert "default-src 'none'" in html
    assert "data:image" not in html


def test_hostile_paths_stay_text(full):
    html = render_replay(full)
    assert "<b>odd" not in html
    assert "\u202e" not in html


def test_it_says_all_that_has_to_be_known_before_the_figures_are_believed(full):
    text = " ".join(Page(render_replay(full)).text.split())
    for told in (
        "1,501 of 92,341 recorded decisions would change",
        "3 records could not be replayed",
        "For 40 items it cannot be told",
        "nsfwjs (40)",
        "Drift: 4 of 100 records",
        "20 changes of action are towards what they found, 3 away from it",
        "fuse (new policy) lowers 300 decisions",
        "9 from allow to remove",
        "is cut short: its writer was stopped",
        "5 records are of another time",
        "2 items would no longer be judged",
        "7 without, which are in no figure",
    ):
        assert told in text, told


def test_every_flow_is_drawn_named_and_in_the_table(full):
    drawn = sankey(full)
    page = Page(render_replay(full))
    assert len(drawn.bands) == 4, "what stays is not drawn"
    for told in ("1,200 items from review to hold", "40 items from review to cannot be told"):
        assert told in drawn.text
    (svg,) = [a for tag, a in page.tags if tag == "svg" and a.get("class") == "sankey"]
    ids = {a.get("id") for tag, a in page.tags if tag in ("title", "desc")}
    assert set(svg["aria-labelledby"].split()) <= ids
    assert "90,000" in page.text


def test_flows_are_to_scale_and_meet_their_nodes(full):
    drawn = sankey(full)
    heights = {node.action: node.height for node in drawn.left}
    assert heights["review"] == pytest.approx(heights["remove"] * 1240 / 300, rel=0.01)
    assert heights["allow"] >= 1, "even a single item can be seen"
    for side in (drawn.left, drawn.right):
        order = [node.action for node in side]
        assert order == [
            a for a in ("remove", "hold", "review", "label", "allow", None) if a in order
        ]
        for above, below in itertools.pairwise(side):
            assert above.y + above.height < below.y
            assert below.middle - above.middle >= 28, "two lines of words fit between"
    assert max(n.y + n.height for n in (*drawn.left, *drawn.right)) <= drawn.height + 0.1


def test_where_nothing_changes_nothing_is_drawn(full):
    same = nothing(full)
    assert sankey(same) is None
    text = " ".join(Page(render_replay(same)).text.split())
    assert "Nothing changes in 92,341 recorded decisions." in text
    assert "Every action stays as it was." in text
    assert "none: 100 records whose own policy is at hand are decided as they were" in text


def test_without_reviews_precision_and_recall_are_unmeasured_and_never_0(full):
    found, right = plots(sweep(False))
    assert not found.missing
    assert "Unmeasured" in right.missing
    assert all(not line.curve for line in right.lines)
    assert "Nobody has reviewed one of them" in render_replay(nothing(full))


def test_a_sweep_is_drawn_with_intervals_and_the_policys_thresholds():
    found, right = plots(sweep(True))
    assert [line.name for line in right.lines] == ["precision", "recall"]
    assert all(line.curve and line.band.endswith("Z") for line in right.lines)
    (limit,) = right.limits
    assert (limit.action, limit.text, limit.x) == ("hold", "label, hold by 2", 160)
    heights = [float(y) for y in re.findall(r" ([\d.]+)", found.lines[0].curve)]
    assert heights == sorted(heights), "fewer items the higher the threshold"


def test_a_replay_of_no_records_is_a_page_too(full):
    empty = msgspec.structs.replace(
        nothing(full), records=0, flows=(), first_at=None, last_at=None, recorded=(), sweeps=()
    )
    assert "No recorded decision was replayed" in render_replay(empty)


def test_the_terminal_says_the_same(full):
    console = Console(width=160, record=True, file=io.StringIO())
    for part in shown(full):
        console.print(part)
    text = console.export_text()
    for told in (
        "1,501 of 92,341 recorded decisions would change",
        "thresholds.x.hold (new policy)",
        "queue fast: 12 more, 3 with another priority",
        "r.jsonl:17: is cut short",
        "cannot be told",
        "50 of 80",
        "7 items of the file of reviews are in no record",
    ):
        assert told in text, told
    assert "\u202e" not in text


def test_no_name_is_broken_on_a_narrow_terminal(full):
    console = Console(width=80, record=True, file=io.StringIO())
    for part in shown(full):
        console.print(part)
    text = console.export_text()
    assert text.count("thresholds.x.hold (new policy)") > 1
    assert max(map(len, text.splitlines())) <= 80
