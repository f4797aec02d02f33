"""The banks that are searched follow the database."""

import json
import shutil
import threading

import numpy as np
import pytest

from tests.service.banking import FAR, NEAR, PDQ, make_bank, pdq_of, put, set_state
from tidegate.matching import BankFolder
from tidegate.service import replica as module
from tidegate.service.replica import MANIFEST, Replica
from tidegate.store import banks, ids

ONCE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def store(database):
    with database.open() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "banks"


@pytest.fixture
def replica(store, folder):
    return Replica(store, folder)


def met(replica, pdq=PDQ, **rest):
    return [(near.bank, near.entry.id, near.distance) for near in replica.banks().near(pdq, **rest)]


def test_what_is_added_is_met_when_it_has_followed(store, replica):
    make_bank(store)
    assert replica.follow()
    assert met(replica) == []
    (one,) = put(store, "press", PDQ)
    assert met(replica) == []
    assert replica.follow()
    assert met(replica) == [("press", one, 0)]
    assert met(replica, NEAR) == [("press", one, 2)]
    assert not replica.follow()


def test_states_are_in_force_at_the_next_revision(store, replica):
    make_bank(store)
    one, two = put(store, "press", PDQ, NEAR)
    replica.follow()
    assert [entry for _, entry, _ in met(replica)] == [one, two]
    set_state(store, "press", [one], "withdrawn")
    set_state(store, "press", [two], "disabled", until="2999-01-01T00:00:00+00:00")
    replica.follow()
    assert met(replica) == []
    set_state(store, "press", [two], "active")
    replica.follow()
    assert met(replica) == [("press", two, 2)]


@ONCE
def test_a_term_that_ends_changes_what_the_banks_answer(store, replica, monkeypatch):
    make_bank(store)
    (one,) = put(store, "press", PDQ)
    set_state(store, "press", [one], "disabled", until="2030-01-01T00:00:00+00:00")
    replica.follow()
    told = replica.state()
    assert met(replica) == []
    after = 1_900_000_000_000_000
    monkeypatch.setattr(module.clock, "now", lambda: after)
    assert met(replica) == [("press", one, 0)]
    assert replica.state() != told


def test_what_a_bank_says_about_itself_is_in_force_without_its_entries_being_written_anew(
    store, replica
):
    bank = make_bank(store, max_distance=0)
    put(store, "press", PDQ)
    replica.follow()
    assert met(replica, NEAR) == []
    held = replica.banks().state.banks["press"].folder
    new = banks.New(name="press", category=bank.category, role="review", max_distance=31)
    with store.write() as connection:
        banks.change(connection, new, version=None, actor="a", reason="", now=9)
    replica.follow()
    assert len(met(replica, NEAR)) == 1
    assert replica.banks().state.banks["press"].folder == held
    session = replica.matcher().session()
    session.add(0.0, _turned(PDQ), 100)
    (found,) = session.finish("image", 0.0)
    assert found.role == "review"


def _turned(pdq):
    rows = np.zeros((8, 32), np.uint8)
    rows[0] = np.frombuffer(bytes.fromhex(pdq), np.uint8)
    return rows


def test_a_deleted_bank_is_asked_no_more_and_comes_back_empty(store, replica):
    make_bank(store)
    put(store, "press", PDQ)
    replica.follow()
    with store.write() as connection:
        banks.delete(connection, "press", actor="a", reason="", now=5)
    replica.follow()
    assert met(replica) == []
    assert replica.matcher().names == ()
    make_bank(store, now=9)
    put(store, "press", FAR)
    replica.follow()
    assert met(replica) == []
    assert len(met(replica, FAR)) == 1


def test_a_bank_that_no_lookup_is_to_ask_is_not_asked(store, replica):
    make_bank(store, "off", rule=banks.Rule(enabled_ratio=0.0))
    make_bank(store, "on")
    replica.follow()
    assert replica.matcher().names == ("on",)


def test_many_entries_are_taken_in_as_a_whole_and_many_changes_too(store, replica, monkeypatch):
    monkeypatch.setattr(module, "BULK", 30)
    monkeypatch.setattr(module, "PAGE", 16)
    make_bank(store)
    ids = put(store, "press", *map(pdq_of, range(50)))
    set_state(store, "press", ids[:3], "withdrawn")
    replica.follow()
    assert met(replica, pdq_of(2)) == []
    assert met(replica, pdq_of(3)) == [("press", ids[3], 0)]
    more = put(store, "press", *map(pdq_of, range(50, 80)))
    set_state(store, "press", ids[3:20], "disabled")
    replica.follow()
    assert met(replica, pdq_of(3)) == []
    assert met(replica, pdq_of(20)) == [("press", ids[20], 0)]
    assert met(replica, pdq_of(79)) == [("press", more[29], 0)]
    assert len(BankFolder(replica._folder / replica.banks().state.banks["press"].folder)) == 80


@ONCE
def test_two_processes_share_a_folder(store, folder, replica):
    other = Replica(store, folder)
    make_bank(store)
    (one,) = put(store, "press", PDQ)
    replica.follow()
    assert met(other) == [("press", one, 0)]
    assert not other.follow()
    set_state(store, "press", [one], "withdrawn")
    other.follow()
    assert met(replica) == []


@ONCE
def test_many_follow_at_once_and_lose_nothing(store, folder):
    make_bank(store)
    many = [Replica(store, folder) for _ in range(4)]
    ids = []

    def add(number):
        for each in range(5):
            ids.extend(put(store, "press", pdq_of((number, each))))
            many[number].follow()

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in many:
        each.follow()
        found = [met(each, pdq_of((a, b))) for a in range(4) for b in range(5)]
        assert sorted(entry for ((_, entry, _),) in found) == sorted(ids)


@ONCE
def test_what_a_crash_left_undone_is_done_again(store, folder, replica, monkeypatch):
    make_bank(store)
    put(store, "press", FAR)
    replica.follow()
    before = (folder / MANIFEST).read_bytes()
    (one,) = put(store, "press", PDQ)
    replica.follow()
    # As if the process had died between the folder and the manifest.
    (folder / MANIFEST).write_bytes(before)
    again = Replica(store, folder)
    assert again.follow()
    assert met(again) == [("press", one, 0)]


@ONCE
@pytest.mark.parametrize("damage", ["no folder", "no manifest", "broken", "another", "ahead"])
def test_a_folder_that_cannot_be_trusted_is_built_anew(store, folder, replica, damage):
    make_bank(store)
    (one,) = put(store, "press", PDQ)
    replica.follow()
    manifest = folder / MANIFEST
    said = json.loads(manifest.read_bytes())
    match damage:
        case "no folder":
            shutil.rmtree(folder / said["banks"]["press"]["folder"])
        case "no manifest":
            manifest.unlink()
        case "broken":
            manifest.write_bytes(b"{")
        case "another":
            manifest.write_text(json.dumps(said | {"database": "another"}))
        case "ahead":
            manifest.write_text(json.dumps(said | {"revision": 10_000}))
    again = Replica(store, folder)
    assert again.follow()
    assert met(again) == [("press", one, 0)]


@ONCE
def test_folders_that_nobody_is_at_go_after_a_while(store, folder, replica, monkeypatch):
    make_bank(store)
    replica.follow()
    old = folder / replica.banks().state.banks["press"].folder
    left, other = folder / "press" / ids.new(), folder / "press" / "somebody's"
    left.mkdir()
    other.mkdir()
    with store.write() as connection:
        banks.delete(connection, "press", actor="a", reason="", now=5)
    replica.follow()
    assert old.is_dir()
    assert not left.exists()
    other.rmdir()
    now = module.clock.now() + module.KEEP + 1
    monkeypatch.setattr(module.clock, "now", lambda: now)
    make_bank(store, "other")
    replica.follow()
    assert not old.parent.exists()


@ONCE
def test_it_says_why_it_is_not_ready(store, folder):
    at = 0.0
    replica = Replica(store, folder, tick=lambda: at)
    assert replica.problem() == "the banks are not loaded yet"
    replica.follow()
    assert replica.problem() is None
    at = module.STALE + 1
    assert "compared" in replica.problem()
    replica.follow()
    assert replica.problem() is None


@ONCE
def test_it_says_when_it_cannot_follow(store, folder, monkeypatch):
    at = 0.0
    replica = Replica(store, folder, tick=lambda: at)
    replica.follow()

    def full(*_):
        raise OSError(28, "No space left on device")

    make_bank(store)
    monkeypatch.setattr(BankFolder, "create", full)
    replica.poke()
    assert replica.problem() is None
    at = module.BEHIND + 1
    replica.poke()
    assert replica.problem() == "the banks are behind the database"


@ONCE
def test_it_follows_by_itself_once_started(store, replica):
    replica.start()
    with replica:
        make_bank(store)
        (one,) = put(store, "press", PDQ)
        for _ in range(200):
            if met(replica):
                break
            threading.Event().wait(0.05)
        assert met(replica) == [("press", one, 0)]
