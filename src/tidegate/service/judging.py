"""One item, from its bytes to what is decided of it. The same bytes are analysed once.

What is known of a content is kept under its digest and that of the *pipeline*: all else that
evidence follows from. A model that was not asked, because nothing hung on it under one policy,
may matter under another one or on another surface: then the content is analysed a second time,
with every model, and that is kept beside it. There is never a third.

How closely a video was looked at hangs on the thresholds of the policy it was analysed under.
That is kept as it is, as a replay keeps it.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection

from tidegate.closing import Closing
from tidegate.detectors import Classifier, installed
from tidegate.evidence import Cause, Decision, Evidence, Facts, Unknown, foreign_category
from tidegate.hashing import Preset
from tidegate.matching import BankError, Matcher
from tidegate.media import MediaError, Sampling, Source
from tidegate.media.abilities import decoders
from tidegate.pipeline.judge import judge
from tidegate.pipeline.known import unread
from tidegate.pipeline.readers import Readers
from tidegate.pipeline.tally import SECONDS
from tidegate.pipeline.versions import versions
from tidegate.policy import Program, parse
from tidegate.policy.breakers import counters, trip
from tidegate.service import alarms, appealing, opening
from tidegate.service.fetch_error import FetchError
from tidegate.service.room import turn
from tidegate.service.sources import Sources
from tidegate.store import breakers, clock, contents, decisions, items, policies
from tidegate.store.contents import Key
from tidegate.store.engine import Store
from tidegate.store.items import Item

logger = logging.getLogger(__name__)

PASSING: frozenset[Cause] = frozenset(
    {"unreadable", "changed", "deadline", "out_of_memory", "crashed", "detector_failed"}
)
"""Why something is unknown that may be known the next time: such evidence is for its item alone."""


class Banks(Protocol):
    """The banks, as far as this process has followed the database."""

    def matcher(self) -> Matcher:
        """Return what asks them."""
        ...

    def state(self) -> str:
        """Return a text that is another one whenever they may answer something else."""
        ...


class Found(NamedTuple):
    """What is known of an item.

    Attributes:
        program: The policy in force when it was looked for.
        evidence: What is known.
        content: As what it is kept, or ``None`` where it is for this item alone.
        fresh: Whether it is to be kept yet.
    """

    program: Program
    evidence: Evidence
    content: Key | None
    fresh: bool


class Judging(Closing):
    """Judges items. Safe to share between threads; each has a decoder of its own.

    Args:
        store: The database.
        sources: Where the bytes are, and the limits for one item.
        banks: What is known.
        detectors: Models to ask; by default all that are installed.
        sampling: Which frames of a video are judged.
        views: Which parts of each frame are looked up beside the whole.
        threads: Items that are judged at once.

    Raises:
        ManifestError: The weights of a detector are missing or altered.
    """

    def __init__(
        self,
        store: Store,
        sources: Sources,
        banks: Banks,
        *,
        detectors: Sequence[Classifier] | None = None,
        sampling: Sampling | None = None,
        views: Preset = "standard",
        threads: int = 1,
    ) -> None:
        self._store = store
        self._sources = sources
        self._banks = banks
        self._detectors = tuple(installed() if detectors is None else detectors)
        self._versions = versions(self._detectors)
        self._views: Preset = views
        sampling = sampling or Sampling()
        self._readers = Readers(sources.budget, sampling, jobs=threads)
        self._fixed = msgspec.json.encode(
            (
                sorted(self._versions.items()),
                sorted((d.id, d.manifest.file.sha256) for d in self._detectors),
                sorted((name, sorted(of.items())) for name, of in decoders().items()),
                (sources.budget, sampling, views),
            )
        )
        self._programs: dict[str, Program] = {}

    @contextmanager
    def found(
        self,
        item: Item,
        *,
        last: bool = False,
        before_waiting: Callable[[], object] = lambda: None,
    ) -> Iterator[Found]:
        """Yield what is known of an item, analysed if need be.

        Until the ``with`` ends nobody else on this machine analyses the same bytes: what is
        recorded in it is there for who comes next.

        Args:
            item: The item.
            last: Whether this is the last try: what cannot be fetched is then unknown.
            before_waiting: Called before it waits for who analyses the same bytes: the caller may
                hold what they wait for.

        Raises:
            FetchError: It cannot be fetched now; trying later may help.
            BankError: A bank is damaged.
            StoreError: The database cannot be used.
        """
        if item.source != "upload" or item.decision is not None:
            # What is known need not be brought again. What was only just sent is at hand.
            known = self._recall(item, item.sha256)[1]
            if known is not None:
                yield known
                return
        try:
            source, sha256 = self._sources.bring(item)
        except (MediaError, OSError) as error:
            program, known, _ = self._recall(item, item.sha256)
            yield known or self._nothing(program, item, unread(error))
            return
        except FetchError as error:
            if error.again and not last:
                raise
            logger.warning("item %s is decided unseen: what its URL names %s", item.id, error)
            program = self._recall(item, None)[0]
            yield self._nothing(program, item, _unfetched(str(error)))
            return
        with source, turn(source, before_waiting):
            # Somebody may have analysed it while this one waited.
            program, known, again = self._recall(item, sha256)
            yield known or self._analysed(source, sha256, program, item.facts, again)

    def record(
        self, connection: Connection, item: Item, found: Found, *, author: str, now: int
    ) -> Decision | None:
        """Record what is decided of an item, with its alarms and its case, once.

        Args:
            connection: Of the transaction, that also says that the work is done.
            item: The item.
            found: What is known of it.
            author: Which worker.
            now: The present.

        Returns:
            The decision, or ``None`` where the same was made before: nothing has changed.

        Raises:
            MissingError: There is no such item.
            StateError: Its media was deleted.
            ConflictError: Somebody works on a case that it has come into just now; trying again
                helps.
        """
        if found.content is not None and found.fresh:
            contents.put(connection, found.content, found.evidence, now=now)
        decision = self._settled(connection, found, item.facts, now)
        if item.decision is not None:
            opening.lock(connection, item.id)
        held = items.hold(connection, item.id)
        made = decisions.New(
            item=item.id,
            origin="machine",
            author=author,
            decision=decision,
            facts=item.facts,
            content=found.content,
            evidence=None if found.content is not None else found.evidence,
        )
        overruled = self._overruled(connection, held)
        result = decisions.record(connection, made, now=now, in_force=not overruled, held=held)
        if not result.new:
            return None
        counted = counters(found.program.policy, decision, found.evidence, item.facts)
        policy = found.program.policy.id
        breakers.add(connection, policy, counted, decision=result.id, now=now)
        if not overruled:
            alarms.messages(connection, held, decision, result, now=now)
            if held.decision is not None:  # Only what was decided has an appeal.
                appealing.decided(connection, held.id, result.id, actor=author, now=now)
            opening.opened(connection, held, decision, found.evidence, now=now)
        return decision

    def close(self) -> None:
        """End the decoders. What they are at is given up."""
        self._readers.close()

    def _recall(self, item: Item, sha256: str | None) -> tuple[Program, Found | None, bool]:
        """Return the policy, what is known of a content, and whether to ask every model.

        That is so where what is known does not suffice for the policy.
        """
        with self._store.read() as connection:
            program = self._program(connection)
            if sha256 is None:
                return program, None, False
            pipelines = [self._pipeline(whole=whole) for whole in (True, False)]
            known = contents.some(connection, sha256, pipelines)
        for pipeline in pipelines:
            if (evidence := known.get(pipeline)) is None:
                continue
            decision = program.decide(evidence, item.facts)
            if not any(unknown.cause == "not_asked" for unknown in decision.missing):
                key = Key(sha256=sha256, pipeline=pipeline)
                return program, Found(program, evidence, key, fresh=False), False
        return program, None, bool(known)

    def _analysed(
        self, source: Source, sha256: str, program: Program, facts: Facts, whole: bool
    ) -> Found:
        # Told before the banks are asked: should they change meanwhile, it is kept as older.
        key = Key(sha256=sha256, pipeline=self._pipeline(whole=whole))
        evidence = self._analyse(source, program, facts, whole)
        passing = any(unknown.cause in PASSING for unknown in evidence.unknowns)
        if passing or evidence.sha256 != sha256:
            return Found(program, evidence, None, fresh=True)
        return Found(program, evidence, key, fresh=True)

    def _analyse(self, source: Source, program: Program, facts: Facts, whole: bool) -> Evidence:
        try:
            evidence = judge(
                source,
                self._readers.mine(),
                self._banks.matcher(),
                self._detectors,
                self._versions,
                program,
                facts,
                pictures=False,
                views=self._views,
                ask_all=whole,
            ).evidence
            # Manifests are checked when they are read. Whatever a model does then, what is kept
            # and shown names no category but those of the taxonomy.
            if foreign_category(evidence) is not None:
                raise ValueError("a model answered for what is no category")
        except BankError:
            raise
        except (MediaError, OSError) as error:
            return self._unknown(unread(error))
        except Exception as error:
            # Whatever goes wrong with one item, it is decided: by what the policy says of that.
            logger.error("an item could not be judged", exc_info=error)
            # What it says of the inside is for the log: this is shown to whoever reads items.
            detail = f"internal error: {type(error).__name__}"
            return self._unknown(Unknown(stage="media", cause="crashed", detail=detail))
        return evidence

    def _nothing(self, program: Program, item: Item, unknown: Unknown) -> Found:
        evidence = msgspec.structs.replace(
            self._unknown(unknown), sha256=item.sha256, size=item.size
        )
        return Found(program, evidence, None, fresh=True)

    def _unknown(self, unknown: Unknown) -> Evidence:
        names = self._banks.matcher().names
        return Evidence(unknowns=(unknown,), banks=names, versions=self._versions)

    def _settled(self, connection: Connection, found: Found, facts: Facts, now: int) -> Decision:
        """Decide, and lower what is beyond the limit of a breaker."""
        policy, evidence = found.program.policy, found.evidence
        decision = found.program.decide(evidence, facts)
        touched = counters(policy, decision, evidence, facts)
        if not touched:
            return decision
        within = {breaker.id: clock.span(SECONDS[breaker.within]) for breaker in policy.breakers}
        counts = breakers.counts(
            connection, policy.id, {(c.breaker, c.key): now - within[c.breaker] for c in touched}
        )
        known = {counter: counts[counter.breaker, counter.key] for counter in touched}
        return trip(policy, decision, evidence, facts, known)

    def _overruled(self, connection: Connection, item: Item) -> bool:
        """Return whether a person has decided: a machine does not take that back."""
        in_force = None if item.decision is None else decisions.get(connection, item.decision)
        return in_force is not None and in_force.origin == "reviewer"

    def _program(self, connection: Connection) -> Program:
        program = self._programs.get(policies.in_force(connection) or "")
        if program is None:
            source, version = policies.active(connection)
            program = Program(parse(source, f"policy {version}"))
            # Two threads that meet a new one both make it ready: it is the same.
            self._programs = {version: program}
        return program

    def _pipeline(self, *, whole: bool) -> str:
        """Return the digest of all but the bytes that evidence follows from."""
        digest = hashlib.sha256(self._fixed)
        digest.update(msgspec.json.encode((self._banks.state(), whole)))
        return digest.hexdigest()


def _unfetched(reason: str) -> Unknown:
    return Unknown(stage="media", cause="unreadable", detail=f"what the URL names {reason}")
