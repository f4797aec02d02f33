"""One item, held against all banks while its frames stream by.

A session keeps what met, not the frames: its memory grows with the hits, and those are
bounded for each frame.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.evidence import TRANSFORMS, VIEWS, FingerprintKind, Kind, Match, Span, View
from tidegate.matching.align import Piece, Runs, align, runs
from tidegate.matching.bank import MIN_QUALITY
from tidegate.matching.catalogue import Catalogue
from tidegate.matching.index import HASH_BYTES
from tidegate.matching.shelf import Known
from tidegate.matching.timeline import HOLE, Timeline, share, span, stretches

WAYS = len(VIEWS) * len(TRANSFORMS)
"""In how many ways a frame can meet: the whole of it in each position, then its parts."""

MOST_RUNS = 512
"""Runs of neighbouring hits that a frame keeps of each part of a bank, nearest first."""

MANY_HITS = 200_000
"""Runs of one item after which each further frame keeps only the :data:`FEW_RUNS` nearest
of each part of a bank."""

FEW_RUNS = 8

MOST_PIECES = 100
"""Pieces of one entry that are listed, longest first; the shares are those of all."""


class Found(NamedTuple):
    """The hits of one entry, by frame of the query.

    Attributes:
        way: (n,) int64, the place in ``VIEWS`` times 8, plus that in ``TRANSFORMS``.
        hits: n runs, whose entry frames count from the entry's first.
    """

    way: NDArray[np.int64]
    hits: Runs

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Found":
        """Return some of the hits."""
        return Found(self.way[chosen], Runs(*(column[chosen] for column in self.hits)))


class Session:
    """Gathers what one item meets. Not safe to share between threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._seconds: list[float] = []
        self._hits: list[tuple[int, Runs]] = []
        self._kept = 0
        self._nearest: dict[int, tuple[int, float]] = {}
        self._exact: dict[int, FingerprintKind] = {}

    def exact(self, sha256: str | None, md5: str | None) -> None:
        """Look up the digests of the item's bytes, in lower-case hexadecimal digits."""
        for number in self._catalogue.holders("sha256", sha256 or ""):
            self._exact[number] = "sha256"
        for number in self._catalogue.holders("md5", md5 or ""):
            self._exact.setdefault(number, "md5")

    def add(
        self,
        second: float,
        hashes: NDArray[np.uint8],
        quality: int,
        parts: Mapping[View, NDArray[np.uint8]] | None = None,
    ) -> bool:
        """Look up one frame, or the only picture.

        Args:
            second: When the frame is shown; not before the last one. 0.0 for a picture.
            hashes: (8, 32) uint8, the frame turned by each transform.
            quality: PDQ quality, 0 to 100; below 50 the frame as a whole has no vote.
            parts: (8, 32) uint8 each, the hashes of parts of the frame, of those whose
                quality suffices.

        Returns:
            Whether a peak may be here: the frame met an entry more closely than any
            before it in the same stretch of hits.

        Raises:
            ValueError: The hashes are of another shape or type, or time runs backwards.
        """
        asked = dict(parts or {})
        if quality >= MIN_QUALITY:
            asked["whole"] = hashes
        for turned in (hashes, *asked.values()):
            if turned.shape != (len(TRANSFORMS), HASH_BYTES):
                raise ValueError(f"hashes are (8, 32) uint8, not {turned.shape}")
        if self._seconds and second < self._seconds[-1]:
            raise ValueError(f"a frame at {second} s follows one at {self._seconds[-1]} s")
        self._seconds.append(second)
        if not asked:
            return False
        ways = np.concatenate(
            [VIEWS.index(view) * len(TRANSFORMS) + np.arange(len(TRANSFORMS)) for view in asked]
        )
        query, row, owner, distance = self._catalogue.search(np.concatenate([*asked.values()]))
        # Entry and way in one number: a run must not go from one to another.
        hits = runs(owner * WAYS + ways[query], row, distance)
        most = MOST_RUNS if self._kept < MANY_HITS else FEW_RUNS
        if len(hits.frame) > most:
            # Each for itself, or known good content could hide what is to be found.
            shelf = self._catalogue.shelf_of(hits.frame // WAYS)
            nearest = np.concatenate(
                [_nearest(np.flatnonzero(shelf == place), hits, most) for place in np.unique(shelf)]
            )
            hits = Runs(*(column[np.sort(nearest)] for column in hits))
        self._kept += len(hits.frame)
        if len(hits.frame):
            self._hits.append((len(self._seconds) - 1, hits))
        return self._is_peak(second, hits)

    @property
    def met(self) -> bool:
        """Whether any frame has met an entry, even if nothing comes of it in the end."""
        return bool(self._hits)

    def finish(self, kind: Kind, duration: float) -> tuple[Match, ...]:
        """Return what the item met, nearest first.

        An entry that met by a digest is not listed again by PDQ. In a film there is a
        match for each piece, and all of them tell the share that the pieces of the
        entry have together.

        Args:
            kind: What the item is.
            duration: Its length in seconds, 0.0 for a picture.
        """
        matches = [
            _exact_match(self._catalogue.known(number), by, kind, duration)
            for number, by in self._exact.items()
        ]
        query = Timeline.of(self._seconds, duration, held=kind == "animation")
        for known, found in self._found():
            if kind == "image":
                matches.append(_picture(known, found))
            elif known.entry.kind == "image":
                matches += _picture_in_film(known, found, query)
            else:
                matches += _film_in_film(known, found, query)
        return tuple(sorted(matches, key=rank))

    def _is_peak(self, second: float, hits: Runs) -> bool:
        """Whether an entry is nearer than before, since it was last out of sight."""
        peak = False
        for key, distance in zip(hits.frame.tolist(), hits.distance.tolist(), strict=True):
            before, seen = self._nearest.get(key, (distance + 1, second))
            if second - seen > HOLE or distance < before:
                before, peak = distance, True
            self._nearest[key] = before, second
        return peak

    def _found(self) -> Iterator[tuple[Known, Found]]:
        """Yield the hits of each entry that met by PDQ alone, frames ascending."""
        if not self._hits:
            return
        frame = np.repeat(
            [frame for frame, _ in self._hits], [len(hits.frame) for _, hits in self._hits]
        )
        key, first, last, distance = (
            np.concatenate(columns) for columns in zip(*(h for _, h in self._hits), strict=True)
        )
        owner, way = np.divmod(key, WAYS)
        order = np.argsort(owner, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(owner[order])) + 1):
            number = int(owner[part[0]])
            if number in self._exact:
                continue
            known = self._catalogue.known(number)
            start = known.first_row
            hits = Runs(frame[part], first[part] - start, last[part] - start, distance[part])
            yield known, Found(way[part], hits)


def _nearest(among: NDArray[np.int64], hits: Runs, most: int) -> NDArray[np.int64]:
    return among[np.argsort(hits.distance[among], kind="stable")[:most]]


def _exact_match(known: Known, by: FingerprintKind, kind: Kind, duration: float) -> Match:
    film = known.entry.kind == "video" and known.entry.duration > 0.0
    return _match(
        known,
        by,
        distance=0,
        span=None if kind == "image" else span(0.0, duration),
        entry_span=span(0.0, known.entry.duration) if film else None,
    )


def _picture(known: Known, found: Found) -> Match:
    """A picture met a picture, or a moment of a film."""
    hits = found.hits
    best = np.lexsort((hits.first, found.way, hits.distance))[0]
    moment = None
    if known.entry.kind == "video":
        owned = known.timeline.owned()
        moment = span(owned[hits.first[best], 0], owned[hits.last[best], 1])
    return _match(
        known,
        "pdq",
        distance=int(hits.distance[best]),
        way=int(found.way[best]),
        entry_span=moment,
        entry_share=1.0 if moment is None else share([moment], known.timeline.duration),
    )


def _picture_in_film(known: Known, found: Found, query: Timeline) -> list[Match]:
    """Frames of a film met a picture."""
    hits = found.hits
    order = np.lexsort((found.way, hits.distance, hits.frame))
    frames, nearest = np.unique(hits.frame[order], return_index=True)
    best = found.only(order[nearest])
    owned = query.owned()[frames]
    peaks = []
    for stretch in stretches(owned):
        peak = stretch.start + int(np.argmin(best.hits.distance[stretch]))
        peaks.append((peak, span(owned[stretch.start, 0], owned[stretch.stop - 1, 1])))
    covered = share([when for _, when in peaks], query.duration)
    return [
        _match(
            known,
            "pdq",
            distance=int(best.hits.distance[peak]),
            way=int(best.way[peak]),
            span=when,
            peak=round(float(query.seconds[frames[peak]]), 3),
            query_share=covered,
        )
        for peak, when in peaks
    ]


def _film_in_film(known: Known, found: Found, query: Timeline) -> list[Match]:
    """Frames of a film met frames of a film; only what stays in step counts."""
    pieces = _pieces(known, found, query)
    query_share = share([piece.span for _, piece in pieces], query.duration)
    entry_share = share([piece.entry_span for _, piece in pieces], known.timeline.duration)
    if not known.bank.video_rule.admits(query_share, entry_share):
        return []
    return [
        _match(
            known,
            "pdq",
            distance=piece.distance,
            way=way,
            span=piece.span,
            peak=piece.peak,
            entry_span=piece.entry_span,
            query_share=query_share,
            entry_share=entry_share,
            speed=piece.speed,
        )
        for way, piece in sorted(pieces, key=lambda p: -p[1].span.length)[:MOST_PIECES]
    ]


def _pieces(known: Known, found: Found, query: Timeline) -> list[tuple[int, Piece]]:
    """Return the pieces of an entry, each with the way in which it met.

    Where a film is symmetric or has a border, several ways meet: one that more frames met
    in has the word, and the next is asked about the rest of the query.
    """
    pieces: list[tuple[int, Piece]] = []
    while len(found.way):
        way = _most_voted(found)
        chosen = found.way == way
        at = query.seconds[found.hits.frame]
        left = ~chosen
        for piece in align(query, known.timeline, found.only(chosen).hits):
            pieces.append((way, piece))
            left &= (at < piece.span.start) | (piece.span.end < at)
        found = found.only(left)
    return pieces


def _most_voted(found: Found) -> int:
    """Return the way that most frames met in; among equals the nearer, the first."""

    def votes(way: int) -> tuple[int, int, int]:
        hits = found.only(found.way == way).hits
        return len(np.unique(hits.frame)), -int(hits.distance.min()), -way

    present: list[int] = np.unique(found.way).tolist()
    return max(present, key=votes)


def _match(
    known: Known,
    by: FingerprintKind,
    *,
    distance: int,
    way: int = 0,
    span: Span | None = None,
    peak: float | None = None,
    entry_span: Span | None = None,
    query_share: float = 1.0,
    entry_share: float = 1.0,
    speed: float = 1.0,
) -> Match:
    return Match(
        bank=known.bank.name,
        entry=known.entry.id,
        category=known.category,
        role=known.bank.role,
        kind=by,
        distance=distance,
        transform=TRANSFORMS[way % len(TRANSFORMS)],
        view=VIEWS[way // len(TRANSFORMS)],
        span=span,
        peak=peak,
        entry_span=entry_span,
        query_share=query_share,
        entry_share=entry_share,
        speed=speed,
        note=known.entry.note,
    )


def rank(match: Match) -> tuple[int, float, str, str, float]:
    """Return the key by which matches are sorted: nearest first."""
    start = 0.0 if match.span is None else match.span.start
    return match.distance, -match.query_share, match.bank, match.entry, start
