"""The service in processes that can be killed: forked from one that has imported it already."""

import logging
import multiprocessing
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tidegate.service.settings import Listen, Settings

CONTEXT = multiprocessing.get_context("forkserver")

SOON = 60.0
"""Seconds in which a process has to be there."""


@dataclass(frozen=True)
class Plan:
    """How to run the service.

    Attributes:
        settings: What it is told.
        receiver: Port of the webhook's receiver on this machine.
        lease: Seconds after which a message that a dead sender took is due again.
    """

    settings: Settings
    receiver: int
    lease: float


def serve(plan, said):
    """Be ``tidegate serve``."""
    _prepare(plan)
    from tidegate.review.app import build
    from tidegate.service import serve

    os._exit(0 if serve.serve(plan.settings, said.put, build) else 1)


def work(plan, said):
    """Be ``tidegate worker``."""
    _prepare(plan)
    from tidegate.service import background

    os._exit(0 if background.work(plan.settings, said.put) else 1)


def _prepare(plan):
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["TIDEGATE_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
    os.environ["TIDEGATE_WEBHOOK_PORTS"] = str(plan.receiver)
    os.environ["TIDEGATE_WEBHOOK_HTTP"] = "1"
    logging.getLogger("tidegate").setLevel(logging.CRITICAL)
    from tidegate.service import sender

    # A message waits this long when its sender dies: minutes, in the field.
    sender.LEASE = plan.lease


class One:
    """One process, started anew whenever it was killed."""

    def __init__(self, plan, role):
        self.plan = plan
        self.role = role
        self.starts = 0
        self.start()

    def start(self):
        self.starts += 1
        # A pipe of its own: what is killed may hold its lock for ever.
        self._said = CONTEXT.SimpleQueue()
        self.process = CONTEXT.Process(target=self.role, args=(self.plan, self._said))
        self.process.start()

    def up(self):
        """Whether it has said that it works."""
        return not self._said.empty()

    def wait(self):
        until = time.monotonic() + SOON
        while not self.up():
            assert self.process.is_alive(), f"{self.role.__name__} ended: {self.process.exitcode}"
            assert time.monotonic() < until, f"{self.role.__name__} does not start"
            time.sleep(0.01)

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()

    def kill_hand(self, random_):
        """Kill one of the processes that judge for it, if there are any by now."""
        pids = hands(self.process.pid)
        if pids:
            with suppress(ProcessLookupError):
                os.kill(random_.choice(pids), signal.SIGKILL)

    def stop(self):
        """Stop it as an operator does, and return its exit status."""
        self.process.terminate()
        self.process.join(SOON)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        return self.process.exitcode


def hands(pid):
    """Return the processes that judge for a process: the service forks them by one of its own."""
    return [hand for child in _children(pid) if _forks(child) for hand in _children(child)]


def _children(pid):
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return found


def _forks(pid):
    with suppress(OSError):
        return b"multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def plan_of(data, database, port, receiver, *, lease=3.0):
    settings = Settings(
        data=data,
        database=database,
        listen=Listen("127.0.0.1", port),
        workers=2,
        requests_per_second=100_000.0,
        lease=lease,
    )
    return Plan(settings, receiver, lease)


def ready(url):
    """Whether the server answers that it is ready."""
    try:
        return httpx.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
