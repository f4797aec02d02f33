"""``/v1/appeals``: what a platform brings, and what it is told."""

import pytest

from tests.service.appealed import SAID, answer, appeal, case_of, item_of, people, removed
from tests.service.asking import ONCE
from tests.service.telling import decide
from tests.service.working import put_in_force
from tidegate.store import ids
from tidegate.store.clock import DAY


def test_the_platform_appeals_for_its_user_and_hears_of_the_outcome(service, admin, clock):
    put_in_force(service)
    (ada,) = people(service, "ada")
    item = removed(service)
    wanted = {"text": SAID, "author": "a-8231"}
    made = admin.post(f"/v1/items/{item}/appeals", json=wanted)
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["text"], told["author"], told["state"]) == (SAID, "a-8231", "open")
    assert told["decision"] == item_of(service, item).decision
    assert case_of(service, told["case"]).kind == "appeal"
    answer(service, told["case"], ada, "remove", note="It is no play.")
    shown = admin.get(f"/v1/appeals/{told['id']}").json()
    assert (shown["state"], shown["answer"]) == ("upheld", "It is no play.")
    assert shown["outcome"] == item_of(service, item).decision
    assert admin.get("/v1/appeals", params={"state": "upheld"}).json()["appeals"] == [shown]
    assert admin.get("/v1/appeals", params={"state": "open"}).json()["appeals"] == []


@ONCE
def test_they_are_listed_by_when_they_are_due_with_the_overdue_first(service, admin, clock):
    first, second = removed(service, 1), removed(service, 2)
    made = [appeal(service, first).id]
    clock.pass_by(8 * DAY)
    made.append(appeal(service, second).id)
    page = admin.get("/v1/appeals", params={"state": "open", "limit": 1}).json()
    assert [(one["id"], one["overdue"]) for one in page["appeals"]] == [(made[0], True)]
    onward = {"state": "open", "limit": 1, "after": page["next"]}
    page = admin.get("/v1/appeals", params=onward).json()
    assert [(one["id"], one["overdue"]) for one in page["appeals"]] == [(made[1], False)]
    assert page["next"] is None
    of_second = admin.get("/v1/appeals", params={"item": second}).json()["appeals"]
    assert [one["id"] for one in of_second] == [made[1]]


@ONCE
def test_what_cannot_be_appealed_against_is_a_conflict_that_says_why(service, admin):
    item = removed(service)
    assert admin.post(f"/v1/items/{item}/appeals", json={"text": SAID}).status_code == 201
    again = admin.post(f"/v1/items/{item}/appeals", json={"text": SAID})
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "this decision was appealed against before",
    )
    other = removed(service, 2)
    wanted = {"text": SAID, "decision": ids.new()}
    assert admin.post(f"/v1/items/{other}/appeals", json=wanted).status_code == 409
    allowed = decide(service, action="allow", number=3)
    assert admin.post(f"/v1/items/{allowed}/appeals", json={"text": SAID}).status_code == 409
    assert admin.post(f"/v1/items/{ids.new()}/appeals", json={"text": SAID}).status_code == 404
    assert admin.get(f"/v1/appeals/{ids.new()}").status_code == 404


@ONCE
@pytest.mark.parametrize("text", ["", "  ", "x" * 4001, "a\0b"])
def test_a_text_that_cannot_be_kept_is_refused(service, admin, text):
    answer = admin.post(f"/v1/items/{removed(service)}/appeals", json={"text": text})
    assert answer.status_code == 422


@ONCE
def test_what_is_overdue_is_a_figure_of_its_own(service, admin, clock):
    appeal(service, removed(service, 1))
    clock.pass_by(8 * DAY)
    appeal(service, removed(service, 2))
    figures = admin.get("/metrics").text
    assert 'tidegate_appeals{state="overdue"} 1.0' in figures
    assert 'tidegate_appeals{state="in_time"} 1.0' in figures


@ONCE
def test_reviewers_are_not_told_who_appeals(service, admin, as_role):
    item = removed(service)
    made = admin.post(f"/v1/items/{item}/appeals", json={"text": SAID, "author": "a-8231"}).json()
    told = {"reviewer": "", "viewer": "a-8231", "lead": "a-8231"}
    for role, author in told.items():
        client = as_role(role)
        assert client.get(f"/v1/appeals/{made['id']}").json()["author"] == author, role
        assert client.get("/v1/appeals").json()["appeals"][0]["author"] == author, role
