from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.matching.neighbours import (
    SHAPES,
    WAYS,
    Shape,
    answered,
    compared,
    flipped,
    random,
    shaped,
    using,
)
from tidegate.matching import index as index_module
from tidegate.matching import kernel, plan
from tidegate.matching.index import BruteForceIndex, HammingIndex, MultiIndex, index_of
from tidegate.matching.kernel import DamagedTableError, chunk_table, permute
from tidegate.matching.plan import SCANNED, Plan, bit_order
from tidegate.matching.repeats import MIX, repeats

PLANS = (Plan(16, 16), Plan(12, 16), Plan(8, 16), Plan(11, 17), Plan(32, 8), Plan(20, 11))


@pytest.fixture(scope="module", params=WAYS, autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    with using(request.param):
        yield


@pytest.fixture(scope="module")
def probed() -> Iterator[None]:
    """Let even few hashes be looked up instead of scanned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "PROBED_SHARE", 0)
        yield


def planted(
    stored: NDArray[np.uint8], queries: NDArray[np.uint8], bits: list[int], seed: int
) -> None:
    """Put neighbours of the queries into the set, at given distances."""
    rng = np.random.default_rng(seed)
    for place, count in enumerate(bits):
        if len(stored) and len(queries):
            row = int(rng.integers(len(stored)))
            stored[row] = flipped(queries[place % len(queries)], count, rng)


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(0, 200),
    queries=st.integers(0, 12),
    radius=st.integers(0, 70),
    bits=st.lists(st.integers(0, 70), max_size=20),
)
@settings(max_examples=40, deadline=None)
def test_every_neighbour_is_found_and_nothing_else(
    seed: int, size: int, queries: int, radius: int, bits: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    stored, asked = random(size, rng), random(queries, rng)
    planted(stored, asked, bits, seed)
    index = BruteForceIndex(stored)
    assert len(index) == size
    assert answered(index, asked, radius) == compared(stored, asked, radius)


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(0, 4000),
    shape=st.sampled_from(SHAPES),
    divided=st.sampled_from(PLANS),
    radius=st.one_of(st.integers(0, 40), st.integers(0, 64)),
    bits=st.lists(st.integers(0, 40), max_size=40),
    threads=st.integers(1, 3),
)
@settings(max_examples=20, deadline=None)
def test_a_multi_index_finds_what_comparing_all_finds(
    probed: None,
    seed: int,
    size: int,
    shape: Shape,
    divided: Plan,
    radius: int,
    bits: list[int],
    threads: int,
) -> None:
    rng = np.random.default_rng(seed)
    stored = shaped(shape, size, rng)
    asked = np.concatenate((random(4, rng), stored[:2]))
    planted(stored, asked, bits, seed)
    index = MultiIndex.of(stored, divided)
    assert len(index) == size
    assert answered(index, asked, radius, threads) == compared(stored, asked, radius)


@pytest.mark.parametrize("divided", [Plan(16, 16), Plan(12, 16), Plan(11, 17)])
def test_neighbours_are_found_without_a_scan(
    probed: None, monkeypatch: pytest.MonkeyPatch, divided: Plan
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("scanned")

    rng = np.random.default_rng(5)
    stored, asked = random(20_000, rng), random(50, rng)
    for number in range(41):
        stored[number * 31] = flipped(asked[number], number, rng)
    index = MultiIndex.of(stored, divided)
    if kernel.library() is not None:
        monkeypatch.setattr(index_module, "scan", refuse)
        monkeypatch.setattr(kernel, "scan", refuse)
    for radius in (0, 1, 10, 31, 32):
        hits = answered(index, asked, radius)
        assert {(n, n * 31, n) for n in range(radius + 1)} <= set(hits)
        assert hits == compared(stored, asked, radius)


def test_a_crowd_and_its_surroundings_are_found(probed: None) -> None:
    rng = np.random.default_rng(8)
    stored = shaped("ball", 6000, rng)
    asked = np.stack(
        [flipped(stored[0], bits, rng) for bits in (0, 5, 20, 28, 40)] + [random(1, rng)[0]]
    )
    index = MultiIndex.of(stored, Plan(16, 16))
    for radius in (0, 8, 31, 40):
        assert answered(index, asked, radius) == compared(stored, asked, radius)


def test_hashes_that_share_one_chunk_are_told_apart(probed: None) -> None:
    rng = np.random.default_rng(9)
    divided, order = Plan(16, 16), bit_order()
    shuffled = random(3000, rng)
    shuffled[:, 6:8] = 0xA5
    stored = permute(shuffled, np.argsort(order).astype(np.uint8))
    asked = np.stack([flipped(stored[row], row % 41, rng) for row in range(50)])
    index = MultiIndex.of(stored, divided)
    for radius in (0, 15, 31, 36):
        assert answered(index, asked, radius) == compared(stored, asked, radius)


def test_equal_hashes_answer_with_all_their_rows() -> None:
    rng = np.random.default_rng(10)
    stored = np.repeat(random(2, rng), 3000, axis=0)[rng.permutation(6000)]
    for index in (BruteForceIndex(stored), MultiIndex.of(stored, Plan(16, 16))):
        assert answered(index, stored[:2], 3) == compared(stored, stored[:2], 3)


def test_repeats_are_told_from_hashes_that_look_alike() -> None:
    rng = np.random.default_rng(11)
    alike = random(50, rng)
    words = alike.view("<u8")
    # Another first word, made good in the second: the same number for both.
    for row in range(0, 50, 2):
        difference = int(words[row + 1, 0]) - int(words[row, 0])
        words[row + 1, 2:] = words[row, 2:]
        words[row + 1, 1] = (int(words[row, 1]) - difference * int(MIX)) % 2**64
    stored = np.concatenate((alike, alike[10:20], alike[:1]))
    found = repeats(stored)
    assert found is not None
    assert found.first.tolist() == list(range(50))
    assert found.rows.tolist()[:3] == [0, 60, 1]
    assert found.numbers().tolist() == [*range(50), *range(10, 20), 0]
    assert repeats(alike) is None


def test_neighbours_are_found_across_blocks() -> None:
    rng = np.random.default_rng(3)
    stored, asked = random(3000, rng), random(300, rng)
    for place, bits in enumerate(range(41)):
        stored[place * 71] = flipped(asked[place * 7], bits, rng)
    index = BruteForceIndex(stored)
    for radius in (0, 31, 40):
        hits = answered(index, asked, radius, threads=3)
        expected = {(place * 7, place * 71, place) for place in range(radius + 1)}
        assert expected <= set(hits)
        assert hits == compared(stored, asked, radius)


@pytest.mark.parametrize("size", [0, 1, 500, SCANNED + 100])
def test_an_index_of_any_size_answers(size: int) -> None:
    rng = np.random.default_rng(size)
    stored, asked = random(size, rng), random(3, rng)
    planted(stored, asked, [0, 7, 31, 32], 1)
    index = index_of(stored)
    assert isinstance(index, MultiIndex) == (size > SCANNED)
    for radius in (0, 31, 100):
        assert answered(index, asked, radius) == compared(stored, asked, radius)


@pytest.mark.parametrize("kind", [BruteForceIndex, MultiIndex.of])
def test_the_largest_radius_finds_all(kind: Any) -> None:
    stored = np.stack((np.zeros(32, np.uint8), np.full(32, 255, np.uint8)))
    assert answered(kind(stored), stored[:1], 256) == [(0, 0, 0), (0, 1, 256)]


@pytest.mark.parametrize("kind", [BruteForceIndex, MultiIndex.of])
def test_an_index_keeps_its_own_copy(kind: Any) -> None:
    stored = np.zeros((1, 32), np.uint8)
    index: HammingIndex = kind(stored)
    stored[:] = 255
    assert answered(index, np.zeros((1, 32), np.uint8), 0) == [(0, 0, 0)]


def test_hashes_may_lie_anywhere_in_memory() -> None:
    rng = np.random.default_rng(4)
    stored = np.frombuffer(rng.bytes(1 + 32 * 100), np.uint8, offset=1).reshape(100, 32)
    for index in (BruteForceIndex(stored), MultiIndex.of(stored), index_of(stored[::-1])):
        hits = answered(index, stored[:, ::-1][::7, ::-1], 0)
        assert len(hits) == 15


@pytest.mark.parametrize("kind", [BruteForceIndex, MultiIndex.of])
@pytest.mark.parametrize(
    ("radius", "threads", "reason"), [(-1, 1, "radius"), (257, 1, "radius"), (3, 0, "threads")]
)
def test_a_number_out_of_range_is_refused(
    kind: Any, radius: int, threads: int, reason: str
) -> None:
    index = kind(np.zeros((1, 32), np.uint8))
    with pytest.raises(ValueError, match=reason):
        index.search(np.zeros((1, 32), np.uint8), radius, threads=threads)


@pytest.mark.parametrize(
    "hashes", [np.zeros((3, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((1, 32), np.int64)]
)
def test_what_are_no_hashes_is_refused(hashes: Any) -> None:
    index = MultiIndex.of(np.zeros((1, 32), np.uint8))
    for call in (BruteForceIndex, MultiIndex.of, lambda wrong: index.search(wrong, 3)):
        with pytest.raises(ValueError, match="hashes are"):
            call(hashes)


@given(
    seed=st.integers(0, 2**32 - 1),
    damage=st.sampled_from(("one start", "one row", "many", "huge")),
)
@settings(max_examples=20, deadline=None)
def test_a_damaged_table_makes_no_false_hit(probed: None, seed: int, damage: str) -> None:
    rng = np.random.default_rng(seed)
    stored, divided = random(2000, rng), Plan(16, 16)
    asked = np.stack([flipped(stored[row], row % 32, rng) for row in range(40)])
    unique = permute(stored, bit_order())
    tables = tuple(chunk_table(unique, divided, chunk) for chunk in range(16))
    for table in tables:
        values = 1 << divided.bits
        if damage == "one start":
            table[rng.integers(values + 1)] = rng.integers(2**32)
        elif damage == "one row":
            table[values + 1 + rng.integers(len(stored))] = rng.integers(2**32)
        elif damage == "many":
            places = rng.integers(0, len(table), 3000)
            table[places] = rng.integers(0, 2 * len(stored), 3000)
        else:
            table[:] = rng.integers(0, 2**32, len(table))
    index = MultiIndex(unique, tables, divided, bit_order(), None)
    true = set(compared(stored, asked, 31))
    for number in range(len(asked)):
        try:
            hits = answered(index, asked[number : number + 1], 31)
        except DamagedTableError:
            continue
        assert {(number, row, distance) for _, row, distance in hits} <= true


@given(chunks=st.integers(1, 32), bits=st.integers(1, 26), radius=st.integers(0, 256))
@settings(max_examples=200, deadline=None)
def test_what_is_looked_up_leaves_no_room_between_chunks(
    chunks: int, bits: int, radius: int
) -> None:
    if chunks * bits > 256:
        with pytest.raises(ValueError, match="no plan"):
            Plan(chunks, bits)
        return
    reach = Plan(chunks, bits).reach(radius, 10**9)
    if reach is None:
        assert (radius + 1) / chunks > min(bits, plan.FARTHEST)
        return
    assert (reach.radii + 1).sum() == radius + 1
    for near, probes in zip(reach.radii, reach.probes, strict=True):
        looked_up = reach.masks[:probes]
        assert np.all(np.bitwise_count(looked_up) <= near)
        assert len(np.unique(looked_up)) == len(looked_up)
        assert not len(reach.masks[probes:]) or np.bitwise_count(reach.masks[probes]) > near


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, Plan(0, 0)),
        (SCANNED, Plan(16, 16)),
        (1_000_000, Plan(12, 21)),
        (5_000_000, Plan(11, 23)),
        (10_000_000, Plan(11, 23)),
    ],
)
def test_the_plan_suits_the_size(count: int, expected: Plan) -> None:
    assert Plan.of(count) == expected


def test_the_order_of_the_bits_stays_what_it_is() -> None:
    # Segments record it, so another one would do; but the same hashes make the same file.
    assert sorted(bit_order()) == list(range(256))
    assert bit_order()[:8].tolist() == [50, 36, 111, 191, 194, 246, 255, 159]
