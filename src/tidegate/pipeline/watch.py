"""The frames of one item on their way to detectors, and what these answer."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors import Classifier, Scores
from tidegate.detectors.failed import failed
from tidegate.detectors.locator import Located
from tidegate.evidence import Kind, Signal, Track, Unknown
from tidegate.pipeline.album import Album
from tidegate.report.pictures import Picture

CHUNK = 8
"""Frames that are shown to a detector in one call."""


class _Pending(NamedTuple):
    second: float
    part: int
    tensors: dict[Classifier, NDArray[np.generic]]
    size: tuple[int, int]
    picture: Picture | None


class _Heard:
    """What one detector has answered."""

    def __init__(self) -> None:
        self.answers: list[tuple[float, Located]] = []
        self.parts: dict[int, Scores] = {}
        self.failed: Unknown | None = None


class Watch:
    """Shows the frames of one item to detectors, some at a time.

    Args:
        detectors: All that may be asked, in the order in which they are to be listed.
        album: Keeps the thumbnails of the peaks.
    """

    def __init__(self, detectors: Sequence[Classifier], album: Album) -> None:
        self._detectors = detectors
        self._album = album
        self._heard: dict[Classifier, _Heard] = {}
        self._pending: list[_Pending] = []

    @property
    def asked(self) -> tuple[Classifier, ...]:
        """The detectors that were shown a frame."""
        return tuple(d for d in self._detectors if d in self._heard)

    @property
    def able(self) -> tuple[Classifier, ...]:
        """Those of them that could answer each time."""
        return tuple(d for d in self.asked if self._heard[d].failed is None)

    @property
    def unknowns(self) -> tuple[Unknown, ...]:
        """Detectors that could not answer."""
        return tuple(u for d in self.asked if (u := self._heard[d].failed) is not None)

    def add(
        self,
        second: float,
        rgb: NDArray[np.uint8],
        picture: Picture | None,
        detectors: Iterable[Classifier],
        part: int = 0,
    ) -> None:
        """Show a frame.

        Args:
            second: When it is shown; within a part, not before the frames that came earlier.
            rgb: Upright picture, ``(height, width, 3)``; it is not kept.
            picture: Its thumbnail, if wanted.
            detectors: Whom to show it.
            part: 0 for the first look at the item, and a number for each stretch of it that
                is looked at again.
        """
        tensors = {}
        for detector in detectors:
            if self._heard.setdefault(detector, _Heard()).failed is None:
                tensors[detector] = detector.prepare(rgb)
        self._pending.append(_Pending(second, part, tensors, rgb.shape[:2], picture))
        if len(self._pending) == CHUNK:
            self.flush()

    def flush(self) -> None:
        """Have the detectors answer for all frames that they were shown."""
        pending, self._pending = self._pending, []
        for detector, heard in self._heard.items():
            shown = [frame for frame in pending if detector in frame.tensors]
            if not shown or heard.failed is not None:
                continue
            try:
                tensors = [frame.tensors[detector] for frame in shown]
                answers = Scores(detector).ask(tensors, [frame.size for frame in shown])
            except Exception as error:
                # A runtime has errors of its own. None may cost the item its other answers.
                heard.failed = failed(detector, error)
                continue
            for frame, answer in zip(shown, answers, strict=True):
                heard.answers.append((frame.second, answer))
                scores = heard.parts.setdefault(frame.part, Scores(detector))
                for peak in scores.add(frame.second, *answer):
                    key = (detector, frame.part, peak.category, peak.run)
                    self._album.keep(key, peak.score, frame.picture)

    def finish(self, kind: Kind, duration: float) -> tuple[list[Signal], list[Track]]:
        """Return the signals and tracks of all that was answered by now, in order of time."""
        signals: list[Signal] = []
        tracks: list[Track] = []
        for detector in self.asked:
            scores = Scores(detector)
            for second, answer in sorted(self._heard[detector].answers, key=lambda a: a[0]):
                scores.add(second, *answer)
            more_signals, more_tracks = scores.finish(kind, duration)
            signals.extend(more_signals)
            tracks.extend(more_tracks)
        return signals, tracks
