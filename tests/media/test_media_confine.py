"""The confinement of a decoder: what the kernel refuses it, and what it still can."""

import errno
import json
import platform
import re
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.clips import damaged, film, numbered, picture, truncated
from tests.media.media_seen import Seen
from tidegate.media import Reader, confine, seccomp, syscalls

TOPICS = {"files", "network", "processes", "code", "memory", "limits"}
ROOT = Path(__file__).parents[2]

confines = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in syscalls.ARCHITECTURES,
    reason="the filter is for Linux on x86-64 and arm64",
)


class Ended:
    """A deed of ``media_confined``, done in a process of its own."""

    def __init__(self, deed: str, *files: Path, on: bool = True) -> None:
        command = [sys.executable, "-m", "tests.media.media_confined", deed, "on" if on else "off"]
        done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, timeout=120)
        self.status = done.returncode
        self.complaint = done.stderr.decode()
        self.told: Any = json.loads(done.stdout) if done.stdout else None


def told(deed: str, *files: Path, on: bool = True) -> Any:
    ended = Ended(deed, *files, on=on)
    assert ended.status == 0, ended.complaint
    return ended.told


# The process.


@confines
def test_a_confined_process_is_refused_everything() -> None:
    assert told("report") == [True, True, ""]
    assert told("attempts") == dict.fromkeys(TOPICS, True)


def test_an_unconfined_process_is_refused_nothing() -> None:
    """Or else the probe would prove nothing."""
    assert told("attempts", on=False) == dict.fromkeys(TOPICS, False)


@confines
def test_what_the_probe_does_not_try() -> None:
    confined = told("forbidden")
    assert confined == dict.fromkeys(confined, errno.EACCES)
    free = told("forbidden", on=False)
    assert not {name for name, number in free.items() if number == errno.EACCES}


@confines
def test_limits() -> None:
    limits = told("limits")
    assert limits["FSIZE"] == limits["CORE"] == [0, 0]
    assert limits["NOFILE"] == [16, 16]
    assert limits["CPU"] == [60, 61]
    soft, hard = limits["AS"]
    assert 256 << 20 < soft == hard < 8 << 30


@confines
def test_too_much_memory() -> None:
    assert told("much_memory") == "MemoryError"
    assert told("much_memory", on=False) == 33


@confines
def test_too_much_time() -> None:
    assert Ended("much_time").status == -signal.SIGXCPU


@confines
def test_a_process_cannot_be_deaf_to_the_hard_limit() -> None:
    assert Ended("deaf_to_the_limit").status == -signal.SIGKILL


@confines
def test_abort_is_still_seen_as_one() -> None:
    assert Ended("abort").status == -signal.SIGABRT


@confines
def test_threads_start() -> None:
    assert told("threads") == [0, 1, 2, 3]


@confines
def test_messages_and_files_by_position() -> None:
    assert told("messages") == ["head", "body", [0, 0, 0, 0]]


def test_switched_off() -> None:
    confinement = confine.confine(memory=1, cpu=1, off=True)
    assert (confinement.syscalls, confinement.limits) == (False, False)
    assert confinement.lacking


@confines
@pytest.mark.parametrize(
    ("where", "name", "words"),
    [
        (sys, "platform", "not Linux"),
        (platform, "machine", "riscv64"),
    ],
)
def test_a_system_without_a_filter(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, words: str
) -> None:
    monkeypatch.setattr(where, name, "riscv64" if where is sys else lambda: "riscv64")
    monkeypatch.setattr(confine, "_lower", lambda kind, value: None)
    monkeypatch.setattr(confine, "_limit_cpu", lambda soft, hard: None)
    monkeypatch.setattr(confine, "call", lambda *arguments: 0)
    confinement = confine.confine(memory=1, cpu=1)
    assert (confinement.syscalls, confinement.limits) == (False, True)
    assert words in confinement.lacking


def test_a_part_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> int:
        raise FileNotFoundError(2, "No such file or directory")

    lowered, called = [], []
    monkeypatch.setattr(confine, "_mapped", missing)
    monkeypatch.setattr(confine, "_lower", lambda kind, value: lowered.append(kind))
    monkeypatch.setattr(confine, "_limit_cpu", lambda soft, hard: None)
    monkeypatch.setattr(confine, "call", lambda name, *arguments: called.append(name))
    monkeypatch.setattr(seccomp, "install", lambda: called.append("filter"))
    confinement = confine.confine(memory=1, cpu=1)
    assert confinement.lacking == "memory: No such file or directory"
    assert (confinement.syscalls, confinement.limits) == (True, False)
    assert resource.RLIMIT_NOFILE in lowered
    assert "capset" in called
    assert called[-1] == "filter"


def test_a_filter_that_is_not_applied_is_not_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(seccomp, "call", lambda *arguments: 0)
    with pytest.raises(OSError, match="does not apply it"):
        seccomp.install()


# The decoders.


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A file of every format, and broken ones, and odd ones."""
    folder = tmp_path_factory.mktemp("confined")
    still, moving = picture(), [Image.fromarray(numbered(i)) for i in range(0, 48, 12)]
    exif = Image.Exif()
    exif[274], exif[271], exif[33432] = 6, "Mäker", "©"
    text = PngImagePlugin.PngInfo()
    text.add_text("long", "b" * 1000, zip=True)
    text.add_itxt("ü", "日本", "de", "ü", zip=True)
    text.add_text("Raw profile type exif", "\nexif\n      8\n4d4d002a00000008")

    def save(name: str, image: Image.Image = still, **options: Any) -> None:
        image.save(folder / name, **options)

    save("exif.jpg", exif=exif, comment="ünï".encode("latin1"))
    save("progressive.jpg", progressive=True)
    save("cmyk.jpg", still.convert("CMYK"))
    save("two.jpg", format="MPO", save_all=True, append_images=moving[:1])
    save("text.png", pnginfo=text, exif=exif)
    save("palette.png", still.convert("P"), transparency=3)
    save("plain.bmp")
    save("lab.tiff", still.convert("LAB"))
    for compression in ("tiff_lzw", "jpeg", "tiff_adobe_deflate"):
        save(f"{compression}.tiff", compression=compression)
    for suffix in ("png", "gif", "webp", "avif", "heic", "tiff"):
        more = {} if suffix in ("heic", "tiff") else {"duration": 100}
        save(f"moving.{suffix}", moving[0], save_all=True, append_images=moving[1:], **more)
        save(f"still.{suffix}")
    for name, codec in (
        ("a.mp4", "libx264"),
        ("b.mkv", "libx265"),
        ("c.webm", "libvpx-vp9"),
        ("d.avi", "mpeg4"),
        ("e.ts", "mpeg2video"),
        ("f.mp4", "libsvtav1"),
    ):
        film(folder / name, 30, codec)
    for whole in sorted(folder.iterdir()):
        truncated(whole, folder / f"cut-{whole.name}", 0.6)
        damaged(whole, folder / f"bad-{whole.name}", 0.3, 0.35)
    return sorted(folder.iterdir())


@confines
def test_nothing_is_opened_or_imported_while_decoding(media: list[Path]) -> None:
    """What a decoder would import late, it could not import."""
    found = told("decoding", *media, on=False)
    assert found["late"] == []
    assert len(found["ends"]) == 2 * len(media)
    assert sum(judged > 0 for judged, _ in found["ends"]) > len(media)


@confines
def test_the_same_pictures_come_out(media: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    # By one thread: where frames are lost, several do not always agree with themselves.
    ends = []
    for confinement in ("required", "off"):
        monkeypatch.setenv("TIDEGATE_CONFINEMENT", confinement)
        with Reader(threads=1) as reader:
            ends.append([Seen(reader, path) for path in media])
    for path, confined, free in zip(media, *ends, strict=True):
        assert confined.info == free.info, path.name
        assert confined.unknowns == free.unknowns, path.name
        assert len(confined.frames) == len(free.frames), path.name
        for ours, theirs in zip(confined.frames, free.frames, strict=True):
            assert ours[:2] == theirs[:2], path.name
            assert np.array_equal(ours[2], theirs[2]), path.name


@confines
def test_four_threads_decode_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 60)
    monkeypatch.setenv("TIDEGATE_CONFINEMENT", "required")
    with Reader(threads=4) as four, Reader(threads=1) as one:
        ours, theirs = Seen(four, path), Seen(one, path)
    assert ours.unknowns == theirs.unknowns == []
    assert ours.seconds == theirs.seconds
    assert all(np.array_equal(a[2], b[2]) for a, b in zip(ours.frames, theirs.frames, strict=True))


# The filter.

PID = 4321
MACHINES = sorted(syscalls.ARCHITECTURES)
ALLOWED, REFUSED, MISSING, KILLED = "allowed", "refused", "missing", "killed"


def program(machine: str, pid: int = PID) -> bytes:
    rules = [(getattr(each, machine), each.rule) for each in syscalls.allowed(pid)]
    return seccomp.assemble(
        syscalls.ARCHITECTURES[machine], [(n, rule) for n, rule in rules if n is not None]
    )


def run(code: bytes, architecture: int, number: int, arguments: Sequence[int]) -> str:
    """Run a program on a machine that is written after the manual: bpf(4), seccomp(2)."""
    data = struct.pack("<iIQ6Q", number, architecture, 0, *arguments)
    instructions = list(struct.iter_unpack("<HBBI", code))
    assert len(instructions) <= 4096
    accumulator = at = 0
    while True:
        operation, yes, no, operand = instructions[at]
        at += 1
        if operation == 0x20:  # BPF_LD | BPF_W | BPF_ABS
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x54:  # BPF_ALU | BPF_AND | BPF_K
            accumulator &= operand
        elif operation == 0x15:  # BPF_JMP | BPF_JEQ | BPF_K
            at += yes if accumulator == operand else no
        else:
            assert operation == 0x06  # BPF_RET | BPF_K
            return {
                0x7FFF_0000: ALLOWED,
                0x0005_0000 + errno.EACCES: REFUSED,
                0x0005_0000 + errno.ENOSYS: MISSING,
                0x8000_0000: KILLED,
            }[operand]


def wanted(name: str, a: Sequence[int]) -> bool:
    """The policy once more, in plain words."""
    low = [argument & 0xFFFF_FFFF for argument in a]
    match name:
        case "mmap" | "mprotect":
            return not a[2] & 0x4
        case "newfstatat":
            return low[3] == 0x1000
        case "fcntl":
            return low[1] in (1, 3, 1030)
        case "ioctl":
            return low[1] == 0x5421
        case "clone":
            return bool(a[0] & 0x10000) and a[0] | 0x7D0F00 == 0x7D0F00
        case "prctl":
            return low[0] in (15, 0x53564D41)
        case "prlimit64":
            return low[0] in (0, PID) and (a[2] == 0 or low[1] == 0)
        case "futex":
            return low[1] & ~0x180 in (0, 1, 3, 4, 9, 10)
        case "tgkill":
            return low[0] == PID
    return True


INTERESTING = sorted(
    {
        *range(10),
        *(15, 16, 0x1000, 0x1100, 0x5412, 0x5421, 1030, 1031, 0x53564D41, PID, PID + 1),
        *(0x10000, 0x3D0F00, 0x7D0F00, 0x2D0F00, 0x103D0F00, 0x7E020000, 17, 0x1200011),
        *(1 << 32, (1 << 32) + 1, (1 << 32) + 0x3D0F00, (1 << 32) + 0x5421, (PID << 32) + PID),
        *(0xFFFF_FFFF, 1 << 63, (1 << 64) - 1, (1 << 64) - 1 - 4, 0x7F00_0000_1000),
    }
)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_as_the_policy_says(machine: str) -> None:
    code, architecture = program(machine), syscalls.ARCHITECTURES[machine]
    names = {getattr(each, machine): each.name for each in syscalls.allowed(PID)}
    for number in [*range(601), *(n | 0x4000_0000 for n in range(601)), -1]:
        if number not in names:
            verdict = MISSING if number == 435 else REFUSED
            for value in (0, 1, (1 << 64) - 1):
                assert run(code, architecture, number, [value] * 6) == verdict, number
            continue
        for position in range(6):
            for other in (0, 1, 0x1000):
                for value in INTERESTING:
                    arguments = [other] * 6
                    arguments[position] = value
                    expected = ALLOWED if wanted(names[number], arguments) else REFUSED
                    found = run(code, architecture, number, arguments)
                    assert found == expected, (names[number], arguments)


WORD = st.sampled_from(INTERESTING) | st.integers(0, (1 << 64) - 1)
RULED = [each.name for each in syscalls.allowed(PID) if each.rule]


@given(st.sampled_from(MACHINES), st.sampled_from(RULED), st.lists(WORD, min_size=6, max_size=6))
def test_any_arguments(machine: str, name: str, arguments: list[int]) -> None:
    number = next(getattr(c, machine) for c in syscalls.allowed(PID) if c.name == name)
    expected = ALLOWED if wanted(name, arguments) else REFUSED
    found = run(program(machine), syscalls.ARCHITECTURES[machine], number, arguments)
    assert found == expected


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_is_the_end(machine: str) -> None:
    for architecture in {0x4000_0003, 0, *syscalls.ARCHITECTURES.values()}:
        killed = architecture != syscalls.ARCHITECTURES[machine]
        found = run(program(machine), architecture, 9999, [0] * 6)
        assert found == (KILLED if killed else REFUSED)


def test_rules_of_any_size_and_many_calls() -> None:
    """No jump is too long, however much is allowed."""
    clause = tuple(syscalls.Masked(i % 6, syscalls.LONG, i << 31) for i in range(20))
    rules = [(number, (clause, clause)) for number in range(8)]
    rules += [(number, ()) for number in range(8, 600)]
    code = seccomp.assemble(7, rules)
    assert run(code, 7, 599, [0] * 6) == ALLOWED
    assert run(code, 7, 600, [0] * 6) == REFUSED
    assert run(code, 7, 7, [0, 19 << 31, 0, 0, 0, 0]) == ALLOWED
    assert run(code, 7, 7, [1, 18 << 31, 1, 1, 1, 1]) == REFUSED


@pytest.mark.parametrize(
    ("machine", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("x86_64", "/usr/include/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_numbers_are_those_of_the_kernel(machine: str, header: str) -> None:
    if not Path(header).exists():
        pytest.skip("no kernel headers here")
    pattern = r"#define\s+__NR(?:3264)?_(\w+)\s+(\d+)"
    numbers = {name: int(n) for name, n in re.findall(pattern, Path(header).read_text())}
    # The generic header names 64-bit calls after their 32-bit relatives.
    numbers["newfstatat"] = numbers.get("newfstatat", numbers.get("fstatat", 0))
    for each in syscalls.allowed(PID):
        assert getattr(each, machine) == numbers.get(each.name), each.name
    assert numbers["clone3"] == syscalls.MISSING[0]
    assert numbers["seccomp"] == seccomp._SYSCALL[machine]
