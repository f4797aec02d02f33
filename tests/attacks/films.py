"""Small real clips, made once."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.attacks.crafted import encoded
from tests.clips import encode, film, numbered, picture

SIZE = (96, 64)


@functools.cache
def h264(suffix: str = "mp4", count: int = 25) -> bytes:
    """A clip of numbered frames, 25 a second, a keyframe every tenth."""
    return _made(suffix, lambda path: film(path, count, gop=10))


@functools.cache
def sized(suffix: str, width: int, height: int, count: int = 1, codec: str = "libx264") -> bytes:
    """A clip of frames that are the same and of any size."""
    options = {"preset": "ultrafast", "x264-params": "threads=1"} if codec == "libx264" else {}
    frames = (numbered(0, (width, height)) for _ in range(count))
    return _made(suffix, lambda path: encode(path, frames, codec, options=options))


@functools.cache
def jpegs(size: tuple[int, int] = SIZE) -> tuple[bytes, ...]:
    """Three photos as JPEGs, for clips whose frames are JPEGs."""
    names = ("coffee.png", "chelsea.png", "rocket.jpg")
    return tuple(encoded(picture(name, size), "JPEG") for name in names)


def _made(suffix: str, make: Callable[[Path], Path]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return make(Path(folder, f"a.{suffix}")).read_bytes()
