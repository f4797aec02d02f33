"""The page that shows two files side by side."""

import re
import shutil

import msgspec
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.clips import photo
from tests.report.pages import Page
from tests.report.test_report_browser import BROWSERS, FLAGS
from tidegate.evidence import MediaInfo, Span, Unknown
from tidegate.report import comparison_words as words
from tidegate.report import thumbnail
from tidegate.report.comparison import Comparison, Nearest, Pair, Piece, Side
from tidegate.report.comparison_drawing import bands, grids
from tidegate.report.comparison_html import render_comparison

STILL = MediaInfo(kind="image", format="jpeg", width=640, height=427)
FILM = MediaInfo(kind="video", format="mp4", codec="h264", width=640, height=360, duration=20.0)


def side(name, media=STILL, **fields):
    common = {"sha256": "ab" * 32, "md5": "cd" * 16, "size": 1234, "quality": 100}
    return Side(path=name, media=media, **(common | {"frames": 1, "usable": 1} | fields))


def nearest(distance=9, transform="none"):
    a = np.random.default_rng(5).integers(0, 2, 256).astype(bool)
    b = a.copy()
    b[np.random.default_rng(6).choice(256, distance, replace=False)] ^= True
    told = [np.packbits(bits).tobytes().hex() for bits in (a, b)]
    return Nearest(
        distance=distance, transform=transform, a=0.0, b=0.0, a_pdq=told[0], b_pdq=told[1]
    )


def comparison(**fields):
    common = {
        "tidegate": "0.1.0",
        "verdict": "same",
        "complete": True,
        "limit": 31,
        "exact": None,
        "pieces": (Piece(kind="pdq", distance=9),),
        "a_share": 1.0,
        "b_share": 1.0,
        "nearest": nearest(),
        "a": side("up/one.jpg"),
        "b": side("two.jpg"),
    }
    return Comparison(**(common | fields))


def films(*pieces, **fields):
    common = {
        "pieces": pieces,
        "a_share": 0.5,
        "b_share": 0.25,
        "a": side("one.mp4", FILM),
        "b": side("two.mp4", msgspec.structs.replace(FILM, duration=40.0)),
    }
    return comparison(**(common | fields))


def piece(a, b, **fields):
    return Piece(
        kind="pdq", distance=4, a=Span(start=a[0], end=a[1]), b=Span(start=b[0], end=b[1]), **fields
    )


@pytest.fixture(scope="module")
def pair():
    with Image.open(photo("coffee.png")) as image:
        picture = thumbnail(np.asarray(image.convert("RGB")), 0.0)
    return Pair(picture, picture, 9, None)


def test_a_page_needs_nothing_and_runs_nothing(pair):
    page = Page(render_comparison(comparison(), [pair]))
    names = [tag for tag, _ in page.tags]
    assert "script" not in names
    policy = next(a["content"] for _, a in page.tags if "http-equiv" in a)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    images = [a for tag, a in page.tags if tag == "img"]
    assert len(images) == 2
    assert all(a["src"].startswith("data:image/jpeg;base64,") for a in images)
    # Hidden where the sheet is missing, and blurred by it where it is not.
    assert all("hidden" in a for a in images)


def test_the_bits_that_differ_are_marked_in_both():
    near = nearest(9)
    one, other = grids(near)
    assert one.alike == other.alike
    assert (one.one, one.zero) == (other.zero, other.one)
    marked = one.one.count("M") + one.zero.count("M")
    assert marked == 9
    ones = int(near.a_pdq, 16).bit_count()
    assert one.alike.count("M") + one.one.count("M") == ones


def test_the_first_bit_is_the_last_square():
    empty = "0" * 64
    low = nearest(0).__class__(
        distance=1, transform="none", a=0.0, b=0.0, a_pdq="0" * 63 + "1", b_pdq=empty
    )
    assert grids(low)[0].one.startswith("M0.1 0.1h")


def test_bands_join_what_is_the_same():
    drawn = bands(films(piece((0.0, 10.0), (30.0, 40.0))))
    assert drawn.one_scale
    assert (drawn.a.width, drawn.b.width) == (50.0, 100.0)
    assert [(s.at, s.width) for s in drawn.a.stretches] == [(0.0, 25.0)]
    assert [(s.at, s.width) for s in drawn.b.stretches] == [(75.0, 25.0)]
    (band,) = drawn.bands
    assert band.path.startswith("M0.0 0C")
    assert "750.0 100L1000.0 100C" in band.path
    assert band.path.endswith("250.0 0Z")
    assert band.text == "A 00:00.0–00:10.0 is B 00:30.0–00:40.0, 4 bits"


def test_very_uneven_videos_are_each_drawn_whole():
    long = side("two.mp4", msgspec.structs.replace(FILM, duration=4000.0))
    drawn = bands(films(piece((0.0, 10.0), (30.0, 40.0), speed=1.5), b=long))
    assert not drawn.one_scale
    assert (drawn.a.width, drawn.b.width) == (100.0, 100.0)
    assert drawn.b.stretches[0].width >= 0.25
    assert drawn.bands[0].text.endswith("at 1.50× speed")


def test_what_could_not_be_seen_is_on_the_track():
    gap = Unknown(
        stage="media", cause="truncated", detail="it ends", span=Span(start=15.0, end=20.0)
    )
    made = films(a=side("one.mp4", FILM, unknowns=(gap,)), complete=False, verdict="unknown")
    (told,) = bands(made).a.unknown
    assert (told.at, told.width) == (37.5, 12.5)
    text = Page(render_comparison(made, [])).text
    assert "truncated: it ends" in text
    assert "That nothing was found does not say that they differ." in text


@pytest.mark.parametrize(
    ("made", "headline"),
    [
        (comparison(), "The same picture"),
        (
            comparison(pieces=(Piece(kind="pdq", distance=3, transform="flip_vertical"),)),
            "The same picture, mirrored top to bottom",
        ),
        (comparison(verdict="different", pieces=()), "Different pictures"),
        (comparison(verdict="unknown", pieces=(), complete=False), "It cannot be told"),
        (comparison(exact="sha256"), "The same bytes"),
        (films(piece((0.0, 10.0), (0.0, 10.0))), "50 % of A is in B, 25 % of B in A"),
        (films(verdict="different"), "Nothing of A is in B"),
        (films(piece((0, 1), (0, 1)), a=side("one.jpg")), "The picture is seen in the video"),
        (films(verdict="different", b=side("b.jpg")), "The picture is not seen in the video"),
    ],
)
def test_headlines(made, headline):
    assert words.headline(made) == headline
    assert f"{headline}." in Page(render_comparison(made, [])).text


@pytest.mark.parametrize(
    ("distance", "verdict", "told"),
    [
        (0, "same", "all 256 bits are the same. A distance up to 31 bits counts as the same: "),
        (31, "same", "differ in 31 of 256 bits. A distance up to 31 bits counts as the same: "),
        (31, "different", "but too few frames agree on a shift in time"),
        (31, "unknown", "but this is one of what could be seen only"),
        (120, "unknown", "but this is one of what could be seen only"),
        (40, "different", "look at both"),
        (120, "different", "unrelated pictures are this far apart"),
    ],
)
def test_meanings(distance, verdict, told):
    pieces = comparison().pieces if verdict == "same" else ()
    made = comparison(nearest=nearest(distance), verdict=verdict, pieces=pieces)
    assert told in words.meaning(made)


def test_a_part_is_not_called_the_same():
    made = films(piece((0.0, 10.0), (0.0, 10.0)))
    assert words.extent(made) == "same in part"
    assert words.extent(msgspec.structs.replace(made, a_share=0.95, b_share=0.93)) == "same"


def test_a_missing_picture_is_said(pair):
    broken = side("two.jpg", None, quality=None, frames=0, usable=0, pdq=None)
    made = comparison(verdict="unknown", pieces=(), nearest=None, b=broken, complete=False)
    html = render_comparison(made, [pair._replace(b=None, distance=None)])
    assert html.count("<img") == 1
    assert "no picture" in html
    assert "distance unknown" in html


def test_hostile_names_stay_text(pair):
    made = comparison(a=side("up/<script>alert(1)\u202egpj.exe"))
    html = render_comparison(made, [pair])
    assert "<script" not in html
    assert "\u202e" not in html
    assert "⟨U+202E⟩" in html


def test_every_drawing_and_control_has_words(pair):
    html = render_comparison(films(piece((0.0, 10.0), (0.0, 10.0))), [pair, pair])
    page = Page(html)
    for tag, attributes in page.tags:
        if tag == "svg":
            assert "aria-label" in attributes or attributes.get("aria-hidden") == "true"
        if tag == "input":
            assert re.fullmatch(r"Show pair \d of 2", attributes["aria-label"])


def test_in_a_browser_both_are_blurred_until_one_click_and_all_fits(pair, tmp_path):
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    made = films(piece((0.0, 10.0), (30.0, 40.0)), piece((12.0, 18.0), (2.0, 8.0)))
    (tmp_path / "page.html").write_text(render_comparison(made, [pair, pair]), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / "page.html").as_uri())
        images = page.locator("main img")

        def blurred():
            return [
                "blur" in image.evaluate("image => getComputedStyle(image).filter")
                for image in images.all()
            ]

        assert blurred() == [True] * 4
        page.locator(".veil").nth(0).click()
        assert blurred() == [False, False, True, True]
        page.keyboard.press("Space")
        assert blurred() == [True] * 4
        for width in (1280, 820, 380):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width
        assert said == []
        browser.close()
