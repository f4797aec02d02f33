"""One item through the whole pipeline: bytes in, evidence out."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tidegate.detectors import Classifier
from tidegate.evidence import Evidence, Facts, MediaInfo, Signal, Span
from tidegate.hashing import Preset
from tidegate.matching import Matcher
from tidegate.media import Reader, Source
from tidegate.pipeline.album import Album
from tidegate.pipeline.cascade import Cascade, answering
from tidegate.pipeline.closer import Closer, length, near, stretches
from tidegate.pipeline.known import FINE, Held, Seen, hold
from tidegate.pipeline.watch import Watch
from tidegate.policy import Program
from tidegate.report.pictures import Picture, thumbnail
from tidegate.report.words import plural


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
    program: Program,
    facts: Facts = Facts(),  # noqa: B008 - frozen
    *,
    pictures: bool,
    views: Preset = "standard",
    ask_all: bool = False,
) -> Judged:
    """Decode, hash, match and classify one item, frame by frame.

    Memory does not grow with the item's length, but for some bytes a frame.

    Args:
        source: The opened file.
        reader: Decodes it.
        matcher: Knows the banks.
        detectors: Models to ask.
        versions: Goes into the evidence, with those of the decoders in use.
        program: Decides: a model of which no answer could change that is not asked, and a
            video is looked at more closely where it is near one of its thresholds.
        facts: What the platform says of the item.
        pictures: Whether to keep thumbnails.
        views: Which parts of each frame are looked up beside the whole.
        ask_all: Whether every model is asked, whatever is known by then.
    """
    cascade = Cascade(program, facts, ask_all=ask_all)
    judging = _Judging(
        cascade,
        detectors,
        matcher.names,
        versions,
        reader.sampling.gap,
        pictures=pictures,
        coloured=not reader.heeds_colour(source),
    )
    held = hold(
        source,
        reader,
        matcher,
        judging.seen,
        views=views,
        colour=judging.colour,
        colour_again=pictures,
        closer=judging.closer,
    )
    return judging.finish(held)


_SOME_VIDEO = MediaInfo(kind="video", format="", width=0, height=0)
"""Stands for a video before anything of it is decoded: a policy may have rows for these alone."""


class _Judging:
    """One item, while it goes by."""

    def __init__(
        self,
        cascade: Cascade,
        detectors: Sequence[Classifier],
        banks: tuple[str, ...],
        versions: dict[str, str],
        gap: float,
        *,
        pictures: bool,
        coloured: bool,
    ) -> None:
        self._cascade = cascade
        self._detectors = detectors
        self._banks = banks
        self._versions = versions
        self._gap = gap
        self._pictures = pictures
        self._coloured = coloured
        self._album = Album()
        self._watch = Watch(detectors, self._album)
        self._by_bytes = Evidence()
        self._chosen: Sequence[Classifier] | None = None
        self._closer: Closer | None = None

    def colour(self, known: Held) -> bool:
        """Return whether detectors or thumbnails need the RGB of a video's frames."""
        self._by_bytes = msgspec.structs.replace(self._evidence(known), banks=())
        if self._pictures or self._coloured:  # What comes in RGB anyhow need not be thought about.
            return True
        return any(self._worth_starting(media) for media in (None, _SOME_VIDEO))

    def seen(self, look: Seen) -> None:
        """Take a frame of either look."""
        if look.again:
            self._again(look)
            return
        second, rgb = look.frame.second, look.frame.rgb
        picture = thumbnail(rgb, second) if self._pictures and rgb is not None else None
        if look.met:
            self._album.keep(("match", second), 2.0, picture)
        self._album.keep("first frame", 0.0, picture, once=True)
        if look.hashes is None:  # Too small to tell anything.
            return
        if self._chosen is None:
            self._choose(look, picture)
        if self._chosen and rgb is not None:
            self._watch.add(second, rgb, picture, self._chosen)

    def _choose(self, look: Seen, picture: Picture | None) -> None:
        """Decide at the first frame whom to ask.

        Of a still picture all but the models' answers is known by now, so each of them may
        settle the matter for the next. Of anything else only the bytes are: what a bank holds
        of it and where in it something is seen is known at its end.
        """
        known = look.known()
        if known.extent[0] != "image":
            self._chosen = self._worth_starting(known.info)
            return
        self._chosen = ()
        while look.frame.rgb is not None and (left := self._worth_asking(self._evidence(known))):
            self._watch.add(look.frame.second, look.frame.rgb, picture, left[:1])
            self._watch.flush()

    def closer(self, known: Held) -> Sequence[Span]:
        """Return where a video is to be looked at more closely."""
        self._watch.flush()
        evidence, duration = self._evidence(known), known.extent[1]
        weak = {detector.id: detector.manifest.review_only for detector in self._watch.able}
        tracks = [
            track
            for track in evidence.tracks
            if track.detector in weak
            and self._cascade.matters(evidence, track.category, review_only=weak[track.detector])
        ]
        found = [*near(tracks, self._cascade.thresholds, reach=self._gap, duration=duration)]
        spans = stretches(found, duration, FINE.gap)
        if spans:
            near_by = {one.detector for one in found}
            seen = [frame.second for frame in known.frames]
            self._closer = Closer(spans, near_by, seen, FINE.gap)
        return spans

    def _again(self, look: Seen) -> None:
        second, rgb = look.frame.second, look.frame.rgb
        if rgb is None:
            return
        part = self._closer.take(second) if self._closer is not None else None
        picture = thumbnail(rgb, second) if self._pictures and (look.met or part) else None
        if look.met:
            self._album.keep(("match", second), 2.0, picture)
        if self._closer is not None and part is not None:
            chosen = [d for d in self._watch.able if d.id in self._closer.detectors]
            self._watch.add(second, rgb, picture, chosen, part)

    def finish(self, held: Held) -> Judged:
        """Return the evidence of all that went by."""
        self._watch.flush()
        evidence = self._evidence(held)
        if self._chosen is not None:
            skipped = [d for d in self._detectors if d not in self._watch.asked]
            evidence = msgspec.structs.replace(
                evidence,
                covered=answering([d for d in self._detectors if d not in skipped]),
                skipped=self._cascade.skipped(evidence, skipped),
            )
        peaks = {m.peak or 0.0 for m in held.matches} | {s.peak or 0.0 for s in evidence.signals}
        return Judged(evidence, self._album.pictures(peaks))

    def _worth_starting(self, media: MediaInfo | None) -> Sequence[Classifier]:
        """Return whom to ask where nothing but what the bytes have met is known."""
        evidence = msgspec.structs.replace(self._by_bytes, media=media)
        # What no bank was asked about yet, and what the policy misses by now, settles nothing.
        firm = self._cascade.holds(evidence, self._detectors)
        return self._worth_asking(evidence) if firm else self._detectors

    def _worth_asking(self, evidence: Evidence) -> list[Classifier]:
        asked = self._watch.asked
        return self._cascade.worth_asking(evidence, [d for d in self._detectors if d not in asked])

    def _evidence(self, held: Held) -> Evidence:
        """Return what is known by now, as if the detectors that were not asked were still to be."""
        signals, tracks = self._watch.finish(*held.extent)
        return Evidence(
            sha256=held.digests.sha256,
            md5=held.digests.md5,
            size=held.digests.size,
            media=self._noted(held),
            frames=held.frames,
            tracks=tuple(tracks),
            matches=held.matches,
            signals=tuple(sorted(signals, key=_strongest)),
            unknowns=(*held.unknowns, *self._watch.unknowns),
            banks=self._banks,
            covered=answering(self._detectors),
            versions=self._versions | {f"decoder:{name}": v for name, v in held.decoders.items()},
        )

    def _noted(self, held: Held) -> MediaInfo | None:
        """Return what the media is, with what was looked at more closely."""
        closer, info = self._closer, held.info
        if closer is None or info is None:
            return info
        note = (
            "looked at more closely where a score was near a threshold: "
            f"{plural(closer.shown, 'more frame')} in {length(closer.spans):.1f} s"
        )
        if held.broken_off is not None:
            note += f", not all of them: {held.broken_off.replace('_', ' ')}"
        return msgspec.structs.replace(info, notes=(*info.notes, note))


def _strongest(signal: Signal) -> tuple[float, str, float]:
    return -signal.score, signal.category, signal.peak or 0.0
