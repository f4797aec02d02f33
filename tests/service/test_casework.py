import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from tests.service.asking import ONCE
from tests.service.casing import (
    BASE,
    POLICY,
    answer,
    decision_of,
    flipped,
    hook,
    judge,
    other_picture,
    send,
)
from tests.store.making import NOW
from tidegate.evidence import Decision
from tidegate.policy import finding
from tidegate.service import appealing, casework, opening, quality
from tidegate.service.casework import UNDO
from tidegate.store import (
    audit,
    caselists,
    cases,
    claims,
    decisions,
    items,
    jobs,
    outbox,
    policies,
    reviews,
)
from tidegate.store.cases import New
from tidegate.store.clock import SECOND
from tidegate.store.error import ConflictError, InvalidError, MissingError

ADA, BEN = "user:ada", "user:ben"


@pytest.fixture
def store(database):
    with database.open() as opened:
        with opened.write() as connection:
            new = policies.New(policy="test", source=POLICY)
            made = policies.add(connection, new, actor="system", reason="", now=NOW)
            policies.activate(connection, made.id, actor="system", reason="", now=NOW)
        yield opened


def copies(connection, case):
    return {one.item: one.distance for one in cases.copies(connection, case.id, limit=99)}


def decide(connection, case, given=None, *, actor=ADA, now=NOW, version=None):
    version = cases.need(connection, case.id).version if version is None else version
    given = given or answer()
    return casework.decide(connection, case.id, given, actor=actor, version=version, now=now)


def action(connection, item):
    return items.get(connection, item).action


def told(connection, item):
    return [(m.event, m.due_at) for m in outbox.of_item(connection, item)]


# How cases come about


@ONCE
@pytest.mark.parametrize(
    ("decided", "queues"),
    [
        (decision_of("review"), ("review",)),
        (decision_of("hold"), ("review",)),
        (decision_of("review", queues={"weapons": 10, "nudity": 90}), ("nudity", "weapons")),
        (decision_of("remove", queues={"nudity": 10}), ("nudity",)),
        (decision_of("allow", queues={"sample": 0}), ("sample",)),
        (decision_of("remove"), None),
        (decision_of("allow"), None),
        (decision_of("label"), None),
    ],
)
def test_what_the_policy_puts_before_a_person_is_a_case_in_its_queues(store, decided, queues):
    with store.write() as connection:
        case = send(connection, decided)
        assert (case and case.queues) == queues


@ONCE
def test_a_case_says_what_it_is_about_and_how_sure_that_is(store):
    with store.write() as connection:
        case = send(connection, score=0.7, reach=900)
        assert (case.category, case.confidence, case.severity) == ("sexual.explicit", 0.7, 8.0)
        assert (case.reach, case.pdq) == (900, BASE)
        sample = send(connection, decision_of("allow", queues={"sample": 0}))
        assert (sample.category, sample.confidence) == ("", opening.NOBODY_KNOWS)


@ONCE
def test_worse_surer_and_wider_comes_first(store):
    with store.write() as connection:
        kinds = [
            {"score": 0.6},
            {"score": 0.9},
            {"score": 0.9, "reach": 10**6},
            {"decision": decision_of(category="regulated.alcohol"), "score": 0.9},
        ]
        made = [
            send(connection, pdq=other_picture(number), **kind).id
            for number, kind in enumerate(kinds)
        ]
        page = caselists.page(connection, ["review"], limit=9)
        assert [made.index(case.id) for case in page.cases] == [2, 1, 0, 3]


def test_copies_are_one_case_which_ranks_higher_by_each(store):
    with store.write() as connection:
        first = send(connection)
        before = cases.ranks(connection, first.id)["review"]
        near = send(connection, pdq=flipped(BASE, *range(0, 240, 16)), reach=5)
        same = send(connection, sha256=items.get(connection, first.item).sha256, pdq=None)
        assert near.id == same.id == first.id
        assert sorted(copies(connection, first).values()) == [0, 0, 15]
        assert (same.copies, same.reach, same.version) == (3, 5, 1)
        assert cases.ranks(connection, first.id)["review"] > before


@ONCE
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"pdq": flipped(BASE, *range(0, 256, 16))}),
        ({}, {"pdq": None}),
        ({"kind": "video"}, {"kind": "video"}),
        ({}, {"decision": decision_of(queues={"nudity": 50})}),
        ({}, {"decision": decision_of(category="violence.weapon")}),
    ],
)
def test_what_is_not_the_same_is_another_case(store, first, second):
    with store.write() as connection:
        one, other = send(connection, **first), send(connection, **second)
        assert one.id != other.id
        assert (one.copies, other.copies) == (1, 1)


def test_videos_with_the_same_bytes_are_one_case(store):
    with store.write() as connection:
        one = send(connection, kind="video", sha256="ab" * 32)
        assert send(connection, kind="video", sha256="ab" * 32).id == one.id


@ONCE
def test_a_case_that_is_full_takes_no_more(store, monkeypatch):
    monkeypatch.setattr(opening, "MOST_COPIES", 2)
    with store.write() as connection:
        made = [send(connection).id for _ in range(3)]
        assert made[0] == made[1] != made[2]


def test_a_copy_of_what_was_decided_is_a_new_case(store):
    with store.write() as connection:
        first = send(connection)
        decide(connection, first)
        assert send(connection).id != first.id


def test_what_is_judged_again_stays_one_case_with_what_is_known_now(store):
    with store.write() as connection:
        case = send(connection, score=0.6)
        weapon = decision_of("hold", category="violence.weapon", queues={"weapons": 50})
        again = judge(connection, case.item, weapon, score=0.9)
        assert again.id == case.id
        assert (again.queues, again.category) == (("weapons",), "violence.weapon")
        assert (again.confidence, again.version) == (0.9, 2)
        assert again.opened_at == case.opened_at


def test_a_case_is_closed_when_nothing_asks_for_a_person_any_more(store):
    with store.write() as connection:
        case = send(connection)
        claims.claim(connection, case.id, ADA, now=NOW)
        assert judge(connection, case.item, decision_of("allow"), score=0.1) is None
        assert cases.need(connection, case.id).state == "closed"
    with store.write() as connection, pytest.raises(ConflictError, match="nothing asks"):
        decide(connection, case, version=case.version)


def test_a_copy_leaves_and_the_others_stay(store):
    with store.write() as connection:
        case = send(connection)
        near = send(connection, pdq=flipped(BASE, 1, 2))
        (other,) = set(copies(connection, near)) - {case.item}
        judge(connection, case.item, decision_of("allow"), score=0.1)
        left = cases.need(connection, case.id)
        assert (left.state, left.item, left.copies) == ("open", other, 1)
        assert list(copies(connection, left)) == [other]
        # Whoever had the other picture before them is told.
        assert left.version == case.version + 1


@ONCE
def test_what_a_person_has_decided_no_machine_brings_back(store):
    with store.write() as connection:
        case = send(connection)
        decide(connection, case, answer("allow"))
        assert judge(connection, case.item, decision_of("hold"), score=0.99) is None
        assert cases.of_item(connection, case.item) is None
        assert action(connection, case.item) == "allow"


def test_deleted_media_is_in_no_case_any_more(store):
    with store.write() as connection:
        alone = send(connection, pdq=other_picture(1))
        case = send(connection)
        send(connection)
        for item in (alone.item, case.item):
            opening.lock(connection, item)
            was = items.delete(connection, item, actor=ADA, reason="", now=NOW)
            opening.gone(connection, was, actor=ADA, now=NOW)
        assert cases.need(connection, alone.id).state == "closed"
        left = cases.need(connection, case.id)
        assert (left.state, left.copies) == ("open", 1)
        assert left.item != case.item


# What is answered


def test_an_answer_takes_effect_on_every_copy_and_is_told_half_a_minute_later(store):
    with store.write() as connection:
        case = send(connection, tell=False)
        send(connection, tell=False)
        hook(connection)
        claims.claim(connection, case.id, ADA, now=NOW)
        given = answer("remove", note="plainly so", context=("context.art",))
        review = decide(connection, case, given, now=NOW + 7 * SECOND)
        made = reviews.decisions_of(connection, review.id)
        assert {one.item for one in made} == set(copies(connection, case))
        for one in made:
            held = items.get(connection, one.item)
            assert (held.action, held.decision) == ("remove", one.decision)
            kept, before = (decisions.get(connection, d) for d in (one.decision, one.before))
            assert (kept.origin, kept.author, kept.reason) == ("reviewer", ADA, "plainly so")
            # It rests on the same evidence; what the reviewer knows is added to what was said.
            assert kept.content == before.content
            assert kept.evidence == before.evidence
            assert kept.facts.context == ("context.art",)
            assert kept.facts.uploader == before.facts.uploader
            assert (kept.decision.action, kept.decision.judged) == ("remove", True)
            assert kept.decision.policy == "test/1"
            (reason,) = kept.decision.reasons
            assert (reason.rule, reason.category) == (
                "thresholds.sexual.explicit",
                "sexual.explicit",
            )
            assert told(connection, one.item) == [("item.reversed", NOW + 37 * SECOND)]
            (message,) = outbox.of_item(connection, one.item)
            assert '"by":"reviewer"' in message.body
        assert (review.effective, review.micros) == (True, 7 * SECOND)
        assert (review.queue, review.leaves_at) == ("review", NOW + 7 * SECOND + UNDO)
        ended = cases.need(connection, case.id)
        assert (ended.state, ended.review) == ("decided", review.id)
        assert reviews.get(connection, review.id) == review


@ONCE
def test_what_a_digest_holds_waits_for_its_time_and_for_the_half_minute(store):
    with store.write() as connection:
        case = send(connection, tell=False)
        hook(connection, digest_seconds=20)
        decide(connection, case, now=NOW)
        ((_, due_at),) = told(connection, case.item)
        assert due_at == NOW + 40 * SECOND


def test_who_has_not_claimed_it_may_answer_what_is_free(store):
    with store.write() as connection:
        review = decide(connection, send(connection), answer("allow"))
        # How long it took nobody knows.
        assert review.micros is None


def test_somebody_elses_case_is_not_answered(store):
    with store.write() as connection:
        case = send(connection)
        claims.claim(connection, case.id, BEN, now=NOW)
        with pytest.raises(ConflictError, match="user:ben has this case until"):
            decide(connection, case)
        # A claim that has run out is nobody's.
        decide(connection, case, now=NOW + 121 * SECOND)


def test_what_has_changed_since_it_was_seen_is_not_answered(store):
    with store.write() as connection:
        case = send(connection, score=0.6)
    with store.write() as connection:
        judge(connection, case.item, decision_of("hold"), score=0.9)
    with store.write() as connection:
        with pytest.raises(ConflictError, match="judged the item again"):
            decide(connection, case, version=case.version)
        assert action(connection, case.item) == "hold"


@ONCE
def test_claims_and_copies_refuse_nobodys_answer(store):
    with store.write() as connection:
        case = send(connection)
        claims.claim(connection, case.id, BEN, now=NOW)
        claims.release(connection, case.id, BEN, now=NOW)
        send(connection)
        review = decide(connection, case, version=case.version)
        assert len(reviews.decisions_of(connection, review.id)) == 2


def test_the_same_answer_twice_counts_once_and_the_second_is_told(store):
    with store.write() as connection:
        hook(connection)
        case = send(connection, tell=False)
    with store.write() as connection:
        decide(connection, case, answer("remove"))
    for actor in (ADA, BEN):
        with (
            store.write() as connection,
            pytest.raises(ConflictError, match="user:ada has decided this case, remove, at"),
        ):
            decide(connection, case, answer("allow"), actor=actor, version=case.version)
    with store.read() as connection:
        assert len(told(connection, case.item)) == 1
        assert len(decisions.history(connection, case.item)) == 2


def test_of_two_who_answer_at_once_one_wins_and_the_other_gets_the_story(store):
    with store.write() as connection:
        hook(connection)
        found = [send(connection, tell=False, pdq=other_picture(n)) for n in range(6)]
    start, stories = threading.Barrier(2), []

    def work(actor):
        won = []
        for case in found:
            start.wait()
            try:
                with store.write() as connection:
                    decide(connection, case, actor=actor, version=case.version)
                won.append(case.id)
            except ConflictError as error:
                stories.append(str(error))
        return won

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(work, (ADA, BEN))
    assert sorted(one + other) == sorted(case.id for case in found)
    assert len(stories) == len(found)
    assert all("has decided this case, remove" in story for story in stories)
    with store.read() as connection:
        assert all(len(told(connection, case.item)) == 1 for case in found)


@ONCE
@pytest.mark.parametrize(
    ("given", "error"),
    [
        (answer("review"), InvalidError),
        (answer("hold"), InvalidError),
        (answer("remove", rule=""), InvalidError),
        (answer("remove", rule="", category="faces"), InvalidError),
        (answer("remove", rule="", category="context.art"), InvalidError),
        (answer("remove", category="violence.gore"), InvalidError),
        (answer("allow", context=("violence.gore",)), InvalidError),
        (answer("remove", note="x" * 2001), InvalidError),
        (answer("remove", rule="rules.of-yesterday"), ConflictError),
    ],
)
def test_an_answer_names_what_the_policy_and_the_taxonomy_know(store, given, error):
    with store.write() as connection:
        case = send(connection)
    with pytest.raises(error), store.write() as connection:
        decide(connection, case, given)
    with store.read() as connection:
        assert action(connection, case.item) == "review"


@ONCE
def test_a_category_of_its_own_is_a_reason_too(store):
    with store.write() as connection:
        case = send(connection)
        decide(connection, case, answer("remove", rule="", category="violence.gore"))
        made = decisions.get(connection, items.get(connection, case.item).decision)
        (reason,) = made.decision.reasons
        assert (reason.rule, reason.category) == ("", "violence.gore")
        assert reason.text.startswith("Gore. ")


@ONCE
def test_labels_stay_where_they_mean_something(store):
    with store.write() as connection:

        def labels(*given):
            case = send(connection, decision_of(labels=["old"]), pdq=None)
            decide(connection, case, answer(*given))
            made = decisions.get(connection, items.get(connection, case.item).decision)
            return [effect.value for effect in made.decision.effects]

        assert labels("label", "rules.adults") == ["adult", "old"]
        assert labels("restrict", "rules.adults") == ["adult", "old"]
        assert labels("label") == ["old"]
        assert labels("remove", "rules.adults") == []
        assert labels("allow") == []


@ONCE
def test_the_policy_offers_its_reasons(store):
    with store.read() as connection:
        offered = casework.reasons(casework.policy_now(connection))
    assert [(one.rule, one.category, one.action) for one in offered] == [
        ("", "", "allow"),
        ("thresholds.sexual.explicit", "sexual.explicit", "remove"),
        ("thresholds.violence.weapon", "violence.weapon", "label"),
        ("banks.known", "", "remove"),
        ("banks.good", "", "allow"),
        ("rules.adults", "", "label"),
        ("unknowns.any", "", "review"),
    ]
    assert offered[5].text == "For adults only"
    assert all(one.text.endswith(".") for one in offered[:5])


def test_an_answer_that_has_no_effect_changes_no_item(store):
    with store.write() as connection:
        case = send(connection, tell=False)
        decide(connection, case)
        hook(connection)
        for kind in ("second", "golden"):
            new = New(kind=kind, item=case.item, queues={"review": 1.0}, parent=case.id)
            blind = cases.open_case(connection, new, actor="system", now=NOW)
            review = decide(connection, blind, answer("remove"), actor=BEN)
            assert (review.effective, review.kind) == (False, kind)
            assert reviews.decisions_of(connection, review.id) == []
        assert len(decisions.history(connection, case.item)) == 2
        assert told(connection, case.item) == []


@ONCE
def test_what_was_held_to_be_benign_and_is_not_goes_to_a_lead(store):
    with store.write() as connection:
        item = send(connection, decision_of("allow", queues={"x": 1})).item
        cases.close(
            connection, cases.of_item(connection, item).id, actor="system", reason="", now=NOW
        )

        def benign(*given):
            new = New(kind="benign", item=item, queues={})
            case = cases.open_case(connection, new, actor="system", now=NOW)
            return case, decide(connection, case, answer(*given))

        benign("allow")
        assert cases.of_item(connection, item) is None
        case, review = benign("remove")
        found = cases.of_item(connection, item)
        assert (found.kind, found.queues, found.parent) == ("review", ("escalated",), case.id)
        assert action(connection, item) == "allow"
        # Taken back, that case is gone again.
        casework.undo(connection, review.id, actor=ADA, now=NOW)
        assert cases.of_item(connection, item) is None


@ONCE
def test_escalating_a_case_whose_answer_is_known_ends_it(store):
    with store.write() as connection:
        item = send(connection, pdq=None).item
        new = New(kind="golden", item=item, queues={"review": 1.0})
        golden = cases.open_case(connection, new, actor="system", now=NOW)
        found = casework.escalate(connection, golden.id, actor=ADA, reason="", now=NOW)
        assert found.state == "closed"
        real = cases.of_item(connection, item)
        found = casework.escalate(connection, real.id, actor=ADA, reason="", now=NOW)
        assert (found.state, found.queues) == ("open", ("escalated",))


# What is taken back


def test_an_answer_that_is_undone_is_as_if_it_had_not_been(store):
    with store.write() as connection:
        hook(connection)
        case = send(connection)
        send(connection)
        found = copies(connection, case)
        before = {item: items.get(connection, item) for item in found}
        messages = {item: told(connection, item) for item in found}
        claims.claim(connection, case.id, ADA, now=NOW)
    with store.write() as connection:
        review = decide(connection, case)
        # A machine judges it again meanwhile.
        judge(connection, case.item, decision_of("hold"), score=0.99, now=NOW + 1)
    with store.write() as connection:
        again = casework.undo(connection, review.id, actor=ADA, now=NOW + UNDO - 1)
        assert (again.state, again.review, again.version) == ("open", None, 3)
        assert again.holder(NOW + UNDO) == ADA
        for item, was in before.items():
            held = items.get(connection, item)
            assert (held.action, held.decision, held.judged_at) == (
                was.action,
                was.decision,
                was.judged_at,
            )
            assert told(connection, item) == messages[item]
        # The record keeps both.
        assert len(decisions.history(connection, case.item)) == 3
        assert reviews.get(connection, review.id).undone_at == NOW + UNDO - 1
        # Copies find it again.
        assert send(connection).id == case.id
        assert decide(connection, again, answer("allow"), now=NOW + UNDO).action == "allow"
    with store.read() as connection:
        done = [row.action for row in audit.newest(connection, subject=f"case:{case.id}", limit=9)]
        assert "review.undo" in done


def test_after_half_a_minute_it_is_too_late(store):
    with store.write() as connection:
        review = decide(connection, send(connection))
        with pytest.raises(ConflictError, match="reversed"):
            casework.undo(connection, review.id, actor=ADA, now=NOW + UNDO)


def test_nobody_takes_back_what_another_has_answered_or_twice(store):
    with store.write() as connection:
        review = decide(connection, send(connection))
    with store.write() as connection, pytest.raises(ConflictError, match="only whoever"):
        casework.undo(connection, review.id, actor=BEN, now=NOW)
    with store.write() as connection:
        casework.undo(connection, review.id, actor=ADA, now=NOW)
    with store.write() as connection, pytest.raises(ConflictError, match="taken the answer back"):
        casework.undo(connection, review.id, actor=ADA, now=NOW)
    with store.write() as connection, pytest.raises(MissingError):
        casework.undo(connection, "none", actor=ADA, now=NOW)


def test_what_has_left_already_is_not_undone_at_all(store):
    with store.write() as connection:
        target = hook(connection).id
        case = send(connection, tell=False)
        send(connection, tell=False)
        review = decide(connection, case)
        item = cases.need(connection, case.id).item
    with store.write() as connection:
        # A sender whose clock is half a minute ahead.
        taken = outbox.take(
            connection, target=target, sender="s", seconds=60, limit=1, now=NOW + UNDO
        )
        assert len(taken) == 1
    with pytest.raises(ConflictError, match="told of it already"), store.write() as connection:
        casework.undo(connection, review.id, actor=ADA, now=NOW + 1)
    with store.read() as connection:
        assert action(connection, item) == "remove"
        assert cases.need(connection, case.id).state == "decided"
        assert sum(len(told(connection, one)) for one in copies(connection, case)) == 2


def test_what_was_decided_again_since_is_not_undone(store):
    with store.write() as connection:
        case = send(connection)
        review = decide(connection, case)
        made = decisions.get(connection, items.get(connection, case.item).decision)
        kept = decisions.New(
            item=case.item, origin="reviewer", author=BEN, decision=made.decision, facts=made.facts
        )
        decisions.record(connection, kept, now=NOW)
    with store.write() as connection, pytest.raises(ConflictError, match="decided again"):
        casework.undo(connection, review.id, actor=ADA, now=NOW)


def test_a_reversed_case_is_answered_anew_and_who_was_told_is_told(store):
    with store.write() as connection:
        hook(connection)
        case = send(connection, tell=False)
        decide(connection, case, answer("remove"))
        later = NOW + 5 * UNDO
        found = casework.reverse(connection, case.id, actor=BEN, reason="a statue", now=later)
        assert (found.state, found.queues, found.review) == ("open", ("review",), None)
        # Until then nothing changes.
        assert action(connection, case.item) == "remove"
    with store.write() as connection, pytest.raises(ConflictError, match="user:ben has opened"):
        decide(connection, case, version=2, now=later)
    with store.write() as connection:
        decide(connection, case, answer("allow"), actor=BEN, now=later)
        assert action(connection, case.item) == "allow"
        assert told(connection, case.item) == [
            ("item.reversed", NOW + UNDO),
            ("item.reversed", later + UNDO),
        ]
        assert [one.action for one in reviews.of_case(connection, case.id)] == ["allow", "remove"]


@ONCE
def test_only_what_was_decided_is_reversed(store):
    with store.write() as connection:
        case = send(connection, pdq=None)
        with pytest.raises(ConflictError):
            casework.reverse(connection, case.id, actor=ADA, reason="", now=NOW)
        new = New(kind="golden", item=case.item, queues={"review": 1.0})
        golden = cases.open_case(connection, new, actor="system", now=NOW)
        decide(connection, golden)
        with pytest.raises(ConflictError):
            casework.reverse(connection, golden.id, actor=ADA, reason="", now=NOW)


def test_an_item_is_in_one_open_review_at_most(store):
    with store.write() as connection:
        case = send(connection)
        decide(connection, case)
        new = New(kind="review", item=case.item, queues={"review": 1.0})
        cases.open_case(connection, new, actor="system", now=NOW)
        with pytest.raises(ConflictError, match="which is open"):
            casework.reverse(connection, case.id, actor=ADA, reason="", now=NOW)


def test_a_copy_that_turns_out_different_is_split_off(store):
    with store.write() as connection:
        case = send(connection, reach=10)
        near = send(connection, pdq=flipped(BASE, 1, 2), reach=20)
        (other,) = set(copies(connection, near)) - {case.item}
        made = casework.split(connection, case.id, other, actor=ADA, now=NOW)
        assert (made.item, made.copies, made.reach) == (other, 1, 20)
        assert (made.queues, made.category, made.parent) == (
            case.queues,
            case.category,
            case.id,
        )
        assert made.pdq == flipped(BASE, 1, 2)
        left = cases.need(connection, case.id)
        assert (left.copies, left.reach, left.item) == (1, 10, case.item)
        assert cases.of_item(connection, other).id == made.id
        decide(connection, made, answer("allow"))
        assert action(connection, case.item) == "review"
        with pytest.raises(ConflictError, match="no copies"):
            casework.split(connection, case.id, case.item, actor=ADA, now=NOW)


@ONCE
def test_what_is_not_in_a_case_is_not_split_off(store):
    with store.write() as connection:
        case = send(connection)
        send(connection)
        with pytest.raises(MissingError):
            casework.split(connection, case.id, "none", actor=ADA, now=NOW)


def test_workers_and_reviewers_at_once_lose_nothing_and_never_block_each_other(store):
    """Items come in, are judged again and deleted while people take, answer and undo."""
    with store.write() as connection:
        hook(connection)
        first = [send(connection, pdq=flipped(BASE, n)).item for n in range(4)]
    start = threading.Barrier(6)
    retried = []

    def often(work):
        for n in range(12):
            try:
                with store.write() as connection:
                    work(connection, n)
            except ConflictError as error:
                retried.append(str(error))

    def sending(connection, n):
        send(connection, pdq=flipped(BASE, n % 16))

    def judging(connection, n):
        kind = "review" if n % 3 else "allow"
        judge(connection, first[n % 4], decision_of(kind), score=0.5 + n / 100)

    def answering(actor):
        def work(connection, n):
            case = casework.next_case(connection, ["review"], actor=actor, now=NOW)
            if case is not None:
                review = decide(connection, case, actor=actor, now=NOW)
                if n % 2:
                    casework.undo(connection, review.id, actor=actor, now=NOW + 1)
                    claims.release(connection, case.id, actor, now=NOW + 1)

        return work

    def run(work):
        start.wait()
        often(work)

    works = [sending, sending, judging, judging, answering(ADA), answering(BEN)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(run, works))
    with store.read() as connection:
        opened = caselists.page(connection, ["review"], limit=999).cases
        inside = [item for case in opened for item in copies(connection, case)]
        # An item is in one open case at most, and each that still asks for a person is in one.
        assert len(inside) == len(set(inside))
        waiting = items.page(connection, items.Filter(action="review"), limit=999).items
        assert {item.id for item in waiting} == set(inside)
        assert all(case.copies == len(copies(connection, case)) for case in opened)


@ONCE
def test_a_reviewers_decision_is_read_like_any_other(store, admin):
    with store.write() as connection:
        case = send(connection)
        decide(connection, case)
    shown = admin.get(f"/v1/items/{case.item}").json()
    assert (shown["action"], shown["history"][0]["origin"]) == ("remove", "reviewer")
    assert shown["evidence"]["signals"]
    read = msgspec.convert(shown["decision"], Decision)
    with store.read() as connection:
        kept = decisions.get(connection, items.get(connection, case.item).decision)
    assert kept.decision == read
    assert finding(kept.evidence, read.reasons[0]) is None


def meanwhile(connection, item, *, now):
    """Have a machine find more in an item than it did before."""
    judge(connection, item, decision_of("remove", policy="test/2"), score=0.95, now=now)


def test_what_a_machine_found_meanwhile_comes_into_force_after_an_undo(store):
    with store.write() as connection:
        case = send(connection)
        review = decide(connection, case, answer("allow"))
        meanwhile(connection, case.item, now=NOW + SECOND)
        assert action(connection, case.item) == "allow"
    with store.write() as connection:
        casework.undo(connection, review.id, actor=ADA, now=NOW + 2 * SECOND)
        (job,) = [job for job in jobs.of_item(connection, case.item) if job.state == "ready"]
        assert job.kind == items.JUDGE
        meanwhile(connection, case.item, now=NOW + 3 * SECOND)
        assert action(connection, case.item) == "remove"
        known = len(decisions.history(connection, case.item))
        meanwhile(connection, case.item, now=NOW + 4 * SECOND)
        assert len(decisions.history(connection, case.item)) == known


def test_an_undo_leaves_no_case_of_what_was_deleted_since(store):
    with store.write() as connection:
        alone = send(connection, pdq=other_picture(1))
        first, second = send(connection), send(connection)
        assert first.id == second.id
        made = [decide(connection, case) for case in (alone, first)]
        for item in (alone.item, first.item):
            was = items.delete(connection, item, actor=BEN, reason="", now=NOW)
            opening.gone(connection, was, actor=BEN, now=NOW)
    with store.write() as connection:
        ended, left = (
            casework.undo(connection, review.id, actor=ADA, now=NOW + SECOND) for review in made
        )
        assert (ended.state, ended.claimed_by) == ("closed", None)
        assert (left.state, left.copies, left.claimed_by) == ("open", 1, ADA)
        assert left.item != first.item


def test_a_reversal_leaves_alone_what_another_case_has_decided_since(store):
    later = NOW + UNDO
    with store.write() as connection:
        alone = send(connection, pdq=other_picture(1))
        first = send(connection)
        send(connection)
        for case in (alone, first):
            decide(connection, case)
    with store.write() as connection:
        for item in (alone.item, first.item):
            appealed = appealing.appeal(
                connection, item, text="no", author="", actor="uploader", days=7, now=later
            )
            case = cases.need(connection, appealed.case)
            decide(connection, case, answer("allow"), actor=BEN, now=later)
    with store.write() as connection:
        with pytest.raises(ConflictError, match="in another case since"):
            casework.reverse(connection, alone.id, actor=ADA, reason="no", now=later + UNDO)
        held = casework.reverse(connection, first.id, actor=ADA, reason="no", now=later + UNDO)
        assert (held.state, held.copies) == ("open", 1)
        decide(connection, held, answer("quarantine"), now=later + UNDO)
        assert action(connection, held.item) == "quarantine"
        assert action(connection, first.item) == action(connection, alone.item) == "allow"


@ONCE
def test_the_next_case_is_given_where_somebody_else_had_the_one_in_its_place(store, monkeypatch):
    with store.write() as connection:
        taken, free = send(connection), send(connection, pdq=other_picture(1))
        claims.claim(connection, taken.id, BEN, now=NOW)
        monkeypatch.setattr(quality, "instead", lambda *_, **__: taken.id)
        given = casework.next_case(connection, ["review"], actor=ADA, now=NOW)
        assert given.id == free.id


@ONCE
def test_a_flag_that_is_set_twice_is_set_once(store):
    with store.write() as connection:
        twice = answer("allow", context=("context.news", "context.news"))
        assert decide(connection, send(connection), twice).context == ("context.news",)
