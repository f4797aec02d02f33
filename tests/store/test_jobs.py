import pytest

from tests.store.making import NOW, accept
from tidegate.store import due, items, jobs
from tidegate.store.clock import SECOND
from tidegate.store.error import InvalidError, LeaseLostError, MissingError

SECONDS = 30


def add(store, kind="judge", **options):
    with store.write() as connection:
        return jobs.add(connection, kind, **{"now": NOW, **options})


def lease(store, worker="w", *, kinds=("judge",), now=NOW, count=1):
    with store.write() as connection:
        return jobs.lease(
            connection, worker=worker, kinds=kinds, seconds=SECONDS, now=now, count=count
        )


def change(store, change_job, *args, **options):
    with store.write() as connection:
        return change_job(connection, *args, **options)


def get(store, job):
    with store.read() as connection:
        return jobs.get(connection, job)


def test_a_job_is_ready_then_leased_then_done(store):
    added = add(store, payload={"a": [1, "ä"]}, run_at=NOW + 5)
    assert lease(store) == []
    (job,) = lease(store, now=NOW + 5)
    assert (job.id, job.payload, job.attempts, job.worker) == (added, {"a": [1, "ä"]}, 1, "w")
    assert job.lease_until == NOW + 5 + SECONDS * SECOND
    assert lease(store, now=NOW + 5) == []
    change(store, jobs.finish, job, now=NOW + 9)
    assert (get(store, added).state, get(store, added).ended_at) == ("done", NOW + 9)


def test_high_priorities_come_first_then_what_has_waited_longest(store):
    made = [
        add(store, priority=priority, run_at=NOW - waited)
        for priority, waited in ((5, 1), (9, 0), (0, 99), (5, 2), (9, 3))
    ]
    assert [made.index(job.id) for job in lease(store, count=3)] == [4, 1, 3]
    assert [made.index(job.id) for job in lease(store, count=3)] == [0, 2]


def test_only_the_kinds_that_are_asked_for(store):
    add(store, "other")
    assert lease(store) == []
    assert len(lease(store, kinds=("judge", "other"))) == 1


def test_one_job_of_an_item_is_leased_at_a_time(store):
    with store.write() as connection:
        item = accept(connection)
        for _ in range(3):
            jobs.add(connection, "judge", item=item, now=NOW)
        other = accept(connection, 2)
    both = lease(store, count=5) + lease(store, count=5)
    assert [job.item for job in both] == [item, other]
    change(store, jobs.finish, both[0], now=NOW)
    assert [job.item for job in lease(store, count=5)] == [item]


def test_an_item_that_is_locked_holds_up_no_other(store):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    with store.write() as connection:
        first, second = accept(connection), accept(connection, 2)
    with store.write() as connection:
        items.hold(connection, first)
        assert [job.item for job in lease(store)] == [second]


def test_the_same_dedupe_makes_one_job(store):
    assert add(store, dedupe="x")
    assert add(store, dedupe="x") is None
    (job,) = lease(store, count=9)
    change(store, jobs.finish, job, now=NOW)
    assert add(store, dedupe="x") is None


def test_whoever_has_lost_a_lease_is_told(store):
    add(store)
    (job,) = lease(store)
    late = NOW + SECONDS * SECOND + 1
    assert change(store, jobs.requeue, now=late) == (1, 0)
    (again,) = lease(store, "other", now=late)
    for lost in (
        lambda c: jobs.beat(c, job, seconds=SECONDS, now=late),
        lambda c: jobs.finish(c, job, now=late),
        lambda c: jobs.fail(c, job, "", now=late),
        lambda c: jobs.bury(c, job, "", now=late),
        lambda c: jobs.release(c, job),
    ):
        with pytest.raises(LeaseLostError):
            change(store, lost)
    change(store, jobs.finish, again, now=late)


def test_a_beat_keeps_a_lease(store):
    add(store)
    (job,) = lease(store)
    late = NOW + SECONDS * SECOND
    change(store, jobs.beat, job, seconds=SECONDS, now=late)
    assert change(store, jobs.requeue, now=late + 1) == (0, 0)
    change(store, jobs.finish, job, now=late + 1)


def test_a_job_that_fails_waits_longer_each_time_and_is_dead_in_the_end(store):
    added = add(store, max_attempts=4)
    waits, now = [], NOW
    while True:
        (job,) = lease(store, now=now)
        if change(store, jobs.fail, job, "a \0 b", now=now, jitter=0.0) == "dead":
            break
        found = get(store, added)
        waits.append((found.run_at - now) / SECOND)
        now = found.run_at
    assert waits == [1.0, 2.0, 4.0]
    found = get(store, added)
    assert (found.state, found.attempts, found.error) == (
        "dead",
        4,
        "a \N{REPLACEMENT CHARACTER} b",
    )
    with store.read() as connection:
        assert jobs.dead(connection, limit=9) == [found]
    change(store, jobs.revive, added, now=now)
    assert lease(store, now=now)[0].attempts == 1
    with pytest.raises(MissingError):
        change(store, jobs.revive, added, now=now)


def test_jobs_that_fail_together_do_not_come_back_together(store):
    added = [add(store) for _ in range(20)]
    for job in lease(store, count=20):
        change(store, jobs.fail, job, "", now=NOW)
    waits = {(get(store, job).run_at - NOW) / SECOND for job in added}
    assert len(waits) == 20
    assert 1.0 <= min(waits) < max(waits) < 2.0


def test_a_job_that_ends_its_workers_is_dead_in_the_end(store):
    added = add(store, max_attempts=2)
    late = NOW
    for expected in ((1, 0), (0, 1)):
        lease(store, now=late)
        late += SECONDS * SECOND + 1
        assert change(store, jobs.requeue, now=late) == expected
    assert "the worker died" in get(store, added).error


def test_a_job_that_is_given_back_has_lost_no_attempt(store):
    add(store, max_attempts=1)
    (job,) = lease(store)
    change(store, jobs.release, job)
    assert lease(store)[0].attempts == 1


def test_a_job_can_be_buried_with_its_reason(store):
    add(store)
    (job,) = lease(store)
    change(store, jobs.bury, job, "no such model", now=NOW)
    assert (get(store, job.id).state, get(store, job.id).error) == ("dead", "no such model")


def test_depth_tells_how_much_waits_and_for_how_long(store):
    for waited in (3, 7, -5):
        add(store, run_at=NOW - waited * SECOND)
    add(store, "other")
    lease(store, kinds=("other",))
    with store.read() as connection:
        assert [(d.kind, d.state, d.count, d.oldest) for d in jobs.depth(connection, now=NOW)] == [
            ("judge", "ready", 3, 7 * SECOND),
            ("other", "leased", 1, 0),
        ]


def test_jobs_that_are_done_can_be_forgotten(store):
    add(store)
    add(store)
    (job,) = lease(store)
    change(store, jobs.finish, job, now=NOW)
    assert change(store, jobs.purge, NOW) == 0
    assert change(store, jobs.purge, NOW + 1) == 1
    assert len(lease(store)) == 1


def test_what_cannot_be_a_job_is_refused(store):
    for wrong in (
        {"kind": ""},
        {"priority": -1},
        {"max_attempts": 0},
        {"payload": {"a": "x" * jobs.LARGEST_PAYLOAD}},
    ):
        with pytest.raises(InvalidError):
            add(store, **wrong)


def steps(store, ask):
    """Return how many instructions SQLite's machine takes to answer what a worker asks."""
    with store.write() as connection:
        driver, count = connection.connection.driver_connection, [0]

        def counted():
            count[0] += 1

        driver.set_progress_handler(counted, 1)
        ask(connection)
        driver.set_progress_handler(None, 1)
        connection.rollback()
    return count[0]


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: jobs.lease(c, worker="w", kinds=("judge",), seconds=SECONDS, now=NOW),
        lambda c: due.due_at(c, ("judge",)),
        lambda c: jobs.requeue(c, now=NOW),
    ],
    ids=["lease", "due", "requeue"],
)
def test_taking_work_costs_no_more_where_much_waits(store, ask):
    if store.dialect != "sqlite":
        pytest.skip("it counts the steps of SQLite")
    with store.write() as connection:
        for number in range(10):
            jobs.add(connection, "judge", item=accept(connection, number), now=NOW + number)
    few = steps(store, ask)
    with store.write() as connection:
        for number in range(2000):
            jobs.add(connection, "judge", now=NOW + number)
    assert steps(store, ask) < 1.5 * few
