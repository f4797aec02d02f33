"""The process under test: reads mutated files as the pipeline does, and says what it saw.

Started by the harness as ``python -m tests.fuzz.parent SETTINGS``. It takes one number a line
and answers with one outcome a line, so that the harness knows which file a death belongs to.
"""

import ctypes
import faulthandler
import os
import random
import sys
import time
import traceback
from pathlib import Path

import msgspec
import numpy as np

from tests.fuzz import seeds
from tests.fuzz.mutate import mutant
from tests.fuzz.outcome import Outcome
from tidegate import hashing
from tidegate.media import Budget, Frame, Reader, Reading, Sampling, open_source

_LIBC = ctypes.CDLL(None)

SLACK = 1.0
"""Seconds by which an item may be late."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the harness tells the parent.

    Attributes:
        run: The seed of the mutations.
        seconds: The budget's deadline.
        seeds: The folder of the seeds.
        scratch: A folder for the mutated file.
    """

    run: int
    seconds: float
    seeds: str
    scratch: str

    @property
    def budget(self) -> Budget:
        """Far less than the defaults, so that files reach each limit."""
        return Budget(
            bytes=1 << 20,
            pixels=4_000_000,
            total_pixels=200_000_000,
            frames=300,
            duration=3600.0,
            streams=20,
            seconds=self.seconds,
            memory=1 << 30,
        )


class Parent:
    """Two readers, one of which decodes with threads, and the file they read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seeds = seeds.load(Path(settings.seeds))
        self._path = Path(settings.scratch) / f"{os.getpid()}"
        self._readers = [Reader(settings.budget, grey=True, threads=n) for n in (1, 2)]

    def run(self, number: int) -> Outcome:
        """Make a file, read it, and say what became of it."""
        made = mutant(self._seeds, self._settings.run, number)
        self._path.write_bytes(made.data)
        chance = random.Random(f"reader {number}")
        reader, colour = self._readers[chance.random() < 0.25], chance.random() < 0.5
        sampling = Sampling(gap=chance.choice((0.0, 1.0)))
        child, start = reader.pid, time.monotonic()
        frames, sniffed, reading, wrong = 0, None, None, []
        try:
            with open_source(self._path, reader.budget) as source:
                sniffed = source.format
                with reader.read(source, sampling, colour=colour) as reading:
                    for frame in reading:
                        frames += 1
                        _touch(frame)
        except Exception:
            wrong.append(f"an exception: {traceback.format_exc()}")
        seconds = time.monotonic() - start
        unknowns = reading.unknowns if reading else []
        if reading:
            wrong += _wrong(reading, frames, self._settings.budget)
        if seconds > self._settings.seconds + SLACK:
            wrong.append(f"took {seconds:.1f} seconds")
        return msgspec.structs.replace(
            made.outcome,
            sniffed=sniffed,
            frames=frames,
            causes=tuple(unknown.cause for unknown in unknowns),
            details=tuple(unknown.detail for unknown in unknowns),
            seconds=seconds,
            parent=os.getpid(),
            memory=_memory(),
            replaced=child is not None and reader.pid != child,
            wrong=tuple(wrong),
        )

    def close(self) -> None:
        """End the children."""
        for reader in self._readers:
            reader.close()
        self._path.unlink(missing_ok=True)


def _touch(frame: Frame) -> None:
    """Let native code read each pixel, as the pipeline does."""
    if min(frame.picture.shape[:2]) >= hashing.MIN_SIDE:
        hashing.dihedral(frame.picture, limited=frame.limited)
    if frame.rgb is not None:
        np.add.reduce(frame.rgb, axis=None)


def _wrong(reading: Reading, frames: int, budget: Budget) -> list[str]:
    """Return what of a reading must not be."""
    wrong = []
    if not frames and not reading.unknowns:
        wrong.append("no outcome")
    if frames and (reading.info is None or reading.info.frames_judged != frames):
        wrong.append(f"{frames} frames, and the facts are {reading.info}")
    if frames > budget.frames:
        wrong.append(f"{frames} frames are over the budget of {budget.frames}")
    for unknown in reading.unknowns:
        if not unknown.detail or not unknown.detail.isprintable():
            wrong.append(f"{unknown.detail!r} is not one printable line")
        if unknown.cause == "crashed" and "ended by SIG" not in unknown.detail:
            wrong.append(unknown.detail)  # A signal is the decoder's fault, all else is ours.
        span = unknown.span
        if span and not 0 <= span.start <= span.end:
            wrong.append(f"{span} is no span")
    return wrong


def _memory() -> int | None:
    """Return the bytes of memory that are this process's own: not those of shared frames.

    Nor those that are free and only kept by malloc for later, as it does with what the
    mutations take.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)
    (kib,) = (x.split()[1] for x in status.read_text().splitlines() if x.startswith("RssAnon:"))
    return int(kib) * 1024


def main() -> None:
    """Answer until nobody asks."""
    faulthandler.enable()
    parent = Parent(msgspec.json.decode(sys.argv[1], type=Settings))
    try:
        for line in sys.stdin:
            sys.stdout.buffer.write(msgspec.json.encode(parent.run(int(line))) + b"\n")
            sys.stdout.buffer.flush()
    finally:
        parent.close()


if __name__ == "__main__":
    main()
