import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tidegate.hashing.downscale import LARGEST_SCALE, SIDE, Operator, both, downscale

PASSES = 2


def by_definition(length: int) -> NDArray[np.float64]:
    """The reference's words: two box filters whose windows are cut off at the edges, then
    the pixel in the middle of each of 64 equal parts."""
    window = -(-length // (2 * SIDE))
    box = np.zeros((length, length))
    for i in range(length):
        last = i + window // 2
        box[i, max(last - window + 1, 0) : last + 1] = 1
    box /= box.sum(axis=1, keepdims=True)
    samples = np.eye(length)[(2 * np.arange(SIDE) + 1) * length // (2 * SIDE)]
    return samples @ np.linalg.matrix_power(box, PASSES)


def dense(operator: Operator, length: int) -> NDArray[np.float64]:
    matrix = np.zeros((SIDE, length))
    for s in range(SIDE):
        first, count, offset = operator.first[s], operator.pixels[s], operator.offset[s]
        matrix[s, first : first + count] = operator.weights[offset : offset + count]
    return matrix / operator.scale[:, np.newaxis]


@given(st.integers(1, 1500))
@settings(max_examples=40, deadline=None)
def test_an_operator_is_two_boxes_and_a_sampling(length: int) -> None:
    plain, mirrored = both(length)
    expected = by_definition(length)
    assert np.allclose(dense(plain, length), expected, atol=1 / LARGEST_SCALE)
    assert np.allclose(dense(mirrored, length), expected[::-1, ::-1], atol=1 / LARGEST_SCALE)


@pytest.mark.parametrize("length", [1, 5, 64, 129, 5121, 32768, 32769, 65535, 1_000_003])
def test_the_weights_are_exact_in_single_precision(length: int) -> None:
    for operator in both(length):
        sums = np.add.reduceat(operator.weights.astype(np.int64), operator.offset)
        assert (sums == operator.scale).all()
        assert operator.weights.min() >= 0
        assert 255 * operator.scale.max() <= 1 << 24


def test_all_pixels_but_the_outermost_are_seen() -> None:
    seen = sum(dense(both(3000)[0], 3000)) > 0
    assert seen[24:-24].all()


@pytest.mark.parametrize("shape", [(1500, 700, 3), (700, 1500), (16, 40_000), (40_000, 16)])
def test_the_samples_are_what_the_definition_says(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    luma = picture if picture.ndim == 2 else picture @ np.array([0.299, 0.587, 0.114])
    down, across = (dense(both(side)[0], side) for side in luma.shape)
    assert np.allclose(downscale(picture)[0, 0], down @ luma @ across.T, atol=1e-9)
    down, across = (dense(both(side)[1], side)[::-1] for side in luma.shape)
    assert np.allclose(downscale(picture)[1, 1], down @ luma @ across.T, atol=1e-9)


def test_a_wide_picture_takes_no_more_memory() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (16, 300_000), np.uint8)
    downscale(picture[:, :1000])
    tracemalloc.start()
    downscale(picture)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * picture.nbytes
