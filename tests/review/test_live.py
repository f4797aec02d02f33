"""What is told while somebody looks. Nothing here waits for a clock: every wait is for news."""

import json
import signal
import threading
import time

import httpx
import pytest
from playwright.sync_api import expect

from tests.review.looking import axe, visitor
from tests.service.asking import ONCE, PASSWORD, browser, make_user
from tests.service.test_serve import place, running
from tests.service.working import put_in_force
from tests.store.making import accept
from tidegate.review import live
from tidegate.store import cases, claims, sessions, users
from tidegate.store.cases import New
from tidegate.store.error import StoreError

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Look at the database as often as it can be."""
    monkeypatch.setattr(live, "POLL", 0.0)
    monkeypatch.setattr(live, "SHARE", 0)
    monkeypatch.setattr(live, "TICK", 0.01)


def open_case(service, queue="nudity", number=1, **fields):
    with service.store.write() as connection:
        item = accept(connection, number)
        new = New(
            kind="review",
            category="",
            item=item,
            queues={queue: 1.0},
            confidence=0.5,
            severity=0.5,
            **fields,
        )
        return cases.open_case(connection, new, actor="system", now=service.clock())


class Stream:
    """Events, as a browser gets them."""

    def __init__(self, answer):
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self):
        """Return the name and the data of the next event."""
        name = ""
        for line in self._lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                return name, json.loads(line.removeprefix("data: "))
        return None

    def until(self, wanted):
        """Return the first event that is as wanted; those before may tell what was before."""
        while (event := self.next()) is not None:
            if wanted(*event):
                return event
        raise AssertionError("the stream has ended")


@pytest.fixture
def listening(base, app):
    """Opens streams as a user: ``listening("ada", queue="a")``; they are closed at the end."""
    opened = []

    def listen(name, **asked):
        cookies = browser(app, name, base=base).cookies
        client = httpx.Client(base_url=base, cookies=dict(cookies), timeout=PATIENCE)
        streaming = client.stream("GET", "/console/events", params=asked)
        opened.append((client, streaming))
        return Stream(streaming.__enter__())

    yield listen
    for client, streaming in opened:
        streaming.__exit__(None, None, None)
        client.close()


def test_a_queue_is_told_as_it_is_and_as_it_changes(listening, service):
    make_user(service, "ada", "reviewer")
    case = open_case(service)
    stream = listening("ada", queue="nudity")
    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    told = {"queue": "nudity", "open": 1, "claimed": 0, "overdue": 0}
    assert stream.next() == ("queue", told)
    with service.store.write() as connection:
        claims.claim(connection, case.id, "user:b", now=service.clock())
    assert stream.next() == ("queue", told | {"claimed": 1})


def test_a_case_on_the_screen_is_told_when_it_changes(listening, service):
    make_user(service, "ada", "reviewer")
    case = open_case(service)
    stream = listening("ada", case=[case.id, "no such case"])
    told = {"case": case.id, "version": case.version, "state": "open"}
    assert stream.next() == ("case", told)
    with service.store.write() as connection:
        closed = cases.close(connection, case.id, actor="user:b", reason="", now=service.clock())
    told = {"case": case.id, "version": closed.version, "state": "closed"}
    assert stream.next() == ("case", told)


@ONCE
def test_nobody_is_told_of_queues_that_they_do_not_work_on(listening, service):
    make_user(service, "ada", "reviewer")
    open_case(service, "escalated")
    open_case(service, "nudity", 2)
    stream = listening("ada", queue=["escalated", "nudity"])
    assert stream.next()[1]["queue"] == "nudity"
    open_case(service, "escalated", 3)
    open_case(service, "nudity", 4)
    assert stream.next()[1] == {"queue": "nudity", "open": 2, "claimed": 0, "overdue": 0}


@ONCE
def test_nobody_is_told_of_cases_that_they_may_not_see(listening, service):
    make_user(service, "ada", "reviewer")
    hard, mine = open_case(service, "escalated"), open_case(service, "nudity", 2)
    stream = listening("ada", case=[hard.id, mine.id])
    for case in (hard, mine):
        with service.store.write() as connection:
            cases.close(connection, case.id, actor="user:b", reason="", now=service.clock())
    name, told = stream.until(lambda name, told: told.get("state") == "closed")
    assert (name, told["case"]) == ("case", mine.id)


@ONCE
@pytest.mark.parametrize("role", ["viewer", "curator"])
def test_who_reviews_nothing_hears_nothing(app, service, role):
    make_user(service, "eve", role)
    assert browser(app, "eve").get("/console/events?queue=a").status_code == 403


@ONCE
def test_nobody_is_told_that_they_are(client):
    answer = client.get("/console/events", headers={"Accept": "text/event-stream"})
    assert answer.text == "event: over\ndata: {}\n\n"


@pytest.mark.parametrize("end", ["logged out", "another role", "disabled", "too old", "idle"])
@ONCE
def test_a_stream_ends_with_its_session(listening, service, clock, end):
    ada = make_user(service, "ada", "reviewer")
    open_case(service)
    stream = listening("ada", queue="nudity")
    stream.next()
    now = service.clock()
    if end == "too old":
        clock.pass_by(sessions.LIFETIME)
    elif end == "idle":  # Listening is no use of a session.
        clock.pass_by(sessions.IDLE)
    else:
        who = {"actor": "system", "reason": "", "now": now}
        with service.store.write() as connection:
            if end == "logged out":
                sessions.end_all(connection, ada.id, now=now)
            elif end == "another role":
                users.set_role(connection, ada.id, "lead", **who)
            else:
                users.disable(connection, ada.id, **who)
    assert stream.next() == ("over", {})
    assert stream.next() is None


@ONCE
def test_one_person_has_some_streams_and_the_oldest_ends_for_another(
    listening, service, app, monkeypatch
):
    monkeypatch.setattr(live, "MOST_OF_ONE", 2)
    make_user(service, "ada", "reviewer")
    make_user(service, "ben", "reviewer")
    open_case(service)
    bens = listening("ben", queue="nudity")
    streams = [listening("ada", queue="nudity") for _ in range(3)]
    assert streams[0].until(lambda name, _: name == "enough")
    for stream in (*streams[1:], bens):
        assert stream.next()[0] == "queue"
    assert len(app.state.live) == 3


@ONCE
def test_more_listeners_than_there_may_be_are_refused(listening, service, monkeypatch):
    monkeypatch.setattr(live, "MOST", 1)
    for name in ("ada", "ben"):
        make_user(service, name, "reviewer")
    assert listening("ada").answer.status_code == 200
    assert listening("ben").answer.status_code == 503


@ONCE
def test_the_database_is_asked_only_while_somebody_listens(listening, service, app, monkeypatch):
    make_user(service, "ada", "reviewer")
    open_case(service)
    looked = threading.Event()
    look = live.Live._look

    def seen(self):
        looked.set()
        return look(self)

    monkeypatch.setattr(live.Live, "_look", seen)
    stream = listening("ada", queue="nudity")
    stream.next()
    assert looked.is_set()
    stream.answer.close()
    _wait(lambda: len(app.state.live) == 0 and app.state.live._poller is None)
    looked.clear()
    # Another request goes through the same loop: a poller would have had its turn.
    browser(app, "ada").get("/console/account")
    assert not looked.is_set()
    assert listening("ada", queue="nudity").next()[0] == "queue"


@ONCE
def test_the_last_look_is_waited_for_though_nobody_listens_any_more(
    listening, service, app, monkeypatch
):
    make_user(service, "ada", "reviewer")
    begun, go = threading.Event(), threading.Event()
    look = live.Live._look

    def slow(self):
        begun.set()
        assert go.wait(PATIENCE)
        return look(self)

    monkeypatch.setattr(live.Live, "_look", slow)
    stream = listening("ada", queue="nudity")
    try:
        assert begun.wait(PATIENCE)
        stream.answer.close()
        _wait(lambda: len(app.state.live) == 0)
        time.sleep(5 * live.TICK)
        assert app.state.live._poller is not None
    finally:
        go.set()
    _wait(lambda: app.state.live._poller is None)


@ONCE
def test_a_database_that_is_away_for_a_moment_ends_nothing(listening, service, monkeypatch):
    make_user(service, "ada", "reviewer")
    open_case(service)
    stream = listening("ada", queue="nudity")
    stream.next()
    away = threading.Event()
    depths = live.caselists.depths

    def broken(*args, **rest):
        if not away.is_set():
            away.set()
            raise StoreError("the database is away")
        return depths(*args, **rest)

    monkeypatch.setattr(live.caselists, "depths", broken)
    assert away.wait(PATIENCE)
    open_case(service, number=2)
    assert stream.next()[1]["open"] == 2


def _wait(done):
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_service_ends_at_once_though_somebody_listens(tmp_path):
    with running(tmp_path) as process:
        base = place(process)
        token = process.stdout.readline().rstrip().rpartition("#")[2]
        with httpx.Client(base_url=base, timeout=PATIENCE) as client:
            first = {"token": token, "name": "ada", "password": PASSWORD}
            assert client.post("/v1/first", json=first).status_code == 201
            with client.stream("GET", "/console/events?queue=review") as answer:
                stream = Stream(answer)
                assert stream.next()[0] == "queue"
                process.send_signal(signal.SIGTERM)
                # The stream ends by itself: were it waited for, it would go on for minutes.
                assert stream.next() is None
        assert process.wait(PATIENCE) == 0


@ONCE
def test_figures_and_cases_stay_true_on_a_page(base, chromium, service, app):
    make_user(service, "lea", "lead")
    put_in_force(service)
    case = open_case(service)
    with visitor(chromium, base, "lea") as page:
        page.goto("/console/queues")
        page.wait_for_selector("html[data-live=on]")
        figure = page.locator('[data-live="queue:nudity:open"]').first
        expect(figure).to_have_text("1")
        open_case(service, number=2)
        expect(figure).to_have_text("2", timeout=1000 * PATIENCE)
        page.goto(f"/console/cases/{case.id}")
        page.wait_for_selector("html[data-live=on]")
        with service.store.write() as connection:
            cases.close(connection, case.id, actor="user:b", reason="", now=service.clock())
        notice = page.locator("#changes .notice")
        notice.wait_for()
        assert "closed meanwhile" in notice.inner_text()
        axe(page)
        assert page.locator("#changes").get_attribute("aria-live") == "polite"
        # The session ends: the page says so, and leads back to itself.
        with service.store.write() as connection:
            found = users.by_name(connection, "lea")[0]
            sessions.end_all(connection, found.id, now=service.clock())
        page.get_by_text("Your login has ended.").wait_for()
        link = page.get_by_role("link", name="Log in again")
        assert f"next=%2Fconsole%2Fcases%2F{case.id}" in link.get_attribute("href")


@ONCE
def test_a_page_without_figures_listens_to_nothing(base, chromium, service, app):
    make_user(service, "lea", "lead")
    with visitor(chromium, base, "lea") as page:
        page.goto("/console/account")
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        assert len(app.state.live) == 0
