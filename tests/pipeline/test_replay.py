from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from tests.pipeline.recorded import NEW, OLD, START, record, records, write
from tidegate.evidence import Evidence, Match, Signal, Skipped, Unknown, strength
from tidegate.pipeline import parquet
from tidegate.pipeline.record import Review
from tidegate.pipeline.records import find_files
from tidegate.pipeline.replay import Job, replay
from tidegate.pipeline.reviews import Reviews
from tidegate.policy import Program
from tidegate.policy.breakers import counters, trip

COUNT = 400


@pytest.fixture(scope="module")
def recorded():
    return records(COUNT)


@pytest.fixture(scope="module")
def folder(recorded, tmp_path_factory):
    """Half of the records as JSON Lines, with two that are damaged, and half as Parquet."""
    folder = tmp_path_factory.mktemp("records")
    write(folder / "a.jsonl", recorded[:150])
    with (folder / "a.jsonl").open("ab") as file:
        file.write(b'not a record\n{"schema":7}\n')
        file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in recorded[150:200]))
    parquet.ROWS, rows = 40, parquet.ROWS
    parquet.pack(recorded[200:], folder / "b.parquet")
    parquet.ROWS = rows
    return folder


def made(paths, **job):
    return replay(find_files(paths), Job(**{"new": NEW, **job}))


def of(tmp_path, given, **job):
    write(tmp_path / "r.jsonl", given)
    return made([tmp_path / "r.jsonl"], **job)


def with_breakers(policy, recorded):
    """Decide records under a policy, slowly: every breaker looks at all that went before."""
    program, done, decided = Program(policy), [], {}
    order = sorted(range(len(recorded)), key=lambda i: (recorded[i].at, i))
    for number in order:
        one = recorded[number]
        decision = program.decide(one.evidence, one.facts)
        counts = {}
        for counter in counters(policy, decision, one.evidence, one.facts):
            breaker = next(b for b in policy.breakers if b.id == counter.breaker)
            within = timedelta(hours=1) if breaker.within == "hour" else timedelta(days=1)
            counts[counter] = sum(
                counter in counted and at > one.at - within for at, counted in done
            )
        after = trip(policy, decision, one.evidence, one.facts, counts)
        done.append((one.at, counters(policy, after, one.evidence, one.facts)))
        decided[number] = after
    return [decided[number] for number in range(len(recorded))]


@pytest.mark.parametrize("old", [None, OLD])
def test_it_counts_what_counting_by_hand_counts(folder, recorded, old):
    result = made([folder], old=old, sweeps=("sexual.explicit",), top=COUNT)
    before = [r.decision for r in recorded] if old is None else with_breakers(old, recorded)
    after = with_breakers(NEW, recorded)
    flows, effects, alarms, changed, untold = Counter(), Counter(), 0, 0, 0
    for one, new in zip(before, after, strict=True):
        if any(u.cause == "not_asked" for u in (*new.missing, *(one.missing if old else ()))):
            untold += 1
            flows[one.action, None] += 1
            continue
        flows[one.action, new.action] += 1
        a, b = ({(e.kind, e.value): e.priority for e in d.effects} for d in (one, new))
        changed += (one.action, one.judged, a) != (new.action, new.judged, b)
        effects.update(("more", *key) for key in b.keys() - a.keys())
        effects.update(("fewer", *key) for key in a.keys() - b.keys())
    alarms = sum(any((r.capped_by or "").startswith("breakers.") for r in d.reasons) for d in after)
    assert {(f.old, f.new): f.items for f in result.flows} == dict(flows)
    assert (result.records, result.untold, result.changed) == (COUNT, untold, changed)
    assert result.stricter == sum(
        n for (a, b), n in flows.items() if b is not None and strength(b) > strength(a)
    )
    assert {("more", e.kind, e.value): e.added for e in result.effects if e.added} | {
        ("fewer", e.kind, e.value): e.removed for e in result.effects if e.removed
    } == dict(effects)
    assert alarms > 10, "the breakers have something to do"
    assert sum(one.items for one in result.breakers) >= alarms
    assert result.unreadable == 2
    assert len(result.first) == result.stricter + result.weaker
    drifted = [p.decide(r.evidence, r.facts).action != r.decision.action
               for p in [Program(OLD)] for r in recorded]  # fmt: skip
    if old is None:
        assert (result.drift.checked, result.drift.differing) == (0, 0)
    else:
        assert result.drift.checked == COUNT
        assert result.drift.differing >= sum(drifted) > 0
    (sweep,) = result.sweeps
    scored = {
        number: max(s.score for s in one.evidence.signals if s.category == "sexual.explicit")
        for number, one in enumerate(recorded)
        if not one.evidence.skipped and not one.evidence.unknowns
    }
    assert (sweep.scored, sweep.unknown) == (len(scored), COUNT - len(scored))
    for step in sweep.steps:
        found = [n for n, score in scored.items() if score >= step.threshold]
        truth = [recorded[n].review.truth["sexual.explicit"] for n in found if recorded[n].review]
        assert step.items == len(found)
        assert (step.precision.hits, step.precision.n) == (sum(truth), len(truth))
        assert (step.recall.hits, step.recall.n) == (sum(truth), sweep.positive)
        if not truth:
            assert step.precision.value is None


def test_it_is_the_same_whatever_the_pieces_and_the_number_of_processes(folder):
    files = find_files([folder])
    job = Job(new=NEW, old=OLD, sweeps=("sexual.explicit",), top=7)
    told = []
    one = replay(files, job, jobs=1, tell=told.append)
    assert told[-1] == 1
    assert one == replay(files, job, jobs=1, piece=5000)
    assert one == replay(files, job, jobs=2, piece=20_000)
    assert one == replay(files, job, jobs=3, piece=3000)


def test_what_cannot_be_read_is_counted_and_named_with_its_line(folder):
    result = made([folder])
    assert result.unreadable == 2
    first, second = result.damage
    assert (first.file, first.line) == (str(folder / "a.jsonl"), 151)
    assert "is no record" in first.reason
    assert second.line == 152
    assert "is of schema 7" in second.reason


def test_records_of_another_time_are_left_out_and_counted(tmp_path):
    times = [START + timedelta(days=day) for day in range(5)]
    given = [record(Evidence(sha256="0" * 64), at) for at in times]
    result = of(tmp_path, given, since=times[1], until=times[3])
    assert (result.records, result.outside) == (2, 3)
    assert (result.first_at, result.last_at) == (times[1], times[2])


def test_nothing_changes_under_the_same_policy(tmp_path, recorded):
    given = [r for r in recorded if Program(OLD).decide(r.evidence, r.facts) == r.decision]
    result = of(tmp_path, given, new=OLD)
    assert result.records == len(given) > 300
    assert (result.changed, result.drift.checked, result.drift.differing) == (0, len(given), 0)
    assert not result.first
    assert not result.rules


def seen(score, **more):
    signal = Signal(category="sexual.explicit", score=score, detector="a", version="1")
    return Evidence(sha256="0" * 64, signals=(signal,), covered=("sexual.explicit",), **more)


def test_drift_is_told_apart_from_what_the_policy_changes(tmp_path):
    then = Program(OLD).decide(seen(0.1))
    other = msgspec.structs.replace(then, action="remove")
    result = of(
        tmp_path, [record(seen(0.1), decision=then), record(seen(0.1), decision=other)], old=OLD
    )
    assert (result.drift.checked, result.drift.differing) == (2, 1)
    assert result.changed == 0, "both are decided alike by both policies"


def test_what_was_not_asked_then_is_neither_changed_nor_the_same(tmp_path):
    skipped = Skipped(detector="m", version="1", categories=("sexual.explicit",), because="met")
    unasked = Evidence(sha256="0" * 64, skipped=(skipped,))
    decision = Program(OLD).decide(seen(0.6))
    result = of(tmp_path, [record(unasked, decision=decision), record(seen(0.1))])
    assert [(f.old, f.new, f.items) for f in result.flows] == [
        ("allow", "allow", 1),
        ("label", None, 1),
    ]
    assert result.untold == 1
    assert [(one.name, one.items) for one in result.untold_by] == [("m", 1)]
    assert result.changed == result.stricter == result.weaker == 0


def test_a_change_is_put_down_to_the_rule_that_brings_it_about(tmp_path):
    block = Match(
        bank="b", entry="1", category="known.other", role="block", kind="pdq", distance=25
    )
    result = of(
        tmp_path, [record(seen(0.85)), record(seen(0.92)), record(seen(0.1, matches=(block,)))]
    )
    assert {(r.side, r.name, r.stricter, r.weaker) for r in result.rules} == {
        ("new", "thresholds.sexual.explicit.hold", 1, 0),
        ("old", "banks.block", 0, 1),
    }
    assert {(c.name, c.stricter, c.weaker) for c in result.categories} == {
        ("sexual.explicit", 1, 0),
        ("known.other", 0, 1),
    }


def test_what_matters_most_is_listed_first(tmp_path):
    near = Match(bank="b", entry="1", category="known.other", role="block", kind="pdq", distance=25)
    fine, bad = (Review(truth={"sexual.explicit": truth}) for truth in (False, True))
    given = [
        record(seen(0.1, matches=(near,)), path="let go"),
        record(seen(0.93), path="held, and fine", review=fine),
        record(seen(0.93), path="held, and rightly", review=bad),
        record(seen(0.99), path="held"),
        record(seen(0.45), path="labelled"),
        record(seen(0.75), path="reviewed"),
        record(seen(0.2), path="as it was"),
    ]
    result = of(tmp_path, given, top=4)
    assert [one.path for one in result.first] == [
        "let go",
        "held, and fine",
        "reviewed",
        "labelled",
    ]
    first, second, *_ = result.first
    assert first.notes == ("a match with a block bank",)
    assert "a person found the opposite" in second.notes
    assert (result.reviewed.items, result.reviewed.towards, result.reviewed.against) == (2, 1, 1)
    # Then the next of each kind, the weightier first.
    assert [one.path for one in of(tmp_path, given, top=9).first][4:] == [
        "held, and rightly",
        "held",
    ]


def test_the_same_content_again_is_listed_behind_all_others(tmp_path):
    given = [
        record(msgspec.structs.replace(seen(0.95), sha256=content * 64), path=f"{content}{copy}")
        for content in "ab"
        for copy in range(3)
    ]
    paths = [one.path for one in of(tmp_path, given).first]
    assert {path[0] for path in paths[:2]} == {"a", "b"}
    assert len(paths) == 6


def test_reviews_come_from_a_file_too_and_go_before_the_record(tmp_path):
    given = [record(seen(0.93), path="x", review=Review(truth={"sexual.explicit": True}))]
    by_sha = Reviews("sha256", {"0" * 64: {"sexual.explicit": False}})
    by_path = Reviews("path", {"x": {"sexual.explicit": False}})
    for reviews, against in ((Reviews(), 0), (by_sha, 1), (by_path, 1)):
        assert of(tmp_path, given, reviews=reviews).reviewed.against == against


def test_reviews_of_items_that_are_in_no_record_are_counted(tmp_path):
    given = [record(seen(0.93), path=path) for path in "xyy"]
    reviews = Reviews("path", {name: {"sexual.explicit": False} for name in "yabc"})
    for jobs in (1, 2):
        write(tmp_path / "r.jsonl", given)
        made = replay(find_files([tmp_path]), Job(new=NEW, reviews=reviews), jobs=jobs, piece=100)
        assert (made.reviewed.items, made.reviewed.unmet) == (2, 3)


def test_a_reviewers_own_action_counts_before_categories(tmp_path):
    given = [record(seen(0.93), review=Review(truth={"sexual.explicit": False}, action="hold"))]
    reviewed = of(tmp_path, given).reviewed
    assert (reviewed.towards, reviewed.against) == (1, 0)


def test_an_unknown_score_is_in_no_step_of_a_sweep(tmp_path):
    lost = Unknown(stage="media", cause="truncated", detail="the end is missing")
    result = of(
        tmp_path,
        [record(seen(0.3)), record(seen(0.3, unknowns=(lost,))), record(Evidence(sha256="1" * 64))],
        sweeps=("sexual.explicit",),
    )
    (sweep,) = result.sweeps
    assert (sweep.scored, sweep.unknown) == (1, 2)
    assert [step.items for step in sweep.steps[29:32]] == [1, 1, 0]
    assert all(step.recall.value is None for step in sweep.steps), "nobody has looked"


def test_one_record_that_breaks_the_policy_costs_no_other(tmp_path, monkeypatch):
    decide = Program.decide

    def broken(self, evidence, facts):
        if evidence.sha256 is None:
            raise KeyError("no such thing")
        return decide(self, evidence, facts)

    given = [record(Evidence()), record(seen(0.1))]
    monkeypatch.setattr(Program, "decide", broken)
    result = of(tmp_path, given)
    assert (result.records, result.unreadable) == (1, 1)
    assert "cannot be decided: KeyError" in result.damage[0].reason
