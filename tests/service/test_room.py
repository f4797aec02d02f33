import hashlib
import multiprocessing
import os
import threading
import time

import pytest

from tests.service.working import files
from tidegate.media import MediaError
from tidegate.service.room import Room, TooManyBytesError, turn

DATA = b"some bytes of a picture" * 100
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def put(room, data=DATA):
    with room.receive(len(data)) as incoming:
        incoming.write(data)
        with room.keep(incoming) as sha256:
            return sha256


def test_a_file_is_kept_under_its_digest_for_its_owner_alone(room, tmp_path):
    assert put(room) == DIGEST
    path = tmp_path / "media" / DIGEST[:2] / DIGEST
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with room.open(DIGEST) as source:
        assert source.file.read() == DATA
    assert files(tmp_path / "incoming") == []


def test_the_same_bytes_are_there_once(room, tmp_path):
    put(room)
    first = room.path(DIGEST).stat()
    put(room)
    assert room.path(DIGEST).stat().st_ino == first.st_ino
    assert files(tmp_path / "media") == [DIGEST]


def test_what_is_not_kept_is_gone(room, tmp_path):
    with room.receive(100) as incoming:
        incoming.write(b"x" * 100)
        with pytest.raises(TooManyBytesError, match="larger than 100 bytes"):
            incoming.write(b"y")
        assert incoming.size == 100
    assert files(tmp_path / "incoming") + files(tmp_path / "media") == []


def test_the_bytes_are_on_disk_before_their_name_is(room, monkeypatch):
    done = []
    sync, link = os.fsync, os.link
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append("sync"), sync(fd)))
    monkeypatch.setattr(os, "link", lambda *a: (done.append("link"), link(*a)))
    put(room)
    assert done[0] == "sync"
    assert done.index("link") < len(done) - 1
    assert done[-1] == "sync"


def test_what_something_names_stays(room):
    put(room)
    assert not room.drop(DIGEST, lambda sha256: True)
    assert room.has(DIGEST)
    assert room.drop(DIGEST, lambda sha256: False)
    assert not room.has(DIGEST)
    assert room.drop(DIGEST, lambda sha256: False)
    with pytest.raises(MediaError):
        room.open(DIGEST)


def test_a_file_is_not_removed_while_somebody_is_about_to_name_it(room):
    """Between the file and the row that names it, nothing names it yet."""
    put(room)
    named, removed = threading.Event(), []
    with room.receive(len(DATA)) as incoming:
        incoming.write(DATA)
        with room.keep(incoming):
            other = threading.Thread(
                target=lambda: removed.append(room.drop(DIGEST, lambda sha256: named.is_set()))
            )
            other.start()
            other.join(0.1)
            assert other.is_alive()
            named.set()
        other.join()
    assert removed == [False]
    assert room.has(DIGEST)


def test_a_sweep_takes_what_a_dead_process_left(room, tmp_path):
    put(room)
    put(room, b"orphan")
    orphan = hashlib.sha256(b"orphan").hexdigest()
    room.receive(10)._file.close()  # As after a kill: nobody closes it.
    assert room.sweep(lambda sha256: sha256 == DIGEST) == 0  # They may be at work.
    assert room.sweep(lambda sha256: sha256 == DIGEST, older=-1) == 2
    assert files(tmp_path / "incoming") == []
    assert files(tmp_path / "media") == [DIGEST]
    assert not room.has(orphan)


def test_one_at_a_time_works_on_a_file(room):
    put(room)
    inside, most = [], []

    def work():
        with room.open(DIGEST) as source, turn(source):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5


def test_who_waits_says_so_first_and_who_need_not_says_nothing(room):
    put(room)
    told, begun = [], threading.Event()

    def second():
        with room.open(DIGEST) as source, turn(source, begun.set):
            told.append("second")

    with room.open(DIGEST) as source, turn(source, lambda: told.append("first waits")):
        thread = threading.Thread(target=second)
        thread.start()
        assert begun.wait(60)
        told.append("first")
    thread.join(60)
    assert told == ["first", "second"]


def hold(path, ready):
    with Room(path).open(DIGEST) as source, turn(source):
        ready.set()
        time.sleep(60)


def test_a_process_that_is_killed_gives_its_turn_on(room, tmp_path):
    put(room)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    other = context.Process(target=hold, args=(tmp_path, ready))
    other.start()
    assert ready.wait(60)
    other.kill()
    other.join()
    with room.open(DIGEST) as source, turn(source):
        pass
