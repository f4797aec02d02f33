"""One item through the whole pipeline: bytes in, evidence out."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate import hashing
from tidegate.detectors import Classifier, Scores
from tidegate.evidence import Evidence, FrameHash, Kind, MediaInfo, Signal, Track, Unknown
from tidegate.matching import Matcher, Session
from tidegate.media import Frame, Reader, Sampling, Source
from tidegate.pipeline.album import Album
from tidegate.report.pictures import Picture, thumbnail

logger = logging.getLogger(__name__)

CHUNK = 8
"""Frames that are shown to a detector in one call."""


FINE = Sampling(gap=0.25)
"""How densely a video is looked at again where it met something known."""


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
) -> Judged:
    """Decode, hash, match and classify one item, frame by frame.

    Memory does not grow with the item's length, but for some bytes a frame.

    Args:
        source: The opened file.
        reader: Decodes it.
        matcher: Knows the banks.
        detectors: Models to ask.
        versions: Goes into the evidence.
        pictures: Whether to keep thumbnails.
    """
    digests = hashing.digests(source.file)
    session = matcher.session()
    session.exact(digests.sha256, digests.md5)
    watch = _Watch(detectors)
    album = Album()
    hashes: list[FrameHash] = []
    too_small: Unknown | None = None
    reading = reader.read(source)
    for frame in reading:
        height, width, _ = frame.rgb.shape
        picture = thumbnail(frame.rgb, frame.second) if pictures else None
        album.keep("first frame", 0.0, picture, once=True)
        if min(height, width) < hashing.MIN_SIDE:
            too_small = _too_small(width, height)
            continue
        hashed, met = _hash(frame, session)
        hashes.append(hashed)
        if met:
            album.keep(("match", frame.second), 2.0, picture)
        watch.add(frame.second, frame.rgb, picture, album)
    watch.flush(album)
    kind, duration = _extent(reading.info)
    matches = session.finish(kind, duration)
    if kind == "video" and any(m.kind == "pdq" for m in matches) and reader.sampling.gap > FINE.gap:
        closer = matcher.session()
        closer.exact(digests.sha256, digests.md5)
        dense = _look_closer(source, reader, closer, album, pictures=pictures)
        if found := closer.finish(kind, duration):
            matches, hashes = found, dense
    signals, tracks = watch.finish(kind, duration)
    unknowns = [*reading.unknowns, *watch.unknowns]
    if too_small is not None:
        unknowns.append(too_small)
    if hashes and all(h.quality < hashing.MIN_QUALITY for h in hashes):
        unknowns.append(_too_flat(max(h.quality for h in hashes)))
    evidence = Evidence(
        sha256=digests.sha256,
        md5=digests.md5,
        size=digests.size,
        media=reading.info,
        frames=tuple(hashes),
        tracks=tuple(tracks),
        matches=matches,
        signals=tuple(sorted(signals, key=lambda s: (-s.score, s.category, s.peak or 0.0))),
        unknowns=tuple(unknowns),
        banks=matcher.names,
        covered=tuple(dict.fromkeys(c for d in detectors for c in d.categories)),
        versions=versions,
    )
    peaks = {m.peak or 0.0 for m in matches} | {s.peak or 0.0 for s in signals}
    return Judged(evidence, album.pictures(peaks))


def _look_closer(
    source: Source, reader: Reader, session: Session, album: Album, *, pictures: bool
) -> list[FrameHash]:
    """Hash a video again, densely: a second between two frames leaves the ends of a match open."""
    hashes = []
    for frame in reader.read(source, FINE):
        hashed, met = _hash(frame, session)
        hashes.append(hashed)
        if met and pictures:
            album.keep(("match", frame.second), 2.0, thumbnail(frame.rgb, frame.second))
    return hashes


def _hash(frame: Frame, session: Session) -> tuple[FrameHash, bool]:
    """Hash a frame and look it up; return the hash, and whether it met something closer."""
    turned, quality = hashing.dihedral(frame.rgb)
    pdq = turned[0].tobytes().hex()
    hashed = FrameHash(second=frame.second, pdq=pdq, quality=quality)
    return hashed, session.add(frame.second, turned, quality)


def _extent(info: MediaInfo | None) -> tuple[Kind, float]:
    return ("image", 0.0) if info is None else (info.kind, info.duration)


def _too_small(width: int, height: int) -> Unknown:
    return Unknown(
        stage="media",
        cause="too_small",
        detail=f"{width}×{height} pixels: under {hashing.MIN_SIDE} on a side nothing can be told",
    )


def _too_flat(quality: int) -> Unknown:
    return Unknown(
        stage="matching",
        cause="too_flat",
        detail=f"PDQ quality {quality} of 100: under {hashing.MIN_QUALITY} a picture is too flat "
        "to be matched",
    )


class _Pending(NamedTuple):
    second: float
    tensors: list[NDArray[np.float32]]
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
        self._pending.append(_Pending(second, tensors, picture))
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
                rows = detector.scores([frame.tensors[index] for frame in pending])
                if not np.isfinite(rows).all():
                    raise ArithmeticError("a score is not a number")
            except Exception as error:
                # A runtime has errors of its own. None may cost the item its other answers.
                logger.exception("detector %s failed", detector.id)
                self._failed[detector.id] = _failure(detector, error)
                continue
            for frame, row in zip(pending, rows, strict=True):
                for peak in scores.add(frame.second, row):
                    album.keep((detector.id, *peak[:2]), peak.score, frame.picture)

    def finish(self, kind: Kind, duration: float) -> tuple[list[Signal], list[Track]]:
        signals: list[Signal] = []
        tracks: list[Track] = []
        for scores in self._scores:
            more_signals, more_tracks = scores.finish(kind, duration)
            signals.extend(more_signals)
            tracks.extend(more_tracks)
        return signals, tracks


def _failure(detector: Classifier, error: Exception) -> Unknown:
    return Unknown(
        stage="detectors",
        cause="detector_failed",
        detail=f"{detector.id} could not answer: {type(error).__name__}",
        detector=detector.id,
        categories=detector.categories,
    )
