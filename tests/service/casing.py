"""Cases of the tests: items that a machine has decided, and who works on them."""

import itertools

from tests.service.asking import make_key
from tests.store.making import NOW, new_item
from tidegate.evidence import Decision, Effect, Evidence, FrameHash, MediaInfo, Reason, Signal
from tidegate.service import alarms, opening
from tidegate.service.casework import Answer
from tidegate.store import cases, contents, decisions, items, webhooks
from tidegate.store.contents import Key

BASE = "5a" * 32
"""The PDQ of the picture that everything is a copy of."""

POLICY = """
tidegate_policy: 1
id: test
version: 1
names: {queues: [nudity, weapons], labels: [adult], alarms: []}
thresholds:
  sexual.explicit: {review: 0.5, remove: 0.9}
  violence.weapon: {label: 0.2}
banks:
  - {id: known, where: {}, action: remove}
  - {id: good, where: {role: allow}, action: allow}
rules:
  - id: adults
    when: "'context.art' in context"
    title: For adults only
    then: {action: label, label: adult}
unknowns:
  - {id: any, where: {}, action: review}
"""

_numbers = itertools.count(1)


def flipped(pdq, *bits):
    """Return a hash with some bits flipped."""
    number = int(pdq, 16)
    for bit in bits:
        number ^= 1 << bit
    return f"{number:064x}"


def evidence_of(sha256, *, pdq=BASE, score=0.8, category="sexual.explicit", kind="image", **rest):
    signal = Signal(category=category, score=score, detector="d", version="1")
    return Evidence(
        sha256=sha256,
        size=1,
        media=MediaInfo(kind=kind, format="jpeg", width=10, height=10),
        frames=() if pdq is None else (FrameHash(second=0.0, pdq=pdq, quality=100),),
        signals=(signal,),
        **rest,
    )


def decision_of(
    action="review", *, queues=(), category="sexual.explicit", labels=(), policy="test/1"
):
    reason = Reason(
        rule=f"thresholds.{category}.review",
        action=action,
        ground="signal",
        index=0,
        category=category,
        bounds=(),
        text="seen",
    )
    effects = [
        Effect(kind="queue", value=queue, rules=("rules.r",), priority=priority)
        for queue, priority in dict(queues).items()
    ]
    effects += [Effect(kind="label", value=label, rules=("rules.r",)) for label in labels]
    return Decision(
        action=action,
        judged=True,
        reasons=(reason,) if action != "allow" else (),
        near=(),
        rest=(),
        policy=policy,
        policy_sha256="0" * 64,
        effects=tuple(effects),
    )


def accept(connection, *, now=NOW, **fields):
    """Accept an item."""
    item = new_item(next(_numbers), **fields)
    return items.accept(connection, item, actor="key:1", now=now).id


def judge(connection, item, decision=None, *, now=NOW, tell=True, **found):
    """Have a machine decide an item, as a worker does, and return the open case that it is in."""
    decision = decision or decision_of()
    held = items.get(connection, item)
    evidence = evidence_of(held.sha256, **found)
    content = Key(sha256=held.sha256, pipeline=f"{hash(evidence.signals[0]):x}"[:64])
    contents.put(connection, content, evidence, now=now)
    if held.decision is not None:
        opening.lock(connection, item)
    held = items.hold(connection, item)
    last = None if held.decision is None else decisions.get(connection, held.decision)
    in_force = last is None or last.origin == "machine"
    made = decisions.New(
        item=item,
        origin="machine",
        author="worker:1",
        decision=decision,
        facts=held.facts,
        content=content,
    )
    result = decisions.record(connection, made, now=now, in_force=in_force)
    if not (result.new and in_force):
        return None
    if tell:
        alarms.messages(connection, held, decision, result, now=now)
    return opening.opened(connection, held, decision, evidence, now=now)


def send(connection, decision=None, *, now=NOW, tell=True, sha256=None, reach=None, **found):
    """Accept an item and have it decided; return the open case that it is in."""
    fields = {} if sha256 is None else {"sha256": sha256}
    item = accept(connection, now=now, reach=reach, **fields)
    return judge(connection, item, decision, now=now, tell=tell, **found)


def other_picture(number):
    """Return the hash of a picture that is like no other of these."""
    import hashlib

    return hashlib.sha256(str(number).encode()).hexdigest()


def hook(connection, **rest):
    """Keep a webhook that hears of all decisions."""
    return webhooks.add(
        connection,
        name="platform",
        kind="webhook",
        address="https://platform.example/",
        events=["item.decided", "item.reversed", "alarm.raised"],
        actor="system",
        now=NOW,
        **rest,
    )


def answer(action="remove", rule="thresholds.sexual.explicit", **rest):
    return Answer(action=action, rule="" if action == "allow" else rule, **rest)


def need(connection, case):
    return cases.need(connection, case if isinstance(case, str) else case.id)


def reviewer(service, name="ada", role="reviewer"):
    """Return the actor of a key of a reviewer."""
    from tidegate.service.roles import ROLES

    key, token = make_key(service, ROLES[role], name=name)
    return f"key:{key.id}", token
