"""The attack set: each file has its outcome, and the photo after it is judged as ever."""

import functools
import hashlib
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.attacks import ATTACKS, BUDGET, Attack, Outcome
from tests.attacks.crafted import encoded
from tests.attacks.films import h264
from tests.attacks.places import IN_PLACE, STRIKES
from tests.attacks.references import referring
from tests.clips import photo, picture
from tidegate.evidence import Unknown
from tidegate.media import Budget, MediaError, Reader, open_source

SETTINGS = {
    "too_large": {"bytes"},
    "too_many_pixels": {"pixels", "total_pixels"},
    "too_many_frames": {"frames"},
    "too_long": {"duration"},
    "too_many_streams": {"streams"},
    "deadline": {"seconds"},
    "out_of_memory": {"memory"},
}
MARGIN = 6.0
"""One second for the reader to give up, and the rest for a machine that is busy."""

GROWTH = 64 * 1024**2


@pytest.fixture(scope="module")
def small() -> Iterator[Reader]:
    with Reader(BUDGET) as reader:
        yield reader


@pytest.fixture(scope="module")
def large() -> Iterator[Reader]:
    with Reader(Budget(seconds=BUDGET.seconds)) as reader:
        yield reader


def read(reader: Reader, path: Path) -> tuple[int, list[Unknown]]:
    """Read a file to its end, as the pipeline would; return its frames and unknowns."""
    count = 0
    try:
        with open_source(path, reader.budget) as source, reader.read(source) as reading:
            for frame in reading:
                count += 1
                assert frame.picture[0, 0] is not None
    except MediaError as error:
        return count, [error.unknown]
    assert reading.info is None or reading.info.frames_judged == count
    return count, reading.unknowns


def ordinary(reader: Reader) -> str:
    with open_source(photo("rocket.jpg")) as source, reader.read(source) as reading:
        (digest,) = [hashlib.sha256(frame.picture.tobytes()).hexdigest() for frame in reading]
    assert reading.unknowns == []
    return digest


def own_memory() -> int:
    """Bytes that this process holds for itself, without the frames that it shares."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def tried(reader: Reader, attack: Attack, outcome: Outcome, folder: Path) -> None:
    before = ordinary(reader)
    path = attack.put(folder)
    memory, began = own_memory(), time.monotonic()
    frames, unknowns = read(reader, path)
    assert time.monotonic() - began < reader.budget.seconds + MARGIN
    assert own_memory() - memory < GROWTH
    assert outcome.complaint(frames, unknowns) == ""
    for unknown in unknowns:
        told(unknown)
    assert ordinary(reader) == before


def told(unknown: Unknown) -> None:
    """Check that a detail is a line for people, and names the setting that moves it."""
    assert unknown.detail
    assert unknown.detail.isprintable(), unknown.detail
    assert "Traceback" not in unknown.detail
    if settings := SETTINGS.get(unknown.cause):
        assert any(f"(budget.{name})" in unknown.detail for name in settings), unknown.detail


def test_each_has_a_name_of_its_own() -> None:
    names = [attack.file or attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names)


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


@needs_proc
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_every_attack_has_its_outcome(small: Reader, tmp_path: Path, attack: Attack) -> None:
    tried(small, attack, attack.outcome, tmp_path)


@needs_proc
@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.default], ids=lambda attack: attack.name
)
def test_bombs_are_refused_by_default(large: Reader, tmp_path: Path, attack: Attack) -> None:
    assert attack.default
    tried(large, attack, attack.default, tmp_path)


# What moves while it is read


@functools.cache
def whole(kind: str) -> bytes:
    """A file of many frames or many pixels."""
    if kind in ("mp4", "mkv", "ts"):
        return h264(kind, 100)
    pictures = [picture(name, (400, 300)) for name in ("coffee.png", "chelsea.png") * 5]
    if kind == "gif":
        return encoded(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=100)
    return encoded(pictures[0], "jpeg" if kind == "jpg" else kind)


@pytest.mark.parametrize("strike", STRIKES)
@pytest.mark.parametrize("kind", ["jpg", "png", "gif", "avif", "tiff", "mp4", "mkv", "ts"])
@pytest.mark.parametrize("later", [False, True], ids=["before", "within"])
def test_a_file_that_changes_while_it_is_read(
    small: Reader, tmp_path: Path, kind: str, strike: str, later: bool
) -> None:
    path, before = tmp_path / f"moving.{kind}", ordinary(small)
    path.write_bytes(whole(kind))
    time.sleep(0.02)  # Two writes within one tick of the file system's clock look like one.
    count = 0
    with open_source(path, BUDGET) as source:
        if not later:
            STRIKES[strike](path)
        with small.read(source) as reading:
            for frame in reading:
                assert frame.picture.any()
                if later and not count:
                    STRIKES[strike](path)
                count += 1
        changed = source.changed()
    if strike in IN_PLACE:
        assert changed is not None
        assert changed.cause == "changed"
        told(changed)
    else:  # What was opened is still there, whole.
        assert changed is None
        assert count
        assert reading.unknowns == []
    assert count or reading.unknowns
    for unknown in reading.unknowns:
        told(unknown)
    assert ordinary(small) == before


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_a_large_picture_that_is_cut_short_while_it_is_decoded(
    small: Reader, tmp_path: Path, kind: str
) -> None:
    """A file that is mapped into memory and then cut short is SIGBUS for who reads it."""
    before = ordinary(small)
    noise = np.random.default_rng(1).integers(0, 256, (1500, 2000, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind, compress_level=1)
    path = tmp_path / "noise"
    for delay in (0.0, 0.002, 0.01, 0.03):
        path.write_bytes(data)
        with open_source(path, BUDGET) as source, small.read(source) as reading:
            time.sleep(delay)
            os.truncate(path, 1000)
            count = sum(1 for _ in reading)
            assert source.changed() is not None
        assert count or reading.unknowns
        for unknown in reading.unknowns:
            told(unknown)
        assert ordinary(small) == before


# What refers to something else


@pytest.mark.parametrize("way", ["path", "file", "http", "concat", "tcp", "subfile"])
def test_no_reference_is_followed(small: Reader, tmp_path: Path, way: str) -> None:
    """Who opened the pipe would wait for a writer, and who connected would be waiting."""
    canary = tmp_path / "canary.mov"
    os.mkfifo(canary)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        url = {
            "path": f"{canary}",
            "file": f"file://{canary}",
            "http": f"http://127.0.0.1:{port}/canary.mov",
            "concat": f"concat:{canary}|{canary}",
            "tcp": f"tcp://127.0.0.1:{port}",
            "subfile": f"subfile,,start,0,end,0,,:{canary}",
        }[way]
        for name, content in referring(url.encode()).items():
            path = tmp_path / name
            path.write_bytes(content)
            frames, unknowns = read(small, path)
            assert frames or unknowns, name
            assert "deadline" not in [unknown.cause for unknown in unknowns], name
            path.unlink()
        with pytest.raises(BlockingIOError):
            server.accept()
