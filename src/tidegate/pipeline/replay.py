"""Recorded decisions, made again under another policy: ``tidegate policy replay``.

The records are read in pieces, by several processes. All that hangs on the order of time are the
breakers: the decisions that one of them counts are first only told by the workers, with what the
breakers ask of them; then they are put into order, by time, then file and place, and the breakers
run over them; then the workers decide them with that. A breaker knows nothing of what was before
the first record.
"""

import gc
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from multiprocessing import get_context
from typing import NamedTuple

import msgspec

import tidegate
from tidegate.evidence import Decision, Evidence, Facts, Match, Uploader
from tidegate.pipeline import replay_told
from tidegate.pipeline.record import Record, RecordError
from tidegate.pipeline.records import PIECE, File, Piece, line_numbers, pieces, read, read_places
from tidegate.pipeline.replay_tally import BREAKER, MOST_DAMAGE, Outcome, Place, Tally
from tidegate.pipeline.reviews import Reviews
from tidegate.pipeline.tally import Tally as BreakerTally
from tidegate.policy import Policy, Program, digest
from tidegate.policy.breakers import Counter, counters, trip
from tidegate.policy.change import same, step, untold
from tidegate.report.replay import Damage, Drift, Replay, Reviewed

Counts = Mapping[Counter, int]

TOP = 50
"""Changes that are listed."""


class Job(NamedTuple):
    """What is asked of a replay.

    Attributes:
        new: The policy to try.
        old: The policy to hold it against, or ``None`` for what was recorded.
        since: Records from this time on count; all where it is ``None``.
        until: Records before this time count; all where it is ``None``.
        reviews: What people found, besides what the records say.
        sweeps: Categories whose thresholds to try.
        top: How many changes to list.
    """

    new: Policy
    old: Policy | None = None
    since: datetime | None = None
    until: datetime | None = None
    reviews: Reviews = Reviews()
    sweeps: tuple[str, ...] = ()
    top: int = TOP


def replay(
    files: Sequence[File],
    job: Job,
    *,
    jobs: int = 1,
    piece: int = PIECE,
    tell: Callable[[float], None] = lambda share: None,
) -> Replay:
    """Decide recorded items again. The same for any number of processes and size of pieces.

    Args:
        files: Of :func:`tidegate.pipeline.records.find_files`.
        job: What is asked.
        jobs: Processes. With more than one, a script needs the usual guard on ``__main__``.
        piece: Bytes of JSON Lines that a process reads in one go.
        tell: Called with the share of the records that is done, 0 to 1.

    Raises:
        OSError: A file cannot be read.
    """
    parts = list(pieces(files, piece))
    whole = Tally(job.top, job.sweeps)
    counted: dict[Place, tuple[Counted, Piece]] = {}
    with _workers(job, min(jobs, len(parts))) as workers:
        done = zip(parts, workers.first(parts), strict=True)
        for number, (part, (tally, found)) in enumerate(done, 1):
            whole.add(tally)
            counted.update((one.place, (one, part)) for one in found)
            tell(number / len(parts))
        if counted:
            for tally in workers.second(_again(job, counted)):
                whole.add(tally)
    return _told(files, job, whole)


class Counted(NamedTuple):
    """A decision that a breaker counts.

    Attributes:
        at: When it was made.
        place: Where its record is.
        old: Under the old policy, as far as its breakers ask; or ``None``.
        new: Under the new policy, as far as its breakers ask; or ``None``.
    """

    at: datetime
    place: Place
    old: bytes | None
    new: bytes | None


class _Asked(msgspec.Struct, frozen=True, array_like=True):
    """What breakers ask of a decision."""

    decision: Decision
    evidence: Evidence
    facts: Facts


class _Tripped(NamedTuple):
    """How far the counters were for a decision that breakers lower; else ``None``."""

    old: Counts | None
    new: Counts | None


class _Worker:
    """Decides the records of a piece."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._new = Program(job.new)
        self._old = None if job.old is None else Program(job.old)

    def first(self, piece: Piece) -> tuple[Tally, list[Counted]]:
        """Count the records of a piece, but for those that a breaker counts."""
        tally, found = self._tally(), []
        for place, record in read(piece):
            at = (piece.number, place)
            if isinstance(record, RecordError):
                tally.lose(at, str(record), record.records)
            elif not self._is_meant(record):
                tally.outside += 1
            else:
                try:
                    counted = self._take(tally, record, at)
                except Exception as error:
                    # Evidence that nobody could foresee must not cost the others their answers.
                    tally.lose(at, f"cannot be decided: {type(error).__name__}: {error}", 1)
                    continue
                if counted is not None:
                    found.append(counted)
        return tally, found

    def second(self, work: "_Again") -> Tally:
        """Count those records of a piece that a breaker counts."""
        tally = self._tally()
        for place, record in read_places(work.piece, sorted(work.places)):
            assert isinstance(record, Record)
            old, new = self._decide(record)
            counts = work.places[place]
            if counts.old is not None:
                assert self._old is not None
                old = trip(self._old.policy, old, record.evidence, record.facts, counts.old)
                tally.take_breakers("old", old)
            if counts.new is not None:
                new = trip(self._new.policy, new, record.evidence, record.facts, counts.new)
                tally.take_breakers("new", new)
            tally.take(self._outcome((work.piece.number, place), record, old, new))
        return tally

    def _tally(self) -> Tally:
        return Tally(self._job.top, self._job.sweeps)

    def _is_meant(self, record: Record) -> bool:
        since, until = self._job.since, self._job.until
        return (since is None or record.at >= since) and (until is None or record.at < until)

    def _decide(self, record: Record) -> tuple[Decision, Decision]:
        new = self._new.decide(record.evidence, record.facts)
        if self._old is None:
            return record.decision, new
        return self._old.decide(record.evidence, record.facts), new

    def _take(self, tally: Tally, record: Record, place: Place) -> Counted | None:
        old, new = self._decide(record)
        asked = (
            None if self._old is None else _asked(self._old.policy, old, record),
            _asked(self._new.policy, new, record),
        )
        if any(asked):
            return Counted(record.at, place, *asked)
        tally.take(self._outcome(place, record, old, new))
        return None

    def _outcome(self, place: Place, record: Record, old: Decision, new: Decision) -> Outcome:
        missing = untold(new)
        if self._old is not None:
            missing = tuple(dict.fromkeys((*missing, *untold(old))))
        return Outcome(
            place=place,
            record=record,
            old=old,
            new=new,
            drifted=self._drifted(record, old, new),
            untold=missing,
            review=self._job.reviews.of(record),
            named=self._job.reviews.name(record),
        )

    def _drifted(self, record: Record, old: Decision, new: Decision) -> bool | None:
        """Return whether the record's own policy, where it is at hand, decides otherwise now."""
        then = record.decision
        # What a breaker lowered then hangs on other items, of which some may not be here.
        if any((r.capped_by or "").startswith(BREAKER) for r in then.reasons):
            return None
        for program, now in ((self._new, new), (self._old, old)):
            if program is not None and program.sha256 == then.policy_sha256:
                if any((r.capped_by or "").startswith(BREAKER) for r in now.reasons):
                    return None
                return not same(then, now)
        return None


def _asked(policy: Policy, decision: Decision, record: Record) -> bytes | None:
    """Return what the breakers of a policy ask of a decision, where one of them counts it."""
    if not policy.breakers or not counters(policy, decision, record.evidence, record.facts):
        return None
    reasons = tuple(
        msgspec.structs.replace(reason, text="", bounds=())
        for reason in decision.reasons
        if reason.overruled_by is None
    )
    slim = Decision(
        action=decision.action,
        judged=decision.judged,
        reasons=reasons,
        near=(),
        rest=(),
        policy="",
        policy_sha256="",
    )
    matches = tuple(
        Match(bank=m.bank, entry=m.entry, category="", role=m.role, kind=m.kind, distance=0)
        for m in record.evidence.matches
    )
    uploader = Uploader(id=record.facts.uploader.id)
    return _PACK.encode(_Asked(slim, Evidence(matches=matches), Facts(uploader=uploader)))


_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(_Asked)


class _Again(NamedTuple):
    """Records of a piece that are decided with what the breakers know."""

    piece: Piece
    places: Mapping[int, _Tripped]


def _again(job: Job, counted: Mapping[Place, tuple[Counted, Piece]]) -> list[_Again]:
    """Run the breakers in the order of time; return the records to decide, by piece."""
    ordered = sorted((one for one, _ in counted.values()), key=lambda one: (one.at, one.place))
    old = {} if job.old is None else dict(_run(job.old, ((c, c.old) for c in ordered)))
    new = dict(_run(job.new, ((c, c.new) for c in ordered)))
    work: dict[Piece, dict[int, _Tripped]] = {}
    for place, (_, piece) in counted.items():
        work.setdefault(piece, {})[place[1]] = _Tripped(old.get(place), new.get(place))
    return [_Again(piece, places) for piece, places in work.items()]


def _run(
    policy: Policy, counted: Iterable[tuple[Counted, bytes | None]]
) -> Iterator[tuple[Place, Counts]]:
    """Yield how far the counters were for each decision that a breaker lowers."""
    tally = BreakerTally(policy)
    for one, data in counted:
        if data is None:
            continue
        asked = _UNPACK.decode(data)
        decision, evidence, facts = asked.decision, asked.evidence, asked.facts
        at = one.at.timestamp()
        counts = tally.counts(decision, evidence, facts, at)
        if tally.settle(decision, evidence, facts, at) is not decision:
            yield one.place, counts


class _Workers:
    """Pieces of work, each done by one of several processes, or by this one."""

    def __init__(self, job: Job, pool: ProcessPoolExecutor | None) -> None:
        self._pool = pool
        self._here = None if pool is not None else _Worker(job)

    def first(self, parts: Iterable[Piece]) -> Iterator[tuple[Tally, list[Counted]]]:
        """See :meth:`_Worker.first`; in the order of the parts."""
        if self._here is not None:
            return map(self._here.first, parts)
        assert self._pool is not None
        return self._pool.map(_first, parts)

    def second(self, work: Iterable[_Again]) -> Iterator[Tally]:
        """See :meth:`_Worker.second`."""
        if self._here is not None:
            return map(self._here.second, work)
        assert self._pool is not None
        return self._pool.map(_second, work)


@contextmanager
def _workers(job: Job, jobs: int) -> Iterator[_Workers]:
    if jobs <= 1:
        yield _Workers(job, None)
        return
    # Forking a process that has threads is asking for trouble.
    context = get_context("spawn")
    # As JSON, for a policy's digest hangs on which parts of it are its defaults themselves.
    begin = (job, _written(job.new), None if job.old is None else _written(job.old))
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=begin)
    try:
        yield _Workers(job, pool)
    except BrokenExecutor:
        raise RecordError("a process ended before its time: is there enough memory?") from None
    finally:
        pool.shutdown(cancel_futures=True)


_READ = msgspec.json.Decoder(Policy)
_written = msgspec.json.Encoder().encode

_worker: _Worker | None = None
"""The worker of a process of the pool."""


def _begin(job: Job, new: bytes, old: bytes | None) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent hears it and ends us.
    _worker = _Worker(
        job._replace(new=_READ.decode(new), old=None if old is None else _READ.decode(old))
    )
    gc.freeze()  # What is here to stay need not be looked through for garbage.


def _first(piece: Piece) -> tuple[Tally, list[Counted]]:
    assert _worker is not None
    return _worker.first(piece)


def _second(work: _Again) -> Tally:
    assert _worker is not None
    return _worker.second(work)


def _told(files: Sequence[File], job: Job, tally: Tally) -> Replay:
    drift = Drift(checked=tally.checked, differing=tally.drifted)
    reviewed = Reviewed(
        items=tally.reviewed,
        towards=tally.towards,
        against=tally.against,
        unmet=len(job.reviews.truth.keys() - tally.named),
    )
    return Replay(
        tidegate=tidegate.__version__,
        new=job.new.name,
        new_sha256=digest(job.new),
        old=None if job.old is None else job.old.name,
        old_sha256=None if job.old is None else digest(job.old),
        since=job.since,
        until=job.until,
        first_at=tally.first_at,
        last_at=tally.last_at,
        files=len(files),
        records=tally.records,
        outside=tally.outside,
        unreadable=tally.unreadable,
        damage=_damage(files, tally),
        recorded=replay_told.counts(tally.recorded),
        flows=replay_told.flows(tally.flows),
        changed=tally.changed,
        stricter=_moved(tally, 1),
        weaker=_moved(tally, -1),
        untold=tally.untold,
        untold_by=replay_told.counts(tally.untold_by),
        judged=tally.judged,
        unjudged=tally.unjudged,
        rules=replay_told.blames(tally.blames, rules=True),
        categories=replay_told.blames(tally.blames, rules=False),
        effects=replay_told.effects(tally.effects),
        breakers=replay_told.tripped(tally.breakers),
        shadow=replay_told.flows(tally.shadow),
        shadow_rules=replay_told.counts(tally.shadow_rules),
        drift=drift,
        reviewed=reviewed,
        first=replay_told.first(tally),
        sweeps=tuple(replay_told.sweep(category, tally, job.new) for category in job.sweeps),
    )


def _moved(tally: Tally, sign: int) -> int:
    return sum(
        items
        for (old, new), items in tally.flows.items()
        if new is not None and step(old, new) * sign > 0
    )


def _damage(files: Sequence[File], tally: Tally) -> tuple[Damage, ...]:
    listed = sorted(tally.damage)[:MOST_DAMAGE]
    made = []
    for number, file in enumerate(files):
        places = {place: reason for (which, place), reason in listed if which == number}
        for place, line in line_numbers(file, places).items() if places else ():
            made.append(Damage(file=file.path, line=line, reason=places[place]))
    return tuple(made)
