import pytest

from tests.store.making import NOW, accept
from tidegate.store import audit, cases, queues, users
from tidegate.store.cases import New
from tidegate.store.error import ConflictError, InvalidError, MissingError


def open_in(connection, *names):
    new = New(kind="review", item=accept(connection), queues=dict.fromkeys(names, 0.0))
    return cases.open_case(connection, new, actor="system", now=NOW)


def user(connection, role="reviewer", name="ada"):
    return users.add(connection, name=name, role=role, password="x", actor="system", now=NOW).id


def test_a_queue_is_there_as_soon_as_a_case_is_in_it(store):
    with store.write() as connection:
        assert queues.known(connection) == ("appeals", "disagreements", "escalated", "review")
        case = open_in(connection, "nudity")
        assert "nudity" in queues.known(connection)
        cases.close(connection, case.id, actor="system", reason="", now=NOW)
        assert "nudity" not in queues.known(connection)


def test_settings_are_the_defaults_until_somebody_changes_them(store):
    with store.write() as connection:
        before = queues.settings(connection, "nudity")
        assert (before.role, before.version) == ("reviewer", 0)
        assert queues.settings(connection, "escalated").role == "lead"
        after = queues.change(
            connection, "nudity", version=0, role="lead", second_share=0.1, actor="user:1", now=NOW
        )
        assert (after.role, after.second_share, after.version) == ("lead", 0.1, 1)
        assert queues.settings(connection, "nudity") == after
        assert "nudity" in queues.known(connection)
    with store.read() as connection:
        (row,) = audit.newest(connection, subject="queue:nudity", limit=9)
        assert (row.actor, row.action) == ("user:1", "queue.change")


def test_who_changes_what_somebody_else_has_changed_meanwhile_is_told(store):
    with store.write() as connection:
        queues.change(connection, "nudity", version=0, role="lead", actor="user:1", now=NOW)
        with pytest.raises(ConflictError, match="at version 1"):
            queues.change(connection, "nudity", version=0, role="admin", actor="user:2", now=NOW)


@pytest.mark.parametrize(
    "values", [{"role": "viewer"}, {"golden_share": 1.1}, {"second_share": -0.1}, {"queue": "x"}]
)
def test_settings_that_make_no_sense_are_refused(store, values):
    with store.write() as connection, pytest.raises((InvalidError, TypeError)):
        queues.change(connection, "nudity", version=0, actor="user:1", now=NOW, **values)


def test_somebody_sees_the_queues_of_their_role_and_of_these_the_ones_they_work_on(store):
    with store.write() as connection:
        open_in(connection, "nudity", "weapons")
        ada = user(connection)
        assert queues.visible(connection, ada, "reviewer") == (
            "appeals",
            "nudity",
            "review",
            "weapons",
        )
        assert "escalated" in queues.visible(connection, ada, "lead")
        queues.set_for_user(connection, ada, ["nudity", "escalated"], actor="user:9", now=NOW)
        assert queues.of_user(connection, ada) == ("escalated", "nudity")
        assert queues.visible(connection, ada, "reviewer") == ("nudity",)
        assert queues.visible(connection, ada, "lead") == ("escalated", "nudity")
        queues.set_for_user(connection, ada, [], actor="user:9", now=NOW)
        assert "weapons" in queues.visible(connection, ada, "reviewer")


@pytest.mark.parametrize("role", ["viewer", "curator"])
def test_who_does_not_review_sees_no_queue(store, role):
    with store.read() as connection:
        assert queues.visible(connection, "somebody", role) == ()


def test_nobody_works_on_queues_who_is_not_there(store):
    with store.write() as connection, pytest.raises(MissingError):
        queues.set_for_user(connection, "nobody", ["nudity"], actor="user:9", now=NOW)
