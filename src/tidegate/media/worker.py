"""The processes that decode, as the parent holds them: a nursery and its present decoder."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tidegate.evidence import Cause
from tidegate.media import memory, wire
from tidegate.media.settings import Budget, confinement

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
"""How long a nursery may take to import its decoders, and a decoder to be forked."""

ITEMS = 32
"""Items that one decoder serves. A decoder that an upload has taken over can lie about those
that come after it: so they are few. A fork of some milliseconds for each lot is what it costs."""

_END_SECONDS = 5.0

_PASSED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHOME")


_told: set[str] = set()


class UnconfinedError(Exception):
    """The kernel does not confine decoders here, and it was demanded that it does."""


class Worker:
    """A nursery, its present decoder, and the memory that they share with the parent.

    Attributes:
        slots: The shared memory.
        decoders: Name and version of what decodes, by format; known once it is ready.
        pid: Process id of the decoder, or ``None`` while there is none.
        lacking: What of the confinement is not active, in words; empty where all is.
        served: How many items the decoder was given.
        gone: Whether the nursery has ended, so that another worker is needed.
    """

    def __init__(self, budget: Budget, threads: int = 1, items: int = ITEMS) -> None:
        """Start the nursery; do not wait for it.

        Args:
            budget: The most that one item may cost.
            threads: How many threads decode one video.
            items: How many items one decoder serves.
        """
        self.decoders: Mapping[str, Mapping[str, str]] = {}
        self.pid: int | None = None
        self.lacking = ""
        self.gone = False
        self._owner = os.getpid()
        self._until = time.monotonic() + START_SECONDS
        self._items = items
        self.served = 0
        self._confinement = confinement()
        self._spawn = wire.Spawn(
            memory=budget.memory,
            cpu=items * budget.cpu_seconds(threads),
            confined=self._confinement != "off",
        )
        self._socket: socket.socket | None = None
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            shared = memory.create(budget.pixels)
        except BaseException:
            self._control.close()
            theirs.close()
            raise
        try:
            self.slots = memory.Slots(shared, writable=False)
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "tidegate.media.nursery",
                    f"{theirs.fileno()}",
                    f"{shared}",
                ],
                pass_fds=(theirs.fileno(), shared),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the parent, which tells the nursery.
            )
        except BaseException:
            self._control.close()
            raise
        finally:
            theirs.close()
            os.close(shared)

    def prepare(self) -> None:
        """Have a decoder that is confined.

        Raises:
            TimeoutError: It takes too long.
            EOFError: The nursery or the decoder died.
            GarbledError: They say something else.
            UnconfinedError: The kernel does not confine it, and that was demanded.
        """
        if not self.decoders:
            hello = self._report(self._until)
            if not isinstance(hello, wire.Hello):
                raise wire.GarbledError("no greeting")
            self.decoders = hello.decoders
        if self._socket is None:
            self._ask()
        if self.pid is None and not self._greets():
            self.drop()  # It has died while it waited for its first item.
            self._ask()
            self._meet()

    def begin(self, job: wire.Job, descriptor: int) -> None:
        """Give the decoder an item.

        Raises:
            EOFError: The decoder is gone.
        """
        self.served += 1
        self.send(job, descriptor)

    def probe(self) -> Mapping[str, bool]:
        """Have the decoder try what it must not be able to do.

        Returns:
            For each topic of :func:`tidegate.media.probe.probe`, whether it was refused.

        Raises:
            TimeoutError: It takes too long.
            EOFError: The decoder is gone.
            GarbledError: It says something else.
        """
        self.send(wire.Probe())
        answer = self.receive(time.monotonic() + START_SECONDS)
        if not isinstance(answer, wire.Probed):
            raise wire.GarbledError("no answer to the probe")
        return answer.refused

    def send(self, message: wire.Order, *descriptors: int) -> None:
        """Send an order to the decoder. Never waits for it to listen.

        Raises:
            EOFError: The decoder is gone, or has let more orders lie than there should be.
        """
        try:
            if self._socket is None:
                raise EOFError("there is no decoder")
            self._socket.settimeout(0)
            wire.send(self._socket, message, descriptors)
        except OSError as error:
            raise EOFError("the decoder is gone") from error

    def receive(self, until: float) -> wire.Answer:
        """Wait for the decoder's next answer until a moment of ``time.monotonic``.

        Raises:
            TimeoutError: The moment has come.
            EOFError: The decoder is gone.
            GarbledError: What came is no answer.
        """
        if self._socket is None:
            raise EOFError("there is no decoder")
        return wire.hear(self._socket, wire.ANSWERS, until)

    @property
    def foreign(self) -> bool:
        """Whether it belongs to the process that this one is a fork of."""
        return self._owner != os.getpid()

    def look(self) -> None:
        """Look after the decoder between two items: one that has died is let go of."""
        if self.foreign:
            self._disown()
            return
        if self.pid is not None and self._spoke_up():
            self.drop()
        if self._process.poll() is not None:
            self.gone = True

    def retire(self, *, worn: bool = False) -> None:
        """Have the next decoder ready before it is asked for, where this one is used up.

        Args:
            worn: Whether it is not fit for another item, however few it has served.
        """
        if self._socket is not None and (worn or self.served >= self._items):
            self.drop()
            with contextlib.suppress(EOFError):
                self._ask()

    def drop(self) -> int | None:
        """End the decoder, so that the next item gets a new one.

        Returns:
            Its exit status, negative for a signal; ``None`` where it had none to tell.
        """
        sock, self._socket, self.pid = self._socket, None, None
        if sock is None:
            return None
        sock.close()
        try:
            # Where it has ended by itself, the nursery knows already, and passes over this.
            wire.send(self._control, wire.Kill())
            ended = self._report(time.monotonic() + _END_SECONDS)
            return ended.status if isinstance(ended, wire.Ended) else None
        except (OSError, EOFError, wire.GarbledError):
            # The nursery has gone, or has become the decoder itself.
            self.gone = True
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._process.wait(timeout=0.2)
            self._process.kill()
            return None

    def epitaph(self) -> tuple[Cause, str]:
        """Bury a decoder that is gone. Return why it ended, as a cause and in words."""
        status = self.drop()
        if status is None:
            return "crashed", "the decoder is gone"
        if status == -signal.SIGXCPU:
            return "deadline", "takes more processor time than it may (budget.seconds)"
        if status < 0:
            return "crashed", f"the decoder was ended by {_signal(-status)}"
        return "crashed", f"the decoder ended with status {status}"

    def close(self) -> None:
        """End all of it at once. Nobody has anything to save."""
        if self.foreign:
            self._disown()
            return
        self.gone = True
        self.drop()
        self._control.close()
        self._process.kill()
        self._process.wait()

    def _disown(self) -> None:
        """Leave all of it to the process that this one is a fork of."""
        self.gone = True
        self.pid = None
        for sock in (self._socket, self._control):
            if sock is not None:
                sock.close()
        self._socket = None
        self._process.returncode = 0

    def _ask(self) -> None:
        """Ask the nursery for a decoder; do not wait for it."""
        try:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            raise EOFError(f"no decoder can be reached: {error.strerror}") from error
        self.served = 0
        try:
            wire.send(self._control, self._spawn, [theirs.fileno()])
        except OSError as error:
            self.gone = True
            raise EOFError("the nursery is gone") from error
        finally:
            theirs.close()

    def _greets(self) -> bool:
        """Wait for a new decoder's greeting; return whether it came, and from a living one."""
        try:
            self._meet()
        except EOFError:
            return False
        return not self._spoke_up()

    def _meet(self) -> None:
        """Wait for a new decoder's greeting."""
        ready = self.receive(time.monotonic() + START_SECONDS)
        if not isinstance(ready, wire.Ready):
            raise wire.GarbledError("no greeting")
        self.pid, self.lacking = ready.pid, ready.lacking
        if self.lacking and self._confinement == "required":
            raise UnconfinedError(f"the decoder is not confined: {self.lacking}")
        if self.lacking and self.lacking not in _told:
            _told.add(self.lacking)
            logger.warning("decoders are not fully confined: %s", self.lacking)

    def _spoke_up(self) -> bool:
        """Return whether an idle decoder has said something, or died: both are wrong."""
        assert self._socket is not None
        return bool(wire.readable(self._socket.fileno()))

    def _report(self, until: float) -> wire.Report:
        return wire.hear(self._control, wire.REPORTS, until)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # Those of the real-time kind have no name.
        return f"signal {number}"


def _environment() -> dict[str, str]:
    """Return what Python needs to find the same modules, and no more: no secrets."""
    kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
    path = os.pathsep.join(entry for entry in sys.path if Path(entry).is_absolute())
    return kept | {
        "PYTHONPATH": path,
        # One decoder is one core: threads of a BLAS that nobody uses only cost memory, and
        # what has threads cannot be forked. Nor may each thread reserve memory of its own.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        # What one item gives back, the next takes: asking the kernel anew costs milliseconds.
        "MALLOC_MMAP_THRESHOLD_": f"{32 << 20}",
        "MALLOC_TRIM_THRESHOLD_": f"{128 << 20}",
    }
