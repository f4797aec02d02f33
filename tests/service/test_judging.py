import logging
import threading

import pytest

from tests.pipeline.asked import POLICY, Asked
from tests.service.asking import ONCE
from tests.service.origin import Origin, answer
from tests.service.test_items import wait_for
from tests.service.working import Banks, judge_of, photo, put_in_force, send, working
from tidegate.matching import Bank, Entry
from tidegate.service.addresses import Allowance, read_networks
from tidegate.service.fetch import Caps, Fetcher
from tidegate.service.sources import Sources
from tidegate.store import banks as stored
from tidegate.store import breakers, decisions, items, outbox

SCORING = POLICY.format(thresholds="{sexual.explicit: {review: 0.5}}", rules="[]")
CAREFREE = POLICY.format(thresholds="{}", rules="[]")


@pytest.fixture
def model(tmp_path):
    return Asked(tmp_path, "model", "sexual.explicit")


def bank_of(name="rocket.jpg", *, role="block", entry="e1"):
    import hashlib

    digest = hashlib.sha256(photo(name)).hexdigest()
    return Bank(
        name="known",
        category="known.other",
        role=role,
        max_distance=31,
        entries=(Entry(id=entry, sha256=(digest,)),),
    )


def shown(client, item):
    return client.get(f"/v1/items/{item}").json()


def test_the_same_bytes_cost_one_analysis(service, admin, model):
    put_in_force(service, SCORING)
    with working(service, judge_of(service, detectors=[model])):
        one, two = send(admin).json(), send(admin).json()
    assert one["id"] != two["id"]
    assert one["evidence"] == two["evidence"]
    assert one["evidence"]["signals"]
    assert model.pictures == 1


def test_the_same_bytes_at_once_cost_one_analysis(service, admin, model, monkeypatch):
    put_in_force(service, SCORING)
    sent = [send(admin, wait=None).json()["id"] for _ in range(4)]
    both, met = threading.Barrier(2), set()
    judging = judge_of(service, detectors=[model])
    bring = service.sources.bring

    def meet(item):
        found = bring(item)
        if threading.get_ident() not in met:
            # Two threads have the bytes, and neither knows anything of them.
            met.add(threading.get_ident())
            both.wait(30)
        return found

    monkeypatch.setattr(service.sources, "bring", meet)
    with working(service, judging, threads=2):
        for item in sent:
            wait_for(service, item)
    assert model.pictures == 1
    assert {shown(admin, item)["action"] for item in sent} == {"allow"}


@ONCE
def test_other_facts_are_another_decision_on_the_same_evidence(service, admin, model):
    thresholds = "{sexual.explicit: [{review: 0.9}, {where: {surface: avatar}, review: 0.1}]}"
    put_in_force(service, POLICY.format(thresholds=thresholds, rules="[]"))
    model.score = 0.5
    with working(service, judge_of(service, detectors=[model])):
        one = send(admin).json()
        two = send(admin, item='{"surface": "avatar"}').json()
    assert (one["action"], two["action"], model.pictures) == ("allow", "review", 1)


def test_a_model_that_was_not_asked_is_asked_once_it_matters(service, admin, model):
    put_in_force(service, CAREFREE)
    with working(service, judge_of(service, detectors=[model])):
        item = send(admin).json()
        assert model.pictures == 0
        assert item["evidence"]["skipped"]
        put_in_force(service, SCORING)
        model.score = 0.9
        admin.post(f"/v1/items/{item['id']}/rescan", json={})
        wait_for(service, item["id"])
        found = shown(admin, item["id"])
        assert (found["action"], model.pictures) == ("review", 1)
        assert not found["evidence"]["skipped"]
        # And never again, whatever the policy.
        put_in_force(service, CAREFREE + "\n")
        assert (send(admin).json()["action"], model.pictures) == ("allow", 1)


def test_what_banks_learn_is_seen_at_a_rescan(service, admin, model):
    put_in_force(service)
    banks = Banks()
    with working(service, judge_of(service, banks=banks)):
        item = send(admin).json()
        assert item["action"] == "allow"
        banks.replace(bank_of())
        admin.post(f"/v1/items/{item['id']}/rescan", json={})
        wait_for(service, item["id"])
    found = shown(admin, item["id"])
    assert found["action"] == "remove"
    assert [past["action"] for past in found["history"]] == ["remove", "allow"]
    with service.store.read() as connection:
        (caused,) = stored.caused(connection, "known", "e1", limit=9)
    assert caused.decision == found["history"][0]["id"]


@ONCE
def test_what_cannot_be_decoded_is_decided_and_not_kept_for_others(service, admin):
    put_in_force(service)
    broken = photo()[:2000]
    with working(service, judge_of(service)):
        found = send(admin, broken).json()
    assert (found["action"], found["decision"]["judged"]) == ("review", False)
    assert found["evidence"]["unknowns"]


@ONCE
def test_a_bug_costs_its_item_alone_and_that_is_decided(service, admin, monkeypatch):
    from tidegate.service import judging as module

    put_in_force(service)
    judge = module.judge

    def failing(*given, **rest):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module, "judge", failing)
    with working(service, judge_of(service)):
        found = send(admin).json()
        monkeypatch.setattr(module, "judge", judge)
        good = send(admin).json()
    assert (found["action"], found["evidence"]["unknowns"][0]["cause"]) == ("review", "crashed")
    # What a crash left unknown is not taken for what is known of the bytes.
    assert good["action"] == "allow"


BREAKING = f"""{CAREFREE.replace("[avatar]", "[avatar], alarms: [ops]")}
breakers:
  - {{id: fuse, per: rule, limit: 2, within: hour, alarm: ops}}
"""


def test_a_breaker_counts_the_decisions_of_all_workers(service, admin, clock):
    put_in_force(service, BREAKING)
    judging = judge_of(service, banks=Banks(bank_of()))
    with working(service, judging, threads=2):
        first = [send(admin).json()["action"] for _ in range(4)]
        clock.pass_by(3_600_000_001)
        assert send(admin).json()["action"] == "remove"
    assert first == ["remove", "remove", "review", "review"]
    with service.store.write() as connection:
        # What was lowered is not counted.
        rule = ("fuse", "banks.bad")
        assert breakers.counts(connection, "test", {rule: 0})[rule] == 3
        assert breakers.purge(connection, clock.now) == 2


def test_what_a_person_has_decided_no_machine_takes_back(service, admin):
    put_in_force(service)
    banks = Banks()
    with working(service, judge_of(service, banks=banks)):
        item = send(admin).json()["id"]
        with service.store.write() as connection:
            found = decisions.get(connection, items.get(connection, item).decision)
            kept = decisions.New(
                item=item,
                origin="reviewer",
                author="user:1",
                decision=found.decision,
                content=found.content,
                reason="it is ours",
            )
            decisions.record(connection, kept, now=service.clock())
        banks.replace(bank_of())
        admin.post(f"/v1/items/{item}/rescan", json={})
        wait_for(service, item)
    found = shown(admin, item)
    assert (found["action"], found["history"][0]["action"]) == ("allow", "remove")
    with service.store.read() as connection:
        assert not outbox.of_item(connection, item)


@pytest.fixture
def origin():
    made = []

    def serve(say):
        made.append(Origin(say))
        return made[-1]

    yield serve
    for one in made:
        one.close()


def reach(service, port, *, size=10_000_000):
    """Let uploads be fetched from this machine."""
    allowance = Allowance(
        schemes=frozenset({"http"}),
        ports=frozenset({port}),
        networks=read_networks(["127.0.0.0/8"]),
    )
    fetcher = Fetcher(allowance, Caps(size=size))
    service.sources = Sources(
        service.store, service.room, allowance=allowance, most=size, fetcher=fetcher
    )


@ONCE
def test_what_is_behind_a_url_is_fetched_once(service, admin, origin):
    put_in_force(service)
    there = origin(lambda _: answer(photo()))
    reach(service, there.port)
    with working(service, judge_of(service)):
        url = f"http://127.0.0.1:{there.port}/a.jpg"
        found = admin.post("/v1/items", json={"url": url}, params={"wait": "10"}).json()
        admin.post(f"/v1/items/{found['id']}/rescan", json={})
        wait_for(service, found["id"])
    assert (found["action"], found["reference"], len(there.asked)) == ("allow", url, 1)
    assert service.room.has(found["sha256"])


@ONCE
@pytest.mark.parametrize("say", ["404 Not Found", "too much"])
def test_what_cannot_be_fetched_is_unknown_and_decided(service, admin, origin, say):
    put_in_force(service)
    there = origin(lambda _: answer(b"x" * 200) if say == "too much" else answer(b"", say))
    reach(service, there.port, size=100)
    with working(service, judge_of(service)):
        url = f"http://127.0.0.1:{there.port}/a.jpg"
        found = admin.post("/v1/items", json={"url": url}, params={"wait": "10"}).json()
    assert (found["state"], found["action"]) == ("judged", "review")
    (unknown,) = found["evidence"]["unknowns"]
    assert unknown["cause"] == "unreadable"
    assert "127.0.0.1" not in unknown["detail"]


def test_a_fetch_that_may_go_better_later_is_tried_again(service, admin, origin, clock, caplog):
    put_in_force(service)
    says = iter([answer(b"", "503 Service Unavailable"), answer(photo())])
    there = origin(lambda _: next(says))
    reach(service, there.port)
    with working(service, judge_of(service)):
        url = f"http://127.0.0.1:{there.port}/a.jpg"
        found = admin.post("/v1/items", json={"url": url}, params={"wait": "0.5"}).json()
        assert found["state"] == "received"
        clock.pass_by(10_000_000)
        wait_for(service, found["id"])
    assert shown(admin, found["id"])["action"] == "allow"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@ONCE
def test_a_fetch_that_never_goes_better_is_decided_in_the_end(
    service, admin, origin, clock, caplog
):
    put_in_force(service)
    there = origin(lambda _: answer(b"", "503 Service Unavailable"))
    reach(service, there.port)
    with service.store.write() as connection:
        new = items.New(source="url", reference=f"http://127.0.0.1:{there.port}/")
        item = items.accept(connection, new, actor="key:1", now=service.clock()).id
    judging = judge_of(service)
    with service.store.read() as connection:
        held = items.get(connection, item)
    with judging.found(held, last=True) as found:
        assert found.evidence.unknowns[0].cause == "unreadable"
    judging.close()
    (told,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (told.levelname, told.exc_info) == ("WARNING", None)
    assert item in told.getMessage()
    assert "127.0.0.1" not in told.getMessage()
