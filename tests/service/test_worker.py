import threading
from contextlib import contextmanager

import pytest

from tests.service.asking import ONCE
from tests.service.telling import add_hook, written
from tests.service.test_items import wait_for
from tests.service.working import judge_of, put_in_force, send, working
from tidegate.matching import BankError
from tidegate.service.worker import Worker
from tidegate.store import items, jobs
from tidegate.store.clock import SECOND

LATER = 3600 * SECOND


@pytest.fixture
def judging(service):
    put_in_force(service)
    return judge_of(service)


def sent(admin):
    return send(admin, wait=None).json()["id"]


def during(judging, monkeypatch, act):
    """Have something happen while an item is judged, after its evidence is found."""
    found = judging.found

    @contextmanager
    def acting(item, **rest):
        with found(item, **rest) as known:
            act(item)
            yield known

    monkeypatch.setattr(judging, "found", acting)


def test_who_has_lost_the_lease_changes_nothing(service, admin, judging, clock, monkeypatch):
    item = sent(admin)
    other = []

    def steal(_):
        if other:
            return
        clock.pass_by(LATER)
        with service.store.write() as connection:
            assert jobs.requeue(connection, now=clock.now) == (1, 0)
        with service.store.write() as connection:
            other.extend(
                jobs.lease(
                    connection, worker="other", kinds=["judge"], seconds=LATER, now=clock.now
                )
            )
            assert other

    during(judging, monkeypatch, steal)
    with working(service, judging):
        while not other:
            threading.Event().wait(0.01)
    found = admin.get(f"/v1/items/{item}").json()
    assert (found["state"], found["history"]) == ("received", [])
    with service.store.read() as connection:
        (job,) = jobs.of_item(connection, item)
    assert (job.state, job.worker) == ("leased", "other")


def test_what_is_wrong_with_the_machine_is_tried_again_and_then_put_aside(
    service, admin, judging, clock, monkeypatch
):
    item = sent(admin)
    tried = []
    hook = add_hook(service, events=("item.failed",))

    def fail(_):
        tried.append(1)
        raise BankError("bank known: segment 3 is damaged")

    during(judging, monkeypatch, fail)
    with working(service, judging):
        for _ in range(jobs.MAX_ATTEMPTS):
            settled(service, item)
            clock.pass_by(LATER)
        found = admin.get(f"/v1/items/{item}").json()
    assert len(tried) == jobs.MAX_ATTEMPTS
    assert (found["state"], found["error"]) == (
        "failed",
        "BankError: bank known: segment 3 is damaged",
    )
    with service.store.read() as connection:
        (dead,) = jobs.dead(connection, limit=9)
    (told,) = written(service, hook)
    assert (dead.item, dead.error) == (item, found["error"])
    assert (told.event, told.item) == ("item.failed", item)


@ONCE
def test_who_reads_items_is_told_nothing_of_the_inside(service, admin, judging, clock, monkeypatch):
    item = sent(admin)
    hook = add_hook(service, events=("item.failed",))

    def fail(_):
        raise OSError(28, "No space left on device", "/srv/tidegate/media/ab")

    during(judging, monkeypatch, fail)
    with working(service, judging):
        for _ in range(jobs.MAX_ATTEMPTS):
            settled(service, item)
            clock.pass_by(LATER)
    assert admin.get(f"/v1/items/{item}").json()["error"] == "internal error: OSError"
    (told,) = written(service, hook)
    assert "/srv" not in told.body
    with service.store.read() as connection:
        (dead,) = jobs.dead(connection, limit=9)
    assert "/srv/tidegate/media" in dead.error


@ONCE
def test_what_went_wrong_once_is_done_the_next_time(service, admin, judging, clock, monkeypatch):
    item = sent(admin)
    tried = []

    def fail_once(_):
        tried.append(1)
        if len(tried) == 1:
            raise OSError("the disk had a moment")

    during(judging, monkeypatch, fail_once)
    with working(service, judging):
        settled(service, item)
        clock.pass_by(LATER)
        wait_for(service, item)
    assert admin.get(f"/v1/items/{item}").json()["action"] == "allow"


def test_a_failure_after_all_was_recorded_undoes_all_of_it(
    service, admin, judging, clock, monkeypatch
):
    """Evidence, decision, alarms, audit and the end of the job: all of it or nothing."""
    item = sent(admin)
    finish, tried = jobs.finish, []

    def failing(*given, **rest):
        tried.append(1)
        finish(*given, **rest)
        if len(tried) == 1:
            raise OSError("the power went")

    monkeypatch.setattr(jobs, "finish", failing)
    with working(service, judging):
        settled(service, item)
        assert admin.get(f"/v1/items/{item}").json()["history"] == []
        clock.pass_by(LATER)
        wait_for(service, item)
    assert len(admin.get(f"/v1/items/{item}").json()["history"]) == 1


def test_the_end_of_a_worker_is_the_end_of_what_is_under_way(service, admin, judging, monkeypatch):
    first, second = sent(admin), sent(admin)
    begun, go = threading.Event(), threading.Event()

    def hold(_):
        begun.set()
        go.wait(30)

    during(judging, monkeypatch, hold)
    worker = Worker(service, judging, threads=1, idle=0.05)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    assert begun.wait(30)
    stop.set()
    go.set()
    thread.join(30)
    states = [admin.get(f"/v1/items/{item}").json()["state"] for item in (first, second)]
    assert states == ["judged", "received"]
    with service.store.read() as connection:
        (job,) = jobs.of_item(connection, second)
    assert (job.state, job.attempts) == ("ready", 0)


@ONCE
def test_what_takes_too_long_at_the_end_is_given_back(service, admin, judging, monkeypatch):
    item = sent(admin)
    begun, closed = threading.Event(), threading.Event()

    def hold(_):
        begun.set()
        closed.wait(30)  # As a decoder that is ended.

    during(judging, monkeypatch, hold)
    close = judging.close
    monkeypatch.setattr(judging, "close", lambda: (closed.set(), close()))
    worker = Worker(service, judging, threads=1, idle=0.05)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), kwargs={"patience": 0.0})
    thread.start()
    assert begun.wait(30)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    with service.store.read() as connection:
        (job,) = jobs.of_item(connection, item)
    assert (job.state, job.attempts) == ("ready", 0)
    assert admin.get(f"/v1/items/{item}").json()["history"] == []


def test_a_lease_is_kept_while_the_work_lasts(service, admin, judging, clock, monkeypatch):
    item = sent(admin)
    worker = Worker(service, judging, threads=1, idle=0.05)
    leases = []

    def outlast(_):
        for _ in range(3):
            clock.pass_by(int(0.9 * service.settings.lease * SECOND))
            for held in worker._held.values():
                held.beaten -= service.settings.lease
            worker._beat()
            with service.store.write() as connection:
                leases.append(jobs.requeue(connection, now=clock.now))

    during(judging, monkeypatch, outlast)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    wait_for(service, item)
    stop.set()
    thread.join(30)
    assert leases == [(0, 0)] * 3
    assert admin.get(f"/v1/items/{item}").json()["action"] == "allow"


def test_an_item_that_ends_its_workers_is_put_aside(service, admin, judging, clock):
    item = sent(admin)
    for attempt in range(jobs.MAX_ATTEMPTS):
        with service.store.write() as connection:
            jobs.requeue(connection, now=clock.now)
        with service.store.write() as connection:
            assert jobs.lease(
                connection, worker=f"w{attempt}", kinds=["judge"], seconds=1, now=clock.now
            )
        clock.pass_by(LATER)
    with working(service, judging):
        wait_until(lambda: admin.get(f"/v1/items/{item}").json()["state"] == "failed")
    with service.store.read() as connection:
        assert "the worker died" in items.get(connection, item).error


def test_more_urgent_items_come_first(service, admin, judging, monkeypatch):
    order = []
    during(judging, monkeypatch, lambda item: order.append(item.priority))
    ids = [
        send(admin, wait=None, item=f'{{"priority": {priority}}}').json()["id"]
        for priority in (3, 5, 9, 0)
    ]
    with working(service, judging):
        for item in ids:
            wait_for(service, item)
    assert order == [9, 5, 3, 0]


@ONCE
def test_a_worker_says_that_it_cannot_work(service, judging, monkeypatch):
    def away(*given, **rest):
        raise OSError("no database")

    with working(service, judging):
        assert service.checks["workers"]() is None
        monkeypatch.setattr("tidegate.store.due.due_at", away)
        wait_until(lambda: service.checks["workers"]() is not None)
        monkeypatch.undo()
        wait_until(lambda: service.checks["workers"]() is None)


def settled(service, item):
    """Wait until nobody works on an item."""
    wait_until(lambda: not _under_way(service, item))


def _under_way(service, item):
    with service.store.read() as connection:
        found = jobs.of_item(connection, item)
    return any(
        job.state == "leased" or (job.state == "ready" and job.run_at <= service.clock())
        for job in found
    )


def wait_until(holds):
    pause = threading.Event()
    for _ in range(3000):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it never came to that")
