"""Work to be done, at least once, in the database that it changes.

A job is *ready*, then *leased* by a worker for a while, then *done*, or after too many
failures *dead*, with the reason. A worker that dies loses its lease by the clock
(:func:`requeue`). What a job does and :func:`finish` belong in one transaction: a worker
that has lost its lease meanwhile is told so there, and what it did is undone. So effects
in the database come about exactly once.

Of one item, one job is leased at a time. Higher priorities come first, then what has
waited longest.
"""

from collections.abc import Collection
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import bell, ids
from tidegate.store.backoff import delay, jitter_of
from tidegate.store.clock import span
from tidegate.store.error import InvalidError, LeaseLostError, MissingError
from tidegate.store.tables import items, jobs
from tidegate.store.text import check, cut
from tidegate.store.upsert import insert_new

State = Literal["ready", "leased", "done", "dead"]

READY, LEASED = (jobs.c.state == sa.literal_column(f"'{state}'") for state in ("ready", "leased"))
"""Conditions with the state written out: of one that is a parameter, no planner knows that the
index of jobs in this state will do."""

PRIORITIES = range(10)
"""0 comes last, 9 first; 5 where nobody says."""

MAX_ATTEMPTS = 8
"""Leases of a job before it is dead."""

FIRST_DELAY, LONGEST_DELAY = 2.0, 600.0
"""Seconds before a job that failed is tried again: after the first failure, and at most."""

LARGEST_PAYLOAD = 1 << 16
"""Bytes of a payload at most."""

_TRIES = 8
"""Times that a lease looks further because the items that it met were locked."""


class Job(Value, frozen=True, kw_only=True):
    """A job, as it is now.

    Attributes:
        id: Its id.
        kind: What is to be done.
        item: To which item, or ``None``.
        payload: The particulars.
        priority: 0 to 9; higher comes first.
        run_at: Not before.
        state: Where it stands.
        attempts: How often it was leased.
        max_attempts: How often it may be.
        lease: Names this lease; ``None`` where there is none.
        lease_until: When the lease runs out.
        worker: Who has it, or had it last.
        error: Why it failed last, or is dead.
        dedupe: At most one job ever has the same.
        created_at: When it was added.
        ended_at: When it was done or dead.
    """

    id: str
    kind: str
    item: str | None
    payload: dict[str, Any]
    priority: int
    run_at: int
    state: State
    attempts: int
    max_attempts: int
    lease: str | None
    lease_until: int | None
    worker: str | None
    error: str | None
    dedupe: str | None
    created_at: int
    ended_at: int | None


class Depth(Value, frozen=True, kw_only=True):
    """How much work of a kind there is.

    Attributes:
        kind: Which.
        state: ``ready``, ``leased`` or ``dead``.
        count: How many jobs.
        oldest: Microseconds that the one that waits longest has been due; 0 where none is.
    """

    kind: str
    state: State
    count: int
    oldest: int


def add(
    connection: Connection,
    kind: str,
    *,
    now: int,
    item: str | None = None,
    payload: dict[str, Any] | None = None,
    priority: int = 5,
    run_at: int | None = None,
    max_attempts: int = MAX_ATTEMPTS,
    dedupe: str | None = None,
) -> str | None:
    """Add a job, and wake a worker when the transaction is committed.

    Returns:
        Its id, or ``None`` where there is or was a job with the same ``dedupe``.

    Raises:
        InvalidError: A value is out of its range.
    """
    check("kind", kind, 100)
    if priority not in PRIORITIES:
        raise InvalidError(f"priority is 0 to {PRIORITIES[-1]}, not {priority}")
    if max_attempts < 1:
        raise InvalidError(f"a job has at least one attempt, not {max_attempts}")
    written = msgspec.json.encode(payload or {})
    if len(written) > LARGEST_PAYLOAD:
        raise InvalidError(f"a job's payload has {LARGEST_PAYLOAD} bytes at most")
    job = ids.new()
    values = {
        "id": job,
        "kind": kind,
        "item": item,
        "payload": written.decode(),
        "priority": priority,
        "run_at": now if run_at is None else run_at,
        "state": "ready",
        "attempts": 0,
        "max_attempts": max_attempts,
        "dedupe": dedupe,
        "created_at": now,
    }
    if not insert_new(connection, jobs, values, key=["dedupe"]):
        return None
    bell.ring(connection, "jobs")
    return job


def lease(
    connection: Connection,
    *,
    worker: str,
    kinds: Collection[str],
    seconds: float,
    now: int,
    count: int = 1,
) -> list[Job]:
    """Take jobs that are due, at most one of each item.

    Args:
        connection: Of a transaction that should do nothing else, end soon, and need not be
            durable.
        worker: Who takes them.
        kinds: Which kinds.
        seconds: For how long; :func:`beat` makes it longer.
        now: The present.
        count: How many at most.

    Returns:
        The jobs, the most urgent first; none where there is nothing to do.
    """
    chosen: list[str] = []
    met: set[str] = set()
    for _ in range(_TRIES):
        asked: dict[str, Any] = {"now": now, "kinds": [*kinds], "count": count}
        query = _DUE
        if met or chosen:
            query, asked = _OTHERS_DUE, asked | {"chosen": chosen, "met": [*met]}
        found = connection.execute(query, asked).all()
        first: dict[str, str] = {}
        for row in found:
            first.setdefault(row.item or row.id, row.id)
        wanted = {row.item for row in found if row.item is not None}
        held = _hold(connection, wanted)
        chosen += [job for key, job in first.items() if key in held or key not in wanted]
        met |= wanted
        if len(chosen) >= count or len(found) < count:
            break
    if not chosen:
        return []
    # Most urgent first, as they were found; more than asked for are left to others.
    chosen = chosen[:count]
    values = {"lease": ids.new(), "lease_until": now + span(seconds), "worker": worker}
    taken = connection.execute(_TAKEN, {"chosen": chosen} | values).mappings()
    leased = [_job(row) for row in taken]
    return sorted(leased, key=lambda job: (-job.priority, job.run_at, job.id))


def beat(connection: Connection, job: Job, *, seconds: float, now: int) -> None:
    """Keep a lease for another while.

    Raises:
        LeaseLostError: It was lost: stop working.
    """
    _change(connection, job, lease_until=now + span(seconds))


def finish(connection: Connection, job: Job, *, now: int) -> None:
    """Say that a job is done, in the transaction that holds what it did.

    Raises:
        LeaseLostError: The lease was lost: let the transaction be undone.
    """
    mine = {"of": job.id, "by": job.lease, "now": now}
    _mine(job, connection.execute(_ENDED, mine).rowcount)


def fail(
    connection: Connection, job: Job, error: str, *, now: int, jitter: float | None = None
) -> State:
    """Say that a job failed: it is tried again later, or dead where that was its last attempt.

    Args:
        connection: Of the transaction.
        job: As it was leased.
        error: Why, in words.
        now: The present.
        jitter: In [0, 1), or ``None`` for one that follows from the job's id and attempt.

    Returns:
        ``ready`` or ``dead``.

    Raises:
        LeaseLostError: The lease was lost.
    """
    if job.attempts >= job.max_attempts:
        bury(connection, job, error, now=now)
        return "dead"
    wait = delay(
        job.attempts,
        first=FIRST_DELAY,
        longest=LONGEST_DELAY,
        jitter=jitter_of(job.id, job.attempts) if jitter is None else jitter,
    )
    _change(connection, job, state="ready", run_at=now + wait, error=cut(error), **_NO_LEASE)
    return "ready"


def bury(connection: Connection, job: Job, reason: str, *, now: int) -> None:
    """Say that a job can never be done.

    Raises:
        LeaseLostError: The lease was lost.
    """
    _change(connection, job, state="dead", ended_at=now, error=cut(reason), **_NO_LEASE)


def release(connection: Connection, job: Job) -> None:
    """Give a job back untouched, as a worker that is told to stop does. No attempt is counted.

    Raises:
        LeaseLostError: The lease was lost.
    """
    _change(connection, job, state="ready", attempts=jobs.c.attempts - 1, **_NO_LEASE)
    bell.ring(connection, "jobs")


def requeue(connection: Connection, *, now: int) -> tuple[int, int]:
    """Give on the jobs whose leases ran out: to be called now and then, by anybody.

    A job that has ended the lives of as many workers as it has attempts is dead: it may be
    what ends them. The items of all these jobs are locked until the transaction ends. A job
    whose item somebody else has locked is left for the next time: it is about to end.

    Returns:
        How many are ready again, and how many are dead.
    """
    over = (LEASED, jobs.c.lease_until < now)
    found = connection.execute(sa.select(jobs.c.id, jobs.c.item).where(*over)).all()
    held = _hold(connection, {item for _, item in found if item is not None})
    mine = [job for job, item in found if item is None or item in held]
    query = (
        sa.select(jobs.c.id, jobs.c.attempts >= jobs.c.max_attempts)
        .where(jobs.c.id.in_(mine), *over)
        .with_for_update(skip_locked=True)
    )
    lost = connection.execute(query).all() if mine else []
    again = [job for job, last in lost if not last]
    dead = [job for job, last in lost if last]
    if again:
        # At once: the lease was wait enough.
        values = {"state": "ready", "error": "the lease ran out", **_NO_LEASE}
        connection.execute(sa.update(jobs).where(jobs.c.id.in_(again)).values(values))
        bell.ring(connection, "jobs")
    if dead:
        reason = "the lease ran out at the last attempt: the worker died, or hung"
        values = {"state": "dead", "ended_at": now, "error": reason, **_NO_LEASE}
        connection.execute(sa.update(jobs).where(jobs.c.id.in_(dead)).values(values))
    return len(again), len(dead)


def revive(connection: Connection, job: str, *, now: int) -> None:
    """Make a dead job ready again, with all its attempts before it.

    Raises:
        MissingError: There is no such dead job.
    """
    changed = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == job, jobs.c.state == "dead")
        .values(state="ready", attempts=0, run_at=now, ended_at=None)
    )
    if not changed.rowcount:
        raise MissingError(f"there is no dead job {job:.40}")
    bell.ring(connection, "jobs")


def get(connection: Connection, job: str) -> Job | None:
    """Return a job, or ``None`` where there is none."""
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job)).mappings().first()
    return None if row is None else _job(row)


def of_item(connection: Connection, item: str) -> list[Job]:
    """Return the jobs of an item that are not done, oldest first."""
    query = sa.select(jobs).where(jobs.c.item == item, jobs.c.state != "done")
    return [_job(row) for row in connection.execute(query.order_by(jobs.c.id)).mappings()]


def dead(connection: Connection, *, limit: int) -> list[Job]:
    """Return dead jobs, the last to die first."""
    # All of them have ended; said so, the index of those that have will do.
    query = sa.select(jobs).where(jobs.c.state == "dead", jobs.c.ended_at.is_not(None))
    query = query.order_by(jobs.c.ended_at.desc(), jobs.c.id.desc()).limit(limit)
    return [_job(row) for row in connection.execute(query).mappings()]


def depth(connection: Connection, *, now: int) -> list[Depth]:
    """Return how much work there is that is not done, by kind and state."""
    query = (
        sa.select(jobs.c.kind, jobs.c.state, sa.func.count(), sa.func.min(jobs.c.run_at))
        .where(jobs.c.state != "done")
        .group_by(jobs.c.kind, jobs.c.state)
        .order_by(jobs.c.kind, jobs.c.state)
    )
    return [
        Depth(
            kind=kind,
            state=state,
            count=count,
            oldest=max(now - since, 0) if state == "ready" else 0,
        )
        for kind, state, count, since in connection.execute(query)
    ]


def purge(connection: Connection, before: int) -> int:
    """Forget jobs that were done before a time; return how many. Dead ones stay."""
    query = sa.delete(jobs).where(jobs.c.state == "done", jobs.c.ended_at < before)
    return connection.execute(query).rowcount


_busy = jobs.alias()

_IDLE = ~sa.exists().where(_busy.c.item == jobs.c.item, _busy.c.state == "leased")


def _many(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name, expanding=True)


# Made once: workers ask all the time.
_DUE = (
    sa.select(jobs.c.id, jobs.c.item)
    .where(
        READY,
        jobs.c.run_at <= sa.bindparam("now"),
        jobs.c.kind.in_(_many("kinds")),
        sa.or_(jobs.c.item.is_(None), _IDLE),
    )
    .order_by(jobs.c.priority.desc(), jobs.c.run_at, jobs.c.id)
    .limit(sa.bindparam("count"))
    .with_for_update(skip_locked=True)
)

# When the first look met items that were locked: the next ones.
_OTHERS_DUE = _DUE.where(
    jobs.c.id.not_in(_many("chosen")),
    sa.or_(jobs.c.item.is_(None), jobs.c.item.not_in(_many("met"))),
)

_TAKEN = (
    sa.update(jobs)
    # Looked at again: this statement sees what was committed before the items were held.
    .where(jobs.c.id.in_(_many("chosen")), sa.or_(jobs.c.item.is_(None), _IDLE))
    .values(
        state="leased",
        lease=sa.bindparam("lease"),
        lease_until=sa.bindparam("lease_until"),
        worker=sa.bindparam("worker"),
        attempts=jobs.c.attempts + 1,
    )
    .returning(jobs)
)

_NO_LEASE: dict[str, Any] = {"lease": None, "lease_until": None}

_ENDED = (
    sa.update(jobs)
    .where(
        jobs.c.id == sa.bindparam("of"),
        jobs.c.state == "leased",
        jobs.c.lease == sa.bindparam("by"),
    )
    .values(state="done", ended_at=sa.bindparam("now"), **_NO_LEASE)
)


def _hold(connection: Connection, wanted: Collection[str]) -> set[str]:
    """Lock items that nobody else has locked, until the transaction ends; return which.

    Whoever leases jobs of an item holds it, so no two do at the same time. SQLite needs
    none of this: there is one writer.
    """
    if connection.dialect.name == "sqlite" or not wanted:
        return set(wanted)
    query = sa.select(items.c.id).where(items.c.id.in_(wanted))
    locked = query.with_for_update(key_share=True, skip_locked=True)
    return set(connection.execute(locked).scalars())


def _change(connection: Connection, job: Job, **values: Any) -> None:
    mine = (jobs.c.id == job.id, jobs.c.state == "leased", jobs.c.lease == job.lease)
    _mine(job, connection.execute(sa.update(jobs).where(*mine).values(values)).rowcount)


def _mine(job: Job, changed: int) -> None:
    if not changed:
        raise LeaseLostError(f"job {job.id} is no longer leased by {job.worker}")


def _job(row: Any) -> Job:
    return Job(**{**row, "payload": msgspec.json.decode(row["payload"])})
