"""Pixels to hash, and a JPEG file to its hash, beside Meta's.

`pdqhash` is the reference in C++, as a package for Python; it takes pixels. threatexchange
takes a file: it decodes with Pillow at full resolution and calls pdqhash.
"""

import os

# One thread for everybody: the peers have no more, and a service uses its cores for items.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pdqhash
from PIL import Image
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_file

from benchmarks import record
from benchmarks.duel import Goal, Row, duel
from demo import media
from tidegate import hashing
from tidegate.media import Reader, open_source

SIZES = {"1 MP": (1152, 868), "12 MP": (4000, 3000)}

GOALS = {
    "1 MP JPEG": Goal(ratio=3.5),
    "12 MP JPEG": Goal(ratio=6.0),
    "12 MP pixels": Goal(ratio=50.0),
}


def main() -> None:
    """Run the topic."""
    record.main("hashing", ("pdqhash", "threatexchange", "pillow", "simplejpeg"), rows)


def rows(options: record.Options) -> Iterator[Row]:
    """Measure each size, first its pixels and then its file."""
    rounds = 3 if options.quick else 15
    with tempfile.TemporaryDirectory() as folder, Reader() as reader:
        for name, size in SIZES.items():
            photo = media.photo("coffee.png").resize(size, Image.Resampling.LANCZOS)
            pixels = np.asarray(photo)
            path = Path(folder, "photo.jpg")
            photo.save(path, quality=90)
            yield duel(
                f"{name} pixels → hash",
                lambda pixels=pixels: hashing.pdq(pixels),
                "`pdqhash.compute`",
                lambda pixels=pixels: pdqhash.compute(pixels),
                rounds=rounds,
                goal=GOALS.get(f"{name} pixels"),
            )
            yield duel(
                f"{name} JPEG file → hash",
                lambda path=path: hash_file(reader, path),
                "threatexchange `pdq_from_file`",
                lambda path=path: pdq_from_file(path),
                rounds=rounds,
                goal=GOALS.get(f"{name} JPEG"),
            )


def hash_file(reader: Reader, path: Path) -> hashing.Pdq:
    """Hash a file as a scan does: decoded by the child process, at full resolution."""
    with open_source(path) as source:
        (found,) = [hashing.pdq(frame.rgb) for frame in reader.read(source)]
    return found


if __name__ == "__main__":
    main()
