"""The child process: its deaths, its delays, and what it may see."""

import contextlib
import gc
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.clips import film, photo
from tests.media.media_seen import Seen
from tidegate.evidence import Unknown
from tidegate.media import Budget, Reader, Sampling, open_source, wire
from tidegate.media.worker import Worker, _signal

PROC = Path("/proc/self/fd")
linux = pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc")


@pytest.fixture(scope="module")
def long(made: Path) -> Path:
    """Three hundred frames, all to be judged: more than two slots by far."""
    return film(made / "long-child.mp4", 300, "mpeg4")


@pytest.fixture
def own() -> Iterator[Reader]:
    with Reader(sampling=Sampling(gap=0)) as reader:
        yield reader


def kill(reader: Reader, number: signal.Signals) -> None:
    assert reader.pid is not None
    os.kill(reader.pid, number)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def works(reader: Reader) -> bool:
    seen = Seen(reader, photo("rocket.jpg"))
    return len(seen.frames) == 1 and seen.unknowns == []


def test_one_child_serves_many_items(own: Reader) -> None:
    assert own.pid is None
    assert works(own)
    pid = own.pid
    assert works(own)
    assert own.pid == pid


def test_killed_in_the_middle(own: Reader, long: Path) -> None:
    with open_source(long) as source:
        reading = own.read(source)
        first = next(reading)
        assert first.second == 0.0
        kill(own, signal.SIGKILL)
        rest = list(reading)
    assert len(rest) <= 3
    (unknown,) = reading.unknowns
    assert unknown.cause == "crashed"
    assert unknown.detail == "the decoder was ended by SIGKILL"
    assert unknown.span is not None
    assert unknown.span.end == pytest.approx(12.0)
    assert reading.info is not None
    assert reading.info.frames_judged == 1 + len(rest)
    assert works(own)


def test_killed_between_two_items(own: Reader) -> None:
    assert works(own)
    kill(own, signal.SIGKILL)
    # Nothing was being decoded, so nothing is lost.
    assert works(own)


def test_the_nursery_killed_between_two_items(own: Reader) -> None:
    assert works(own)
    assert own.pid is not None
    os.kill(parent_of(own.pid), signal.SIGKILL)
    until(lambda: own._worker is not None and own._worker._process.poll() is not None)
    assert works(own)


def test_what_an_earlier_item_broke_costs_the_next_one_nothing(
    own: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert works(own)
    began, begin = [], Worker.begin

    def sabotaged(self: Worker, job: wire.Job, descriptor: int) -> None:
        began.append(self.pid)
        assert self.pid is not None
        if len(began) == 1:
            os.kill(self.pid, signal.SIGSTOP)  # Else it may be faster than its end.
        begin(self, job, descriptor)
        if len(began) == 1:
            os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(Worker, "begin", sabotaged)
    with open_source(photo("rocket.jpg")) as source, own.read(source) as reading:
        assert len(list(reading)) == 1
    assert reading.unknowns == []
    assert len(began) == 2


def test_what_breaks_each_decoder_is_tried_twice_and_no_more(
    own: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert works(own)
    began, begin = [], Worker.begin

    def sabotaged(self: Worker, job: wire.Job, descriptor: int) -> None:
        began.append(self.pid)
        assert self.pid is not None
        os.kill(self.pid, signal.SIGSTOP)
        begin(self, job, descriptor)
        os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(Worker, "begin", sabotaged)
    seen = Seen(own, photo("rocket.jpg"))
    assert seen.causes == ["crashed"]
    assert len(began) == 2


@linux
def test_a_parent_with_many_open_files(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1500:
        pytest.skip("may not open as many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1500), hard))
    try:
        with contextlib.ExitStack() as files, Reader(items=1) as early:
            assert works(early)
            for _ in range(1100):
                files.enter_context(Path(__file__).open())
            with Reader(items=1) as late:
                assert works(late)
                assert works(late)
            assert works(early)
            assert works(early)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


FORKED = """
import os
from tidegate.media import Reader, open_source

def works(reader):
    with open_source({path!r}) as source, reader.read(source) as reading:
        return len(list(reading)) == 1 and reading.unknowns == []

with Reader() as reader:
    assert works(reader)
    first = reader.pid
    child = os.fork()
    if child == 0:
        os._exit(0 if works(reader) and reader.pid != first else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert works(reader) and reader.pid == first
"""

FORKED_IN_THE_MIDDLE = """
import os
from tidegate.media import Reader, Sampling, open_source

with Reader(sampling=Sampling(gap=0)) as reader, open_source({film!r}) as source:
    reading = reader.read(source)
    next(reading)
    for deed in (lambda: next(reading, None), reading.close, reader.close):
        child = os.fork()
        if child == 0:
            deed()
            os._exit(0)
        os.waitpid(child, 0)
    assert len(list(reading)) == 299
    assert reading.unknowns == []
"""

IGNORING = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
from tidegate.media import Reader, open_source
with Reader(items=1) as reader:
    for _ in range(3):
        with open_source({path!r}) as source, reader.read(source) as reading:
            assert len(list(reading)) == 1
            assert reading.unknowns == []
"""


@linux
@pytest.mark.parametrize("script", [FORKED, FORKED_IN_THE_MIDDLE, IGNORING])
def test_in_hosts_that_fork_or_ignore_signals(script: str, long: Path) -> None:
    text = script.format(path=str(photo("rocket.jpg")), film=str(long))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()


@linux
def test_a_decoder_that_dies_before_its_first_item_costs_nothing(own: Reader) -> None:
    with Reader(items=1) as reader:
        with open_source(photo("rocket.jpg")) as source, reader.read(source) as reading:
            next(reading)
            first = reader.pid
        worker = reader._worker
        assert worker is not None
        # The next one is forked already, and nobody has met it yet.
        nursery = worker._process.pid
        until(lambda: children(nursery) not in ([], [first]))
        (child,) = children(nursery)
        os.kill(child, signal.SIGKILL)
        until(lambda: child not in children(nursery))
        assert works(reader)


def children(pid: int) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if parent_of(int(place.name)) == pid:
                found.append(int(place.name))
    return found


def test_a_decoder_serves_so_many_items_and_no_more() -> None:
    pids = []
    with Reader(items=3) as reader:
        for _ in range(7):
            with open_source(photo("rocket.jpg")) as source, reader.read(source) as reading:
                next(reading)
                pids.append(reader.pid)
    first, second, third = pids[0], pids[3], pids[6]
    assert pids == [first] * 3 + [second] * 3 + [third]
    assert len({first, second, third}) == 3


@linux
def test_a_new_decoder_finds_nothing_of_the_last_one(long: Path) -> None:
    with Reader(items=1) as reader:
        assert works(reader)
        with open_source(long) as source:
            reading = reader.read(source)
            frame = next(reading)
            assert np.array(frame.rgb).any()
            kept = reader._worker
            assert kept is not None
        reading.close()
        kept.prepare()
        assert not kept.slots.luma(0, 1000, 1000).any()


def test_deadline(long: Path) -> None:
    with Reader(Budget(seconds=1.0), Sampling(gap=0)) as reader:
        assert works(reader)
        with open_source(long) as source:
            reading = reader.read(source)
            next(reading)
            kill(reader, signal.SIGSTOP)
            start = time.monotonic()
            rest = list(reading)
            assert time.monotonic() - start < 2.0
        assert len(rest) <= 3
        (unknown,) = reading.unknowns
        assert unknown.cause == "deadline"
        assert "(budget.seconds)" in unknown.detail
        assert works(reader)


def test_a_slow_consumer_is_stopped_at_the_deadline(long: Path) -> None:
    with Reader(Budget(seconds=0.3), Sampling(gap=0)) as reader, open_source(long) as source:
        reading = reader.read(source)
        for _ in reading:
            time.sleep(0.2)
    assert [u.cause for u in reading.unknowns] == ["deadline"]


def test_early_close_keeps_the_child(own: Reader, long: Path) -> None:
    with open_source(long) as source:
        with own.read(source) as reading:
            next(reading)
            pid = own.pid
        assert list(reading) == []
        assert reading.unknowns == []
        forgotten = own.read(source)
        next(forgotten)
        assert works(own)  # A reading that nobody closed is closed by the next.
        assert list(forgotten) == []
    assert own.pid == pid


def test_close_ends_the_child(long: Path) -> None:
    reader = Reader()
    with reader, open_source(long) as source:
        next(reader.read(source))
        pid = reader.pid
        assert pid is not None
    assert reader.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert works(reader)
    reader.close()
    reader.close()


def test_a_frame_stays_whole_until_the_next(own: Reader, long: Path) -> None:
    with open_source(long) as source:
        reading = own.read(source)
        for _ in range(5):
            frame = next(reading)
            assert frame.luma is not None
            before = np.array(frame.rgb), np.array(frame.luma.plane)
            time.sleep(0.02)  # The child could be three frames ahead by now.
            assert np.array_equal(before[0], frame.rgb)
            assert np.array_equal(before[1], frame.luma.plane)


def test_the_parent_may_read_the_file_meanwhile(own: Reader, long: Path) -> None:
    with open_source(long) as source:
        count = 0
        for _ in own.read(source):
            count += 1
            source.file.seek(count)
            source.file.read(1000)
    assert count == 300


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a confined process")
def test_what_the_child_inherits(own: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_SECRET", "hunter2")
    with Path(__file__).open() as held, Reader() as reader:
        os.set_inheritable(held.fileno(), True)
        assert works(reader)
        assert works(own)
        proc = Path(f"/proc/{reader.pid}")
        assert b"hunter2" not in (proc / "environ").read_bytes()
        links = sorted(str(link.readlink()) for link in (proc / "fd").iterdir())
        kinds = [link for link in links if not link.startswith(("/dev/null", "pipe:"))]
        # libffi, from 3.5 on, holds its own library open.
        kinds = [link for link in kinds if not Path(link).name.startswith("libffi.so")]
        assert len([k for k in kinds if k.startswith("socket:")]) == 1, links
        assert len([k for k in kinds if "tidegate-frames" in k]) == 1, links
        assert len(kinds) == 2, links


@linux
def test_the_child_goes_with_its_parent() -> None:
    script = (
        "import os, sys\n"
        "from tidegate.media import Reader, open_source\n"
        "reader = Reader()\n"
        f"with open_source({str(photo('rocket.jpg'))!r}) as source:\n"
        "    assert len(list(reader.read(source))) == 1\n"
        "print(reader.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    child = Path(f"/proc/{int(found.stdout)}")
    until = time.monotonic() + 10
    while child.exists() and "(zombie)" not in (child / "status").read_text():
        assert time.monotonic() < until, "the child outlives its parent"
        time.sleep(0.02)


@linux
def test_nothing_leaks_over_many_items(own: Reader, long: Path) -> None:
    def use(count: int) -> None:
        for _ in range(count):
            assert works(own)
            with open_source(long) as source, own.read(source) as reading:
                next(reading)

    use(5)
    gc.collect()
    fds = len(list(PROC.iterdir()))
    memory = resident()
    use(40)
    for _ in range(3):
        kill(own, signal.SIGKILL)
        assert works(own)
    gc.collect()
    assert len(list(PROC.iterdir())) <= fds
    assert resident() - memory < 16 * 1024**2


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@linux
def test_memory_does_not_grow_with_length(own: Reader, long: Path) -> None:
    with open_source(long) as source:
        reading = own.read(source)
        sizes = [resident() for _ in reading]
    assert sizes[-1] - sizes[20] < 8 * 1024**2


def test_readers_in_threads() -> None:
    results: list[bool] = []

    def work() -> None:
        with Reader() as reader:
            results.extend(works(reader) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 20


def test_child_by_hand_says_that_it_imports() -> None:
    found = subprocess.run([sys.executable, "-m", "tidegate.media.nursery"], capture_output=True)
    assert found.returncode == 64
    assert b"the decoders are there" in found.stderr


def test_a_child_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.media.worker._environment", dict)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Reader() as reader:
        seen = Seen(reader, photo("rocket.jpg"))
    assert seen.causes == ["crashed"]
    assert "python -m tidegate.media.nursery says why" in seen.unknowns[0].detail


# A child that has been taken over: it says what it likes, and the parent must not care.


class Liar(Worker):
    """A worker whose decoder is this test."""

    lies: tuple[bytes, ...] = ()
    hears = False

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self._socket, self.theirs = socket.socketpair()
        # Room for the orders of a whole test: the thread that hears them may be late.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for work in (self._speak, *([self._hear] if self.hears else ())):
            threading.Thread(target=work, daemon=True).start()

    def _speak(self) -> None:
        with contextlib.suppress(OSError):
            for body in self.lies:
                self.theirs.sendall(len(body).to_bytes(4, "big") + body)

    def _hear(self) -> None:
        with contextlib.suppress(OSError):
            while self.theirs.recv(1 << 16):
                pass

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        super().close()
        self.theirs.close()


def lie(monkeypatch: pytest.MonkeyPatch, *lies: bytes) -> list[Unknown]:
    monkeypatch.setattr(Liar, "lies", lies)
    monkeypatch.setattr("tidegate.media.reader.Worker", Liar)
    budget = Budget(pixels=10_000, frames=300, duration=60.0, seconds=2)
    with Reader(budget) as reader:
        with open_source(photo("rocket.jpg")) as source:
            reading = reader.read(source)
            for frame in reading:
                assert frame.picture.size <= 30_000
        assert reader.pid is None
    return reading.unknowns


FACTS = b'{"type":"facts","info":{"kind":"image","format":"jpeg","width":%d,"height":%d%s}}'
TROUBLE = b'{"type":"trouble","unknown":{"stage":"%s","cause":"corrupt","detail":"%s"%s}}'
HEADER = b'{"type":"picture","slot":%d,"width":%d,"height":%d,"second":%s,"key":true,"seen":1}'


@pytest.mark.parametrize(
    "body",
    [
        HEADER % (0, 101, 100, b"0.0"),
        HEADER % (0, 2**31, 2**31, b"0.0"),
        HEADER % (0, 0, 5, b"0.0"),
        HEADER % (0, -5, -5, b"0.0"),
        HEADER % (2, 5, 5, b"0.0"),
        HEADER % (0, 5, 5, b"-1.0"),
        HEADER % (0, 5, 5, b"1e999"),
        HEADER % (0, 5, 5, b'"x"'),
        HEADER % (0, 5, 5, b"61.0"),
        HEADER.replace(b"}", b',"rgb":false,"luma":"full"}') % (0, 5, 5, b"0.0"),
        FACTS % (0, 5, b""),
        FACTS % (-5, -5, b""),
        FACTS % (101, 100, b""),
        FACTS % (5, 5, b',"duration":1e300'),
        FACTS % (5, 5, b',"duration":-1.0'),
        FACTS % (5, 5, b',"frames_seen":4611686018427387904'),
        FACTS % (5, 5, b',"orientation":9'),
        FACTS % (5, 5, b',"rotation":45'),
        FACTS % (5, 5, b',"notes":["a\\u001b[31m"]'),
        FACTS % (5, 5, b',"codec":"%s"' % (b"x" * 501)),
        TROUBLE % (b"detectors", b"", b""),
        TROUBLE % (b"media", b"x" * 501, b""),
        TROUBLE % (b"media", b"two\\nlines", b""),
        TROUBLE % (b"media", b"", b',"categories":["sexual.explicit"]'),
        TROUBLE % (b"media", b"", b',"detector":"opennsfw"'),
        TROUBLE % (b"media", b"", b',"span":{"start":2.0,"end":1.0}'),
        TROUBLE % (b"media", b"", b',"span":{"start":-2.0,"end":1.0}'),
        HEADER.replace(b"}", b',"rgb":false}') % (0, 5, 5, b"0.0"),
        HEADER.replace(b"}", b',"luma":"huge"}') % (0, 5, 5, b"0.0"),
        b'{"type":"ready"}',
        b'{"type":"job"}',
        b"{}",
        b"\x80\x04K\x01.",
        b"",
        b"x" * 70_000,
        b'{"type":"facts","info":{"kind":"image","format":"x","width":"9","height":1}}',
    ],
)
def test_a_malformed_message_is_a_crash(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    (unknown,) = lie(monkeypatch, body)
    assert unknown.cause == "crashed"
    assert unknown.detail.startswith("the decoder said what it must not")


def test_more_frames_than_the_budget_are_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Liar, "hears", True)
    unknowns = lie(monkeypatch, *[HEADER % (0, 5, 5, b"0.0")] * 301)
    assert [unknown.detail for unknown in unknowns] == [
        "the decoder said what it must not: frames over the budget"
    ]


def test_time_that_runs_back_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    unknowns = lie(monkeypatch, HEADER % (0, 5, 5, b"2.0"), HEADER % (0, 5, 5, b"1.0"))
    assert [unknown.cause for unknown in unknowns] == ["crashed"]


def test_a_decoder_that_does_not_listen_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.monotonic()
    (unknown,) = lie(monkeypatch, *[HEADER % (0, 5, 5, b"0.0")] * 299)
    assert unknown.cause in ("crashed", "deadline")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("number", [9, 40, 64, 1000])
def test_every_signal_has_a_name(number: int) -> None:
    assert _signal(number) == ("SIGKILL" if number == 9 else _signal(number))
    assert _signal(number).isprintable()


def test_endless_troubles_are_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = b'{"type":"trouble","unknown":{"stage":"media","cause":"corrupt","detail":""}}'
    unknowns = lie(monkeypatch, *[trouble] * 200)
    assert len(unknowns) <= 101
    assert unknowns[-1].cause == "crashed"


def test_half_a_message_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def liar(*settings: Any) -> Liar:
        worker = Liar(*settings)
        worker.theirs.sendall(b"\0\0\0\x40{")
        return worker

    monkeypatch.setattr("tidegate.media.reader.Worker", liar)
    with Reader(Budget(seconds=0.3)) as reader:
        assert Seen(reader, photo("rocket.jpg")).causes == ["deadline"]


def test_facts_of_another_format_are_a_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = b'{"type":"facts","info":{"kind":"image","format":"<b>x","width":9,"height":1}}'
    (unknown,) = lie(monkeypatch, facts)
    assert unknown.cause == "crashed"


# Where the kernel does not confine.


def meet(monkeypatch: pytest.MonkeyPatch, demanded: str) -> list[str]:
    class Loose(Liar):
        prepare = Worker.prepare

    monkeypatch.setenv("TIDEGATE_CONFINEMENT", demanded)
    body = msgspec.json.encode(wire.Ready(pid=1, lacking="system calls: not on this machine"))
    monkeypatch.setattr(Liar, "lies", (body,))
    monkeypatch.setattr("tidegate.media.reader.Worker", Loose)
    with Reader(Budget(seconds=0.3)) as reader:
        seen = Seen(reader, photo("rocket.jpg"))
    return [unknown.detail for unknown in seen.unknowns]


def test_it_is_said_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("tidegate.media.worker._told", set())
    # It decodes all the same; only this one says nothing more.
    assert meet(monkeypatch, "preferred") == ["takes more than 0.3 seconds (budget.seconds)"]
    meet(monkeypatch, "preferred")
    (record,) = caplog.records
    assert "not fully confined: system calls: not on this machine" in record.getMessage()


def test_nothing_is_decoded_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    (detail,) = meet(monkeypatch, "required")
    assert detail.startswith("the decoder is not confined: system calls: not on this machine")
    assert "TIDEGATE_CONFINEMENT" in detail


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_CONFINEMENT", "off")
    with Reader() as reader:
        assert works(reader)
        assert reader.lacking == "it is switched off"
