"""The child process, as the parent holds it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from tidegate.media import memory, wire

START_SECONDS = 60.0
"""How long a child may take to import its decoders."""

_PASSED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHOME")


class Worker:
    """A running child, its socket and its shared memory."""

    def __init__(self, pixels: int) -> None:
        """Start the child for frames of at most ``pixels``; do not wait for it."""
        self._until = time.monotonic() + START_SECONDS
        self.ready = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            shared = memory.create(pixels)
        except BaseException:
            self._socket.close()
            theirs.close()
            raise
        try:
            self.slots = memory.Slots(shared, writable=False)
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "tidegate.media.child",
                    f"{theirs.fileno()}",
                    f"{shared}",
                ],
                pass_fds=(theirs.fileno(), shared),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the parent, which tells the child.
            )
        except BaseException:
            self._socket.close()
            raise
        finally:
            theirs.close()
            os.close(shared)

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Wait until the child has imported its decoders.

        Raises:
            TimeoutError: It takes too long.
            EOFError: It died.
            GarbledError: It says something else.
        """
        if not self.ready:
            if not isinstance(self.receive(self._until), wire.Ready):
                raise wire.GarbledError("no greeting")
            self.ready = True

    def send(self, message: wire.Order, *descriptors: int) -> None:
        """Send an order.

        Raises:
            EOFError: The child is gone.
        """
        try:
            self._socket.settimeout(START_SECONDS)
            wire.send(self._socket, message, descriptors)
        except OSError as error:
            raise EOFError("the decoder is gone") from error

    def receive(self, until: float) -> wire.Answer:
        """Wait for the next answer until a moment of ``time.monotonic``.

        Raises:
            TimeoutError: The moment has come.
            EOFError: The child is gone.
            GarbledError: What came is no answer.
        """
        try:
            return wire.ANSWERS.decode(wire.receive(self._socket, until))
        except TimeoutError:
            raise
        except OSError as error:
            raise EOFError("the decoder is gone") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise wire.GarbledError("no valid message") from error

    def epitaph(self) -> str:
        """Return how the child ended, in words."""
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "stopped answering"
        if status < 0:
            return f"was ended by {signal.Signals(-status).name}"
        return f"ended with status {status}"

    def close(self) -> None:
        """End the child at once. It has nothing to save."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def _environment() -> dict[str, str]:
    """Return what Python needs to find the same modules, and no more: no secrets."""
    kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
    path = os.pathsep.join(entry for entry in sys.path if Path(entry).is_absolute())
    # One child is one core: threads of a BLAS that nobody uses only cost memory.
    return kept | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
