"""Builds the native library with the compiler that is there.

The package's build runs it; so does ``make native`` for whoever changes the C code. It
imports nothing of Tidegate. No option depends on the machine that compiles.
"""

import os
import shlex
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

FOLDER = Path(__file__).parent

LIBRARY = FOLDER / "libtidegate.so"
"""Where the library lies; macOS loads that name too."""

OPTIONS = (
    *("-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra"),
    "-ffp-contract=off",  # Fused operations round once less, and NumPy does not fuse.
)


class BuildError(Exception):
    """The library could not be built: no compiler, or one that refused."""


def compiler() -> list[str]:
    """Return the command of ``CC``, or else the first of cc, gcc and clang.

    Raises:
        BuildError: There is none.
    """
    if wanted := shlex.split(os.environ.get("CC", "")):
        if shutil.which(wanted[0]):
            return wanted
        raise BuildError(f"no C compiler: CC is {wanted[0]!r}, which is not there")
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    raise BuildError("no C compiler: neither cc, gcc nor clang")


def fingerprint() -> int:
    """Return a number that tells one state of the C code from another."""
    sources = sorted([*FOLDER.glob("*.c"), *FOLDER.glob("*.h")])
    return zlib.crc32(b"\0".join(source.read_bytes() for source in sources))


def build(target: Path = LIBRARY) -> None:
    """Compile the library; an older one stays in use until the new one is whole.

    Raises:
        BuildError: There is no compiler, or it failed; says why.
    """
    command = compiler()
    sources = sorted(str(path) for path in FOLDER.glob("*.c"))
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        done = subprocess.run(  # noqa: S603 - the user's own compiler
            [*command, *OPTIONS, f"-DTG_SOURCES={fingerprint()}u", "-o", str(temporary), *sources],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BuildError(f"{command[0]} failed:\n{done.stderr.strip()}")
        temporary.replace(target)
    except OSError as error:
        raise BuildError(f"{command[0]} cannot be used: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        build()
    except BuildError as error:
        sys.exit(str(error))
