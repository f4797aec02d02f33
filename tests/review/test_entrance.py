import re

import pytest

from tests.review.looking import axe, csrf_of, fits, heading, shots, visitor
from tests.service.asking import ONCE, PASSWORD, Asking, browser, make_user
from tidegate.service.roles import ROLES
from tidegate.store import audit
from tidegate.store import users as store_users
from tidegate.store.clock import HOUR, MINUTE

OTHER = "a sentence that nobody else has said"


def hidden(page):
    """Return the hidden fields of the forms of a page."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))


def log_in(asking, name="ada", password=PASSWORD, **more):
    return asking.post("/console/login", data={"name": name, "password": password, **more})


@ONCE
@pytest.mark.parametrize(
    ("role", "begins"),
    [
        ("viewer", "/console/items"),
        ("reviewer", "/console/queues"),
        ("lead", "/console/dashboard"),
        ("curator", "/console/banks"),
        ("admin", "/console/dashboard"),
    ],
)
def test_each_role_is_led_to_where_its_day_begins(app, service, role, begins):
    make_user(service, role=role)
    asking = Asking(app)
    answer = log_in(asking)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert asking.get("/console").headers["location"] == begins
    assert asking.get("/").headers["location"] == "/console"


def test_a_login_lasts_and_ends(client, service):
    make_user(service)
    log_in(client)
    token = hidden(client.get("/console/account"))["csrf"]
    answer = client.post("/console/logout", data={"csrf": token})
    assert answer.headers["location"] == "/console/login"
    assert "You are logged out." in client.get("/console/login").text
    assert client.get("/console/account").status_code == 303


@pytest.mark.parametrize(
    "given", [("ada", "not the password"), ("eve", PASSWORD), ("\0", "no password")]
)
@ONCE
def test_a_wrong_name_and_a_wrong_password_look_the_same(client, service, given):
    make_user(service)
    answer = log_in(client, *given, next="/console/items")
    assert answer.status_code == 401
    assert "There is no such name, or it has another password." in answer.text
    assert "set-cookie" not in answer.headers
    assert hidden(answer)["next"] == "/console/items"
    assert given[1] not in answer.text


@ONCE
def test_logins_are_limited_here_as_in_the_api(client, service):
    make_user(service)
    answers = [log_in(client, password="wrong") for _ in range(30)]
    assert answers[-1].status_code == 429
    assert "too often" in answers[-1].text
    limited = client.post("/v1/login", json={"name": "ada", "password": "wrong"})
    assert limited.status_code == 429


@ONCE
@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/console/items",
        "//evil.example/console/",
        "/v1/items",
        "/console/../v1/items",
        "/console/%2e%2e/v1/items",
        "/console/\\evil.example",
        "/consolevil",
        "/console/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
    ],
)
def test_a_login_leads_nowhere_but_into_the_console(client, service, elsewhere):
    make_user(service)
    assert log_in(client, next=elsewhere).headers["location"] == "/console"


@ONCE
def test_a_login_leads_to_the_page_that_was_asked_for(client, service):
    make_user(service)
    answer = client.get("/console/items?q=post-1&state=judged")
    assert answer.status_code == 303
    page = client.get(answer.headers["location"])
    onward = log_in(client, next=hidden(page)["next"].replace("&amp;", "&"))
    assert onward.headers["location"] == "/console/items?q=post-1&state=judged"


@ONCE
def test_a_form_of_another_site_logs_nobody_in(client, service):
    make_user(service)
    answer = client.post(
        "/console/login",
        data={"name": "ada", "password": PASSWORD},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@ONCE
def test_what_was_filled_in_when_a_login_ended_can_be_sent_after_the_next(app, service, clock):
    make_user(service)
    asking = browser(app)
    clock.pass_by(3 * HOUR)
    note = 'two\r\nlines & a "quote"'
    form = {"csrf": csrf_of(asking), "note": note, "password-old": "secret of mine"}
    told = asking.post("/console/account/password", data=form)
    assert told.status_code == 401
    assert "nothing was done" in told.text
    assert "secret of mine" not in told.text
    wrong = log_in(
        asking, password="wrong", **{"kept": "/console/account/password", "kept.note": note}
    )
    assert wrong.status_code == 401
    again = log_in(asking, **{"kept": "/console/account/password", "kept.note": note})
    assert heading(again) == "Send it again?"
    assert 'action="/console/account/password"' in again.text
    assert 'value="two\r\nlines &amp; a &#34;quote&#34;"' in again.text
    # The token is that of the new login: the form works as it stands there.
    token = hidden(again)["csrf"]
    answer = asking.post("/console/account/password", data={"csrf": token, "note": note})
    assert answer.status_code == 422


@ONCE
def test_what_is_kept_goes_nowhere_but_into_the_console(client, service):
    make_user(service)
    answer = log_in(client, **{"kept": "https://evil.example/", "kept.a": "1"})
    assert answer.headers["location"] == "/console"


@ONCE
def test_nothing_of_a_form_of_another_site_is_kept(client, service):
    make_user(service)
    answer = client.post(
        "/console/account/logout", data={"a": "1"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert "kept" not in answer.text


@ONCE
def test_a_form_without_the_token_changes_nothing(app, service):
    make_user(service)
    asking = browser(app)
    answer = asking.post("/console/account/logout", data={"csrf": "wrong"})
    assert answer.status_code == 403
    assert asking.get("/console/account").status_code == 200


@ONCE
def test_an_api_key_opens_no_page(admin):
    assert admin.get("/console/account").headers["location"].startswith("/console/login")


def test_another_password(client, service):
    make_user(service)
    elsewhere = Asking(client._transport.app)
    log_in(client), log_in(elsewhere)
    token = hidden(client.get("/console/account"))["csrf"]

    def change(old, new, again):
        fields = {"password-old": old, "password-new": new, "password-again": again}
        return client.post("/console/account/password", data={"csrf": token, **fields})

    assert "This is not your password." in change("wrong", OTHER, OTHER).text
    assert "The two are not the same." in change(PASSWORD, OTHER, OTHER + "!").text
    assert "12" in change(PASSWORD, "short", "short").text
    assert change(PASSWORD, OTHER, OTHER).headers["location"] == "/console/account"
    assert client.get("/console/account").status_code == 200
    assert elsewhere.get("/console/account").status_code == 303
    assert log_in(elsewhere).status_code == 401
    assert log_in(elsewhere, password=OTHER).status_code == 303


def test_logging_out_everywhere(client, service, clock):
    user = make_user(service)
    elsewhere = Asking(client._transport.app)
    log_in(elsewhere)
    clock.pass_by(MINUTE)
    log_in(client)
    page = client.get("/console/account")
    assert page.text.count("<tr><td") == 2
    assert page.text.count("this one") == 1
    answer = client.post("/console/account/logout", data={"csrf": hidden(page)["csrf"]})
    assert answer.headers["location"] == "/console/login"
    for asking in (client, elsewhere):
        assert asking.get("/console/account").status_code == 303
    with service.store.read() as connection:
        last = audit.newest(connection, subject=f"user:{user.id}", limit=1)[0]
    assert last.action == "logout.everywhere"


@ONCE
def test_somebody_who_was_disabled_is_out(client, service):
    ada = make_user(service)
    make_user(service, "eve")
    log_in(client)
    with service.store.write() as connection:
        store_users.disable(connection, ada.id, actor="system", reason="", now=service.clock())
    assert client.get("/console/account").status_code == 303
    assert log_in(client).status_code == 401


@ONCE
@pytest.mark.parametrize("script", [True, False], ids=["script on", "script off"])
def test_the_way_in_and_out_in_a_browser(base, chromium, service, script):
    make_user(service)
    with visitor(chromium, base, None, script=script) as page:
        page.goto("/console/account")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        assert page.get_by_label("Name").get_attribute("aria-invalid") == "true"
        assert page.get_by_label("Name").input_value() == "ada"
        if script:
            axe(page), fits(page), shots(page, "login")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/console/account")
        if script:
            axe(page), fits(page), shots(page, "account")
        page.get_by_role("button", name="Log out", exact=True).click()
        page.get_by_text("You are logged out.").wait_for()


def test_each_role_has_a_place_to_begin():
    from tidegate.review.entrance import BEGIN
    from tidegate.review.frame import PLACES

    for role, scopes in ROLES.items():
        assert BEGIN[role] in {place.path for place in PLACES if place.scope in scopes}
