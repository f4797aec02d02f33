from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tidegate.matching.index import BruteForceIndex, HammingIndex


def naive(
    stored: NDArray[np.uint8], queries: NDArray[np.uint8], radius: int
) -> list[tuple[int, int, int]]:
    numbers = [int.from_bytes(row.tobytes()) for row in stored]
    hits = []
    for q, query in enumerate(queries):
        number = int.from_bytes(query.tobytes())
        for row, other in enumerate(numbers):
            distance = (number ^ other).bit_count()
            if distance <= radius:
                hits.append((q, row, distance))
    return sorted(hits, key=lambda hit: (hit[0], hit[2], hit[1]))


def answered(
    index: HammingIndex, queries: NDArray[np.uint8], radius: int
) -> list[tuple[int, int, int]]:
    return list(zip(*(column.tolist() for column in index.search(queries, radius)), strict=True))


def flipped(row: NDArray[np.uint8], bits: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    mask = np.zeros(256, np.uint8)
    mask[rng.permutation(256)[:bits]] = 1
    return row ^ np.packbits(mask)


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(0, 200),
    queries=st.integers(0, 12),
    radius=st.integers(0, 70),
    planted=st.lists(st.integers(0, 70), max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_every_neighbour_is_found_and_nothing_else(
    seed: int, size: int, queries: int, radius: int, planted: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    stored = rng.integers(0, 256, (size, 32), np.uint8)
    asked = rng.integers(0, 256, (queries, 32), np.uint8)
    for place, bits in enumerate(planted):
        if size and queries:
            stored[place % size] = flipped(asked[place % queries], bits, rng)
    index = BruteForceIndex(stored)
    assert len(index) == size
    assert answered(index, asked, radius) == naive(stored, asked, radius)


def test_neighbours_are_found_across_blocks() -> None:
    rng = np.random.default_rng(3)
    stored = rng.integers(0, 256, (3000, 32), np.uint8)
    asked = rng.integers(0, 256, (300, 32), np.uint8)
    for place, bits in enumerate(range(41)):
        stored[place * 71] = flipped(asked[place * 7], bits, rng)
    index = BruteForceIndex(stored)
    for radius in (0, 31, 40):
        hits = answered(index, asked, radius)
        planted = {(place * 7, place * 71, place) for place in range(radius + 1)}
        assert planted <= set(hits)
        assert hits == naive(stored, asked, radius)


def test_the_largest_radius_finds_all() -> None:
    stored = np.stack((np.zeros(32, np.uint8), np.full(32, 255, np.uint8)))
    assert answered(BruteForceIndex(stored), stored[:1], 256) == [(0, 0, 0), (0, 1, 256)]


def test_an_index_keeps_its_own_copy() -> None:
    stored = np.zeros((1, 32), np.uint8)
    index = BruteForceIndex(stored)
    stored[:] = 255
    assert answered(index, np.zeros((1, 32), np.uint8), 0) == [(0, 0, 0)]


@pytest.mark.parametrize("radius", [-1, 257])
def test_a_radius_out_of_range_is_refused(radius: int) -> None:
    with pytest.raises(ValueError, match="radius"):
        BruteForceIndex(np.zeros((1, 32), np.uint8)).search(np.zeros((1, 32), np.uint8), radius)


@pytest.mark.parametrize(
    "hashes", [np.zeros((3, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((1, 32), np.int64)]
)
def test_what_are_no_hashes_is_refused(hashes: Any) -> None:
    with pytest.raises(ValueError, match="hashes are"):
        BruteForceIndex(hashes)
