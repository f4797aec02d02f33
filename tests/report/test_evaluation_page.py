"""The page of an evaluation: whole without a script, and every plot in words."""

import itertools
import math
import re
import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.report.evaluations import answers, evaluation
from tests.report.pages import Page
from tests.report.test_report_browser import BROWSERS, FLAGS
from tidegate.report.evaluation_drawing import HEIGHT, WIDTH, charts, reach, steps, whisker
from tidegate.report.evaluation_html import render_evaluation
from tidegate.report.statistics import rate, wilson


@pytest.fixture(scope="module")
def full():
    return evaluation(answers(detectors=("a", "b")), "a", "b")


@pytest.fixture(scope="module")
def benign():
    """Nothing but negatives, as where no explicit picture is kept."""
    return evaluation(answers(positives=0, unknown=0), "a")


def drawn(made, place=0):
    return charts(made.categories[0].opinions[place])


def corners(path):
    return [tuple(map(float, pair.split())) for pair in re.split("[ML]", path.rstrip("Z"))[1:]]


def test_a_page_needs_nothing_runs_nothing_and_holds_no_picture(full):
    html = render_evaluation(full)
    names = {tag for tag, _ in Page(html).tags}
    assert not names & {"script", "img", "image", "iframe", "link", "object", "video"}
    assert "default-src 'none'" in html
    assert "data:image" not in html


def test_hostile_values_stay_text(full):
    html = render_evaluation(full)
    assert "<b>odd" not in html
    assert "\u202e" not in html
    assert "⟨U+202E⟩" in html


def test_every_plot_has_words_and_a_table(full):
    page = Page(render_evaluation(full))
    for tag, attributes in page.tags:
        if tag == "svg":
            assert "aria-label" in attributes or attributes.get("aria-hidden") == "true"
        if tag == "th":
            assert attributes["scope"] in ("row", "rowgroup", "col")
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(headings))
    tables = sum(tag == "table" for tag, _ in page.tags)
    # All at a glance; of four opinions: rates, confusion, the plots by threshold and by score,
    # four slices.
    assert tables == 1 + 4 * (4 + 4)


def test_detectors_that_agree_are_told_beside_each_alone(full):
    text = Page(render_evaluation(full)).text
    glance = text.partition("At a glance")[2].partition("Rates at each threshold")[0]
    for who in ("any one (a, b)", "agreement of 2 (a, b)"):
        assert who in glance
    assert "at least 2 of the 2 reach the threshold" in " ".join(text.split())


def test_what_was_not_measured_is_said_and_never_0(benign):
    text = Page(render_evaluation(benign)).text
    assert text.count("Unmeasured: no judged item is positive.") == 3
    assert "unmeasured" in text
    _, roc, precision, _ = drawn(benign)
    assert roc.curve == precision.curve == ""
    made = evaluation([], "a")
    assert "Unmeasured: no judged item is positive or negative." in render_evaluation(made)


def test_the_alarms_are_drawn_where_they_are(benign):
    alarms = drawn(benign)[0]
    points = corners(alarms.curve)
    assert points[0][0] == WIDTH
    assert points[-1] == (0.0, 0.0)
    # Nothing is found above the highest score: the line lies on the ground, its interval not.
    assert points[0][1] == HEIGHT
    n = benign.categories[0].opinions[0].counts.negative
    assert n == 240
    top = min(y for x, y in corners(alarms.band) if x == WIDTH)
    powers = 4  # 100 % down to 0.1 %, and one more for nothing.
    expected = HEIGHT * -math.log10(wilson(0, n).high) / powers
    assert top == pytest.approx(expected, abs=0.3)


def test_the_roc_and_the_precision_go_from_end_to_end(full):
    _, roc, precision, _ = drawn(full)
    assert corners(roc.curve)[0] == (0.0, HEIGHT)
    assert corners(roc.curve)[-1] == (WIDTH, 0.0)
    assert corners(precision.curve)[0][0] == 0.0
    assert corners(precision.curve)[-1] == (WIDTH, pytest.approx(HEIGHT * (1 - 60 / 300), abs=0.3))
    at = full.categories[0].opinions[0].operating[0].rates
    mark = roc.marks[0]
    assert mark.x == pytest.approx(WIDTH * at.fp / 240, abs=0.1)
    assert mark.y == pytest.approx(HEIGHT * (1 - at.tp / 60), abs=0.1)


def test_the_bins_are_drawn_with_intervals_and_counts(full):
    reliability = drawn(full)[3]
    bins = [one for one in full.categories[0].opinions[0].bins if one.positives.n]
    assert len(reliability.columns) == 10
    for mark, one in zip(reliability.marks, bins, strict=True):
        assert f"{one.positives.n:,} items" in mark.text
        assert mark.high <= mark.y <= mark.low  # Up is less.
        assert mark.y == pytest.approx(HEIGHT * (1 - one.positives.value), abs=0.1)


def test_the_table_has_what_is_drawn(full):
    opinion = full.categories[0].opinions[0]
    table = {step.threshold: step for step in steps(opinion)}
    for at in opinion.operating:
        step = table[at.threshold]
        assert step.recall == at.rates.recall.judged
        assert step.fpr == at.rates.fpr.judged
        assert step.precision == at.rates.precision.judged


def test_whiskers_fit_their_axis(full):
    for part in full.categories[0].opinions[0].operating[0].slices:
        end = reach(part, "fpr")
        for group in part.groups:
            made = whisker(group.rates.fpr.judged, end)
            assert 0 <= made.low <= made.at <= made.high <= 100
    assert whisker(rate(0, 0), 1.0) is None


def test_in_a_browser_it_fits_every_window_and_says_nothing(full, tmp_path):
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    file = tmp_path / "page.html"
    file.write_text(render_evaluation(full), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_context(java_script_enabled=False).new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda made: asked.append(made.url))
        page.goto(file.as_uri())
        for width in (1280, 820, 380):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width
        page.get_by_text("The plots as tables").first.click()
        assert page.get_by_role("table", name="Reliability").first.is_visible()
        assert said == []
        assert asked == [file.as_uri()]
        browser.close()
