import json

import pytest

from tests.service.telling import add_hook, decide, written
from tests.store.making import accept
from tidegate.service import alarms
from tidegate.service.envelope import Entry
from tidegate.store import items
from tidegate.store.clock import MINUTE


def events(service, target):
    return [message.event for message in written(service, target)]


def body(message):
    return json.loads(message.body)


def test_a_decision_is_told_to_each_active_webhook_that_wants_it(service):
    wants = add_hook(service, "a")
    also = add_hook(service, "b", kind="slack", address="https://slack.example/x")
    other = add_hook(service, "c", events=["bank.entry.added"])
    item = decide(service)
    for hook in (wants, also):
        (message,) = written(service, hook)
        assert (message.event, message.item, message.sequence) == ("item.decided", item, 1)
    assert written(service, other) == []


def test_the_same_decision_made_again_is_not_told_again(service):
    hook = add_hook(service)
    item = decide(service)
    decide(service, item)
    decide(service, item)
    assert events(service, hook) == ["item.decided"]


def test_a_decision_that_changes_the_action_is_a_reversal_and_says_what_was_before(service):
    hook = add_hook(service)
    item = decide(service, action="remove")
    decide(service, item, action="allow")
    first, second = written(service, hook)
    assert (first.event, second.event) == ("item.decided", "item.reversed")
    assert [first.sequence, second.sequence] == [1, 2]
    assert "before" not in body(first)["decision"]
    assert body(second)["decision"]["before"] == "remove"
    assert body(second)["decision"]["action"] == "allow"


def test_every_alarm_is_a_message_of_its_own_after_the_decision(service):
    hook = add_hook(service, events=["item.decided", "alarm.raised"])
    only = add_hook(service, "pager", events=["alarm.raised"])
    decide(service, alarms_=["spike", "known-material"])
    assert events(service, hook) == ["item.decided", "alarm.raised", "alarm.raised"]
    names = [body(message)["alarm"]["name"] for message in written(service, only)]
    assert sorted(names) == ["known-material", "spike"]


def test_nothing_of_the_uploader_is_told(service):
    hook = add_hook(service)
    decide(service, number=77)
    (message,) = written(service, hook)
    assert "u77" not in message.body
    assert "uploader" not in message.body


def test_what_the_platform_sent_along_comes_back(service):
    hook = add_hook(service)
    decide(service, metadata={"post": 12})
    (message,) = written(service, hook)
    assert body(message)["item"]["metadata"] == {"post": 12}
    assert body(message)["item"]["external_id"] == "ext-1"


def test_the_callback_of_an_item_hears_of_it_alone_and_of_no_alarm(service):
    url = "https://Platform.example:443/back?x=1"
    decide(service, callback=url, alarms_=["spike"])
    decide(service, number=2)
    assert events(service, "callback:platform.example") == ["item.decided"]


@pytest.mark.parametrize("url", ["https://[", "no url", "https://" + "x" * 3000])
def test_a_callback_that_is_no_url_stops_no_decision(service, url):
    decide(service, callback=url)
    assert events(service, alarms.callback_target(url)) == ["item.decided"]


def test_an_item_that_cannot_be_judged_is_told_once(service):
    hook = add_hook(service, events=["item.failed"])
    item = decide(service)
    for _ in range(2):
        with service.store.write() as connection:
            held = items.hold(connection, item)
            alarms.failed(connection, held, "the disk is full", now=service.clock())
    (message,) = written(service, hook)
    assert body(message)["error"] == "the disk is full"


def test_an_entry_of_a_bank_is_told_by_its_revision_once(service):
    hook = add_hook(service, events=["bank.entry.added", "bank.entry.changed"])
    changes = [(1, "active", True), (1, "active", True), (2, "withdrawn", False)]
    for revision, state, new in changes:
        entry = Entry(bank="press", id="e1", state=state, by="user:1", revision=revision)
        with service.store.write() as connection:
            alarms.entry(connection, entry, new=new, now=service.clock())
    assert events(service, hook) == ["bank.entry.added", "bank.entry.changed"]


def test_what_one_digest_holds_becomes_due_at_the_same_moment(service, clock):
    hook = add_hook(service, digest_seconds=300)
    decide(service, number=1)
    clock.pass_by(4 * MINUTE)
    decide(service, number=2)
    clock.pass_by(MINUTE)
    decide(service, number=3)
    first, second, third = written(service, hook)
    assert first.due_at == second.due_at == clock.now
    assert third.due_at == clock.now + 5 * MINUTE


def test_what_is_undone_is_not_told(service):
    hook = add_hook(service)

    def tell_and_fail():
        with service.store.write() as connection:
            alarms.send_test(connection, hook, now=service.clock())
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        tell_and_fail()
    assert written(service, hook) == []


def test_who_wants_some_actions_hears_of_these_and_of_their_end(service):
    events_ = ["item.decided", "item.reversed", "item.failed", "alarm.raised"]
    some = add_hook(service, "some", events_, actions=["remove", "quarantine"])
    every = add_hook(service, "every", events_)
    item = decide(service, action="allow")
    assert events(service, some) == []
    for action in ("remove", "review", "allow"):
        decide(service, item, action=action)
    assert events(service, some) == ["item.reversed", "item.reversed"]
    assert [body(message)["decision"]["action"] for message in written(service, some)] == [
        "remove",
        "review",
    ]
    decide(service, number=2, action="hold", alarms_=["spike"])
    with service.store.write() as connection:
        made = items.get(connection, accept(connection, 3, now=service.clock()))
        alarms.failed(connection, made, "no model", now=service.clock())
    assert events(service, some)[2:] == ["alarm.raised", "item.failed"]
    assert len(events(service, every)) == 7
