"""What it costs that an item is decoded by another process, which the kernel confines.

Beside the same decoders without any of it: called in this process, on the same file. And
beside the other process alone, with the confinement switched off.
"""

import gc
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from benchmarks import record
from benchmarks.duel import Goal, Row, Spread, wall
from benchmarks.record import Options
from demo import media as samples
from tidegate.media import Budget, Reader, Sampling, child, memory, open_source, wire
from tidegate.media.outlet import Outlet

MOST = Goal(most=0.002)

HERE = "the same decoders in one process, unconfined"
LOOSE = "the same process, unconfined"


class _Inward(Outlet):
    """An outlet that leads nowhere: frames are written, and their slot is free at once."""

    def __init__(self, slots: memory.Slots) -> None:
        super().__init__(None, slots)  # type: ignore[arg-type]

    def _heed(self) -> None:
        pass

    def _send(self, message: wire.Answer) -> None:
        if isinstance(message, wire.Picture):
            self._free.append(message.slot)


class _Here:
    """The decoders, called in this process."""

    def __init__(self) -> None:
        descriptor = memory.create(Budget().pixels)
        self._outlet = _Inward(memory.Slots(descriptor, writable=True))
        os.close(descriptor)

    def __call__(self, path: Path) -> int:
        with open_source(path) as source:
            job = wire.Job(format=source.format or "", budget=Budget(), sampling=Sampling())
            self._outlet.begin(job.budget)
            child.do(job, source.file.fileno(), self._outlet)
        return self._outlet.judged


class _There:
    """A reader, confined or not."""

    def __init__(self, confinement: str) -> None:
        os.environ["TIDEGATE_CONFINEMENT"] = confinement
        try:
            self.reader = Reader()
            self(samples.source("rocket.jpg"))
        finally:
            del os.environ["TIDEGATE_CONFINEMENT"]
        lacking = self.reader.lacking
        assert bool(lacking) == (confinement == "off"), lacking

    def __call__(self, path: Path) -> int:
        with open_source(path) as source, self.reader.read(source) as reading:
            return sum(1 for _ in reading)


def rows(options: Options) -> Iterator[Row]:
    """Measure every case beside both peers."""
    rounds = 5 if options.quick else 200
    gc.collect()
    gc.freeze()  # As in a decoder, so that collecting costs the same in both.
    here, confined, loose = _Here(), _There("required"), _There("off")
    with tempfile.TemporaryDirectory() as folder, confined.reader, loose.reader:
        for case, path in _cases(Path(folder)):
            few = rounds if path.suffix != ".mp4" else max(5, rounds // 8)
            count = here(path)
            assert count == confined(path) == loose(path), case
            yield _cost(case, HERE, confined, here, path, few)
            yield _cost(case, LOOSE, confined, loose, path, few)
        yield _replaced(confined, rounds)


def _cases(folder: Path) -> Iterator[tuple[str, Path]]:
    picture = samples.photo("astronaut.png")
    for name, size in (("1 MP", (1155, 866)), ("12 MP", (4000, 3000))):
        path = folder / f"{name}.jpg"
        picture.resize(size, Image.Resampling.LANCZOS).save(path, quality=90)
        yield f"{name} JPEG", path
    for kind, options in (("PNG", {}), ("WebP", {"quality": 80})):
        path = folder / f"photo.{kind.lower()}"
        picture.save(path, **options)
        yield f"0.3 MP {kind}", path
    yield "10 s of 640 × 272 H.264, a frame a second", samples.source("bikes.mp4")


def _cost(case: str, peer: str, ours: _There, theirs: _Here | _There, path: Path, n: int) -> Row:
    """Return how much longer ours takes for an item."""
    pairs = [(wall(lambda: ours(path)), wall(lambda: theirs(path))) for _ in range(n + 1)][1:]
    return Row(
        case=f"{case}: what it costs",
        peer=peer,
        unit="s",
        ours=Spread.of([mine - other for mine, other in pairs]),
        theirs=Spread.of([other for _, other in pairs]),
        rounds=n,
        goal=MOST,
    )


def _replaced(there: _There, rounds: int) -> Row:
    """Return how long the next item takes where the decoder has just been killed."""
    path, times = samples.source("rocket.jpg"), []
    for _ in range(rounds):
        pid = there.reader.pid
        if pid is None:  # The last one had served enough; this starts the next.
            there(path)
            pid = there.reader.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
        times.append((wall(lambda: there(path)), wall(lambda: there(path))))
    return Row(
        case="0.3 MP JPEG after its decoder was killed",
        peer="the next item",
        unit="s",
        ours=Spread.of([mine for mine, _ in times]),
        theirs=Spread.of([other for _, other in times]),
        rounds=rounds,
    )


if __name__ == "__main__":
    record.main("confinement", ("av", "pillow", "simplejpeg"), rows)
