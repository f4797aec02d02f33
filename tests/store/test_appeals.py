import itertools

import pytest

from tests.store.making import NOW, accept, decision
from tidegate.store import appeals, audit, cases, decisions
from tidegate.store.appeals import Filter, New
from tidegate.store.clock import DAY, HOUR
from tidegate.store.error import InvalidError, StateError

numbers = itertools.count(1)


def add(store, *, now=NOW, due=7 * DAY, item=None, **fields):
    with store.write() as connection:
        item = item or accept(connection, next(numbers), now=now)
        made = decisions.New(
            item=item,
            origin="machine",
            author="worker:w",
            decision=decision(policy=f"p/{next(numbers)}"),
        )
        result = decisions.record(connection, made, now=now)
        case = cases.open_case(
            connection,
            cases.New(kind="appeal", item=item, queues={"appeals": 0.0}),
            actor="uploader",
            now=now,
        )
        given = {"author": "", "text": "It is a play."} | fields
        new = New(item=item, decision=result.id, case=case.id, due_at=now + due, **given)
        return appeals.add(connection, new, actor="uploader", now=now)


def end(store, one, state, *, now):
    with store.write() as connection:
        return appeals.end(
            connection,
            one,
            state=state,
            outcome=one.decision,
            answer="So it is.",
            actor="user:1",
            now=now,
        )


def listed(store, *, limit=100, after=None, now=NOW, **which):
    with store.read() as connection:
        page = appeals.page(connection, Filter(**which), now=now, limit=limit, after=after)
    return [one.id for one in page.appeals], page.cursor


def test_an_appeal_is_found_by_its_id_its_decision_its_case_and_its_item(store):
    made = add(store)
    with store.read() as connection:
        assert appeals.get(connection, made.id) == made
        assert appeals.of_decision(connection, made.decision) == made
        assert appeals.of_case(connection, made.case) == made
        assert appeals.open_of(connection, made.item) == made
        assert appeals.of_item(connection, made.item) == [made]
        assert appeals.get(connection, "none") is None


def test_a_decision_is_appealed_against_once(store):
    made = add(store)
    again = New(**{name: getattr(made, name) for name in New.__struct_fields__})
    with pytest.raises(StateError, match="before"), store.write() as connection:
        appeals.add(connection, again, actor="uploader", now=NOW)


@pytest.mark.parametrize(
    "fields", [{"text": ""}, {"text": "x" * 4001}, {"text": "\0"}, {"author": "x" * 201}]
)
def test_what_cannot_be_kept_is_refused(store, fields):
    with pytest.raises(InvalidError):
        add(store, **fields)


def test_an_appeal_that_has_ended_is_open_no_more_until_that_is_taken_back(store):
    made = add(store)
    ended = end(store, made, "upheld", now=NOW + HOUR)
    assert (ended.state, ended.answer, ended.ended_at) == ("upheld", "So it is.", NOW + HOUR)
    with store.write() as connection:
        assert appeals.open_of(connection, made.item) is None
        assert appeals.reopen(connection, ended, actor="user:1", now=NOW) == made


def test_each_step_is_in_the_audit_chain(store):
    made = add(store)
    ended = end(store, made, "reversed", now=NOW)
    with store.write() as connection:
        appeals.reopen(connection, ended, actor="user:1", now=NOW)
    with store.read() as connection:
        rows = audit.newest(connection, subject=f"appeal:{made.id}", limit=10)
    assert [row.action for row in rows] == ["appeal.reopen", "appeal.end", "appeal.open"]


def test_those_that_wait_are_listed_by_when_they_are_due_page_by_page(store):
    late, soon, later = (add(store, due=due) for due in (-HOUR, HOUR, DAY))
    end(store, add(store), "upheld", now=NOW)
    assert listed(store, state="open") == ([late.id, soon.id, later.id], None)
    assert listed(store, state="overdue") == ([late.id], None)
    first, cursor = listed(store, state="open", limit=2)
    assert first == [late.id, soon.id]
    assert listed(store, state="open", limit=2, after=cursor) == ([later.id], None)


def test_all_others_are_listed_newest_first_page_by_page(store):
    made = [add(store, now=NOW + number) for number in range(4)]
    for one, state in zip(made, ("upheld", "reversed", "upheld"), strict=False):
        end(store, one, state, now=NOW + DAY)
    ids = [one.id for one in made]
    assert listed(store) == (ids[::-1], None)
    assert listed(store, state="ended") == (ids[2::-1], None)
    assert listed(store, state="upheld") == ([ids[2], ids[0]], None)
    assert listed(store, item=made[1].item) == ([ids[1]], None)
    assert listed(store, limit=3) == (ids[:0:-1], ids[1])
    assert listed(store, limit=3, after=ids[1]) == ([ids[0]], None)


@pytest.mark.parametrize("given", [{"limit": 0}, {"limit": 1001}, {"after": "none"}])
def test_a_page_that_is_none_is_refused(store, given):
    with pytest.raises(InvalidError):
        listed(store, **given)


def test_what_waits_and_what_became_of_the_rest_is_counted(store):
    with store.read() as connection:
        assert appeals.waiting(connection, now=NOW) == (0, 0, None)
        assert appeals.tally(connection, since=0, until=NOW).reversal_rate is None
    late = add(store, due=-HOUR)
    add(store, due=HOUR)
    for state, after in (("upheld", HOUR), ("reversed", 8 * DAY), ("reversed", HOUR)):
        end(store, add(store), state, now=NOW + after)
    with store.read() as connection:
        assert appeals.waiting(connection, now=NOW) == (2, 1, late.due_at)
        week = appeals.tally(connection, since=NOW, until=NOW + 7 * DAY)
        assert week == (5, 1, 1, 0)
        assert week.reversal_rate == 0.5
        assert appeals.tally(connection, since=NOW + 7 * DAY, until=NOW + 9 * DAY) == (0, 0, 1, 1)
