"""What the tests of cases look at: real photos and clips, judged by a real worker."""

import io
from contextlib import contextmanager

from PIL import Image

from tests.clips import clip, picture
from tests.pipeline.asked import Asked
from tests.service.asking import make_user
from tests.service.working import judge_of, put_in_force, send, working
from tidegate.pipeline.enrol import enrol
from tidegate.pipeline.find import Found
from tidegate.service.banks import enrolled
from tidegate.store import cases, items

HOUSE = """
tidegate_policy: 1
id: house
version: 1
title: What the tests are decided by
thresholds:
  regulated.alcohol: {label: 0.50, review: 0.70, remove: 0.95}
banks:
  - {id: known-good, where: {role: allow}, distance: 10, action: allow}
  - {id: review-bank, where: {role: review}, distance: 31, action: review}
  - {id: block-bank, where: {role: block}, distance: 31, action: remove}
unknowns:
  - {id: not-judged, where: {}, action: review}
"""


def jpeg(name="coffee.png", size=(640, 480), quality=90):
    """Return a photo as a JPEG."""
    file = io.BytesIO()
    picture(name, size).save(file, "JPEG", quality=quality)
    return file.getvalue()


def turned(name="coffee.png"):
    """Return a photo, mirrored."""
    file = io.BytesIO()
    picture(name, (640, 480)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(file, "JPEG")
    return file.getvalue()


def film():
    """Return a clip of four seconds, small enough to be quick."""
    return clip("carphone_pristine.mp4").read_bytes()


def make_bank(admin, name="press", *, category="known.other", role="review"):
    answer = admin.post("/v1/banks", json={"name": name, "category": category, "role": role})
    assert answer.status_code == 201, answer.text


def make_entry(service, reader, tmp_path, data, bank="press", *, note="ticket 77"):
    """Put a file into a bank, and return the id of its entry."""
    file = tmp_path / f"known-{len(data)}"
    file.write_bytes(data)
    found = Found(file, named=True)
    made = enrol(found, reader, "0", category=None, note=note, added="").entry
    return enrolled(service, bank, made, actor="system", reason="").id


@contextmanager
def judging(service, tmp_path, *, score=None):
    """Judge what is sent, by the banks of the database and, with a score, a model that gives it."""
    with working(service, judge_of(service, **_asked(service, tmp_path, score))) as worker:
        yield worker


def judged(service, admin, reader, tmp_path, data, *, score=None, item=None):
    """Send a file, judge it here and now as a worker does, and return the item."""
    sent = send(admin, data, wait=None, item=item).json()["id"]
    with judge_of(service, **_asked(service, tmp_path, score)) as judge:
        judge._readers.mine = lambda: reader
        with service.store.read() as connection:
            found = items.get(connection, sent)
        with judge.found(found) as known, service.store.write() as connection:
            judge.record(connection, found, known, author="worker:1", now=service.clock())
    with service.store.read() as connection:
        return items.get(connection, sent)


def _asked(service, tmp_path, score):
    models = []
    if score is not None:
        model = Asked(tmp_path, "model", "regulated.alcohol")
        model.score = score
        models.append(model)
    return {"detectors": models, "banks": service.replica}


def case_of(service, item):
    """Return the open case of an item."""
    with service.store.read() as connection:
        found = cases.of_item(connection, item)
    assert found is not None
    return found


def reviewed(service, admin, reader, tmp_path, *, data=None, score=0.86, item=None):
    """Have a photo judged by a score, and return its case."""
    data = jpeg() if data is None else data
    sent = judged(service, admin, reader, tmp_path, data, score=score, item=item)
    assert sent.action == "review"
    return case_of(service, sent.id)


def matched(service, admin, reader, tmp_path, *, known=None, data=None, score=None, **bank):
    """Have a copy of what a bank holds judged, and return its case."""
    make_bank(admin, **bank)
    make_entry(service, reader, tmp_path, jpeg() if known is None else known)
    data = jpeg(quality=60) if data is None else data
    sent = judged(service, admin, reader, tmp_path, data, score=score)
    return case_of(service, sent.id)


def people(service):
    """Make one of each who works here, and put the policy of the house in force.

    Ada and ben review, lea leads, kim answers for banks, max for everything.
    """
    put_in_force(service, HOUSE)
    for name, role in (("ada", "reviewer"), ("ben", "reviewer"), ("lea", "lead")):
        make_user(service, name, role)
    make_user(service, "kim", "curator")
    make_user(service, "max", "admin")
