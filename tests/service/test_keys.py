import pytest

from tests.service.asking import ONCE, Asking, bearer, make_key
from tidegate.service.roles import ROLES
from tidegate.store import audit
from tidegate.store.clock import HOUR, MINUTE, text

WANTED = {"name": "forum uploads", "scopes": ["items.read", "metrics"], "reason": "the forum"}


def whoami(app, token):
    return Asking(app, headers=bearer(token)).get("/v1/whoami")


def rows(service, subject):
    with service.store.read() as connection:
        return audit.newest(connection, subject=subject, limit=10)


def test_a_made_key_opens_what_its_scopes_say(app, admin):
    answer = admin.post("/v1/keys", json=WANTED)
    assert answer.status_code == 201
    made = answer.json()
    me = whoami(app, made["token"]).json()
    assert me["scopes"] == ["items.read", "metrics"]
    assert me["id"] == made["key"]["id"]
    assert Asking(app, headers=bearer(made["token"])).get("/metrics").status_code == 200
    assert Asking(app, headers=bearer(made["token"])).get("/v1/keys").status_code == 403


def test_the_secret_is_shown_once_and_kept_nowhere(admin, service):
    token = admin.post("/v1/keys", json=WANTED).json()["token"]
    secret = token.split("_", 2)[2]
    listed = admin.get("/v1/keys").text
    assert secret not in listed
    assert token.split("_")[1] in listed
    with service.store.read() as connection:
        for table in ("keys", "audit"):
            kept = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            assert secret not in str(kept)


def test_making_a_key_is_in_the_audit_chain_with_the_reason(admin, service):
    made = admin.post("/v1/keys", json=WANTED).json()["key"]
    row = rows(service, f"key:{made['id']}")[0]
    assert (row.action, row.reason, row.actor) == ("key.create", "the forum", made["author"])
    assert row.actor.startswith("key:")


def test_nobody_gives_away_a_scope_that_they_lack(app, service):
    _, token = make_key(service, {"keys", "items.read"})
    some = Asking(app, headers=bearer(token))
    assert some.post("/v1/keys", json=WANTED).status_code == 403
    own = {"name": "n", "scopes": ["items.read"]}
    assert some.post("/v1/keys", json=own).status_code == 201


def test_exchanging_a_key_gives_away_no_scope_that_one_lacks(app, service):
    strong, _ = make_key(service, ROLES["admin"])
    _, token = make_key(service, {"keys"})
    some = Asking(app, headers=bearer(token))
    assert some.post(f"/v1/keys/{strong.id}/rotate", json={}).status_code == 403
    with service.store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM keys").scalar() == 2


def test_a_revoked_key_opens_nothing_from_the_next_request_on(app, admin):
    made = admin.post("/v1/keys", json=WANTED).json()
    assert whoami(app, made["token"]).status_code == 200
    where = f"/v1/keys/{made['key']['id']}/revoke"
    answer = admin.post(where, json={"reason": "leaked"})
    assert answer.status_code == 200
    assert answer.json()["revoked_at"] is not None
    assert whoami(app, made["token"]).status_code == 401
    assert admin.post(where, json={}).status_code == 409


def test_an_exchanged_key_works_until_the_overlap_is_over(app, admin, clock):
    old = admin.post("/v1/keys", json=WANTED).json()
    where = f"/v1/keys/{old['key']['id']}/rotate"
    answer = admin.post(where, json={"overlap_minutes": 30})
    assert answer.status_code == 201
    new = answer.json()
    assert new["key"]["scopes"] == old["key"]["scopes"]
    assert new["token"] != old["token"]
    clock.pass_by(29 * MINUTE)
    assert whoami(app, old["token"]).status_code == 200
    clock.pass_by(2 * MINUTE)
    assert whoami(app, old["token"]).status_code == 401
    assert whoami(app, new["token"]).status_code == 200


def test_a_key_ends_when_it_was_told_to(app, admin, clock):
    until = text(clock.now + HOUR)
    token = admin.post("/v1/keys", json=WANTED | {"expires_at": until}).json()["token"]
    assert whoami(app, token).status_code == 200
    clock.pass_by(HOUR)
    assert whoami(app, token).status_code == 401
    assert admin.post("/v1/keys", json=WANTED | {"expires_at": until}).status_code == 422


def test_a_key_says_when_it_was_last_used_to_a_minute(app, admin, clock):
    token = admin.post("/v1/keys", json=WANTED).json()["token"]

    def used():
        listed = admin.get("/v1/keys").json()["keys"]
        return next(key["used_at"] for key in listed if key["prefix"] in token)

    assert used() is None
    whoami(app, token)
    first = used()
    clock.pass_by(MINUTE // 2)
    whoami(app, token)
    assert used() == first
    clock.pass_by(MINUTE)
    whoami(app, token)
    assert used() > first


def test_keys_are_listed_page_by_page(admin):
    made = [admin.post("/v1/keys", json=WANTED).json()["key"]["id"] for _ in range(3)]
    first = admin.get("/v1/keys", params={"limit": 2}).json()
    assert [key["id"] for key in first["keys"]] == made[:0:-1]
    second = admin.get("/v1/keys", params={"limit": 2, "after": first["next"]}).json()
    assert second["keys"][0]["id"] == made[0]
    assert second["next"] is None


@ONCE
@pytest.mark.parametrize(
    "change",
    [{"scopes": []}, {"scopes": ["items.*"]}, {"scopes": ["everything"]}, {"name": ""}, {"x": 1}],
)
def test_a_key_that_makes_no_sense_is_refused(admin, change):
    answer = admin.post("/v1/keys", json=WANTED | change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_there_is_no_key_of_an_unknown_id(admin):
    assert admin.post("/v1/keys/none/revoke", json={}).status_code == 404
    assert admin.post("/v1/keys/none/rotate", json={}).status_code == 404


@ONCE
def test_a_key_ends_before_2200_where_it_ends(admin):
    wanted = {"name": "n", "scopes": ["hma"]}
    late = admin.post("/v1/keys", json=wanted | {"expires_at": "2300-01-01T00:00:00Z"})
    assert (late.status_code, late.json()["errors"][0]["pointer"]) == (422, "/body/expires_at")
    last = admin.post("/v1/keys", json=wanted | {"expires_at": "2199-12-31T00:00:00Z"})
    assert last.status_code == 201
