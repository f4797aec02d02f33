"""Looking at the console as people do: a browser that has logged in, axe, pictures of pages."""

import os
import re
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

from tests.service.asking import PASSWORD

WIDTHS = (1280, 820)
SCHEMES = ("light", "dark")

_AXE = Axe()


@contextmanager
def visitor(chromium, base, name="ada", *, script=True, password=PASSWORD, width=1280):
    """Yield a page of a browser in which somebody has logged in; ``name=None``: nobody has.

    At the end, the test fails if the page has told its console anything: what the content security
    policy refuses is told there.
    """
    context = chromium.new_context(
        base_url=base, java_script_enabled=script, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    said = listen(page)
    if name is not None:  # The context's own client has the cookies of its pages.
        given = {"name": name, "password": password}
        assert context.request.post("/v1/login", data=given).ok
    yield page
    context.close()
    assert not said, said


def listen(page):
    """Return a list that gets what a page tells its console, but for the status of its answers."""
    said = []

    def hear(message):
        # An answer that is no success is told too; whether it should be one is for the test.
        if not message.text.startswith("Failed to load resource: the server responded"):
            said.append(f"{page.url}: {message.text}")

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    return said


def axe(page):
    """Assert that axe finds nothing serious or critical on a page."""
    found = [
        f"{page.url}: {one['id']}: {[node['html'][:200] for node in one['nodes']][:5]}"
        for one in _AXE.run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not found, found


def fits(page):
    """Assert that a page is no wider than its window, at both widths."""
    before = page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    page.set_viewport_size(before)


def shots(page, name):
    """Take pictures of a page at both widths and in both schemes, where a folder is asked for."""
    folder = os.environ.get("TIDEGATE_SHOTS")
    if not folder:
        return
    before = page.viewport_size
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(before)


def csrf_of(asking):
    """Return the token that the forms of a client's session have."""
    return asking.headers["X-CSRF-Token"]


def heading(answer):
    """Return what the ``<h1>`` of an answered page says."""
    (found,) = re.findall(r"<h1[^>]*>(.*?)</h1>", answer.text, re.DOTALL)
    return re.sub(r"<[^>]+>", "", found).strip()
