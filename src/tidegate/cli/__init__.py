"""The command line: one file a command."""

import os
import sys

from tidegate.cli.exits import INTERRUPTED

# Every worker thread runs matrix products of its own; a pool of BLAS threads in each would
# have them fight for the same cores. Has to be set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


def main() -> None:
    """Run the command line and leave with its exit status."""
    try:
        from tidegate.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # While it is still starting, or where nothing is left to tell.
        status = INTERRUPTED
    sys.exit(status)
