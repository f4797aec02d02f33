"""What a decoding process may ask of the kernel, and by which numbers.

An allowlist: the little that CPython, FFmpeg, Pillow, libheif and libjpeg-turbo use after
they are loaded. What is not there and why:

* nothing opens a path or a socket, starts a process or reaches another one;
* nothing sets the flags of a file, which the parent has too (``F_SETFL``);
* ``read`` and ``lseek`` move the offset of a file, which the parent shares with the decoder
  and by which it may be reading, so files are read by ``pread`` and sockets by ``recv``;
* memory never becomes executable.

The C library's ``fstat`` is ``newfstatat`` with an empty path. A filter cannot look at the
path, so a decoder can still learn whether a file exists and how large it is.

Numbers: ``arch/x86/entry/syscalls/syscall_64.tbl`` and ``include/uapi/asm-generic/unistd.h``
of Linux. Constants: the manual pages named by the calls.
"""

from typing import NamedTuple

INT = 0xFFFF_FFFF
"""Mask of an argument that the kernel takes as 32 bits, whatever stands above them."""

LONG = 0xFFFF_FFFF_FFFF_FFFF

ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
"""``AUDIT_ARCH_*`` of the machines that have numbers here, by ``platform.machine()``."""

MISSING = (435,)
"""Calls answered with ``ENOSYS``: the arguments of ``clone3`` lie in memory, where no filter
sees them. The C library then takes ``clone``."""


class Masked(NamedTuple):
    """Whether ``argument & mask == value``, all of them 64 bits."""

    argument: int
    mask: int
    value: int


Clause = tuple[Masked, ...]
"""Holds where any of its tests does."""

Rule = tuple[Clause, ...]
"""Allows a call where all of its clauses hold; the empty rule always does."""


class Call(NamedTuple):
    """A system call, its number on each architecture (``None``: it has none), and its rule."""

    name: str
    x86_64: int | None
    aarch64: int | None
    rule: Rule = ()


def _one_of(argument: int, *values: int) -> Clause:
    return tuple(Masked(argument, INT, value) for value in values)


def _without(argument: int, bits: int) -> Clause:
    return (Masked(argument, bits, 0),)


_PROT_EXEC = 4
_AT_EMPTY_PATH = 0x1000
_CLONE_THREAD = 0x0001_0000
_OF_THREADS = 0x007D_0F00
"""What pthread_create of glibc and musl sets: all is shared, nothing is new."""

_F_GETFD, _F_GETFL = 1, 3
_F_DUPFD_CLOEXEC = 1030
_FIONBIO = 0x5421
_FUTEX_CMD = INT & ~(128 | 256)
"""All but ``FUTEX_PRIVATE_FLAG`` and ``FUTEX_CLOCK_REALTIME``."""
_FUTEX_PLAIN = (0, 1, 3, 4, 9, 10)
"""Wait, wake and requeue, plain or by a bit set; not those with priorities."""
_PR_SET_NAME = 15
_PR_SET_VMA = 0x5356_4D41
_RLIMIT_CPU = 0


def allowed(pid: int) -> tuple[Call, ...]:
    """Return the calls that the process ``pid`` may make; those with a rule come first."""
    own = _one_of(0, 0, pid)
    return (
        Call("mmap", 9, 222, (_without(2, _PROT_EXEC),)),
        Call("mprotect", 10, 226, (_without(2, _PROT_EXEC),)),
        Call("newfstatat", 262, 79, (_one_of(3, _AT_EMPTY_PATH),)),
        Call("fcntl", 72, 25, (_one_of(1, _F_GETFD, _F_GETFL, _F_DUPFD_CLOEXEC),)),
        Call("ioctl", 16, 29, (_one_of(1, _FIONBIO),)),
        Call(
            "clone",
            56,
            220,
            ((Masked(0, _CLONE_THREAD, _CLONE_THREAD),), _without(0, LONG & ~_OF_THREADS)),
        ),
        Call("prctl", 157, 167, (_one_of(0, _PR_SET_NAME, _PR_SET_VMA),)),
        # Reading any limit; setting that of processor time, never above the hard one.
        Call("prlimit64", 302, 261, (own, (Masked(2, LONG, 0), *_one_of(1, _RLIMIT_CPU)))),
        Call("tgkill", 234, 131, (_one_of(0, pid),)),  # abort()
        # Threads.
        Call("futex", 202, 98, (tuple(Masked(1, _FUTEX_CMD, op) for op in _FUTEX_PLAIN),)),
        Call("rt_sigprocmask", 14, 135),
        Call("rseq", 334, 293),
        Call("set_robust_list", 273, 99),
        Call("sched_yield", 24, 124),
        Call("sched_getaffinity", 204, 123),
        Call("exit", 60, 93),
        Call("exit_group", 231, 94),
        # Memory.
        Call("madvise", 28, 233),
        Call("munmap", 11, 215),
        Call("mremap", 25, 216),
        Call("brk", 12, 214),
        # Files by position, messages, and what the C library says on standard error.
        Call("preadv2", 327, 286),
        Call("preadv", 295, 69),
        Call("pread64", 17, 67),
        Call("fstat", 5, 80),
        Call("close", 3, 57),
        Call("write", 1, 64),
        Call("writev", 20, 66),
        Call("poll", 7, None),
        Call("ppoll", 271, 73),
        Call("select", 23, None),
        Call("pselect6", 270, 72),
        Call("recvfrom", 45, 207),
        Call("recvmsg", 47, 212),
        Call("sendto", 44, 206),
        Call("sendmsg", 46, 211),
        # Time and chance.
        Call("clock_gettime", 228, 113),
        Call("clock_getres", 229, 114),
        Call("clock_nanosleep", 230, 115),
        Call("nanosleep", 35, 101),
        Call("gettimeofday", 96, 169),
        Call("time", 201, None),
        Call("getrusage", 98, 165),
        Call("getrandom", 318, 278),
        # Oneself.
        Call("getpid", 39, 172),
        Call("getppid", 110, 173),
        Call("gettid", 186, 178),
        Call("rt_sigaction", 13, 134),
        Call("rt_sigreturn", 15, 139),
        Call("sigaltstack", 131, 132),
        Call("restart_syscall", 219, 128),
    )
