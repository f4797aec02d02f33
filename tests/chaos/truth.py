"""What has to be true after whatever happened: what was accepted was judged and told, once."""

import hashlib
from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from tidegate.service.room import Room
from tidegate.store import media
from tidegate.store.tables import audit, contents, decisions, items, jobs, outbox, webhooks
from tidegate.store.verify import verify


@dataclass
class Truth:
    """What is in the database and on disk.

    Attributes:
        wrong: What must not be, in words; empty where all is well.
        items: How many there are.
        contents: Of how many different contents something is known.
        messages: How many were told.
        orphans: Files that nothing names, as a kill leaves them, before the sweep.
        audited: Rows of the audit chain.
    """

    wrong: list[str]
    items: int
    contents: int
    messages: int
    orphans: int
    audited: int


def truth(store, data, sent, got):
    """Hold what the clients know against the database and the disk.

    Args:
        store: The database; nobody else uses it any more.
        data: The data folder.
        sent: What the clients were told.
        got: How often the receiver had each message.
    """
    wrong = []

    def claim(holds, words):
        if not holds:
            wrong.append(words)

    with store.read() as connection:

        def rows(query):
            return connection.execute(query).all()

        held = {row.id: row for row in rows(sa.select(items))}
        told = sent.items
        claim(len(set(told.values())) == len(told), "two uploads were told one item")
        claim(set(told.values()) == set(held), "items: those accepted are not those there")
        numbers = Counter(row.external_id for row in held.values())
        claim(set(numbers.values()) <= {1}, "an upload made two items")

        made = Counter(row.item for row in rows(sa.select(decisions.c.item)))
        claim(all(n == 1 for n in made.values()), "an item was decided twice")
        for item, row in held.items():
            if item in sent.deleted:
                claim(row.state == "deleted", f"{item}: deleted, and it is {row.state}")
                continue
            claim(row.state == "judged", f"{item}: it is {row.state} {row.error}")
            claim(made[item] == 1, f"{item}: it has {made[item]} decisions")
            claim(row.action == "allow", f"{item}: a good photo is to {row.action}")

        targets = [row.id for row in rows(sa.select(webhooks.c.id))]
        messages = rows(sa.select(outbox.c.id, outbox.c.item, outbox.c.target, outbox.c.state))
        each = Counter((row.item, row.target) for row in messages)
        expected = {(item, target) for item in made for target in targets}
        claim(set(each) == expected, "messages: some are missing, or nobody asked for them")
        claim(set(each.values()) <= {1}, "a message was written twice")
        claim({row.state for row in messages} <= {"delivered"}, "a message was not delivered")
        claim(len(got) == len(messages), f"{len(messages)} messages, {len(got)} received")

        known = Counter(row.sha256 for row in rows(sa.select(contents.c.sha256)))
        claim(set(known.values()) <= {1}, "a content was kept twice")

        left = rows(sa.select(jobs.c.id, jobs.c.state, jobs.c.error).where(jobs.c.state != "done"))
        claim(not left, f"jobs are left: {left}")

        verified = verify(connection)
        claim(verified.problem is None, f"the audit chain: {verified.problem}")
        actions = Counter(row.action for row in rows(sa.select(audit.c.action)))
        claim(actions["item.accept"] == len(held), "an acceptance is not in the audit once")
        claim(actions["decision.record"] == len(made), "a decision is not in the audit once")
        claim(actions["item.delete"] == len(sent.deleted), "a deletion is not in the audit once")

    room = Room(data)

    def named(sha256):
        with store.read() as connection:
            return media.named(connection, sha256)

    orphans = room.sweep(named, older=-1)
    there = {path.name: path for path in room.media.rglob("*") if path.is_file()}
    wanted = {row.sha256 for item, row in held.items() if item not in sent.deleted}
    claim(set(there) == wanted, "media: what is named is not what is there")
    for sha256, path in there.items():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        claim(digest == sha256, f"{path}: other bytes than its name says")
    return Truth(wrong, len(held), len(known), len(messages), orphans, verified.rows)
