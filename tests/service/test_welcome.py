"""The page of the first link in a real browser, under its own content security policy."""

import shutil
import threading

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from tests.report.test_report_browser import BROWSERS, FLAGS
from tests.service.asking import ONCE, PASSWORD
from tidegate.service.serve import bound
from tidegate.service.settings import Listen
from tidegate.service.tokens import new_first_link
from tidegate.store import users
from tidegate.store.clock import SECOND


@pytest.fixture
def base(app):
    """Where the service of the test listens."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with bound(Listen("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@ONCE
def test_the_page_makes_the_first_admin_and_logs_them_in(base, service):
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    service.first = new_first_link(base, service.clock() / SECOND)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page()
        refused = []
        page.on("console", lambda message: refused.append(message.text))
        page.goto(service.first.url.text())
        # Whoever looks at the screen, or at the history, does not see the token.
        page.wait_for_url(f"{base}/welcome")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button").click()
        page.get_by_text("You are logged in as ada.").wait_for()
        assert page.get_by_role("link").get_attribute("href") == "/console"
        (cookie,) = page.context.cookies()
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Lax"
        assert page.evaluate("document.cookie") == ""
        assert refused == []
        browser.close()
    with service.store.read() as connection:
        assert users.has_admin(connection)
