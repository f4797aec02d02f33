"""What the tests of appeals make: an item that somebody has decided, and people to do so."""

from tests.service.asking import make_user
from tests.service.telling import decide
from tidegate.service import appealing, casework
from tidegate.store import cases, claims, items
from tidegate.store.queues import APPEALS

SAID = "This is a scene of a play."


def people(service, *names):
    """Make reviewers, and return their actors."""
    return [f"user:{make_user(service, name, 'reviewer').id}" for name in names]


def removed(service, number=1, **fields):
    """Return the id of an item that the policy has removed."""
    return decide(service, action="remove", number=number, **fields)


def item_of(service, item):
    with service.store.read() as connection:
        return items.get(connection, item)


def case_of(service, case):
    with service.store.read() as connection:
        return cases.need(connection, case)


def appeal(service, item, text=SAID, **rest):
    fields = {"author": "", "actor": "uploader", "days": 7, "now": service.clock()}
    with service.store.write() as connection:
        return appealing.appeal(connection, item, text=text, **fields | rest)


def next_appeal(service, actor):
    """Take the next appeal, and return its case or ``None``."""
    with service.store.write() as connection:
        return casework.next_case(connection, [APPEALS], actor=actor, now=service.clock())


def answer(service, case, actor, action="allow", note="You are right: it is a play.", **rest):
    """Answer a case, and return the review."""
    category = "" if action == "allow" else "violence.gore"
    given = casework.Answer(action=action, category=category, note=note, **rest)
    with service.store.write() as connection:
        held = claims.claim(connection, case, actor, now=service.clock())
        return casework.decide(
            connection, case, given, actor=actor, version=held.version, now=service.clock()
        )


def undo(service, review, actor):
    with service.store.write() as connection:
        return casework.undo(connection, review.id, actor=actor, now=service.clock())
