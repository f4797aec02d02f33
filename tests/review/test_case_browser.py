"""Cases as people work on them: in a real browser, over the real service, with real media."""

import re

import pytest
from playwright.sync_api import expect

from tests.review.looking import axe, fits, shots, visitor
from tests.review.scenes import (
    film,
    jpeg,
    judged,
    judging,
    make_bank,
    matched,
    people,
    reviewed,
    turned,
)
from tests.service.asking import ONCE
from tests.service.working import send
from tidegate.store import cases, exposure, items, preferences, users
from tidegate.store.clock import SECOND
from tidegate.store.preferences import Preferences

pytestmark = ONCE


@pytest.fixture
def staff(service):
    people(service)


@pytest.fixture
def case(service, admin, reader, staff, tmp_path):
    item = '{"surface": "avatar", "reach": 1200, "uploader": {"id": "a-8231", "account_days": 3}}'
    return reviewed(service, admin, reader, tmp_path, item=item)


@pytest.fixture
def clip(service, admin, reader, staff, tmp_path):
    """A clip that a bank holds, of which a score is told besides."""
    return matched(service, admin, reader, tmp_path, known=film(), data=film(), score=0.8)


def state(service, case):
    with service.store.read() as connection:
        return cases.need(connection, case.id).state


def action_of(service, item):
    with service.store.read() as connection:
        return items.get(connection, item).action


def seen(service, name):
    with service.store.read() as connection:
        user = users.by_name(connection, name)[0].id
        return exposure.ledger(connection, user, since=0)


def pictured(page):
    """Wait until the large picture is there."""
    expect(page.locator("#picture")).not_to_have_js_property("naturalWidth", 0)


def filter_of(page, of="#picture"):
    return page.evaluate(f"getComputedStyle(document.querySelector('{of}')).filter")


def test_a_day_by_keys(service, admin, reader, chromium, base, case, tmp_path):
    judged(service, admin, reader, tmp_path, jpeg("astronaut.png"), score=0.8)
    with visitor(chromium, base, "ada") as page:
        page.goto("/console/queues")
        page.keyboard.press("n")
        page.wait_for_url(f"**/cases/{case.id}")
        page.keyboard.press("4")
        page.wait_for_url(lambda url: "/cases/" in url and case.id not in url)
        assert action_of(service, case.item) == "remove"
        expect(page.get_by_text("You answered")).to_be_visible()
        page.keyboard.press("u")
        page.wait_for_url(f"**/cases/{case.id}")
        assert action_of(service, case.item) == "review"
        # Where somebody writes, keys are letters.
        page.get_by_label("Note").fill("4 bottles")
        page.keyboard.press("1")
        assert page.get_by_label("Note").input_value() == "4 bottles1"
        assert state(service, case) == "open"
        page.get_by_role("heading", level=1).click()
        page.keyboard.press("s")
        page.wait_for_url(lambda url: case.id not in url)
        page.keyboard.press("?")
        listed = page.get_by_role("dialog").inner_text()
        for told in ("Answer: remove", "Skip", "Escalate", "Hold to see the pictures"):
            assert told in listed


def test_pictures_are_seen_while_a_key_or_a_button_is_held(service, chromium, base, case):
    with visitor(chromium, base, "ada") as page:
        page.goto(f"/console/cases/{case.id}")
        pictured(page)
        assert "blur" in filter_of(page)
        page.keyboard.down(" ")
        expect(page.locator("#case")).to_have_class(re.compile("peeked"))
        expect(page.locator("#picture")).to_have_css("filter", "none")
        page.wait_for_timeout(150)
        with page.expect_response("**/seen"):
            page.keyboard.up(" ")
        expect(page.locator("#case")).not_to_have_class(re.compile("peeked"))
        (told,) = seen(service, "ada")
        assert told.category == "regulated.alcohol"
        assert 100_000 <= told.micros < 30 * SECOND
        page.get_by_role("button", name="Hold to see it").hover()
        page.mouse.down()
        expect(page.locator("#case")).to_have_class(re.compile("peeked"))
        page.mouse.up()
        expect(page.locator("#case")).not_to_have_class(re.compile("peeked"))
        page.keyboard.down(" ")
        page.evaluate("dispatchEvent(new Event('blur'))")  # Another window comes before it.
        expect(page.locator("#case")).not_to_have_class(re.compile("peeked"))
        assert page.evaluate("scrollY") == 0


def test_nothing_is_unveiled_beyond_the_hard_limit(service, chromium, base, case, clock):
    with service.store.write() as connection:
        user = users.by_name(connection, "ada")[0].id
        preferences.put(connection, user, Preferences(hard=1), now=service.clock())
        exposure.book(connection, user, "", 30 * SECOND, now=service.clock() - 50 * SECOND)
        exposure.book(connection, user, "", 29_950_000, now=service.clock() - 10 * SECOND)
    with visitor(chromium, base, "ada") as page:
        page.goto(f"/console/cases/{case.id}")
        pictured(page)
        page.keyboard.press("t")
        page.get_by_label("Note").fill("half a sentence")
        page.wait_for_load_state()
        page.get_by_role("heading", level=1).click()
        page.keyboard.down(" ")
        page.wait_for_timeout(150)
        with page.expect_response("**/seen"):
            page.keyboard.up(" ")
        expect(page.get_by_role("button", name="Nothing more is unblurred")).to_be_disabled()
        page.keyboard.down(" ")
        expect(page.locator("#case")).not_to_have_class(re.compile("peeked"))
        assert page.get_by_label("Note").input_value() == "half a sentence"
        page.reload()
        pictured(page)
        assert page.evaluate("document.querySelector('#picture').naturalWidth") <= 64
        axe(page)


def test_two_reviewers_at_once(service, chromium, base, case, clock):
    with visitor(chromium, base, "ada") as ada, visitor(chromium, base, "ben") as ben:
        for page in (ada, ben):
            page.goto(f"/console/cases/{case.id}")
        ada.keyboard.press("t")
        expect(ada.get_by_role("button", name="remove")).to_be_visible()
        ben.keyboard.press("t")
        expect(ben.get_by_role("alert").first).to_contain_text("da has this case until")
        clock.pass_by(121 * SECOND)
        ben.goto(f"/console/cases/{case.id}")
        ben.keyboard.press("t")
        expect(ben.get_by_role("button", name="allow")).to_be_visible()
        # The page of whoever has lost it says so by itself, and takes no answer any more.
        ada.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(ada.locator("#lost")).to_contain_text("en has this case until")
        expect(ada.get_by_role("button", name="remove")).to_be_disabled()
        ada.keyboard.press("4")
        assert state(service, case) == "open"
        axe(ada)
        ben.keyboard.press("1")
        ben.wait_for_url("**/queues")
        ada.reload()
        expect(ada.get_by_text("ben answered")).to_be_visible()


def test_moments_of_a_clip(chromium, base, clip):
    with visitor(chromium, base, "lea") as page:
        page.goto(f"/console/cases/{clip.id}")
        pictured(page)
        strip = page.locator(".strip a")
        at = [float(one.get_attribute("data-second")) for one in strip.all()]
        assert at == sorted(at)

        def shows(second):
            expect(page.locator("#picture")).to_have_attribute("src", re.compile(f"at={second}"))

        shows(at[0])
        page.keyboard.press("ArrowRight")
        shows(f"{at[1]:.3f}")
        page.keyboard.press("ArrowLeft")
        shows(f"{at[0]:.3f}")
        strip.nth(9).click()
        shows(f"{at[9]:.3f}")
        expect(strip.nth(9)).to_have_attribute("aria-current", "true")
        # Half of its four seconds.
        lane = page.locator("#spans .timeline:not(.scrub) .lane .plot > svg").first
        box = lane.bounding_box()
        lane.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
        shows(r"(1\.9|2\.0)")
        expect(page.locator("#shown-at")).to_contain_text(re.compile(r"00:0(1\.9|2\.0)"))
        pictured(page)
        assert page.get_by_role("img", name="Alcohol").count()


def test_added_to_a_bank_the_next_copy_is_caught(service, admin, chromium, base, case, tmp_path):
    make_bank(admin, "house-bank", role="block")
    with judging(service, tmp_path), visitor(chromium, base, "max") as page:
        page.goto(f"/console/cases/{case.id}")
        page.keyboard.press("b")
        page.get_by_label("Note").fill("a cup")
        page.get_by_role("button", name="Add, and see what it would meet").click()
        expect(page.get_by_text("matches nothing yet")).to_be_visible()
        assert send(admin, turned()).json()["action"] == "allow"
        page.get_by_role("link", name="Let it match").click()
        page.get_by_role("button", name="Let it match").click()
        page.wait_for_load_state()
        assert send(admin, jpeg(quality=40)).json()["action"] == "remove"


def test_all_of_it_by_forms_alone(service, chromium, base, case):
    with visitor(chromium, base, "ada", script=False) as page:
        page.goto("/console/queues")
        page.get_by_role("button", name="Next case").click()
        assert not page.locator("[data-peek]").is_visible()  # Nothing would come of it.
        page.get_by_role("button", name="Show it").click()
        assert filter_of(page) == "none"
        (told,) = seen(service, "ada")
        assert told.micros == 10 * SECOND
        page.get_by_label("News").check()
        page.get_by_label("Note").fill("a cup")
        page.get_by_role("button", name="restrict").click()
        assert action_of(service, case.item) == "restrict"
        page.get_by_role("button", name="Undo").click()
        assert action_of(service, case.item) == "review"
        page.get_by_role("button", name="Escalate").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Queues"


def test_pages_are_for_everybody(service, admin, reader, chromium, base, case, clip, tmp_path):
    judged(service, admin, reader, tmp_path, jpeg(quality=55), score=0.86)
    with visitor(chromium, base, "max") as page:
        for name, path in (
            ("queues", "queues"),
            ("case-clip", f"cases/{clip.id}"),
            ("wellness", "wellness"),
            ("enlist", f"items/{case.item}/bank"),
            ("case-photo", f"cases/{case.id}"),
        ):
            page.goto(f"/console/{path}")
            if name.startswith("case"):
                page.keyboard.press("t")
                expect(page.get_by_role("button", name="remove")).to_be_visible()
                pictured(page)
            for details in page.locator("details").all():
                details.evaluate("one => one.open = true")
            page.emulate_media(color_scheme="dark" if name == "case-clip" else "light")
            axe(page)
            fits(page)
            shots(page, name)
        page.keyboard.press("4")
        page.wait_for_url(f"**/cases/{clip.id}")  # That is still theirs.
        page.goto("/console/queues")
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        axe(page)
        shots(page, "undo")
        page.goto(f"/console/cases/{case.id}")
        axe(page)
        shots(page, "decided")
