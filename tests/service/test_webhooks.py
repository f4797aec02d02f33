import json

import pytest

from tests.service.asking import Asking, bearer, make_key
from tests.service.telling import AtOnce, Receivers, decide, pass_time
from tidegate.service.sender import Sender
from tidegate.service.targets import Outcome
from tidegate.store import audit, clock, webhooks
from tidegate.store.clock import HOUR

HOOK = {
    "name": "platform",
    "address": "https://platform.example/tidegate",
    "events": ["item.reversed", "item.decided"],
    "reason": "the new forum",
}
SLACK = {
    "name": "alarms",
    "kind": "slack",
    "address": "https://hooks.slack.example/services/T0/B0/hidden-token",
    "events": ["alarm.raised"],
}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for variable in ("TIDEGATE_SMTP", "TIDEGATE_WEBHOOK_NETWORKS", "TIDEGATE_WEBHOOK_HTTP"):
        monkeypatch.delenv(variable, raising=False)


def make(admin, **fields):
    answer = admin.post("/v1/webhooks", json=HOOK | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def rows(service, subject):
    with service.store.read() as connection:
        return audit.newest(connection, subject=subject, limit=20)[::-1]


def kept(service, webhook):
    with service.store.read() as connection:
        return webhooks.get(connection, webhook)


def send(service, clock, answer=lambda *_: None):
    receivers = Receivers(answer)
    pass_time(Sender(service, courier=receivers, name="s"), clock, 2)
    return receivers


def test_a_webhook_is_made_and_its_secret_is_shown_this_once(admin, service):
    made = make(admin)
    hook, key = made["webhook"], made["key"]
    assert hook["events"] == ["item.decided", "item.reversed"]
    assert [one["id"] for one in hook["keys"]] == [key["id"]]
    assert kept(service, hook["id"]).keys[0].secret == key["secret"]
    for answer in (admin.get("/v1/webhooks"), admin.get(f"/v1/webhooks/{hook['id']}")):
        assert hook["id"] in answer.text
        assert key["secret"] not in answer.text
    (row,) = rows(service, hook["id"])
    assert (row.action, row.reason) == ("webhook.create", "the new forum")
    assert key["secret"] not in row.body


def test_nobody_else_may(app, service):
    _, token = make_key(service, {"items.read", "keys"})
    some = Asking(app, headers=bearer(token))
    for path in ("", "/backlog", "/x", "/x/deliveries", "/x/deliveries/y"):
        assert some.get(f"/v1/webhooks{path}").status_code == 403
    for path in ("", "/callback-key", "/x/rotate", "/x/test", "/x/redeliver"):
        assert some.post(f"/v1/webhooks{path}", json={}).status_code == 403


def test_the_address_of_slack_is_a_secret_and_nothing_is_signed(admin, service):
    made = make(admin, **SLACK)
    assert made["key"] is None
    assert made["webhook"]["address"] == "https://hooks.slack.example/…"
    assert "hidden-token" not in admin.get("/v1/webhooks").text
    (row,) = rows(service, made["webhook"]["id"])
    assert "hidden-token" not in row.body
    assert kept(service, made["webhook"]["id"]).address == SLACK["address"]
    answer = admin.post(f"/v1/webhooks/{made['webhook']['id']}/rotate", json={})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "http://platform.example/"},
        {"address": "https://user:hunter2@platform.example/"},
        {"address": "https://10.0.0.1:8080/"},
        {"address": "https://localhost/"},
        {"address": ""},
        {"events": []},
        {"events": ["webhook.test"]},
        {"events": ["item.*"]},
        {"name": ""},
        {"per_minute": 0},
        {"digest_seconds": 100_000},
        {"kind": "email", "address": "team@platform.example"},
        {"kind": "sms", "address": "+43"},
        {"secret": "mine"},
    ],
)
def test_what_could_not_be_sent_to_is_refused(admin, wrong):
    answer = admin.post("/v1/webhooks", json=HOOK | wrong)
    assert answer.status_code == 422
    assert "hunter2" not in answer.text
    assert admin.get("/v1/webhooks").json()["webhooks"] == []


def test_with_a_mail_server_an_address_of_e_mail_will_do(admin, monkeypatch):
    monkeypatch.setenv("TIDEGATE_SMTP", "mail.example")
    monkeypatch.setenv("TIDEGATE_SMTP_FROM", "tidegate@platform.example")
    made = make(admin, kind="email", address="team@platform.example", digest_seconds=60)
    assert made["key"] is None
    for wrong in (
        "team",
        "Team <a@b.example>",
        "a@b.example, c@d.example",
        "a@b.example\nBcc: x@y",
    ):
        answer = admin.post("/v1/webhooks", json=HOOK | {"kind": "email", "address": wrong})
        assert answer.status_code == 422


def test_two_webhooks_have_two_names_until_one_is_deleted(admin):
    first = make(admin)["webhook"]["id"]
    assert admin.post("/v1/webhooks", json=HOOK).status_code == 409
    other = make(admin, name="other")["webhook"]["id"]
    renamed = admin.patch(f"/v1/webhooks/{other}", json={"version": 1, "name": "platform"})
    assert renamed.status_code == 409
    assert admin.delete(f"/v1/webhooks/{first}").status_code == 204
    make(admin)


def test_a_page_follows_the_other(admin):
    made = [make(admin, name=f"n{number}")["webhook"]["id"] for number in range(3)]
    first = admin.get("/v1/webhooks?limit=2").json()
    second = admin.get(f"/v1/webhooks?limit=2&after={first['next']}").json()
    shown = [one["id"] for one in first["webhooks"] + second["webhooks"]]
    assert shown == made[::-1]
    assert second["next"] is None


def test_a_change_goes_by_the_version_that_was_seen(admin, service):
    hook = make(admin, per_minute=5)["webhook"]["id"]
    change = {"version": 1, "events": ["alarm.raised"], "per_minute": None, "reason": "less"}
    changed = admin.patch(f"/v1/webhooks/{hook}", json=change).json()
    assert (changed["version"], changed["events"], changed["per_minute"]) == (
        2,
        ["alarm.raised"],
        None,
    )
    assert changed["name"] == "platform"
    assert admin.patch(f"/v1/webhooks/{hook}", json=change).status_code == 409
    inside = {"version": 2, "address": "https://127.0.0.1/"}
    assert (
        admin.patch(f"/v1/webhooks/{hook}", json=inside | {"address": "ftp://x"}).status_code == 422
    )
    assert [row.action for row in rows(service, hook)] == ["webhook.create", "webhook.change"]


def test_while_a_key_is_exchanged_two_sign_and_then_the_new_one_alone(admin, service, clock):
    made = make(admin)
    path = f"/v1/webhooks/{made['webhook']['id']}"
    second = admin.post(f"{path}/rotate", json={"overlap_minutes": 60}).json()
    signing = kept(service, made["webhook"]["id"]).signing
    assert [key.secret for key in signing(clock.now)] == [
        second["key"]["secret"],
        made["key"]["secret"],
    ]
    clock.pass_by(HOUR)
    assert [key.secret for key in signing(clock.now)] == [second["key"]["secret"]]
    third = admin.post(f"{path}/rotate", json={"overlap_minutes": 0}).json()
    assert [key.id for key in kept(service, made["webhook"]["id"]).keys] == [third["key"]["id"]]
    told = [json.loads(row.body)["keys"] for row in rows(service, made["webhook"]["id"])]
    assert told[-1] == [third["key"]["id"]]


def test_what_is_deleted_is_gone_with_its_secret(admin, service):
    made = make(admin)
    hook = made["webhook"]["id"]
    assert admin.delete(f"/v1/webhooks/{hook}?reason=moved").status_code == 204
    assert admin.get(f"/v1/webhooks/{hook}").status_code == 404
    assert admin.delete(f"/v1/webhooks/{hook}").status_code == 404
    assert admin.get("/v1/webhooks").json()["webhooks"] == []
    with service.store.read() as connection:
        assert made["key"]["secret"] not in str(
            connection.exec_driver_sql("SELECT * FROM webhooks").all()
        )
    assert rows(service, hook)[-1].reason == "moved"


def test_a_test_is_sent_and_its_delivery_says_how_it_went(admin, service, clock):
    hook = make(admin)["webhook"]["id"]
    message = admin.post(f"/v1/webhooks/{hook}/test", json={}).json()["message"]
    path = f"/v1/webhooks/{hook}/deliveries/{message}"
    assert admin.get(path).json()["delivery"]["state"] == "waiting"
    send(service, clock)
    shown = admin.get(path).json()
    assert shown["delivery"]["state"] == "delivered"
    assert shown["delivery"]["event"] == "webhook.test"
    assert [(one["number"], one["status"]) for one in shown["attempts"]] == [(1, 200)]
    assert (
        admin.get(
            f"/v1/webhooks/{make(admin, name='b')['webhook']['id']}/deliveries/{message}"
        ).status_code
        == 404
    )
    off = admin.patch(f"/v1/webhooks/{hook}", json={"version": 1, "active": False})
    assert off.status_code == 200
    assert admin.post(f"/v1/webhooks/{hook}/test", json={}).status_code == 409


def test_deliveries_are_paged_and_chosen_by_state(admin, service, clock):
    hook = make(admin)["webhook"]["id"]
    for number in range(1, 6):
        decide(service, number=number)
    gone = Outcome("the receiver answered with status 410", 410, final=True)
    send(service, clock, lambda _, told: gone if told[0].item.external_id == "ext-3" else None)
    path = f"/v1/webhooks/{hook}/deliveries"
    first = admin.get(f"{path}?limit=3").json()
    second = admin.get(f"{path}?limit=3&after={first['next']}").json()
    assert [len(page["deliveries"]) for page in (first, second)] == [3, 2]
    assert second["next"] is None
    (dead,) = admin.get(f"{path}?state=dead").json()["deliveries"]
    assert (dead["last_status"], dead["attempts"]) == (410, 1)
    assert admin.get(f"{path}?after=no-such").status_code == 404
    assert admin.get("/v1/webhooks/no-such/deliveries").status_code == 404


def test_what_was_given_up_or_delivered_is_sent_again_with_the_same_id(admin, service, clock):
    hook = make(admin)["webhook"]["id"]
    path = f"/v1/webhooks/{hook}"
    for number in range(1, 4):
        decide(service, number=number)
    gone = Outcome("the receiver answered with status 410", 410, final=True)
    send(service, clock, lambda *_: gone)
    assert admin.get("/v1/webhooks/backlog").json()["targets"] == [
        {"target": hook, "waiting": 0, "dead": 3, "oldest": None}
    ]
    one = admin.get(f"{path}/deliveries").json()["deliveries"][0]["id"]
    answer = admin.post(f"{path}/deliveries/{one}/redeliver", json={"reason": "mended"})
    assert (answer.status_code, answer.json()) == (202, {"messages": 1})
    assert admin.post(f"{path}/redeliver", json={}).json() == {"messages": 2}
    assert len(send(service, clock).arrived) == 3
    assert admin.post(f"{path}/deliveries/{one}/redeliver", json={}).status_code == 202
    assert send(service, clock).arrived == [(HOOK["address"], [one])]
    last = rows(service, hook)[-3]
    assert (last.action, last.reason) == ("webhook.redeliver", "mended")


def test_the_callbacks_of_items_are_seen_by_their_host(admin, service, clock):
    item = decide(service, callback="https://platform.example/back")
    send(service, clock)
    (one,) = admin.get("/v1/webhooks/callback:platform.example/deliveries").json()["deliveries"]
    assert (one["item"], one["state"]) == (item, "delivered")


def test_the_key_of_callbacks_is_shown_and_that_is_in_the_audit_chain(admin, service, clock):
    decide(service, callback="https://platform.example/back")
    keys = []
    send(service, clock, lambda target, _: keys.extend(target.keys))
    asked = {"host": "Platform.example", "reason": "new receiver"}
    shown = admin.post("/v1/webhooks/callback-key", json=asked).json()
    assert [(key.id, key.secret.text()) for key in keys] == [(shown["id"], shown["secret"])]
    (row,) = rows(service, "callback:platform.example")
    assert (row.action, row.reason) == ("webhook.callback-key", "new receiver")
    assert shown["secret"] not in row.body


def test_times_are_of_the_clock(admin, clock):
    assert make(admin)["webhook"]["created_at"] == clock_text(clock)


def clock_text(told):
    return clock.text(told.now)


def test_a_round_without_work_does_nothing(service):
    assert Sender(service, courier=Receivers(), name="s").round(AtOnce()) == 1.0


def test_who_receives_the_callbacks_of_one_host_signs_none_to_another(admin, service, clock):
    for number, host in enumerate(("a.example", "b.example", "BÜCHER.example"), 1):
        decide(service, number=number, callback=f"https://{host}/back")
    keys = {}
    send(service, clock, lambda target, _: keys.update({target.address: target.keys[0]}))
    assert len({key.secret.text() for key in keys.values()}) == len({k.id for k in keys.values()})
    assert len(keys) == 3
    shown = admin.post("/v1/webhooks/callback-key", json={"host": "xn--bcher-kva.example"}).json()
    assert keys["https://BÜCHER.example/back"].secret.text() == shown["secret"]
    for wrong in ("localhost", "a.example/b", "user@a.example", "", "a b", "a.example:8443", "?"):
        answer = admin.post("/v1/webhooks/callback-key", json={"host": wrong})
        assert answer.status_code == 422, wrong


def test_of_which_decisions_a_webhook_hears_is_said_and_changed(admin, service):
    hook = make(admin, actions=["remove", "quarantine", "remove"])["webhook"]
    assert hook["actions"] == ["quarantine", "remove"]
    change = {"version": 1, "actions": []}
    assert admin.patch(f"/v1/webhooks/{hook['id']}", json=change).json()["actions"] == []
    told = [json.loads(row.body)["actions"] for row in rows(service, hook["id"])]
    assert told == [["quarantine", "remove"], []]
    assert admin.post("/v1/webhooks", json=HOOK | {"actions": ["delete"]}).status_code == 422
