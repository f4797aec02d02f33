"""The page that an uploader's link opens, and the list of appeals."""

import re
from dataclasses import replace
from html import unescape

import pytest

from tests.review.looking import axe, heading, listen, shots, visitor
from tests.service.appealed import (
    SAID,
    answer,
    appeal,
    case_of,
    item_of,
    next_appeal,
    people,
    removed,
    undo,
)
from tests.service.asking import ONCE, Asking, bearer, browser, key_of, make_user
from tests.service.telling import Receivers, add_hook, decide, pass_time, written
from tests.service.test_appealing import machine
from tests.service.test_judging import bank_of
from tests.service.working import Banks, judge_of, put_in_force, send, working
from tidegate.service import notices
from tidegate.service.sender import Sender
from tidegate.store import appeals, cases, items
from tidegate.store.clock import DAY, SECOND

HOSTILE = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": '" autofocus onfocus="alert(1)',
    "end of the box": "</textarea><script>alert(1)</script>",
    "template": "{{ 7 * 7 }} {% raw %}",
    "bidi": "safe \u202egpj.exe\u202c \u2066hidden\u2069",
    "zalgo": "Z" + "\u0335\u0336\u0337" * 200,
    "long word": "x" * 3000,
    "lines": "one\r\n\r\n two\rthree",
    "link": "javascript:alert(1) https://evil.example/",
}


@pytest.fixture(autouse=True)
def policy(service):
    put_in_force(service)


def link(service, item, *, days=184):
    """Return the path and query of the notice of an item's decision."""
    until = service.clock() + days * DAY
    made = notices.token(notices.key_of(service), item_of(service, item).decision, until)
    return f"/appeal?notice={made}"


def said(answer):
    """Return the text of a page."""
    return unescape(re.sub(r"<[^>]+>", "", answer.text))


def kept(service, item):
    with service.store.read() as connection:
        return appeals.of_item(connection, item)


# The uploader's page


@pytest.mark.parametrize("action", ["label", "restrict", "hold", "remove", "quarantine"])
def test_it_tells_what_was_decided_and_shows_nothing_that_leads_to_the_content(
    service, client, action
):
    shown = client.get(link(service, decide(service, action=action)))
    assert shown.status_code == 200
    assert heading(shown).startswith("Your content")
    assert "A person who had no part in the decision" in said(shown)
    for secret in ("press", "e1", "u1", "worker", "distance", "score"):
        assert secret not in said(shown), secret
    for leading in ("<img", "/v1/media", "/console/items"):
        assert leading not in shown.text, leading


@ONCE
def test_nobody_logs_in_and_nothing_is_kept_or_told_to_others(service, client):
    shown = client.get(link(service, removed(service)))
    assert "set-cookie" not in shown.headers
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["x-robots-tag"] == "noindex, nofollow"
    assert "<script" not in shown.text
    # Nothing is loaded from elsewhere, and the one form goes to the same page.
    assert set(re.findall(r'(?:src|href)="([^"?]*)', shown.text)) == {"/console/static/notice.css"}


def test_an_appeal_is_taken_once_and_the_page_tells_until_when_it_is_answered(service, client):
    item = removed(service)
    where = link(service, item)
    sent = client.post(where, data={"text": f"  {SAID}\r\nReally."})
    assert (sent.status_code, sent.headers["location"]) == (303, where)
    (made,) = kept(service, item)
    assert (made.text, made.author) == (f"{SAID}\nReally.", "")
    assert case_of(service, made.case).due_at == service.clock() + 7 * DAY
    shown = client.get(where)
    assert "answer by 22 January 2027" in said(shown)
    assert SAID in said(shown)
    assert "<textarea" not in shown.text
    assert client.post(where, data={"text": "Again."}).status_code == 303
    assert kept(service, item) == [made]


@ONCE
@pytest.mark.parametrize("name", HOSTILE)
def test_what_somebody_types_is_text_and_nothing_else(service, app, client, name):
    text, item = HOSTILE[name], removed(service)
    where = link(service, item)
    assert client.post(where, data={"text": text}).status_code == 303
    shown = client.get(where)
    assert shown.status_code == 200
    assert "<script" not in shown.text
    assert "<img" not in shown.text
    assert "onfocus=" not in re.sub(r">[^<]*<", "><", shown.text)
    assert not any(mark in shown.text for mark in "\u202e\u202c\u2066\u2069")
    assert "49" not in said(shown).partition("What you wrote")[2][:20]
    make_user(service, "lead", "lead")
    assert browser(app, "lead").get("/console/appeals").status_code == 200


@ONCE
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Please say why"),
        (" \r\n ", "Please say why"),
        ("</textarea><script>" + "x" * 4000, "4,000 characters at most"),
        ("nul \0 here", "cannot be kept"),
    ],
)
def test_what_cannot_be_kept_is_told_beside_what_was_typed(service, client, text, told):
    item = removed(service)
    refused = client.post(link(service, item), data={"text": text})
    assert refused.status_code == 422
    assert told in said(refused)
    assert 'aria-invalid="true"' in refused.text
    assert "<script" not in refused.text
    assert kept(service, item) == []


@ONCE
def test_what_is_far_too_large_is_refused_before_it_is_read(service, client):
    item = removed(service)
    refused = client.post(link(service, item), data={"text": "x" * (1 << 17)})
    assert refused.status_code in (400, 413)
    assert refused.headers["content-type"].startswith("text/html")
    assert kept(service, item) == []


@ONCE
def test_a_form_with_a_file_is_refused_on_a_page(service, client):
    where = link(service, removed(service))
    refused = client.post(where, files={"text": ("a.txt", b"x")})
    assert refused.status_code == 400
    assert refused.headers["content-type"].startswith("text/html")


@ONCE
@pytest.mark.parametrize(
    "change",
    [
        lambda where: "/appeal",
        lambda where: "/appeal?notice=",
        lambda where: where[:-1],
        lambda where: where + "x" * 5000,
        lambda where: where.replace(".1", ".2"),
        lambda where: "/appeal?notice=<script>alert(1)</script>",
    ],
)
def test_a_link_that_was_tampered_with_opens_nothing_and_takes_nothing(service, client, change):
    item = removed(service)
    where = change(link(service, item))
    for refused in (client.get(where), client.post(where, data={"text": SAID})):
        assert refused.status_code == 404
        assert "<script" not in refused.text
        assert refused.headers["x-robots-tag"]
    assert kept(service, item) == []


@ONCE
def test_a_link_of_another_server_opens_nothing(service, client):
    item = removed(service)
    until = service.clock() + DAY
    made = notices.token(service.secret.derive("other"), item_of(service, item).decision, until)
    assert client.get(f"/appeal?notice={made}").status_code == 404


def test_after_the_last_moment_it_can_be_read_for_a_while_and_then_no_more(service, client, clock):
    item = removed(service)
    where = link(service, item)
    clock.pass_by(184 * DAY)
    shown = client.get(where)
    assert "The time for an appeal is over." in said(shown)
    assert "<form" not in shown.text
    client.post(where, data={"text": SAID})
    assert kept(service, item) == []
    clock.pass_by(notices.KEPT)
    assert client.get(where).status_code == 410
    assert client.post(where, data={"text": SAID}).status_code == 410


@ONCE
def test_another_decision_ends_the_link(service, client):
    item = removed(service)
    where = link(service, item)
    machine(service, item, "allow")
    shown = client.get(where)
    assert shown.status_code == 410
    assert "Your content is shown." in said(shown)
    client.post(where, data={"text": SAID})
    assert kept(service, item) == []


@ONCE
def test_a_newer_notice_shows_the_appeal_that_waits(service, client):
    item = removed(service)
    appeal(service, item)
    machine(service, item, "quarantine")
    shown = client.get(link(service, item))
    assert "You appealed on" in said(shown)
    assert "<form" not in shown.text


def test_the_outcome_is_told_when_it_cannot_be_taken_back_any_more(service, client, clock):
    (ada,) = people(service, "ada")
    item = removed(service)
    where = link(service, item)
    made = appeal(service, item)
    undo(service, answer(service, made.case, ada, "allow", note="Take <b>that</b>."), ada)
    assert "will look at it" in said(client.get(where))
    answer(service, made.case, ada, "allow", note="Take <b>that</b>.\nAnd this.")
    assert "will look at it" in said(client.get(where))
    assert "does not hold any more" not in said(client.get(where))
    clock.pass_by(30 * SECOND)
    told = client.get(where)
    assert "has changed it" in said(told)
    assert said(told).index("does not hold any more") < said(told).index("What was decided")
    assert "Take <b>that</b>." in said(told)
    assert "<b>" not in told.text
    assert "ada" not in told.text
    assert "A person decided" not in told.text  # That was the machine's, and stays so.
    assert client.get(link(service, item)).status_code == 200


@ONCE
def test_the_answer_to_an_appeal_has_a_notice_without_a_form(service, client):
    (ada,) = people(service, "ada")
    item = removed(service)
    answer(service, appeal(service, item).case, ada, "remove", note="No.")
    shown = client.get(link(service, item))
    assert "There is no second one" in said(shown)
    assert "<form" not in shown.text


@ONCE
def test_what_must_not_be_told_is_not_told(service, client):
    item = decide(service, action="quarantine")
    shown = client.get(link(service, item))
    assert "no more is said here" in said(shown)
    assert "Known content" not in said(shown)
    # It can be appealed against all the same: matches can be wrong.
    assert client.post(link(service, item), data={"text": SAID}).status_code == 303
    assert len(kept(service, item)) == 1


@ONCE
def test_an_appeal_outlives_the_media(service, client):
    (ada,) = people(service, "ada")
    item = removed(service)
    where = link(service, item)
    with service.store.write() as connection:
        items.delete(connection, item, actor="user:1", reason="", now=service.clock())
    client.post(where, data={"text": SAID})
    (made,) = kept(service, item)
    answer(service, made.case, ada, "remove", note="No.")
    assert kept(service, item)[0].state == "upheld"


@ONCE
def test_who_asks_too_often_waits_and_nobody_else_does(service, app):
    where = link(service, removed(service))
    service.limits.notices._clock = lambda: 0.0
    first, second = Asking(app, address="2001:db8::1"), Asking(app, address="2001:db8::2")
    other = Asking(app, address="2001:db8:0:1::1")
    statuses = [first.get(where).status_code for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    assert second.get(where).status_code == 429
    slowed = second.post(where, data={"text": SAID})
    assert (slowed.status_code, slowed.headers["content-type"][:9]) == (429, "text/html")
    assert int(slowed.headers["retry-after"]) >= 1
    assert other.get(where).status_code == 200
    # To appeal costs more than to look.
    assert [other.post(where, data={}).status_code for _ in range(12)] == [422] * 11 + [429]


# The list


@ONCE
def test_reviewers_see_who_waits_and_how_long(service, app, clock):
    make_user(service, "ada", "reviewer")
    late, soon = removed(service, 1), removed(service, 2)
    first = appeal(service, late)
    clock.pass_by(7 * DAY + 3 * 3600 * SECOND)
    second = appeal(service, soon)
    ada = browser(app, "ada")
    shown = ada.get("/console/appeals")
    assert shown.text.index(first.case) < shown.text.index(second.case)
    assert "overdue by 3 h" in said(shown)
    assert "7 d left" in said(shown)
    only = ada.get("/console/appeals?show=overdue")
    assert first.case in only.text
    assert second.case not in only.text
    assert "No appeal has ended" in said(ada.get("/console/appeals?show=ended"))
    assert ada.get("/console/appeals?show=none").status_code == 422


@ONCE
def test_what_has_ended_is_listed_with_what_came_of_it(service, app):
    make_user(service, "bob", "reviewer")
    (ada,) = people(service, "ada")
    answer(service, appeal(service, removed(service)).case, ada, "restrict")
    shown = said(browser(app, "bob").get("/console/appeals?show=ended"))
    assert "reversed, now restrict" in shown


@ONCE
def test_a_viewer_does_not_see_it(service, app):
    make_user(service, "eve", "viewer")
    assert browser(app, "eve").get("/console/appeals").status_code == 403


# In a browser


@ONCE
def test_from_a_removal_to_its_reversal(service, app, base, chromium, clock):
    hook = add_hook(
        service, events=["item.decided", "item.reversed", "appeal.opened", "appeal.decided"]
    )
    service.settings = replace(service.settings, public_url=base)
    ada, _ = people(service, "ada", "bob")
    platform = Asking(app, headers=bearer(key_of(service, "admin")))
    with working(service, judge_of(service, banks=Banks(bank_of(role="review")))):
        item = send(platform).json()["id"]
    with service.store.read() as connection:
        first = cases.of_item(connection, item)
    answer(service, first.id, ada, "remove", note="It bleeds.")
    clock.pass_by(60 * SECOND)

    # The platform asks for the link, and gives it to the uploader.
    where = platform.post(f"/v1/items/{item}/notice").json()["url"]
    assert where.startswith(f"{base}/appeal?notice=")

    # Who needs no JavaScript, and no account.
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    told = listen(page)
    page.goto(where)
    assert page.get_by_role("heading", level=1).inner_text() == "Your content was removed"
    assert "Gore" in page.inner_text("main")
    assert "It bleeds." not in page.inner_text("main")
    page.get_by_label("Why do you think").fill(SAID)
    page.get_by_role("button", name="Send the appeal").click()
    assert "You appealed on" in page.inner_text("main")
    assert page.url == where
    (made,) = kept(service, item)

    # Who has removed it is not given the appeal, and cannot take it.
    assert next_appeal(service, ada) is None
    with visitor(chromium, base, "ada") as desk:
        desk.goto(f"/console/cases/{made.case}")
        desk.get_by_role("button", name="Take it").click()
        assert "it asks for another person" in desk.inner_text("main")
    assert case_of(service, made.case).claimed_by is None

    # Another one sees until when it is to be answered, and what the uploader says, and reverses.
    with visitor(chromium, base, "bob") as desk:
        desk.goto("/console/appeals")
        assert "7 d left" in desk.inner_text("main")
        axe(desk)
        shots(desk, "appeals")
        desk.locator("td.main a").click()
        assert SAID in desk.get_by_role("region", name="Appeal").inner_text()
        desk.get_by_role("button", name="Take it").click()
        shots(desk, "appeal-case")
        axe(desk)
        desk.get_by_label("Answer to the uploader").fill("You are right: it is a play.")
        desk.get_by_role("button", name="allow").click()
        desk.get_by_text("You answered").wait_for()
    assert kept(service, item)[0].state == "reversed"
    page.reload()
    assert "You are right" not in page.inner_text("main")
    receivers = Receivers()
    pass_time(Sender(service, courier=receivers, name="s"), clock, 40)
    assert [message.event for message in written(service, hook)] == [
        "item.decided",
        "item.reversed",
        "appeal.opened",
        "item.reversed",
        "appeal.decided",
    ]
    assert [message.state for message in written(service, hook)] == ["delivered"] * 5
    arrived = [one for _, ids in receivers.arrived for one in ids]
    assert arrived == [message.id for message in written(service, hook)]

    page.reload()
    assert "has changed it" in page.inner_text("main")
    assert "You are right: it is a play." in page.inner_text("main")
    context.close()
    assert told == []


@ONCE
def test_the_uploaders_pages_can_be_read_by_everybody(service, base, chromium, clock):
    (ada,) = people(service, "ada")
    plain, waiting, done = (removed(service, number) for number in (1, 2, 3))
    places = {
        "notice": link(service, plain),
        "waiting": link(service, waiting),
        "answered": link(service, done),
        "broken": "/appeal?notice=x",
    }
    appeal(service, waiting, text=HOSTILE["zalgo"] + HOSTILE["long word"])
    made = appeal(service, done, text="One.\nTwo.")
    answer(service, made.case, ada, "remove", note="It is no play.\nPlease read our rules.")
    clock.pass_by(60 * SECOND)
    for width, schemes in ((390, ("light", "dark")), (1280, ("light",))):
        context = chromium.new_context(base_url=base, viewport={"width": width, "height": 844})
        page = context.new_page()
        told = listen(page)
        for name, place in places.items():
            page.goto(place)
            if page.get_by_text("What you wrote").count():
                page.get_by_text("What you wrote").click()
            for scheme in schemes:
                page.emulate_media(color_scheme=scheme)
                axe(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            shots(page, f"hosted-{name}")
        context.close()
        assert told == []


@ONCE
def test_what_is_wrong_with_the_form_is_told_to_everybody(service, base, chromium):
    with visitor(chromium, base, None, width=390) as page:
        page.goto(link(service, removed(service)))
        page.get_by_label("Why do you think").fill(" ")
        page.get_by_role("button", name="Send the appeal").click()
        axe(page)
        field = page.get_by_label("Why do you think")
        assert field.get_attribute("aria-invalid") == "true"
        assert "text-error" in field.get_attribute("aria-describedby")
        shots(page, "hosted-wrong")
