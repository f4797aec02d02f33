"""The native library gives what NumPy gives, bit for bit."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tidegate import native
from tidegate.hashing import dihedral, pdq, pdq_many
from tidegate.native import build

Photo = Callable[[str], NDArray[np.uint8]]


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    found = native.library()
    if found is None:
        pytest.skip(native.describe())
    return found


@pytest.fixture(params=native.LEVELS)
def level(request: pytest.FixtureRequest, library: ctypes.CDLL) -> Iterator[None]:
    wanted = native.LEVELS.index(request.param)
    if library.tg_use_level(wanted) != wanted:
        pytest.skip(f"this processor has no {request.param}")
    yield
    library.tg_use_level(len(native.LEVELS))


def agree(picture: NDArray[np.uint8], *, limited: bool = False) -> None:
    hashes, quality = dihedral(picture, limited=limited)
    only = pdq(picture, limited=limited)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "library", lambda: None)
        plain_hashes, plain_quality = dihedral(picture, limited=limited)
        assert pdq(picture, limited=limited) == only
    assert (hashes == plain_hashes).all()
    assert quality == plain_quality
    assert only == (hashes[0].tobytes(), quality)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "grass.png", "rocket.jpg"])
def test_photographs(photo: Photo, name: str) -> None:
    agree(photo(name))
    agree(photo(name)[:, :, 1])
    agree(photo(name)[:, :, 1], limited=True)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize(
    "shape", [(5, 5), (5, 70_000), (70_000, 6, 3), (64, 64, 3), (129, 127, 3), (3001, 2003)]
)
def test_shapes(shape: tuple[int, ...]) -> None:
    agree(np.random.default_rng(7).integers(0, 256, shape, np.uint8))


@pytest.mark.usefixtures("level")
def test_lines_that_lie_apart_or_backwards(photo: Photo) -> None:
    picture = photo("coffee.png")
    for layout in (picture[::2], picture[::-1], picture[:, ::-1], picture[10:300, 20:500]):
        agree(layout)
        assert pdq(layout) == pdq(layout.copy())
    agree(picture[:, :, 2])
    agree(np.asfortranarray(picture[:, :, 0]))


@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(5, 700),
    width=st.integers(5, 700),
    square=st.integers(1, 60),
    levels=st.integers(1, 255),
    colours=st.booleans(),
    limited=st.booleans(),
)
@example(seed=1, height=512, width=512, square=8, levels=1, colours=True, limited=False)
@settings(max_examples=150, deadline=None)
def test_pictures_of_squares(
    library: ctypes.CDLL,
    seed: int,
    height: int,
    width: int,
    square: int,
    levels: int,
    colours: bool,
    limited: bool,
) -> None:
    """Few levels and regular squares: values of the transform that tie, or nearly so."""
    del library
    shape = (-(-height // square), -(-width // square)) + ((3,) if colours else ())
    squares = np.random.default_rng(seed).integers(0, levels + 1, shape, np.uint8)
    picture = squares.repeat(square, axis=0).repeat(square, axis=1)[:height, :width]
    agree(picture, limited=limited and not colours)


def test_chessboards(library: ctypes.CDLL) -> None:
    del library
    for square in (4, 8, 16, 32):
        y, x = np.mgrid[:512, :512] // square
        agree(((y + x) % 2 * 255).astype(np.uint8))


def test_many_at_a_time_are_each_alone(photo: Photo) -> None:
    pictures = [photo(name) for name in ("coffee.png", "rocket.jpg", "astronaut.png")] * 3
    hashes, qualities = pdq_many(pictures, threads=4)
    assert [(h.tobytes(), q) for h, q in zip(hashes, qualities, strict=True)] == [
        pdq(picture) for picture in pictures
    ]
    none, no_quality = pdq_many([])
    assert none.shape == (0, 32)
    assert no_quality.shape == (0,)


def test_limited_range_is_the_full_range_rescaled(photo: Photo) -> None:
    grey = photo("coffee.png")[:, :, 1]
    narrow = np.rint(16 + grey * (219 / 255)).astype(np.uint8)
    found, expected = pdq(narrow, limited=True), pdq(grey)
    assert (
        np.bitwise_count(
            np.frombuffer(found.hash, np.uint8) ^ np.frombuffer(expected.hash, np.uint8)
        ).sum()
        <= 4
    )
    assert abs(found.quality - expected.quality) <= 1


def described(folder: Path, **environment: str) -> str:
    code = "from tidegate import native; print(native.describe())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_each_way_of_having_no_library_is_said(library: ctypes.CDLL, tmp_path: Path) -> None:
    del library
    package = tmp_path / "tidegate"
    shutil.copytree(Path(native.__file__).parent, package / "native")
    (package / "__init__.py").touch()
    assert described(tmp_path).startswith("native, ")
    assert "switched off" in described(tmp_path, TIDEGATE_NATIVE="0")
    copy = package / "native" / build.LIBRARY.name
    source = package / "native" / "pdq.c"
    source.write_text(source.read_text() + "\n")
    assert "not that of this version" in described(tmp_path)
    copy.write_bytes(b"no library")
    assert "cannot be used" in described(tmp_path)
    copy.unlink()
    assert "no native library was built" in described(tmp_path)


def test_a_missing_or_failing_compiler_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "library.so"
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(build.BuildError, match="no C compiler"):
        build.build(target)
    monkeypatch.setenv("CC", "false")
    with pytest.raises(build.BuildError, match="failed"):
        build.build(target)
    assert list(tmp_path.iterdir()) == []
