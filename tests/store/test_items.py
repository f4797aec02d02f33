import hashlib

import pytest

from tests.store.making import NOW, accept, decision, new_item
from tidegate.evidence import Facts, Uploader
from tidegate.store import audit, decisions, items, jobs
from tidegate.store.error import ConflictError, InvalidError, MissingError, StateError
from tidegate.store.idempotency import Claim, purge


def test_an_accepted_item_is_there_with_its_job_and_its_row_of_the_audit_chain(store):
    new = new_item(metadata={"post": 7, "tags": ["ä", None]}, priority=8, callback="https://x/y")
    with store.write() as connection:
        item = items.accept(connection, new, actor="key:1", now=NOW)
    with store.read() as connection:
        found = items.get(connection, item.id)
        assert item.new
        assert {name: getattr(found, name) for name in new.__struct_fields__} == {
            name: getattr(new, name) for name in new.__struct_fields__
        }
        assert (found.state, found.action, found.version) == ("received", None, 1)
        (job,) = jobs.of_item(connection, item.id)
        assert (job.kind, job.priority, job.state) == ("judge", 8, "ready")
        (row,) = audit.newest(connection, subject=item.id, limit=9)
        assert (row.actor, row.action, row.at) == ("key:1", "item.accept", NOW)


def test_nothing_of_an_item_is_there_when_its_transaction_is_undone(store):
    made = []

    def fails():
        with store.write() as connection:
            made.append(accept(connection))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with store.read() as connection:
        assert items.get(connection, made[0]) is None
        assert jobs.depth(connection, now=NOW) == []
        assert audit.newest(connection, limit=9) == []


def test_the_same_idempotency_key_makes_one_item(store):
    claim = Claim("key:1", "abc", "request")
    with store.write() as connection:
        first = items.accept(connection, new_item(), actor="key:1", now=NOW, claim=claim)
    with store.write() as connection:
        again = items.accept(connection, new_item(), actor="key:1", now=NOW, claim=claim)
    other = claim._replace(scope="key:2")
    with store.write() as connection:
        apart = items.accept(connection, new_item(), actor="key:2", now=NOW, claim=other)
    assert (again.id, again.new, again.item) == (first.id, False, None)
    with store.read() as connection:
        assert first.item == items.get(connection, first.id)
    assert apart.new
    with store.write() as connection, pytest.raises(ConflictError):
        items.accept(
            connection, new_item(), actor="key:1", now=NOW, claim=claim._replace(request="else")
        )
    with store.read() as connection:
        assert len(items.page(connection, items.Filter()).items) == 2
    with store.write() as connection:
        assert purge(connection, NOW + 1) == 2
        assert items.accept(connection, new_item(), actor="k", now=NOW, claim=claim).new


@pytest.mark.parametrize(
    "wrong",
    [
        {"external_id": "a\0b"},
        {"external_id": "\ud800"},
        {"external_id": "x" * 501},
        {"reference": ""},
        {"callback": "https://x/" + "y" * 4000},
        {"facts": Facts(uploader=Uploader(id="\0"))},
        {"metadata": {"a": "x" * items.LARGEST_METADATA}},
        {"priority": 10},
        {"sha256": "A" * 64},
    ],
)
def test_what_cannot_be_kept_is_refused(store, wrong):
    with pytest.raises(InvalidError), store.write() as connection:
        accept(connection, **wrong)


def test_items_are_found_by_each_filter(store):
    with store.write() as connection:
        made = [accept(connection, n, now=NOW + n) for n in range(4)]
        new = decisions.New(item=made[2], origin="machine", author="w", decision=decision("hold"))
        decisions.record(connection, new, now=NOW)
        items.fail(connection, made[3], "not there")
    for which, expected in (
        ({}, [3, 2, 1, 0]),
        ({"external_id": "ext-1"}, [1]),
        ({"sha256": f"{2:064x}"}, [2]),
        ({"state": "received"}, [1, 0]),
        ({"state": "failed"}, [3]),
        ({"action": "hold"}, [2]),
        ({"surface": "avatar"}, [3, 2, 1, 0]),
        ({"surface": "feed"}, []),
        ({"uploader": "u0"}, [0]),
        ({"since": NOW + 1, "until": NOW + 3}, [2, 1]),
    ):
        with store.read() as connection:
            page = items.page(connection, items.Filter(**which))
        assert [made.index(item.id) for item in page.items] == expected, which
        assert page.cursor is None


def test_pages_hold_each_item_once_though_others_come_meanwhile(store):
    with store.write() as connection:
        # Many at the same moment: the time alone does not tell them apart.
        made = [accept(connection, n, now=NOW + n // 3) for n in range(10)]
    seen, cursor = [], None
    while True:
        with store.read() as connection:
            page = items.page(connection, items.Filter(), limit=3, cursor=cursor)
        seen += [item.id for item in page.items]
        cursor = page.cursor
        if cursor is None:
            break
        with store.write() as connection:
            accept(connection, 99, now=NOW + 99)
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize(
    "cursor", ["", "!", "é", "MTIz", "LTEuYQ", "x" * 9999, "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkuYQ"]
)
def test_what_is_no_cursor_is_refused(store, cursor):
    with store.read() as connection, pytest.raises(InvalidError):
        items.page(connection, items.Filter(), cursor=cursor)


def test_an_item_by_url_gets_its_bytes_once(store):
    with store.write() as connection:
        item = accept(connection, source="url", sha256=None, size=None)
        items.fetched(connection, item, sha256="a" * 64, size=5)
        items.fetched(connection, item, sha256="a" * 64, size=5)
        assert items.get(connection, item).size == 5
        with pytest.raises(StateError, match="has changed"):
            items.fetched(connection, item, sha256="b" * 64, size=5)


def test_a_cause_has_an_item_judged_again_once(store):
    with store.write() as connection:
        item = accept(connection)

    def rescan(cause):
        with store.write() as connection:
            return items.rescan(
                connection, item, actor="user:1", reason="new policy", now=NOW, cause=cause
            )

    assert rescan("policy:2")
    assert rescan("policy:2") is None
    assert rescan("policy:3")
    with store.read() as connection:
        assert len(jobs.of_item(connection, item)) == 3
        asked = [r for r in audit.newest(connection, limit=9) if r.action == "item.rescan"]
        assert [row.reason for row in asked] == ["new policy"] * 2


def test_a_rescan_without_a_cause_adds_nothing_to_what_waits(store):
    with store.write() as connection:
        item = accept(connection)

    def rescan():
        with store.write() as connection:
            return items.rescan(connection, item, actor="user:1", reason="", now=NOW)

    with store.write() as connection:
        (waiting,) = jobs.of_item(connection, item)
    assert rescan() == waiting.id
    with store.write() as connection:
        leased = jobs.lease(connection, worker="w", kinds=["judge"], seconds=30, now=NOW)
    # What is being judged may have begun under the policy of before.
    again = rescan()
    assert again not in (None, leased[0].id)
    assert rescan() == again
    with store.read() as connection:
        assert len([r for r in audit.newest(connection, limit=9) if r.subject == item]) == 2


def test_a_rescan_gives_what_failed_all_its_tries_again(store):
    with store.write() as connection:
        item = accept(connection)
    with store.write() as connection:
        (job,) = jobs.lease(connection, worker="w", kinds=["judge"], seconds=30, now=NOW)
        jobs.bury(connection, job, "the disk was full", now=NOW)
        items.fail(connection, item, "the disk was full")
    with store.write() as connection:
        assert items.rescan(connection, item, actor="user:1", reason="", now=NOW) == job.id
        assert jobs.dead(connection, limit=9) == []
        found = items.get(connection, item)
        assert (found.state, found.error) == ("received", None)
    with store.write() as connection:
        (again,) = jobs.lease(connection, worker="w", kinds=["judge"], seconds=30, now=NOW)
        assert (again.id, again.attempts) == (job.id, 1)
        jobs.bury(connection, again, "again", now=NOW)
        items.fail(connection, item, "again")
        assert items.get(connection, item).error == "again"
        told = [r for r in audit.newest(connection, limit=9) if r.action == "item.rescan"]
        assert len(told) == 1


def test_the_record_stays_when_the_media_is_deleted(store):
    with store.write() as connection:
        item = accept(connection)
        new = decisions.New(item=item, origin="machine", author="w", decision=decision())
        decisions.record(connection, new, now=NOW)
    with store.write() as connection:
        was = items.delete(connection, item, actor="user:1", reason="asked to", now=NOW)
        assert was.reference == "media/1"
    with store.read() as connection:
        found = items.get(connection, item)
        assert (found.state, found.action) == ("deleted", "remove")
        told = audit.newest(connection, limit=1)[0]
    # The chain names it by a digest: an address would open what was to go.
    assert told.action == "item.delete"
    assert hashlib.sha256(b"media/1").hexdigest() in told.body
    assert "media/1" not in told.body
    again = decision("allow", policy="default/2")
    other = decisions.New(item=item, origin="machine", author="w", decision=again)
    for refused in (
        lambda c: items.delete(c, item, actor="user:1", reason="", now=NOW),
        lambda c: items.rescan(c, item, actor="user:1", reason="", now=NOW),
        lambda c: decisions.record(c, other, now=NOW),
    ):
        with store.write() as connection, pytest.raises(StateError):
            refused(connection)


def test_an_item_that_is_not_there_is_told(store):
    with store.write() as connection:
        with pytest.raises(MissingError):
            items.rescan(connection, "none", actor="user:1", reason="", now=NOW)
        with pytest.raises(MissingError):
            items.fail(connection, "none", "")
