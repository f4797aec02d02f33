"""Records to replay: evidence of all sorts, decided by a small policy."""

import random
from datetime import UTC, datetime, timedelta

import msgspec

from tidegate.evidence import (
    Evidence,
    Facts,
    Match,
    MediaInfo,
    Signal,
    Skipped,
    Unknown,
    Uploader,
)
from tidegate.pipeline.record import Record, Review
from tidegate.policy import Program, parse

START = datetime(2026, 11, 1, tzinfo=UTC)

_REST = """
names: {queues: [fast, quality], alarms: [on-call]}
unknowns:
  - {id: not-judged, where: {}, action: review}
sampling:
  - {id: blind, share: 0.2, of: [allow, label], queue: quality}
"""

OLD = parse(
    _REST
    + """
tidegate_policy: 1
id: old
version: 1
thresholds:
  sexual.explicit: {label: 0.5, review: 0.8}
  violence.weapon: {review: 0.6}
banks:
  - {id: good, where: {role: allow}, distance: 10, action: allow}
  - {id: block, where: {role: block}, distance: 31, action: remove}
  - {id: look, where: {role: review}, distance: 31, action: review}
""",
    "old.yaml",
)

NEW = parse(
    _REST
    + """
tidegate_policy: 1
id: new
version: 2
thresholds:
  sexual.explicit: {label: 0.4, review: 0.7, hold: 0.9}
banks:
  - {id: good, where: {role: allow}, distance: 10, action: allow}
  - {id: block, where: {role: block}, distance: 20, action: remove}
  - {id: look, where: {role: review}, distance: 31, action: review}
rules:
  - {id: urgent, when: "sexual.explicit > 0.95", then: {queue: fast, priority: 90}, unknown: ignore}
  - {id: trial, mode: shadow, when: "sexual.explicit > 0.6", then: {action: remove}}
breakers:
  - {id: per-entry, per: entry, limit: 3, within: hour, of: [remove], alarm: on-call}
  - {id: per-uploader, per: uploader, limit: 5, within: day, action: hold, alarm: on-call}
""",
    "new.yaml",
)


def evidence(dice: random.Random) -> Evidence:
    """Return evidence of some sort."""
    media = MediaInfo(kind="image", format="jpeg", width=640, height=480)
    sha256 = dice.randbytes(32).hex()
    if dice.random() < 0.1:
        lost = Unknown(stage="media", cause="corrupt", detail="no picture")
        return Evidence(sha256=sha256, unknowns=(lost,))
    signals, skipped = [], ()
    if dice.random() < 0.2:
        skipped = (
            Skipped(detector="a", version="1", categories=("sexual.explicit",), because="a match"),
        )
    else:
        score = round(dice.random(), 4)
        signals.append(Signal(category="sexual.explicit", score=score, detector="a", version="1"))
    weapon = round(dice.random(), 4)
    signals.append(Signal(category="violence.weapon", score=weapon, detector="b", version="1"))
    matches = []
    if dice.random() < 0.5:
        role = dice.choice(["block", "block", "block", "review", "allow"])
        matches.append(
            Match(
                bank=f"{role}-bank",
                entry=str(dice.randrange(3)),
                category="known.other",
                role=role,
                kind="pdq",
                distance=dice.randrange(32),
            )
        )
    return Evidence(
        sha256=sha256,
        size=1000,
        media=media,
        matches=tuple(matches),
        signals=tuple(sorted(signals, key=lambda one: -one.score)),
        skipped=skipped,
        covered=("sexual.explicit", "violence.weapon"),
        banks=("block-bank", "review-bank", "allow-bank"),
    )


def record(seen: Evidence, at: datetime = START, path: str = "a.jpg", **more) -> Record:
    """Return a record of evidence, decided by the old policy."""
    facts = more.pop("facts", Facts())
    decision = more.pop("decision", None) or Program(OLD).decide(seen, facts)
    return Record(at=at, path=path, facts=facts, evidence=seen, decision=decision, **more)


def records(count: int, seed: int = 1) -> list[Record]:
    """Return records, two minutes apart and some at one time, not in the order of time."""
    dice, program = random.Random(seed), Program(OLD)
    made = []
    for number in range(count):
        seen = evidence(dice)
        facts = Facts(uploader=Uploader(id=dice.choice([None, "u1", "u2"])))
        decision = program.decide(seen, facts)
        if dice.random() < 0.05:
            # As an earlier version of Tidegate might have decided.
            decision = msgspec.structs.replace(decision, action="hold")
        review = None
        if dice.random() < 0.4:
            review = Review(truth={"sexual.explicit": dice.random() < 0.5})
        at = START + timedelta(minutes=2 * (number // 2))
        made.append(
            record(seen, at, f"{number}.jpg", facts=facts, decision=decision, review=review)
        )
    dice.shuffle(made)
    return made


def write(path, made) -> None:
    """Write records as JSON Lines."""
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in made))
