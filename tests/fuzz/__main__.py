"""``python -m tests.fuzz``: run mutated files; exit with 1 where something must not be."""

import argparse
import sys
import time
from pathlib import Path

import msgspec

from tests.fuzz import table
from tests.fuzz.run import run, violations


def main() -> int:
    """Run what the command line asks for and print what became of it."""
    options = _options()
    numbers = range(options.start, options.start + options.count)
    if options.only is not None:
        numbers = range(options.only, options.only + 1)
    start = time.monotonic()
    outcomes = run(
        numbers,
        seed=options.seed,
        jobs=options.jobs,
        seconds=options.seconds,
        keep=options.keep,
        keep_all=options.only is not None,
    )
    taken = time.monotonic() - start
    _say(*table.lines(outcomes), f"{len(outcomes):,} files, seed {options.seed}, {taken:,.0f} s")
    if options.only is not None:
        _say(*(f"    {step}" for step in outcomes[0].steps))
    if options.json:
        options.json.write_bytes(msgspec.json.encode(outcomes))
    return 1 if violations(outcomes) else 0


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many files")
    parser.add_argument("--start", type=int, default=0, help="number of the first of them")
    parser.add_argument("--only", type=int, metavar="N", help="file number N alone")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--seconds", type=float, default=10.0, help="the deadline of a file")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="where to keep files worth a look"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all outcomes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
