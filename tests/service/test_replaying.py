"""A policy, tried on what the service has decided."""

import threading

import msgspec
import pytest

from tests.service.asking import ONCE
from tests.service.banking import decide, evidence, match, pdq_of
from tests.service.working import put_in_force
from tests.store.making import accept, decision
from tidegate.pipeline.load import shipped
from tidegate.policy import parse
from tidegate.service import replaying
from tidegate.service.problems import Unavailable
from tidegate.service.replaying import replay_recorded
from tidegate.store import decisions
from tidegate.store.clock import DAY, HOUR

DEFAULT = shipped()["default"]

LENIENT = DEFAULT.replace("version: 2", "version: 3", 1).replace(
    "where: {role: block}\n    distance: 31\n    action: remove",
    "where: {role: block}\n    distance: 31\n    action: review",
    1,
)
assert LENIENT.count("action: remove") < DEFAULT.count("action: remove")


def decided(service, number, *, at, action="remove"):
    """Record that a picture met a block bank."""
    with service.store.write() as connection:
        item = accept(connection, number, now=at)
    found = evidence(number, pdq_of(number), match("press", "1"))
    found = msgspec.structs.replace(found, covered=("sexual.explicit",), banks=("press",))
    decide(service.store, item, found, action=action, now=at)
    return item


def replayed(service, *, days=7, text=LENIENT):
    return replay_recorded(service, parse(text, "new"), days=days)


@pytest.fixture(autouse=True)
def in_force(service):
    put_in_force(service, DEFAULT)


def test_what_was_decided_is_held_against_the_policy_in_force(service, clock):
    for number in (1, 2, 3):
        decided(service, number, at=clock() - HOUR)
    told = replayed(service)
    made = told.replay
    assert (made.records, made.changed, made.weaker, made.stricter) == (3, 3, 3, 0)
    assert (made.old, made.new) == ("default/2", "default/3")
    assert (told.whole, told.unknown) == (True, 0)
    assert not made.damage
    assert replayed(service, text=DEFAULT).replay.changed == 0


def test_only_the_days_that_are_asked_for_count(service, clock):
    decided(service, 1, at=clock() - 10 * DAY)
    assert replayed(service, days=7).replay.records == 0
    assert replayed(service, days=11).replay.records == 1


def test_an_item_counts_once_by_its_last_decision(service, clock):
    item = decided(service, 1, at=clock() - 2 * HOUR)
    found = evidence(1, pdq_of(1))
    found = msgspec.structs.replace(found, covered=("sexual.explicit",), md5="f" * 32)
    decide(service.store, item, found, action="allow", policy="p/2", now=clock() - HOUR)
    made = replayed(service).replay
    assert made.records == 1


def test_what_a_person_has_answered_is_what_changes_are_held_against(service, clock):
    item = decided(service, 1, at=clock() - HOUR)
    with service.store.write() as connection:
        new = decisions.New(
            item=item, origin="reviewer", author="user:1", decision=decision("remove")
        )
        decisions.record(connection, new, now=clock())
    reviewed = replayed(service).replay.reviewed
    assert (reviewed.items, reviewed.against, reviewed.towards) == (1, 1, 0)


@ONCE
def test_more_than_there_is_room_for_is_told(service, clock, monkeypatch):
    monkeypatch.setattr(replaying, "MOST", 2)
    monkeypatch.setattr(replaying, "PIECE", 2)
    for number in (1, 2, 3):
        decided(service, number, at=clock() - number * HOUR)
    told = replayed(service)
    assert (told.replay.records, told.whole) == (2, False)
    assert service.clock() - HOUR * 3 < told.replay.first_at.timestamp() * 1_000_000


@ONCE
def test_nothing_is_left_in_the_data_folder(service, clock):
    decided(service, 1, at=clock() - HOUR)
    replayed(service)
    assert not list(service.data.glob("replay-*"))


@ONCE
def test_one_replay_at_a_time(service, monkeypatch):
    monkeypatch.setattr(replaying, "PATIENCE", 0.01)
    held, done = threading.Event(), threading.Event()

    def hold():
        with replaying._turn():
            held.set()
            done.wait()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with pytest.raises(Unavailable):
        replayed(service)
    done.set()
    other.join()
    assert replayed(service).replay.records == 0
