"""Decisions a second, and a month of recorded ones decided again.

There is no peer that replays. The guards by themselves are held against cel-python in
:mod:`benchmarks.guard`.
"""

import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks import record
from benchmarks.duel import Goal, Row, Spread, one_core, wall
from benchmarks.record import Options
from benchmarks.recorded import DISTINCT, records, repeated, write
from tidegate.pipeline import load_policy, parquet
from tidegate.pipeline.load import shipped
from tidegate.pipeline.record import Record, read_record
from tidegate.pipeline.records import find_files
from tidegate.pipeline.replay import Job, replay
from tidegate.policy import Policy, Program

RECORDS = 1_000_000
AT_ONCE = 10_000
"""Decisions of a round."""

CORES = 2
FAST = Goal(least=20_000)
SOON = Goal(most=60)
NOBODY = "none"


def rows(options: Options) -> Iterator[Row]:
    """Measure deciding by each shipped policy, and replaying."""
    rounds = 3 if options.quick else 15
    default = load_policy()
    made = list(records(Program(default), 2_000 if options.quick else DISTINCT))
    gc.freeze()  # What is kept here would not be in a service's way.
    for name in shipped():
        yield _deciding(name, load_policy(name), made[:AT_ONCE], rounds)
    yield _reading(made[:AT_ONCE], rounds)
    count = 20_000 if options.quick else RECORDS
    strict = load_policy("strict-family")
    with tempfile.TemporaryDirectory() as folder:
        lines, columns = Path(folder) / "records.jsonl", Path(folder) / "records.parquet"
        write(lines, repeated(made, count))
        parquet.pack(repeated(made, count), columns)
        for kind, file in (("JSON Lines", lines), ("Parquet", columns)):
            for against, job in _jobs(default, strict):
                yield _replaying(f"{kind}, {against}", file, job, count, options)


def _jobs(default: Policy, strict: Policy) -> Iterator[tuple[str, Job]]:
    """A policy like that of the records, and one with guards and breakers."""
    text = msgspec.to_builtins(default)
    text["version"] += 1
    text["thresholds"]["sexual.drawn"] = {"label": 0.4, "review": 0.7}
    yield "one threshold moved", Job(new=msgspec.convert(text, Policy))
    yield "another policy, with guards and breakers", Job(new=strict)


def _deciding(name: str, policy: Policy, made: Sequence[Record], rounds: int) -> Row:
    program = Program(policy)

    def decide() -> None:
        for one in made:
            program.decide(one.evidence, one.facts)

    return _rate(
        f"decisions, policy {name}, one core",
        decide,
        len(made),
        rounds,
        FAST if name == "default" else None,
    )


def _reading(made: Sequence[Record], rounds: int) -> Row:
    lines = [msgspec.json.encode(one) for one in made]

    def read() -> None:
        for line in lines:
            read_record(line)

    size = sum(map(len, lines)) / len(lines)
    return _rate(f"records read, {size:,.0f} bytes each, one core", read, len(lines), rounds, None)


def _rate(case: str, work: Callable[[], None], count: int, rounds: int, goal: Goal | None) -> Row:
    with one_core():
        speeds = [count / wall(work) for _ in range(rounds + 1)][1:]
    return Row(
        case=case, peer=NOBODY, unit="a second", ours=Spread.of(speeds), rounds=rounds, goal=goal
    )


def _replaying(case: str, file: Path, job: Job, count: int, options: Options) -> Row:
    times = []
    for _ in range(1 if options.quick else 2):
        began = time.perf_counter()
        told = replay(find_files([file]), job, jobs=CORES)
        times.append(time.perf_counter() - began)
        assert told.records == count, told
    size = file.stat().st_size / 1e9
    return Row(
        case=f"replay of {count:,} records on {CORES} cores: {size:.2g} GB of {case}",
        peer=NOBODY,
        unit="s",
        ours=Spread.of(times),
        rounds=len(times),
        goal=None if options.quick else SOON,
    )


if __name__ == "__main__":
    record.main("policy", ("cel-expr-python", "msgspec", "pyarrow"), rows)
