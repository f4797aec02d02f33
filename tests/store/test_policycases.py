import pytest

from tests.store.making import NOW
from tidegate.store import audit, policycases
from tidegate.store.error import ConflictError, InvalidError


def put(store, source="a", *, policy="default", version=0, now=NOW):
    with store.write() as connection:
        return policycases.put(
            connection, policy, source, version=version, actor="key:1", reason="why", now=now
        )


def get(store, policy="default"):
    with store.read() as connection:
        return policycases.get(connection, policy)


def test_cases_are_kept_by_policy_and_changes_are_counted(store):
    assert get(store) is None
    assert put(store, "a").version == 1
    assert put(store, "b", version=1, now=NOW + 1).version == 2
    put(store, "c", policy="other")
    held = get(store)
    assert (held.source, held.version, held.changed_at) == ("b", 2, NOW + 1)
    assert get(store, "other").source == "c"


def test_who_has_not_seen_a_change_does_not_undo_it(store):
    put(store, "a")
    for version in (0, 2):
        with pytest.raises(ConflictError):
            put(store, "b", version=version)
    assert get(store).source == "a"


def test_a_change_is_in_the_audit_chain(store):
    put(store, "a")
    with store.read() as connection:
        (row,) = audit.newest(connection, limit=9)
    assert (row.action, row.subject, row.reason) == ("policy.cases", "policies:default", "why")


def test_a_text_that_is_too_long_is_not_kept(store):
    with pytest.raises(InvalidError):
        put(store, "a" * (policycases.LARGEST + 1))
    assert get(store) is None
