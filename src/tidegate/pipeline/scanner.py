"""Many items through the pipeline, some at a time: the library's front door."""

import itertools
import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import msgspec

import tidegate
from tidegate import taxonomy
from tidegate.closing import Closing
from tidegate.detectors import Classifier, installed
from tidegate.evidence import (
    ACTIONS,
    Evidence,
    Facts,
    Item,
    Report,
    Unknown,
    seconds,
)
from tidegate.hashing import Preset
from tidegate.matching import Bank, BankFolder, Matcher
from tidegate.media import Budget, MediaError, Sampling
from tidegate.media.settings import confinement
from tidegate.pipeline.find import Found, find, printable
from tidegate.pipeline.judge import Judged, judge
from tidegate.pipeline.known import unread
from tidegate.pipeline.load import load_policy, read_bank
from tidegate.pipeline.opened import opened
from tidegate.pipeline.readers import Readers
from tidegate.pipeline.tally import Tally
from tidegate.pipeline.versions import versions
from tidegate.policy import Policy, Program
from tidegate.policy.facts import check_facts
from tidegate.report.pictures import Picture

logger = logging.getLogger(__name__)

AnyPath = str | os.PathLike[str]


class Scanned(NamedTuple):
    """An item with its thumbnails; ``item`` is ``None`` for a file that is no media."""

    item: Item | None
    pictures: tuple[Picture, ...]


class Scanner(Closing):
    """Scans files under one policy and a set of banks. Keeps its workers warm.

    Use it as a context manager, or call :meth:`close`. Each of its ``jobs`` threads has a
    decoding process of its own. With more than one, a BLAS with threads of its own fights
    for the same cores: set ``OPENBLAS_NUM_THREADS=1`` before NumPy is imported, as the
    command line does.

    Args:
        policy: A policy, the path of one, or ``None`` for the default.
        banks: Banks, or paths of bank files, bank folders and hash lists.
        detectors: Models to ask; by default all that are installed.
        budget: Limits for one item.
        sampling: Which frames of a video are judged.
        jobs: Items that are judged at once; by default as many as there are processors.
        pictures: Keep thumbnails of the peaks, for :meth:`stream`.
        distance: Bits, 0 to 64, up to which a picture counts as met, in place of what the
            banks say.
        grey: Decode JPEGs as luma alone where neither detector nor thumbnail needs colour;
            see :class:`tidegate.media.Reader`.
        views: Which parts of each frame are looked up beside the whole of it: ``whole``
            none, ``standard`` what is inside a border, ``thorough`` the centre and the
            quarters too. docs/robustness.md says what each finds and costs.
        facts: What the platform says of every item that is scanned without facts of its own.
        cascade: Whether a detector is left out where no answer of its could change what is
            done; the evidence then says so. False for all signals of all detectors.

    Attributes:
        policy: The policy that decides.
        detectors: The models that may be asked.
        jobs: Items that are judged at once.

    Raises:
        PolicyError: The policy does not load.
        BankError: A bank does not load.
        FactsError: A fact means nothing to the policy.
        ManifestError: The weights of a detector are missing or altered.
        SettingError: ``TIDEGATE_CONFINEMENT`` says what means nothing.
    """

    def __init__(
        self,
        policy: Policy | AnyPath | None = None,
        banks: Sequence[Bank | BankFolder | AnyPath] = (),
        *,
        detectors: Sequence[Classifier] | None = None,
        budget: Budget | None = None,
        sampling: Sampling | None = None,
        jobs: int | None = None,
        pictures: bool = False,
        distance: int | None = None,
        grey: bool = False,
        views: Preset = "standard",
        facts: Facts | None = None,
        cascade: bool = True,
    ) -> None:
        confinement()  # What it says is wrong for all items, or for none.
        self.policy = policy if isinstance(policy, Policy) else load_policy(policy)
        self.detectors = tuple(installed() if detectors is None else detectors)
        self.jobs = jobs or os.cpu_count() or 1
        known = [b if isinstance(b, Bank | BankFolder) else read_bank(b) for b in banks]
        self._matcher = Matcher(known, distance)
        self._program = Program(self.policy)
        self._tally = Tally(self.policy)
        self._settling = threading.Lock()
        self._budget = budget or Budget()
        self._pictures = pictures
        self._views: Preset = views
        self._facts = Facts() if facts is None else facts
        check_facts(self._facts, self.policy)
        self._cascade = cascade
        self._versions = versions(self.detectors)
        self._pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="tidegate")
        self._readers = Readers(self._budget, sampling or Sampling(), jobs=self.jobs, grey=grey)
        self._unfinished: set[Future[Scanned]] = set()

    def scan(self, path: AnyPath, facts: Facts | None = None) -> Item:
        """Judge one file.

        Args:
            path: The file.
            facts: What the platform says of it, in place of what it says of every item.

        Raises:
            FactsError: A fact means nothing to the policy.
        """
        if facts is not None:
            check_facts(facts, self.policy)
        scanned = self._settled(self._submit(Found(Path(path), named=True), facts).result())
        assert scanned.item is not None
        return scanned.item

    def scan_many(self, paths: Iterable[AnyPath]) -> Iterator[Item]:
        """Judge files, folders and patterns; yield items in the order of the paths."""
        for scanned in self.stream(find(paths)):
            if scanned.item is not None:
                yield scanned.item

    def report(self, paths: Iterable[AnyPath]) -> Report:
        """Judge files, folders and patterns; return all of it as one report."""
        scanned = list(self.stream(find(paths)))
        items = [s.item for s in scanned if s.item is not None]
        return gather(items, skipped=len(scanned) - len(items))

    def stream(self, found: Iterable[Found]) -> Iterator[Scanned]:
        """Judge files, with thumbnails; yield in order, reading ahead by a bounded number."""
        waiting: deque[Future[Scanned]] = deque()
        rest = iter(found)
        try:
            waiting.extend(map(self._submit, itertools.islice(rest, 4 * self.jobs)))
            while waiting:
                yield self._settled(waiting.popleft().result())
                waiting.extend(map(self._submit, itertools.islice(rest, 1)))
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """Stop the workers. Work that is under way is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        # An item ends when its decoder does. One that had not started it yet would start
        # another, so this is said until all have heard.
        while True:
            self._readers.close()
            if not wait(set(self._unfinished), timeout=0.1).not_done:
                break
        self._pool.shutdown(wait=True)

    def _submit(self, found: Found, facts: Facts | None = None) -> Future[Scanned]:
        future = self._pool.submit(self._scan, found, facts or self._facts)
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        return future

    def _scan(self, found: Found, facts: Facts) -> Scanned:
        began = time.perf_counter()
        try:
            with opened(found, self._budget) as source:
                if source is None:
                    return Scanned(None, ())
                judged = judge(
                    source,
                    self._readers.mine(),
                    self._matcher,
                    self.detectors,
                    self._versions,
                    self._program,
                    facts,
                    pictures=self._pictures,
                    views=self._views,
                    ask_all=not self._cascade,
                )
            decision = self._program.decide(judged.evidence, facts)
        except Exception as error:
            # Whatever goes wrong with one item must not cost the others their answers.
            judged = Judged(self._nothing(_failure(error)), ())
            decision = self._program.decide(judged.evidence, facts)
        item = Item(
            path=printable(found.path),
            evidence=judged.evidence,
            decision=decision,
            elapsed=seconds(time.perf_counter() - began),
            facts=facts,
        )
        return Scanned(item, judged.pictures)

    def _settled(self, scanned: Scanned) -> Scanned:
        """Let the policy's breakers count an item, in the order in which items are told."""
        item = scanned.item
        if item is None or not self.policy.breakers:
            return scanned
        with self._settling:
            decision = self._tally.settle(
                item.decision, item.evidence, item.facts, time.monotonic()
            )
        return scanned._replace(item=msgspec.structs.replace(item, decision=decision))

    def _nothing(self, unknown: Unknown) -> Evidence:
        return Evidence(unknowns=(unknown,), banks=self._matcher.names, versions=self._versions)


def _failure(error: Exception) -> Unknown:
    """Return an error that ended an item as what is unknown because of it."""
    if isinstance(error, MediaError | OSError):
        return unread(error)
    logger.error("an item could not be judged", exc_info=error)
    detail = f"internal error: {type(error).__name__}: {error}"
    return Unknown(stage="media", cause="crashed", detail=detail)


def gather(items: Sequence[Item], *, skipped: int = 0, interrupted: bool = False) -> Report:
    """Gather items into a report."""
    counts = Counter(item.decision.action for item in items)
    return Report(
        tidegate=tidegate.__version__,
        taxonomy=taxonomy.VERSION,
        items=tuple(items),
        summary={action: counts[action] for action in ACTIONS if counts[action]},
        unjudged=sum(not item.decision.judged for item in items),
        skipped=skipped,
        interrupted=interrupted,
    )


def scan(
    path: AnyPath,
    *,
    policy: Policy | AnyPath | None = None,
    banks: Sequence[Bank | BankFolder | AnyPath] = (),
) -> Item:
    """Judge one file with a policy and banks.

    For many files use a :class:`Scanner`: it keeps its workers and models warm.
    """
    with Scanner(policy, banks, jobs=1) as scanner:
        return scanner.scan(path)
