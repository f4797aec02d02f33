"""A store in which twenty people have worked for three months, made at once.

Its rows are what the service writes, of made-up items: nobody has uploaded them, and there is no
media. The digests of the audit chain are not those of its rows: a page that reads them does not
mind, and a walk of the chain would.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Table

from benchmarks import sets
from tidegate.evidence import (
    Action,
    Decision,
    Effect,
    Evidence,
    FrameHash,
    MediaInfo,
    Reason,
    Signal,
)
from tidegate.matching import Entry
from tidegate.matching.bank import Frame
from tidegate.service import entries, ranking
from tidegate.service.casework import ANSWERS
from tidegate.service.roles import Role
from tidegate.service.secret import Secret
from tidegate.service.state import Service
from tidegate.store import banks, clock, ids, policies, quality, users
from tidegate.store.casetables import (
    appeals,
    case_items,
    case_queues,
    cases,
    comparisons,
    queue_depths,
    raised,
    review_days,
    review_decisions,
    reviews,
    wait_days,
)
from tidegate.store.clock import DAY, HOUR, MINUTE, SECOND
from tidegate.store.tables import audit, audit_head, contents, decisions, items

PASSWORD = "correct horse battery"  # noqa: S105 - of a store that is thrown away

PEOPLE = 20
DAYS = 90
PAGE = 20_000
"""Rows that are inserted at a time."""

QUEUES = ("review", "nudity", "weapons", "gore", "drugs", "escalated")
CATEGORIES = (
    "sexual.explicit",
    "sexual.nudity",
    "violence.weapon",
    "violence.gore",
    "regulated.drugs",
    "hate.symbol",
)

OPEN = 0.2
"""Share of the cases that wait."""

ENTRIES = 20_000
"""Of the bank."""


class Archive(NamedTuple):
    """What was made.

    Attributes:
        name: Who may log in: an admin.
        case: An open case.
        item: An item that was decided twice.
        bank: A bank.
        queue: A queue.
    """

    name: str
    case: str
    item: str
    bank: str
    queue: str


def fill(service: Service, count: int) -> Archive:
    """Fill the store of a service with so many cases, and twice as many answers."""
    with service.store.write() as connection:
        people = [_person(service, connection, number) for number in range(PEOPLE)]
        policy = policies.active(connection)
        new = banks.New(name="known", category="known.other", role="review")
        banks.create(connection, new, actor="system", reason="", now=clock.now())
        hashes = sets.hexes(sets.make("lifelike", ENTRIES))
        page = [entries.new(Entry(id="0", pdq=(Frame(pdq),))) for pdq in hashes]
        for start in range(0, len(page), 10_000):
            part = page[start : start + 10_000]
            banks.add(connection, "known", part, actor="system", reason="", now=clock.now())
    made = _Maker(count, people, policy[1])
    with service.store.write(durable=False) as connection:
        for table, rows in made.rows():
            for start in range(0, len(rows), PAGE):
                connection.execute(sa.insert(table), rows[start : start + PAGE])
        last, digest = made.audited[-1]["seq"], made.audited[-1]["hash"]
        connection.execute(sa.update(audit_head).values(seq=last, hash=digest))
    with service.store.write() as connection:
        connection.execute(sa.text("ANALYZE"))
    return Archive("person0", made.open_case, made.decided_item, "known", QUEUES[0])


def _person(service: Service, connection: Connection, number: int) -> str:
    role: Role = "admin" if number == 0 else "lead" if number < 3 else "reviewer"
    made = users.add(
        connection,
        name=f"person{number}",
        role=role,
        password=service.passwords.hash(Secret(PASSWORD)),
        actor="system",
        now=clock.now(),
    )
    return f"user:{made.id}"


class _Maker:
    """Makes the rows, the same ones each time but for ids and the present."""

    def __init__(self, count: int, people: Sequence[str], version: str) -> None:
        self._count = count
        self._people = people
        self._policy = version
        self._random = random.Random(1)  # noqa: S311 - nothing secret
        self._now = clock.now()
        self._found: dict[str, list[dict[str, Any]]] = {}
        self._days: Counter[tuple[int, str, str, str]] = Counter()
        self._waits: Counter[tuple[int, str, int]] = Counter()
        self.audited: list[dict[str, Any]] = []
        self.open_case = ""
        self.decided_item = ""

    def rows(self) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
        """Yield the rows of each table, in an order that foreign keys allow."""
        for number in range(self._count):
            self._case(number)
        self._counts()
        order = (
            *(items, contents, decisions, cases, case_items, case_queues, reviews),
            *(review_decisions, comparisons, appeals, raised),
        )
        for table in order:
            yield table, self._found.get(table.name, [])
        for table in (review_days, wait_days, queue_depths):
            yield table, self._found[table.name]
        first = 1_000_000
        previous = "0" * 64
        for seq, row in enumerate(self.audited, first):
            digest = sha256(f"{seq}".encode()).hexdigest()
            row |= {"seq": seq, "prev": previous, "hash": digest}
            previous = digest
        yield audit, self.audited

    def _case(self, number: int) -> None:
        chance = self._random
        opened = self._now - round(chance.random() * DAYS * DAY)
        category, queue = chance.choice(CATEGORIES), chance.choice(QUEUES)
        waits = number % 5 == 0
        kind = "review"
        if not waits:
            kind = chance.choices(("review", "second", "golden", "appeal"), (85, 10, 3, 2))[0]
        kind = "second" if kind == "golden" else kind
        if waits:
            opened = self._now - round(chance.random() * 2 * DAY)
        item, decision = self._item(number, category, queue, opened)
        case = ids.new()
        score = chance.random()
        rank = ranking.rank(confidence=score, severity=ranking.severity(category), opened_at=opened)
        ended = None if waits else opened + round(chance.expovariate(1 / (2 * HOUR)) + MINUTE)
        review = None if waits else ids.new()
        self._add(
            cases,
            id=case,
            kind=kind,
            category=category,
            item=item,
            state="open" if waits else "decided",
            copies=1,
            pdq=None,
            confidence=score,
            severity=ranking.severity(category),
            reach=0.0,
            opened_at=opened,
            version=1 if waits else 2,
            review=review,
            ended_at=ended,
            parent=None,
            golden=None,
            due_at=opened + DAY if kind == "appeal" else None,
        )
        self._add(case_items, case=case, item=item, distance=0, created_at=opened)
        self._add(case_queues, case=case, queue=queue, rank=rank, open=waits, opened_at=opened)
        self._audit("system", "case.open", f"case:{case}", opened)
        if review is None or ended is None:
            self.open_case = case
            return
        self._answers(case, kind, item, decision, category, queue, opened, ended, review)

    def _answers(
        self,
        case: str,
        kind: str,
        item: str,
        decision: str,
        category: str,
        queue: str,
        opened: int,
        ended: int,
        review: str,
    ) -> None:
        """Make the answer that holds, and those before that were taken back."""
        chance = self._random
        earlier = chance.choice((1, 1, 2))
        for number, made in enumerate([*(ids.new() for _ in range(earlier)), review]):
            holds = number == earlier
            at = ended - (earlier - number) * MINUTE
            reviewer = self._people[chance.randrange(len(self._people))]
            action = chance.choices(ANSWERS, (50, 10, 10, 28, 2))[0]
            self._add(
                reviews,
                id=made,
                case=case,
                kind=kind,
                queue=queue,
                reviewer=reviewer,
                action=action,
                rule=f"thresholds.{category}",
                category=category,
                note="",
                context="[]",
                effective=kind != "second",
                micros=20 * SECOND,
                opened_at=opened,
                created_at=at,
                leaves_at=at + 30 * SECOND,
                undone_at=None if holds else at + 5 * SECOND,
            )
            self._audit(reviewer, "case.decide", f"case:{case}", at)
            if not holds:
                self._audit(reviewer, "review.undo", f"case:{case}", at + 5 * SECOND)
                continue
            self._days[at // DAY, kind, reviewer, category] += 1
            if kind == "second":
                self._compared(made, "second", category, action, at)
                continue
            self._waits[at // DAY, queue, quality.length(at - opened)] += 1
            self._overruled(made, item, decision, category, action, reviewer, at)
            if kind == "appeal":
                self._compared(made, "appeal", category, action, at)
                self._add(
                    appeals,
                    id=ids.new(),
                    item=item,
                    decision=decision,
                    case=case,
                    author="uploader",
                    text="This is a photograph of a kitchen.",
                    state="reversed" if action == "allow" else "upheld",
                    answer="We have looked again.",
                    outcome=None,
                    created_at=opened,
                    due_at=opened + DAY,
                    ended_at=at,
                )

    def _overruled(
        self,
        review: str,
        item: str,
        before: str,
        category: str,
        action: Action,
        reviewer: str,
        at: int,
    ) -> None:
        made = ids.new()
        self._decision(made, item, 2, "reviewer", reviewer, category, action, None, at)
        self._add(review_decisions, review=review, item=item, decision=made, before=before)
        row = self._found["items"][-1]
        row |= {"action": action, "decision": made, "version": 3, "judged_at": at}
        self.decided_item = item

    def _item(self, number: int, category: str, queue: str, at: int) -> tuple[str, str]:
        item, decision = ids.new(), ids.new()
        digest = sha256(f"item {number}".encode()).hexdigest()
        self._add(
            items,
            id=item,
            external_id=f"post-{number}",
            surface="avatar",
            uploader=f"account-{number % 5000}",
            facts="{}",
            metadata="{}",
            priority=5,
            reach=None,
            callback=None,
            source="upload",
            reference=digest,
            sha256=digest,
            size=100_000,
            state="judged",
            error=None,
            action="review",
            decision=decision,
            version=2,
            created_at=at - 2 * SECOND,
            judged_at=at,
        )
        evidence = Evidence(
            sha256=digest,
            size=100_000,
            media=MediaInfo(kind="image", format="jpeg", width=1024, height=768),
            frames=(FrameHash(second=0.0, pdq=digest, quality=100),),
            signals=tuple(
                Signal(
                    category=one, score=0.9 if one == category else 0.01, detector="d", version="1"
                )
                for one in CATEGORIES
            ),
            banks=("known",),
            covered=CATEGORIES,
        )
        self._add(
            contents,
            sha256=digest,
            pipeline="p",
            evidence=msgspec.json.encode(evidence).decode(),
            created_at=at,
        )
        self._decision(decision, item, 1, "machine", "worker:1", category, "review", queue, at)
        self._found["decisions"][-1] |= {"sha256": digest, "pipeline": "p"}
        if number % 5 == 1:
            self._add(raised, decision=decision, alarm="flood", breaker="many", created_at=at)
        return item, decision

    def _decision(
        self,
        made: str,
        item: str,
        number: int,
        origin: str,
        author: str,
        category: str,
        action: str,
        queue: str | None,
        at: int,
    ) -> None:
        rule = f"thresholds.{category}.review"
        reason = Reason(
            rule=rule,
            action=cast(Action, action),
            ground="signal",
            index=CATEGORIES.index(category),
            category=category,
            bounds=(),
            text="It was seen, and the score is above what the policy lets pass.",
        )
        effects = () if queue is None else (Effect(kind="queue", value=queue, rules=(rule,)),)
        decision = Decision(
            action=cast(Action, action),
            judged=True,
            reasons=(reason,),
            near=(),
            rest=(),
            effects=effects,
            policy=self._policy,
            policy_sha256="0" * 64,
        )
        self._add(
            decisions,
            id=made,
            item=item,
            number=number,
            origin=origin,
            author=author,
            reason="",
            action=action,
            policy=self._policy,
            policy_sha256="0" * 64,
            sha256=None,
            pipeline=None,
            evidence=None,
            facts="{}",
            decision=msgspec.json.encode(decision).decode(),
            key=None,
            inputs="i" if origin == "machine" else None,
            created_at=at,
        )
        self._audit(author, "decision.record", made, at)

    def _compared(self, review: str, kind: str, category: str, action: str, at: int) -> None:
        expected = action if self._random.random() < 0.9 else self._random.choice(ANSWERS)
        self._add(
            comparisons,
            review=review,
            kind=kind,
            category=category,
            expected=expected,
            given=action,
            created_at=at,
        )

    def _counts(self) -> None:
        for (day, kind, reviewer, category), n in self._days.items():
            values = {"day": day, "kind": kind, "reviewer": reviewer, "category": category}
            self._add(review_days, **values, answers=n)
        for (day, queue, length), n in self._waits.items():
            self._add(wait_days, day=day, queue=queue, length=length, answers=n)
        last = self._now // HOUR
        for hour in range(last - DAYS * 24, last):
            for place, queue in enumerate(QUEUES):
                n = 1000 + 100 * place + hour % 24 * 10
                values = {"hour": hour, "queue": queue, "open": n, "overdue": 0}
                self._add(queue_depths, **values, oldest=(hour - 30) * HOUR)

    def _add(self, table: Table, **values: Any) -> None:
        self._found.setdefault(table.name, []).append(values)

    def _audit(self, actor: str, action: str, subject: str, at: int) -> None:
        values = {"at": at, "actor": actor, "action": action, "subject": subject}
        self.audited.append(values | {"reason": "", "body": "{}"})
