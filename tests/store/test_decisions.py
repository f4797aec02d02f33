import msgspec

from tests.store.making import NOW, accept, decision, evidence
from tidegate.evidence import Facts
from tidegate.store import audit, banks, contents, decisions, items

KEY = contents.Key(sha256=f"{1:064x}", pipeline="p1")


def by_machine(item, chosen="remove", *, policy="default/1", **fields):
    made = decision(chosen, policy=policy)
    return decisions.New(
        item=item, origin="machine", author="worker:w", decision=made, content=KEY, **fields
    )


def record(store, made, **options):
    with store.write() as connection:
        contents.put(connection, KEY, evidence(), now=NOW)
        return decisions.record(connection, made, now=NOW, **options)


def accepted(store):
    with store.write() as connection:
        return accept(connection)


def test_a_decision_is_in_force_and_can_be_read_again_whole(store):
    item = accepted(store)
    made = by_machine(item, facts=Facts(surface="avatar", context=("context.art",)))
    result = record(store, made)
    assert (result.new, result.before) == (True, None)
    # The evidence may be given too: it is the same decision, and kept once.
    assert not record(store, msgspec.structs.replace(made, evidence=evidence())).new
    with store.read() as connection:
        found = items.get(connection, item)
        assert (found.state, found.action, found.decision) == ("judged", "remove", result.id)
        (past,) = decisions.history(connection, item)
        assert (past.id, past.number, past.action) == (result.id, 1, "remove")
        kept = decisions.get(connection, result.id)
        assert (kept.decision, kept.facts, kept.evidence) == (
            made.decision,
            made.facts,
            evidence(),
        )
        row = audit.newest(connection, subject=result.id, limit=1)[0]
        assert row.actor == "worker:w"
        assert msgspec.json.decode(row.body)["action"] == "remove"


def test_a_second_worker_with_the_same_job_changes_nothing(store):
    item = accepted(store)
    first, second = record(store, by_machine(item)), record(store, by_machine(item))
    assert (second.id, second.new) == (first.id, False)
    with store.read() as connection:
        assert len(decisions.history(connection, item)) == 1
        assert items.get(connection, item).version == 2
        assert len(audit.newest(connection, subject=first.id, limit=9)) == 1


def test_another_policy_another_content_or_other_facts_decide_anew(store):
    item = accepted(store)
    record(store, by_machine(item))
    assert record(store, by_machine(item, "allow", policy="default/2")).new
    assert record(store, by_machine(item, facts=Facts(surface="feed"))).new
    alone = decisions.New(
        item=item, origin="machine", author="w", decision=decision(), evidence=evidence(2)
    )
    assert record(store, alone).new
    assert not record(store, alone).new
    with store.read() as connection:
        history = decisions.history(connection, item)
        assert [kept.number for kept in history] == [4, 3, 2, 1]
        assert decisions.get(connection, history[0].id).evidence == evidence(2)


def test_a_policy_that_was_rolled_back_is_in_force_again(store):
    item = accepted(store)
    record(store, by_machine(item, "remove", policy="default/1"))
    record(store, by_machine(item, "allow", policy="default/2"))
    assert record(store, by_machine(item, "remove", policy="default/1")).new
    with store.read() as connection:
        assert items.get(connection, item).action == "remove"


def test_a_rescan_that_finds_nothing_new_does_not_overrule_a_reviewer(store):
    item = accepted(store)
    record(store, by_machine(item))
    allowed = decisions.New(
        item=item,
        origin="reviewer",
        author="user:1",
        decision=decision("allow"),
        reason="a parody",
        key="case:1",
    )
    assert record(store, allowed).before == "remove"
    assert not record(store, allowed).new
    assert not record(store, by_machine(item)).new
    seen = record(store, by_machine(item, "hold", policy="default/2"), in_force=False)
    assert seen.new
    with store.read() as connection:
        assert items.get(connection, item).action == "allow"
        assert len(decisions.history(connection, item)) == 3


def test_decisions_are_found_by_the_entry_that_caused_them(store):
    made = []
    for _ in range(3):
        made.append(record(store, by_machine(accepted(store))).id)
    overruled = decisions.New(
        item=accepted(store),
        origin="machine",
        author="w",
        decision=decision("allow", overruled_by="banks.friends"),
        content=KEY,
    )
    record(store, overruled)
    with store.read() as connection:
        first = banks.caused(connection, "press", "e1", limit=2)
        rest = banks.caused(connection, "press", "e1", limit=2, after=first[-1].decision)
        assert [one.decision for one in first + rest] == sorted(made)
        assert banks.caused(connection, "press", "e2", limit=2) == []


def test_the_same_content_is_analysed_once(store):
    other = contents.Key(sha256=KEY.sha256, pipeline="p2")
    with store.write() as connection:
        assert contents.put(connection, KEY, evidence(), now=NOW)
        assert not contents.put(connection, KEY, evidence(2), now=NOW)
    with store.read() as connection:
        assert contents.get(connection, KEY) == evidence()
        assert contents.get(connection, other) is None


def test_evidence_that_a_decision_rests_on_is_kept(store):
    record(store, by_machine(accepted(store)))
    other = contents.Key(sha256="f" * 64, pipeline="p1")
    with store.write() as connection:
        contents.put(connection, other, evidence(2), now=NOW)
        assert contents.purge(connection, NOW + 1) == 1
    with store.read() as connection:
        assert contents.get(connection, KEY) == evidence()
        assert contents.get(connection, other) is None
