import pytest

from tests.service.asking import ONCE, Asking
from tidegate.service.app import build
from tidegate.service.settings import Settings
from tidegate.service.state import Service


def test_a_process_that_lives_says_so_to_anybody(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_process_is_ready_when_the_database_is_up_to_date_and_the_banks_are_here(client, service):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    told = answer.json()["checks"]
    assert told == {"database": "ok", "banks": "the banks are not loaded yet"}
    service.replica.follow()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "checks": {"database": "ok", "banks": "ok"}}


def test_a_process_lives_and_is_not_ready_where_the_database_is_empty(make_database):
    empty = make_database(empty=True)
    settings = Settings(data=empty.data, database=empty.url)
    with Service(settings, empty.open()) as service:
        client = Asking(build(service))
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["ready"] is False
        assert answer.json()["checks"]["database"] != "ok"
        # Where the database is, is nobody's business.
        assert str(empty.data) not in answer.text
        assert client.get("/healthz").status_code == 200


@ONCE
@pytest.mark.parametrize(("wrong", "status"), [(None, 200), ("is stale", 503)])
def test_a_part_that_is_not_ready_holds_the_process_back(client, service, wrong, status):
    service.checks = {"models": lambda: wrong}
    answer = client.get("/readyz")
    assert answer.status_code == status
    assert answer.json()["checks"]["models"] == (wrong or "ok")
