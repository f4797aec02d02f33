"""Tries for real what a confined process must be refused."""

import ctypes
import errno
import mmap
import os
import resource
import socket
from collections.abc import Callable

from tidegate.media.libc import call

_REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS)
_PTRACE_DETACH = 17
_PR_SET_DUMPABLE = 4
_ASK = 0xFFFF_FFFF


def probe() -> dict[str, bool]:
    """Try to break out of this process, and return which topics were wholly refused.

    Harmless where it is not refused. The topics: ``files`` (open, list, create, remove),
    ``network`` (sockets of any kind), ``processes`` (start, end, trace and read them),
    ``code`` (executable memory), ``memory`` (more than allowed), ``limits`` (raising them,
    and undoing the confinement).
    """
    return {topic: all(map(_refused, attempts)) for topic, attempts in _ATTEMPTS.items()}


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except MemoryError:
        return True
    except ValueError:  # So the module resource says EPERM.
        return True
    except OSError as error:
        return error.errno in _REFUSALS
    return False


def _open() -> None:
    os.close(os.open("/", os.O_RDONLY))


def _list() -> None:
    os.listdir("/")  # noqa: PTH208 - the bare call is tried


def _create() -> None:
    os.close(os.open("/tmp", os.O_WRONLY | os.O_TMPFILE, 0o600))  # noqa: S108 - has no name


def _remove() -> None:
    os.unlink("/tidegate-probe/no-such-file")  # noqa: PTH108 - the bare call is tried


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _socket(family: int, kind: int) -> Callable[[], None]:
    return lambda: socket.socket(family, kind).close()


def _pair() -> None:
    for end in socket.socketpair():
        end.close()


def _execute_new() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()


def _execute_own() -> None:
    with mmap.mmap(-1, mmap.PAGESIZE) as memory:
        first = ctypes.c_char.from_buffer(memory)
        try:
            protection = mmap.PROT_READ | mmap.PROT_EXEC
            call("mprotect", ctypes.addressof(first), mmap.PAGESIZE, protection)
        finally:
            del first


def _take_memory() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return
    try:
        mmap.mmap(-1, limit).close()
    except OSError as error:
        raise MemoryError from error


def _exceed() -> None:
    """Find out whether there are limits at all."""
    limits = (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 64)
    for kind, most in limits:
        _, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY or hard > most:
            return
    raise PermissionError(errno.EPERM, "no more than the limit")


def _raise_descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))


def _raise_time() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    more = hard if hard == resource.RLIM_INFINITY else hard + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, more))


_ATTEMPTS: dict[str, tuple[Callable[[], object], ...]] = {
    "files": (_open, _create, _remove, _list),
    "network": (
        _socket(socket.AF_INET, socket.SOCK_STREAM),
        _socket(socket.AF_INET, socket.SOCK_DGRAM),
        _socket(socket.AF_UNIX, socket.SOCK_STREAM),
        _pair,
        lambda: call("connect", -1 & _ASK, None, 0),
        lambda: call("bind", -1 & _ASK, None, 0),
    ),
    "processes": (
        _fork,
        lambda: os.execv("/tidegate-probe/no-such-file", ["probe"]),  # noqa: S606
        lambda: os.kill(os.getppid(), 0),
        lambda: call("ptrace", _PTRACE_DETACH, os.getppid(), None, None),
        lambda: call("process_vm_readv", os.getppid(), None, 0, None, 0, 0),
    ),
    "code": (_execute_new, _execute_own),
    "memory": (_take_memory,),
    "limits": (
        _exceed,
        _raise_descriptors,
        _raise_time,
        lambda: call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0),
        lambda: call("unshare", 0),
        lambda: call("personality", _ASK),
    ),
}
