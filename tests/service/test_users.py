import pytest

from tests.service.asking import ONCE, PASSWORD, Asking, bearer, browser, make_key, make_user
from tidegate.store import audit

WANTED = {"name": "bob", "role": "reviewer", "password": PASSWORD, "reason": "new here"}


def rows(service, subject):
    with service.store.read() as connection:
        return audit.newest(connection, subject=subject, limit=10)


def test_a_made_user_logs_in_with_their_role(app, admin, service):
    answer = admin.post("/v1/users", json=WANTED)
    assert answer.status_code == 201
    assert PASSWORD not in answer.text
    me = browser(app, "bob").get("/v1/whoami").json()
    assert (me["kind"], me["role"], me["id"]) == ("user", "reviewer", answer.json()["id"])
    made, logged_in = rows(service, f"user:{me['id']}")[::-1]
    assert (made.action, made.reason) == ("user.create", "new here")
    assert made.actor.startswith("key:")
    assert (logged_in.action, logged_in.actor) == ("login", f"user:{me['id']}")


def test_passwords_are_kept_as_argon2id_and_shown_nowhere(admin, service):
    admin.post("/v1/users", json=WANTED)
    with service.store.read() as connection:
        kept = connection.exec_driver_sql("SELECT password FROM users").scalar()
        rows = connection.exec_driver_sql("SELECT body FROM audit").all()
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in str(rows)
    assert "argon2" not in str(rows) + admin.get("/v1/users").text


def test_a_name_is_taken_once(admin):
    assert admin.post("/v1/users", json=WANTED).status_code == 201
    answer = admin.post("/v1/users", json=WANTED)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "there is a user of this name"
    alike = WANTED | {"name": WANTED["name"].swapcase()}
    assert admin.post("/v1/users", json=alike).status_code == 409


@ONCE
@pytest.mark.parametrize(
    "change",
    [
        {"name": "a b"},
        {"name": "bоb"},  # With a Cyrillic letter.
        {"name": ""},
        {"role": "owner"},
        {"password": "short"},
        {"email": "not an address"},
        {"more": 1},
    ],
)
def test_a_user_that_makes_no_sense_is_refused(admin, change):
    assert admin.post("/v1/users", json=WANTED | change).status_code == 422


def test_another_role_ends_the_sessions_and_holds_from_the_next_login_on(app, admin, service):
    bob = make_user(service, "bob", "lead")
    here = browser(app, "bob")
    answer = admin.put(f"/v1/users/{bob.id}/role", json={"role": "viewer", "reason": "moved on"})
    assert answer.json()["role"] == "viewer"
    assert here.get("/v1/whoami").status_code == 401
    found = rows(service, f"user:{bob.id}")[0]
    assert (found.action, found.reason) == ("user.role", "moved on")
    assert '"from":"lead"' in found.body
    assert '"sessions_ended":1' in found.body
    assert browser(app, "bob").get("/v1/whoami").json()["role"] == "viewer"


def test_another_password_ends_the_sessions(app, admin, service):
    bob = make_user(service, "bob", "lead")
    here = browser(app, "bob")
    wanted = {"password": "another horse battery"}
    assert admin.put(f"/v1/users/{bob.id}/password", json=wanted).status_code == 200
    assert here.get("/v1/whoami").status_code == 401
    assert browser(app, "bob", "another horse battery")


def test_who_is_disabled_is_out_and_stays_out(app, admin, service):
    bob = make_user(service, "bob", "lead")
    here = browser(app, "bob")
    answer = admin.post(f"/v1/users/{bob.id}/disable", json={"reason": "left"})
    assert answer.json()["disabled_at"] is not None
    assert here.get("/v1/whoami").status_code == 401
    again = Asking(app).post("/v1/login", json={"name": "bob", "password": PASSWORD})
    assert again.status_code == 401
    assert admin.post("/v1/users", json=WANTED).status_code == 409
    assert admin.post(f"/v1/users/{bob.id}/disable", json={}).status_code == 409


def test_the_last_admin_stays_one(admin, service):
    ada = make_user(service)
    assert admin.post(f"/v1/users/{ada.id}/disable", json={}).status_code == 409
    assert admin.put(f"/v1/users/{ada.id}/role", json={"role": "lead"}).status_code == 409
    make_user(service, "bob")
    assert admin.put(f"/v1/users/{ada.id}/role", json={"role": "lead"}).status_code == 200


def test_nobody_gives_a_role_that_may_do_more_than_they(app, service):
    ada = make_user(service)
    _, token = make_key(service, {"users", "items.read", "policies.read"})
    some = Asking(app, headers=bearer(token))
    assert some.post("/v1/users", json=WANTED | {"role": "admin"}).status_code == 403
    assert some.post("/v1/users", json=WANTED | {"role": "viewer"}).status_code == 201
    wanted = {"password": "another horse battery"}
    assert some.put(f"/v1/users/{ada.id}/password", json=wanted).status_code == 403
    assert some.put(f"/v1/users/{ada.id}/role", json={"role": "admin"}).status_code == 403


def test_nobody_changes_who_may_do_more_than_they(app, service):
    ada, _ = make_user(service), make_user(service, "bob")
    _, token = make_key(service, {"users", "items.read", "policies.read"})
    some = Asking(app, headers=bearer(token))
    assert some.put(f"/v1/users/{ada.id}/role", json={"role": "viewer"}).status_code == 403
    assert some.post(f"/v1/users/{ada.id}/disable", json={}).status_code == 403
    assert browser(app).get("/v1/whoami").json()["role"] == "admin"


def test_users_are_listed_page_by_page(admin, service):
    made = [make_user(service, f"n{n}", "viewer").id for n in range(3)]
    first = admin.get("/v1/users", params={"limit": 2}).json()
    assert [user["id"] for user in first["users"]] == made[:0:-1]
    second = admin.get("/v1/users", params={"limit": 2, "after": first["next"]}).json()
    assert [user["id"] for user in second["users"]] == made[:1]
    assert second["next"] is None


def test_there_is_no_user_of_an_unknown_id(admin):
    assert admin.post("/v1/users/none/disable", json={}).status_code == 404
    assert admin.put("/v1/users/none/role", json={"role": "lead"}).status_code == 404
    wanted = {"password": "another horse battery"}
    assert admin.put("/v1/users/none/password", json=wanted).status_code == 404
