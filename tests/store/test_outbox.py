from itertools import pairwise

import pytest

from tests.store.making import NOW, accept
from tidegate.store import outbox
from tidegate.store.clock import DAY, HOUR, SECOND
from tidegate.store.error import InvalidError, LeaseLostError, MissingError

SECONDS = 20


def append(store, target="hook", **options):
    with store.write() as connection:
        return outbox.append(
            connection, **{"target": target, "event": "e", "body": {}, "now": NOW, **options}
        )


def take(store, target="hook", *, now=NOW, limit=9):
    with store.write() as connection:
        return outbox.take(
            connection, target=target, sender="s", seconds=SECONDS, limit=limit, now=now
        )


def delivered(store, message, *, now=NOW):
    with store.write() as connection:
        outbox.delivered(connection, message, status=200, seconds=0.25, now=now)


def failed(store, message, *, now=NOW, **options):
    with store.write() as connection:
        return outbox.failed(
            connection, message, "refused", status=503, seconds=1.5, now=now, jitter=0.0, **options
        )


def get(store, message):
    with store.read() as connection:
        return outbox.get(connection, message)


def accepted(store, number=1):
    with store.write() as connection:
        return accept(connection, number)


def test_a_message_is_due_when_its_transaction_is_committed_and_not_if_it_is_undone(store):
    def undone():
        with store.write() as connection:
            outbox.append(connection, target="hook", event="e", body={}, now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert take(store) == []
    kept = append(store, body={"action": "remove"})
    (message,) = take(store)
    assert (message.id, message.body, message.attempts) == (kept, '{"action":"remove"}', 1)
    assert take(store) == []
    delivered(store, message)
    assert get(store, kept).state == "delivered"


def test_messages_of_an_item_go_out_in_order(store):
    first, second = accepted(store), accepted(store, 2)
    made = [append(store, item=item) for item in (first, first, second, first)]
    assert [message.sequence for message in (get(store, m) for m in made)] == [1, 2, 1, 3]
    a, b = take(store)
    assert [a.id, b.id] == [made[0], made[2]]
    assert take(store) == []
    # The first one fails: what comes after it waits for it.
    failed(store, a)
    delivered(store, b)
    assert take(store) == []
    (a,) = take(store, now=NOW + 60 * SECOND)
    assert a.id == made[0]
    delivered(store, a)
    (c,) = take(store, now=NOW + 60 * SECOND)
    assert c.id == made[1]
    failed(store, c, final=True)
    assert [message.id for message in take(store, now=NOW + 60 * SECOND)] == [made[3]]


def test_a_target_that_is_down_holds_up_no_other(store):
    item = accepted(store)
    for target in ("down", "up"):
        append(store, target, item=item)
        append(store, target, item=item)
    (stuck,) = take(store, "down")
    failed(store, stuck)
    for _ in range(2):
        (message,) = take(store, "up")
        delivered(store, message)
    with store.read() as connection:
        assert outbox.targets(connection, now=NOW) == []
        assert outbox.targets(connection, now=NOW + HOUR) == ["down"]
        (waiting,) = outbox.backlog(connection)
        assert (waiting.target, waiting.waiting, waiting.dead) == ("down", 2, 0)


def test_a_sender_that_died_leaves_its_messages_due_again(store):
    append(store)
    (lost,) = take(store)
    late = NOW + SECONDS * SECOND
    (again,) = take(store, now=late)
    assert again.attempts == 2
    for told in (delivered, failed):
        with pytest.raises(LeaseLostError):
            told(store, lost)
    delivered(store, again, now=late)


def test_a_message_is_tried_for_a_day_and_then_dead(store):
    message, now, tries = append(store), NOW, []
    while True:
        (taken,) = take(store, now=now)
        tries.append(now)
        if failed(store, taken, now=now) == "dead":
            break
        now = get(store, message).due_at
    waits = [(b - a) / SECOND for a, b in pairwise(tries)]
    assert waits[:4] == [5.0, 10.0, 20.0, 40.0]
    assert max(waits) <= 7200
    assert tries[-1] == NOW + DAY
    found = get(store, message)
    assert (found.state, found.last_status, found.last_error) == ("dead", 503, "refused")
    with store.read() as connection:
        log = outbox.log(connection, message)
    assert [entry.attempt for entry in log] == list(range(1, len(tries) + 1))
    assert {(entry.status, entry.error, entry.micros) for entry in log} == {
        (503, "refused", 1_500_000)
    }


def test_an_hour_without_a_receiver_loses_nothing(store):
    item = accepted(store)
    made = [append(store, item=item, body=n) for n in range(3)]
    now, arrived = NOW, []
    while len(arrived) < 3:
        messages = take(store, now=now)
        for message in messages:
            if now < NOW + HOUR:
                failed(store, message, now=now)
            else:
                delivered(store, message, now=now)
                arrived.append(message.id)
        now += 60 * SECOND if not messages else 0
    assert arrived == made


def test_a_message_can_be_sent_again(store):
    message = append(store)
    (taken,) = take(store)
    with pytest.raises(MissingError), store.write() as connection:
        outbox.redeliver(connection, message, now=NOW)
    failed(store, taken, final=True)
    later = NOW + 3 * DAY
    with store.write() as connection:
        outbox.redeliver(connection, message, now=later)
    (again,) = take(store, now=later)
    assert failed(store, again, now=later) == "waiting"


def test_the_same_dedupe_makes_one_message_and_takes_no_number(store):
    item = accepted(store)
    assert append(store, item=item, dedupe="d1")
    assert append(store, item=item, dedupe="d1") is None
    last = append(store, item=item, dedupe="d2")
    assert get(store, last).sequence == 2


def test_messages_to_a_target_are_listed_newest_first(store):
    made = [append(store, now=NOW + n // 2) for n in range(5)]
    append(store, "else")
    with store.read() as connection:
        first = outbox.of_target(connection, "hook", limit=3)
        rest = outbox.of_target(connection, "hook", limit=3, before=first[-1])
        assert outbox.of_target(connection, "hook", limit=3, state="dead") == []
    assert [message.id for message in first + rest] == made[::-1]


def test_forgetting_what_was_delivered_lets_the_numbers_go_on(store):
    item = accepted(store)
    append(store, item=item)
    append(store, item=item)
    append(store)
    while messages := take(store):
        for message in messages:
            delivered(store, message)
    with store.write() as connection:
        assert outbox.purge(connection, NOW + 1) == 2
    assert get(store, append(store, item=item)).sequence == 3


def test_what_cannot_be_a_message_is_refused(store):
    with pytest.raises(MissingError):
        append(store, item="none")
    with pytest.raises(InvalidError):
        append(store, body="x" * outbox.LARGEST_BODY)
    with pytest.raises(InvalidError):
        append(store, target="")
