"""What the tests of the confinement do in a process of its own.

Run as ``python -m tests.media.media_confined DEED on|off [FILES]``; prints JSON.
"""

import fcntl
import json
import mmap
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
import warnings
from typing import Any

from tidegate.media.confine import Confinement, allow_cpu, confine, preload
from tidegate.media.probe import probe

MIB = 1024**2

confinement = Confinement()


def report() -> Any:
    return [confinement.syscalls, confinement.limits, confinement.lacking]


def attempts() -> Any:
    return probe()


def limits() -> Any:
    names = ("FSIZE", "CORE", "CPU", "AS", "NOFILE")
    return {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names}


def much_memory() -> Any:
    kept = [bytearray(MIB) for _ in range(32)]
    try:
        kept.append(bytearray(512 * MIB))
    except MemoryError:
        return "MemoryError"
    return len(kept)


def much_time() -> Any:
    allow_cpu(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    allow_cpu(10_000)
    assert resource.getrlimit(resource.RLIMIT_CPU) == (hard - 1, hard)
    allow_cpu(1)
    while time.process_time() < soft + 3:
        pass


def deaf_to_the_limit() -> Any:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    allow_cpu(10_000)
    while time.process_time() < 6:
        pass


def abort() -> Any:
    os.abort()


def threads() -> Any:
    seen: list[int] = []
    all_there = threading.Barrier(4)

    def run(number: int) -> None:
        all_there.wait(10)
        seen.append(number)

    started = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return sorted(seen)


def messages() -> Any:
    """Everything that a decoder does with its descriptors."""
    given, ours, theirs, memory = _made_before
    socket.send_fds(ours, [b"head"], [given])
    theirs.settimeout(5)
    head, (file,), _, _ = socket.recv_fds(theirs, 4, 1)
    ours.sendall(b"body")
    assert select.select([theirs], [], [], 5)[0]
    poll = select.poll()
    poll.register(theirs, select.POLLIN)
    assert poll.poll(5000)
    size = os.fstat(file).st_size
    buffer = bytearray(size)
    assert os.preadv(file, [buffer], 0) == size
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as data:
        assert data[:] == buffer == os.pread(file, size, 0)
    memory[:4] = b"some"
    memory.madvise(mmap.MADV_REMOVE)
    left = memory[:4]
    os.close(file)
    body = theirs.recv(4)
    theirs.settimeout(0.01)
    try:
        theirs.recv(1)
    except TimeoutError:
        return [head.decode(), body.decode(), list(left)]


def forbidden() -> Any:
    """Calls that the probe does not make, and how they end."""
    given = _made_before[0]
    return {
        "read": _error(lambda: os.read(given, 1)),
        "lseek": _error(lambda: os.lseek(given, 1, os.SEEK_SET)),
        "dup2": _error(lambda: os.dup2(given, 9)),
        "stat": _error(lambda: os.stat("/")),  # noqa: PTH116
        "lock": _error(lambda: fcntl.flock(given, fcntl.LOCK_SH)),
        "pipe": _error(os.pipe),
        "memfd": _error(lambda: os.memfd_create("a")),
        "priority": _error(lambda: os.nice(0)),
        "terminal": _error(lambda: fcntl.ioctl(given, 0x5412, b"x")),  # TIOCSTI
    }


def _error(attempt: Any) -> int:
    try:
        attempt()
    except OSError as error:
        return error.errno or 0
    return 0


def decoding() -> Any:
    """Decode the files and return what was imported or opened meanwhile."""
    _events.clear()
    from tidegate.media import child, wire
    from tidegate.media.settings import Budget, Sampling
    from tidegate.media.sniff import sniff

    late = list(_events)  # The modules themselves are there already.
    budget, sampling = Budget(), Sampling(gap=0.2)
    ends = []
    for file in _files:
        format = sniff(os.pread(file, 4096, 0))
        assert format is not None
        for count in (1, 4):
            _events.clear()
            outlet.begin(budget)
            outlet.said.clear()
            job = wire.Job(format=format, budget=budget, sampling=sampling, threads=count)
            child.do(job, file, outlet)
            late += _events
            ends.append([outlet.judged, [repr(each) for each in outlet.said]])
    return {"late": late, "ends": ends}


_events: list[str] = []
_files: list[int] = []
_made_before: Any = None
outlet: Any = None


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("import", "open", "os.listdir", "os.scandir", "socket.__new__"):
        _events.append(f"{event} {arguments[0]}")


def _prepare(names: list[str]) -> None:
    """Have what a decoder has when it is forked."""
    global outlet, _made_before
    from tidegate.media import child, memory, wire  # noqa: F401
    from tidegate.media.outlet import Outlet

    class Sink(Outlet):
        """Takes every frame at once."""

        said: list[Any] = []  # noqa: RUF012

        def _send(self, message: Any) -> None:
            if isinstance(message, wire.Picture):
                self._free.append(message.slot)
            else:
                self.said.append(message)

    preload()
    shared = memory.create(4_000_000)
    _made_before = socket.socketpair()
    outlet = Sink(_made_before[0], memory.Slots(shared, writable=True))
    os.close(shared)
    _files.extend(os.open(name, os.O_RDONLY) for name in names)
    sys.addaudithook(_hear)


def main(name: str, state: str, *names: str) -> None:
    global confinement, _made_before
    warnings.simplefilter("ignore")
    memory = 256 * MIB
    if name == "decoding":
        _prepare(list(names))
        memory = 2048 * MIB
    else:
        shared = os.memfd_create("test")
        os.ftruncate(shared, mmap.PAGESIZE)
        _made_before = (
            os.open(__file__, os.O_RDONLY),
            *socket.socketpair(),
            mmap.mmap(shared, mmap.PAGESIZE),
        )
    if state == "on":
        confinement = confine(memory=memory, cpu=1 if name == "deaf_to_the_limit" else 60)
    sys.stdout.write(json.dumps(globals()[name]()))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
