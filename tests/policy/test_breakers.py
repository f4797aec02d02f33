"""Breakers: one bad hash must not take down a site."""

from tidegate.evidence import Evidence, Facts, Match, Uploader
from tidegate.pipeline import tally
from tidegate.pipeline.tally import Tally
from tidegate.policy import Program, parse
from tidegate.policy.breakers import counters

TEXT = """
tidegate_policy: 1
id: p
version: 1
names: {alarms: [ops]}
banks:
  - {id: a, where: {role: allow}, action: allow}
  - {id: b, where: {}, action: remove}
unknowns:
  - {id: any, where: {}, action: review}
breakers:
  - {id: fuse, per: PER, limit: 3, within: hour, alarm: ops}
"""


class Platform:
    def __init__(self, per, text=TEXT):
        policy = parse(text.replace("PER", per), "p.yaml")
        self.program, self.tally = Program(policy), Tally(policy)

    def upload(self, at, entry="1", who="u"):
        met = Match(
            bank="x", entry=entry, category="known.other", role="block", kind="pdq", distance=0
        )
        evidence, facts = Evidence(matches=(met,)), Facts(uploader=Uploader(id=who))
        decision = self.program.decide(evidence, facts)
        return self.tally.settle(decision, evidence, facts, at)


def test_beyond_the_limit_a_person_is_asked_and_somebody_is_told():
    platform = Platform("entry")
    decisions = [platform.upload(at) for at in range(5)]
    assert [d.action for d in decisions] == ["remove"] * 3 + ["review"] * 2
    assert decisions[2].effects == ()
    tripped = decisions[3]
    assert [(e.kind, e.value, e.rules) for e in tripped.effects] == [
        ("alarm", "ops", ("breakers.fuse",))
    ]
    (reason,) = tripped.reasons
    assert (reason.capped_from, reason.capped_by) == ("remove", "breakers.fuse")


def test_an_hour_later_it_is_whole_again():
    platform = Platform("entry")
    for at in (0, 10, 20, 30):
        platform.upload(at)
    assert platform.upload(3599).action == "review"
    # The first of the three lies an hour back, the second does not.
    assert platform.upload(3600).action == "remove"
    assert platform.upload(3600).action == "review"


def test_each_thing_is_counted_by_itself():
    platform = Platform("entry")
    assert [platform.upload(0, entry=str(n % 2)).action for n in range(8)] == (
        ["remove"] * 6 + ["review"] * 2
    )
    platform = Platform("uploader")
    assert [platform.upload(0, who=str(n % 2)).action for n in range(8)] == (
        ["remove"] * 6 + ["review"] * 2
    )
    platform = Platform("rule")
    assert [platform.upload(0, str(n), str(n)).action for n in range(4)] == (
        ["remove"] * 3 + ["review"]
    )


def test_an_uploader_that_nobody_names_is_not_counted():
    platform = Platform("uploader")
    assert {platform.upload(0, who=None).action for _ in range(6)} == {"remove"}


def test_what_one_breaker_has_lowered_is_no_others():
    policy = parse(
        TEXT.replace("PER", "rule").replace("alarm: ops}", "action: hold, alarm: ops}")
        + "  - {id: next, per: rule, limit: 2, within: hour, of: [hold], alarm: ops}\n",
        "p.yaml",
    )
    program, tally = Program(policy), Tally(policy)
    met = Match(bank="x", entry="1", category="known.other", role="block", kind="pdq", distance=0)
    evidence, facts = Evidence(matches=(met,)), Facts()
    decision = program.decide(evidence, facts)
    settled = [tally.settle(decision, evidence, facts, at) for at in range(9)]
    assert [d.action for d in settled] == ["remove"] * 3 + ["hold"] * 6
    # Nor does it grow: what is counted is what goes through.
    counted = counters(policy, settled[-1], evidence, facts)
    assert counted == ()


def test_what_there_would_be_with_shadow_live_is_lowered_too():
    text = TEXT.replace("PER", "entry") + (
        "rules:\n  - {id: s, when: 'true', then: {action: review}, mode: shadow}\n"
    )
    platform = Platform("entry", text)
    decisions = [platform.upload(at) for at in range(4)]
    assert [d.shadow_action for d in decisions] == ["remove"] * 3 + ["review"]


def test_uploaders_of_long_ago_are_forgotten(monkeypatch):
    monkeypatch.setattr(tally, "MOST_COUNTERS", 100)
    platform = Platform("uploader")
    for at in range(300):
        platform.upload(at * 100, who=str(at))
    # An hour holds 36 of them.
    assert len(platform.tally._times) <= 101
    assert platform.upload(30_000, who="299").action == "remove"
