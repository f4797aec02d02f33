from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.matching.neighbours import (
    SHAPES,
    WAYS,
    Shape,
    answered,
    compared,
    fault,
    flipped,
    random,
    shaped,
    using,
)
from tidegate.matching import plan
from tidegate.matching.plan import Plan
from tidegate.matching.sections import SectionFile, SectionWriter
from tidegate.matching.segment import Segment, SegmentError, build_segment

PLANS = (None, Plan(16, 16), Plan(11, 17), Plan(20, 11))


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    with using(request.param):
        yield request.param


@pytest.fixture(scope="module", autouse=True)
def probed() -> Iterator[None]:
    """Let even few hashes be looked up instead of scanned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "PROBED_SHARE", 0)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("segments")


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(0, 3000),
    shape=st.sampled_from(SHAPES),
    divided=st.sampled_from(PLANS),
    radius=st.integers(0, 64),
    populate=st.booleans(),
)
@settings(max_examples=12, deadline=None)
def test_a_segment_finds_what_comparing_all_finds(
    way: str,
    folder: Path,
    seed: int,
    size: int,
    shape: Shape,
    divided: Plan | None,
    radius: int,
    populate: bool,
) -> None:
    rng = np.random.default_rng(seed)
    stored, asked = shaped(shape, size, rng), random(30, rng)
    for number in range(min(size, len(asked))):
        asked[number] = flipped(stored[number * 97 % size], number * 2, rng)
    path = folder / "segment"
    build_segment(path, stored, plan=divided)
    with Segment(path, populate=populate) as segment:
        assert segment.rows == size
        assert segment.plan == (divided or Plan(0, 0))
        assert answered(segment, asked, radius, threads=2) == compared(stored, asked, radius)
        rows = rng.integers(0, size, 50) if size else np.zeros(0, int)
        assert np.array_equal(segment.hash_of(rows), stored[rows])
        segment.verify()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_native_library_and_numpy_write_the_same_file(tmp_path: Path, shape: Shape) -> None:
    stored = shaped(shape, 2000, np.random.default_rng(1))
    with using("baseline"):
        build_segment(tmp_path / "native", stored, plan=Plan(11, 17))
    with using("NumPy"):
        build_segment(tmp_path / "numpy", stored, plan=Plan(11, 17))
    assert (tmp_path / "native").read_bytes() == (tmp_path / "numpy").read_bytes()


def test_a_segment_is_built_from_a_mapped_file(tmp_path: Path) -> None:
    stored = random(500, np.random.default_rng(2))
    stored.tofile(tmp_path / "hashes")
    mapped = np.memmap(tmp_path / "hashes", np.uint8, "r", shape=(500, 32))
    shares: list[float] = []
    build_segment(tmp_path / "a", mapped, plan=Plan(16, 8), progress=shares.append)
    assert answered(Segment(tmp_path / "a"), stored[7:8], 0) == [(0, 7, 0)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len(shares) > 16


def test_other_sections_travel_with_the_index(tmp_path: Path) -> None:
    stored = random(10, np.random.default_rng(2))
    seconds = np.arange(10, dtype="<f8")
    build_segment(tmp_path / "a", stored, sections={"seconds": seconds, "names": b"[]"})
    with Segment(tmp_path / "a") as segment:
        assert np.array_equal(np.frombuffer(segment.section("seconds")), seconds)
        assert bytes(segment.section("names")) == b"[]"
        assert segment.index_bytes == 10 * 32 + len(segment.section("index.plan"))
        with pytest.raises(SegmentError, match="no section 'notes'"):
            segment.section("notes")
    with pytest.raises(ValueError, match="name of a section of the index"):
        build_segment(tmp_path / "a", stored, sections={"index.mine": b""})


def test_equal_hashes_are_stored_once(tmp_path: Path) -> None:
    stored = np.repeat(random(10, np.random.default_rng(2)), 1000, axis=0)
    build_segment(tmp_path / "a", stored)
    with Segment(tmp_path / "a") as segment:
        assert segment.index_bytes / segment.rows < 5
        assert len(segment.search(stored[:1], 0).row) == 1000


def test_a_closed_segment_says_so_and_a_replaced_one_goes_on(tmp_path: Path) -> None:
    first, second = random(50, np.random.default_rng(3)), random(60, np.random.default_rng(4))
    build_segment(tmp_path / "a", first)
    segment = Segment(tmp_path / "a")
    build_segment(tmp_path / "a", second)
    assert answered(segment, first[9:10], 0) == [(0, 9, 0)]
    assert answered(Segment(tmp_path / "a"), second[59:], 0) == [(0, 59, 0)]
    segment.close()
    segment.close()
    with pytest.raises(ValueError, match="closed"):
        segment.search(first, 0)


def test_a_row_that_is_not_there_is_refused(tmp_path: Path) -> None:
    build_segment(tmp_path / "a", random(5, np.random.default_rng(3)))
    for row in (-1, 5):
        with pytest.raises(IndexError, match="0 to 4"):
            Segment(tmp_path / "a").hash_of(np.array([row]))


def test_a_damaged_segment_is_found_out_or_answers_rightly(tmp_path: Path, way: str) -> None:
    rng = np.random.default_rng(5)
    stored = shaped("repeated", 600, rng)
    asked = np.stack([flipped(stored[row], row, rng) for row in range(40)])
    true = compared(stored, asked, 31)
    build_segment(tmp_path / "whole", stored, plan=Plan(20, 11), sections={"more": b"x" * 99})
    whole = (tmp_path / "whole").read_bytes()
    path = tmp_path / "damaged"
    rows = np.arange(600)
    for _ in range(150):
        damaged = bytearray(whole)
        start, length = int(rng.integers(len(whole))), int(rng.integers(1, 200))
        damaged[start : start + length] = rng.bytes(len(damaged[start : start + length]))
        path.write_bytes(damaged[: rng.integers(len(whole))] if rng.random() < 0.1 else damaged)
        # All that an unverified file can do is be refused, or answer wrongly.
        for use in (lambda s: answered(s, asked, 31), lambda s: s.hash_of(rows)):
            fault(lambda use=use: use(Segment(path)))
        error = fault(lambda: Segment(path).verify())
        if error:
            assert error.path == path
        else:
            assert answered(Segment(path), asked, 31) == true


@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(("plan", "starts", "rows", "hashes")))
@settings(max_examples=40, deadline=None)
def test_a_forged_section_is_refused_or_stays_within_bounds(
    folder: Path, seed: int, name: str
) -> None:
    # Its checksums are right: what is checked is only what the numbers say.
    rng = np.random.default_rng(seed)
    stored = shaped("repeated", 400, rng)
    build_segment(folder / "true", stored, plan=Plan(20, 11))
    source = SectionFile(folder / "true")
    with SectionWriter(folder / "forged") as writer:
        for each in source.names:
            content = bytearray(source.section(each))
            if each == f"index.{name}":
                place = int(rng.integers(len(content)))
                content[place : place + 8] = rng.bytes(min(8, len(content) - place))
                if rng.random() < 0.2:
                    content = content[: -int(rng.integers(1, len(content)))]
            writer.add(each, [content])

    def use() -> None:
        segment = Segment(folder / "forged")
        segment.verify()
        segment.hash_of(np.arange(segment.rows))
        hits = segment.search(stored[:20], 31)
        assert hits.row.max(initial=0) < segment.rows
        assert hits.query.max(initial=0) < 20
        assert hits.distance.max(initial=0) <= 31

    error = fault(use)
    assert error is None or error.path == folder / "forged"
