"""Many at once, and some that are killed: all work is done, each once, and no lock is met."""

import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.store.making import NOW, accept, new_item
from tidegate.store import clock, ids, items, jobs, outbox
from tidegate.store.idempotency import Claim
from tidegate.store.tables import decisions as decided
from tidegate.store.tables import items as items_table
from tidegate.store.tables import jobs as jobs_table
from tidegate.store.verify import verify


@pytest.fixture
def start(database):
    """Starts workers, and ends those that a test has left."""
    started = []

    def start(how="work"):
        arguments = [sys.executable, "-m", "tests.store.worker", database.url, database.data, how]
        started.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def fill(store, count):
    with store.write() as connection:
        return [accept(connection, n, now=clock.now()) for n in range(count)]


def kill(process, said):
    """Kill a worker as soon as it has said something, wherever it is by then."""
    for line in said:
        assert process.stdout.readline().strip() == line
    process.kill()
    process.wait()


def finish(process):
    assert process.wait(timeout=120) == 0


def assert_each_was_done_once(store, made):
    with store.read() as connection:
        assert jobs.depth(connection, now=clock.now()) == []
        assert {i.state for i in items.page(connection, items.Filter(), limit=999).items} == {
            "judged"
        }
        of_item = connection.execute(sa.select(decided.c.item)).scalars()
        assert Counter(of_item) == dict.fromkeys(made, 1)
        sent = outbox.of_target(connection, "hook", limit=999)
        assert Counter(message.item for message in sent) == dict.fromkeys(made, 1)
        found = verify(connection)
    assert found.problem is None
    # One row for each item that was accepted, one for each decision.
    assert found.rows == 2 * len(made)


def test_workers_share_the_work_and_do_each_job_once(store, start):
    made = fill(store, 60)
    for process in [start(), start(), start()]:
        finish(process)
    assert_each_was_done_once(store, made)


def test_workers_that_are_killed_lose_nothing_and_double_nothing(store, start):
    made = fill(store, 40)
    holding, middle = start("hold"), start("middle")
    # This one first: on SQLite nobody else writes while it hangs.
    kill(middle, ["in the middle"])
    kill(holding, ["holding"])
    kill(start(), ["done"] * 5)
    with store.write() as connection:
        # Their leases have run out, an hour later.
        again, dead = jobs.requeue(connection, now=clock.now() + clock.HOUR)
    assert again >= 6
    assert dead == 0
    finish(start())
    assert_each_was_done_once(store, made)


def test_jobs_of_one_item_are_never_leased_together(database):
    held, together = Counter(), []
    lock = threading.Lock()
    with database.open() as store:
        with store.write() as connection:
            made = [accept(connection, n) for n in range(3)]
            for item in made:
                for _ in range(7):
                    jobs.add(connection, "judge", item=item, now=NOW)

        def work(name):
            while True:
                with store.write() as connection:
                    leased = jobs.lease(
                        connection, worker=name, kinds=["judge"], seconds=60, now=NOW, count=2
                    )
                with lock:
                    held.update(job.item for job in leased)
                    together.extend(item for item, count in held.items() if count > 1)
                for job in leased:
                    with lock:
                        held[job.item] -= 1
                    with store.write() as connection:
                        jobs.finish(connection, job, now=NOW)
                with store.read() as connection:
                    if not jobs.depth(connection, now=NOW):
                        return

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(work, "abcdef"))
    assert together == []


def test_the_same_request_at_the_same_time_makes_one_item(store):
    start = threading.Barrier(6)

    def send(_):
        start.wait()
        claim = Claim("key:1", "same", "request")
        with store.write() as connection:
            return items.accept(connection, new_item(), actor="key:1", now=NOW, claim=claim)

    with ThreadPoolExecutor(6) as threads:
        accepted = list(threads.map(send, range(6)))
    assert len({item.id for item in accepted}) == 1
    assert sum(item.new for item in accepted) == 1


def test_senders_keep_the_order_of_each_item(store):
    with store.write() as connection:
        made = [accept(connection, n) for n in range(4)]
        for _ in range(5):
            for item in made:
                outbox.append(connection, target="hook", event="e", item=item, body={}, now=NOW)
    arrived, lock = [], threading.Lock()

    def send(name):
        while True:
            with store.write() as connection:
                messages = outbox.take(
                    connection, target="hook", sender=name, seconds=600, limit=2, now=NOW
                )
            for message in messages:
                with lock:
                    arrived.append((message.item, message.sequence))
                with store.write() as connection:
                    outbox.delivered(connection, message, status=200, seconds=0.0, now=NOW)
            with store.read() as connection:
                if not outbox.backlog(connection):
                    return

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(send, (ids.new() for _ in range(4))))
    for item in made:
        assert [sequence for found, sequence in arrived if found == item] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_who_gives_on_lost_leases_waits_for_nobody_who_is_about_to_end_one(store):
    # The worker has the item and wants the job; with the job taken, each would wait for the other.
    (item,) = fill(store, 1)
    with store.write() as connection:
        (job,) = jobs.lease(
            connection, worker="w", kinds=["judge"], seconds=1, now=clock.now() + clock.HOUR
        )
        connection.execute(sa.update(jobs_table).values(attempts=job.max_attempts))
    late = clock.now() + clock.DAY
    with store.write() as worker:
        items.hold(worker, item)
        with store.write() as keeper:
            assert jobs.requeue(keeper, now=late) == (0, 0)
            jobs.finish(worker, job, now=late)
    with store.write() as keeper:
        assert jobs.requeue(keeper, now=late) == (0, 0)
        assert jobs.get(keeper, job.id).state == "done"


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_who_gives_on_lost_leases_has_their_items(store):
    fill(store, 1)
    with store.write() as connection:
        jobs.lease(connection, worker="w", kinds=["judge"], seconds=1, now=clock.now())
    with store.write() as keeper:
        assert jobs.requeue(keeper, now=clock.now() + clock.DAY) == (1, 0)
        with store.write() as other:
            # Locked: others pass it over.
            locked = sa.select(items_table.c.id).with_for_update(key_share=True, skip_locked=True)
            assert other.execute(locked).all() == []
