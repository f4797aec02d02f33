"""The nursery: a warm process that forks decoders, and never sees a byte of an upload.

Started as ``python -m tidegate.media.nursery SOCKET MEMORY`` with two inherited
descriptors. It has imported everything that decodes, so that a new decoder takes
milliseconds, and it outlives each of them. By hand and without descriptors it only tries
its imports and says so.
"""

import contextlib
import gc
import os
import signal
import socket
import sys
import warnings

from tidegate.media import child, memory, wire
from tidegate.media.abilities import decoders
from tidegate.media.confine import die_with, preload


def main(arguments: list[str]) -> int:
    """Start decoders for as long as the parent is there."""
    warnings.simplefilter("ignore")
    if len(arguments) != 2:
        sys.stderr.write("the decoders are there; Tidegate itself starts this process\n")
        return 64
    # What the parent does with signals is not for here: a child that ends must be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with socket.socket(fileno=int(arguments[0])) as control:
        slots = memory.Slots(int(arguments[1]), writable=True)
        os.close(int(arguments[1]))  # The mapping has its own.
        preload()
        gc.collect()
        gc.freeze()  # What is here now stays, in the decoders too, and is not copied.
        with contextlib.suppress(EOFError, OSError):
            wire.send(control, wire.Hello(decoders=decoders()))
            while True:
                attend(control, slots)
    return 0


def attend(control: socket.socket, slots: memory.Slots) -> None:
    """Wait for an order and do it.

    Raises:
        EOFError: The parent is gone.
    """
    body, descriptor = wire.receive_with_descriptor(control)
    order = wire.COMMANDS.decode(body)
    if descriptor is None or not isinstance(order, wire.Spawn):
        return  # The decoder that was to be killed is dead already.
    sock = socket.socket(fileno=descriptor)
    if not can_fork():
        # This process becomes the decoder, and the parent will have to start another.
        control.close()
        os._exit(child.run(sock, slots, order))
    own = os.getpid()
    pid = os.fork()
    if pid == 0:
        die_with(own)
        control.close()
        os._exit(child.run(sock, slots, order))
    sock.close()
    wire.send(control, wire.Ended(status=watch(control, pid)))


def can_fork() -> bool:
    """Return whether a decoder can be a fork that is waited for beside the parent."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # No Linux, or one older than 5.3.
        return False
    return True


def watch(control: socket.socket, pid: int) -> int:
    """Wait for the end of a decoder, and bring it about when the parent says anything.

    The parent says something, or is gone: either way nobody wants that decoder any more.

    Returns:
        How it ended, as ``os.waitstatus_to_exitcode`` has it.
    """
    ended = os.pidfd_open(pid)
    try:
        if ended not in wire.readable(control.fileno(), ended, wait=True):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(ended)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
