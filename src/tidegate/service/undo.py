"""Undoing what an entry of a bank has caused: each item is decided anew as if it had never met it.

A job does so, item by item, each in a transaction of its own with its decision, its alarms and
its row of the audit chain; what was done before a crash is not done again. Where the evidence
that is recorded does not suffice, because a model was not asked on account of the match, the item
is judged again. What a person has decided since stays.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from tidegate.policy import Program, parse
from tidegate.service import alarms, appealing, opening
from tidegate.store import audit, banks, decisions, due, items, jobs, policies
from tidegate.store.decisions import New
from tidegate.store.engine import Store
from tidegate.store.error import LeaseLostError, MissingError, StateError, StoreError
from tidegate.store.jobs import Job

logger = logging.getLogger(__name__)

KIND = "undo"

LEASE = 60.0
"""Seconds after which the job of a process that died is given on."""

PAGE = 50
"""Decisions that are looked at between two signs of life."""

IDLE = 1.0
"""Seconds between two looks for work. The bell of jobs rings for each item: it is not for this."""


class Undoing:
    """Does the jobs of this kind, one at a time.

    Args:
        store: The database.
        now: What time it is, in microseconds since 1970.
    """

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._worker = f"{socket.gethostname()}:{os.getpid()}:undo"

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop."""
        while not stop.is_set():
            try:
                done = self.step()
            except Exception:
                # The database is away, or restarts: the job is given on when its lease ends.
                logger.exception("an undo cannot go on")
                done = False
            if not done:
                stop.wait(IDLE)

    def step(self) -> bool:
        """Do one job, and return whether there was any."""
        with self._store.read() as connection:
            due_at = due.due_at(connection, (KIND,))
        if due_at is None or due_at > self._now():
            return False
        with self._store.write() as connection:
            leased = jobs.lease(
                connection, worker=self._worker, kinds=(KIND,), seconds=LEASE, now=self._now()
            )
        for job in leased:
            try:
                self._do(job)
            except LeaseLostError:
                logger.warning("an undo took too long, and is done by another")
            except (StoreError, ValueError) as error:
                logger.exception("an undo failed")
                with self._store.write() as connection:
                    jobs.fail(connection, job, str(error), now=self._now())
        return bool(leased)

    def _do(self, job: Job) -> None:
        bank, entry = str(job.payload["bank"]), str(job.payload["entry"])
        after = ""
        while True:
            with self._store.read() as connection:
                page = banks.caused(connection, bank, entry, limit=PAGE, after=after)
            for caused in page:
                if caused.in_force:
                    with self._store.write() as connection:
                        self._reverse(connection, job, caused)
            with self._store.write() as connection:
                if not page:
                    jobs.finish(connection, job, now=self._now())
                    return
                jobs.beat(connection, job, seconds=LEASE, now=self._now())
            after = page[-1].decision

    def _reverse(self, connection: Connection, job: Job, caused: banks.Caused) -> None:
        bank, entry = str(job.payload["bank"]), str(job.payload["entry"])
        actor, reason = str(job.payload["actor"]), str(job.payload["reason"])
        opening.lock(connection, caused.item)
        item = items.hold(connection, caused.item)
        before = decisions.get(connection, caused.decision)
        if item.decision != caused.decision or before is None or item.state == "deleted":
            return
        cause = f"undo:{bank}/{entry}:{caused.decision}"
        evidence = before.evidence
        if evidence is not None:
            kept = tuple(m for m in evidence.matches if (m.bank, m.entry) != (bank, entry))
            evidence = msgspec.structs.replace(evidence, matches=kept)
            source, version = policies.active(connection)
            decision = Program(parse(source, f"policy {version}")).decide(evidence, before.facts)
            if not any(unknown.cause == "not_asked" for unknown in decision.missing):
                made = New(
                    item=item.id,
                    origin="machine",
                    author=actor,
                    decision=decision,
                    facts=before.facts,
                    evidence=evidence,
                    reason=reason,
                    key=cause,
                )
                now = self._now()
                result = decisions.record(connection, made, now=now, held=item)
                if result.new:
                    alarms.messages(connection, item, decision, result, now=now)
                    appealing.decided(connection, item.id, result.id, actor=actor, now=now)
                    opening.opened(connection, item, decision, evidence, now=now)
                return
        items.rescan(connection, item.id, actor=actor, reason=reason, now=self._now(), cause=cause)


def begin(
    connection: Connection, bank: str, entry: str, *, actor: str, reason: str, now: int
) -> str:
    """Have all that an entry caused undone, and return the id of the job.

    Raises:
        MissingError: There is no such entry.
        StateError: It is active: what is undone would come back.
    """
    found = banks.named(connection, bank, [entry])
    if not found:
        raise MissingError(f"bank {bank:.64} has no entry {entry:.200}")
    if found[0].state == "active":
        raise StateError(f"entry {entry} is active: disable or withdraw it first")
    payload = {"bank": bank, "entry": entry, "actor": actor, "reason": reason}
    job = jobs.add(connection, KIND, payload=payload, priority=7, now=now)
    assert job is not None  # Nothing else has the same name: it has none.
    audit.append(
        connection,
        actor=actor,
        action="entries.undo",
        subject=f"bank:{bank}",
        body={"entry": entry, "job": job},
        reason=reason,
        now=now,
    )
    return job
