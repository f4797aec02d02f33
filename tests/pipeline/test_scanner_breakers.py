"""A policy's breakers in a scan: one bad entry does not remove everything."""

import hashlib
import shutil

from demo import media
from tidegate import Scanner
from tidegate.matching import Bank, Entry
from tidegate.policy import parse

POLICY = """
tidegate_policy: 1
id: p
version: 1
names: {alarms: [ops]}
banks:
  - {id: a, where: {role: allow}, action: allow}
  - {id: b, where: {}, action: remove}
unknowns:
  - {id: any, where: {}, action: review}
breakers:
  - {id: fuse, per: entry, limit: 3, within: day, alarm: ops}
"""


def test_beyond_a_breakers_limit_a_person_is_asked(tmp_path):
    photo = (tmp_path / "0.png").resolve()
    shutil.copy(media.source("coffee.png"), photo)
    for number in range(1, 5):
        shutil.copy(photo, tmp_path / f"{number}.png")
    entry = Entry(id="1", sha256=(hashlib.sha256(photo.read_bytes()).hexdigest(),))
    bank = Bank(name="mine", role="block", category="known.other", entries=(entry,))
    with Scanner(parse(POLICY, "p"), [bank], detectors=(), jobs=2) as scanner:
        items = list(scanner.scan_many([tmp_path]))
        later = scanner.scan(photo)
    assert [i.decision.action for i in items] == ["remove"] * 3 + ["review"] * 2
    assert [e.value for e in items[3].decision.effects] == ["ops"]
    assert later.decision.action == "review"
