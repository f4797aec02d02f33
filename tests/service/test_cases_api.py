import base64

import pytest

from tests.service.asking import ONCE, Asking, bearer, browser, make_key, make_user
from tests.service.casing import (
    BASE,
    POLICY,
    answer,
    decision_of,
    flipped,
    hook,
    judge,
    other_picture,
    send,
)
from tests.service.working import put_in_force
from tests.store.making import NOW
from tidegate.service.casework import UNDO
from tidegate.service.roles import ROLES
from tidegate.store import cases, outbox, queues
from tidegate.store.cases import New
from tidegate.store.clock import SECOND

REMOVE = {"version": 1, "action": "remove", "rule": "thresholds.sexual.explicit"}


@pytest.fixture
def ready(service):
    """A service with a policy and a webhook."""
    put_in_force(service, POLICY)
    with service.store.write() as connection:
        hook(connection)
    return service


@pytest.fixture
def reviewer(ready, app):
    """Gives clients of reviewers: ``reviewer("ada")``."""

    def give(name, role="reviewer"):
        return Asking(app, headers=bearer(make_key(ready, ROLES[role], name=name)[1]))

    return give


def sent(service, *given, **rest):
    with service.store.write() as connection:
        return send(connection, *given, **rest)


def status(answered):
    return answered.status_code, answered.json().get("detail")


def test_the_day_of_a_reviewer(ready, reviewer, admin, clock):
    ada = reviewer("ada")
    case = sent(ready, pdq=other_picture(1))
    waiting = ada.get("/v1/queues").json()["queues"]
    assert {one["queue"]: one["open"] for one in waiting} == {"appeals": 0, "review": 1}
    given = ada.post("/v1/cases/next").json()
    assert (given["id"], given["version"], given["copies"]) == (case.id, 1, 1)
    assert given["category"] == "sexual.explicit"
    clock.pass_by(100 * SECOND)
    renewed = ada.post(f"/v1/cases/{case.id}/renew").json()
    assert renewed["claimed_until"] > given["claimed_until"]
    clock.pass_by(20 * SECOND)
    review = ada.post(f"/v1/cases/{case.id}/decide", json=REMOVE)
    assert review.status_code == 200, review.text
    assert review.json()["action"] == "remove"
    assert admin.get(f"/v1/items/{case.item}").json()["action"] == "remove"
    assert ada.post("/v1/cases/next").status_code == 204
    # On second thoughts, in time.
    undone = ada.post(f"/v1/cases/{case.id}/undo").json()
    assert (undone["state"], undone["claimed_by"]) == ("open", given["claimed_by"])
    assert admin.get(f"/v1/items/{case.item}").json()["action"] == "review"
    again = {**REMOVE, "action": "restrict", "version": undone["version"]}
    assert ada.post(f"/v1/cases/{case.id}/decide", json=again).status_code == 200
    clock.pass_by(UNDO)
    assert status(ada.post(f"/v1/cases/{case.id}/undo"))[0] == 409
    # And later.
    found = ada.post(f"/v1/cases/{case.id}/reverse", json={"reason": "a statue"}).json()
    assert (found["state"], found["queues"]) == ("open", ["review"])
    last = {"version": found["version"], "action": "allow"}
    assert ada.post(f"/v1/cases/{case.id}/decide", json=last).status_code == 200
    whole = ada.get(f"/v1/cases/{case.id}").json()
    assert [one["action"] for one in whole["reviews"]] == ["allow", "restrict", "remove"]
    assert whole["reviews"][2]["undone_at"]
    with ready.store.read() as connection:
        events = [m.event for m in outbox.of_item(connection, case.item)]
    assert events == ["item.decided", "item.reversed", "item.reversed"]


def test_two_reviewers_and_one_case(ready, reviewer):
    case = sent(ready).id
    ada, ben = reviewer("ada"), reviewer("ben")
    assert ada.post(f"/v1/cases/{case}/claim").status_code == 200
    assert ben.post("/v1/cases/next").status_code == 204
    code, detail = status(ben.post(f"/v1/cases/{case}/claim"))
    assert (code, detail.startswith("ada has this case until")) == (409, True)
    code, detail = status(ben.post(f"/v1/cases/{case}/decide", json=REMOVE))
    assert (code, detail.startswith("ada has this case")) == (409, True)
    assert ada.post(f"/v1/cases/{case}/decide", json=REMOVE).status_code == 200
    for second in (ada, ben):
        code, detail = status(second.post(f"/v1/cases/{case}/decide", json=REMOVE))
        assert (code, detail.startswith("ada has decided this case, remove, at")) == (409, True)
    assert status(ben.post(f"/v1/cases/{case}/undo"))[0] == 409


def test_skipping_releasing_and_escalating(ready, reviewer):
    case = sent(ready).id
    ada, ben, lea = reviewer("ada"), reviewer("ben"), reviewer("lea", "lead")
    ada.post("/v1/cases/next")
    assert ada.post(f"/v1/cases/{case}/skip").json()["claimed_by"] is None
    assert ada.post("/v1/cases/next").status_code == 204
    assert ben.post("/v1/cases/next").json()["id"] == case
    assert ben.post(f"/v1/cases/{case}/release").json()["claimed_by"] is None
    found = ben.post(f"/v1/cases/{case}/escalate", json={"reason": "a coat of arms"}).json()
    assert (found["queues"], found["escalated"]) == (["escalated"], True)
    # It is a lead's now.
    assert ben.get(f"/v1/cases/{case}").status_code == 404
    assert ben.post("/v1/cases/next").status_code == 204
    assert lea.post("/v1/cases/next", json={"queues": ["review"]}).status_code == 204
    assert lea.post("/v1/cases/next", json={"queues": ["escalated"]}).json()["id"] == case


@ONCE
def test_copies_are_listed_and_split_off(ready, reviewer):
    case = sent(ready)
    near = [sent(ready, pdq=flipped(BASE, n)) for n in range(2)]
    assert {one.id for one in near} == {case.id}
    ada = reviewer("ada")
    first = ada.get(f"/v1/cases/{case.id}/copies", params={"limit": 2}).json()
    rest = ada.get(f"/v1/cases/{case.id}/copies", params={"after": first["next"]}).json()
    listed = first["copies"] + rest["copies"]
    assert sorted(one["distance"] for one in listed) == [0, 1, 1]
    assert rest["next"] is None
    other = next(one["item"] for one in listed if one["item"] != case.item)
    made = ada.post(f"/v1/cases/{case.id}/split", json={"item": other}).json()
    assert (made["item"], made["copies"], made["parent"]) == (other, 1, case.id)
    assert ada.get(f"/v1/cases/{case.id}").json()["copies"] == 2


@ONCE
def test_lists_are_of_ones_own_queues(ready, reviewer, app):
    one = sent(ready, pdq=other_picture(1), score=0.9).id
    two = sent(ready, pdq=other_picture(2), score=0.6).id
    weapons = sent(ready, decision_of(queues={"weapons": 50}), pdq=other_picture(3)).id
    with ready.store.write() as connection:
        cases.close(connection, two, actor="system", reason="", now=NOW)

    def listed(client, **which):
        return [case["id"] for case in client.get("/v1/cases", params=which).json()["cases"]]

    ada = reviewer("ada")
    assert set(listed(ada)) == {one, weapons}
    assert listed(ada, queue="weapons") == [weapons]
    assert listed(ada, state="closed") == [two]
    assert listed(ada, kind="appeal") == []
    first = ada.get("/v1/cases", params={"limit": 1}).json()
    assert len(listed(ada, after=first["next"])) == 1
    make_user(ready, name="bea", role="reviewer")
    bea = browser(app, name="bea")
    me = bea.get("/v1/whoami").json()["id"]
    with ready.store.write() as connection:
        queues.set_for_user(connection, me, ["weapons"], actor="system", now=NOW)
    assert listed(bea) == [weapons]
    assert listed(bea, queue="review") == []
    assert bea.get(f"/v1/cases/{one}").status_code == 404
    assert bea.post(f"/v1/cases/{one}/claim").status_code == 404
    assert bea.post(f"/v1/cases/{weapons}/claim").status_code == 200


@ONCE
def test_what_is_blind_looks_like_any_other_to_a_reviewer(ready, reviewer):
    case = sent(ready)
    with ready.store.write() as connection:
        new = New(kind="golden", item=case.item, queues={"review": 99.0}, parent=case.id)
        blind = cases.open_case(connection, new, actor="system", now=NOW).id
    ada, lea = reviewer("ada"), reviewer("lea", "lead")
    shown = ada.get(f"/v1/cases/{blind}").json()
    assert (shown["kind"], shown["parent"]) == ("review", None)
    assert ada.get("/v1/cases", params={"kind": "golden"}).json()["cases"] == []
    assert lea.get(f"/v1/cases/{blind}").json()["kind"] == "golden"
    assert len(lea.get("/v1/cases", params={"kind": "golden"}).json()["cases"]) == 1


@ONCE
def test_the_reasons_of_the_policy_in_force(ready, reviewer):
    found = reviewer("ada").get("/v1/cases/reasons").json()
    assert found["policy"] == "test/1"
    assert found["reasons"][0]["rule"] is None
    assert answer().rule in [one["rule"] for one in found["reasons"]]


@ONCE
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 422),
        ({"version": 1, "action": "burn"}, 422),
        ({"version": 1, "action": "review"}, 422),
        ({"version": 1, "action": "remove"}, 422),
        ({"version": 1, "action": "remove", "category": "faces"}, 422),
        ({"version": 1, "action": "allow", "note": "\0"}, 422),
        ({"version": 1, "action": "allow", "extra": 1}, 422),
        ({"version": 1, "action": "remove", "rule": "rules.of-yesterday"}, 409),
        ({"version": 7, "action": "allow"}, 409),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_problem(ready, reviewer, body, code):
    case = sent(ready).id
    ada = reviewer("ada")
    assert ada.post(f"/v1/cases/{case}/decide", json=body).status_code == code
    assert ada.get(f"/v1/cases/{case}").json()["state"] == "open"


@ONCE
def test_what_is_not_there_is_not_found(ready, reviewer):
    ada = reviewer("ada")
    for path in ("claim", "renew", "release", "skip", "undo"):
        assert ada.post(f"/v1/cases/none/{path}").status_code == 404
    assert ada.get("/v1/cases/none").status_code == 404
    assert ada.get("/v1/cases", params={"after": "nonsense"}).status_code == 422


def test_deleting_media_closes_its_case(ready, reviewer, admin):
    case = sent(ready)
    assert admin.delete(f"/v1/items/{case.item}/media").status_code == 204
    assert reviewer("ada").get(f"/v1/cases/{case.id}").json()["state"] == "closed"


@ONCE
def test_a_rescan_that_asks_for_nobody_closes_it(ready, reviewer):
    case = sent(ready)
    with ready.store.write() as connection:
        judge(connection, case.item, decision_of("allow"), score=0.1)
    assert reviewer("ada").get(f"/v1/cases/{case.id}").json()["state"] == "closed"


@pytest.fixture
def second(ready, reviewer):
    """The case of a second opinion, and the clients of who has answered first and of another."""
    with ready.store.write() as connection:
        share = {"version": 0, "second_share": 1.0}
        queues.change(connection, "review", actor="system", now=NOW, **share)
    case = sent(ready)
    ada, ben = reviewer("ada"), reviewer("ben")
    assert ada.post(f"/v1/cases/{case.id}/decide", json=REMOVE).status_code == 200
    with ready.store.read() as connection:
        (opened,) = cases.children(connection, case.id)
    return opened, ada, ben


def listed(client, **asked):
    return [case["id"] for case in client.get("/v1/cases", params=asked).json()["cases"]]


def test_a_second_opinion_is_nowhere_while_the_first_can_be_taken_back(second, reviewer, clock):
    case, _, ben = second
    for client in (ben, reviewer("lena", "lead")):
        assert listed(client) == listed(client, item=case.item) == []
        assert client.get(f"/v1/cases/{case.id}").status_code == 404
        assert client.post(f"/v1/cases/{case.id}/claim").status_code == 404
    clock.pass_by(UNDO)
    assert listed(ben) == [case.id]
    assert ben.post(f"/v1/cases/{case.id}/claim").status_code == 200


def test_no_filter_tells_a_second_opinion_from_a_review(ready, second, reviewer, clock):
    case, _, ben = second
    other = sent(ready, pdq=other_picture(1))
    clock.pass_by(UNDO)
    assert set(listed(ben, kind="review")) == set(listed(ben)) == {case.id, other.id}
    assert listed(ben, kind="second") == []
    lena = reviewer("lena", "lead")
    assert listed(lena, kind="review") == [other.id]
    assert listed(lena, kind="second") == [case.id]


def test_who_has_answered_a_case_sees_it_where_it_went_and_does_not_work_on_it(
    ready, reviewer, clock
):
    case = sent(ready).id
    ada, lena = reviewer("ada"), reviewer("lena", "lead")
    assert ada.post(f"/v1/cases/{case}/decide", json=REMOVE).status_code == 200
    clock.pass_by(UNDO)
    lena.post(f"/v1/cases/{case}/reverse", json={"reason": "a statue"})
    version = lena.post(f"/v1/cases/{case}/escalate", json={}).json()["version"]
    assert ada.get(f"/v1/cases/{case}").json()["queues"] == ["escalated"]
    asked = {"decide": {**REMOVE, "version": version}, "escalate": {}, "split": {"item": "x"}}
    for path in ("claim", "renew", "release", "skip", "escalate", "decide", "split"):
        assert ada.post(f"/v1/cases/{case}/{path}", json=asked.get(path)).status_code == 404, path
    decided = lena.post(f"/v1/cases/{case}/decide", json=asked["decide"])
    assert decided.status_code == 200, decided.text
    clock.pass_by(UNDO)
    assert ada.post(f"/v1/cases/{case}/reverse", json={"reason": "no"}).status_code == 404


def test_a_cursor_of_no_time_is_none(reviewer):
    ada = reviewer("ada")
    for far in ("1e300", "-1e300", "inf", "nan", "1e19"):
        after = base64.urlsafe_b64encode(f"{far} x".encode()).decode().rstrip("=")
        for kind in ({}, {"kind": "review"}):
            answered = ada.get("/v1/cases", params={"after": after, **kind})
            assert answered.status_code == 422, answered.text
