"""The processes that judge: one that dies is replaced, and none outlives who started them."""

import os
import re
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.processes import hands
from tests.service.asking import Asking, bearer, key_of
from tests.service.test_serve import place, running, wait_until_ready
from tests.service.working import put_in_force, send
from tidegate.service import crew as module
from tidegate.service.app import build
from tidegate.service.crew import Crew
from tidegate.service.settings import Settings
from tidegate.service.start import started
from tidegate.service.state import Service
from tidegate.store.engine import Store


def until(holds, words):
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, words
        time.sleep(0.02)


def gone(pids):
    return not [pid for pid in pids if _runs(pid)]


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def judged(client):
    """Return how many decisions are counted."""
    found = re.search(
        r'tidegate_decisions_total{action="allow"} (\S+)', client.get("/metrics").text
    )
    return 0 if found is None else float(found[1])


@contextmanager
def at_work(service):
    """Have the crew of a service work until the ``with`` ends."""
    crew, stop = Crew(service), threading.Event()
    thread = threading.Thread(target=crew.run, args=(stop,))
    thread.start()
    try:
        yield crew
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def test_one_that_is_killed_is_started_anew_and_what_all_have_judged_is_counted(tmp_path):
    with started(Settings(data=tmp_path, workers=2)) as service:
        put_in_force(service)
        client = Asking(build(service), headers=bearer(key_of(service, "admin")))
        before = set(hands(os.getpid()))
        with at_work(service) as crew:
            assert client.get("/readyz").json()["checks"]["workers"] != "ok"
            until(lambda: crew.problem() is None, "they do not work")
            first = set(hands(os.getpid())) - before
            assert len(first) == 2
            assert send(client).json()["state"] == "judged"
            # What one that is killed has not told yet is counted by nobody.
            until(lambda: judged(client) == 1, "it is not counted")
            victim = min(first)
            os.kill(victim, signal.SIGKILL)
            until(lambda: set(hands(os.getpid())) - before - first, "no other is started")
            until(lambda: crew.problem() is None, "the other does not work")
            assert {send(client).json()["state"] for _ in range(4)} == {"judged"}
            last = set(hands(os.getpid())) - before
            assert victim not in last
            assert len(last) == 2
        assert gone(last)
        assert judged(client) == 5


def test_where_they_never_come_so_far_as_to_work_it_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FIRST_REST", 0.01)
    # Nobody has made the tables.
    with (
        Service(Settings(data=tmp_path), Store(None, tmp_path)) as service,
        pytest.raises(RuntimeError, match="ends as soon as it is started"),
    ):
        Crew(service).run(threading.Event())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_they_end_with_who_has_started_them(tmp_path, how):
    with running(tmp_path, "--workers", "2") as process:
        wait_until_ready(place(process))
        pids = hands(process.pid)
        assert len(pids) == 2
        process.send_signal(how)
        process.wait(60)
        until(lambda: gone(pids), "they live on")
