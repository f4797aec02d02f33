"""Hashing beside its peers: each a ratio of medians from one interleaved run.

``make bench`` runs it. The peers are `pdqhash` (the reference in C++) for pixels to hash,
and `threatexchange` (Meta's Python library) for a JPEG file to its hash.
"""

import os

# One thread for everybody: the peers have no more, and a service uses its cores for items.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pdqhash
from PIL import Image
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_file

from demo import media
from tidegate import hashing
from tidegate.media import Reader, open_source

ROUNDS = 15

SIZES = {"1 MP": (1152, 868), "12 MP": (4000, 3000)}


def main() -> None:
    """Print one line a case."""
    print(f"medians of {ROUNDS} rounds, ours and the peer's in turn\n")
    print("| case | ours | peer | peer / ours (min – max) |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, Reader() as reader:
        for name, size in SIZES.items():
            photo = media.photo("coffee.png").resize(size, Image.Resampling.LANCZOS)
            pixels = np.asarray(photo)
            path = Path(folder, "photo.jpg")
            photo.save(path, quality=90)
            compare(
                f"{name} pixels → hash (`pdqhash`)",
                lambda pixels=pixels: hashing.pdq(pixels),
                lambda pixels=pixels: pdqhash.compute(pixels),
            )
            compare(
                f"{name} JPEG file → hash (`threatexchange`)",
                lambda path=path: hash_file(reader, path),
                lambda path=path: pdq_from_file(path),
            )


def hash_file(reader: Reader, path: Path) -> hashing.Pdq:
    """Hash a file as a scan does: decoded by the child process, at full resolution."""
    with open_source(path) as source:
        (found,) = [hashing.pdq(frame.rgb) for frame in reader.read(source)]
    return found


def compare(case: str, ours: Callable[[], object], peer: Callable[[], object]) -> None:
    """Time both in turn, after one round that is not counted."""
    times: list[tuple[float, float]] = []
    for _ in range(ROUNDS + 1):
        times.append((timed(ours), timed(peer)))
    times.pop(0)
    mine, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    ratios = [b / a for a, b in times]
    print(
        f"| {case} | {mine * 1000:.1f} ms | {theirs * 1000:.1f} ms "
        f"| {statistics.median(ratios):.1f} ({min(ratios):.1f} – {max(ratios):.1f}) |"
    )


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
