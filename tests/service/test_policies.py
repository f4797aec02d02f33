"""``/v1/policies``: checked before it is kept, kept before it decides."""

import json

import pytest

from tests.service.working import ALLOWING, put_in_force
from tidegate.pipeline.load import shipped
from tidegate.store import audit, policies

ONCE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)

STRICT = shipped()["strict-family"]
BROKEN = ALLOWING.replace("thresholds", "treshholds")


@pytest.fixture
def curator(as_role, service):
    put_in_force(service)
    return as_role("curator")


def add(client, source, **rest):
    return client.post("/v1/policies", json={"source": source} | rest)


def in_force(client):
    return client.get("/v1/policies/active").json()["source"]


def test_a_version_is_added_and_put_in_force(curator, service):
    made = add(curator, STRICT, reason="children")
    assert made.status_code == 201
    version = made.json()
    assert (version["policy"], version["in_force"]) == ("strict-family", False)
    assert in_force(curator) == ALLOWING
    done = curator.post(f"/v1/policies/{version['id']}/activate", json={"reason": "now"})
    assert done.json()["in_force"]
    assert in_force(curator) == STRICT
    again = curator.post(f"/v1/policies/{version['id']}/activate", json={})
    assert again.status_code == 409
    assert add(curator, STRICT).json()["id"] == version["id"]
    with service.store.read() as connection:
        rows = {row.action: row for row in audit.newest(connection, limit=2)}
    assert rows["policy.add"].reason == "children"
    assert rows["policy.activate"].reason == "now"
    assert json.loads(rows["policy.activate"].body)["number"] == 2


@ONCE
@pytest.mark.parametrize("path", ["/v1/policies", "/v1/policies/check"])
def test_one_that_does_not_load_is_told_where_and_changes_nothing(curator, path):
    body = {"source": BROKEN} | ({"activate": True} if path == "/v1/policies" else {})
    told = curator.post(path, json=body)
    assert told.status_code == 422
    problem = told.json()
    assert problem["type"] == "/problems/policy"
    said, shown = problem["errors"]
    line = next(n for n, text in enumerate(BROKEN.splitlines(), 1) if "treshholds" in text)
    assert said["pointer"].startswith(f"/body/source/{line}/")
    assert "treshholds" in said["detail"]
    assert "^" in shown["detail"]
    assert in_force(curator) == ALLOWING
    assert len(curator.get("/v1/policies").json()["policies"]) == 1


@ONCE
def test_one_is_checked_without_being_kept(curator):
    told = curator.post("/v1/policies/check", json={"source": STRICT})
    assert told.status_code == 200
    assert told.json()["policy"].startswith("strict-family")
    assert len(curator.get("/v1/policies").json()["policies"]) == 1


@ONCE
def test_one_that_no_longer_loads_is_not_put_in_force(curator, service):
    with service.store.write() as connection:
        old = policies.New(policy="old", source=BROKEN)
        kept = policies.add(connection, old, actor="a", reason="", now=1)
    told = curator.post(f"/v1/policies/{kept.id}/activate", json={})
    assert told.status_code == 422
    assert in_force(curator) == ALLOWING


def test_going_back_goes_back_step_by_step(curator):
    texts = [ALLOWING, STRICT, shipped()["art-and-medical"]]
    for text in texts[1:]:
        assert add(curator, text, activate=True).json()["in_force"]
    assert in_force(curator) == texts[2]
    for text in (texts[1], texts[0]):
        assert curator.post("/v1/policies/roll-back", json={"reason": "oops"}).status_code == 200
        assert in_force(curator) == text
    assert curator.post("/v1/policies/roll-back", json={}).status_code == 409
    done = curator.get("/v1/policies/activations").json()["activations"]
    assert [each["number"] for each in done] == [5, 4, 3, 2, 1]
    assert done[0]["reason"] == "oops"


@ONCE
def test_versions_are_listed_page_by_page_and_shown(curator):
    add(curator, STRICT)
    page = curator.get("/v1/policies", params={"limit": 1}).json()
    rest = curator.get("/v1/policies", params={"after": page["next"]}).json()
    (strict,), (first,) = page["policies"], rest["policies"]
    assert (strict["in_force"], first["in_force"]) == (False, True)
    assert curator.get(f"/v1/policies/{strict['id']}").json()["source"] == STRICT
    assert curator.get("/v1/policies/nothing").status_code == 404


@ONCE
def test_two_that_begin_at_once_put_one_policy_in_force(service):
    new = policies.New(policy="first", source=ALLOWING)
    for _ in range(2):
        with service.store.write() as connection:
            policies.begin(connection, new, now=1)
    with service.store.read() as connection:
        assert policies.number(connection) == 1
        assert policies.active(connection).source == ALLOWING
