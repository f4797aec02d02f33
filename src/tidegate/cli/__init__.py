"""The command line: one file a command."""

import io
import logging
import os
import sys

from tidegate.cli.exits import INTERRUPTED

# Every worker thread runs matrix products of its own; a pool of BLAS threads in each would
# have them fight for the same cores. Has to be set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Pillow gives the memory of a picture back at once, and asking for it anew costs as much as the
# resizing. Kept are four blocks, 64 MB: 12 megapixels are then prepared 1.4 times as fast.
os.environ.setdefault("PILLOW_BLOCKS_MAX", "4")


def main() -> None:
    """Run the command line and leave with its exit status."""
    _open_streams()
    _tell_warnings()
    try:
        from tidegate.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # While it is still starting, or where nothing is left to tell.
        status = INTERRUPTED
    sys.exit(status)


def _tell_warnings() -> None:
    """Have what the decoders are warned of said, in one line: that they are not confined."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("tidegate: %(message)s"))
    logging.getLogger("tidegate.media").addHandler(handler)


def _open_streams() -> None:
    """Make standard output and error fit to be written to, whatever we were started with."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # Closed. A file of the user's must not be opened under its number.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    # What a terminal cannot show is spelled out and is no error.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
