"""The child process: takes jobs from a socket, decodes, and answers. It opens no path.

Started as ``python -m tidegate.media.child SOCKET MEMORY`` with two inherited
descriptors. By hand and without them it only tries its imports and says so.
"""

import os
import socket
import sys
import warnings
from collections.abc import Callable

from tidegate.media import jpeg, memory, pictures, video, wire
from tidegate.media.error import MediaError
from tidegate.media.outlet import GoneError, Outlet, StoppedError

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


def main(arguments: list[str]) -> int:
    """Serve jobs until the parent is gone."""
    warnings.simplefilter("ignore")
    if len(arguments) != 2:
        sys.stderr.write("the decoders are there; Tidegate itself starts this process\n")
        return 64
    with socket.socket(fileno=int(arguments[0])) as sock:
        slots = memory.Slots(int(arguments[1]), writable=True)
        os.close(int(arguments[1]))  # The mapping has its own.
        try:
            serve(sock, Outlet(sock, slots))
        except (GoneError, EOFError, OSError):
            return 0
    return 0


def serve(sock: socket.socket, outlet: Outlet) -> None:
    """Do one job after another.

    Raises:
        EOFError: The parent is gone.
    """
    wire.send(sock, wire.Ready())
    while True:
        body, descriptor = wire.receive_with_descriptor(sock)
        if descriptor is None:
            continue  # A Release or a Stop that crossed with the end of its job.
        try:
            order = wire.ORDERS.decode(body)
            assert isinstance(order, wire.Job)
            outlet.begin()
            do(order, descriptor, outlet)
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
    except MemoryError:
        outlet.unknown("crashed", "the decoder ran out of memory")
    except Exception as error:
        outlet.unknown("corrupt", f"cannot be decoded: {pictures.words(error)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
