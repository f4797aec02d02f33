"""JPEGs decoded smaller, for classifiers: how small, what is still told, what is left alone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.clips import Rgb, damaged, photo, truncated
from tests.media.media_seen import Seen
from tidegate.media import Budget, Reader

SIZE = (1203, 901)


def _picture() -> Image.Image:
    with Image.open(photo("coffee.png")) as image:
        return image.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)


@pytest.fixture(scope="module")
def path(made: Path) -> Path:
    _picture().save(made / "scaled.jpg", quality=90)
    return made / "scaled.jpg"


@pytest.fixture(scope="module")
def small() -> Iterator[Reader]:
    with Reader(least_side=200) as reader:
        yield reader


@pytest.mark.parametrize(
    ("least", "shape"),
    [
        (1, (113, 151, 3)),
        (113, (113, 151, 3)),
        (114, (226, 301, 3)),
        (226, (226, 301, 3)),
        (451, (451, 602, 3)),
        (452, (901, 1203, 3)),
        (5000, (901, 1203, 3)),
    ],
)
def test_the_smallest_scale_that_leaves_enough(
    path: Path, least: int, shape: tuple[int, int, int]
) -> None:
    with Reader(least_side=least) as reader:
        seen = Seen(reader, path)
    assert seen.causes == []
    assert seen.rgb.shape == shape
    assert (seen.facts.width, seen.facts.height) == SIZE


@pytest.mark.parametrize("divisor", [2, 4, 8])
def test_each_pixel_is_the_mean_of_those_in_its_place(
    reader: Reader, path: Path, divisor: int
) -> None:
    whole = Seen(reader, path).rgb
    with Reader(least_side=901 // divisor) as small:
        found = Seen(small, path).rgb
    assert np.abs(found - _means(whole, divisor)).mean() < 1


def _means(rgb: Rgb, side: int) -> NDArray[np.float64]:
    """The means of squares of pixels; where some are beyond the edge, those at the edge count."""
    height, width = rgb.shape[:2]
    padded = np.pad(rgb, ((0, -height % side), (0, -width % side), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // side, padded.shape[1] // side
    return padded.reshape(rows, side, columns, side, 3).mean(axis=(1, 3))


def test_where_full_size_is_needed_no_pixel_changes(reader: Reader, path: Path) -> None:
    with Reader(least_side=452) as large:
        assert np.array_equal(Seen(large, path).rgb, Seen(reader, path).rgb)


@pytest.mark.parametrize("turn", range(1, 9))
def test_it_is_upright(small: Reader, reader: Reader, tmp_path: Path, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    _picture().resize((1200, 896)).save(tmp_path / "a.jpg", exif=exif)
    found, whole = Seen(small, tmp_path / "a.jpg"), Seen(reader, tmp_path / "a.jpg")
    assert found.info == whole.info
    assert np.abs(found.rgb - _means(whole.rgb, 4)).mean() < 1


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp"])
def test_what_is_no_jpeg_keeps_its_size(small: Reader, tmp_path: Path, suffix: str) -> None:
    _picture().save(tmp_path / f"a.{suffix}")
    assert Seen(small, tmp_path / f"a.{suffix}").rgb.shape == (901, 1203, 3)


def test_a_cmyk_jpeg_keeps_its_size(small: Reader, tmp_path: Path) -> None:
    _picture().convert("CMYK").save(tmp_path / "a.jpg")
    assert Seen(small, tmp_path / "a.jpg").rgb.shape == (901, 1203, 3)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("least", [1, 200, 400])
def test_damage_is_told_at_every_scale(tmp_path: Path, least: int, progressive: bool) -> None:
    _picture().save(tmp_path / "a.jpg", progressive=progressive)
    cut = truncated(tmp_path / "a.jpg", tmp_path / "cut.jpg", 0.6)
    noise = damaged(tmp_path / "a.jpg", tmp_path / "noise.jpg", 0.5, 0.6)
    with Reader(least_side=least) as reader:
        assert Seen(reader, cut).causes == ["truncated"]
        assert Seen(reader, noise).causes in (["corrupt"], ["truncated"])


def test_the_last_bytes_count_at_every_scale(small: Reader, path: Path, tmp_path: Path) -> None:
    assert Seen(small, truncated(path, tmp_path / "a.jpg", 0.999)).causes == ["truncated"]


def test_the_budget_is_of_the_full_size(path: Path) -> None:
    with Reader(Budget(pixels=1_000_000), least_side=1) as reader:
        assert Seen(reader, path).causes == ["too_many_pixels"]


def test_each_scan_counts_at_the_full_size(tmp_path: Path) -> None:
    _picture().save(tmp_path / "a.jpg", progressive=True)
    with Reader(Budget(total_pixels=5_000_000), least_side=1) as reader:
        seen = Seen(reader, tmp_path / "a.jpg")
    assert seen.causes == ["too_many_pixels"]
    assert seen.frames == []


@pytest.mark.parametrize("least", [0, -1])
def test_a_side_of_nothing_is_refused(least: int) -> None:
    with pytest.raises(ValueError, match="one pixel at least"):
        Reader(least_side=least)
