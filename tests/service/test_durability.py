import pytest

from tests.service.asking import ONCE
from tests.service.test_items import wait_for
from tests.service.working import files, judge_of, put_in_force, send, working
from tidegate.store import audit, items, jobs, media
from tidegate.store.verify import verify


def count(service):
    with service.store.read() as connection:
        return len(items.page(connection, items.Filter()).items)


@ONCE
def test_the_file_is_on_disk_before_the_row_that_names_it(service, admin, monkeypatch):
    accept, there = items.accept, []

    def looking(connection, item, **rest):
        there.append(service.room.has(item.sha256))
        return accept(connection, item, **rest)

    monkeypatch.setattr(items, "accept", looking)
    assert send(admin, wait=None).status_code == 202
    assert there == [True]


@pytest.mark.parametrize("where", ["jobs.add", "audit.flush"])
def test_an_item_that_is_not_accepted_whole_is_not_accepted(service, admin, monkeypatch, where):
    """And a client that asks again, with the same key, has one."""
    module, name = {"jobs.add": (jobs, "add"), "audit.flush": (audit, "flush")}[where]
    real = getattr(module, name)

    def fail(connection, *given, **rest):
        # What notes that the key was used appends nothing.
        if audit.pending(connection).entries or module is jobs:
            raise OSError("the power went")
        return real(connection, *given, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        answer = send(admin, wait=None, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 500
    assert count(service) == 0
    # The file is an orphan, until it is swept or sent again.
    assert len(files(service.room.media)) == 1
    item = send(admin, wait=None, headers={"Idempotency-Key": "k"}).json()["id"]
    again = send(admin, wait=None, headers={"Idempotency-Key": "k"}).json()["id"]
    assert (item, count(service)) == (again, 1)


@ONCE
def test_a_sweep_takes_orphans_and_nothing_else(service, admin, monkeypatch):
    kept = send(admin, wait=None).json()["sha256"]

    def fail(*given, **rest):
        raise OSError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(items, "accept", fail)
        send(admin, b"\xff\xd8\xff an orphan", wait=None)
    assert len(files(service.room.media)) == 2

    def named(sha256):
        with service.store.read() as connection:
            return media.named(connection, sha256)

    assert service.room.sweep(named, older=-1) == 1
    assert files(service.room.media) == [kept]


@ONCE
def test_a_deletion_that_dies_half_way_is_ended_by_the_sweep(service, admin, monkeypatch):
    item = send(admin, wait=None).json()["id"]

    def fail(*given):
        raise OSError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(service.room, "drop", fail)
        assert admin.delete(f"/v1/items/{item}/media").status_code == 500
    assert len(files(service.room.media)) == 1

    def named(sha256):
        with service.store.read() as connection:
            return media.named(connection, sha256)

    service.room.sweep(named, older=-1)
    assert files(service.room.media) == []


def test_all_that_happened_is_in_the_audit_chain(service, admin):
    put_in_force(service)
    with working(service, judge_of(service)):
        item = send(admin).json()["id"]
        admin.post(f"/v1/items/{item}/rescan", json={"reason": "a complaint"})
        wait_for(service, item)
    admin.delete(f"/v1/items/{item}/media", params={"reason": "the uploader asked"})
    with service.store.read() as connection:
        rows = audit.newest(connection, subject=item, limit=9)
        assert verify(connection).problem is None
    told = [(row.action, row.reason) for row in reversed(rows)]
    assert told == [
        ("item.accept", ""),
        ("item.rescan", "a complaint"),
        ("item.delete", "the uploader asked"),
    ]
    assert all(row.actor.startswith("key:") for row in rows)
