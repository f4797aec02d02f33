"""Appeals, from what is decided to what is told."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.service.appealed import (
    SAID,
    answer,
    appeal,
    case_of,
    item_of,
    next_appeal,
    people,
    removed,
    undo,
)
from tests.service.telling import add_hook, decide, written
from tests.service.working import put_in_force
from tests.store.making import decision
from tidegate.service import appealing, casework
from tidegate.service.appealing import NoAppealError
from tidegate.service.calling import called
from tidegate.store import appeals, audit, cases, claims, decisions, items
from tidegate.store.clock import DAY, HOUR, SECOND
from tidegate.store.error import ConflictError, InvalidError, MissingError

EVENTS = ("item.decided", "item.reversed", "appeal.opened", "appeal.decided")


@pytest.fixture
def hook(service):
    put_in_force(service)
    return add_hook(service, events=EVENTS)


def of(service, made):
    with service.store.read() as connection:
        return appeals.get(connection, made.id)


def told(service, hook):
    return [(message.event, message.due_at) for message in written(service, hook)]


def machine(service, item, action):
    """Have a machine decide anew, as a worker does."""
    with service.store.write() as connection:
        made = decisions.New(
            item=item, origin="machine", author="worker:w", decision=decision(action, policy="p/2")
        )
        held = items.hold(connection, item)
        result = decisions.record(connection, made, now=service.clock())
        appealing.decided(connection, held.id, result.id, actor="worker:w", now=service.clock())
    return result.id


def reviewed(service, item, actor, action="remove"):
    """Have a person decide on an item by a case of its own."""
    with service.store.write() as connection:
        case = cases.open_case(
            connection,
            cases.New(kind="review", item=item, queues={"review": 0.0}),
            actor="system",
            now=service.clock(),
        )
    answer(service, case.id, actor, action, note="internal")
    return case


# Making one


def test_an_appeal_is_a_case_in_a_queue_of_its_own_that_is_due(service, hook, clock):
    item = removed(service, reach=500)
    made = appeal(service, item)
    assert (made.item, made.text, made.state) == (item, SAID, "open")
    assert made.due_at == clock.now + 7 * DAY
    case = case_of(service, made.case)
    assert (case.kind, case.item, case.queues) == ("appeal", item, ("appeals",))
    assert (case.due_at, case.category, case.reach) == (made.due_at, "known.other", 500)
    message = json.loads(written(service, hook)[-1].body)
    assert message["appeal"]["id"] == made.id
    assert message["decision"]["id"] == made.decision
    assert SAID not in json.dumps(message)


def test_what_the_uploader_wrote_is_not_in_the_audit_chain(service, hook):
    made = appeal(service, removed(service))
    with service.store.read() as connection:
        rows = audit.newest(connection, limit=50)
    assert SAID not in str(rows)
    assert any(row.subject == f"appeal:{made.id}" and row.actor == "uploader" for row in rows)


@pytest.mark.parametrize("action", ["allow", "review"])
def test_there_is_no_appeal_where_nothing_is_restricted(service, hook, action):
    with pytest.raises(NoAppealError) as refused:
        appeal(service, decide(service, action=action))
    assert refused.value.why == "nothing"


@pytest.mark.parametrize("action", ["label", "restrict", "hold", "remove", "quarantine"])
def test_whatever_restricts_can_be_appealed_against(service, hook, action):
    assert appeal(service, decide(service, action=action)).state == "open"


def test_one_decision_is_appealed_against_once(service, hook):
    item = removed(service)
    appeal(service, item)
    with pytest.raises(NoAppealError) as refused:
        appeal(service, item)
    assert refused.value.why == "appealed"


def test_a_decision_that_another_has_replaced_is_not_appealed_against(service, hook):
    item = removed(service)
    old = item_of(service, item).decision
    machine(service, item, "restrict")
    with pytest.raises(NoAppealError) as refused:
        appeal(service, item, decision=old)
    assert refused.value.why == "changed"


def test_the_answer_to_an_appeal_is_not_appealed_against(service, hook):
    (ada,) = people(service, "ada")
    item = removed(service)
    answer(service, appeal(service, item).case, ada, "remove")
    with pytest.raises(NoAppealError) as refused:
        appeal(service, item)
    assert refused.value.why == "answered"


def test_one_item_has_one_open_appeal(service, hook):
    item = removed(service)
    appeal(service, item)
    machine(service, item, "quarantine")
    with pytest.raises(NoAppealError) as refused:
        appeal(service, item)
    assert refused.value.why == "waiting"


def test_after_the_last_moment_it_is_too_late(service, hook, clock):
    item = removed(service)
    with pytest.raises(NoAppealError) as refused:
        appeal(service, item, until=clock.now)
    assert refused.value.why == "late"
    assert appeal(service, item, until=clock.now + 1)


@pytest.mark.parametrize("text", ["", " \r\n ", "x" * 4001, "a\0b", "half \ud800"])
def test_a_text_that_cannot_be_kept_is_no_appeal(service, hook, text):
    item = removed(service)
    with pytest.raises(InvalidError):
        appeal(service, item, text=text)
    assert next_appeal(service, *people(service, "ada")) is None


def test_an_item_that_is_not_there_has_no_appeal(service, hook):
    with pytest.raises(MissingError):
        appeal(service, "none")


def test_lines_end_in_one_way(service, hook):
    assert appeal(service, removed(service), text=" a\r\nb\rc\n").text == "a\nb\nc"


def test_of_many_at_once_one_is_taken(service, hook):
    item = removed(service)

    def try_it(number):
        try:
            return appeal(service, item, text=f"number {number}").id
        except NoAppealError as refused:
            return refused.why

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(try_it, range(8)))
    assert found.count("appealed") == 7
    with service.store.read() as connection:
        (made,) = appeals.of_item(connection, item)
        assert made.id in found
        assert [case.id for case in cases.all_of_item(connection, item)] == [made.case]


# Who is given it


def test_who_has_decided_is_never_given_the_appeal(service, hook):
    ada, bob = people(service, "ada", "bob")
    item = decide(service, action="review")
    reviewed(service, item, ada)
    made = appeal(service, item)
    assert next_appeal(service, ada) is None
    with pytest.raises(ConflictError), service.store.write() as connection:
        claims.claim(connection, made.case, ada, now=service.clock())
    assert next_appeal(service, bob).id == made.case


def test_who_has_decided_earlier_is_barred_too_though_the_answer_was_undone(service, hook):
    ada, bob = people(service, "ada", "bob")
    item = removed(service)
    with service.store.write() as connection:
        case = cases.open_case(
            connection,
            cases.New(kind="review", item=item, queues={"review": 0.0}),
            actor="system",
            now=service.clock(),
        )
    undo(service, answer(service, case.id, ada, "allow"), ada)
    appeal(service, item)
    assert next_appeal(service, ada) is None
    assert next_appeal(service, bob) is not None


def test_what_is_due_first_comes_first_and_what_is_overdue_before_other_cases(service, hook, clock):
    (ada,) = people(service, "ada")
    first = appeal(service, removed(service, 1))
    clock.pass_by(HOUR)
    appeal(service, removed(service, 2))
    clock.pass_by(7 * DAY)
    new = decide(service, action="review", number=3, reach=10**9)
    with service.store.write() as connection:
        rank = casework.ranking.rank(
            confidence=1.0, severity=32.0, reach=1e9, copies=256, priority=100, opened_at=clock.now
        )
        cases.open_case(
            connection,
            cases.New(kind="review", item=new, queues={"review": rank}),
            actor="system",
            now=clock.now,
        )
        found = casework.next_case(connection, ["review", "appeals"], actor=ada, now=clock.now)
    assert found.id == first.case


# What comes of it


def test_a_decision_that_is_changed_is_told_after_the_time_to_undo_and_in_order(
    service, hook, clock
):
    (ada,) = people(service, "ada")
    item = removed(service)
    made = appeal(service, item)
    began = clock.now
    clock.pass_by(DAY)
    answer(service, made.case, ada, "allow", note="You are right.")
    ended = of(service, made)
    assert (ended.state, ended.answer, ended.ended_at) == ("reversed", "You are right.", clock.now)
    assert ended.outcome == item_of(service, item).decision
    assert item_of(service, item).action == "allow"
    late = clock.now + 30 * SECOND
    assert told(service, hook) == [
        ("item.decided", began),
        ("appeal.opened", began),
        ("item.reversed", late),
        ("appeal.decided", late),
    ]
    numbers = [message.sequence for message in written(service, hook)]
    assert numbers == [1, 2, 3, 4]
    last = json.loads(written(service, hook)[-1].body)
    assert last["appeal"] == {
        "id": made.id,
        "state": "reversed",
        "decision": made.decision,
        "due_at": last["appeal"]["due_at"],
        "answer": "You are right.",
    }
    assert last["decision"]["action"] == "allow"


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("remove", "upheld"),
        ("quarantine", "upheld"),
        ("restrict", "reversed"),
        ("label", "reversed"),
    ],
)
def test_a_decision_is_upheld_unless_the_item_is_treated_better(service, hook, action, state):
    (ada,) = people(service, "ada")
    made = appeal(service, removed(service))
    answer(service, made.case, ada, action)
    assert of(service, made).state == state
    assert case_of(service, made.case).state == "decided"


def test_turning_an_appeal_down_takes_words(service, hook):
    (ada,) = people(service, "ada")
    item = removed(service)
    made = appeal(service, item)
    with pytest.raises(InvalidError, match="answer"):
        answer(service, made.case, ada, "remove", note="  ")
    assert of(service, made).state == "open"
    assert item_of(service, item).decision == made.decision
    answer(service, made.case, ada, "allow", note="")
    assert of(service, made).state == "reversed"


def test_an_answer_that_is_taken_back_leaves_the_appeal_open_and_tells_nobody(service, hook):
    (ada,) = people(service, "ada")
    made = appeal(service, removed(service))
    review = answer(service, made.case, ada, "allow")
    undo(service, review, ada)
    again = of(service, made)
    assert (again.state, again.outcome, again.answer, again.ended_at) == ("open", None, "", None)
    assert again.due_at == made.due_at
    assert [event for event, _ in told(service, hook)] == ["item.decided", "appeal.opened"]
    answer(service, made.case, ada, "remove", note="It is no play.")
    assert of(service, made).state == "upheld"


def test_a_machine_that_lifts_everything_ends_the_appeal_and_its_case(service, hook):
    item = removed(service)
    made = appeal(service, item)
    outcome = machine(service, item, "allow")
    ended = of(service, made)
    assert (ended.state, ended.outcome, ended.answer) == ("reversed", outcome, "")
    assert case_of(service, made.case).state == "closed"
    assert told(service, hook)[-1][0] == "appeal.decided"


@pytest.mark.parametrize("action", ["restrict", "remove", "quarantine"])
def test_a_machine_that_decides_no_better_leaves_the_appeal_open(service, hook, action):
    (ada,) = people(service, "ada")
    item = removed(service)
    made = appeal(service, item)
    machine(service, item, action)
    assert of(service, made).state == "open"
    assert case_of(service, made.case).state == "open"
    answer(service, made.case, ada, "allow")
    assert of(service, made).state == "reversed"


def test_another_case_that_lifts_everything_ends_the_appeal_until_that_is_undone(service, hook):
    ada, bob = people(service, "ada", "bob")
    item = decide(service, action="hold")
    made = appeal(service, item)
    with service.store.write() as connection:
        other = cases.open_case(
            connection,
            cases.New(kind="review", item=item, queues={"review": 0.0}),
            actor="system",
            now=service.clock(),
        )
    review = answer(service, other.id, ada, "allow")
    assert of(service, made).state == "reversed"
    assert case_of(service, made.case).state == "closed"
    undo(service, review, ada)
    assert of(service, made).state == "open"
    assert next_appeal(service, bob).id == made.case


def test_who_answers_another_case_meanwhile_is_not_given_the_appeal(service, hook):
    ada, bob = people(service, "ada", "bob")
    item = decide(service, action="hold")
    made = appeal(service, item)
    reviewed(service, item, ada, "remove")
    assert of(service, made).state == "open"
    assert next_appeal(service, ada) is None
    assert next_appeal(service, bob).id == made.case


@pytest.mark.parametrize("copies", [1, 2])
def test_whoever_was_to_look_first_does_not_overrule_the_answer(service, hook, copies):
    (ada,) = people(service, "ada")
    item, copy = decide(service, action="hold"), decide(service, action="hold", number=2)
    new = cases.New(kind="review", item=item, queues={"review": 0.0})
    with service.store.write() as connection:
        other = cases.open_case(connection, new, actor="system", now=service.clock())
        if copies == 2:
            fields = {"distance": 0, "reach": 0, "lift": 0.0, "now": service.clock()}
            cases.add_copy(connection, other.id, copy, **fields)
    answer(service, appeal(service, item).case, ada, "allow")
    after = case_of(service, other.id)
    assert after.state == ("closed" if copies == 1 else "open")
    with service.store.read() as connection:
        assert cases.of_item(connection, item) is None
        assert (cases.of_item(connection, copy) is None) == (copies == 1)


def test_an_appeal_against_an_answer_that_is_undone_ends_where_nothing_is_left_of_it(service, hook):
    (ada,) = people(service, "ada")
    item = decide(service, action="review")
    with service.store.write() as connection:
        case = cases.open_case(
            connection,
            cases.New(kind="review", item=item, queues={"review": 0.0}),
            actor="system",
            now=service.clock(),
        )
    review = answer(service, case.id, ada, "remove")
    made = appeal(service, item)
    undo(service, review, ada)
    assert item_of(service, item).action == "review"
    assert of(service, made).state == "reversed"


def test_an_appeal_is_answered_by_the_record_where_the_media_is_gone(service, hook):
    (ada,) = people(service, "ada")
    item = removed(service)
    made = appeal(service, item)
    with service.store.write() as connection:
        items.delete(connection, item, actor="user:1", reason="", now=service.clock())
    answer(service, made.case, ada, "allow")
    assert of(service, made).state == "reversed"
    assert (item_of(service, item).state, item_of(service, item).action) == ("deleted", "allow")


def test_who_lost_an_appeal_has_no_other_way_to_decide(service, hook, clock):
    ada, ben, cem = people(service, "ada", "ben", "cem")
    item = removed(service)
    before = reviewed(service, item, ada)
    clock.pass_by(casework.UNDO)
    answer(service, appeal(service, item).case, ben)
    clock.pass_by(casework.UNDO)
    with service.store.write() as connection:
        with pytest.raises(ConflictError, match="in another case since"):
            casework.reverse(connection, before.id, actor=ada, reason="no", now=clock.now)
        case = called(connection, item, actor=ada, reason="no", now=clock.now)
        assert casework.next_case(connection, ["review"], actor=ada, now=clock.now) is None
        with pytest.raises(ConflictError, match="another person"):
            claims.claim(connection, case.id, ada, now=clock.now)
    answer(service, case.id, cem, "remove")
    assert item_of(service, item).action == "remove"


@pytest.mark.parametrize("copies", [1, 2])
def test_a_disagreement_does_not_overrule_the_answer_to_an_appeal(service, hook, copies):
    (ada,) = people(service, "ada")
    item, other = removed(service, 1), removed(service, 2)
    with service.store.write() as connection:
        new = cases.New(kind="disagreement", item=item, queues={"disagreements": 0.0})
        case = cases.open_case(connection, new, actor="system", now=service.clock())
        if copies == 2:
            grown = {"distance": 0, "reach": 0.0, "lift": 0.0, "now": service.clock()}
            cases.add_copy(connection, case.id, other, **grown)
    answer(service, appeal(service, item).case, ada)
    left = case_of(service, case.id)
    assert (left.state, left.item) == [("closed", item), ("open", other)][copies - 1]
