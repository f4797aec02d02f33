import re

import pytest

from tests.review.looking import axe, csrf_of, fits, heading, shots, visitor
from tests.review.scenes import case_of, people, reviewed
from tests.service.asking import ONCE, browser, make_user
from tests.store.making import accept, decision, evidence
from tidegate.evidence import Facts, Uploader
from tidegate.store import audit, claims, decisions, exposure, items, jobs, outbox
from tidegate.store.clock import DAY, SECOND


def decided(service, number=1, action="remove", **fields):
    """Have an item in the store that the policy has decided, and return its id."""
    with service.store.write() as connection:
        now = fields.pop("now", service.clock())
        item = accept(connection, number, now=now, **fields)
        made = decisions.New(
            item=item,
            origin="machine",
            author="worker:a",
            decision=decision(action),
            facts=fields.get("facts", Facts()),
            evidence=evidence(number),
        )
        decisions.record(connection, made, now=now)
    return item


def found(page):
    """Return the ids of the items that a list has, in its order."""
    return re.findall(r'<td class="main"><a href="/console/items/([^"]+)">', page.text)


def search(asking, **asked):
    answer = asking.get("/console/items", params=asked)
    return answer.headers.get("location") or found(answer)


@pytest.fixture
def viewer(app, service):
    make_user(service, "vic", "viewer")
    return browser(app, "vic")


def test_an_item_is_found_by_what_it_is_called(viewer, service):
    one, two = decided(service, 1), decided(service, 2)
    place = f"/console/items/{one}"
    assert search(viewer, q=one) == place
    assert search(viewer, q=f"  {one.upper()} ") == place
    assert search(viewer, q="ext-1") == place
    assert search(viewer, q=f"{1:064x}") == place
    assert search(viewer, q="ext-3") == []
    assert search(viewer, q="") == [two, one]


def test_items_are_found_by_what_is_known_of_them(viewer, service):
    first, second = (Facts(surface=s, uploader=Uploader(id=u)) for s, u in _WHERE)
    later = service.clock() + 2 * DAY
    one = decided(service, 1, "allow", facts=first)
    two = decided(service, 2, "remove", facts=second, now=later)
    with service.store.write() as connection:
        three = accept(connection, 3, now=later + 1, facts=Facts())
    assert search(viewer, action="remove") == [two]
    assert search(viewer, surface="avatar") == [one]
    assert search(viewer, uploader="u2") == [two]
    assert search(viewer, state="received") == [three]
    assert search(viewer, action="remove", uploader="u1") == []
    # The clock of the tests begins at 2027-01-15 08:00 UTC.
    assert search(viewer, until="2027-01-15") == [one]
    assert search(viewer, since="2027-01-16") == [three, two]
    assert search(viewer, since="2027-01-15", until="2027-01-15") == [one]


_WHERE = (("avatar", "u1"), ("post", "u2"))


@ONCE
def test_the_same_bytes_several_times_are_a_list(viewer, service):
    made = [decided(service, number, sha256="ab" * 32) for number in (1, 2)]
    assert search(viewer, q="AB" * 32) == made[::-1]


@ONCE
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"state": "gone"}, "There is no state of this name."),
        ({"action": "explode"}, "There is no action of this name."),
        ({"since": "yesterday"}, "This is no date"),
        ({"until": "9999-12-31"}, "This is no date"),
    ],
)
def test_what_makes_no_sense_is_told_at_its_field(viewer, asked, told):
    answer = viewer.get("/console/items", params=asked)
    assert answer.status_code == 422
    assert told in answer.text
    assert 'aria-invalid="true"' in answer.text


@ONCE
def test_a_list_goes_on_page_by_page_and_keeps_what_was_asked(viewer, service, monkeypatch):
    monkeypatch.setattr("tidegate.review.items.PAGE", 2)
    made = [decided(service, number, now=service.clock() + number) for number in range(5)]
    decided(service, 9, "allow")
    answer = viewer.get("/console/items?action=remove")
    seen = found(answer)
    while more := re.search(r'rel="next" href="([^"]+)"', answer.text):
        answer = viewer.get(more[1].replace("&amp;", "&"))
        seen += found(answer)
    assert seen == made[::-1]
    assert 'href="/console/items?action=remove">First page' in answer.text


@ONCE
def test_a_cursor_that_is_none_is_told(viewer):
    assert viewer.get("/console/items?after=nonsense").status_code == 422


def test_a_page_tells_all_that_is_known(viewer, service):
    item = decided(service, 1)
    with service.store.write() as connection:
        message = outbox.append(
            connection,
            target="callback:platform.example",
            event="item.decided",
            body={"a": 1},
            item=item,
            now=service.clock(),
        )
    page = viewer.get(f"/console/items/{item}").text
    for told in (
        "ext-1",
        "it met e1 of press",
        "banks.press",
        "press / e1",
        "3 bits",
        "default/1",
        f"{1:064x}",
        "item.decided",
        "the callback at platform.example",
        "in force",
    ):
        assert told in page, told
    assert message
    # A viewer sees no media and changes nothing.
    assert "Your role sees no media." in page
    assert "What can be done" not in page


@ONCE
def test_a_reviewers_decision_is_told_with_its_reason(viewer, service):
    item = decided(service, 1)
    ada = make_user(service, "ada", "reviewer")
    with service.store.write() as connection:
        made = decisions.New(
            item=item,
            origin="reviewer",
            author=f"user:{ada.id}",
            decision=decision("allow"),
            reason="a press photo & nothing more",
        )
        decisions.record(connection, made, now=service.clock() + SECOND)
    page = viewer.get(f"/console/items/{item}").text
    assert "by ada" in page
    assert "A press photo &amp; nothing more." in page
    # What it rests on is told all the same.
    assert "press / e1" in page


@ONCE
@pytest.mark.parametrize("state", ["received", "failed"])
def test_an_item_without_a_decision_has_a_page(viewer, service, state):
    with service.store.write() as connection:
        item = accept(connection)
        if state == "failed":
            items.fail(connection, item, "the URL does not answer")
    page = viewer.get(f"/console/items/{item}").text
    told = {"received": "it waits to be judged", "failed": "the URL does not answer"}[state]
    assert told in page
    assert "not decided" in page


@ONCE
def test_what_the_platform_sent_is_shown_and_does_nothing(viewer, service):
    nasty = "<script>alert(1)</script>\u202egpj"
    item = decided(
        service,
        1,
        external_id=nasty,
        metadata={"thread": nasty, "lines": "a\nb"},
        facts=Facts(uploader=Uploader(id='"><img src=x>')),
    )
    for page in (viewer.get(f"/console/items/{item}").text, viewer.get("/console/items").text):
        assert "<script>alert" not in page
        assert "<img src=x>" not in page
        assert "\u202e" not in page
        assert "⟨U+202E⟩" in page


@ONCE
def test_an_item_that_is_none_is_told(viewer):
    answer = viewer.get("/console/items/0199c0de-0000-7000-8000-000000000001")
    assert answer.status_code == 404
    assert heading(answer) == "There is nothing here"
    # Who has logged in keeps the way to everywhere else.
    assert 'aria-label="Main"' in answer.text


def test_a_lead_has_an_item_judged_again_and_its_media_deleted(app, service):
    make_user(service, "lea", "lead")
    lea = browser(app, "lea")
    item = decided(service, 1)
    with service.store.write() as connection:
        now = service.clock()
        (job,) = jobs.lease(connection, worker="a", kinds=("judge",), seconds=9, now=now)
        jobs.finish(connection, job, now=now)
    form = {"csrf": csrf_of(lea), "reason": "the bank was wrong"}
    assert lea.post(f"/console/items/{item}/rescan", data=form).status_code == 303
    with service.store.read() as connection:
        told = audit.newest(connection, subject=item, limit=1)[0]
    assert (told.action, told.reason) == ("item.rescan", "the bank was wrong")
    assert lea.post(f"/console/items/{item}/delete", data=form).status_code == 303
    page = lea.get(f"/console/items/{item}").text
    assert "the media of this item was deleted" in page.lower()
    assert "Delete the media" not in page
    again = lea.post(f"/console/items/{item}/rescan", data=form)
    assert again.status_code == 409
    assert heading(again) == "Something has changed meanwhile"


@ONCE
@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("viewer", set()),
        ("reviewer", {"case"}),
        ("curator", set()),
        ("lead", {"case", "rescan", "delete", "notice"}),
    ],
)
def test_each_role_does_what_it_may_and_no_more(app, service, role, may):
    make_user(service, "eve", role)
    eve = browser(app, "eve")
    item = decided(service, 1)
    page = eve.get(f"/console/items/{item}").text
    offered = set(re.findall(rf'action="/console/items/{item}/(case|rescan|delete|notice)"', page))
    assert offered == may
    for verb in {"case", "rescan", "delete", "notice"} - may:
        answer = eve.post(f"/console/items/{item}/{verb}", data={"csrf": csrf_of(eve)})
        assert answer.status_code == 403, verb


def test_a_reviewer_opens_a_case_for_an_item_and_there_is_one(app, service):
    make_user(service, "ada", "reviewer")
    ada = browser(app)
    item = decided(service, 1)
    form = {"csrf": csrf_of(ada), "reason": "it looks odd"}
    answer = ada.post(f"/console/items/{item}/case", data=form)
    case = case_of(service, item)
    assert answer.headers["location"] == f"/console/cases/{case.id}"
    assert case.queues == ("review",)
    assert ada.post(f"/console/items/{item}/case", data=form).headers["location"].endswith(case.id)
    assert f"/console/cases/{case.id}" in ada.get(f"/console/items/{item}").text
    assert search(ada, q=case.id) == f"/console/cases/{case.id}"


@ONCE
def test_who_has_a_case_of_an_item_is_led_there(app, service):
    make_user(service, "ada", "reviewer")
    ada = browser(app)
    item = decided(service, 1)
    ada.post(f"/console/items/{item}/case", data={"csrf": csrf_of(ada)})
    case = case_of(service, item)
    who = ada.get("/v1/whoami").json()["id"]
    with service.store.write() as connection:
        claims.claim(connection, case.id, f"user:{who}", now=service.clock())
    answer = ada.get(f"/console/items/{item}")
    assert answer.headers["location"] == f"/console/cases/{case.id}"
    make_user(service, "lea", "lead")
    assert browser(app, "lea").get(f"/console/items/{item}").status_code == 200


@ONCE
def test_a_link_for_the_uploader_is_shown_once_and_opens_their_page(app, service):
    make_user(service, "lea", "lead")
    lea = browser(app, "lea")
    item = decided(service, 1)
    answer = lea.post(f"/console/items/{item}/notice", data={"csrf": csrf_of(lea)})
    assert answer.status_code == 200
    link = re.search(r'value="(http[^"]+/appeal\?[^"]+)"', answer.text)[1]
    path = link.partition("127.0.0.1:8787")[2].replace("&amp;", "&")
    assert lea.get(path).status_code == 200
    allowed = decided(service, 2, "allow")
    assert "Make a link" not in lea.get(f"/console/items/{allowed}").text
    answer = lea.post(f"/console/items/{allowed}/notice", data={"csrf": csrf_of(lea)})
    assert answer.status_code == 409


@ONCE
def test_a_card_of_what_can_be_done_is_there_where_something_can_be(app, service):
    make_user(service, "ada", "reviewer")
    ada = browser(app, "ada")
    page = f"/console/items/{decided(service, 1)}"
    assert "What can be done" in ada.get(page).text
    data = {"csrf": csrf_of(ada), "reason": "somebody asked"}
    assert ada.post(f"{page}/case", data=data).status_code == 303
    assert "What can be done" not in ada.get(page).text


@ONCE
def test_quarantined_media_is_shown_to_nobody(app, service):
    make_user(service, "max", "admin")
    item = decided(service, 1, "quarantine")
    page = browser(app, "max").get(f"/console/items/{item}").text
    assert "Not shown" in page
    assert "/v1/media/" not in page
    # A perceptual hash holds a trace of the picture.
    assert "withheld" in page


@ONCE
def test_an_item_in_a_browser(base, chromium, service, admin, app, reader, tmp_path):
    people(service)
    case = reviewed(
        service, admin, reader, tmp_path, item='{"external_id": "post-77", "surface": null}'
    )
    with visitor(chromium, base, "lea") as page:
        page.goto("/console/items")
        axe(page), fits(page), shots(page, "items")
        page.get_by_role("link", name="With pictures").click()
        picture = page.locator("td.look img")
        assert "blur" in picture.evaluate("image => getComputedStyle(image).filter")
        axe(page), fits(page), shots(page, "items-pictures")
        # "/" searches, wherever one is.
        page.keyboard.press("/")
        page.keyboard.type("post-77")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/console/items/{case.item}")
        picture = page.locator("#case img")
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
        assert "blur" in picture.evaluate("image => getComputedStyle(image).filter")
        for summary in page.locator("summary").all():
            summary.click()
        axe(page), fits(page), shots(page, "item")
    # Without scripts it is shown by a form, and booked as seen.
    with visitor(chromium, base, "lea", script=False) as page:
        page.goto(f"/console/items/{case.item}")
        page.get_by_role("button", name="Show it").click()
        picture = page.locator("#case img")
        assert picture.evaluate("image => getComputedStyle(image).filter") == "none"
    lea = browser(app, "lea").get("/v1/whoami").json()["id"]
    with service.store.read() as connection:
        assert exposure.today(connection, lea, now=service.clock()) == 10 * SECOND


def test_what_was_seen_is_booked_for_whoever_saw_it(app, service, admin, reader, tmp_path):
    people(service)
    case = reviewed(service, admin, reader, tmp_path)
    kim = browser(app, "kim")
    for seconds in ("nan", "-1", "1e99", "x"):
        form = {"csrf": csrf_of(kim), "seconds": seconds}
        assert kim.post(f"/console/items/{case.item}/seen", data=form).json()["seconds"] == 0
    form = {"csrf": csrf_of(kim), "seconds": "3"}
    assert kim.post(f"/console/items/{case.item}/seen", data=form).json()["seconds"] == 3
