"""Fetches a package with the npm that the operator has. No script of it is run."""

import re
import shutil
import subprocess
from pathlib import Path

from tidegate.detectors.convert import ConversionError

_PREFIX = re.compile(r"npm (?:error|ERR!)\s*")

TIMEOUT = 300.0
"""Seconds after which a download has failed."""


def pack(package: str, version: str, folder: Path, timeout: float = TIMEOUT) -> Path:
    """Download the archive of a package into an empty folder.

    Its digest is the caller's to check.

    Args:
        package: Name of the package.
        version: The one version that is wanted.
        folder: An empty folder. npm is started in it, so that no settings of a project
            apply, only the operator's own: registry, proxy, certificates.
        timeout: Seconds that it may take.

    Returns:
        Path of the archive.

    Raises:
        ConversionError: There is no npm, or it could not fetch the package.
    """
    wanted = f"{package}@{version}"
    npm = shutil.which("npm")
    if npm is None:
        raise ConversionError(
            f"there is no npm here to fetch {wanted}: install npm, or run "
            f"`npm pack {wanted}` on another machine and name its archive by --package"
        )
    command = [npm, "pack", "--ignore-scripts", "--no-update-notifier", wanted]
    try:
        done = subprocess.run(  # noqa: S603 - an argument list of constants
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConversionError(f"npm did not fetch {wanted} within {timeout:g} s") from None
    except OSError as error:
        raise ConversionError(f"{npm}: {error.strerror}") from None
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise ConversionError(f"npm could not fetch {wanted}: {_reason(done)}")
    return archives[0]


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """What npm says of the error, without the stack of its own code."""
    lines = (_PREFIX.sub("", line) for line in done.stderr.splitlines() if _PREFIX.match(line))
    told = ", ".join(line for line in lines if line and not line.startswith("at "))
    return told[:300] or f"status {done.returncode}"
