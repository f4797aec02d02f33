import asyncio
from typing import get_args

import httpx
from fastapi import APIRouter, FastAPI

from tests.service import routes
from tests.service.asking import ONCE, bearer, key_of
from tidegate.service import app as application
from tidegate.service.openapi import guards
from tidegate.service.roles import ROLES, SCOPES, Role, Scope, least_role
from tidegate.store import tables

OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", "/v1/login"),
    ("POST", "/v1/first"),
    ("GET", "/welcome"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
}
"""Routes that anybody may ask. Each is a decision: whoever adds one changes this list."""


def test_each_scope_is_described_and_belongs_to_a_role():
    assert set(SCOPES) == set(get_args(Scope))
    assert set().union(*ROLES.values()) == set(get_args(Scope))
    assert set(ROLES) == set(get_args(Role))


def test_who_may_what():
    # The table of roles.py once more: to change what a role may, change it in two places.
    may = {role: " ".join(sorted(scopes)) for role, scopes in ROLES.items()}
    assert may == {
        "viewer": "items.read policies.read",
        "reviewer": "banks.read items.read media.read policies.read review",
        "lead": "audit banks.read items.read items.write media.read metrics policies.read review",
        "curator": "banks.read banks.write hma items.read media.read policies.read policies.write",
        "admin": "audit banks.read banks.write hma items.read items.write keys media.read metrics "
        "policies.read policies.write review users webhooks",
    }


def test_the_least_role_has_all_that_is_asked_for():
    assert least_role({"items.read"}) == "viewer"
    assert least_role({"items.read", "items.write"}) == "lead"
    assert least_role({"hma"}) == "curator"
    assert least_role({"hma", "items.write"}) == "admin"


def test_the_database_knows_the_same_roles():
    for table in (tables.users, tables.keys):
        check = next(c for c in table.constraints if "role" in str(c.name))
        assert all(f"'{role}'" in str(check.sqltext) for role in ROLES)


@ONCE
def test_every_route_is_guarded_or_open_by_decision(app):
    unguarded = {route for route, guard in guards(app).items() if guard is None}
    assert unguarded == OPEN


@ONCE
def test_who_may_ask_each_route_is_what_was_reviewed(app):
    # Another scope, role or route? Say so: python -m tests.service.routes
    assert routes.table(app) == routes.FILE.read_text().splitlines()


def test_a_router_without_a_guard_would_be_found():
    app, router = FastAPI(docs_url=None, redoc_url=None), APIRouter(prefix="/v1/things")
    router.get("/{thing}")(lambda thing: None)
    app.include_router(router)
    assert guards(app)["GET", "/v1/things/{thing}"] is None


@ONCE
def test_every_route_lets_in_the_roles_that_have_its_scopes_and_nobody_else(app, service):
    service.limits.requests.take = lambda key: 0.0
    shown = {role: bearer(key_of(service, role)) for role in ROLES}
    wrong = []

    async def ask():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for (method, path), guard in guards(app).items():
                if guard is None:
                    continue
                where = path.replace("{", "").replace("}", "")
                if (await client.request(method, where)).status_code != 401:
                    wrong.append((method, path, "nobody"))
                for role, headers in shown.items():
                    status = (await client.request(method, where, headers=headers)).status_code
                    allowed = set(guard.scopes) <= ROLES[role]
                    if (status == 403) == allowed or status in (401, 500):
                        wrong.append((method, path, role, status))

    asyncio.run(ask())
    assert not wrong


@ONCE
def test_a_viewer_changes_nothing(app):
    changing = {
        (method, path)
        for (method, path), guard in guards(app).items()
        if guard is not None
        and method not in ("GET", "HEAD", "OPTIONS")
        and set(guard.scopes) <= ROLES["viewer"]
    }
    assert changing == {("POST", "/v1/logout"), ("POST", "/v1/password")}


def test_every_router_is_served_once():
    assert len(set(map(id, application.ROUTERS))) == len(application.ROUTERS)
