"""What lies where a file is expected: pipes, devices, links, odd names, moving files."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from tests.attacks.attack import Family, refused, seen
from tests.attacks.crafted import saved
from tests.clips import photo

places = Family()
_unreadable = refused("unreadable")


def sock(path: Path) -> None:
    """A socket that nobody listens at; its address may be longer than the system allows."""
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{parent}/{path.name}")
    finally:
        os.close(parent)


def sparse(path: Path) -> None:
    """A JPEG of a terabyte, of which nearly all is a hole."""
    path.write_bytes(saved("JPEG"))
    os.truncate(path, 1 << 40)


def closed(path: Path) -> None:
    """A picture that nobody may read, but for root."""
    path.write_bytes(saved("PNG"))
    path.chmod(0)


places.place("fifo.jpg", "a pipe that nobody writes to", _unreadable, os.mkfifo)
places.place("socket.jpg", "a socket", _unreadable, sock)
places.place(
    "folder.jpg", "a folder that is named a picture", _unreadable, Path.mkdir, passed_over=True
)
for _name, _device in (("zero", "/dev/zero"), ("terminal", "/dev/tty"), ("random", "/dev/random")):
    places.place(
        f"{_name}.jpg",
        f"a link to {_device}",
        _unreadable,
        lambda path, device=_device: path.symlink_to(device),
        passed_over=True,
    )
places.place(
    "outside.jpg",
    "a link to a picture outside of the folder",
    seen(),
    lambda path: path.symlink_to(photo("rocket.jpg")),
    passed_over=True,
)
places.place(
    "upwards.jpg",
    "a link to the folder itself",
    _unreadable,
    lambda path: path.symlink_to("."),
    passed_over=True,
)
places.place(
    "loop.jpg",
    "a link to itself",
    _unreadable,
    lambda path: path.symlink_to(path.name),
    passed_over=True,
)
places.place(
    "dangling.jpg",
    "a link to nothing",
    _unreadable,
    lambda path: path.symlink_to("nothing"),
    passed_over=True,
)
places.bytes("no-bytes.jpg", "no bytes", refused("empty"), bytes, default=refused("empty"))
places.place(
    "terabyte.jpg",
    "a terabyte that takes no space",
    refused("too_large"),
    sparse,
    default=refused("too_large"),
)
places.place(
    "closed.png",
    "a file that may not be read",
    seen() if os.geteuid() == 0 else _unreadable,
    closed,
)
for _name, _about, _file in (
    ("newline", "a name of two lines", "two\nlines.png"),
    ("escapes", "a name that clears the terminal and colours it", "\x1b[2J\x1b[31mred\x07.png"),
    ("bytes", "a name that is not UTF-8", os.fsdecode(b"\xff\xfe\x80.png")),
    ("backwards", "a name that is shown backwards", "\u202egnp.exe.png"),
    ("option", "a name that looks like an option", "--json"),
    ("pattern", "a name that looks like a pattern", "[a-z]*?.png"),
    ("markup", "a name that is markup", "[red]<b>&lt;.png"),
    ("space", "a name of nothing but a space", " "),
    ("long", "a name of 255 bytes", "a" * 251 + ".png"),
):
    places.bytes(f"name-{_name}", _about, seen(), lambda: saved("PNG", (128, 96)), file=_file)


STRIKES: dict[str, Callable[[Path], object]] = {
    "halved": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "rewritten": lambda path: _overwrite(path),
    "grown": lambda path: os.truncate(path, path.stat().st_size + 100_000),
    "replaced": lambda path: _other(path).replace(path),
    "removed": Path.unlink,
}
"""What may be done to a file while it is read."""

IN_PLACE = ("halved", "emptied", "rewritten", "grown")
"""The strikes that change the bytes of the file itself."""


def _overwrite(path: Path) -> None:
    """Write zeros over a file, and keep its length."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(bytes(size))


def _other(path: Path) -> Path:
    """Put another picture beside a file."""
    other = path.with_name("other")
    other.write_bytes(saved("PNG"))
    return other
