"""The queues: what waits where, in which order, and what is next."""

import re

import pytest

from tests.review.looking import csrf_of
from tests.review.scenes import people
from tests.service.asking import ONCE, browser
from tests.store.making import accept
from tidegate.service import ranking
from tidegate.store import cases, claims
from tidegate.store.cases import New
from tidegate.store.clock import HOUR, SECOND

NEXT = "/console/cases/next"


@pytest.fixture
def staff(service):
    people(service)


@pytest.fixture
def ada(app, staff):
    return browser(app, "ada")


@pytest.fixture
def opened(service):
    """Opens cases of some categories, so long ago."""

    def open_one(category, *, ago=0, queue="review", reach=0.0, due=None):
        at = service.clock() - ago
        severity = ranking.severity(category)
        rank = ranking.rank(confidence=0.9, severity=severity, reach=reach, opened_at=at)
        with service.store.write() as connection:
            new = New(
                kind="review",
                item=accept(connection, now=at),
                queues={queue: rank},
                category=category,
                confidence=0.9,
                severity=severity,
                reach=reach,
                due_at=due,
            )
            return cases.open_case(connection, new, actor="system", now=at)

    return open_one


def listed(page):
    return re.findall(r'href="/console/cases/([0-9a-f-]{36})', page.text)


def test_the_most_pressing_comes_first_and_it_says_why(ada, opened):
    old = opened("commercial.qrcode", ago=HOUR)
    grave = opened("violence.gore")
    wide = opened("violence.weapon", reach=1_000_000)
    page = ada.get("/console/queues")
    assert listed(page) == [wide.id, grave.id, old.id]
    assert "sure to 90 %, severity 8 of 32" in page.text
    assert "1,000,000 may see it" in page.text
    said = {"csrf": csrf_of(ada)}
    assert ada.post(NEXT, data=said).headers["location"] == f"/console/cases/{wide.id}"
    assert ada.post(NEXT, data=said).headers["location"] == f"/console/cases/{grave.id}"


@ONCE
def test_what_waits_where_is_counted(ada, opened, service):
    opened("violence.gore", queue="gore", ago=3 * HOUR, due=service.clock() - SECOND)
    opened("violence.gore", queue="gore")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", ada.get("/console/queues").text))
    assert "gore 2 0 1 3 h" in page
    assert "overdue" in page


@ONCE
def test_one_queue_and_one_category_are_shown_alone(ada, opened):
    gore = opened("violence.gore", queue="gore")
    code = opened("commercial.qrcode")
    assert listed(ada.get("/console/queues?queue=gore")) == [gore.id]
    assert listed(ada.get("/console/queues?category=commercial.qrcode")) == [code.id]
    assert listed(ada.get("/console/queues?queue=gore&category=commercial.qrcode")) == []
    said = {"csrf": csrf_of(ada), "queue": "gore"}
    taken = ada.post(NEXT, data=said).headers["location"]
    assert taken == f"/console/cases/{gore.id}?queue=gore"
    # There is no other: they go on with their own.
    assert ada.post(NEXT, data=said).headers["location"] == taken
    ada.post(f"/console/cases/{gore.id}/skip", data=said)
    assert ada.post(NEXT, data=said).headers["location"] == "/console/queues?queue=gore"


@ONCE
def test_a_reviewer_sees_and_gets_what_they_have_the_role_for(app, ada, opened):
    hard = opened("violence.gore", queue="escalated")
    page = ada.get("/console/queues?queue=escalated")
    assert listed(page) == []
    assert "queue=escalated" not in page.text
    said = {"csrf": csrf_of(ada), "queue": "escalated"}
    assert "cases/" not in ada.post(NEXT, data=said).headers["location"]
    lea = browser(app, "lea")
    assert listed(lea.get("/console/queues")) == [hard.id]


@ONCE
def test_a_long_list_has_pages(ada, opened):
    made = {opened("violence.gore", ago=number * HOUR).id for number in range(30)}
    first = ada.get("/console/queues")
    more = re.search(r'rel="next" href="([^"]+)"', first.text)[1].replace("&amp;", "&")
    second = ada.get(more)
    assert len(listed(first)) == 25
    assert set(listed(first)) | set(listed(second)) == made


@ONCE
def test_nothing_left_to_do_is_told(ada):
    led = ada.post(NEXT, data={"csrf": csrf_of(ada)})
    assert "There is nothing left to do here." in ada.get(led.headers["location"]).text


@ONCE
def test_what_can_still_be_taken_back_is_before_nobody(ada, opened, service, clock):
    case = opened("violence.gore")
    with service.store.write() as connection:
        claims.claim(connection, case.id, "system", now=clock.now, seconds=30)
    assert listed(ada.get("/console/queues")) == []
    assert ada.get(f"/console/cases/{case.id}").status_code == 404
    clock.pass_by(30 * SECOND)
    assert listed(ada.get("/console/queues")) == [case.id]
