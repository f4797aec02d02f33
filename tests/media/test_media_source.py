"""Files that are none, and files that hold none."""

import errno
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clips import photo
from tidegate.media import Budget, LinkError, MediaError, Reader, open_source


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


def test_no_link_beneath_a_folder_is_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "deep" / "er", outside):
        folder.mkdir(parents=True)
        shutil.copy(photo("rocket.jpg"), folder / "a.jpg")
    (inside / "link.jpg").symlink_to(outside / "a.jpg")
    (inside / "folder").symlink_to(outside)
    (tmp_path / "named").symlink_to(inside)
    for start in (inside, tmp_path / "named"):
        with open_source(start / "deep" / "er" / "a.jpg", beneath=start) as source:
            assert source.format == "jpeg"
        with pytest.raises(LinkError, match="is a symbolic link"):
            open_source(start / "link.jpg", beneath=start)
        for leads_out in ("folder/a.jpg", "deep/../../outside/a.jpg", "../outside/a.jpg"):
            with pytest.raises(MediaError, match="cannot be read"):
                open_source(start / leads_out, beneath=start)
    with pytest.raises(MediaError, match="cannot be read"):
        open_source(outside / "a.jpg", beneath=inside)


def test_a_link_that_comes_between_the_look_and_the_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = shutil.copy(photo("rocket.jpg"), tmp_path / "target.jpg")
    shutil.copy(target, tmp_path / "a.jpg")
    real = os.open

    def swapped(name: str, flags: int, *, dir_fd: int | None = None) -> int:
        if name == "a.jpg":
            (tmp_path / "a.jpg").unlink()
            (tmp_path / "a.jpg").symlink_to(target)
        return real(name, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(MediaError, match="cannot be read: Too many levels of symbolic links"):
        open_source(tmp_path / "a.jpg", beneath=tmp_path)


def _overwrite(path: Path) -> None:
    """Other bytes, as many, and the time of modification set back."""
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # Its clock ticks some times a second.
        with path.open("r+b") as file:
            file.seek(1000)
            file.write(b"other bytes")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _replace(path: Path) -> None:
    shutil.copy(photo("coffee.png"), path.with_name("other"))
    path.with_name("other").replace(path)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda path: None, None),
        (_overwrite, "changed"),
        (_append, "changed"),
        (lambda path: os.truncate(path, 5000), "changed"),
        (_replace, None),
        (Path.unlink, None),
    ],
    ids=["untouched", "overwritten", "appended", "truncated", "replaced", "removed"],
)
def test_a_file_that_changes_while_it_is_open(
    tmp_path: Path, change: Callable[[Path], object], cause: str | None
) -> None:
    path = Path(shutil.copy(photo("rocket.jpg"), tmp_path / "a.jpg"))
    with open_source(path) as source:
        change(path)
        unknown = source.changed()
        assert (unknown and unknown.cause) == cause
        if cause is None:
            assert source.file.read() == photo("rocket.jpg").read_bytes()


def test_a_file_whose_server_let_go_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(descriptor: int) -> os.stat_result:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with open_source(photo("rocket.jpg")) as source:
        monkeypatch.setattr(os, "fstat", stale)
        unknown = source.changed()
        monkeypatch.undo()
    assert unknown is not None
    assert (unknown.cause, unknown.detail) == (
        "unreadable",
        "cannot be read to the end: Stale file handle",
    )


def test_a_closed_folder_is_named_as_what_it_is(tmp_path: Path) -> None:
    # So it comes from a walk that could not enter it.
    with pytest.raises(MediaError, match="is a folder, not a file"):
        open_source(tmp_path, beneath=tmp_path)
