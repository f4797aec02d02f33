from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tidegate.evidence import Transform
from tidegate.hashing import MIN_QUALITY, Pdq, dihedral, hamming, pdq
from tidegate.hashing.downscale import downscale
from tidegate.hashing.frequencies import cosines

Photo = Callable[[str], NDArray[np.uint8]]

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "grass.png", "rocket.jpg", "retina.jpg")

TURNS = {
    "none": lambda p: p,
    "rotate90": lambda p: np.rot90(p, 1),
    "rotate180": lambda p: np.rot90(p, 2),
    "rotate270": lambda p: np.rot90(p, 3),
    "flip_vertical": np.flipud,
    "flip_horizontal": np.fliplr,
    "transpose": lambda p: np.swapaxes(p, 0, 1),
    "transverse": lambda p: np.swapaxes(np.rot90(p, 2), 0, 1),
}


@pytest.fixture(scope="module")
def oracle() -> Any:
    return pytest.importorskip("pdqhash", reason="the oracle needs a C++ compiler to install")


def reference(oracle: Any, picture: NDArray[np.uint8]) -> Pdq:
    bits, quality = oracle.compute(np.ascontiguousarray(picture))
    return Pdq(np.packbits(bits).tobytes(), quality)


@pytest.mark.parametrize("name", PHOTOS)
def test_photographs_hash_as_in_the_reference(oracle: Any, photo: Photo, name: str) -> None:
    assert pdq(photo(name)) == reference(oracle, photo(name))


@pytest.mark.parametrize("size", [(5, 5), (5, 900), (64, 64), (64, 100), (63, 65), (127, 129)])
def test_odd_sizes_hash_as_in_the_reference(
    oracle: Any, photo: Photo, size: tuple[int, int]
) -> None:
    picture = np.asarray(Image.fromarray(photo("chelsea.png")).resize(size))
    found, expected = pdq(picture), reference(oracle, picture)
    assert hamming(found.hash, expected.hash) == 0
    assert abs(found.quality - expected.quality) <= 1


@given(
    seed=st.integers(0, 2**32 - 1),
    grain=st.integers(20, 40),
    width=st.integers(40, 500),
    height=st.integers(40, 500),
)
@settings(max_examples=150, deadline=None)
def test_random_pictures_hash_as_in_the_reference(
    oracle: Any, seed: int, grain: int, width: int, height: int
) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (grain, grain, 3), np.uint8)
    picture = np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BILINEAR))
    found, expected = pdq(picture), reference(oracle, picture)
    assert abs(found.quality - expected.quality) <= 1
    if expected.quality >= MIN_QUALITY and found.hash != expected.hash:
        differs = np.unpackbits(np.frombuffer(found.hash + expected.hash, np.uint8)).reshape(2, -1)
        assert from_median(picture)[differs[0] != differs[1]].max() < SINGLE_PRECISION


SINGLE_PRECISION = 0.01
"""Error of the reference, which sums in single precision; values reach some thousands. Only
bits this near to the median may differ: in 4,000 random pictures there was none."""


def from_median(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How far the value behind each bit is from the median, in the order of the bits."""
    values = (cosines() @ downscale(picture)[0, 0] @ cosines().T).ravel()
    return np.abs(values - np.sort(values)[127])[::-1]


@pytest.mark.parametrize("name", PHOTOS)
def test_each_position_hashes_as_the_turned_picture(photo: Photo, name: str) -> None:
    picture = photo(name)
    hashes, quality = dihedral(picture)
    assert hashes.shape == (8, 32)
    assert list(TURNS) == list(get_args(Transform))
    for found, turn in zip(hashes, TURNS.values(), strict=True):
        expected = pdq(turn(picture))
        assert found.tobytes() == expected.hash
        assert abs(quality - expected.quality) <= 2


def test_the_first_position_is_the_plain_hash(photo: Photo) -> None:
    picture = photo("coffee.png")
    hashes, quality = dihedral(picture)
    assert Pdq(hashes[0].tobytes(), quality) == pdq(picture)


def test_a_grey_picture_hashes_as_its_rgb_twin(photo: Photo) -> None:
    grey = photo("astronaut.png")[:, :, 1]
    assert pdq(grey) == pdq(np.repeat(grey[:, :, np.newaxis], 3, axis=2))


def test_the_layout_in_memory_does_not_matter(photo: Photo) -> None:
    picture = photo("astronaut.png")
    assert pdq(picture[::2, ::-1]) == pdq(np.ascontiguousarray(picture[::2, ::-1]))


def test_a_flat_picture_has_no_quality() -> None:
    assert pdq(np.full((200, 300, 3), 90, np.uint8)).quality == 0


def test_a_tiny_picture_has_the_empty_hash() -> None:
    assert pdq(np.full((4, 300, 3), 90, np.uint8)) == Pdq(bytes(32), 0)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((64, 64, 3), np.float32),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64,), np.uint8),
        np.zeros((64, 64, 3), np.int8),
    ],
)
def test_what_is_no_picture_is_refused(picture: Any) -> None:
    with pytest.raises(ValueError, match="a picture is"):
        pdq(picture)


def test_an_empty_picture_has_no_quality() -> None:
    assert pdq(np.zeros((0, 0, 3), np.uint8)).quality == 0


def test_hamming_counts_bits_and_refuses_unequal_lengths() -> None:
    assert hamming(bytes(32), b"\xff" * 32) == 256
    assert hamming(b"\x01" + bytes(31), bytes(32)) == 1
    with pytest.raises(ValueError, match="cannot be compared"):
        hamming(b"", b"\x00")


def test_the_hexadecimal_digits_are_those_of_the_bytes() -> None:
    assert Pdq(bytes(range(32)), 100).hex == bytes(range(32)).hex()
