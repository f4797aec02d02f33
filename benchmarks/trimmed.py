"""Trimmed and re-encoded copies of videos: which of them ours finds, and which vPDQ.

A copy that is cut between two whole seconds is sampled at other moments than its original.
Where the picture moves, those moments look different. Both are asked under the same rule:
80 % of the copy has to be met. vPDQ runs as threatexchange sets it up, and once more with
eight frames a second of each known video, as ours keeps them.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from threatexchange.extensions.vpdq.vpdq import VPDQSignal
from threatexchange.extensions.vpdq.vpdq_index import VPDQIndex

from benchmarks import clips, record
from benchmarks.duel import Goal, Row, Spread
from demo import media
from tidegate.matching import Bank
from tidegate.media import Reader
from tidegate.pipeline import SAMPLING, Found, Scanner, enrol

SIZE = (640, 360)

SECONDS = 14.0
"""Length of the clips that are made of photos."""

RULE = 0.8
"""Share of the copy that has to be met."""

BLIND = 10.0
"""Per cent of a copy's frames: where vPDQ meets no more, ours is to find nearly all."""

PACES = {"slow": 7.0, "brisk": 3.5, "fast": 1.75}
"""Seconds that the camera takes from one end of a photo to the other."""

TRIMS = ((0.37, 6.0), (1.5, 5.2), (2.63, 2.4), (3.37, 6.0))
"""Second at which a copy begins, and its length at most."""


class Encoding(NamedTuple):
    """How a copy is written."""

    suffix: str
    codec: str
    size: tuple[int, int]
    options: dict[str, str]


ENCODINGS = {
    "H.264": Encoding(".mp4", "libx264", SIZE, {"crf": "26", "preset": "veryfast"}),
    "H.264, half the size": Encoding(
        ".mp4", "libx264", (320, 180), {"crf": "30", "preset": "veryfast"}
    ),
    "VP9": Encoding(
        ".webm",
        "libvpx-vp9",
        (480, 270),
        {"crf": "42", "b": "0", "deadline": "realtime", "cpu-used": "8"},
    ),
}

STRANGERS = ("ihc.png", "brick.png", "gravel.png", "coins.png", "motorcycle_left.png")
"""Photos whose clips are in no bank."""


class Clip(NamedTuple):
    """A clip to make copies of.

    Attributes:
        name: What it is called.
        pace: How fast the picture moves.
        known: Whether it is in the bank.
        frames: Makes its frames; together they are too many to keep.
    """

    name: str
    pace: str
    known: bool
    frames: Callable[[], list[clips.Picture]]


class Case(NamedTuple):
    """A copy, and what was said of it.

    Attributes:
        original: Name of the known clip, or ``None`` of a stranger.
        pace: How fast the picture moves.
        ours: Names of the entries that ours found.
        theirs: Names that vPDQ found.
        dense: Names that vPDQ found, with eight frames a second of each known video.
        share: Per cent of the copy's frames that vPDQ met in the original.
    """

    original: str | None
    pace: str
    ours: frozenset[str]
    theirs: frozenset[str]
    dense: frozenset[str]
    share: float


def main() -> None:
    """Run the topic."""
    record.main("trimmed", ("threatexchange", "vpdq", "av"), rows)


def rows(options: record.Options) -> Iterator[Row]:
    """Make the clips and their copies, ask both, count."""
    with tempfile.TemporaryDirectory() as folder:
        cases = list(_cases(Path(folder), options.quick))
    known = [case for case in cases if case.original is not None]
    strangers = [case for case in cases if case.original is None]
    blind = [case for case in known if case.share <= BLIND]
    name = f"copies of which vPDQ meets at most {BLIND:.0f} % of the frames"
    yield _found(f"found, {name}", blind, goal=Goal(least=95.0))
    for pace in dict.fromkeys(case.pace for case in known):
        yield _found(f"found, {pace} clips", [case for case in known if case.pace == pace])
    yield _found("found, all copies", known)
    yield _found("found, all copies", known, dense=True)
    yield _false("matched to a wrong entry", cases)
    yield _false("strangers matched", strangers)


def _cases(folder: Path, quick: bool) -> Iterator[Case]:
    """Write everything, enrol the known clips, hold each copy against them."""
    every = _clips(quick)
    paths = {clip.name: folder / f"{clip.name}.mp4" for clip in every if clip.known}
    for clip in every:
        if clip.known:
            options = {"crf": "20", "preset": "veryfast"}
            clips.encode(paths[clip.name], clip.frames(), SIZE, options=options)
    signals = {name: VPDQSignal.hash_from_file(path) for name, path in paths.items()}
    coarse = VPDQIndex.build((written, name) for name, written in signals.items())
    dense = VPDQIndex.build(
        (VPDQSignal.hash_from_file(path, SAMPLING.gap), name) for name, path in paths.items()
    )
    with Scanner(banks=[_bank(paths)], detectors=[], jobs=1) as scanner:
        for clip in every:
            for copy in _copies(folder, clip, quick):
                asked = VPDQSignal.hash_from_file(copy)
                yield Case(
                    clip.name if clip.known else None,
                    clip.pace,
                    _ours(scanner, copy),
                    frozenset(match.metadata for match in coarse.query(asked)),
                    frozenset(match.metadata for match in dense.query(asked)),
                    _share(asked, signals[clip.name]) if clip.known else 0.0,
                )


def _copies(folder: Path, clip: Clip, quick: bool) -> Iterator[Path]:
    """Write one copy after another."""
    frames = clip.frames()
    for start, length in TRIMS[-1:] if quick else TRIMS:
        part = frames[round(start * clips.RATE) : round((start + length) * clips.RATE)]
        for encoding in list(ENCODINGS.values())[: 1 if quick else None]:
            path = folder / f"copy{encoding.suffix}"
            clips.encode(path, part, encoding.size, codec=encoding.codec, options=encoding.options)
            yield path


def _share(asked: str, original: str) -> float:
    return VPDQSignal.compare_hash(asked, original).distance.query_match_percent


def _ours(scanner: Scanner, path: Path) -> frozenset[str]:
    """Return the entries that a scan finds under the rule."""
    item = scanner.scan(path)
    return frozenset(m.entry for m in item.evidence.matches if m.query_share >= RULE)


def _bank(paths: dict[str, Path]) -> Bank:
    with Reader(sampling=SAMPLING) as reader:
        entries = []
        for name, path in paths.items():
            enrolled = enrol(
                Found(path, named=True), reader, name, category=None, note="", added=""
            )
            assert enrolled is not None
            entries.append(enrolled.entry)
    return Bank(name="clips", entries=tuple(entries))


def _clips(quick: bool) -> list[Clip]:
    """Return the known clips and the strangers."""
    photos = [name for name in (*media.KNOWN, *media.UNRELATED) if name not in STRANGERS]
    found = []
    for number, name in enumerate(photos[: 3 if quick else None]):
        pace = list(PACES)[number % len(PACES)]
        found.append(Clip(f"{pace}-{name}", pace, True, partial(_moves, name, pace, number)))
    for name in () if quick else ("bikes.mp4", "bigbuckbunny.mp4"):
        found.append(Clip(name, "filmed", True, partial(_filmed, name)))
    for number, name in enumerate(STRANGERS[: 1 if quick else None]):
        frames = partial(_moves, name, "brisk", 50 + number)
        found.append(Clip(f"stranger-{name}", "brisk", False, frames))
    return found


def _filmed(name: str) -> list[clips.Picture]:
    return list(media.frames(name, SIZE))


def _moves(name: str, pace: str, seed: int) -> list[clips.Picture]:
    """Return frames of one camera move after another over a photo."""
    moves = (clips.move(name, PACES[pace], SIZE, seed=100 * seed + part) for part in range(99))
    return list(islice(chain.from_iterable(moves), round(SECONDS * clips.RATE)))


def _found(case: str, cases: list[Case], *, dense: bool = False, goal: Goal | None = None) -> Row:
    peer = "`VPDQIndex`, 1 frame/s"
    if dense:
        peer = "`VPDQIndex`, known videos at 8 frames/s"
    return Row(
        case=case,
        peer=peer,
        unit="%",
        ours=_rate([case.original in case.ours for case in cases]),
        theirs=_rate([case.original in (case.dense if dense else case.theirs) for case in cases]),
        rounds=len(cases),
        goal=goal,
    )


def _false(case: str, cases: list[Case]) -> Row:
    return Row(
        case=case,
        peer="`VPDQIndex`, 1 frame/s",
        unit="%",
        ours=_rate([bool(case.ours - {case.original}) for case in cases]),
        theirs=_rate([bool(case.theirs - {case.original}) for case in cases]),
        rounds=len(cases),
    )


def _rate(hits: Sequence[bool]) -> Spread:
    """Return the per cent that are true, with the 95 % interval of Wilson."""
    count, z = len(hits), 1.96
    if not count:
        raise ValueError("no case to count")
    share = sum(hits) / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z * z / count)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Spread(median=100 * share, low=100 * low, high=100 * high)


if __name__ == "__main__":
    main()
