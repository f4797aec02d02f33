"""The console's pages at 100,000 cases: how long each takes to answer, by HTTP.

The service and the client that asks are one process; one request is asked at a time. The store is
SQLite in a folder of its own, in which twenty people have answered 200,000 times. Nobody else has
the same pages, so there is no peer.
"""

import http.client
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from benchmarks import archive, record
from benchmarks.duel import Goal, Row, Spread
from tidegate.review.app import build
from tidegate.service.serve import bound
from tidegate.service.settings import Listen, Settings
from tidegate.service.start import started
from tidegate.service.state import Service

CASES = 100_000

ASKED = 100
"""Times that each page is asked for."""

WARM = 3
"""Times before that, which are not counted."""

SOON = Goal(most=0.1)
NOBODY = "none"


class Visitor:
    """Somebody who has logged in, on one connection that is kept."""

    def __init__(self, port: int, name: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        said = json.dumps({"name": name, "password": archive.PASSWORD})
        self._connection.request("POST", "/v1/login", said, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        answer.read()
        self._headers = {"Cookie": str(answer.getheader("Set-Cookie")).partition(";")[0]}

    def ask(self, path: str) -> float:
        """Return the seconds until a page was there."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return seconds


def rows(options: record.Options) -> Iterator[Row]:
    """Measure every page that people work with."""
    count = 2_000 if options.quick else CASES
    asked = 10 if options.quick else ASKED
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        settings = Settings(data=Path(folder), workers=0, requests_per_second=100_000)
        with started(settings) as service:
            made = archive.fill(service, count)
            with _served(service) as port:
                visitor = Visitor(port, made.name)
                for title, path in pages(made):
                    yield from _measured(visitor, f"{title}, {count:,} cases", path, asked)


def pages(made: archive.Archive) -> tuple[tuple[str, str], ...]:
    """Return the pages and where they are."""
    here = "/console"
    return (
        ("queues", f"{here}/queues"),
        ("a queue", f"{here}/queues?queue={made.queue}"),
        ("a case", f"{here}/cases/{made.case}"),
        ("items", f"{here}/items"),
        ("items, filtered", f"{here}/items?action=remove&surface=avatar"),
        ("an item", f"{here}/items/{made.item}"),
        ("appeals", f"{here}/appeals"),
        ("dashboard, 7 days", f"{here}/dashboard?days=7"),
        ("dashboard, 30 days", f"{here}/dashboard?days=30"),
        ("dashboard, 90 days", f"{here}/dashboard?days=90"),
        ("golden cases", f"{here}/dashboard/golden"),
        ("queue settings", f"{here}/dashboard/queues"),
        ("banks", f"{here}/banks"),
        ("a bank", f"{here}/banks/{made.bank}"),
        ("policies", f"{here}/policies"),
        ("webhooks", f"{here}/webhooks"),
        ("users", f"{here}/users"),
        ("keys", f"{here}/keys"),
        ("audit", f"{here}/audit"),
        ("audit of a case", f"{here}/audit?subject=case%3A{made.case}"),
    )


def _measured(visitor: Visitor, case: str, path: str, asked: int) -> Iterator[Row]:
    for _ in range(WARM):
        visitor.ask(path)
    taken = [visitor.ask(path) for _ in range(asked)]
    cuts = statistics.quantiles(taken, n=100, method="inclusive")
    for name, place, goal in (("median", 49, SOON), ("99th percentile", 98, None)):
        yield Row(
            case=f"{case}, {name}",
            peer=NOBODY,
            unit="s",
            ours=Spread.of([cuts[place]]),
            rounds=asked,
            goal=goal,
        )


@contextmanager
def _served(service: Service) -> Iterator[int]:
    """Serve until the ``with`` ends, and yield the port."""
    config = uvicorn.Config(build(service), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with bound(Listen("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


if __name__ == "__main__":
    record.main("console", ("fastapi", "uvicorn", "sqlalchemy", "jinja2"), rows)
