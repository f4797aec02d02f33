"""The pages of users and keys: both are made, and work; what is secret is shown once."""

import re

import pytest

from tests.review.filling import fill, follow
from tests.review.looking import axe, heading, shots, visitor
from tests.service.asking import ONCE, Asking, bearer, browser, make_key, make_user
from tidegate.store import keys, queues, users

pytestmark = ONCE


@pytest.fixture
def admin(app, service):
    make_user(service)
    return browser(app)


def secret_of(answer):
    return re.search(r'id="secret" value="([^"]+)"', answer.text)[1]


def found(service, name):
    with service.store.read() as connection:
        return users.by_name(connection, name)[0]


def test_a_user_and_a_key_are_made_and_work(app, service, base, chromium):
    make_user(service)
    with visitor(chromium, base) as page:
        page.goto("/console/users")
        page.get_by_role("link", name="Make a user").click()
        page.get_by_label("Name", exact=True).fill("rosa")
        page.get_by_label("Why", exact=True).fill("the night shift")
        shots(page, "users-new")
        page.get_by_role("button", name="Make the user").click()
        password = page.get_by_label("Password of rosa").input_value()
        axe(page)
        shots(page, "users-made")
        assert browser(app, "rosa", password).get("/v1/whoami").json()["role"] == "reviewer"
        page.get_by_role("link", name="I have it").click()
        assert password not in page.content()
        works_on = page.get_by_role("group", name="They work on")
        works_on.get_by_label("appeals").check()
        shots(page, "users-user")
        page.get_by_role("button", name="Save the queues").click()
        assert "these queues alone" in page.get_by_role("status").inner_text()
        with service.store.read() as connection:
            assert queues.of_user(connection, found(service, "rosa").id) == ("appeals",)
        page.goto("/console/users")
        assert page.get_by_role("row").filter(has_text="rosa").get_by_text("appeals").is_visible()
        shots(page, "users-list")
        page.get_by_role("link", name="Keys", exact=True).click()
        page.get_by_role("link", name="Make the first key").click()
        page.get_by_label("Name", exact=True).fill("forum uploads")
        page.get_by_label("items.read:").check()
        page.get_by_label("Works until").fill("2030-01-01")
        shots(page, "keys-new")
        page.get_by_role("button", name="Make the key").click()
        token = page.get_by_label("Key", exact=True).input_value()
        axe(page)
        shots(page, "keys-made")
        assert Asking(app, headers=bearer(token)).get("/v1/items").status_code == 200
        page.get_by_role("link", name="I have it").click()
        assert token not in page.content()
        assert "until 2030-01-01 23:59 UTC" in page.get_by_role("main").inner_text()
        shots(page, "keys-list")
        page.get_by_role("link", name="Revoke forum uploads").click()
        page.get_by_label("Why", exact=True).fill("it leaked")
        page.get_by_role("button", name="Revoke the key").click()
        assert Asking(app, headers=bearer(token)).get("/v1/items").status_code == 401
        # All of this is found in the audit record, by who did it and what it was.
        page.get_by_role("link", name="Audit", exact=True).click()
        page.get_by_label("Who", exact=True).fill("ada")
        page.get_by_label("Did", exact=True).fill("key")
        page.get_by_role("button", name="Search").click()
        did = page.locator("td.main").all_inner_texts()
        assert did == ["key.revoke", "key.create"]
        assert page.get_by_role("cell", name="it leaked").is_visible()


def test_a_role_is_changed_and_a_user_is_disabled(admin, app, service):
    user = make_user(service, "rosa", "reviewer")
    path = f"/console/users/{user.id}"
    rosa = browser(app, "rosa")
    assert "has to log in again" in follow(admin, fill(admin, f"{path}/role", role="lead")).text
    assert rosa.get("/v1/whoami").status_code == 401
    assert found(service, "rosa").role == "lead"
    password = secret_of(fill(admin, f"{path}/password", reason="lost"))
    again = browser(app, "rosa", password)
    assert "Disable rosa?" in heading(admin.get(f"{path}/disable"))
    follow(admin, fill(admin, f"{path}/disable", reason="left"))
    assert again.get("/v1/whoami").status_code == 401
    assert fill(admin, f"{path}/disable").status_code == 409
    assert f"{path}/role" not in admin.get(path).text


def test_the_last_admin_stays_one(admin, service):
    ada = found(service, "ada").id
    answer = fill(admin, f"/console/users/{ada}/role", role="viewer")
    assert answer.status_code == 409
    assert "last admin" in answer.text


def test_a_form_of_a_user_that_is_wrong_is_shown_again(admin):
    wrong = fill(admin, "/console/users", name="not a name", role="reviewer", email="x@y.example")
    assert wrong.status_code == 422
    assert 'value="x@y.example"' in wrong.text
    assert fill(admin, "/console/users", name="Ada", role="reviewer").status_code == 409


def test_only_queues_that_there_are_can_be_chosen_and_none_is_all(admin, service):
    user = make_user(service, "rosa", "reviewer")
    path = f"/console/users/{user.id}/queues"
    follow(admin, fill(admin, path, queues=["review", "no such queue"]))
    with service.store.read() as connection:
        assert queues.of_user(connection, user.id) == ("review",)
    assert "all that they may" in follow(admin, fill(admin, path)).text
    with service.store.read() as connection:
        assert queues.of_user(connection, user.id) == ()


def test_a_key_is_exchanged_and_both_work_for_a_while(admin, app, service):
    key, token = make_key(service, ["items.read"], name="forum")
    answer = fill(admin, f"/console/keys/{key.id}/rotate", overlap_minutes="60")
    for one in (token, secret_of(answer)):
        assert Asking(app, headers=bearer(one)).get("/v1/items").status_code == 200
    assert answer.headers["cache-control"] == "no-store"


def test_a_key_with_no_scope_or_that_is_over_is_not_made(admin, service):
    none = fill(admin, "/console/keys", name="forum")
    assert none.status_code == 422
    assert "Choose one at least" in none.text
    over = fill(admin, "/console/keys", name="a", scopes=["items.read"], expires_at="2001-01-01")
    assert over.status_code == 422
    with service.store.read() as connection:
        assert keys.page(connection, after=None, limit=9) == []


def test_only_an_admin_sees_users_and_keys(app, service):
    user = make_user(service, "lena", "lead")
    lead = browser(app, "lena")
    for path in ("users", "users/new", f"users/{user.id}", "keys", "keys/new"):
        assert lead.get(f"/console/{path}").status_code == 403
    assert fill(lead, f"/console/users/{user.id}/role", role="admin").status_code == 403
    assert fill(lead, "/console/keys", name="a", scopes=["items.read"]).status_code == 403
    shown = lead.get("/console/audit").text
    assert 'href="/console/users"' not in shown
    assert 'href="/console/keys"' not in shown


def test_a_queue_that_is_empty_now_is_still_theirs(admin, service):
    user = make_user(service, "rosa", "reviewer")
    path = f"/console/users/{user.id}/queues"
    with service.store.write() as connection:
        queues.set_for_user(connection, user.id, ["weapons"], actor="a", now=service.clock())
    assert 'value="weapons" checked' in admin.get(f"/console/users/{user.id}").text
    follow(admin, fill(admin, path, queues=["weapons"]))
    with service.store.read() as connection:
        assert queues.of_user(connection, user.id) == ("weapons",)


def test_what_is_no_queue_any_more_does_not_make_them_see_all(admin, service):
    user = make_user(service, "rosa", "reviewer")
    path = f"/console/users/{user.id}/queues"
    follow(admin, fill(admin, path, queues=["review"]))
    assert fill(admin, path, queues=["gone since"]).status_code == 422
    with service.store.read() as connection:
        assert queues.of_user(connection, user.id) == ("review",)
