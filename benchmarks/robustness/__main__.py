"""``make robustness``: measure on public photographs and write ``docs/robustness.md``."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.robustness import measure, photos
from benchmarks.robustness.copies import SAVED, all_copies
from benchmarks.robustness.measure import SETTINGS, Hashes, Setting
from benchmarks.robustness.page import Share, plot, table
from tidegate import hashing
from tidegate.hashing import views

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/robustness.md"
TEXT = Path(__file__).with_name("page.md")
PLOT = ROOT / "docs/images/robustness.svg"

SIZES = ((868, 1152), (3000, 4000))
"""Heights and widths whose hashing is timed."""

RADIUS = 31
RADII = (15, 23, 27, 31, 35, 39)
ALIKE = 40
"""Pairs of photographs within this distance are listed: they may show the same scene."""

FRAMED = ("Border: share of each side, all round", "Bars", "Screenshots (drawn)")
"""Copies that put the same thing around different pictures."""


class Unrelated(NamedTuple):
    """Distances between pictures that have nothing to do with each other.

    Attributes:
        counts: How many pairs are at each distance, 0 to 256.
        close: Pairs that are nearly alike, by their numbers, and their distances.
    """

    counts: NDArray[np.int64]
    close: list[tuple[int, int, int]]

    @property
    def closest(self) -> int:
        """The distance of the closest pair."""
        return int(np.flatnonzero(self.counts)[0])

    def within(self, radius: int) -> Share:
        """Return the share of pairs within a radius."""
        return Share(int(self.counts[: radius + 1].sum()), int(self.counts.sum()))


def main() -> None:
    """Measure, and write the page and its plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=200, help="whose copies are made")
    wanted = parser.parse_args().photographs
    began = time.perf_counter()

    sets = [photos.fetch(collection, photos.CACHE) for collection in photos.COLLECTIONS]
    files = [file for found in sets for file in found]
    reported = photos.halves(files)[1][:wanted]
    everything = measure.originals(files)
    entries = of(everything, [files.index(file) for file in reported])
    made = measure.copies(reported)

    found = [[share_found(copies, entries, setting) for setting in SETTINGS] for copies in made]
    originals = [unrelated(everything, everything, setting) for setting in SETTINGS]
    as_entries = [sum_of(unrelated(way, entries, setting) for way in made) for setting in SETTINGS]
    alike = [
        sum_of(
            unrelated(way, way, setting)
            for copy, way in zip(all_copies(), made, strict=True)
            if copy.group in FRAMED
        )
        for setting in SETTINGS
    ]
    costs = [[cost(setting, *size) for size in SIZES] for setting in SETTINGS]

    groups = [
        (title, [(copy.name, shares) for copy, shares in lines])
        for title, lines in groupby(
            zip(all_copies(), found, strict=True), key=lambda line: line[0].group
        )
    ]
    PLOT.write_text(plot(groups))
    page = TEXT.read_text().format(
        summary=summary(groups, originals, costs),
        copies=copies_table(groups),
        n=len(reported),
        ways=len(made),
        false=false_table(originals),
        false_copies=false_table(as_entries),
        false_alike=false_table(alike),
        pairs=f"{len(files) * (len(files) - 1) // 2:,}",
        worst=f"{originals[-1].within(RADIUS).interval[1]:.1e}",
        sets="\n".join(
            f"- [{one.name}]({one.repository}) at `{one.commit[:12]}`: {len(found)} photographs"
            for one, found in zip(photos.COLLECTIONS, sets, strict=True)
        ),
        total=f"{len(files):,}",
        closest_plain=originals[3].closest,
        closest_parts=originals[-1].closest,
        close=close_pairs(files, originals[-1]),
        saved=SAVED,
        alike=ALIKE,
        radius=RADIUS,
        centre=f"{100 * views.CENTRE:.0f} %",
        least=f"{100 * views.LEAST:.0f} %",
        flat=int((~everything.known[:, 0]).sum()),
        bordered=Share(int(everything.known[:, 1].sum()), len(files)).percent(),
        path=hashing.path_in_use(),
    )
    PAGE.write_text(page)
    print(
        f"{PAGE.relative_to(ROOT)}, {PLOT.relative_to(ROOT)}: {time.perf_counter() - began:.0f} s"
    )


def of(hashes: Hashes, numbers: list[int]) -> Hashes:
    """Return some of the pictures."""
    return Hashes(hashes.bits[numbers], hashes.known[numbers])


def share_found(copies: Hashes, entries: Hashes, setting: Setting) -> Share:
    """Return how many copies meet their own original."""
    apart = measure.paired(copies, entries, setting)
    return Share(int((apart <= RADIUS).sum()), len(apart))


def unrelated(queries: Hashes, entries: Hashes, setting: Setting) -> Unrelated:
    """Compare each picture with every other but the one it was made from.

    Where queries and entries are the same pictures a pair counts once: for whichever way
    round is closer.
    """
    apart = np.concatenate([*measure.crossed(queries, entries, setting)])
    np.fill_diagonal(apart, measure.FAR)
    if queries is entries:
        apart = np.minimum(apart, apart.T)
        apart[np.tril_indices_from(apart)] = measure.FAR
    close = [(int(a), int(b), int(apart[a, b])) for a, b in np.argwhere(apart <= ALIKE)]
    return Unrelated(np.bincount(apart.ravel(), minlength=measure.FAR)[: measure.FAR], close)


def sum_of(parts: Iterable[Unrelated]) -> Unrelated:
    """Add up."""
    return Unrelated(np.sum([part.counts for part in parts], axis=0), [])


def cost(setting: Setting, height: int, width: int) -> str:
    """Return the milliseconds a megapixel that hashing a query takes: plain, and in a frame.

    The picture is noise, the frame 5 % of each side. Processor time, the least of nine.
    """
    inner = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows, columns = height // 20, width // 20
    page = np.zeros_like(inner)
    page[rows:-rows, columns:-columns] = inner[rows:-rows, columns:-columns]
    megapixels = height * width / 1e6
    return " / ".join(f"{_milliseconds(setting, each) / megapixels:.1f}" for each in (inner, page))


def _milliseconds(setting: Setting, picture: NDArray[np.uint8]) -> float:
    """Time one picture."""
    work = hashing.dihedral if setting.turned else hashing.pdq
    times = []
    for _ in range(9):
        began = time.process_time()
        for part in views.views(picture, setting.query).values():
            work(part)
        times.append(time.process_time() - began)
    return 1000 * min(times)


Lines = Sequence[tuple[str, Sequence[Share]]]


def copies_table(groups: Sequence[tuple[str, Lines]]) -> str:
    """Return what each setting finds of each way to copy."""
    rows = []
    for title, lines in groups:
        rows.append([f"**{title}**", *[""] * len(SETTINGS)])
        rows += [[name, *(share.percent() for share in shares)] for name, shares in lines]
    return table(["copy", *(setting.name for setting in SETTINGS)], rows)


def summary(
    groups: Sequence[tuple[str, Lines]],
    originals: Sequence[Unrelated],
    costs: Sequence[Sequence[str]],
) -> str:
    """Return one line a setting: what it finds of each kind, what it costs, where it errs."""
    rows = []
    for column, setting in enumerate(SETTINGS):
        positions = 8 if setting.turned else 1
        rows.append(
            [
                setting.name,
                *(
                    f"{100 * float(np.mean([shares[column].value for _, shares in lines])):.0f}"
                    for _, lines in groups
                ),
                f"{positions * len(setting.query)}",
                f"{len(setting.entry)}",
                *costs[column],
                originals[column].within(RADIUS).rate(),
            ]
        )
    head = (
        "setting",
        *(title.split(":")[0].removesuffix(" (drawn)").lower() for title, _ in groups),
        "lookups a query",
        "hashes an entry",
        "ms a megapixel, of 1",
        "of 12",
        "false matches",
    )
    return table(head, rows)


def false_table(results: Sequence[Unrelated]) -> str:
    """Return the false matches of each setting over a few radii."""
    rows = [
        [
            setting.name,
            f"{int(result.counts.sum()):,}",
            f"{result.closest}",
            *(result.within(radius).rate() for radius in RADII),
        ]
        for setting, result in zip(SETTINGS, results, strict=True)
    ]
    return table(["setting", "pairs", "closest, bits", *(f"≤ {radius}" for radius in RADII)], rows)


def close_pairs(files: Sequence[Path], result: Unrelated) -> str:
    """Return the pairs of photographs that are nearly alike."""
    rows = sorted((bits, a, b) for a, b, bits in result.close)
    listed = [f"{files[a].name} and {files[b].name}: {bits} bits" for bits, a, b in rows]
    return "; ".join(listed) if listed else "none"


if __name__ == "__main__":
    main()
