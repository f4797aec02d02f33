"""Parts of pictures meet known content too: what is inside a frame, on either side."""

import numpy as np
import pytest
from PIL import Image, ImageOps

import tidegate
from demo import media
from tests.clips import encode
from tidegate.matching import add_entries
from tidegate.media import Reader
from tidegate.pipeline import SAMPLING, Found, compare, enrol

PHOTO = "rocket.jpg"


def framed(picture, *, share=0.25, colour=(20, 20, 20)):
    """A picture as a phone's screenshot has it: bars above and below."""
    bar = round(picture.height * share)
    page = Image.new("RGB", (picture.width, picture.height + 2 * bar), colour)
    page.paste(picture, (0, bar))
    return page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    photo = media.photo(PHOTO)
    framed(photo).save(folder / "screenshot.jpg", quality=80)
    framed(ImageOps.mirror(photo)).save(folder / "mirrored-screenshot.jpg", quality=80)
    photo.save(folder / "plain.png")
    framed(media.photo("coffee.png")).save(folder / "other.jpg")
    clip = list(media.frames("bikes.mp4", (320, 180)))[:100]
    encode(folder / "clip.mp4", clip)
    encode(folder / "letterboxed.mp4", [np.asarray(framed(Image.fromarray(f))) for f in clip])
    return folder


def bank_of(*paths, **options):
    entries = []
    with Reader(sampling=SAMPLING) as reader:
        for path in paths:
            made = enrol(
                Found(path, True), reader, path.name, category=None, note="", added="", **options
            )
            entries.append(made.entry)
    return add_entries(tidegate.Bank(name="known"), entries)


def matches(path, bank, **options):
    with tidegate.Scanner(banks=[bank], detectors=(), jobs=1, **options) as scanner:
        return scanner.scan(path).evidence.matches


def test_a_screenshot_meets_the_picture_in_it(folder):
    (met,) = matches(folder / "screenshot.jpg", bank_of(media.source(PHOTO)))
    assert (met.entry, met.view, met.transform) == (PHOTO, "unframed", "none")
    (met,) = matches(folder / "mirrored-screenshot.jpg", bank_of(media.source(PHOTO)))
    assert (met.view, met.transform) == ("unframed", "flip_horizontal")


def test_without_views_it_does_not(folder):
    bank = bank_of(media.source(PHOTO))
    assert matches(folder / "screenshot.jpg", bank, views="whole") == ()


def test_a_picture_meets_the_screenshot_that_is_known(folder):
    (met,) = matches(folder / "plain.png", bank_of(folder / "screenshot.jpg"))
    assert met.view == "whole"
    assert matches(folder / "plain.png", bank_of(folder / "screenshot.jpg", views="whole")) == ()


def test_the_frame_alone_does_not_match(folder):
    assert matches(folder / "other.jpg", bank_of(folder / "screenshot.jpg")) == ()


def test_a_letterboxed_copy_of_a_video_is_one_piece(folder):
    bank = bank_of(folder / "clip.mp4")
    (met,) = matches(folder / "letterboxed.mp4", bank)
    assert met.view == "unframed"
    assert met.query_share > 0.9
    assert met.span.start == pytest.approx(0.0, abs=0.5)
    assert matches(folder / "letterboxed.mp4", bank, views="whole") == ()


def test_the_reason_says_which_part_met(folder):
    bank = bank_of(media.source(PHOTO))
    with tidegate.Scanner(banks=[bank], detectors=(), jobs=1) as scanner:
        item = scanner.scan(folder / "screenshot.jpg")
    assert "inside its border" in item.decision.reasons[0].text
    assert item.decision.action == "remove"


def test_comparing_says_it_too(folder):
    with Reader() as reader:
        made = compare(
            Found(folder / "screenshot.jpg", True), Found(media.source(PHOTO), True), reader
        ).comparison
        turned = compare(
            Found(media.source(PHOTO), True), Found(folder / "screenshot.jpg", True), reader
        ).comparison
    assert made.verdict == turned.verdict == "same"
    assert made.pieces[0].view == made.nearest.view == "unframed"
    assert turned.nearest.view == "whole"
    assert made.nearest.distance == made.pieces[0].distance <= 31
