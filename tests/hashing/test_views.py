from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tidegate.hashing import hamming, pdq
from tidegate.hashing.views import LEAST, PRESETS, View, inside, views

Photo = Callable[[str], NDArray[np.uint8]]
Picture = NDArray[np.uint8]

COLOURS = {"black": (0, 0, 0), "white": (255, 255, 255), "blue": (20, 40, 160)}


def textured(height: int, width: int, seed: int = 0) -> Picture:
    """Return noise: no line of it is of one colour."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def jpeg(picture: Picture, quality: int, tmp_path_factory: pytest.TempPathFactory) -> Picture:
    path = tmp_path_factory.mktemp("jpeg") / "picture.jpg"
    Image.fromarray(picture).save(path, quality=quality)
    with Image.open(path) as saved:
        return np.asarray(saved)


def framed(
    picture: Picture, rows: tuple[int, int], columns: tuple[int, int], colour: tuple[int, int, int]
) -> Picture:
    height, width = picture.shape[:2]
    page = np.empty((height + sum(rows), width + sum(columns), 3), np.uint8)
    page[:] = colour
    page[rows[0] : rows[0] + height, columns[0] : columns[0] + width] = picture
    return page


def cut(picture: Picture) -> Picture:
    return picture[inside(picture)]


@given(
    seed=st.integers(0, 9),
    rows=st.tuples(st.integers(0, 90), st.integers(0, 90)),
    columns=st.tuples(st.integers(0, 90), st.integers(0, 90)),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
)
@settings(max_examples=60, deadline=None)
def test_a_border_of_any_colour_and_width_is_cut_off_to_the_line(
    seed: int, rows: tuple[int, int], columns: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    picture = textured(100, 120, seed)
    page = framed(picture, rows, columns, colour)
    # What is under a hundredth of a side is no border.
    slight = [
        sides if sum(sides) < 0.01 * length else (0, 0)
        for sides, length in zip((rows, columns), page.shape, strict=False)
    ]
    assert np.array_equal(cut(page), framed(picture, *slight, colour))


@pytest.mark.parametrize("name", ["chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg"])
def test_a_photograph_without_a_border_keeps_every_line(photo: Photo, name: str) -> None:
    picture = photo(name)
    assert cut(picture).shape == picture.shape
    assert set(views(picture, PRESETS["standard"])) == {"whole"}


@pytest.mark.parametrize(
    ("colour", "quality"),
    [("black", 20), ("white", 20), ("black", 85), ("white", 85), ("blue", 50), ("blue", 85)],
)
def test_what_is_left_of_a_framed_jpeg_meets_the_photograph(
    photo: Photo, colour: str, quality: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    picture = photo("coffee.png")
    page = jpeg(framed(picture, (90, 40), (60, 130), COLOURS[colour]), quality, tmp_path_factory)
    assert hamming(pdq(page).hash, pdq(picture).hash) > 31
    assert hamming(pdq(cut(page)).hash, pdq(picture).hash) <= 20


def test_bars_wider_than_the_picture_between_them_are_cut_off(photo: Photo) -> None:
    picture = photo("chelsea.png")[:, 150:300]
    page = framed(picture, (0, 0), (210, 210), (0, 0, 0))
    assert cut(page).shape == picture.shape


def test_frames_within_frames_are_cut_off() -> None:
    picture = textured(200, 200)
    page = framed(framed(picture, (20, 20), (20, 20), (255, 255, 255)), (0, 0), (80, 80), (0, 0, 0))
    assert np.array_equal(cut(page), picture)


def test_a_caption_is_cut_off_with_its_bar(photo: Photo) -> None:
    picture = photo("coffee.png")
    page = Image.fromarray(framed(picture, (90, 0), (0, 0), (255, 255, 255)))
    font = ImageFont.load_default(28)
    ImageDraw.Draw(page).text((30, 10), "when the weather was\nas good as this", "black", font)
    assert hamming(pdq(cut(np.asarray(page))).hash, pdq(picture).hash) <= 20


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_page_is_left_whole(value: int) -> None:
    page = np.full((80, 120, 3), value, np.uint8)
    page[40, 60] = 255 - value
    assert inside(page) == (slice(0, 80), slice(0, 120))


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    grey=st.booleans(),
    values=st.integers(1, 256),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_any_picture_keeps_a_share_of_each_side(
    height: int, width: int, grey: bool, values: int, seed: int
) -> None:
    shape = (height, width) if grey else (height, width, 3)
    picture = np.random.default_rng(seed).integers(0, values, shape, dtype=np.uint8)
    rows, columns = inside(picture)
    assert 0 <= rows.start < rows.stop <= height
    assert 0 <= columns.start < columns.stop <= width
    assert rows.stop - rows.start >= LEAST * height
    assert columns.stop - columns.start >= LEAST * width
    for part in views(picture, get_args(View)).values():
        assert part.size


def test_grey_and_colour_agree(photo: Photo) -> None:
    grey = framed(np.repeat(photo("coffee.png")[:, :, :1], 3, 2), (50, 20), (7, 0), (9, 9, 9))
    assert inside(grey) == inside(grey[:, :, 0])


def test_the_border_of_a_turned_picture_is_the_turned_border() -> None:
    page = framed(textured(90, 70), (30, 5), (12, 44), (200, 10, 10))
    for turned in (np.rot90(page), np.flipud(page), page.swapaxes(0, 1)):
        assert sorted(cut(turned).shape[:2]) == [70, 90]
        assert set(cut(turned).ravel()) == set(cut(page).ravel())


def test_parts_are_windows_of_the_picture_itself() -> None:
    picture = textured(100, 200)
    found = views(picture, PRESETS["thorough"])
    assert [*found] == ["whole", "centre", "top_left", "top_right", "bottom_left", "bottom_right"]
    assert all(np.shares_memory(part, picture) for part in found.values())
    assert np.array_equal(found["centre"], picture[10:90, 20:180])
    assert np.array_equal(found["bottom_left"], picture[50:, :100])
    assert np.array_equal(found["top_right"], picture[:50, 100:])


def test_the_parts_of_a_framed_picture_are_those_of_what_is_framed() -> None:
    picture = textured(100, 200)
    page = framed(picture, (40, 60), (0, 90), (255, 255, 255))
    parts: tuple[View, ...] = ("centre", "top_left", "bottom_right")
    plain, found = views(picture, parts), views(page, parts)
    assert [*found] == [*parts]
    assert all(np.array_equal(found[part], plain[part]) for part in parts)


def test_only_what_is_wanted_is_returned() -> None:
    page = framed(textured(60, 60), (20, 20), (20, 20), (0, 0, 0))
    assert [*views(page, ["unframed"])] == ["unframed"]
    assert [*views(page, ["top_right", "whole"])] == ["whole", "top_right"]
    assert views(page, []) == {}


def test_presets_name_every_view_once_and_grow() -> None:
    assert set(PRESETS["thorough"]) == set(get_args(View))
    assert all(len(set(chosen)) == len(chosen) for chosen in PRESETS.values())
    assert set(PRESETS["whole"]) < set(PRESETS["standard"]) < set(PRESETS["thorough"])
