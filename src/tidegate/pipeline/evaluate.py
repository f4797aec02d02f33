"""Detectors, held against what people say that media shows."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import tidegate
from tidegate import taxonomy
from tidegate.closing import Closing
from tidegate.detectors import Classifier, Scores
from tidegate.detectors.failed import failed
from tidegate.evidence import Unknown
from tidegate.hashing import MIN_SIDE
from tidegate.media import Budget, MediaError, Reader, Sampling, Source, open_source
from tidegate.pipeline.find import printable
from tidegate.pipeline.known import too_small, unread
from tidegate.pipeline.labels import Labels, Row
from tidegate.pipeline.readers import Readers
from tidegate.report.evaluation import Evaluation, Unjudged
from tidegate.report.measuring import Answer, measure

CHUNK = 8
"""Frames that are shown to a detector in one call."""

PREVALENCES = (0.001, 0.01, 0.1)
"""For which the precision is told where nothing else is said."""


def evaluate(
    labels: Labels,
    media: Path,
    detectors: Sequence[Classifier],
    thresholds: Mapping[str, Sequence[float]],
    *,
    prevalences: Sequence[float] = PREVALENCES,
    budget: Budget | None = None,
    sampling: Sampling | None = None,
    jobs: int = 1,
    tell: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Show labelled media to detectors, and count how often they are right.

    Every detector sees every item whole, whatever another says; the highest score over an
    item's frames counts. An item of which a part could not be judged is unknown.

    Args:
        labels: What people say.
        media: The folder that the paths of the labels begin in. Links in it are not followed.
        detectors: Whom to ask.
        thresholds: By category, at least one score from which an item counts as found.
        prevalences: For which the precision is told, each between 0 and 1.
        budget: Limits for one item.
        sampling: Which frames of a video are judged.
        jobs: Items that are judged at once.
        tell: Is called with the number of items done.
    """
    with _Asking(detectors, media, budget or Budget(), sampling or Sampling(), jobs) as asking:
        answers = []
        for answer in asking.all(labels.rows):
            answers.append(answer)
            tell(len(answers))
    covered = {category for detector in detectors for category in detector.categories}
    labelled = {category for row in labels.rows for category in row.truth}
    results = tuple(
        measure(
            answers,
            category,
            [detector.id for detector in detectors if category in detector.categories],
            thresholds[category],
            prevalences,
        )
        for category in taxonomy.CATEGORIES
        if category in covered & labelled
    )
    return Evaluation(
        tidegate=tidegate.__version__,
        taxonomy=taxonomy.VERSION,
        labels=printable(labels.name),
        items=len(answers),
        detectors={detector.id: detector.manifest.version for detector in detectors},
        categories=results,
        uncovered=tuple(c for c in taxonomy.CATEGORIES if c in labelled - covered),
        unlabelled=tuple(c for c in taxonomy.CATEGORIES if c in covered - labelled),
        unjudged=tuple(Unjudged(path=a.path, unknowns=a.unknowns) for a in answers if a.unknowns),
    )


class _Asking(Closing):
    """Threads that show items to all detectors, with a decoder each."""

    def __init__(
        self,
        detectors: Sequence[Classifier],
        media: Path,
        budget: Budget,
        sampling: Sampling,
        jobs: int,
    ) -> None:
        self._detectors = detectors
        self._media = media
        self._budget = budget
        self._readers = Readers(budget, sampling, jobs=jobs)
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="tidegate")

    def all(self, rows: Sequence[Row]) -> Iterator[Answer]:
        """Yield the answers in the order of the rows, as they come."""
        waiting = deque(self._pool.submit(self._ask, row) for row in rows)
        while waiting:
            yield waiting.popleft().result()

    def close(self) -> None:
        """Stop the threads. Work that is under way is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._readers.close()
        self._pool.shutdown(wait=True)

    def _ask(self, row: Row) -> Answer:
        look = _Look(self._detectors)
        try:
            with open_source(self._media / row.path, self._budget, beneath=self._media) as source:
                look.at(source, self._readers.mine())
        except (MediaError, OSError) as error:
            look.unknowns.append(unread(error))
        return Answer(row.path, row.truth, row.groups, look.scores(), tuple(look.unknowns))


class _Pending(NamedTuple):
    """A frame before all detectors: a tensor for each, and its height and width."""

    tensors: list[NDArray[np.generic]]
    size: tuple[int, int]


class _Look:
    """One item before all detectors: the highest score of each over its frames."""

    def __init__(self, detectors: Sequence[Classifier]) -> None:
        self.unknowns: list[Unknown] = []
        self._scores = [Scores(detector) for detector in detectors]
        self._failed: set[str] = set()
        self._pending: list[_Pending] = []
        self._highest: dict[tuple[str, str], float] = {}

    def at(self, source: Source, reader: Reader) -> None:
        reading = reader.read(source)
        for frame in reading:
            assert frame.rgb is not None
            height, width = frame.rgb.shape[:2]
            if min(height, width) < MIN_SIDE:
                self._too_small(width, height)
                continue
            tensors = [scores.detector.prepare(frame.rgb) for scores in self._scores]
            self._pending.append(_Pending(tensors, (height, width)))
            if len(self._pending) == CHUNK:
                self._flush()
        self._flush()
        self.unknowns += reading.unknowns
        if changed := source.changed():
            self.unknowns.append(changed)

    def scores(self) -> dict[tuple[str, str], float]:
        """Return what is known of the whole item, as signals have it: to four digits."""
        if any(unknown.stage == "media" for unknown in self.unknowns):
            return {}
        return {
            (detector, category): round(score, 4)
            for (detector, category), score in self._highest.items()
            if detector not in self._failed
        }

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if not pending:
            return
        for index, scores in enumerate(self._scores):
            detector = scores.detector
            if detector.id in self._failed:
                continue
            try:
                tensors = [frame.tensors[index] for frame in pending]
                answers = scores.ask(tensors, [frame.size for frame in pending])
            except Exception as error:
                # A runtime has errors of its own. None may cost the other items their answers.
                self._failed.add(detector.id)
                self.unknowns.append(failed(detector, error))
                continue
            highest = np.max([answer.scores for answer in answers], axis=0)
            for category, score in zip(detector.categories, highest, strict=True):
                key = detector.id, category
                self._highest[key] = max(self._highest.get(key, 0.0), float(score))

    def _too_small(self, width: int, height: int) -> None:
        if not any(unknown.cause == "too_small" for unknown in self.unknowns):
            self.unknowns.append(too_small(width, height))
