import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Annotated

import pytest

from tests.service.asking import ONCE, PASSWORD, Asking, bearer, browser, make_key, make_user
from tidegate.service.app import build
from tidegate.service.auth import Principal, needs
from tidegate.service.refusals import MOST
from tidegate.service.settings import Settings
from tidegate.service.state import Limits, Service
from tidegate.service.tokens import new_first_link
from tidegate.store import audit
from tidegate.store.clock import HOUR, MINUTE, SECOND


def actions(service):
    with service.store.read() as connection:
        return [row.action for row in audit.newest(connection, limit=50)][::-1]


def whoami(client):
    return client.get("/v1/whoami").status_code


@ONCE
def test_nobody_is_told_how_to_be_somebody(client):
    answer = client.get("/v1/whoami")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="tidegate"'
    assert answer.json()["type"] == "/problems/unauthenticated"


@pytest.fixture
def token(service):
    return make_key(service, {"hma", "items.read"})[1]


@ONCE
@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: f"Bearer {token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        lambda token: f"Bearer {token.upper()}",
        lambda token: f"Bearer {token}x",
        lambda token: "Bearer ",
        lambda token: "Bearer tg_aaaaaaaaaa_" + "A" * 43,
        lambda token: f"Token {token}",
        lambda token: token,
        lambda token: f"Basic {base64.b64encode(f'any:{token}'.encode()).decode()}",
        lambda token: "Bearer " + "x" * 10_000,
    ],
)
def test_what_is_not_exactly_a_key_opens_nothing(app, token, spoil):
    answer = Asking(app, headers={"Authorization": spoil(token)}).get("/v1/whoami")
    assert answer.status_code == 401


@ONCE
def test_below_hma_a_key_may_be_a_password_of_basic(app, token):
    @app.get("/hma/ping")
    def ping(who: Annotated[Principal, needs("hma")]) -> str:
        return who.kind

    def basic(pair):
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    assert Asking(app, headers=basic(f"any:{token}")).get("/hma/ping").json() == "key"
    assert Asking(app, headers=bearer(token)).get("/hma/ping").json() == "key"
    for wrong in (f"{token}:", "any:", "any:tg_x", "any"):
        assert Asking(app, headers=basic(wrong)).get("/hma/ping").status_code == 401
    assert Asking(app, headers={"Authorization": "Basic ~"}).get("/hma/ping").status_code == 401


@ONCE
def test_no_session_helps_a_key_that_is_not_good(app, service):
    make_user(service)
    ada = browser(app)
    assert whoami(ada) == 200
    ada.headers["Authorization"] = "Bearer tg_aaaaaaaaaa_" + "A" * 43
    assert whoami(ada) == 401


@ONCE
def test_a_session_changes_nothing_without_its_token(app, service):
    make_user(service)
    make_user(service, "eve")
    ada, eve = browser(app), browser(app, "eve")
    wanted = {"name": "n", "scopes": ["items.read"]}
    own = ada.headers.pop("X-CSRF-Token")
    assert ada.post("/v1/keys", json=wanted).status_code == 403
    for other in ("", own[:-1], eve.headers["X-CSRF-Token"], "ä"):
        ada.headers["X-CSRF-Token"] = other.encode()
        assert ada.post("/v1/keys", json=wanted).status_code == 403
    ada.headers["X-CSRF-Token"] = own
    assert ada.post("/v1/keys", json=wanted).status_code == 201


@ONCE
def test_the_token_is_told_again_to_the_session_it_is_of(app, service):
    make_user(service)
    ada = browser(app)
    assert ada.get("/v1/whoami").json()["csrf"] == ada.headers["X-CSRF-Token"]


@ONCE
def test_a_cookie_on_this_machine_is_for_scripts_and_other_sites_not_to_see(client, service):
    make_user(service)
    answer = client.post("/v1/login", json={"name": "ada", "password": PASSWORD})
    name, *parts = answer.headers["set-cookie"].split("; ")
    assert name.startswith("tidegate=tgs_")
    assert set(parts) == {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=lax"}
    assert PASSWORD not in answer.text


@ONCE
def test_a_cookie_by_https_is_for_this_host_and_https_alone(database, service, clock):
    make_user(service)
    settings = Settings(
        data=database.data, database=database.url, public_url="https://tidegate.example"
    )
    with Service(settings, database.open(), now=clock, passwords=service.passwords) as secure:
        app = build(secure)
        ada = Asking(app, base="https://tidegate.example")
        answer = ada.post("/v1/login", json={"name": "ada", "password": PASSWORD})
        name, *parts = answer.headers["set-cookie"].split("; ")
        assert name.startswith("__Host-tidegate=tgs_")
        assert set(parts) == {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=lax", "Secure"}
        assert "max-age=" in answer.headers["strict-transport-security"]
        assert whoami(ada) == 200
        value = name.partition("=")[2]
        plain = Asking(app, headers={"Cookie": f"tidegate={value}"})
        assert whoami(plain) == 401


def test_a_session_ends_after_two_hours_without_use(app, service, clock):
    make_user(service)
    ada = browser(app)
    clock.pass_by(2 * HOUR - MINUTE)
    assert whoami(ada) == 200
    clock.pass_by(2 * HOUR - MINUTE)
    assert whoami(ada) == 200
    clock.pass_by(2 * HOUR + MINUTE)
    assert whoami(ada) == 401


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(app, service, clock):
    make_user(service)
    ada = browser(app)
    for _ in range(11):
        clock.pass_by(HOUR)
        assert whoami(ada) == 200
    clock.pass_by(HOUR)
    assert whoami(ada) == 401


def test_logging_out_ends_the_session_for_who_has_kept_its_cookie(app, service):
    make_user(service)
    ada = browser(app)
    kept = Asking(app, headers={"Cookie": f"tidegate={ada.cookies['tidegate']}"})
    assert whoami(kept) == 200
    assert ada.post("/v1/logout").status_code == 204
    assert "tidegate" not in ada.cookies
    assert whoami(kept) == 401
    assert actions(service)[-2:] == ["login", "logout"]


def test_every_login_opens_a_session_of_its_own(app, service):
    make_user(service)
    one, two = browser(app), browser(app)
    assert one.cookies["tidegate"] != two.cookies["tidegate"]
    one.post("/v1/logout")
    assert whoami(two) == 200


def test_who_reads_the_database_has_no_session(app, service):
    make_user(service)
    value = browser(app).cookies["tidegate"]
    with service.store.read() as connection:
        assert value not in str(connection.exec_driver_sql("SELECT * FROM sessions").all())


def test_a_wrong_password_and_an_unknown_name_look_the_same(client, service):
    make_user(service)
    wrong = client.post("/v1/login", json={"name": "ada", "password": "wrong"})
    unknown = client.post("/v1/login", json={"name": "bob", "password": "wrong"})
    nul = client.post("/v1/login", json={"name": "a\0", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == nul.status_code == 401
    assert wrong.json() == unknown.json() == nul.json()
    assert "set-cookie" not in wrong.headers
    # Of names that nobody has there is one row.
    assert actions(service)[-2:] == ["login.refuse"] * 2


@ONCE
def test_a_login_is_read_as_json_alone(client, service):
    # A form of another site can send text, and logs nobody in here as somebody else.
    make_user(service)
    body = f'{{"name":"ada","password":"{PASSWORD}"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = client.post("/v1/login", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 422


@ONCE
def test_nobody_has_strangers_read_large_bodies(app):
    many = {f"k{n}": n for n in range(10_000)}
    for path in ("/v1/login", "/v1/first"):
        assert Asking(app).post(path, json=many).status_code == 413


RIGHT = {"name": "ada", "password": PASSWORD}
WRONG = {"name": "ada", "password": "wrong"}


def tried(app, address, given=WRONG):
    return Asking(app, address=address).post("/v1/login", json=given)


@ONCE
def test_one_stranger_locks_nobody_out(app, service):
    service.limits = Limits(service.settings, tick=lambda: 0.0)
    make_user(service)
    answers = [tried(app, "192.0.2.1") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert tried(app, "192.0.2.1", RIGHT).status_code == 429
    assert tried(app, "192.0.2.2", RIGHT).status_code == 200


@ONCE
def test_many_strangers_guess_no_faster_and_lock_nobody_out_of_where_they_were(app, service):
    service.limits = Limits(service.settings, tick=lambda: 0.0)
    make_user(service)
    make_user(service, "bob")
    assert tried(app, "2001:db8::1", RIGHT).status_code == 200
    answers = [tried(app, f"192.0.2.{n}").status_code for n in range(40)]
    assert answers == [401] * 39 + [429]
    assert tried(app, "192.0.2.99", RIGHT).status_code == 429
    assert tried(app, "2001:db8::2", RIGHT).status_code == 200  # Of the same network.
    assert whoami(browser(app, "bob", address="192.0.2.99")) == 200
    # Who guesses from there is limited as well.
    answers = [tried(app, "2001:db8::3").status_code for _ in range(10)]
    assert answers == [401] * 9 + [429]


@ONCE
def test_where_strangers_use_up_all_limits_who_has_been_there_gets_in(app, service):
    make_user(service)
    make_user(service, "bob")
    assert tried(app, "192.0.2.1", RIGHT).status_code == 200
    service.limits = Limits(service.settings, tick=lambda: 0.0)
    for limit in (service.limits.login_address, service.limits.login_here):
        limit.take = lambda key: 60.0
    assert tried(app, "192.0.2.1", RIGHT).status_code == 200
    assert tried(app, "192.0.2.2", RIGHT).status_code == 429
    assert tried(app, "192.0.2.1", RIGHT | {"name": "bob"}).status_code == 429
    assert tried(app, "192.0.2.1", RIGHT | {"name": "a\0"}).status_code == 429


def refused(service):
    """Return what the audit chain tells of refused logins: whose, from where, how many."""
    with service.store.read() as connection:
        rows = audit.newest(connection, limit=200)[::-1]
    told = [(row.subject, json.loads(row.body)) for row in rows if row.action == "login.refuse"]
    return [(subject, body["address"], body["count"]) for subject, body in told]


def test_refused_logins_are_a_row_a_minute_that_counts_them(app, service, clock):
    ada = make_user(service)
    service.limits = Limits(replace(service.settings, logins_per_minute=1000))
    for _ in range(5):
        tried(app, "192.0.2.1")
    once = (f"login:{ada.id}", "192.0.2.1", 1)
    assert refused(service) == [once]
    clock.pass_by(MINUTE)
    tried(app, "192.0.2.1")
    assert refused(service) == [once, (f"login:{ada.id}", "192.0.2.1", 4)]
    clock.pass_by(MINUTE)
    tried(app, "192.0.2.2", RIGHT)  # Anybody's login tells what is left.
    assert refused(service)[2:] == [once]


@ONCE
def test_refused_logins_of_many_networks_and_names_share_a_row(app, service):
    make_user(service)
    service.limits = Limits(replace(service.settings, logins_per_minute=1000))
    for n in range(MOST + 20):
        tried(app, f"192.0.2.{n}", WRONG if n % 2 else WRONG | {"name": f"n{n}"})
    told = refused(service)
    assert len(told) == MOST + 1
    assert told[-1] == ("login:nobody", "others", 1)
    service.refusals.close(service.store, now=service.clock())
    assert refused(service)[-1] == ("login:nobody", "others", 19)


@ONCE
def test_logins_from_one_address_are_slowed_down_whatever_the_name(app, service):
    service.limits = Limits(service.settings, tick=lambda: 0.0)
    client = Asking(app, address="192.0.2.1")
    answers = [
        client.post("/v1/login", json={"name": f"n{n}", "password": "wrong"}).status_code
        for n in range(41)
    ]
    assert answers == [401] * 40 + [429]


@ONCE
def test_who_has_many_ipv6_addresses_has_one_share_of_logins(app, service):
    service.limits = Limits(service.settings, tick=lambda: 0.0)
    answers = [
        Asking(app, address=f"2001:db8::{n:x}")
        .post("/v1/login", json={"name": f"n{n}", "password": "wrong"})
        .status_code
        for n in range(41)
    ]
    assert answers == [401] * 40 + [429]
    other = Asking(app, address="2001:db8:0:1::1")
    assert other.post("/v1/login", json={"name": "x", "password": "wrong"}).status_code == 401


@ONCE
def test_ipv4_by_a_socket_of_ipv6_is_ipv4(app, service):
    service.limits = Limits(service.settings, tick=lambda: 0.0)
    make_user(service)
    assert [tried(app, "::ffff:192.0.2.1").status_code for _ in range(11)] == [401] * 10 + [429]
    assert tried(app, "192.0.2.1").status_code == 429
    assert tried(app, "::ffff:192.0.2.2", RIGHT).status_code == 200


@ONCE
def test_the_least_that_can_be_set_lets_one_through(app, service):
    least = replace(service.settings, requests_per_second=0.1, logins_per_minute=0.1)
    service.limits = Limits(least, tick=lambda: 0.0)
    make_user(service)
    client, right = Asking(app), {"name": "ada", "password": PASSWORD}
    assert client.post("/v1/login", json=right).status_code == 200
    assert [client.get("/v1/whoami").status_code for _ in range(2)] == [200, 429]
    # Once more, for it has logged in here before.
    assert [client.post("/v1/login", json=right).status_code for _ in range(2)] == [200, 429]


@ONCE
def test_who_asks_too_often_is_told_when_to_come_back(app, service):
    slow = replace(service.settings, requests_per_second=1.0)
    service.limits = Limits(slow, tick=lambda: 0.0)
    some, other = (
        Asking(app, headers=bearer(make_key(service, {"items.read"})[1])) for _ in range(2)
    )
    answers = [some.get("/v1/whoami") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert whoami(other) == 200


def test_ones_own_password_needs_the_old_one_and_ends_the_other_sessions(app, service):
    make_user(service)
    here, elsewhere = browser(app), browser(app)
    wrong = {"old": "not it", "new": "another horse battery"}
    assert here.post("/v1/password", json=wrong).status_code == 401
    assert whoami(elsewhere) == 200
    answer = here.post("/v1/password", json={"old": PASSWORD, "new": "another horse battery"})
    assert answer.status_code == 200
    assert whoami(here) == 200
    assert whoami(elsewhere) == 401
    refused = Asking(app).post("/v1/login", json={"name": "ada", "password": PASSWORD})
    assert refused.status_code == 401
    assert whoami(browser(app, password="another horse battery")) == 200


@pytest.fixture
def link(service):
    service.first = new_first_link("http://127.0.0.1:8787", service.clock() / SECOND)
    return service.first.url.text()


def first(client, link, name="ada", password=PASSWORD):
    token = link.partition("#")[2]
    return client.post("/v1/first", json={"token": token, "name": name, "password": password})


def test_the_first_link_makes_an_admin_once(client, service, link):
    answer = first(client, link)
    assert answer.status_code == 201
    assert answer.json()["role"] == "admin"
    assert whoami(client) == 200
    assert actions(service) == ["user.create"]
    assert first(Asking(build(service)), link, "eve").status_code == 410


@ONCE
def test_the_first_link_is_good_for_an_hour(client, link, clock):
    clock.pass_by(HOUR)
    assert first(client, link).status_code == 410
    clock.pass_by(-SECOND)
    assert first(client, link).status_code == 201


@ONCE
def test_another_token_than_that_of_the_link_opens_nothing(client, link):
    assert first(client, "#tga_" + "A" * 43).status_code == 410
    assert first(client, "#").status_code == 410


@ONCE
def test_a_password_that_is_too_short_spends_no_link(client, link):
    answer = first(client, link, password="short")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "/body/password", "detail": "a password needs 12 characters or more"}
    ]
    assert first(client, link).status_code == 201


def test_no_link_makes_an_admin_where_there_is_one(client, service, link):
    make_user(service)
    assert first(client, link, "eve").status_code == 410


def test_of_many_that_use_the_link_at_once_one_is_the_admin(app, service, link):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: first(Asking(app), link, f"n{n}"), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 410, 410, 410]
    with service.store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 1


@ONCE
def test_the_page_of_the_link_loads_nothing_from_anywhere(client):
    answer = client.get("/welcome")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "src=" not in answer.text
    assert "href=" not in answer.text
