import collections
import itertools
import json
import os
import random
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.service.origin import Origin, answer
from tests.service.telling import KEY, AtOnce, Receivers, add_hook, decide, pass_time, written
from tests.store.making import NOW
from tidegate.service.callbacks import callback_key
from tidegate.service.secret import Secret
from tidegate.service.sender import LANES, LEASE, Sender
from tidegate.service.signing import SigningKey, verify
from tidegate.service.targets import Outcome
from tidegate.store import outbox, waiting, webhooks
from tidegate.store.clock import DAY, HOUR, MINUTE, SECOND

DOWN = Outcome("cannot be reached", alone=True)


def sender_of(service, receivers, name="s"):
    return Sender(service, courier=receivers, name=name)


def states(service, hook):
    return collections.Counter(message.state for message in written(service, hook))


def in_order(service, hook, arrived):
    """Whether the first arrivals of each item's messages are in the order of the item."""
    sequence = {message.id: message for message in written(service, hook)}
    of_item = collections.defaultdict(list)
    for message in dict.fromkeys(arrived):
        of_item[sequence[message].item].append(sequence[message].sequence)
    return all(numbers == sorted(numbers) for numbers in of_item.values())


def arrived_of(receivers):
    return [message for _, messages in receivers.arrived for message in messages]


def test_each_message_arrives_once(service, clock):
    hook = add_hook(service)
    for number in range(1, 30):
        decide(service, number=number)
    receivers = Receivers()
    pass_time(sender_of(service, receivers), clock, 1)
    arrived = arrived_of(receivers)
    assert sorted(arrived) == sorted(message.id for message in written(service, hook))
    assert len(arrived) == 29
    assert states(service, hook) == {"delivered": 29}


def test_a_receiver_that_is_down_for_an_hour_loses_nothing_and_keeps_the_order(service, clock):
    hook = add_hook(service)
    up_at = clock.now + HOUR
    tried = []

    def answer(target, messages):
        tried.append(clock.now)
        return DOWN if clock.now < up_at else None

    receivers = Receivers(answer)
    sender = sender_of(service, receivers)
    items = []
    for number in range(1, 9):
        items.append(decide(service, number=number))
        pass_time(sender, clock, 300)
        decide(service, items[number // 2], action=("allow", "remove", "hold")[number % 3])
    while_down = len([at for at in tried if at < up_at])
    pass_time(sender, clock, 3 * 3600)
    messages = written(service, hook)
    assert len(messages) > 12
    assert sorted(arrived_of(receivers)) == sorted(message.id for message in messages)
    assert in_order(service, hook, arrived_of(receivers))
    # It was asked now and then, not all the time.
    assert 5 < while_down < 60


def test_any_answers_lose_nothing_and_keep_the_order(service, clock):
    hook = add_hook(service)
    chance = random.Random(1)
    bad = (DOWN, Outcome("status 400", 400), Outcome("status 503", 503, alone=True, rest=30.0))
    receivers = Receivers(lambda *_: chance.choice((None, *bad)))
    sender = sender_of(service, receivers)
    item = None
    for number in range(1, 17):
        actions = ("allow", "remove")
        item = decide(
            service, item if number % 4 else None, action=actions[number % 2], number=number
        )
        pass_time(sender, clock, 20)
    receivers.answer = lambda *_: None
    pass_time(sender, clock, 4 * 3600)
    assert states(service, hook) == {"delivered": 16}
    assert in_order(service, hook, arrived_of(receivers))
    assert len(arrived_of(receivers)) == 16


def test_one_target_that_is_down_holds_up_no_other(service, clock):
    add_hook(service, "down", address="https://down.example/")
    up = add_hook(service, "up", address="https://up.example/")
    for number in range(1, 40):
        decide(service, number=number)
    receivers = Receivers(lambda target, _: DOWN if "down" in target.address else None)
    pass_time(sender_of(service, receivers), clock, 2)
    assert states(service, up) == {"delivered": 39}


def test_a_target_that_was_down_is_tried_with_one_message_before_it_gets_the_rest(service, clock):
    hook = add_hook(service)
    for number in range(1, 20):
        decide(service, number=number)
    asked, up = collections.Counter(), []

    def answer(*_):
        asked[clock.now] += 1
        return None if up else DOWN

    sender = sender_of(service, Receivers(answer))
    pass_time(sender, clock, 60)
    first, *later = asked.values()
    assert first == LANES
    assert set(later) == {1}
    # What was not tried waits as it was.
    assert sum(message.attempts == 0 for message in written(service, hook)) >= 19 - sum(later) - 8
    up.append(True)
    pass_time(sender, clock, 600)
    assert states(service, hook) == {"delivered": 19}


def test_a_message_that_is_refused_holds_up_only_its_item(service, clock):
    hook = add_hook(service)
    bad = decide(service, number=1)
    decide(service, bad, action="allow")
    decide(service, number=2)
    refused = Outcome("the receiver answered with status 400", 400)
    receivers = Receivers(lambda _, m: refused if m[0].item.id == bad else None)
    pass_time(sender_of(service, receivers), clock, 5)
    first, second, other = written(service, hook)
    assert (first.state, first.last_status) == ("waiting", 400)
    assert (second.state, second.attempts) == ("waiting", 0)
    assert other.state == "delivered"


def test_after_a_day_a_message_is_dead_and_the_next_of_its_item_goes(service, clock):
    hook = add_hook(service)
    item = decide(service)
    decide(service, item, action="allow")
    refused = Outcome("the receiver answered with status 400", 400)
    receivers = Receivers(lambda _, m: refused if m[0].sequence == 1 else None)
    sender = sender_of(service, receivers)
    pass_time(sender, clock, 23 * 3600)
    assert states(service, hook) == {"waiting": 2}
    pass_time(sender, clock, 3 * 3600)
    first, second = written(service, hook)
    assert (first.state, second.state) == ("dead", "delivered")
    assert first.ended_at >= NOW + DAY
    with service.store.read() as connection:
        log = outbox.log(connection, first.id)
    assert [one.attempt for one in log] == list(range(1, len(log) + 1))
    assert {(one.status, one.error) for one in log} == {(400, refused.error)}
    gaps = [b.created_at - a.created_at for a, b in itertools.pairwise(log)]
    assert 10 < len(log) < 40
    assert min(gaps) >= 5 * SECOND
    assert max(gaps) <= 3 * HOUR


def test_what_is_dead_is_sent_once_more_by_hand(service, clock):
    hook = add_hook(service)
    item = decide(service)
    gone = Outcome("the receiver answered with status 410", 410, final=True)
    receivers = Receivers(lambda *_: gone)
    sender = sender_of(service, receivers)
    pass_time(sender, clock, 1)
    assert states(service, hook) == {"dead": 1}
    decide(service, item, action="allow")
    pass_time(sender, clock, 1)
    assert states(service, hook) == {"dead": 2}
    receivers.answer = lambda *_: None
    with service.store.write() as connection:
        assert webhooks.redeliver_dead(connection, hook.id, now=clock.now) == 2
    pass_time(sender, clock, 5)
    assert states(service, hook) == {"delivered": 2}
    assert arrived_of(receivers) == [message.id for message in written(service, hook)]


def test_a_sender_that_is_killed_loses_nothing_and_the_id_is_the_same(service, clock):
    hook = add_hook(service)
    decide(service)
    (message,) = written(service, hook)

    class Killed(BaseException):
        pass

    def kill(*_):
        raise Killed

    dying = Receivers()
    dying.bring = kill
    with pytest.raises(Killed):
        sender_of(service, dying, "first").round(AtOnce())
    receivers = Receivers()
    other = sender_of(service, receivers, "second")
    pass_time(other, clock, LEASE - 1)
    assert receivers.arrived == []
    pass_time(other, clock, 2)
    assert arrived_of(receivers) == [message.id]


def test_what_was_sent_but_not_noted_is_sent_again_with_the_same_id(service, clock):
    add_hook(service)
    decide(service)
    receivers = Receivers()
    sender_of(service, receivers, "killed before it notes").round(AtOnce())
    clock.pass_by(round(LEASE * SECOND))
    pass_time(sender_of(service, receivers, "second"), clock, 1)
    first, second = arrived_of(receivers)
    assert first == second


def test_retry_after_is_honoured(service, clock):
    add_hook(service)
    decide(service, number=1)
    decide(service, number=2)
    asked = []

    def answer(*_):
        asked.append(clock.now)
        return Outcome("status 429", 429, alone=True, rest=900.0) if len(asked) < 3 else None

    pass_time(sender_of(service, Receivers(answer)), clock, 3600)
    # Both were under way when the first answer came.
    assert asked[1] == asked[0] == NOW
    assert asked[2] >= NOW + 900 * SECOND


def test_no_more_is_sent_in_a_minute_than_is_allowed_and_what_waits_goes_as_one(service, clock):
    hook = add_hook(service, per_minute=2)
    receivers, times = Receivers(), []
    receivers.answer = lambda *_: times.append(clock.now)
    sender = sender_of(service, receivers)
    for number in range(1, 16):
        decide(service, number=number)
        pass_time(sender, clock, 9)
    pass_time(sender, clock, 60)
    assert states(service, hook) == {"delivered": 15}
    for at in times:
        assert len([other for other in times if at <= other < at + MINUTE]) <= 2
    assert max(len(messages) for _, messages in receivers.arrived) > 2


def test_a_digest_is_one_message_of_many(service, clock, monkeypatch):
    monkeypatch.setattr("tidegate.service.sender.MOST", 5)
    hook = add_hook(service, digest_seconds=60)
    for number in range(1, 9):
        decide(service, number=number)
    receivers = Receivers()
    sender = sender_of(service, receivers)
    pass_time(sender, clock, 59)
    assert receivers.arrived == []
    pass_time(sender, clock, 2)
    assert [len(messages) for _, messages in receivers.arrived] == [5, 3]
    assert states(service, hook) == {"delivered": 8}


def test_a_target_is_sent_several_items_at_a_time_but_not_all(service):
    add_hook(service)
    for number in range(1, 4 * LANES):
        decide(service, number=number)
    begun = []

    class Never(AtOnce):
        def submit(self, work, /, *arguments, **named):
            begun.append(arguments)

    sender = sender_of(service, Receivers())
    for _ in range(3):
        sender.round(Never())
    assert len(begun) == LANES


def test_a_callback_goes_where_its_item_says_and_is_signed(service, clock):
    targets = []
    receivers = Receivers(lambda target, _: targets.append(target))
    decide(service, callback="https://platform.example/back")
    decide(service, number=2, callback="https://platform.example/other")
    pass_time(sender_of(service, receivers), clock, 1)
    assert [t.address for t in targets] == [
        "https://platform.example/back",
        "https://platform.example/other",
    ]
    key = callback_key(service.secret, "platform.example")
    assert all(t.keys == (key,) for t in targets)


def test_a_webhook_that_is_deleted_or_off_is_not_called(service, clock):
    off, deleted = add_hook(service, "off"), add_hook(service, "deleted")
    decide(service)
    with service.store.write() as connection:
        changed = webhooks.change(
            connection, off.id, version=1, actor="a", now=clock.now, active=False
        )
        webhooks.delete(connection, deleted.id, actor="a", now=clock.now)
    receivers = Receivers()
    sender = sender_of(service, receivers)
    pass_time(sender, clock, 10)
    assert receivers.arrived == []
    assert states(service, off) == {"waiting": 1}
    assert states(service, deleted) == {"dead": 1}
    with service.store.write() as connection:
        webhooks.change(
            connection, off.id, version=changed.version, actor="a", now=clock.now, active=True
        )
    pass_time(sender, clock, 10)
    assert states(service, off) == {"delivered": 1}


def test_it_runs_until_it_is_told_to_stop(service):
    hook = add_hook(service)
    came, stop = threading.Semaphore(0), threading.Event()
    receivers = Receivers(lambda *_: came.release())
    thread = threading.Thread(target=sender_of(service, receivers).run, args=(stop,))
    thread.start()
    try:
        for number in range(1, 6):
            decide(service, number=number)
            assert came.acquire(timeout=30)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert states(service, hook) == {"delivered": 5}


def test_a_database_that_is_away_for_a_moment_is_tried_again(service, monkeypatch):
    hook = add_hook(service)
    decide(service)
    asked, seen = [], threading.Event()
    targets = waiting.targets

    def away(connection):
        asked.append(1)
        if len(asked) == 1:
            raise OSError("the database is away")
        return targets(connection)

    monkeypatch.setattr(waiting, "targets", away)
    monkeypatch.setattr("tidegate.service.sender._RETRY", 0.01)
    stop = threading.Event()
    receivers = Receivers(lambda *_: seen.set())
    thread = threading.Thread(target=sender_of(service, receivers).run, args=(stop,))
    thread.start()
    arrived = seen.wait(30)
    stop.set()
    thread.join(30)
    assert arrived
    assert states(service, hook) == {"delivered": 1}


@pytest.fixture
def receiver():
    """Starts a server on this machine, that answers as a test says."""
    running = []

    def start(say):
        running.append(Origin(say))
        return running[-1]

    yield start
    for origin in running:
        origin.close()


def test_a_sender_that_is_killed_again_and_again_loses_nothing(service, database, receiver):
    asked, left, process = [], [], None

    def say(request):
        head, _, body = request.partition(b"\r\n\r\n")
        (told,) = json.loads(body)["messages"]
        signature = re.search(rb"Tidegate-Signature: (.*)\r", head)[1].decode()
        assert verify(signature, body, [SigningKey(KEY.id, Secret(KEY.secret))], at // SECOND)
        asked.append(told["id"])
        left[-1] -= 1
        if left[-1] == 0:
            process.kill()
            return []
        return answer()

    origin = receiver(say)
    hook = add_hook(service, address=f"http://127.0.0.1:{origin.port}/")
    for number in range(1, 5):
        item = decide(service, number=number)
        decide(service, item, action="allow")
    ends, at = [], service.clock()
    for requests in (1, 2, 100):
        left.append(requests)
        arguments = [database.url, str(database.data), str(origin.port), str(at)]
        command = [sys.executable, "-m", "tests.service.sending", *arguments]
        process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
        ends.append(process.wait(60))
        at += round((LEASE + 1) * SECOND)
    assert ends == [-9, -9, 0]
    messages = {message.id: message for message in written(service, hook)}
    assert states(service, hook) == {"delivered": 8}
    assert set(asked) == set(messages)
    assert in_order(service, hook, asked)
    assert len(asked) > len(messages)
