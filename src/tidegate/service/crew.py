"""The processes that judge, beside the one that serves: each has an interpreter of its own.

They are forked from one that has imported all of it and has no threads, so another one is there
at once for one that dies. Each tells by a pipe what it has judged and what is wrong. A pipe that
ends says that its other end is dead: so they end with whoever has started them, however it ends.
"""

import logging
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

import msgspec

from tidegate.evidence import Action, Value
from tidegate.service import logs
from tidegate.service.judging import Judging
from tidegate.service.secret import Secret
from tidegate.service.settings import Settings
from tidegate.service.state import Service
from tidegate.service.worker import PATIENCE, Worker
from tidegate.store.engine import Store

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

LOOK = 0.25
"""Seconds between two looks at what is wrong, and at whether to stop."""

TRIES = 3
"""Starts of one in a row that come to nothing before all of this fails."""

FIRST_REST, LONGEST_REST = 0.5, 30.0
"""Seconds before one that died is started anew: at first, and at most."""

LIVED = 60.0
"""Seconds after which one that dies is started anew as for the first time."""

CONNECTIONS = 6
"""Connections to the database of each."""

_END = PATIENCE + 10.0
"""Seconds that they have to end."""

Checks = dict[str, Callable[[], str | None]]

logger = logging.getLogger(__name__)


class Report(Value, frozen=True, kw_only=True):
    """What one of them tells: at first, and whenever there is something new.

    Attributes:
        problem: What is wrong there, or ``None``.
        judged: What was decided since the last time, and in how many seconds.
    """

    problem: str | None
    judged: tuple[tuple[Action, float], ...]


class Crew:
    """Keeps as many processes at work as the settings say.

    Args:
        service: What this process has open. Its meters count what they judge, and its check
            ``workers`` tells what is wrong with them.
    """

    def __init__(self, service: Service) -> None:
        self._meters = service.meters
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._hands = [
            _Hand(service.settings, service.secret) for _ in range(service.settings.workers)
        ]
        service.checks["workers"] = self.problem

    def problem(self) -> str | None:
        """Return what is wrong with the first that something is wrong with, or ``None``."""
        return next((hand.problem for hand in self._hands if hand.problem), None)

    def run(self, stop: threading.Event) -> None:
        """Keep them at work until told to stop; then have them end what is under way.

        Raises:
            RuntimeError: One cannot be started. The log says why.
        """
        try:
            while not stop.is_set():
                for hand in self._hands:
                    hand.start_if_due()
                self._hear()
            for hand in self._hands:
                hand.stop()
            until = time.monotonic() + _END
            while any(hand.alive for hand in self._hands) and time.monotonic() < until:
                self._hear()
        finally:
            for hand in self._hands:
                hand.kill()

    def _hear(self) -> None:
        """Take what they tell, or wait for it for a while."""
        pipes = {hand.pipe: hand for hand in self._hands if hand.pipe is not None}
        if not pipes:
            time.sleep(LOOK)
        for pipe in wait(list(pipes), LOOK):
            assert isinstance(pipe, Connection)
            for action, seconds in pipes[pipe].hear():
                self._meters.judged(action, seconds)


class _Hand:
    """One process, started anew whenever it dies."""

    def __init__(self, settings: Settings, secret: Secret) -> None:
        self._settings = settings
        self._secret = secret
        self._process: ForkServerProcess | None = None
        self.pipe: Connection | None = None
        self.problem: str | None = "the workers are not ready yet"
        self._worked = False
        self._failures = 0
        self._began = self._due = -math.inf

    @property
    def alive(self) -> bool:
        return self.pipe is not None

    def start_if_due(self) -> None:
        if self.alive or time.monotonic() < self._due:
            return
        context = multiprocessing.get_context("forkserver")
        ours, theirs = context.Pipe()
        # A secret is given on by who says so: it goes through a pipe, and nowhere else.
        settings, secret = replace(self._settings, secret=None), self._secret.reveal()
        self._process = context.Process(target=_work, args=(settings, secret, theirs))
        with theirs:
            self._process.start()
        self.pipe, self._began = ours, time.monotonic()

    def hear(self) -> Sequence[tuple[Action, float]]:
        """Return what it has judged since the last time; nothing where it is dead.

        Raises:
            RuntimeError: It has never come so far, again and again.
        """
        assert self.pipe is not None
        try:
            report = msgspec.json.decode(self.pipe.recv_bytes(), type=Report)
        except (EOFError, ConnectionResetError):
            self._died()
            return ()
        self.problem = report.problem
        self._worked = self._worked or report.problem is None
        return report.judged

    def stop(self) -> None:
        """Tell it to end what is under way, and itself."""
        if self.pipe is not None:
            with suppress(BrokenPipeError):
                self.pipe.send_bytes(b"stop")

    def kill(self) -> None:
        """End it, if it has not ended yet."""
        if self._process is not None and self.pipe is not None:
            self._process.kill()
            self._let_go()

    def _died(self) -> None:
        self._let_go()
        lived = time.monotonic() - self._began
        self._failures = 1 if lived > LIVED else self._failures + 1
        if not self._worked and self._failures >= TRIES:
            raise RuntimeError("what judges ends as soon as it is started")
        rest = min(FIRST_REST * 2 ** (self._failures - 1), LONGEST_REST)
        self.problem, self._due = "a worker has died", time.monotonic() + rest

    def _let_go(self) -> None:
        assert self._process is not None
        assert self.pipe is not None
        self.pipe.close()
        self.pipe = None
        self._process.join()
        self._process.close()
        self._process = None


def _work(settings: Settings, secret: bytes, pipe: Connection) -> None:
    """Be one of them."""
    logs.start()
    stop, over = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # Ctrl-C is for all processes of a terminal: the one that serves ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    checks: Checks = {"workers": lambda: "a worker is not ready yet"}
    judged: deque[tuple[Action, float]] = deque()
    watch = threading.Thread(target=_watch, args=(checks, judged, pipe, stop, over))
    watch.start()
    try:
        with _opened(replace(settings, secret=Secret(secret))) as service:
            judging = Judging(
                service.store, service.sources, service.replica, threads=settings.workers
            )
            worker = Worker(service, judging, threads=1, judged=lambda *of: judged.append(of))
            checks.update(service.checks)
            worker.run(stop)
    except Exception:
        logger.exception("a worker ends")
        sys.exit(1)
    finally:
        over.set()
        watch.join()


def _watch(
    checks: Checks,
    judged: deque[tuple[Action, float]],
    pipe: Connection,
    stop: threading.Event,
    over: threading.Event,
) -> None:
    """Tell what there is to tell until it is over, and end at once where nobody hears it."""
    last: str | None = ""
    try:
        while True:
            ends = over.is_set()
            problem = next(filter(None, (check() for check in list(checks.values()))), None)
            if judged or problem != last:
                new = tuple(judged.popleft() for _ in range(len(judged)))
                pipe.send_bytes(msgspec.json.encode(Report(problem=problem, judged=new)))
                last = problem
            if ends:
                return
            if pipe.poll(LOOK):
                pipe.recv_bytes()
                stop.set()
    except (EOFError, OSError):
        # Who started this one is dead: nothing is lost by dying too.
        os._exit(1)


@contextmanager
def _opened(settings: Settings) -> Iterator[Service]:
    with (
        Store(settings.database, settings.data, connections=CONNECTIONS) as store,
        Service(settings, store) as service,
    ):
        service.replica.follow()
        service.replica.start()
        yield service
