"""The harness: hands out numbers to parents, and goes on behind a parent that dies."""

import os
import selectors
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from tests.fuzz import seeds
from tests.fuzz.mutate import mutant
from tests.fuzz.outcome import Outcome
from tests.fuzz.parent import Settings
from tests.fuzz.seeds import Seed

HANGS = 60.0
"""Seconds past the deadline after which a parent is ended."""

GROWTH = 32 * 1024**2
"""Bytes by which a parent may grow."""

_FEW = 200
"""Files below which the memory of a parent says nothing."""

_ROOT = Path(__file__).parents[2]


def run(
    numbers: Sequence[int],
    *,
    seed: int = 1,
    jobs: int = 1,
    seconds: float = 10.0,
    keep: Path | None = None,
    keep_all: bool = False,
) -> list[Outcome]:
    """Run mutated files by their numbers and return what became of each.

    Args:
        numbers: Which files.
        seed: The seed of the mutations.
        jobs: How many parents work at a time.
        seconds: The budget's deadline.
        keep: Where to keep the files that went wrong, crashed a child or took too long.
        keep_all: Whether to keep every file.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = seeds.made(Path(folder, "seeds"))
        settings = Settings(run=seed, seconds=seconds, seeds=f"{folder}/seeds", scratch=folder)

        def work(share: Sequence[int]) -> list[Outcome]:
            outcomes = []
            for outcome in _work(share, settings, made):
                outcomes.append(outcome)
                if keep and (keep_all or notable(outcome)):
                    _keep(keep, outcome, mutant(made, seed, outcome.number).data)
            return outcomes

        with ThreadPoolExecutor(jobs) as pool:
            shares = pool.map(work, [numbers[start::jobs] for start in range(jobs)])
            outcomes = [outcome for share in shares for outcome in share]
    return sorted(outcomes, key=lambda outcome: outcome.number)


def notable(outcome: Outcome) -> bool:
    """Return whether a file is worth looking at."""
    return bool(outcome.wrong) or not {"crashed", "deadline"}.isdisjoint(outcome.causes)


def violations(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what must not be, one line or traceback each."""
    wrong = [f"{outcome.number}: {text}" for outcome in outcomes for text in outcome.wrong]
    for parent, held in memories(outcomes).items():
        start, end = held
        if end - start > GROWTH:
            wrong.append(f"parent {parent} grew from {start:,} to {end:,} bytes")
    return wrong


def memories(outcomes: Sequence[Outcome]) -> dict[int, tuple[int, int]]:
    """Return what each parent held in its second tenth and in its last, in the median."""
    held: dict[int, list[int]] = {}
    for outcome in outcomes:
        if outcome.memory is not None:
            held.setdefault(outcome.parent, []).append(outcome.memory)
    return {
        parent: (
            round(statistics.median(values[len(values) // 10 : len(values) // 5])),
            round(statistics.median(values[-(len(values) // 10) :])),
        )
        for parent, values in held.items()
        if len(values) >= _FEW
    }


class _Process:
    """A parent, as the harness holds it. What it complains of goes where ours does."""

    def __init__(self, settings: Settings) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.parent", msgspec.json.encode(settings).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )

    def ask(self, number: int, patience: float) -> Outcome | str:
        """Return what became of a file, or how the parent ended over it."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(b"%d\n" % number)
            self._process.stdin.flush()
        except BrokenPipeError:
            return self._epitaph()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(patience):
                self._process.kill()
                return f"the parent hung for {patience:,.0f} seconds"
        line = self._process.stdout.readline()
        return msgspec.json.decode(line, type=Outcome) if line else self._epitaph()

    def _epitaph(self) -> str:
        return f"the parent died with status {self._process.wait()}"

    def close(self) -> None:
        """Let the parent end by itself, and its children with it."""
        try:
            self._process.communicate(timeout=HANGS)
        except BrokenPipeError:
            self._process.wait()


def _work(
    numbers: Sequence[int], settings: Settings, made: dict[str, list[Seed]]
) -> Iterator[Outcome]:
    """Run numbers in one parent after another, as many as it takes."""
    process: _Process | None = None
    try:
        for number in numbers:
            process = process or _Process(settings)
            answer = process.ask(number, settings.seconds + HANGS)
            if isinstance(answer, Outcome):
                yield answer
            else:
                fatal = mutant(made, settings.run, number)
                yield msgspec.structs.replace(fatal.outcome, wrong=(answer,))
                process.close()
                process = None
    finally:
        if process:
            process.close()


def _keep(folder: Path, outcome: Outcome, data: bytes) -> None:
    """Keep a file and what is known of it."""
    why = "wrong" if outcome.wrong else "-".join(sorted(set(outcome.causes))) or "judged"
    path = folder / f"{outcome.number}.{outcome.format}.{why}"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.with_name(f"{path.name}.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(outcome))
    )
