"""Second opinions, disagreements, known answers, a rest between; and what leads are told."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service.asking import make_user
from tests.service.casing import (
    POLICY,
    accept,
    answer,
    decision_of,
    judge,
    need,
    other_picture,
    send,
)
from tests.service.working import put_in_force
from tests.store.making import NOW
from tidegate.evidence import Effect
from tidegate.service import appealing, casework, oversight
from tidegate.service.depths import Depths
from tidegate.store import (
    caselists,
    cases,
    claims,
    decisions,
    golden,
    items,
    preferences,
    quality,
    queues,
    reviews,
)
from tidegate.store.clock import DAY, HOUR, MINUTE, SECOND
from tidegate.store.error import ConflictError, MissingError, StateError
from tidegate.store.preferences import Preferences
from tidegate.store.queues import DISAGREEMENTS, REVIEW

ADA, BEN, LEAD = "user:ada", "user:ben", "user:lead"

LATER = NOW + MINUTE

_pictures = itertools.count(1000)


@pytest.fixture
def at(service):
    put_in_force(service, POLICY)
    return service.store


@pytest.fixture
def share(at):
    """Says how the queue of reviews is worked on."""

    def say(**values):
        with at.write() as connection:
            version = queues.settings(connection, REVIEW).version
            queues.change(connection, REVIEW, version=version, actor=LEAD, now=NOW, **values)

    return say


def opened(connection, **rest):
    """Return a case of an item that is like no other."""
    return send(connection, pdq=other_picture(next(_pictures)), **rest)


def decide(connection, case, action="remove", *, by=ADA, now=NOW):
    case = need(connection, case)
    return casework.decide(
        connection, case.id, answer(action), actor=by, version=case.version, now=now
    )


def only(found):
    (one,) = found
    return one


def child(connection, case):
    return only(cases.children(connection, case.id))


def compared(connection):
    return [(one.kind, one.expected, one.given) for one in quality.compared(connection, since=0)]


def test_another_person_is_asked_blind_once_the_first_answer_has_left(at, share):
    share(second_share=1.0)
    with at.write() as connection:
        case = opened(connection)
        decide(connection, case)
        second = child(connection, case)
        assert (second.kind, second.queues) == ("second", (REVIEW,))
        assert casework.next_case(connection, [REVIEW], actor=BEN, now=NOW + SECOND) is None
        # Who has answered is never asked again; somebody else gets it as any other case.
        assert casework.next_case(connection, [REVIEW], actor=ADA, now=LATER) is None
        with pytest.raises(ConflictError, match="asks for another person"):
            claims.claim(connection, second.id, ADA, now=LATER)
        assert casework.next_case(connection, [REVIEW], actor=BEN, now=LATER).id == second.id


def test_a_second_answer_that_agrees_is_noted_and_changes_nothing(at, share):
    share(second_share=1.0)
    with at.write() as connection:
        case = opened(connection)
        decide(connection, case)
        before = items.get(connection, case.item)
        second = child(connection, case)
        made = decide(connection, second, by=BEN, now=LATER)
        assert not made.effective
        assert items.get(connection, case.item) == before
        assert compared(connection) == [("second", "remove", "remove")]
        assert cases.children(connection, second.id) == []


def test_two_answers_that_differ_go_before_a_third_person_whose_answer_is_final(at, share):
    share(second_share=1.0)
    with at.write() as connection:
        case = opened(connection, sha256="c" * 64)
        copy = send(connection, sha256="c" * 64)
        assert copy.id == case.id
        inside = {one.item for one in cases.copies(connection, case.id, limit=10)}
        assert len(inside) == 2
        decide(connection, case)
        decide(connection, child(connection, case), "allow", by=BEN, now=LATER)
        third = child(connection, child(connection, case))
        assert (third.kind, third.queues) == ("disagreement", (DISAGREEMENTS,))
        assert {one.item for one in cases.copies(connection, third.id, limit=10)} == inside
        for one in (ADA, BEN):
            with pytest.raises(ConflictError):
                claims.claim(connection, third.id, one, now=LATER + MINUTE)
        final = decide(connection, third, "allow", by=LEAD, now=LATER + MINUTE)
        assert final.effective
        assert {items.get(connection, one).action for one in inside} == {"allow"}
        assert ("disagreement", "remove", "allow") in compared(connection)


def test_what_was_decided_anew_meanwhile_is_no_disagreement(at, share):
    share(second_share=1.0)
    with at.write() as connection:
        case = opened(connection)
        decide(connection, case)
        second = child(connection, case)
        casework.reverse(connection, case.id, actor=LEAD, reason="wrong", now=LATER)
        decide(connection, second, "allow", by=BEN, now=LATER)
        assert cases.children(connection, second.id) == []


def test_what_somebody_else_has_decided_meanwhile_is_no_disagreement(at, share):
    share(second_share=1.0)
    with at.write() as connection:
        alone, several = opened(connection), opened(connection, sha256="c" * 64)
        copy = send(connection, sha256="c" * 64)
        assert copy.id == several.id
        other = only(
            one.item
            for one in cases.copies(connection, several.id, limit=9)
            if one.item != several.item
        )
        for case in (alone, several):
            decide(connection, case)
        for item in (alone.item, other):
            given = {"text": "no", "author": "", "actor": "uploader", "days": 7, "now": LATER}
            appealed = appealing.appeal(connection, item, **given)
            decide(connection, appealed.case, "allow", by=LEAD, now=LATER)
        for case in (alone, several):
            decide(connection, child(connection, case), "label", by=BEN, now=LATER)
        assert cases.children(connection, child(connection, alone).id) == []
        third = child(connection, child(connection, several))
        assert [one.item for one in cases.copies(connection, third.id, limit=9)] == [several.item]


def test_an_answer_that_is_taken_back_takes_its_second_case_with_it(at, share):
    share(second_share=1.0)
    with at.write() as connection:
        case = opened(connection)
        made = decide(connection, case)
        second = child(connection, case)
        casework.undo(connection, made.id, actor=ADA, now=NOW + 10 * SECOND)
        assert need(connection, second).state == "closed"
        assert quality.answers(connection, since=0) == []
        assert quality.waits(connection, since=0) == []


def test_a_second_answer_that_is_taken_back_is_held_against_nothing(at, share):
    share(second_share=1.0)
    with at.write() as connection:
        case = opened(connection)
        decide(connection, case)
        second = child(connection, case)
        made = decide(connection, second, "allow", by=BEN, now=LATER)
        third = child(connection, second)
        casework.undo(connection, made.id, actor=BEN, now=LATER + SECOND)
        assert need(connection, third).state == "closed"
        assert compared(connection) == []
        decide(connection, second, "remove", by=BEN, now=LATER + 2 * SECOND)
        assert compared(connection) == [("second", "remove", "remove")]


def test_without_a_share_nobody_is_asked_again_and_with_one_about_as_many(at, share):
    def asked(connection):
        case = opened(connection)
        decide(connection, case)
        return bool(cases.children(connection, case.id))

    with at.write() as connection:
        assert not any(asked(connection) for _ in range(5))
    share(second_share=0.5)
    with at.write() as connection:
        # Below 1 in 10,000 by chance.
        assert 5 < sum(asked(connection) for _ in range(40)) < 35


def test_a_decision_that_is_reversed_and_changed_is_counted_once(at):
    with at.write() as connection:
        case = opened(connection)
        decide(connection, case)
        casework.reverse(connection, case.id, actor=LEAD, reason="wrong", now=LATER)
        decide(connection, case, "allow", by=BEN, now=LATER)
        assert compared(connection) == [("reversal", "remove", "allow")]
        found = oversight.overview(connection, days=7, now=LATER)
        turned = {one.how: one.rate for one in found.overturned}
        assert (turned["reversal"].hits, turned["reversal"].n) == (1, 2)
        # What was opened again says nothing of how long people wait.
        assert only(found.waits).n == 1


def made_golden(connection, *, action="remove", author=LEAD):
    case = opened(connection)
    decide(connection, case, action, by=LEAD)
    new = golden.New(
        item=case.item, queue=REVIEW, category="sexual.explicit", action=action, note="as taught"
    )
    return golden.make(connection, new, actor=author, now=NOW)


def test_each_person_is_given_a_known_case_once_in_place_of_the_next(at, share):
    share(golden_share=1.0)
    with at.write() as connection:
        known = made_golden(connection)
        waiting = opened(connection)
        before = items.get(connection, known.item)
        for actor, said in ((ADA, "remove"), (BEN, "allow")):
            given_ = casework.next_case(connection, [REVIEW], actor=actor, now=LATER)
            assert (given_.golden, given_.item, given_.queues) == (known.id, known.item, (REVIEW,))
            assert not decide(connection, given_, said, by=actor, now=LATER).effective
            then = casework.next_case(connection, [REVIEW], actor=actor, now=LATER)
            assert then.id == waiting.id
            claims.release(connection, then.id, actor, now=LATER)
        assert items.get(connection, known.item) == before
        told = golden.answers(connection, limit=10)
        assert {(one.reviewer, one.expected, one.given) for one in told} == {
            (ADA, "remove", "remove"),
            (BEN, "remove", "allow"),
        }
        shared = {
            one.category: one.rate for one in oversight.met(quality.compared(connection, since=0))
        }
        assert (shared[oversight.ALL].hits, shared[oversight.ALL].n) == (1, 2)


def test_a_known_case_is_in_no_list_and_who_gives_it_back_gets_it_again(at, share):
    share(golden_share=1.0)
    with at.write() as connection:
        made_golden(connection)
        waiting = opened(connection)
        first = casework.next_case(connection, [REVIEW], actor=ADA, now=LATER)
        listed = caselists.page(connection, [REVIEW], limit=10).cases
        assert [one.id for one in listed] == [waiting.id]
        assert only(caselists.depths(connection, [REVIEW], now=LATER)).open == 1
        # Among cases that have waited it says that it has, too.
        assert first.opened_at == waiting.opened_at == NOW
        claims.release(connection, first.id, ADA, now=LATER)
        again = casework.next_case(connection, [REVIEW], actor=ADA, now=LATER)
        assert again.id == first.id
        made = decide(connection, again, by=ADA, now=LATER)
        casework.undo(connection, made.id, actor=ADA, now=LATER + SECOND)
        listed = caselists.page(connection, [REVIEW], limit=10).cases
        assert [one.id for one in listed] == [waiting.id]
        assert compared(connection) == []
        claims.skip(connection, first.id, ADA, now=LATER + SECOND)
        then = casework.next_case(connection, [REVIEW], actor=ADA, now=LATER + SECOND)
        assert then.id == waiting.id


def test_a_known_case_is_not_put_before_who_made_it_nor_once_it_is_retired(at, share):
    share(golden_share=1.0)
    with at.write() as connection:
        known = made_golden(connection, author=ADA)
        assert golden.unseen(connection, REVIEW, ADA) == []
        assert golden.unseen(connection, "other", BEN) == []
        assert golden.unseen(connection, REVIEW, BEN) == [known]
        golden.retire(connection, known.id, actor=LEAD, reason="old", now=LATER)
        assert golden.unseen(connection, REVIEW, BEN) == []
        with pytest.raises(StateError, match="retired before"):
            golden.retire(connection, known.id, actor=LEAD, reason="", now=LATER)
        with pytest.raises(MissingError):
            golden.retire(connection, "none", actor=LEAD, reason="", now=LATER)


def test_only_what_is_decided_and_there_has_a_known_answer(at):
    with at.write() as connection:
        new = golden.New(
            item=accept(connection), queue=REVIEW, category="", action="allow", note=""
        )
        with pytest.raises(StateError, match="received"):
            golden.make(connection, new, actor=LEAD, now=NOW)


def harmless(connection, **rest):
    item = accept(connection)
    judge(connection, item, decision_of("allow"), pdq=None, **{"score": 0.01} | rest)
    return item


def test_something_harmless_comes_between_and_is_in_no_list(at, share):
    share(benign_share=1.0)
    with at.write() as connection:
        doubtful = harmless(connection, score=0.4)
        kind = harmless(connection)
        waiting = opened(connection)
        rest = casework.next_case(connection, [REVIEW], actor=ADA, now=LATER)
        assert (rest.kind, rest.item, rest.queues) == ("benign", kind, (REVIEW,))
        assert not decide(connection, rest, "allow", by=ADA, now=LATER).effective
        # There is nothing else that is: the next case, and not the one that scored.
        then = casework.next_case(connection, [REVIEW], actor=ADA, now=LATER)
        assert then.id == waiting.id
        assert cases.all_of_item(connection, doubtful) == []


def test_what_turns_out_to_be_no_rest_is_shown_as_none(at, share):
    share(benign_share=1.0)
    with at.write() as connection:
        item = harmless(connection)
        waiting = opened(connection)
        rest = casework.next_case(connection, [REVIEW], actor=ADA, now=LATER)
        assert rest.item == item
        claims.release(connection, rest.id, ADA, now=LATER)
        judge(connection, item, decision_of("remove"), now=LATER, pdq=None)
        then = casework.next_case(connection, [REVIEW], actor=ADA, now=LATER)
        assert then.id == waiting.id
        assert need(connection, rest).state == "closed"


def test_how_often_is_up_to_the_queue_or_to_the_person(at, share, service):
    share(benign_share=1.0)
    ada = make_user(service, "ada", "reviewer")
    with at.write() as connection:
        harmless(connection)
        waiting = opened(connection)
        preferences.put(connection, ada.id, Preferences(benign=0.0), now=NOW)
        given_ = casework.next_case(connection, [REVIEW], actor=f"user:{ada.id}", now=LATER)
        assert given_.id == waiting.id


def test_what_is_drawn_for_somebody_stays_until_they_answer(at, share):
    share(golden_share=0.5)
    with at.write() as connection:
        made_golden(connection)
        waiting = opened(connection)
        found = set()
        for _ in range(5):
            case = casework.next_case(connection, [REVIEW], actor=ADA, now=LATER)
            found.add(case.kind)
            claims.release(connection, case.id, ADA, now=LATER)
        assert len(found) == 1
        assert need(connection, waiting).state == "open"


def test_answers_are_counted_by_day_person_and_category(at):
    with at.write() as connection:
        for by, now in ((ADA, NOW), (ADA, NOW), (BEN, NOW + DAY)):
            decide(connection, opened(connection, now=now), by=by, now=now + HOUR)
        assert [tuple(one) for one in quality.answers(connection, since=0)] == [
            (ADA, "sexual.explicit", 2),
            (BEN, "sexual.explicit", 1),
        ]
        today = quality.day(NOW)
        assert quality.by_day(connection, since=today) == {today: 2, today + 1: 1}
        assert quality.answers(connection, since=today + 1)[0].reviewer == BEN
        waited = only(oversight.overview(connection, days=7, now=NOW + DAY).waits)
        assert waited.n == 3
        assert waited.median == pytest.approx(HOUR, rel=0.05)


@given(st.lists(st.integers(60, 60 * 24 * 3600), min_size=1, max_size=60))
def test_the_median_and_the_ninth_decile_are_within_five_per_cent(seconds):
    found = [quality.Waits("q", quality.length(one * SECOND), 1) for one in seconds]
    made = only(oversight.waited(found))
    ordered = sorted(seconds)
    for share_, told in ((0.5, made.median), (0.9, made.ninth)):
        wanted = share_ * len(ordered)
        exact = next(one for n, one in enumerate(ordered, 1) if n >= wanted)
        assert told == pytest.approx(exact * SECOND, rel=0.05)


def test_alarms_are_counted_and_breakers_by_name(at):
    alarm = Effect(kind="alarm", value="flood", rules=("breakers.many", "rules.r"))
    with at.write() as connection:
        decision = msgspec.structs.replace(decision_of("remove"), effects=(alarm,))
        judge(connection, accept(connection), decision, now=LATER)
        assert [tuple(one) for one in quality.alarms(connection, since=0)] == [
            ("flood", "", 1),
            ("flood", "many", 1),
        ]
        assert quality.alarms(connection, since=LATER + 1) == []


def test_the_queues_are_looked_at_once_an_hour(at, clock):
    with at.write() as connection:
        opened(connection)
    looking = Depths(at, clock)
    assert looking.look()
    assert not looking.look()
    clock.pass_by(HOUR)
    assert looking.look()
    with at.read() as connection:
        seen = quality.depths(connection, since=0, every=1)
        assert [(one.open, one.oldest) for one in seen if one.queue == REVIEW] == [(1, NOW)] * 2
        hours = {one.hour for one in quality.depths(connection, since=0, every=2)}
        assert len(hours) == 1


def test_an_appeal_that_changes_a_decision_is_an_overturn(at):
    with at.write() as connection:
        case = opened(connection)
        decide(connection, case)
        rank = cases.ranks(connection, case.id)[REVIEW]
        new = cases.New(kind="appeal", item=case.item, queues={"appeals": rank})
        appeal = cases.open_case(connection, new, actor="system", now=LATER)
        made = decide(connection, appeal, "allow", by=BEN, now=LATER)
        assert compared(connection) == [("appeal", "remove", "allow")]
        assert decisions.get(connection, reviews.decisions_of(connection, made.id)[0].before)
