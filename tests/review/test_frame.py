"""What all pages have alike."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.review.looking import axe, csrf_of, fits, heading, visitor
from tests.review.walking import Page, pages, world
from tests.service.asking import ONCE, browser, make_user
from tidegate.review.frame import Posts, Visits, within
from tidegate.review.uploads import Sends
from tidegate.service.openapi import guards
from tidegate.service.roles import ROLES
from tidegate.store.error import ConflictError, StoreError

OPEN = {
    ("GET", "/"),
    ("GET", "/console/login"),
    ("POST", "/console/login"),
    # The uploader's page: its link is what opens it.
    ("GET", "/appeal"),
    ("POST", "/appeal"),
}
"""Routes of the console that anybody may ask. Whoever adds one changes this list."""

NAMES = {"reviewer": "ada", "lead": "lea", "curator": "kim", "admin": "max", "viewer": "vic"}


def ours(app):
    return {
        (method, path): guard
        for (method, path), guard in guards(app).items()
        if path == "/" or path.startswith(("/console", "/appeal"))
    }


@ONCE
def test_every_route_of_the_console_is_guarded_or_open_by_decision(app):
    assert {route for route, guard in ours(app).items() if guard is None} == OPEN


@ONCE
def test_what_changes_something_wants_the_token_of_the_session(app):
    wrong = {
        route
        for route, guard in ours(app).items()
        if guard is not None
        and not isinstance(guard, Visits if route[0] in ("GET", "HEAD") else (Posts, Sends))
    }
    assert not wrong


@ONCE
def test_every_page_is_for_the_roles_that_have_its_scopes_and_is_sound(
    app, service, admin, reader, tmp_path
):
    known = world(service, admin, reader, tmp_path)
    make_user(service, "vic", "viewer")
    service.limits.requests.take = lambda key: 0.0
    wrong = []

    async def walk(role, cookies):
        transport = httpx.ASGITransport(app)
        base = {"base_url": "http://127.0.0.1", "transport": transport, "cookies": cookies}
        async with httpx.AsyncClient(**base) as client:
            for guard, path in pages(app, known):
                if guard is None:
                    continue
                answer = await client.get(path)
                if role is None:
                    if not answer.headers["location"].startswith("/console/login?next="):
                        wrong.append((path, "nobody"))
                    continue
                allowed = set(guard.scopes) <= ROLES[role]
                if answer.status_code not in ({200, 204, 303} if allowed else {403}):
                    wrong.append((path, role, answer.status_code))
                if answer.headers.get("content-type", "").startswith("text/html"):
                    wrong.extend((path, role, one) for one in Page(answer.text).wrong)

    for role, name in ({None: None} | NAMES).items():
        cookies = {} if name is None else dict(browser(app, name).cookies)
        with ThreadPoolExecutor(1) as thread:  # This one may have the browser's loop.
            thread.submit(asyncio.run, walk(role, cookies)).result()
    assert not wrong


@ONCE
def test_every_page_is_accessible_in_the_dark_and_asks_for_nothing_it_may_not(
    app, base, chromium, service, admin, reader, tmp_path
):
    known = world(service, admin, reader, tmp_path)
    with visitor(chromium, base, "max") as page:
        page.emulate_media(color_scheme="dark")
        for guard, path in pages(app, known):
            if guard is None or path.endswith((".csv", "/export", "/file", "/json", "/key")):
                continue
            page.goto(path)
            axe(page), fits(page)


@ONCE
@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ConflictError("somebody else has it"), 409, "Somebody else has it."),
        (StoreError("the password of the database is x"), 503, "The database cannot be reached."),
        (RuntimeError("a secret"), 500, "It was not your doing."),
    ],
)
def test_an_error_is_a_page_that_tells_no_more_than_it_should(
    app, service, monkeypatch, error, status, told
):
    make_user(service, role="lead")
    asking = browser(app)

    def broken(*args, **rest):
        raise error

    monkeypatch.setattr("tidegate.store.items.page", broken)
    answer = asking.get("/console/items")
    assert answer.status_code == status
    assert told in answer.text
    assert "secret" not in answer.text
    assert "password" not in answer.text
    # The API answers as it always does.
    assert asking.get("/v1/items").headers["content-type"] == "application/problem+json"


@ONCE
def test_a_page_that_is_not_there_is_told_on_a_page(app, service):
    make_user(service)
    answer = browser(app).get("/console/nothing")
    assert answer.status_code == 404
    assert heading(answer) == "There is nothing here"
    assert browser(app).get("/v1/nothing").headers["content-type"] == "application/problem+json"
    # What only begins like the console is none of it.
    assert "json" in browser(app).get("/consolation").headers["content-type"]


@ONCE
def test_a_form_that_cannot_be_read_is_told(app, service):
    make_user(service)
    asking = browser(app)
    fields = {f"a{number}": "1" for number in range(2000)} | {"csrf": csrf_of(asking)}
    file = {"file": ("a.txt", b"x")}
    for body in ({"data": fields}, {"data": {"csrf": csrf_of(asking)}, "files": file}):
        assert asking.post("/console/account/logout", **body).status_code == 400
    assert asking.get("/console/account").status_code == 200


@ONCE
def test_files_of_the_frame_are_kept_and_change_their_address_when_they_change(client):
    page = client.get("/console/login").text
    for name in ("palette.css", "console.css", "keys.js", "live.js"):
        address = page.partition(f'="/console/static/{name}?v=')[2].partition('"')[0]
        answer = client.get(f"/console/static/{name}?v={address}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        # A module that another one names is asked for each time, and not sent again.
        assert client.get(f"/console/static/{name}").headers["cache-control"] == "no-cache"
    assert client.get("/console/static/../frame.py").status_code == 404


@ONCE
def test_a_page_runs_nothing_but_files_of_ours(client):
    policy = client.get("/console/login").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["/console/items", "/console/items?q=a%2Fb&x=..", "/console/a:b"])
def test_a_path_of_the_console_is_within_it(path):
    assert within(path) == path


@ONCE
def test_what_was_done_is_said_once(app, service):
    make_user(service)
    asking = browser(app)
    asking.cookies.set("tidegate-said", "It%20is%20%3Cb%3Edone%3C%2Fb%3E.")
    page = asking.get("/console/account")
    assert '<p class="said" role="status">It is &lt;b&gt;done&lt;/b&gt;.</p>' in page.text
    assert 'tidegate-said=""' in page.headers["set-cookie"]
