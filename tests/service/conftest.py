import pytest
from argon2 import PasswordHasher

from tests.service.asking import Asking, bearer, key_of
from tests.store.making import NOW
from tidegate.service.app import build
from tidegate.service.passwords import Passwords
from tidegate.service.settings import Settings
from tidegate.service.state import Service

CHEAP = Passwords(PasswordHasher(memory_cost=8, time_cost=1, parallelism=1))
"""No password of the tests is worth 19 MiB."""


class Clock:
    """What time it is, as a test says."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def pass_by(self, micros):
        self.now += micros


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def settings(database):
    """Settings as of the first start, on both databases."""
    return Settings(data=database.data, database=database.url, workers=0)


@pytest.fixture
def service(settings, database, clock):
    """A service of a test's own, on both databases."""
    with Service(settings, database.open(), now=clock, passwords=CHEAP) as opened:
        yield opened


@pytest.fixture
def app(service):
    return build(service)


@pytest.fixture
def client(app):
    """A client that shows nothing: nobody."""
    return Asking(app)


@pytest.fixture
def as_role(app, service):
    """Gives a client with an API key that may do all that a role may: ``as_role("lead")``."""

    def give(role):
        return Asking(app, headers=bearer(key_of(service, role)))

    return give


@pytest.fixture
def admin(as_role):
    """A client with an API key that may do everything."""
    return as_role("admin")
