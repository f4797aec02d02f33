import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.service.asking import ONCE, Asking, bearer, browser, make_key, make_user
from tests.service.telling import decide
from tests.service.working import Banks, files, judge_of, photo, put_in_force, send, working
from tests.store.making import decision
from tidegate.pipeline.load import shipped
from tidegate.service.uploads import LARGEST_ITEM
from tidegate.store import audit, decisions, items, jobs, outbox
from tidegate.store.verify import verify


@pytest.fixture
def judging(service):
    put_in_force(service)
    return judge_of(service)


def test_an_upload_is_judged_in_the_call(service, admin, judging):
    with working(service, judging):
        answer = send(admin, item='{"external_id": "post-1", "surface": "avatar"}')
    assert answer.status_code == 200
    found = answer.json()
    assert (found["state"], found["action"]) == ("judged", "allow")
    assert found["decision"]["action"] == "allow"
    assert found["evidence"]["sha256"] == found["sha256"]
    assert found["facts"]["surface"] == "avatar"
    assert [past["origin"] for past in found["history"]] == ["machine"]
    assert answer.headers["location"] == f"/v1/items/{found['id']}"
    assert admin.get(answer.headers["location"]).json() == found


def test_without_a_worker_it_is_accepted_for_good(service, admin):
    answer = send(admin, wait="0.1s")
    assert answer.status_code == 202
    found = answer.json()
    assert (found["state"], found["decision"], found["history"]) == ("received", None, [])
    assert service.room.has(found["sha256"])
    with service.store.read() as connection:
        (job,) = jobs.of_item(connection, found["id"])
        assert job.state == "ready"
        assert verify(connection).problem is None


def test_the_same_key_makes_one_item(service, admin):
    put_in_force(service)
    headers = {"Idempotency-Key": "k1"}
    first = send(admin, wait=None, headers=headers)
    again = send(admin, wait=None, headers=headers)
    assert again.json()["id"] == first.json()["id"]
    other = send(admin, photo("coffee.png"), wait=None, headers=headers)
    assert other.status_code == 409
    said = send(admin, wait=None, headers=headers, item='{"surface": "avatar"}')
    assert said.status_code == 409
    with service.store.read() as connection:
        assert len(items.page(connection, items.Filter()).items) == 1


WRONG = [
    ({}, "/body"),
    ({"url": "https://a.example/b.jpg", "key": "a"}, "/body"),
    ({"url": "file:///etc/passwd"}, "/body/url"),
    ({"url": "https://user:secret@a.example/"}, "/body/url"),
    ({"key": "a.jpg"}, "/body/key"),
    ({"url": "https://a.example/", "priority": 10}, "/body/priority"),
    ({"url": "https://a.example/", "who": "me"}, "/body/who"),
    ({"url": "https://a.example/", "surface": "No Such"}, "/body/surface"),
    ({"url": "https://a.example/", "locale": "deutsch!"}, "/body/locale"),
    ({"url": "https://a.example/", "context": ["sexual.explicit"]}, "/body/context"),
    ({"url": "https://a.example/", "uploader": {"name": "x"}}, "/body/uploader/name"),
    ({"url": "https://a.example/", "uploader": {"removals": -1}}, "/body/uploader/removals"),
    ({"url": "https://a.example/", "callback": "http://a.example/"}, "/body/callback"),
    ({"url": "https://a.example/", "metadata": [1]}, "/body/metadata"),
]
"""What is wrong with an item, and where."""


@ONCE
def test_what_is_wrong_with_an_item_is_named(admin):
    for body, pointer in WRONG:
        answer = admin.post("/v1/items", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["errors"][0]["pointer"] == pointer


@ONCE
def test_a_surface_is_one_of_the_policy_where_it_names_some(service, admin):
    put_in_force(service, shipped()["strict-family"])
    body = {"url": "https://a.example/", "surface": "avatr"}
    answer = admin.post("/v1/items", json=body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/body/surface"
    assert "'avatar'" in fault["detail"]
    assert send(admin, wait=None, item='{"surface": "avatr"}').status_code == 422
    assert admin.post("/v1/items", json=body | {"surface": "avatar"}).status_code == 202


@ONCE
def test_metadata_is_bounded(admin):
    deep = {"a": 1}
    for _ in range(8):
        deep = {"a": deep}
    for metadata in (deep, {"a": "x" * items.LARGEST_METADATA}):
        body = {"url": "https://a.example/", "metadata": metadata}
        assert admin.post("/v1/items", json=body).status_code == 422
    fits = {"url": "https://a.example/", "metadata": deep["a"]}
    answer = admin.post("/v1/items", json=fits)
    assert answer.status_code == 202
    assert answer.json()["metadata"] == deep["a"]


@ONCE
def test_what_is_no_json_is_refused(admin):
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b'{"a":NaN}', b'"\\ud800"', b"[" * 60_000, b"\xff", b""):
        assert admin.post("/v1/items", content=body, headers=headers).status_code == 400
    large = b'{"url": "%s"}' % (b"x" * LARGEST_ITEM)
    assert admin.post("/v1/items", content=large, headers=headers).status_code == 413


@ONCE
def test_an_item_is_a_form_or_json(admin):
    headers = {"Content-Type": "text/plain"}
    assert admin.post("/v1/items", content=b"x", headers=headers).status_code == 415
    assert admin.post("/v1/items").status_code == 415


def test_items_are_listed_newest_first_and_by_what_they_are(service, admin, clock):
    ids = []
    for name in ("rocket.jpg", "coffee.png", "brick.png"):
        item = json.dumps({"external_id": name, "uploader": {"id": "u-1"}})
        ids.append(send(admin, photo(name), wait=None, item=item).json()["id"])
        clock.pass_by(1_000_000)
    first = admin.get("/v1/items", params={"limit": 2}).json()
    assert [item["id"] for item in first["items"]] == [ids[2], ids[1]]
    rest = admin.get("/v1/items", params={"limit": 2, "after": first["next"]}).json()
    assert ([item["id"] for item in rest["items"]], rest["next"]) == ([ids[0]], None)

    def found(**which):
        return [i["external_id"] for i in admin.get("/v1/items", params=which).json()["items"]]

    assert found(external_id="coffee.png") == ["coffee.png"]
    assert found(state="judged") == []
    assert found(uploader="u-1", state="received") == ["brick.png", "coffee.png", "rocket.jpg"]
    sent = datetime.fromtimestamp(clock.now / 1e6 - 1.5, UTC).isoformat()
    assert found(since=sent) == ["brick.png"]
    assert found(until=sent) == ["coffee.png", "rocket.jpg"]
    assert admin.get("/v1/items", params={"after": "!"}).status_code == 422


def test_there_is_no_such_item(admin):
    for method, path in (("GET", ""), ("POST", "/rescan"), ("DELETE", "/media"), ("GET", "/media")):
        body = {"json": {}} if method == "POST" else {}
        assert admin.request(method, f"/v1/items/nobody{path}", **body).status_code == 404


def test_a_rescan_under_nothing_new_changes_nothing(service, admin, judging):
    with working(service, judging):
        item = send(admin).json()["id"]
        assert admin.post(f"/v1/items/{item}/rescan", json={"reason": "why not"}).status_code == 202
        wait_for(service, item)
    assert len(admin.get(f"/v1/items/{item}").json()["history"]) == 1


def test_media_is_deleted_and_the_record_stays(service, admin, judging):
    with working(service, judging):
        one, two = send(admin).json(), send(admin).json()
    assert one["sha256"] == two["sha256"]
    assert admin.request("DELETE", f"/v1/items/{one['id']}/media").status_code == 204
    assert service.room.has(one["sha256"])  # The other one needs it.
    assert admin.request("DELETE", f"/v1/items/{two['id']}/media").status_code == 204
    assert files(service.room.media) == []
    found = admin.get(f"/v1/items/{one['id']}").json()
    assert (found["state"], found["action"]) == ("deleted", "allow")
    assert found["decision"] == one["decision"]
    assert admin.request("DELETE", f"/v1/items/{one['id']}/media").status_code == 409
    assert admin.post(f"/v1/items/{one['id']}/rescan", json={}).status_code == 409


def test_what_is_deleted_before_it_is_judged_is_not_judged(service, admin, judging):
    item = send(admin, wait=None).json()["id"]
    admin.request("DELETE", f"/v1/items/{item}/media")
    with working(service, judging):
        wait_for(service, item)
    found = admin.get(f"/v1/items/{item}").json()
    assert (found["state"], found["action"], found["history"]) == ("deleted", None, [])


@ONCE
def test_a_stored_object_is_judged_where_it_is(service, admin, judging, tmp_path):
    objects = tmp_path / "objects"
    (objects / "2026").mkdir(parents=True)
    (objects / "2026" / "a.jpg").write_bytes(photo())
    (tmp_path / "secret.jpg").write_bytes(photo())
    (objects / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    service.sources.objects = objects
    for key in ("../secret.jpg", "link.jpg", str(tmp_path / "secret.jpg"), "none.jpg", "a\0b"):
        answer = admin.post("/v1/items", json={"key": key})
        assert answer.status_code == 422, key
    with working(service, judging):
        answer = admin.post("/v1/items", json={"key": "2026/a.jpg"}, params={"wait": "10"})
    found = answer.json()
    assert (answer.status_code, found["action"], found["source"]) == (200, "allow", "object")
    assert found["evidence"]["sha256"] == found["sha256"]
    assert files(service.room.media) == []
    admin.request("DELETE", f"/v1/items/{found['id']}/media")
    assert (objects / "2026" / "a.jpg").exists()  # Not ours.


@ONCE
def test_a_stored_object_that_changes_is_not_taken_for_what_it_was(
    service, admin, judging, tmp_path
):
    service.sources.objects = tmp_path
    (tmp_path / "a.jpg").write_bytes(photo())
    with working(service, judging):
        item = admin.post("/v1/items", json={"key": "a.jpg"}, params={"wait": "10"}).json()["id"]
        (tmp_path / "a.jpg").write_bytes(photo("coffee.png"))
        admin.post(f"/v1/items/{item}/rescan", json={})
        wait_for(service, item)
    found = admin.get(f"/v1/items/{item}").json()
    # The banks are the same, so what is known of the bytes of then still holds.
    assert found["action"] == "allow"
    judging = judge_of(service, banks=Banks())
    judging._banks.replace()
    with working(service, judging):
        admin.post(f"/v1/items/{item}/rescan", json={})
        wait_for(service, item)
    found = admin.get(f"/v1/items/{item}").json()
    assert found["evidence"]["unknowns"][0]["cause"] == "changed"
    assert (found["action"], found["decision"]["judged"]) == ("review", False)


@ONCE
def test_who_may_only_read_sends_and_deletes_nothing(service, as_role, admin):
    item = send(admin, wait=None).json()["id"]
    for role in ("viewer", "reviewer", "curator"):
        client = as_role(role)
        assert client.get(f"/v1/items/{item}").status_code == 200
        assert send(client).status_code == 403
        assert client.post(f"/v1/items/{item}/rescan", json={}).status_code == 403
        assert client.delete(f"/v1/items/{item}/media").status_code == 403


@ONCE
def test_what_is_no_media_or_too_large_is_not_taken(service, admin, settings):
    assert send(admin, b"#!/bin/sh\necho").status_code == 415
    assert send(admin, b"MZ" + bytes(100)).status_code == 415
    service.settings = replace(settings, upload_bytes=1000)
    assert send(admin, photo()).status_code == 413
    assert files(service.room.media) == []


def test_a_decision_has_its_messages_once(service, admin, judging, monkeypatch):
    from tidegate.service import alarms

    def messages(connection, item, decision, result, *, now):
        outbox.append(
            connection,
            target="t",
            event="item.decided",
            body={"action": decision.action},
            item=item.id,
            dedupe=result.id,
            now=now,
        )

    monkeypatch.setattr(alarms, "messages", messages)
    with working(service, judging):
        item = send(admin).json()["id"]
        admin.post(f"/v1/items/{item}/rescan", json={})
        wait_for(service, item)
    with service.store.read() as connection:
        (message,) = outbox.of_item(connection, item)
    assert json.loads(message.body) == {"action": "allow"}


def wait_for(service, item):
    """Wait until there is no work left of an item."""
    with service.store.bell("jobs") as bell:
        for _ in range(600):
            with service.store.read() as connection:
                if not jobs.of_item(connection, item):
                    return
            bell.wait(0.05)
    raise AssertionError("it is not done")


SIGNED = "https://media.example/private/a.jpg?signature=deadbeef"


@ONCE
def test_the_url_of_an_item_is_for_those_who_may_see_media(service, admin, as_role, app):
    item = admin.post("/v1/items", json={"url": SIGNED}).json()["id"]

    def shown(client):
        one = client.get(f"/v1/items/{item}").json()
        (listed,) = client.get("/v1/items").json()["items"]
        assert one["reference"] == listed["reference"]
        return one["reference"]

    def key(*scopes):
        return Asking(app, headers=bearer(make_key(service, {"items.read", *scopes})[1]))

    make_user(service, "vera", "viewer")
    make_user(service, "lea", "lead")
    for client in (as_role("viewer"), browser(app, "vera"), key("policies.read"), key("review")):
        assert shown(client) == "https://media.example"
    for client in (admin, as_role("reviewer"), browser(app, "lea"), key("items.write")):
        assert shown(client) == SIGNED


@ONCE
def test_nobody_is_told_where_to_find_what_is_quarantined(service, admin):
    twin = admin.post("/v1/items", json={"url": SIGNED}).json()["id"]
    bad = admin.post("/v1/items", json={"url": SIGNED + "2"}).json()["id"]
    with service.store.write() as connection:
        for item in (twin, bad):
            items.fetched(connection, item, sha256="ab" * 32, size=9)
    decide(service, bad, action="quarantine")
    decide(service, twin, action="remove")
    for item in (bad, twin):  # The same bytes are at the other URL.
        assert admin.get(f"/v1/items/{item}").json()["reference"] == "https://media.example"
    assert "deadbeef" not in admin.get("/v1/items").text


@ONCE
def test_the_evidence_is_that_of_the_decision_in_force(service, admin):
    item = decide(service, action="remove")
    with service.store.write() as connection:
        seen = decisions.New(item=item, origin="machine", author="w", decision=decision("hold"))
        decisions.record(connection, seen, now=service.clock(), in_force=False)
    found = admin.get(f"/v1/items/{item}").json()
    assert [past["action"] for past in found["history"]] == ["hold", "remove"]
    assert (found["action"], found["decision"]["action"]) == ("remove", "remove")


def test_however_often_it_is_asked_for_an_item_waits_once(service, admin, judging):
    item = send(admin, wait=None).json()["id"]
    with service.store.read() as connection:
        (first,) = jobs.of_item(connection, item)
    answers = [admin.post(f"/v1/items/{item}/rescan", json={}) for _ in range(3)]
    assert [answer.json() for answer in answers] == [{"job": first.id}] * 3
    with working(service, judging):
        wait_for(service, item)
        again = admin.post(f"/v1/items/{item}/rescan", json={}).json()["job"]
        assert again != first.id
        wait_for(service, item)
    with service.store.read() as connection:
        rows = audit.newest(connection, subject=item, limit=9)
    assert [row.action for row in rows] == ["item.rescan", "item.accept"]


def test_a_key_that_is_exchanged_between_two_tries_makes_one_item(app, service, admin):
    key, token = make_key(service, {"items.read", "items.write"})
    key_id = key.id
    body, headers = {"url": "https://a.example/b.jpg"}, {"Idempotency-Key": "k1"}
    sent = Asking(app, headers=bearer(token)).post("/v1/items", json=body, headers=headers)
    for _ in range(2):
        made = admin.post(f"/v1/keys/{key_id}/rotate", json={}).json()
        key_id = made["key"]["id"]
        new = Asking(app, headers=bearer(made["token"]))
        again = new.post("/v1/items", json=body, headers=headers)
        assert again.json()["id"] == sent.json()["id"]
        other = new.post("/v1/items", json={"url": "https://a.example/c.jpg"}, headers=headers)
        assert other.status_code == 409
    stranger = Asking(app, headers=bearer(make_key(service, {"items.read", "items.write"})[1]))
    answer = stranger.post("/v1/items", json=body, headers=headers)
    assert answer.json()["id"] != sent.json()["id"]
