"""What a run found, on which machine, against which versions: kept as JSON beside the README.

The two newest runs of a topic are kept, for one run is no result.
"""

import argparse
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec

from benchmarks.duel import Row, Spread

FOLDER = Path(__file__).parent / "results"

KEPT = 2
"""Runs of a topic that are kept."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one topic.

    Attributes:
        date: Day of the run, UTC.
        commit: Of Tidegate; with a ``+`` where the working tree differs from it.
        machine: Processor, cores, memory, Python.
        load: Programs that wanted a core, on average, in the minute before the run.
        versions: Of the peers and of what they stand on.
        seconds: How long the run took.
        rows: What it found.
    """

    date: str
    commit: str
    machine: str
    load: float
    versions: dict[str, str]
    seconds: float
    rows: tuple[Row, ...]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a topic is run.

    Attributes:
        quick: Only show that everything works: few rounds, small sets, nothing recorded.
        entries: Entries of the largest index.
        seconds: Of one load; 0: as long as the topic finds right.
        soak: Minutes of the long run at the end; 0: there is none.
    """

    quick: bool = False
    entries: int = 10_000_000
    seconds: float = 0.0
    soak: float = 0.0


def main(topic: str, peers: tuple[str, ...], rows: Callable[[Options], Iterator[Row]]) -> None:
    """Run a topic from the command line, print its rows, record them.

    Args:
        topic: Names the file of the results.
        peers: Distributions whose versions matter.
        rows: Measures, row by row.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{topic}")
    parser.add_argument("--quick", action="store_true", help="a smoke run; nothing is recorded")
    parser.add_argument("--entries", type=int, default=10_000_000, help="of the largest index")
    parser.add_argument("--seconds", type=float, default=0.0, help="of one load")
    parser.add_argument("--soak", type=float, default=0.0, help="minutes of a long run at the end")
    given = parser.parse_args()
    began, load = time.monotonic(), os.getloadavg()[0]
    found = []
    for row in rows(Options(**vars(given))):
        found.append(row)
        print(line(row, judged=not given.quick), flush=True)
    if not given.quick:
        run = Run(
            date=datetime.now(UTC).date().isoformat(),
            commit=_commit(),
            machine=machine(),
            load=round(load, 1),
            versions={name: metadata.version(name) for name in ("numpy", *peers)},
            seconds=round(time.monotonic() - began, 1),
            rows=tuple(found),
        )
        save(topic, run)


def load(topic: str) -> tuple[Run, ...]:
    """Return the recorded runs of a topic, newest first."""
    path = FOLDER / f"{topic}.json"
    return msgspec.json.decode(path.read_bytes(), type=tuple[Run, ...]) if path.exists() else ()


def save(topic: str, run: Run) -> None:
    """Record a run before the older ones."""
    FOLDER.mkdir(exist_ok=True)
    runs = (run, *load(topic))[:KEPT]
    data = msgspec.json.format(msgspec.json.encode(runs), indent=1)
    (FOLDER / f"{topic}.json").write_bytes(data + b"\n")


def line(row: Row, *, judged: bool) -> str:
    """Return a row for the terminal; a smoke run is not held against the goal."""
    parts = [f"{row.case} | ours {figure(row.ours.median, row.unit)}"]
    if row.theirs is not None:
        parts.append(f"{row.peer} {figure(row.theirs.median, row.unit)}")
    if row.ratio is not None:
        parts.append(f"{times(row.ratio)}, n = {row.rounds}")
    else:
        parts.append(f"n = {row.rounds}")
    if judged and row.met is not None:
        parts.append("met" if row.met else "NOT MET")
    return " | ".join(parts)


def figure(value: float, unit: str) -> str:
    """Return a figure with its unit, as people write it."""
    if unit != "s":
        return f"{_short(value)} {unit}"
    size = abs(value)
    if size >= 1.0:
        return f"{_short(value)} s"
    return f"{_short(value * 1e3)} ms" if size >= 1e-3 else f"{_short(value * 1e6)} µs"


def times(ratio: Spread) -> str:
    """Return a ratio with its spread."""
    return f"{_short(ratio.median)}× ({_short(ratio.low)} – {_short(ratio.high)})"


def _short(value: float) -> str:
    """Three digits, and no more of them than the figure has to give."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def machine() -> str:
    """Say in a line what this runs on."""
    info = Path("/proc/cpuinfo")
    names = [
        text.partition(":")[2].strip()
        for text in (info.read_text().splitlines() if info.exists() else ())
        if text.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores of {names[0] if names else platform.machine()}, "
        f"{memory:.0f} GiB, Python {platform.python_version()}"
    )


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    told = subprocess.run(  # noqa: S603 - a fixed command
        [git, "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"
