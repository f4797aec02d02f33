"""A worker beside the service of a test, and what it knows."""

import threading
from contextlib import contextmanager
from pathlib import Path

from demo.media import source
from tests.pipeline.asked import POLICY
from tidegate.matching import Matcher
from tidegate.service.judging import Judging
from tidegate.service.worker import Worker
from tidegate.store import policies

PHOTO = "rocket.jpg"

ALLOWING = POLICY.format(thresholds="{}", rules="[]")
"""Allows what no bank holds and what can be seen."""


class Banks:
    """Banks in memory, in the place of a replica."""

    def __init__(self, *banks):
        self.revision = 0
        self.replace(*banks)

    def replace(self, *banks):
        self._matcher = Matcher(banks)
        self.revision += 1

    def matcher(self):
        return self._matcher

    def state(self):
        return str(self.revision)


def photo(name=PHOTO):
    return source(name).read_bytes()


def put_in_force(service, text=ALLOWING):
    """Put a policy in force."""
    with service.store.write() as connection:
        made = policies.add(
            connection,
            policies.New(policy=f"p{len(text)}", source=text),
            actor="system",
            reason="",
            now=service.clock(),
        )
        policies.activate(connection, made.id, actor="system", reason="", now=service.clock())


def judge_of(service, *, detectors=(), banks=None):
    return Judging(service.store, service.sources, banks or Banks(), detectors=detectors)


@contextmanager
def working(service, judging, *, threads=1, **rest):
    """Have a worker work until the ``with`` ends."""
    worker = Worker(service, judging, threads=threads, idle=0.05, **rest)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield worker
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def send(client, data=None, *, wait="10s", item=None, **rest):
    """Send a photo as a form."""
    files = {"file": ("a.jpg", photo() if data is None else data)}
    if item is not None:
        files["item"] = (None, item)
    query = {"wait": wait} if wait else {}
    return client.post("/v1/items", files=files, params=query, **rest)


def files(folder: Path):
    return sorted(p.name for p in folder.rglob("*") if p.is_file())
