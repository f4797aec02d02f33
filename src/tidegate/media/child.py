"""A decoder: takes jobs from a socket, decodes, and answers. It opens no path."""

import os
import socket
import sys
from collections.abc import Callable

from tidegate.media import jpeg, memory, pictures, video, wire
from tidegate.media.confine import allow_cpu, confine
from tidegate.media.error import MediaError, exhausted, is_exhaustion
from tidegate.media.outlet import GoneError, Outlet, StoppedError
from tidegate.media.probe import probe

_DECODERS: dict[str, Callable[[wire.Job, int, Outlet], None]] = {
    "jpeg": jpeg.decode,
    "bmp": pictures.decode,
    "png": pictures.decode,
    "gif": pictures.decode,
    "webp": pictures.decode,
    "avif": pictures.decode,
    "heic": pictures.decode,
    "tiff": pictures.decode,
    "mp4": video.decode,
    "matroska": video.decode,
    "avi": video.decode,
    "mpegts": video.decode,
}


def run(sock: socket.socket, slots: memory.Slots, order: wire.Spawn) -> int:
    """Confine this process, then serve jobs until the parent is gone.

    Returns:
        The exit status: 0, or 1 where the decoder itself has failed.
    """
    try:
        slots.forget()  # What an earlier decoder left there is none of this one's business.
        confinement = confine(memory=order.memory, cpu=order.cpu, off=not order.confined)
        wire.send(sock, wire.Ready(pid=os.getpid(), lacking=confinement.lacking))
        serve(sock, Outlet(sock, slots), timed=confinement.timed)
    except (GoneError, EOFError, OSError):
        return 0
    except BaseException:
        sys.excepthook(*sys.exc_info())  # To nowhere, unless somebody is looking for it.
        return 1
    return 0


def serve(sock: socket.socket, outlet: Outlet, *, timed: bool) -> None:
    """Do one job after another.

    Args:
        sock: Where they come from.
        outlet: Where the results go.
        timed: Whether the kernel limits the processor time of each.

    Raises:
        EOFError: The parent is gone.
    """
    while True:
        body, descriptor = wire.receive_with_descriptor(sock)
        if descriptor is None:
            # Or a Release or a Stop that crossed with the end of its job.
            if isinstance(wire.ORDERS.decode(body), wire.Probe):
                wire.send(sock, wire.Probed(refused=probe()))
            continue
        try:
            job = wire.ORDERS.decode(body)
            assert isinstance(job, wire.Job)
            if timed:
                allow_cpu(job.budget.cpu_seconds(job.threads))
            outlet.begin(job.budget)
            do(job, descriptor, outlet)
        finally:
            os.close(descriptor)
        outlet.done()


def do(job: wire.Job, descriptor: int, outlet: Outlet) -> None:
    """Decode one item. Whatever goes wrong with it becomes an unknown."""
    try:
        _DECODERS[job.format](job, descriptor, outlet)
    except StoppedError:
        pass
    except MediaError as error:
        outlet.unknown(error.cause, error.detail, error.span)
    except Exception as error:
        if is_exhaustion(error):
            outlet.unknown("out_of_memory", exhausted(job.budget))
        else:
            outlet.unknown("corrupt", f"cannot be decoded: {pictures.words(error)}")
