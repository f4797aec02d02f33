"""The console's tests: the whole application, asked directly or by a real browser."""

import shutil
import threading

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from tests.report.test_report_browser import BROWSERS, FLAGS
from tests.service.conftest import (  # noqa: F401
    admin,
    as_role,
    client,
    clock,
    service,
    settings,
)
from tidegate.media import Reader
from tidegate.review.app import build
from tidegate.service.serve import bound
from tidegate.service.settings import Listen


@pytest.fixture
def app(service):  # noqa: F811
    return build(service)


@pytest.fixture
def base(app):
    """Where the service of the test listens."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with bound(Listen("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        app.state.service.ending.set()
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def chromium():
    """A browser for the tests of a file; each makes contexts of its own.

    While it is there its loop runs in this thread, and no other can; tests elsewhere have some.
    """
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def reader():
    """A decoder for all tests: one that is started for each would be most of their time."""
    with Reader() as opened:
        yield opened
