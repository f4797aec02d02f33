"""A model of somebody else's is tried in a process of its own, within limits, before it is kept.

What its graph does there, it does to that process: eat memory, never end, crash. The trial
bounds what a model costs; it does not confine what it may do (docs/models.md).
"""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tidegate.detectors import golden
from tidegate.detectors.catalogue import open_model
from tidegate.detectors.manifest import Manifest, ManifestError
from tidegate.detectors.parse import parse
from tidegate.detectors.runtime import Runtime

SECONDS = 120
"""Longest trial."""

MEMORY = 6 << 30
"""Bytes of address space that the process may have: the largest weights take three times their
size while they are loaded, and the interpreter with its libraries about a gigabyte."""

MAX_REASON = 4096
"""Bytes of the reason that are read: a process that was taken over might write more."""

_REFUSED = 3


def try_out(manifest: Manifest, text: str, weights: Path | None) -> None:
    """Load a model and ask it for its golden vectors, in a process of its own.

    Args:
        manifest: The model.
        text: The text that it was read from.
        weights: Its weights, or ``None`` where an installed distribution ships them.

    Raises:
        ManifestError: It does not load, answers otherwise, takes more time or memory than
            it may, or brings the process down.
    """
    with tempfile.TemporaryFile() as told:
        try:
            done = subprocess.run(  # noqa: S603 - our own module
                [
                    sys.executable,
                    "-P",  # Nothing is imported from the folder that the user happens to be in.
                    "-m",
                    "tidegate.detectors.trial",
                    f"{MEMORY}",
                    *([os.path.abspath(weights)] if weights is not None else []),  # noqa: PTH100
                ],
                input=text.encode(),
                stdout=told,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
                env={**os.environ, "PYTHONPATH": _path(), "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is for the parent, which then ends it.
            )
        except subprocess.TimeoutExpired:
            raise ManifestError(
                f"{manifest.id}: does not answer within {SECONDS} seconds"
            ) from None
        told.seek(0)
        reason = told.read(MAX_REASON).decode(errors="replace")
    if done.returncode == _REFUSED:
        raise ManifestError(reason)
    if done.returncode != 0:
        raise ManifestError(
            f"{manifest.id}: brought the process down that tried it: it takes more than "
            f"{MEMORY >> 30} GiB of memory, or makes the runtime crash"
        )


def _path() -> str:
    """Where this process finds its modules: that one is to find the same."""
    return os.pathsep.join(entry for entry in sys.path if Path(entry).is_absolute())


def _main(memory: int, weights: Path | None) -> int:
    """Be tried: the manifest comes by standard input; a reason to refuse goes to the output."""
    _limit(memory)
    try:
        manifest = parse(sys.stdin.buffer.read().decode(), "manifest")
        # On the processor, whatever scans use: a GPU's library takes more room than there is here.
        golden.verify(open_model(manifest, weights, Runtime()))
    except ManifestError as error:
        os.write(sys.stdout.fileno(), str(error).encode())
        return _REFUSED
    return 0


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_REASON, MAX_REASON))
    # Should the parent die, it ends by itself.
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit.
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None))
