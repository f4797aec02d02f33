"""What the tests of banks put into them."""

import hashlib
import io

from PIL import Image

from tests.clips import picture
from tidegate.evidence import Decision, Evidence, Facts, FrameHash, Match, MediaInfo, Reason
from tidegate.matching import Entry, Frame
from tidegate.service import entries
from tidegate.store import banks, contents, decisions
from tidegate.store.contents import Key

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
NEAR = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b21"
"""Two bits from the one before."""
FAR = "0" * 64
MD5 = "cab08b36195edb1a1231d2d09fa450e0"


def make_bank(store, name="press", *, now=1, **fields):
    new = banks.New(**{"name": name, "category": "known.other", "role": "block"} | fields)
    with store.write() as connection:
        return banks.create(connection, new, actor="key:1", reason="", now=now)


def pdq_of(number):
    """Return a PDQ; those of two numbers are far apart."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def put(store, bank, *hashes, now=2, **fields):
    """Add an entry for each PDQ, and return their ids."""
    new = [entries.new(Entry(id="0", pdq=(Frame(one),), **fields)) for one in hashes]
    with store.write() as connection:
        told = banks.add(connection, bank, new, actor="key:1", reason="", now=now)
    return [each.id for each in told]


def set_state(store, bank, ids, state, *, until=None, now=3):
    with store.write() as connection:
        banks.set_state(
            connection,
            bank,
            ids,
            state,
            disabled_until=until,
            actor="key:1",
            reason="a reason",
            now=now,
        )


def photo(name="coffee.png"):
    """Return a photograph as a JPEG."""
    return jpeg(picture(name).convert("RGB"))


def blank():
    return jpeg(Image.new("RGB", (200, 200), (120, 130, 140)))


def jpeg(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def evidence(number, pdq, *matches):
    media = MediaInfo(kind="image", format="jpeg", width=320, height=240)
    return Evidence(
        sha256=f"{number:064x}",
        md5=f"{number:032x}",
        size=1,
        media=media,
        frames=(FrameHash(second=0.0, pdq=pdq, quality=100),),
        matches=matches,
    )


def match(bank, entry):
    return Match(
        bank=bank, entry=entry, category="known.other", role="block", kind="pdq", distance=0
    )


def decide(store, item, found, *, action="remove", policy="p/1", now=5):
    """Record what a worker decided of an item by its matches."""
    reasons = tuple(
        Reason(
            rule="banks.known",
            action=action,
            ground="match",
            index=index,
            category="known.other",
            bounds=(),
            text="it met",
        )
        for index, _ in enumerate(found.matches)
    )
    made = Decision(
        action=action,
        judged=True,
        reasons=reasons,
        near=(),
        rest=(),
        policy=policy,
        policy_sha256="0" * 64,
    )
    key = Key(sha256=found.sha256, pipeline="p")
    with store.write() as connection:
        contents.put(connection, key, found, now=now)
        new = decisions.New(
            item=item,
            origin="machine",
            author="worker:1",
            decision=made,
            facts=Facts(),
            content=key,
        )
        return decisions.record(connection, new, now=now).id
