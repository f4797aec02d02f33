"""The confinement of a decoding process: what it may spend, and what it may ask for.

After :func:`confine` a process that hostile media has taken over can compute, for as long
and in as much memory as it is allowed, read the files that it is given, and answer. Every
part that the system does not have is named in the result; none is claimed that is not there.
"""

import contextlib
import math
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tidegate.evidence import Value
from tidegate.media import seccomp
from tidegate.media.libc import call

_DESCRIPTORS = 16
_SYSTEM_CALLS, _TIME = "system calls", "processor time"
_CAPABILITY_VERSION = 0x2008_0522
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


class Confinement(Value, frozen=True, kw_only=True):
    """What confines a process.

    Attributes:
        syscalls: The kernel refuses it files, network, processes and executable memory.
        timed: Its processor time is limited.
        limits: Its memory, processor time, files and descriptors are limited, and it has no
            privilege to raise the limits again.
        lacking: One line that says which part is off and why; empty where all is on.
    """

    syscalls: bool = False
    limits: bool = False
    timed: bool = False
    lacking: str = ""


def preload() -> None:
    """Import what the decoders would import when they meet the first file of some kind."""
    import av.subtitles.stream  # noqa: F401
    from PIL import Image, MpoImagePlugin  # noqa: F401

    Image.preinit()


def confine(*, memory: int, cpu: int, off: bool = False) -> Confinement:
    """Confine this process for good. It has one thread and has not met untrusted bytes.

    It leaves no core dump.

    Args:
        memory: Bytes of address space beyond what is mapped now. A thread takes 8 MiB of
            stack, and an arena of 64 or 128 MiB that is mostly never touched.
        cpu: Seconds of processor time that the process may use in all its life. Then SIGXCPU
            ends it, and a second later SIGKILL.
        off: Do nothing.
    """
    if off:
        return Confinement(lacking="it is switched off")
    lacking = {}
    for name, part in _parts(memory, cpu):
        try:
            part()
        except (OSError, ValueError) as error:
            lacking[name] = getattr(error, "strerror", None) or str(error)
    return Confinement(
        syscalls=_SYSTEM_CALLS not in lacking,
        limits=not lacking.keys() - {_SYSTEM_CALLS},
        timed=_TIME not in lacking,
        lacking="; ".join(f"{name}: {reason}" for name, reason in lacking.items()),
    )


def allow_cpu(seconds: int) -> None:
    """Let this process use so many further seconds of processor time, then SIGXCPU ends it.

    Never more than the hard limit leaves. Code that has taken the process over can ignore
    this, but neither the hard limit nor the parent's clock.
    """
    _limit_cpu(math.ceil(time.process_time()) + seconds, _hard(resource.RLIMIT_CPU))


def _parts(memory: int, cpu: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each part with its name. One that fails leaves the others as they are."""
    # Root could raise its limits again: capabilities are given up, see capset(2).
    yield "capabilities", _give_up_capabilities
    yield "written files", lambda: _lower(resource.RLIMIT_FSIZE, 0)
    yield "core dumps", lambda: _lower(resource.RLIMIT_CORE, 0)
    yield "open files", lambda: _lower(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    yield _TIME, lambda: _limit_cpu(cpu, _least(cpu + 1, _hard(resource.RLIMIT_CPU)))
    yield "memory", lambda: _lower(resource.RLIMIT_AS, _mapped() + memory)
    if sys.platform == "linux":
        # RLIMIT_CORE does not hold for a program that collects dumps: core(5).
        yield "being read by others", lambda: call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
        yield "new privileges", lambda: call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    yield _SYSTEM_CALLS, seccomp.install


def _give_up_capabilities() -> None:
    call("capset", struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24))


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, where the kernel does that.

    Args:
        parent: Process id of the parent, whose only thread has started this process.
    """
    with contextlib.suppress(OSError, AttributeError):
        call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # It has ended before that was said.
        os._exit(0)


def _lower(kind: int, value: int) -> None:
    least = _least(value, _hard(kind))
    resource.setrlimit(kind, (least, least))


def _hard(kind: int) -> int:
    return resource.getrlimit(kind)[1]


def _limit_cpu(soft: int, hard: int) -> None:
    """Set both limits; the soft one comes first, because the hard one is a mere SIGKILL."""
    resource.setrlimit(resource.RLIMIT_CPU, (_least(soft, hard - 1), hard))


def _least(value: int, other: int) -> int:
    """Return the smaller of two limits, of which the second may be infinite."""
    return min(value, other) if other >= 0 else value


def _mapped() -> int:
    """Return the bytes of address space in use."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
