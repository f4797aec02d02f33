"""A policy, tried on what was decided in the last days, before it decides.

What is recorded is held against two policies: the one that is tried, and the one in force. No
media is looked at. The work is that of ``tidegate policy replay``, which reads files: so the
decisions are written to one that is gone when it is done.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from tidegate.evidence import Action
from tidegate.pipeline import replay as replaying
from tidegate.pipeline.record import SCHEMA
from tidegate.pipeline.records import find_files
from tidegate.policy import Policy, parse
from tidegate.report.replay import Replay
from tidegate.service.problems import Unavailable
from tidegate.service.state import Service
from tidegate.store import policies, replayable
from tidegate.store.clock import DAY
from tidegate.store.replayable import Replayable

MOST = 20_000
"""Decisions that are tried, the newest."""

LARGEST = 1 << 28
"""Bytes of them together."""

PIECE = 500
"""Decisions that are read at a time."""

PATIENCE = 20.0
"""Seconds that a replay waits for another one to end."""

_ONE = threading.Lock()
"""Held while this process replays: one at a time leaves processors for what is asked meanwhile."""


class Replayed(NamedTuple):
    """What came of it.

    Attributes:
        replay: What would be different.
        whole: Whether these were all decisions of the time.
        unknown: Items whose evidence is not kept any more: nobody knows.
    """

    replay: Replay
    whole: bool
    unknown: int


class _Written(NamedTuple):
    records: int
    whole: bool
    unknown: int


def replay_recorded(at: Service, new: Policy, *, days: float) -> Replayed:
    """Try a policy on what was decided in the last days, against the one in force.

    Of each item the last decision of a machine counts; what a person has answered since is what
    the changes are held against.

    Raises:
        MissingError: No policy is in force.
        Unavailable: Another replay is at work.
    """
    with _turn():
        with at.store.read() as connection:
            source, version = policies.active(connection)
        old = parse(source, f"policy {version}")
        with tempfile.NamedTemporaryFile(dir=at.data, prefix="replay-", suffix=".jsonl") as file:
            told = _write(at, file.file, since=at.clock() - round(days * DAY))
            file.flush()
            files = find_files([Path(file.name)]) if told.records else ()
            # More than one piece is done by processes of their own: others are answered meanwhile.
            made = replaying.replay(files, replaying.Job(new=new, old=old), jobs=2)
        return Replayed(made, told.whole, told.unknown)


@contextmanager
def _turn() -> Iterator[None]:
    if not _ONE.acquire(timeout=PATIENCE):
        raise Unavailable("another replay is at work: try again in a minute")
    try:
        yield
    finally:
        _ONE.release()


class _Answer(msgspec.Struct):
    action: Action


class _Line(msgspec.Struct, omit_defaults=True):
    """A record, whose parts are JSON already; see :mod:`tidegate.pipeline.record`."""

    schema: int
    at: datetime
    path: str
    facts: msgspec.Raw
    evidence: msgspec.Raw
    decision: msgspec.Raw
    review: _Answer | None = None


def _write(at: Service, file: IO[bytes], *, since: int) -> _Written:
    """Write the last decision on each item, as long as there is room."""
    seen: set[str] = set()
    records = unknown = size = 0
    for one in _decisions(at, since):
        if records >= MOST or size >= LARGEST:
            return _Written(records, False, unknown)
        if one.item in seen:
            continue
        seen.add(one.item)
        if one.evidence is None:
            unknown += 1
            continue
        size += file.write(_line(one))
        records += 1
    return _Written(records, True, unknown)


def _decisions(at: Service, since: int) -> Iterator[Replayable]:
    after: Replayable | None = None
    while True:
        with at.store.read() as connection:
            page = replayable.page(connection, since=since, after=after, limit=PIECE)
        if not page:
            return
        yield from page
        after = page[-1]


_START = datetime(1970, 1, 1, tzinfo=UTC)


def _line(one: Replayable) -> bytes:
    assert one.evidence is not None
    line = _Line(
        schema=SCHEMA,
        at=_START + timedelta(microseconds=one.created_at),
        path=one.item,
        facts=msgspec.Raw(one.facts.encode()),
        evidence=msgspec.Raw(one.evidence.encode()),
        decision=msgspec.Raw(one.decision.encode()),
        review=None if one.answer is None else _Answer(one.answer),
    )
    return msgspec.json.encode(line) + b"\n"
