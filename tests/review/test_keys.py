"""Keys in a browser, on a page of this test's own among the console's."""

import pytest
from fastapi import APIRouter, Request
from jinja2 import ChoiceLoader, DictLoader
from playwright.sync_api import expect

from tests.review.looking import axe, visitor
from tests.service.asking import ONCE, make_user
from tidegate.review import frame
from tidegate.review.app import build
from tidegate.store import preferences, users
from tidegate.store.preferences import Preferences

PAGE = """
{% extends "page.html" %}
{% block title %}Keys{% endblock %}
{% block content %}
<h1>Keys</h1>
<a href="#next" data-key="n">Next case <kbd>n</kbd></a>
<form method="post" action="/console/logout" id="form">{{ csrf() }}
<label for="note">Note</label> <input id="note" name="note" data-key="/">
<label for="more">More</label> <textarea id="more"></textarea>
<label><input type="radio" name="one" id="radio"> One</label>
<button type="button" data-key="1" id="one" data-key-label="Answer: allow">allow</button>
<button type="button" data-key="2" id="two" disabled>remove <kbd>2</kbd></button>
<button type="button" data-key="3" id="three" hidden>hidden <kbd>3</kbd></button>
<button type="button" data-key="ArrowRight" id="right" aria-label="The moment after">→</button>
<button type="button" data-key="?!" id="odd">odd</button>
</form>
<template data-key=" " data-key-label="Hold to see it"></template>
{% endblock %}
"""


pytestmark = ONCE


@pytest.fixture
def app(service, monkeypatch):
    """The console with one more page, that counts what is pressed."""
    app = build(service)
    router = APIRouter()
    environment = frame._environment()
    loaders = ChoiceLoader([DictLoader({"keys.html": PAGE}), environment.loader])
    monkeypatch.setattr(environment, "loader", loaders)

    @router.get("/console/test")
    def test(request: Request, at: frame.At, who: object = frame.visits()):
        return frame.render(request, at, who, "keys.html")

    app.include_router(router)
    return app


@pytest.fixture
def page(base, chromium, service):
    make_user(service, "ada", "reviewer")
    with visitor(chromium, base, "ada") as page:
        page.goto("/console/test")
        # Clicks are written down where a test can read them.
        page.evaluate(
            """() => {
              window.pressed = [];
              document.addEventListener("click", (event) => {
                const at = event.target.closest("[data-key]");
                if (at) window.pressed.push(at.dataset.key);
              });
            }"""
        )
        yield page


def pressed(page):
    return page.evaluate("window.pressed")


def test_a_key_activates_its_element(page):
    page.keyboard.press("1")
    page.keyboard.press("n")
    page.keyboard.press("ArrowRight")
    assert pressed(page) == ["1", "n", "ArrowRight"]
    assert page.url.endswith("#next")


def test_a_letter_is_the_same_with_caps_lock(page):
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'N', bubbles: true}))")
    assert pressed(page) == ["n"]


def test_what_cannot_be_pressed_is_not(page):
    for key in "23x":
        page.keyboard.press(key)
    assert pressed(page) == []


@pytest.mark.parametrize("field", ["#note", "#more"])
def test_who_writes_presses_nothing(page, field):
    page.locator(field).focus()
    page.keyboard.type("n1/?")
    assert pressed(page) == []
    assert page.locator(field).input_value() == "n1/?"


def test_a_key_of_a_field_leads_into_it(page):
    page.keyboard.press("/")
    # The search of every page is the first that has this key.
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("n")
    assert pressed(page) == []


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_with_a_modifier_it_is_the_browsers(page, modifier):
    page.keyboard.press(f"{modifier}+1")
    assert pressed(page) == []


def test_a_key_that_is_held_acts_once(page):
    for _ in range(5):  # Pressed and not let go: the second and later ones are repeats.
        page.keyboard.down("1")
    page.keyboard.up("1")
    assert pressed(page) == ["1"]


def test_a_control_in_focus_keeps_its_own_keys(page):
    page.locator("#radio").focus()
    page.keyboard.press("ArrowRight")
    assert pressed(page) == []
    page.keyboard.press("1")
    assert pressed(page) == ["1"]


def test_the_question_mark_lists_all_keys_of_the_page(page):
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys of this page")
    told = dialog.locator("dl").inner_text().split("\n")
    lines = [line for line in told if line.strip()]
    pairs = dict(zip(lines[::2], lines[1::2], strict=True))
    assert pairs == {
        "/": "Find an item by its id, your id or its sha256",
        "n": "Next case",
        "1": "Answer: allow",
        "→": "The moment after",
        "?!": "odd",
        "Space": "Hold to see it",
        "?": "Show the keys of this page",
    }
    axe(page)
    # While it is open, keys do nothing but close it.
    page.keyboard.press("1")
    assert pressed(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    page.keyboard.press("1")
    assert pressed(page) == ["1"]


def test_keys_are_announced(page):
    assert page.locator("#one").get_attribute("aria-keyshortcuts") == "1"
    page.get_by_role("button", name="Keys of this page").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("dialog")).to_have_count(0)


def test_who_has_switched_keys_off_has_none(page, service):
    with service.store.write() as connection:
        found = users.by_name(connection, "ada")[0]
        preferences.put(connection, found.id, Preferences(keys=False), now=service.clock())
    page.reload()
    page.evaluate("window.pressed = []; 0")
    page.keyboard.press("1")
    page.keyboard.press("?")
    assert page.evaluate("document.body.dataset.keys") == "off"
    expect(page.locator("dialog")).to_have_count(0)
    assert page.locator("#one").get_attribute("aria-keyshortcuts") is None
    expect(page.get_by_role("button", name="Keys of this page")).to_have_count(0)


def test_a_form_is_not_sent_twice_by_a_slip(page):
    page.evaluate(
        """() => {
          window.sent = 0;
          document.addEventListener("submit", (event) => {
            if (!event.defaultPrevented) window.sent += 1;
            event.preventDefault();
          });
        }"""
    )
    page.evaluate("for (let i = 0; i < 3; i += 1) document.getElementById('form').requestSubmit()")
    assert page.evaluate("window.sent") == 1
