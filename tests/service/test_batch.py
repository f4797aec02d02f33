"""Jobs that a worker takes, judges and records together. SQLite only: Postgres takes one by one."""

import math
import threading
from contextlib import ExitStack

import pytest

from tests.service.asking import ONCE
from tests.service.test_items import wait_for
from tests.service.test_worker import during, wait_until
from tests.service.working import judge_of, photo, put_in_force, send, working
from tidegate.service import worker as workers
from tidegate.service.worker import MOST, Worker
from tidegate.store import items as stored
from tidegate.store import jobs


@pytest.fixture
def judging(service, monkeypatch):
    put_in_force(service)
    monkeypatch.setattr(workers, "QUICK", math.inf)  # However slow this machine is.
    return judge_of(service)


def sent(admin, tail=b""):
    return send(admin, photo() + tail, wait=None).json()["id"]


def state(admin, item):
    return admin.get(f"/v1/items/{item}").json()["state"]


def job_of(service, item):
    with service.store.read() as connection:
        (job,) = jobs.of_item(connection, item)
    return job


@pytest.fixture
def transactions(monkeypatch):
    """The transactions that have ended jobs, one for each job, in their order."""
    finish, seen = jobs.finish, []

    def seeing(connection, *given, **rest):
        seen.append(connection.get_transaction())
        finish(connection, *given, **rest)

    monkeypatch.setattr(jobs, "finish", seeing)
    return seen


def together(transactions):
    """Return how many jobs each transaction has ended."""
    return [transactions.count(one) for one in dict.fromkeys(transactions)]


@ONCE
def test_what_waits_is_recorded_a_few_at_a_time(service, admin, judging, transactions):
    items = [sent(admin, b"%d" % n) for n in range(2 * MOST + 1)]
    with working(service, judging):
        for item in items:
            wait_for(service, item)
    assert together(transactions) == [1, MOST, MOST]
    assert {len(admin.get(f"/v1/items/{item}").json()["history"]) for item in items} == {1}


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_with_more_writers_each_is_recorded_alone(service, admin, judging, transactions):
    items = [sent(admin, b"%d" % n) for n in range(4)]
    with working(service, judging):
        for item in items:
            wait_for(service, item)
    assert together(transactions) == [1] * 4


@ONCE
def test_after_slow_ones_they_are_taken_singly(service, admin, judging, transactions, monkeypatch):
    monkeypatch.setattr(workers, "QUICK", 0.0)
    items = [sent(admin, b"%d" % n) for n in range(4)]
    with working(service, judging):
        for item in items:
            wait_for(service, item)
    assert together(transactions) == [1] * 4


@ONCE
def test_what_fails_takes_no_other_with_it(service, admin, judging, clock, monkeypatch):
    items = [sent(admin, b"%d" % n) for n in range(1 + MOST)]
    record = judging.record

    def failing(connection, item, *given, **rest):
        made = record(connection, item, *given, **rest)
        if item.id == items[2]:
            raise OSError("the disk had a moment")
        return made

    monkeypatch.setattr(judging, "record", failing)
    with working(service, judging):
        for item in items[:2] + items[3:]:
            wait_for(service, item)
        wait_until(lambda: job_of(service, items[2]).error is not None)
    assert [state(admin, item) for item in items].count("judged") == MOST
    found = admin.get(f"/v1/items/{items[2]}").json()
    assert (found["state"], found["history"]) == ("received", [])
    assert job_of(service, items[2]).attempts == 1


@ONCE
def test_nobody_waits_for_one_that_takes_long(service, admin, judging, monkeypatch):
    items = [sent(admin, b"%d" % n) for n in range(1 + MOST)]
    begun, go = threading.Event(), threading.Event()

    def hold(item):
        if item.id == items[2]:
            begun.set()
            assert go.wait(60)

    during(judging, monkeypatch, hold)
    try:
        with working(service, judging, name="first"):
            assert begun.wait(30)
            # The one before it is recorded, and those after it are given back.
            wait_for(service, items[1])
            wait_until(lambda: job_of(service, items[3]).state == "ready")
            assert {job_of(service, item).attempts for item in items[3:]} == {0}
            with working(service, judge_of(service), name="second"):
                for item in items[3:]:
                    wait_for(service, item)
            assert state(admin, items[2]) == "received"
            go.set()
            wait_for(service, items[2])
    finally:
        go.set()
    workers_ = [admin.get(f"/v1/items/{item}").json()["history"][0]["author"] for item in items]
    assert workers_ == ["worker:first"] * 3 + ["worker:second"] * (MOST - 2)


@ONCE
def test_another_thread_does_what_waits_for_one_that_takes_long(
    service, admin, judging, monkeypatch
):
    items = [sent(admin, b"%d" % n) for n in range(2 + MOST)]
    go, held = threading.Event(), []

    def hold(item):
        if item.id not in items[:2] and not held:
            held.append(item.id)
            assert go.wait(60)

    during(judging, monkeypatch, hold)
    try:
        with working(service, judging, threads=2):
            wait_until(lambda: held)
            for item in items:
                if item not in held:
                    wait_for(service, item)
            assert state(admin, held[0]) == "received"
            go.set()
            wait_for(service, held[0])
    finally:
        go.set()


@ONCE
def test_the_same_bytes_twice_wait_for_no_one(service, admin, judging, transactions):
    """Of who holds them there is none but this batch itself."""
    items = [sent(admin, b"first"), *(sent(admin, b"same") for _ in range(3))]
    with working(service, judging):
        for item in items:
            wait_for(service, item)
    assert together(transactions) == [1, 1, 1, 1]


@ONCE
def test_two_that_hold_what_the_other_needs_wait_for_no_one(service, admin, judging):
    sent(admin, b"a")
    sent(admin, b"b")
    with service.store.read() as connection:
        leased = list(stored.page(connection, stored.Filter(), limit=9).items)
    both = threading.Barrier(2, timeout=60)
    over = []

    def judge(first, second):
        with ExitStack() as held:
            held.enter_context(judging.found(first))
            both.wait()
            with judging.found(second, before_waiting=held.close):
                over.append(second)

    threads = [threading.Thread(target=judge, args=pair) for pair in (leased, leased[::-1])]
    with judging:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(item.id for item in over) == sorted(item.id for item in leased)


@ONCE
def test_what_was_tried_before_is_done_alone(service, admin, judging, clock, transactions):
    """It may end its worker, and would take those with it to their last attempts."""
    items = [sent(admin, b"%d" % n) for n in range(1 + MOST)]
    with service.store.write() as connection:
        leased = jobs.lease(
            connection, worker="w", kinds=["judge"], seconds=1, now=clock.now, count=3
        )
        for job in leased[:2]:
            jobs.release(connection, job)
    clock.pass_by(3_600_000_000)
    with service.store.write() as connection:
        assert jobs.requeue(connection, now=clock.now) == (1, 0)
    alone = leased[2].item
    with working(service, judging):
        for item in items:
            wait_for(service, item)
    assert items.index(alone) == 2
    # The first; the second, recorded before the third; the third; and those that came with it.
    assert together(transactions) == [1, 1, 1, MOST - 2]


@ONCE
def test_a_worker_that_stops_gives_back_what_it_has_not_begun(service, admin, judging, monkeypatch):
    items = [sent(admin, b"%d" % n) for n in range(1 + MOST)]
    begun, go = threading.Event(), threading.Event()

    def hold(item):
        if item.id == items[2]:
            begun.set()
            assert go.wait(60)

    during(judging, monkeypatch, hold)
    monkeypatch.setattr(workers, "LONG", math.inf)
    worker = Worker(service, judging, threads=1, idle=0.05)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    assert begun.wait(30)
    stop.set()
    go.set()
    thread.join(30)
    assert [state(admin, item) for item in items] == ["judged"] * 3 + ["received"] * (MOST - 2)
    for item in items[3:]:
        job = job_of(service, item)
        assert (job.state, job.attempts) == ("ready", 0)
