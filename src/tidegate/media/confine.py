"""The confinement of a decoding process: what it may spend, and what it may ask for.

After :func:`confine` a process that hostile media has taken over can compute, for as long
and in as much memory as it is allowed, read the files that it is given, and answer. Every
part that the system does not have is named in the result; none is claimed that is not there.
"""

import math
import resource
import signal
import struct
import sys
import time
from pathlib import Path

from tidegate.evidence import Value
from tidegate.media import seccomp
from tidegate.media.libc import call

_DESCRIPTORS = 16
_CAPABILITY_VERSION = 0x2008_0522
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


class Confinement(Value, frozen=True, kw_only=True):
    """What confines a process.

    Attributes:
        syscalls: The kernel refuses it files, network, processes and executable memory.
        limits: Its memory, processor time, files and descriptors are limited, and it has no
            privilege to raise the limits again.
        lacking: One line that says which part is off and why; empty where all is on.
    """

    syscalls: bool = False
    limits: bool = False
    lacking: str = ""


def preload() -> None:
    """Import what the decoders would import when they meet the first file of some kind."""
    import av.subtitles.stream  # noqa: F401
    from PIL import Image, MpoImagePlugin  # noqa: F401

    Image.preinit()


def confine(*, memory: int, cpu: int, off: bool = False) -> Confinement:
    """Confine this process for good. It has one thread and has not met untrusted bytes.

    It is killed when the thread that started it ends, and leaves no core dump.

    Args:
        memory: Bytes of address space beyond what is mapped now. A thread takes 8 MiB of
            stack, and an arena of 64 or 128 MiB that is mostly never touched.
        cpu: Seconds of processor time that the process may use in all its life. Then SIGXCPU
            ends it, and a second later SIGKILL.
        off: Do nothing.
    """
    if off:
        return Confinement(lacking="it is switched off")
    reasons = []
    limits = syscalls = False
    try:
        _limit(memory, cpu)
        limits = True
    except (OSError, ValueError) as error:
        reasons.append(f"limits: {error}")
    try:
        _seclude()
        syscalls = True
    except OSError as error:
        reasons.append(f"system calls: {error.strerror}")
    return Confinement(syscalls=syscalls, limits=limits, lacking="; ".join(reasons))


def allow_cpu(seconds: int) -> None:
    """Let this process use so many further seconds of processor time, then SIGXCPU ends it.

    Never more than the hard limit leaves. Code that has taken the process over can ignore
    this, but neither the hard limit nor the parent's clock.
    """
    _limit_cpu(math.ceil(time.process_time()) + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1])


def _limit(memory: int, cpu: int) -> None:
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    _limit_cpu(cpu, _least(cpu + 1, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    _lower(resource.RLIMIT_AS, _mapped() + memory)
    _lower(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    # Root could raise them again: capabilities are given up, see capset(2).
    call("capset", struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24))


def _lower(kind: int, value: int) -> None:
    least = _least(value, resource.getrlimit(kind)[1])
    resource.setrlimit(kind, (least, least))


def _limit_cpu(soft: int, hard: int) -> None:
    """Set both limits; the soft one comes first, because the hard one is a mere SIGKILL."""
    resource.setrlimit(resource.RLIMIT_CPU, (_least(soft, hard - 1), hard))


def _least(value: int, other: int) -> int:
    """Return the smaller of two limits, of which the second may be infinite."""
    return min(value, other) if other >= 0 else value


def _mapped() -> int:
    """Return the bytes of address space in use."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _seclude() -> None:
    if sys.platform == "linux":
        call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # RLIMIT_CORE does not hold for a program that collects dumps: core(5).
        call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
        call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    seccomp.install()
