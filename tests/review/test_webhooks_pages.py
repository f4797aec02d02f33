"""The pages of webhooks: one is made, and what arrives at it is seen."""

import pytest

from tests.review.filling import fill, follow
from tests.review.looking import axe, fits, shots, visitor
from tests.service.asking import ONCE, browser, make_user
from tests.service.origin import Origin, answer
from tests.service.telling import AtOnce, Receivers, add_hook, decide, pass_time
from tidegate.service.sender import Sender
from tidegate.service.targets import Outcome
from tidegate.store import audit, webhooks
from tidegate.store.clock import DAY

pytestmark = ONCE


@pytest.fixture
def admin(app, service):
    make_user(service)
    return browser(app)


@pytest.fixture
def receiver(monkeypatch):
    origin = Origin(lambda request: answer(b"ok"))
    monkeypatch.setenv("TIDEGATE_WEBHOOK_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("TIDEGATE_WEBHOOK_PORTS", str(origin.port))
    monkeypatch.setenv("TIDEGATE_WEBHOOK_HTTP", "1")
    yield origin
    origin.close()


def hooks(service):
    with service.store.read() as connection:
        return webhooks.page(connection, after=None, limit=10)


def given_up(service, clock):
    """Have a message to a webhook given up after a day of tries."""
    hook = add_hook(service)
    decide(service)
    down = Receivers(lambda *_: Outcome("cannot be reached", alone=True))
    pass_time(Sender(service, courier=down), clock, 2 * DAY / 1_000_000)
    return hook.id


def test_a_webhook_is_made_and_a_delivery_is_seen(service, clock, receiver, base, chromium):
    make_user(service)
    with visitor(chromium, base) as page:
        page.goto("/console/webhooks")
        page.get_by_role("link", name="Make the first webhook").click()
        page.get_by_label("Name").fill("platform")
        page.get_by_label("Where to").fill(f"http://127.0.0.1:{receiver.port}/tidegate")
        page.get_by_label("item.failed").check()
        shots(page, "webhooks-new")
        page.get_by_role("button", name="Make the webhook").click()
        secret = page.get_by_label("Secret").input_value()
        (hook,) = hooks(service)
        assert secret == hook.keys[0].secret
        assert hook.events == ("item.decided", "item.failed", "item.reversed")
        axe(page)
        shots(page, "webhooks-made")
        page.get_by_role("button", name="Send a test").click()
        assert "A test is on its way" in page.get_by_text("on its way").inner_text()
        assert "waiting" in page.locator("#state").inner_text()
        pass_time(Sender(service), clock, 1)
        assert b"webhook.test" in receiver.asked[0]
        # The page looks again by itself.
        page.get_by_text("answered 200").wait_for()
        axe(page)
        fits(page)
        shots(page, "webhooks-delivery")
        page.goto(f"/console/webhooks/{hook.id}")
        assert page.get_by_role("cell", name="delivered").is_visible()
        assert secret not in page.content()
        shots(page, "webhooks-webhook")
        page.get_by_role("link", name="Exchange the key").click()
        page.get_by_role("button", name="Exchange the key").click()
        assert page.get_by_label("Secret").input_value() not in (secret, "")
        assert len(hooks(service)[0].keys) == 2
        page.goto("/console/webhooks")
        shots(page, "webhooks-list")


def test_what_was_given_up_is_listed_and_sent_once_more(app, service, clock):
    hook = given_up(service, clock)
    make_user(service)
    admin = browser(app)
    path = f"/console/webhooks/{hook}"
    assert f"{path}/deliveries?state=dead" in admin.get("/console/webhooks").text
    dead = admin.get(f"{path}/deliveries?state=dead").text
    assert "cannot be reached" in dead
    assert "1 message to platform was given up" in admin.get(f"{path}/redeliver").text
    again = follow(admin, fill(admin, f"{path}/redeliver", reason="it is back")).text
    assert "Sent once more: 1" in again
    assert "No message is dead" in admin.get(f"{path}/deliveries?state=dead").text
    receivers = Receivers()
    Sender(service, courier=receivers).round(AtOnce())
    assert len(receivers.arrived) == 1
    with service.store.read() as connection:
        (row,) = audit.newest(connection, subject=hook, limit=1)
    assert (row.action, row.reason) == ("webhook.redeliver", "it is back")


def test_one_message_is_sent_once_more_from_its_page(app, service, clock):
    hook = given_up(service, clock)
    make_user(service)
    admin = browser(app)
    listed = admin.get(f"/console/webhooks/{hook}/deliveries").text
    message = listed.partition(f"/console/webhooks/{hook}/deliveries/")[2].partition('"')[0]
    path = f"/console/webhooks/{hook}/deliveries/{message}"
    shown = admin.get(path).text
    assert "given up" in shown
    assert shown.count("cannot be reached") > 5  # Every attempt is told.
    assert "waiting" in follow(admin, fill(admin, f"{path}/redeliver")).text


def test_a_webhook_is_changed_as_it_was_looked_at_and_deleted(admin, service):
    hook = add_hook(service, per_minute=5).id
    path = f"/console/webhooks/{hook}"
    fields = {
        "name": "other",
        "address": "https://platform.example/other",
        "events": ["item.failed"],
        "actions": ["remove"],
        "version": "1",
    }
    shown = follow(admin, fill(admin, f"{path}/change", **fields)).text
    assert "The webhook is changed" in shown
    (changed,) = hooks(service)
    assert (changed.name, changed.events, changed.actions) == (
        "other",
        ("item.failed",),
        ("remove",),
    )
    assert (changed.per_minute, changed.active) == (None, False)
    assert fill(admin, f"{path}/change", **fields).status_code == 409
    wrong = fill(admin, f"{path}/change", **fields | {"version": "2", "events": []})
    assert wrong.status_code == 422
    assert "Choose one at least" in wrong.text
    assert "Delete other?" in admin.get(f"{path}/delete").text
    follow(admin, fill(admin, f"{path}/delete"))
    assert admin.get(path).status_code == 404


def test_the_address_of_slack_is_a_secret_and_stays_where_none_is_given(admin, service):
    address = "https://hooks.slack.example/services/T0/B0/secret"
    hook = add_hook(service, kind="slack", address=address).id
    assert "services/T0" not in admin.get(f"/console/webhooks/{hook}").text
    assert "services/T0" not in admin.get(f"/console/webhooks/{hook}/change").text
    fields = {"name": "chat", "address": "", "events": ["item.failed"], "version": "1"}
    follow(admin, fill(admin, f"/console/webhooks/{hook}/change", **fields))
    assert hooks(service)[0].address == address


def test_the_key_of_callbacks_is_shown_for_a_host(admin):
    shown = fill(admin, "/console/webhooks/callback-key", host="platform.example", reason="set up")
    assert shown.status_code == 200
    assert "tgw_" in shown.text
    assert fill(admin, "/console/webhooks/callback-key", host="a b").status_code == 422


def test_only_who_may_sees_webhooks(app, service):
    make_user(service, "cem", "curator")
    curator = browser(app, "cem")
    hook = add_hook(service).id
    for path in ("", "/new", f"/{hook}", f"/{hook}/deliveries"):
        assert curator.get(f"/console/webhooks{path}").status_code == 403
    assert fill(curator, f"/console/webhooks/{hook}/delete").status_code == 403
    assert "/console/webhooks" not in curator.get("/console/banks").text
