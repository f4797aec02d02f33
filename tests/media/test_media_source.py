"""Files that are none, and files that hold none."""

import os
import socket
from pathlib import Path

import pytest

from tests.clips import photo
from tidegate.media import Budget, MediaError, Reader, open_source


def refused(path: Path, budget: Budget | None = None) -> MediaError:
    with pytest.raises(MediaError) as caught:
        open_source(path, budget)
    return caught.value


def test_a_photo() -> None:
    with open_source(photo("rocket.jpg")) as source:
        assert source.format == "jpeg"
        assert source.size == photo("rocket.jpg").stat().st_size
        assert source.file.read() == photo("rocket.jpg").read_bytes()
    assert source.file.closed


def test_a_link_to_a_photo(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(photo("rocket.jpg"))
    with open_source(tmp_path / "a") as source:
        assert source.format == "jpeg"


def test_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    assert refused(tmp_path / "a").detail == "is a FIFO, not a file"


def test_folder_device_socket_missing_and_odd(tmp_path: Path) -> None:
    assert refused(tmp_path).detail == "is a folder, not a file"
    assert refused(Path("/dev/zero")).detail == "is a device, not a file"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        assert refused(tmp_path / "s").detail == "is a socket, not a file"
    assert refused(tmp_path / "none").detail == "cannot be read: No such file or directory"
    assert refused(tmp_path / "a\0b").cause == "unreadable"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refused(tmp_path / "loop").cause == "unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "a").chmod(0)
    assert refused(tmp_path / "a").detail == "cannot be read: Permission denied"


def test_empty_and_too_large(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert refused(tmp_path / "a").cause == "empty"
    (tmp_path / "b").write_bytes(b"12345")
    error = refused(tmp_path / "b", Budget(bytes=4))
    assert error.cause == "too_large"
    assert error.detail == "5 bytes are over the budget of 4 (budget.bytes)"
    assert error.unknown.stage == "media"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"x", "is no known image or video format"),
        (b"Only a text that somebody named a picture.\n", "is no known image or video format"),
        (b"<svg/>", "svg is not a format that is judged"),
    ],
)
def test_what_is_not_judged_starts_no_child(tmp_path: Path, content: bytes, detail: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with Reader() as reader, open_source(tmp_path / "a.jpg") as source:
        reading = reader.read(source)
        assert list(reading) == []
        assert reader.pid is None
    assert [(u.cause, u.detail) for u in reading.unknowns] == [("unsupported", detail)]
    assert reading.info is None
