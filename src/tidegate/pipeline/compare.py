"""Two files held against each other, by the very means of a scan.

One becomes the only entry of a bank that is kept in memory, the other is held against
it. So what is told here is what a scan would tell with that bank.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

import tidegate
from tidegate import hashing
from tidegate.evidence import TRANSFORMS, FingerprintKind, Match, MediaInfo, Span, Transform, View
from tidegate.matching import Bank, Entry, Matcher
from tidegate.matching import Frame as EntryFrame
from tidegate.media import Budget, Frame, MediaError, Reader, Sampling, Source, open_source
from tidegate.pipeline.enrol import EVERY, stored
from tidegate.pipeline.find import Found, printable
from tidegate.pipeline.known import FINE, Held, Seen, hold, unread
from tidegate.report.comparison import Comparison, Nearest, Pair, Piece, Side
from tidegate.report.pictures import Picture, thumbnail, turn

MOST_PAIRS = 12
"""Pairs of frames that are shown, whatever the number of pieces."""

PIECE_PAIRS = 6
"""Pairs of frames that are shown of one piece."""

MOST_ASKED = 500
MOST_KNOWN = 20_000
"""Frames of the one and of the other file among which the nearest two are looked for."""

AROUND = 0.25
"""Seconds around the corresponding second in which the nearest frame is looked for."""

SIDE = 560
"""Pixels along the longer side of the pictures of a single pair."""

SMALL = 320
"""Pixels along the longer side of the pictures of several pairs."""


class Compared(NamedTuple):
    """What a comparison told, and the frames to show side by side."""

    comparison: Comparison
    pairs: tuple[Pair, ...]


class _Print(NamedTuple):
    """One frame: (8, 32) uint8 hashes, turned by each transform in turn; of its parts too."""

    second: float
    hashes: NDArray[np.uint8]
    quality: int
    parts: Mapping[View, NDArray[np.uint8]]

    @property
    def usable(self) -> bool:
        return self.quality >= hashing.MIN_QUALITY

    @property
    def looks(self) -> Mapping[View, NDArray[np.uint8]]:
        """The hashes that say anything: of the whole, and of its parts."""
        return {"whole": self.hashes, **self.parts} if self.usable else self.parts


@dataclass
class _File:
    """A file as it is looked at."""

    found: Found
    sampling: Sampling
    side: Side
    held: Held | None = None
    prints: list[_Print] = field(default_factory=list)

    @classmethod
    def at(cls, found: Found, sampling: Sampling) -> "_File":
        return cls(found, sampling, Side(path=printable(found.path)))

    def hold(self, reader: Reader, matcher: Matcher) -> tuple[Match, ...]:
        """Hash the file and hold it against a bank; what goes wrong is among its unknowns."""
        first: list[_Print] = []
        again: list[_Print] = []

        def seen(look: Seen) -> None:
            if look.hashes is not None:
                made = _Print(look.frame.second, look.hashes, look.quality, look.parts)
                (again if look.again else first).append(made)

        try:
            with open_source(self.found.path, reader.budget) as source:
                held = self.held = hold(source, reader, matcher, seen, self.sampling)
        except (MediaError, OSError) as error:
            self.side = msgspec.structs.replace(self.side, unknowns=(unread(error),))
            return ()
        self.prints = again if held.dense else first
        self.sampling = FINE if held.dense else self.sampling
        still = held.info is not None and held.info.kind == "image"
        self.side = Side(
            path=self.side.path,
            sha256=held.digests.sha256,
            md5=held.digests.md5,
            size=held.digests.size,
            media=held.info,
            pdq=held.frames[0].pdq if still and held.frames else None,
            quality=max((p.quality for p in self.prints), default=None),
            frames=len(self.prints),
            usable=sum(p.usable for p in self.prints),
            unknowns=held.unknowns,
        )
        return held.matches

    def bank(self, limit: int) -> Bank:
        """Return a bank that holds this file alone, or nothing where it could not be read."""
        held = self.held
        if held is None or held.info is None:
            return Bank(name="compared")
        entry = Entry(
            id="1",
            kind="image" if held.info.kind == "image" else "video",
            sha256=(held.digests.sha256,),
            md5=(held.digests.md5,),
            pdq=self._stored(held, held.info),
            duration=held.info.duration,
        )
        return Bank(name="compared", max_distance=limit, entries=(entry,))

    def _stored(self, held: Held, info: MediaInfo) -> tuple[EntryFrame, ...]:
        """Return what a bank would keep."""
        frames = stored(info, held.frames, held.unknowns)
        if not self.side.still or not frames:
            return frames
        parts = [turned[0].tobytes().hex() for turned in self.prints[0].parts.values()]
        return (*frames, *(EntryFrame(pdq) for pdq in parts))

    def nearest(self, second: float) -> _Print:
        """Return the frame that is shown nearest to a second."""
        return min(self.prints, key=lambda p: abs(p.second - second))


def compare(
    a: Found,
    b: Found,
    reader: Reader,
    *,
    limit: int = 31,
    sampling: Sampling | None = None,
    pictures: bool = False,
) -> Compared:
    """Hold two files against each other. Bad media never raises; it is unknown.

    Args:
        a: A picture, an animation or a video.
        b: Another one.
        reader: Decodes them.
        limit: Bits up to which two frames count as met, 0 to 64.
        sampling: Which frames of a video are held against the other file; by default
            those that a scan would judge. The other file is hashed as an entry would be.
        pictures: Whether to return frames to show.
    """
    # A picture is sought in a video, whichever came first: that tells every stretch in
    # which it is seen, and not only the nearest moment.
    swapped = _is_still(a, reader) and not _is_still(b, reader)
    query = _File.at(b if swapped else a, sampling or reader.sampling)
    entry = _File.at(a if swapped else b, EVERY)
    entry.hold(reader, Matcher(()))
    matches = query.hold(reader, Matcher([entry.bank(limit)]))
    first, second = (entry, query) if swapped else (query, entry)
    nearest = _nearest(query, entry, matches, swapped=swapped)
    comparison = _comparison(first, second, matches, nearest, limit, swapped=swapped)
    pairs = _pairs(first, second, comparison, reader, swapped=swapped) if pictures else ()
    return Compared(comparison, pairs)


def _is_still(found: Found, reader: Reader) -> bool:
    """Whether a file begins as a still picture."""
    try:
        with (
            open_source(found.path, reader.budget) as source,
            reader.read(source) as reading,
        ):
            next(reading, None)
    except (MediaError, OSError):
        return False
    return reading.info is not None and reading.info.kind == "image"


def _comparison(
    a: _File,
    b: _File,
    matches: tuple[Match, ...],
    nearest: Nearest | None,
    limit: int,
    *,
    swapped: bool,
) -> Comparison:
    exact: FingerprintKind | None = next((m.kind for m in matches if m.kind != "pdq"), None)
    changed = any(unknown.cause == "changed" for unknown in (*a.side.unknowns, *b.side.unknowns))
    seen_whole = not a.side.unknowns and not b.side.unknowns
    shares = (matches[0].query_share, matches[0].entry_share) if matches else (0.0, 0.0)
    pieces = [_piece(match, swapped=swapped) for match in matches]
    return Comparison(
        tidegate=tidegate.__version__,
        verdict="same" if matches else "different" if seen_whole else "unknown",
        complete=seen_whole or (exact is not None and not changed),
        limit=limit,
        exact=exact,
        pieces=tuple(sorted(pieces, key=_order)),
        a_share=shares[swapped],
        b_share=shares[not swapped],
        nearest=nearest,
        a=a.side,
        b=b.side,
    )


def _piece(match: Match, *, swapped: bool) -> Piece:
    spans: tuple[Span | None, Span | None] = (match.span, match.entry_span)
    return Piece(
        kind=match.kind,
        distance=match.distance,
        transform=_inverse(match.transform) if swapped else match.transform,
        view=match.view,
        speed=match.speed,
        a=spans[swapped],
        b=spans[not swapped],
    )


def _order(piece: Piece) -> tuple[float, float]:
    return (
        0.0 if piece.a is None else piece.a.start,
        0.0 if piece.b is None else piece.b.start,
    )


def _inverse(transform: Transform) -> Transform:
    """Return what turns back; all but the quarter turns undo themselves."""
    quarters: dict[Transform, Transform] = {"rotate90": "rotate270", "rotate270": "rotate90"}
    return quarters.get(transform, transform)


def _nearest(
    query: _File, entry: _File, matches: tuple[Match, ...], *, swapped: bool
) -> Nearest | None:
    """Return the two usable frames that are nearest; A is the query, or else the entry.

    Where nothing met, not all frames of two long videos are held against each other.
    """
    peak = next((match.peak for match in matches if match.kind == "pdq"), None)
    asked = [made for made in query.prints if peak is None or abs(made.second - peak) < 1e-3]
    asked = _some(asked, MOST_ASKED if peak is None else len(asked))
    still = entry.side.still
    known = [
        (p, turned[0])
        for p in _some(entry.prints, MOST_KNOWN)
        for view, turned in p.looks.items()
        if view == "whole" or still  # As in a bank: of a video only whole frames are kept.
    ]
    if not known:
        return None
    rows = np.stack([row for _, row in known]).view(np.uint64)
    found: list[tuple[int, int, int, int, View]] = []
    for number, made in enumerate(asked):
        for view, turned in made.looks.items():
            rotated = np.ascontiguousarray(turned).view(np.uint64)[:, np.newaxis]
            bits = np.bitwise_count(rotated ^ rows).sum(axis=2, dtype=np.int64)
            transform, row = divmod(int(bits.argmin()), len(rows))
            found.append((int(bits[transform, row]), number, transform, row, view))
    if not found:
        return None
    distance, number, transform, row, view = min(found, key=lambda f: f[:4])
    one, (other, hashed) = asked[number], known[row]
    sides = (
        (one.second, one.looks[view][transform].tobytes().hex()),
        (other.second, hashed.tobytes().hex()),
    )
    (a, a_pdq), (b, b_pdq) = sides[::-1] if swapped else sides
    how = TRANSFORMS[transform]
    return Nearest(
        distance=distance,
        transform=_inverse(how) if swapped else how,
        view=view,
        a=a,
        b=b,
        a_pdq=a_pdq,
        b_pdq=b_pdq,
    )


def _some(prints: list[_Print], most: int) -> list[_Print]:
    """Return at most so many, evenly spread."""
    return prints[:: max(1, -(-len(prints) // max(1, most)))]


class _Moment(NamedTuple):
    """A frame of each file that are to be shown together."""

    a: _Print | None
    b: _Print | None
    transform: Transform
    piece: int | None


def _pairs(
    a: _File, b: _File, comparison: Comparison, reader: Reader, *, swapped: bool
) -> tuple[Pair, ...]:
    """Return frames at corresponding seconds, or else the two that are nearest."""
    moments = _moments(a, b, comparison, swapped=swapped)
    side = SIDE if len(moments) == 1 else SMALL
    left = _pictures(a, [(m.a, m.transform) for m in moments], reader, side)
    right = _pictures(b, [(m.b, "none") for m in moments], reader, side)
    pairs = []
    for moment, one, other in zip(moments, left, right, strict=True):
        distance = None
        if comparison.stills:
            distance = comparison.nearest.distance if comparison.nearest else None
        elif moment.a and moment.b and moment.a.usable and moment.b.usable:
            distance = _apart(moment.a, moment.b, moment.transform, swapped=swapped)
        pairs.append(Pair(one, other, distance, moment.piece))
    return tuple(pairs)


def _moments(a: _File, b: _File, comparison: Comparison, *, swapped: bool) -> list[_Moment]:
    if not a.prints or not b.prints or comparison.stills or not comparison.pieces:
        nearest = comparison.nearest
        one = a.nearest(nearest.a if nearest else 0.0) if a.prints else None
        other = b.nearest(nearest.b if nearest else 0.0) if b.prints else None
        return [_Moment(one, other, nearest.transform if nearest else "none", None)]
    pieces = comparison.pieces[:MOST_PAIRS]
    # A picture does not change: a few frames show that it is there.
    most = PIECE_PAIRS // 2 if a.side.still or b.side.still else PIECE_PAIRS
    count = min(most, MOST_PAIRS // len(pieces))
    moments = []
    for number, piece in enumerate(pieces):
        shown: set[tuple[float, float]] = set()
        for share in (np.arange(count) + 0.5) / count:
            one = a.nearest(_along(piece.a, float(share)))
            # From the frame that is there, not from the time that was asked for.
            exact = float(share)
            if piece.a is not None and piece.a.length > 0:
                exact = min(1.0, max(0.0, (one.second - piece.a.start) / piece.a.length))
            at = _along(piece.b, exact)
            reach = AROUND + _slack(piece)
            around = [p for p in b.prints if abs(p.second - at) <= reach] or [b.nearest(at)]
            other = min(around, key=lambda p: _apart(one, p, piece.transform, swapped=swapped))
            if (one.second, other.second) not in shown:
                shown.add((one.second, other.second))
                moments.append(_Moment(one, other, piece.transform, number))
    return moments


def _slack(piece: Piece) -> float:
    """Return by how many seconds the two stretches do not keep in step."""
    if piece.a is None or piece.b is None:
        return 0.0
    return abs(piece.b.length - piece.a.length * piece.speed)


def _along(span: Span | None, share: float) -> float:
    return 0.0 if span is None else span.start + share * span.length


def _apart(a: _Print, b: _Print, transform: Transform, *, swapped: bool) -> int:
    """Return how far two frames are apart, in the position in which the files met."""
    query, entry = (b, a) if swapped else (a, b)
    turned = query.hashes[TRANSFORMS.index(_inverse(transform) if swapped else transform)]
    return hashing.hamming(turned.tobytes(), entry.hashes[0].tobytes())


def _pictures(
    file: _File, wanted: Iterable[tuple[_Print | None, Transform]], reader: Reader, side: int
) -> list[Picture | None]:
    """Decode a file once more and keep the frames that are wanted, turned as they are."""
    asked = [None if made is None else (made.second, transform) for made, transform in wanted]
    missing = {one for one in asked if one is not None}
    kept: dict[tuple[float, Transform], Picture] = {}
    with contextlib.ExitStack() as opened:
        reading: Iterable[Frame] = ()
        if missing and (source := _same(file, reader.budget)):
            opened.enter_context(source)
            reading = opened.enter_context(reader.read(source, file.sampling))
        for frame in reading:
            assert frame.rgb is not None
            for one in [one for one in missing if one[0] == frame.second]:
                turned = np.ascontiguousarray(turn(frame.rgb, one[1]))
                kept[one] = thumbnail(turned, frame.second, side)
                missing.discard(one)
            if not missing:
                break
    return [None if one is None else kept.get(one) for one in asked]


def _same(file: _File, budget: Budget) -> Source | None:
    """Open a file again, or return ``None`` where it is gone or another one by now."""
    try:
        source = open_source(file.found.path, budget)
    except MediaError:
        return None
    try:
        if file.held and hashing.digests(source.file, source.size) == file.held.digests:
            return source
    except OSError:
        pass
    source.close()
    return None
