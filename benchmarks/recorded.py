"""Records as a platform's would be: real evidence, with scores that vary.

The photographs and clips of three packages are scanned with all installed models and two banks
in which some of them are. Each record has the evidence of one of them, with its scores and the
distances of its matches moved at random, and an account of its own: so how much there is of
everything is real, and how often something scores high is not.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from demo import media
from tidegate.evidence import Evidence, Facts, Role, Uploader
from tidegate.matching import Bank, Entry
from tidegate.media import Reader
from tidegate.pipeline import SAMPLING, Found, Scanner, enrol
from tidegate.pipeline.record import Record, kept
from tidegate.policy import Program

GOOD = ("brick.png", "coins.png")
CLIPS = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")

ACCOUNTS = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 30

DISTINCT = 50_000
"""Records of which a larger set is made, with other times and paths."""


def evidence() -> tuple[Evidence, ...]:
    """Scan what the packages ship."""
    names = dict.fromkeys((*media.KNOWN, *media.UNRELATED, *GOOD, *CLIPS))
    banks = (_bank("known", "block", media.KNOWN), _bank("good", "allow", GOOD))
    with Scanner(banks=banks, cascade=False) as scanner:
        found = tuple(item.evidence for item in scanner.scan_many(map(media.source, names)))
    assert all(one.media is not None for one in found)
    return found


def _bank(name: str, role: Role, names: Sequence[str]) -> Bank:
    entries: list[Entry] = []
    with Reader(sampling=SAMPLING) as reader:
        for number, file in enumerate(names, 1):
            found = Found(media.source(file), named=True)
            made = enrol(found, reader, str(number), category=None, note="", added="")
            assert made is not None
            entries.append(made.entry)
    return Bank(name=name, role=role, entries=tuple(entries))


def records(program: Program, count: int, seed: int = 1) -> Iterator[Record]:
    """Yield records that a program decided, the same for the same arguments."""
    dice, seen = random.Random(seed), evidence()  # noqa: S311 - nothing secret
    for number in range(count):
        facts = Facts(
            uploader=Uploader(
                id=f"account-{dice.randrange(ACCOUNTS)}", account_days=dice.randrange(2000)
            )
        )
        made = _varied(dice, dice.choice(seen))
        yield Record(
            at=START + timedelta(days=DAYS * number / count),
            path=f"uploads/{number:08d}",
            facts=facts,
            evidence=made,
            decision=kept(program.decide(made, facts)),
        )


def repeated(made: Sequence[Record], count: int) -> Iterator[Record]:
    """Yield so many records, each of those given again and again at another time."""
    for number in range(count):
        yield msgspec.structs.replace(
            made[number % len(made)],
            at=START + timedelta(days=DAYS * number / count),
            path=f"uploads/{number:08d}",
        )


def write(path: Path, made: Iterator[Record]) -> None:
    """Write records as JSON Lines."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for one in made:
            file.write(encode(one) + b"\n")


def _varied(dice: random.Random, one: Evidence) -> Evidence:
    """Move all scores of an item up or down together, and each a little by itself."""
    whole = dice.lognormvariate(0, 2)
    signals = [
        msgspec.structs.replace(
            signal,
            score=round(min(1.0, signal.score * whole * dice.lognormvariate(0, 0.5)), 4),
        )
        for signal in one.signals
    ]
    matches = [
        msgspec.structs.replace(match, distance=dice.randrange(32))
        if match.kind == "pdq"
        else match
        for match in one.matches
    ]
    return msgspec.structs.replace(
        one,
        sha256=dice.randbytes(32).hex(),
        signals=tuple(sorted(signals, key=lambda signal: -signal.score)),
        matches=tuple(matches),
    )
