import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.store.making import accept
from tidegate.store import cases, jobs, outbox
from tidegate.store.cases import New
from tidegate.store.clock import MINUTE


@pytest.fixture
def figures(as_role):
    client = as_role("lead")

    def ask():
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        families = text_string_to_metric_families(answer.text)
        return {
            (one.name, *sorted(one.labels.values())): one.value
            for family in families
            for one in family.samples
        }

    return ask


def test_requests_are_counted_by_the_template_of_their_route(figures, admin, service):
    for number in range(3):
        admin.post(f"/v1/keys/none{number}/revoke", json={})
    found = figures()
    assert found["tidegate_requests_total", "/v1/keys/{key}/revoke", "404", "POST"] == 3
    count = "tidegate_request_seconds_count"
    assert found[count, "/v1/keys/{key}/revoke", "POST"] == 3


def test_made_up_paths_and_methods_make_no_new_series(figures, client):
    for number in range(20):
        client.get(f"/made/up/{number}")
        client.request(f"MADE{number}", "/healthz")
    found = {key for key in figures() if key[0] == "tidegate_requests_total"}
    assert found == {
        ("tidegate_requests_total", "404", "GET", "none"),
        ("tidegate_requests_total", "/healthz", "405", "other"),
    }


def test_queues_are_those_of_the_database(figures, service, clock):
    with service.store.write() as connection:
        item = accept(connection, now=clock.now)
    clock.pass_by(2 * MINUTE)
    found = figures()
    assert found["tidegate_jobs", "judge", "ready"] == 1
    assert found["tidegate_jobs_oldest_seconds", "judge"] == 120
    with service.store.write() as connection:
        (job,) = jobs.of_item(connection, item)
        assert job.kind == "judge"
        (leased,) = jobs.lease(connection, worker="w", kinds=["judge"], seconds=60, now=clock.now)
        jobs.finish(connection, leased, now=clock.now)
    assert ("tidegate_jobs", "judge", "ready") not in figures()


def test_alarms_that_wait_are_told_with_the_age_of_the_oldest(figures, service, clock):
    with service.store.write() as connection:
        for target in ("a", "b"):
            outbox.append(connection, target=target, event="e", body={}, now=clock.now)
            clock.pass_by(MINUTE)
    found = figures()
    assert found["tidegate_outbox", "waiting"] == 2
    assert found["tidegate_outbox", "dead"] == 0
    assert found["tidegate_outbox_oldest_seconds",] == 120


def test_decisions_are_counted_by_action(figures, service):
    service.meters.judged("remove", 0.2)
    service.meters.judged("remove", 0.3)
    found = figures()
    assert found["tidegate_decisions_total", "remove"] == 2
    assert found["tidegate_judged_seconds_sum",] == pytest.approx(0.5)


def test_cases_are_counted_by_queue(figures, service, clock):
    with service.store.write() as connection:
        new = New(kind="review", item=accept(connection), queues={"review": 1.0, "weapons": 2.0})
        case = cases.open_case(connection, new, actor="system", now=clock.now)
    clock.pass_by(2 * MINUTE)
    found = figures()
    assert found["tidegate_cases", "review"] == found["tidegate_cases", "weapons"] == 1
    assert found["tidegate_cases_oldest_seconds", "weapons"] == 120
    assert found["tidegate_cases", "escalated"] == 0
    with service.store.write() as connection:
        cases.close(connection, case.id, actor="system", reason="", now=clock.now)
    found = figures()
    assert ("tidegate_cases", "weapons") not in found
    assert found["tidegate_cases", "review"] == 0
