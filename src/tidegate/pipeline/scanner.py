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

import tidegate
from tidegate import taxonomy
from tidegate.closing import Closing
from tidegate.detectors import Classifier, installed
from tidegate.evidence import (
    ACTIONS,
    Evidence,
    Item,
    Report,
    Unknown,
    seconds,
)
from tidegate.hashing import Preset
from tidegate.matching import Bank, BankFolder, Matcher
from tidegate.media import Budget, MediaError, Reader, Sampling
from tidegate.media.settings import confinement
from tidegate.pipeline.find import Found, find, printable
from tidegate.pipeline.judge import Judged, judge
from tidegate.pipeline.known import unread
from tidegate.pipeline.load import load_policy, read_bank
from tidegate.pipeline.opened import opened
from tidegate.pipeline.versions import versions
from tidegate.policy import Policy, decide
from tidegate.report.pictures import Picture

logger = logging.getLogger(__name__)

MOST_THREADS = 8
"""Threads that decode one video; beyond, they wait for each other."""

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

    Raises:
        PolicyError: The policy does not load.
        BankError: A bank does not load.
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
    ) -> None:
        confinement()  # What it says is wrong for all items, or for none.
        self.policy = policy if isinstance(policy, Policy) else load_policy(policy)
        self.detectors = tuple(installed() if detectors is None else detectors)
        self.jobs = jobs or os.cpu_count() or 1
        known = [b if isinstance(b, Bank | BankFolder) else read_bank(b) for b in banks]
        self._matcher = Matcher(known, distance)
        self._budget = budget or Budget()
        self._sampling = sampling or Sampling()
        self._pictures = pictures
        self._grey = grey
        self._views: Preset = views
        self._versions = versions(self.detectors)
        self._pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="tidegate")
        self._local = threading.local()
        self._readers: list[Reader] = []
        self._unfinished: set[Future[Scanned]] = set()

    def scan(self, path: AnyPath) -> Item:
        """Judge one file."""
        scanned = self._submit(Found(Path(path), named=True)).result()
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
                yield waiting.popleft().result()
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
            for reader in list(self._readers):
                reader.close()
            if not wait(set(self._unfinished), timeout=0.1).not_done:
                break
        self._pool.shutdown(wait=True)

    def _submit(self, found: Found) -> Future[Scanned]:
        future = self._pool.submit(self._scan, found)
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        return future

    def _scan(self, found: Found) -> Scanned:
        began = time.perf_counter()
        try:
            with opened(found, self._budget) as source:
                if source is None:
                    return Scanned(None, ())
                judged = judge(
                    source,
                    self._reader(),
                    self._matcher,
                    self.detectors,
                    self._versions,
                    pictures=self._pictures,
                    views=self._views,
                )
            decision = decide(judged.evidence, self.policy)
        except Exception as error:
            # Whatever goes wrong with one item must not cost the others their answers.
            judged = Judged(self._nothing(_failure(error)), ())
            decision = decide(judged.evidence, self.policy)
        item = Item(
            path=printable(found.path),
            evidence=judged.evidence,
            decision=decision,
            elapsed=seconds(time.perf_counter() - began),
        )
        return Scanned(item, judged.pictures)

    def _reader(self) -> Reader:
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = Reader(
                self._budget, self._sampling, grey=self._grey, threads=spare_threads(self.jobs)
            )
            self._readers.append(reader)
        return reader

    def _nothing(self, unknown: Unknown) -> Evidence:
        return Evidence(unknowns=(unknown,), banks=self._matcher.names, versions=self._versions)


def spare_threads(jobs: int) -> int:
    """Return how many threads may decode each of so many videos."""
    return min(MOST_THREADS, max(1, (os.cpu_count() or 1) // jobs))


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
