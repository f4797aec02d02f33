"""One item through the whole pipeline: bytes in, evidence out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors import Classifier, Scores
from tidegate.detectors.failed import failed
from tidegate.evidence import Evidence, Kind, Signal, Track, Unknown
from tidegate.hashing import Preset
from tidegate.matching import Matcher
from tidegate.media import Reader, Source
from tidegate.pipeline.album import Album
from tidegate.pipeline.known import Seen, hold
from tidegate.report.pictures import Picture, thumbnail

CHUNK = 8
"""Frames that are shown to a detector in one call."""


class Judged(NamedTuple):
    """Evidence of one item, and the thumbnails of its peaks."""

    evidence: Evidence
    pictures: tuple[Picture, ...]


def judge(
    source: Source,
    reader: Reader,
    matcher: Matcher,
    detectors: Sequence[Classifier],
    versions: dict[str, str],
    *,
    pictures: bool,
    views: Preset = "standard",
) -> Judged:
    """Decode, hash, match and classify one item, frame by frame.

    Memory does not grow with the item's length, but for some bytes a frame.

    Args:
        source: The opened file.
        reader: Decodes it.
        matcher: Knows the banks.
        detectors: Models to ask.
        versions: Goes into the evidence, with those of the decoders in use.
        pictures: Whether to keep thumbnails.
        views: Which parts of each frame are looked up beside the whole.
    """
    watch = _Watch(detectors)
    album = Album()

    def seen(look: Seen) -> None:
        second, rgb = look.frame.second, look.frame.rgb
        if rgb is None:  # Neither a detector nor a thumbnail needs it.
            return
        wanted = pictures and (look.met or not look.again)
        picture = thumbnail(rgb, second) if wanted else None
        if look.met:
            album.keep(("match", second), 2.0, picture)
        if not look.again:
            album.keep("first frame", 0.0, picture, once=True)
            if look.hashes is not None:
                watch.add(second, rgb, picture, album)

    held = hold(
        source,
        reader,
        matcher,
        seen,
        views=views,
        colour=pictures or bool(detectors),
        colour_again=pictures,
    )
    watch.flush(album)
    signals, tracks = watch.finish(*held.extent)
    evidence = Evidence(
        sha256=held.digests.sha256,
        md5=held.digests.md5,
        size=held.digests.size,
        media=held.info,
        frames=held.frames,
        tracks=tuple(tracks),
        matches=held.matches,
        signals=tuple(sorted(signals, key=lambda s: (-s.score, s.category, s.peak or 0.0))),
        unknowns=(*held.unknowns, *watch.unknowns),
        banks=matcher.names,
        covered=tuple(dict.fromkeys(c for d in detectors for c in d.categories)),
        versions=versions | {f"decoder:{name}": v for name, v in held.decoders.items()},
    )
    peaks = {m.peak or 0.0 for m in held.matches} | {s.peak or 0.0 for s in signals}
    return Judged(evidence, album.pictures(peaks))


class _Pending(NamedTuple):
    second: float
    tensors: list[NDArray[np.generic]]
    size: tuple[int, int]
    picture: Picture | None


class _Watch:
    """Shows the frames of one item to all detectors, some at a time."""

    def __init__(self, detectors: Sequence[Classifier]) -> None:
        self._scores = [Scores(detector) for detector in detectors]
        self._failed: dict[str, Unknown] = {}
        self._pending: list[_Pending] = []

    @property
    def unknowns(self) -> tuple[Unknown, ...]:
        """Detectors that could not answer."""
        return tuple(self._failed.values())

    def add(
        self, second: float, rgb: NDArray[np.uint8], picture: Picture | None, album: Album
    ) -> None:
        tensors = [scores.detector.prepare(rgb) for scores in self._scores]
        self._pending.append(_Pending(second, tensors, rgb.shape[:2], picture))
        if len(self._pending) == CHUNK:
            self.flush(album)

    def flush(self, album: Album) -> None:
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
                # A runtime has errors of its own. None may cost the item its other answers.
                self._failed[detector.id] = failed(detector, error)
                continue
            for frame, answer in zip(pending, answers, strict=True):
                for peak in scores.add(frame.second, *answer):
                    album.keep((detector.id, *peak[:2]), peak.score, frame.picture)

    def finish(self, kind: Kind, duration: float) -> tuple[list[Signal], list[Track]]:
        signals: list[Signal] = []
        tracks: list[Track] = []
        for scores in self._scores:
            more_signals, more_tracks = scores.finish(kind, duration)
            signals.extend(more_signals)
            tracks.extend(more_tracks)
        return signals, tracks
