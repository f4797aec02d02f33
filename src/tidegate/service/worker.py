"""Work, taken from the database and done there: at least once, with effects exactly once.

A job is leased, and kept while it is worked on by a thread that does nothing else. What it
comes to is recorded in one transaction with its end, so a worker that dies at any moment has
done all of it or nothing, and its job is given on when the lease has run out.

On SQLite, which has one writer, what is judged quickly is recorded a few jobs at a time: the
transaction that ends them leases as many, where so many wait. Where one of them turns out to take
long, those before it are recorded and those after it given back, by another thread.

An item that cannot be judged is decided all the same, by what the policy says of the unknown.
Only what is wrong with the machine, the network or the database is tried again, and in the end
put aside with the reason.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection

from tidegate.evidence import Action, Decision
from tidegate.matching import BankError
from tidegate.service import alarms
from tidegate.service.batch import Batch, Judged, Work
from tidegate.service.fetch_error import FetchError
from tidegate.service.judging import Judging
from tidegate.service.state import Service
from tidegate.store import bell, breakers, due, idempotency, items, jobs, media
from tidegate.store.bell import Bell
from tidegate.store.clock import DAY, SECOND
from tidegate.store.error import LeaseLostError, StateError, StoreError
from tidegate.store.jobs import Job

logger = logging.getLogger(__name__)

KINDS = (items.JUDGE,)
"""What there is to do."""

IDLE = 1.0
"""Seconds after which a worker looks for work that no bell told it of, and whether to stop."""

_BLOCKED = 0.25
"""Seconds before what is due but cannot be leased yet is tried again: its item is worked on."""

_TIDY = 3600.0
"""Seconds between two sweeps of what nobody needs any more."""

_KEPT = 7 * DAY
"""How long jobs that are done and idempotency keys are remembered."""

PATIENCE = 20.0
"""Seconds that what is under way may take at the end."""

_RETRY = 1.0
"""Seconds before a database that cannot be used is tried again."""

MOST = 4
"""Jobs of a batch at most."""

QUICK = 0.05
"""Seconds that a job of a batch takes on average, at most: else the next batch is of one job."""

LONG = 0.25
"""Seconds after which those that share a batch with a job wait for it no longer."""


class Worker:
    """Does the work of the database with some threads.

    Args:
        service: What this process has open.
        judging: Judges items; closed when the worker ends. By default with the models that are
            installed.
        threads: Jobs at once; by default as the settings say, and one at least.
        idle: Seconds after which it looks for work that no bell told it of.
        name: Of this worker, for the record; by default the machine's and the process's.
        judged: Is told of each decision, and in how many seconds it was made; by default the
            meters of this process are.

    Attributes:
        name: See above.

    Raises:
        ManifestError: The weights of a model are missing or altered.
    """

    def __init__(
        self,
        service: Service,
        judging: Judging | None = None,
        *,
        threads: int | None = None,
        idle: float = IDLE,
        name: str | None = None,
        judged: Callable[[Action, float], None] | None = None,
    ) -> None:
        self.name = (name or f"{socket.gethostname()}:{os.getpid()}")[:100]
        self._threads = threads or max(1, service.settings.workers)
        self._judging = judging or Judging(
            service.store, service.sources, service.replica, threads=self._threads
        )
        self._store = service.store
        self._room = service.room
        self._judged = judged or service.meters.judged
        self._lease = service.settings.lease
        self._idle = idle
        self._now = service.clock
        self._held: dict[str, _Held] = {}
        self._batches: set[Batch] = set()
        # With a database that has more writers, those that share a transaction could lock what
        # each other's need in another order than the store's.
        self._most = MOST if self._store.dialect == "sqlite" else 1
        self._free = threading.Semaphore(self._threads)
        self._problem: str | None = None
        service.checks["workers"] = lambda: self._problem

    def run(self, stop: threading.Event, *, patience: float = PATIENCE) -> None:
        """Work until told to stop; then end what is under way.

        Args:
            stop: Says so.
            patience: Seconds that what is under way may take. What takes longer is given up,
                and its job given back.

        Raises:
            StoreError: The database cannot be reached at the start.
        """
        over = threading.Event()
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="tidegate-worker")
        helpers = [
            threading.Thread(target=self._keep, args=(over,), name="tidegate-leases"),
            threading.Thread(target=self._tidy, args=(over,), name="tidegate-tidy"),
        ]
        try:
            with self._store.bell("jobs") as rung:
                for helper in helpers:
                    helper.start()
                while not stop.is_set():
                    self._hand_out(rung, pool, stop, over)
                until = time.monotonic() + patience
                while self._held and time.monotonic() < until:
                    self._relieve()
                    time.sleep(0.01)
        finally:
            # Whoever still works finds its decoder gone, and gives its job back.
            over.set()
            while self._held:
                self._judging.close()
                time.sleep(0.05)
            pool.shutdown()
            self._judging.close()
            for helper in helpers:
                if helper.ident is not None:
                    helper.join()

    def _hand_out(
        self,
        rung: Bell,
        pool: ThreadPoolExecutor,
        stop: threading.Event,
        over: threading.Event,
    ) -> None:
        """Lease jobs for the threads that are free, or wait for either."""
        self._relieve()
        if not self._free.acquire(timeout=min(self._idle, LONG)):
            return
        free = 1
        while self._free.acquire(blocking=False):
            free += 1
        if stop.is_set():
            self._free.release(free)
            return
        leased: list[Work] = []
        try:
            with self._store.read() as connection:
                due_at = due.due_at(connection, KINDS)
            wait = self._idle if due_at is None else (due_at - self._now()) / SECOND
            if wait > 0:
                rung.wait(min(wait, self._idle))
            else:
                with self._store.write() as connection:
                    leased = self._leased(connection, free)
                if not leased:
                    stop.wait(_BLOCKED)
            self._problem = None
        except Exception:
            # The database is away, or restarts. Nothing is lost: no job is anybody's.
            logger.exception("no work can be taken")
            self._problem = "no work can be taken from the database"
            stop.wait(_RETRY)
        for work in leased:
            self._take(work)
            pool.submit(self._work, work, stop, over)
        if free > len(leased):
            self._free.release(free - len(leased))

    def _leased(self, connection: Connection, count: int) -> list[Work]:
        leased = jobs.lease(
            connection,
            worker=self.name,
            kinds=KINDS,
            seconds=self._lease,
            now=self._now(),
            count=count,
        )
        return [Work.of(connection, job) for job in leased]

    def _take(self, work: Work) -> None:
        self._held[work.job.id] = _Held(work.job, time.monotonic())

    def _work(self, first: Work, stop: threading.Event, over: threading.Event) -> None:
        """Do a job, and those that come with the end of each batch."""
        batch = Batch([first])
        self._batches.add(batch)
        try:
            while (work := batch.begin()) is not None:
                if work.job.attempts > 1:
                    # It may be what ended its workers. That is not to be held against others.
                    self._relieve_of(batch)
                self._judge(work, batch, over)
                if stop.is_set():
                    self._relieve_of(batch)
                elif batch.all_begun and (judged := batch.judged()):
                    ahead = self._most if batch.pace() < QUICK else 1
                    batch.extend(self._end(judged, ahead))
        finally:
            self._batches.discard(batch)
            self._free.release()

    def _judge(self, work: Work, batch: Batch, over: threading.Event) -> None:
        """Judge the item of a job, to be recorded with the others of its batch."""
        judged = Judged(work, time.perf_counter())
        job, item = work
        try:
            if item.state != "deleted":
                known = self._judging.found(
                    item,
                    last=job.attempts >= job.max_attempts,
                    # Others may wait for what this batch holds, and this one for what they hold.
                    before_waiting=lambda: self._record_judged(batch),
                )
                judged.found = judged.until_recorded.enter_context(known)
            if over.is_set():
                self._give_back([work])
                judged.until_recorded.close()
            else:
                batch.add(judged)
        except Exception as error:
            judged.until_recorded.close()
            self._failed(job, error)

    def _end(self, together: Sequence[Judged], ahead: int = 0) -> list[Work]:
        """Record what jobs came to, say that they are done, and lease others, in one transaction.

        It raises nothing: a job that cannot be ended has failed.
        """
        made: list[Decision | None] = []
        following: list[Work] = []
        try:
            with self._store.write() as connection:
                made = [self._record(connection, judged) for judged in together]
                following = self._leased(connection, ahead) if ahead else []
        except Exception as error:
            # Nothing was kept. One may be at fault: it has failed, and the others have not. Where
            # it is the database, to wait for it once more for each of them helps nobody.
            if len(together) > 1 and type(error) is not StoreError:
                return [work for judged in together for work in self._end([judged], min(ahead, 1))]
            for judged in together:
                self._failed(judged.work.job, error)
        for work in following:
            self._take(work)
        for judged in together:
            judged.until_recorded.close()
            self._held.pop(judged.work.job.id, None)
        for judged, decision in zip(together, made, strict=False):
            if decision is not None:
                self._judged(decision.action, time.perf_counter() - judged.began)
        return following

    def _record(self, connection: Connection, judged: Judged) -> Decision | None:
        job, item = judged.work
        now = self._now()
        decision = None
        if judged.found is not None:
            # An item whose media was deleted meanwhile is not decided any more.
            with suppress(StateError):
                decision = self._judging.record(
                    connection, item, judged.found, author=f"worker:{self.name}", now=now
                )
            bell.ring(connection, "judged", item.id)
        jobs.finish(connection, job, now=now)
        return decision

    def _relieve(self) -> None:
        """Let nobody wait for a job that takes long, but those who sent it."""
        for batch in list(self._batches):
            if batch.lasts() > LONG:
                self._relieve_of(batch)

    def _relieve_of(self, batch: Batch) -> None:
        """Record what a batch has judged, and give back what it has not begun."""
        self._record_judged(batch)
        if waiting := batch.waiting():
            self._give_back(waiting)

    def _record_judged(self, batch: Batch) -> None:
        if judged := batch.judged():
            self._end(judged)

    def _give_back(self, works: Sequence[Work]) -> None:
        try:
            with self._store.write() as connection:
                for work in works:
                    # Whose lease was lost is somebody else's already.
                    with suppress(LeaseLostError):
                        jobs.release(connection, work.job)
        except Exception:
            logger.exception("jobs are given on when their leases have run out")
        for work in works:
            self._held.pop(work.job.id, None)

    def _failed(self, job: Job, error: Exception) -> None:
        """Have a job tried again later, or put it aside where that was its last attempt."""
        if isinstance(error, LeaseLostError):
            logger.warning("%s: it took too long, and is done by another", error)
            self._held.pop(job.id, None)
            return
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, FetchError):  # A server elsewhere: nothing is wrong here.
            logger.info("job %s is tried again later: %s", job.id, reason)
        else:
            logger.error("job %s failed: %s", job.id, reason, exc_info=error)
        try:
            with self._store.write() as connection:
                state = jobs.fail(connection, job, reason, now=self._now())
                if state == "dead" and job.item is not None:
                    _given_up(connection, job.item, _told(error), self._now())
        except Exception:
            logger.exception("job %s is given on when its lease has run out", job.id)
        self._held.pop(job.id, None)

    def _keep(self, over: threading.Event) -> None:
        """Keep the leases of what takes long, and give on those of workers that died."""
        while True:
            try:
                self._beat()
                with self._store.write() as connection:
                    if jobs.requeue(connection, now=self._now())[1]:
                        _bury(connection, self._now())
            except Exception:
                logger.exception("leases cannot be kept")
            if over.wait(self._lease / 3):
                return

    def _beat(self) -> None:
        before = time.monotonic() - self._lease / 4
        long = [held for held in list(self._held.values()) if held.beaten < before]
        if not long:
            return
        with self._store.write() as connection:
            for held in long:
                # Whose lease was lost hears of it when it ends.
                with suppress(LeaseLostError):
                    jobs.beat(connection, held.job, seconds=self._lease, now=self._now())
                held.beaten = time.monotonic()

    def _tidy(self, over: threading.Event) -> None:
        """Remove now and then what nobody needs any more."""
        while not over.wait(_TIDY):
            try:
                self._room.sweep(lambda sha256: self._named(sha256, over))
                now = self._now()
                with self._store.write() as connection:
                    jobs.purge(connection, now - _KEPT)
                    idempotency.purge(connection, now - _KEPT)
                    breakers.purge(connection, now - 2 * DAY)
            except InterruptedError:
                return
            except Exception:
                logger.exception("what nobody needs cannot be removed")

    def _named(self, sha256: str, over: threading.Event) -> bool:
        if over.is_set():
            raise InterruptedError
        with self._store.read() as connection:
            return media.named(connection, sha256)


@dataclass
class _Held:
    """A job that is worked on, and when its lease was last made longer."""

    job: Job
    beaten: float


def _told(error: Exception) -> str:
    """Return what whoever reads items is told of an error: of those that are not ours, the name.

    They may speak of the inside, of paths and statements; the log has them whole.
    """
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, BankError) else f"internal error: {name}"


def _bury(connection: Connection, now: int) -> None:
    """Say of the items whose jobs have ended too many workers that they failed."""
    for job in jobs.dead(connection, limit=100):
        # Looked at first: of those that died before, none is locked.
        item = None if job.item is None else items.get(connection, job.item)
        if item is not None and item.state == "received":
            _given_up(connection, item.id, job.error or "", now)


def _given_up(connection: Connection, item: str, reason: str, now: int) -> None:
    """Note that an item cannot be judged, and tell so once."""
    before = items.hold(connection, item)
    if before.state == "received":
        alarms.failed(connection, before, reason, now=now)
        items.fail(connection, item, reason)
        bell.ring(connection, "judged", item)
