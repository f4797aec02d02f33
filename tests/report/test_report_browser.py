"""The report in a real browser: pictures stay blurred until someone asks."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tidegate.evidence import Report
from tidegate.report import Picture, render

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(
    report: Report, pictures: dict[int, list[Picture]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(report, pictures, "uploads"), encoding="utf-8")
    return path


@pytest.fixture(params=[True, False], ids=["script on", "script off"])
def page(request: pytest.FixtureRequest, browser: Browser, file: Path) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda made: asked.append(made.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", "file:"))] == []


def blurred(image: Locator) -> bool:
    return "blur" in image.evaluate("image => getComputedStyle(image).filter")


def test_every_picture_is_blurred_and_grey_at_load(page: Page) -> None:
    images = page.locator("article img").all()
    assert len(images) == 5
    for image in images:
        assert image.is_visible()
        assert blurred(image)
        assert "grayscale" in image.evaluate("image => getComputedStyle(image).filter")


def test_a_click_shows_one_picture_and_a_second_hides_it(page: Page) -> None:
    veils = page.locator(".veil")
    veils.nth(0).click()
    assert not blurred(veils.nth(0).locator("img"))
    assert blurred(veils.nth(1).locator("img"))
    veils.nth(0).click()
    assert blurred(veils.nth(0).locator("img"))


def test_the_keyboard_shows_a_picture_and_focus_is_visible(page: Page) -> None:
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator(".veil input:focus").count():
            break
    veil = page.locator(".veil:has(input:focus)")
    assert veil.evaluate("veil => getComputedStyle(veil).outlineStyle") == "solid"
    page.keyboard.press("Space")
    assert not blurred(veil.locator("img"))
    page.keyboard.press("Space")
    assert blurred(veil.locator("img"))


def test_the_filter_leaves_items_of_one_action(page: Page) -> None:
    page.get_by_role("radio", name="remove").check()
    assert page.locator("article:visible").count() == 2
    page.get_by_role("radio", name="not judged").check()
    assert page.locator("article:visible").count() == 1
    page.get_by_role("radio", name="all 6").check()
    assert page.locator("article:visible").count() == 6


def test_the_page_is_never_wider_than_the_window(page: Page) -> None:
    for width in (1280, 820, 380):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width
