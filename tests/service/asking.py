"""Asking the service as somebody: a role's API key, or a browser with its cookies."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tidegate.service.roles import ROLES, least_role
from tidegate.service.secret import Secret
from tidegate.service.tokens import new_api_key
from tidegate.store import keys, users

PASSWORD = "correct horse battery"

ONCE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
"""For a test of what no database has a part in: it runs on one of them."""


class Asking:
    """A client that keeps its headers and cookies; an error inside is answered, not raised."""

    def __init__(self, app, *, base="http://127.0.0.1:8787", address="127.0.0.1", headers=None):
        self._transport = httpx.ASGITransport(
            app, raise_app_exceptions=False, client=(address, 50000)
        )
        self._base = base
        self.headers = dict(headers or {})
        self.cookies = httpx.Cookies()

    def request(self, method, path, **rest):
        async def ask():
            async with httpx.AsyncClient(
                transport=self._transport,
                base_url=self._base,
                headers=self.headers,
                cookies=self.cookies,
            ) as client:
                answer = await client.request(method, path, **rest)
                self.cookies = client.cookies
                return answer

        # In a thread of its own: where a browser is under test, this one has a loop that runs.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(ask())).result()

    def get(self, path, **rest):
        return self.request("GET", path, **rest)

    def post(self, path, **rest):
        return self.request("POST", path, **rest)

    def put(self, path, **rest):
        return self.request("PUT", path, **rest)

    def patch(self, path, **rest):
        return self.request("PATCH", path, **rest)

    def delete(self, path, **rest):
        return self.request("DELETE", path, **rest)


def make_key(service, scopes, *, name="a key", author="system", **rest):
    """Keep a key with these scopes, and return it and its token."""
    made = new_api_key()
    with service.store.write() as connection:
        key = keys.add(
            connection,
            name=name,
            prefix=made.prefix,
            digest=made.digest,
            scopes=scopes,
            role=least_role(scopes),
            author=author,
            now=service.clock(),
            **rest,
        )
    return key, made.token.text()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def key_of(service, role):
    """Return a token with all that a role may do."""
    return make_key(service, ROLES[role], name=f"of a {role}")[1]


def make_user(service, name="ada", role="admin", password=PASSWORD):
    """Make a user, and return them."""
    with service.store.write() as connection:
        return users.add(
            connection,
            name=name,
            role=role,
            password=service.passwords.hash(Secret(password)),
            actor="system",
            now=service.clock(),
        )


def browser(app, name="ada", password=PASSWORD, **rest):
    """Return a browser that has logged in, and shows the CSRF token."""
    found = Asking(app, **rest)
    answer = found.post("/v1/login", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    found.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return found
