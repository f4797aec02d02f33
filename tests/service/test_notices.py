"""Links for uploaders: what they open, and for how long."""

import json
import logging
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service.appealed import appeal, item_of, removed
from tests.service.asking import ONCE
from tests.service.telling import decide
from tests.service.test_targets import DECISION, MESSAGES
from tidegate.service import notices
from tidegate.service.envelope import Appeal
from tidegate.service.notices import KEPT, NoticeError
from tidegate.service.secret import Secret
from tidegate.service.state import Service
from tidegate.store import ids
from tidegate.store.clock import DAY, SECOND

KEY, OTHER = Secret("k" * 32), Secret("o" * 32)
DECIDED = "0199c0de-0000-7000-8000-000000000004"
UNTIL = 1_800_000_000 * SECOND


def cause(token, now=0, key=KEY):
    with pytest.raises(NoticeError) as refused:
        notices.read(key, token, now)
    return refused.value.cause


def test_a_link_opens_its_decision_and_says_until_when():
    made = notices.token(KEY, DECIDED, UNTIL)
    assert notices.read(KEY, made, UNTIL) == (DECIDED, UNTIL)
    assert len(made) <= notices.LONGEST


def test_what_is_signed_by_another_key_opens_nothing():
    assert cause(notices.token(OTHER, DECIDED, UNTIL)) == "wrong"


def test_it_ends_a_while_after_the_last_moment_of_an_appeal():
    made = notices.token(KEY, DECIDED, UNTIL)
    assert notices.read(KEY, made, UNTIL + KEPT - 1)
    assert cause(made, UNTIL + KEPT) == "expired"


@given(st.data())
def test_a_token_of_which_anything_was_changed_opens_nothing(data):
    made = notices.token(KEY, DECIDED, UNTIL)
    at = data.draw(st.integers(0, len(made) - 1))
    by = data.draw(st.characters(codec="utf-8").filter(lambda c: c != made[at]))
    assert cause(made[:at] + by + made[at + 1 :]) == "wrong"


@pytest.mark.parametrize(
    "change",
    [
        lambda made: "",
        lambda made: made[:-1],
        lambda made: made + "A",
        lambda made: made + "\n",
        lambda made: made.upper(),
        lambda made: made.replace(DECIDED, ids.new()),
        lambda made: made.replace(".18", ".98"),
        lambda made: made.replace(".", ".0", 1),
        lambda made: "x" * 100_000,
        lambda made: made.replace("4.", "\u0664."),
    ],
)
def test_a_token_that_was_tampered_with_opens_nothing(change):
    assert cause(change(notices.token(KEY, DECIDED, UNTIL))) == "wrong"


def test_every_character_of_the_signature_counts_but_the_spare_bits():
    # 43 characters of base64 hold 258 bits, the digest 256: what the last two say is compared too.
    made = notices.token(KEY, DECIDED, UNTIL)
    others = [made[:-1] + last for last in "ABCDEFGHIJKLMNOP0123456789-_" if last != made[-1]]
    assert {cause(one) for one in others} == {"wrong"}


# With messages


@pytest.fixture
def link(settings, database, clock):
    """What gives the link of a message, of a service that says how browsers reach it."""
    said = replace(settings, public_url="https://tidegate.example")
    with Service(said, database.open(), now=clock) as service:
        yield notices.of_messages(service)


def decided(action="remove", category="violence.gore", **fields):
    reason = msgspec.structs.replace(DECISION.reasons[0], category=category)
    made = msgspec.structs.replace(DECISION, action=action, reasons=(reason,))
    return msgspec.structs.replace(MESSAGES["decided"], decision=made, **fields)


@ONCE
@pytest.mark.parametrize("action", ["label", "restrict", "hold", "remove"])
@pytest.mark.parametrize("event", ["item.decided", "item.reversed"])
def test_a_message_of_what_is_restricted_has_the_link(link, action, event):
    url = link(decided(action, event=event))
    assert url.startswith(f"https://tidegate.example/appeal?notice={DECISION.id}.")
    # The same message, sent again, has the same link.
    assert url == link(decided(action, event=event))


@ONCE
@pytest.mark.parametrize(
    "message",
    [
        decided("allow"),
        decided("review"),
        decided("quarantine"),
        decided("remove", "child_safety.known_material"),
        decided("remove", "ncii.known_material"),
        decided("remove", "extremism.known_material"),
        MESSAGES["failed"],
        MESSAGES["alarm"],
        MESSAGES["added"],
        MESSAGES["test"],
    ],
)
def test_no_other_message_has_it(link, message):
    assert link(message) is None


@ONCE
def test_a_message_of_an_appeal_leads_to_the_notice_that_it_is_against(link):
    told = Appeal(id="a", state="upheld", decision=ids.new(), due_at=MESSAGES["decided"].at)
    url = link(decided(event="appeal.decided", appeal=told))
    assert f"notice={told.decision}." in url


@ONCE
def test_where_nobody_has_said_how_browsers_come_there_is_no_link(service):
    assert notices.of_messages(service)(decided()) is None


# The route


def test_the_platform_asks_for_the_notice_of_an_item(service, admin, clock):
    item = removed(service)
    answer = admin.post(f"/v1/items/{item}/notice")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    token = told["url"].partition("?notice=")[2]
    opened = notices.read(notices.key_of(service), token, clock.now)
    assert opened.decision == told["decision"] == item_of(service, item).decision
    assert opened.until == clock.now + 184 * DAY
    assert told["title"] == "Your content was removed"
    assert told["dsa"]["automated_decision"] == "AUTOMATED_DECISION_FULLY"
    shown = json.dumps(told["statement"])
    assert "press" not in shown
    assert "e1" not in shown


@ONCE
def test_there_is_no_notice_where_nothing_is_restricted(service, admin):
    assert admin.post(f"/v1/items/{decide(service, action='allow')}/notice").status_code == 409
    assert admin.post(f"/v1/items/{ids.new()}/notice").status_code == 404


@ONCE
def test_the_notice_of_an_answer_to_an_appeal_says_nothing_of_an_appeal_here(service, admin):
    item = removed(service)
    appeal(service, item)
    parts = admin.post(f"/v1/items/{item}/notice").json()["statement"]
    assert "appeal" not in " ".join(parts[-1]["text"])


@ONCE
def test_nothing_of_a_token_is_in_the_log(service, admin, client, caplog):
    url = admin.post(f"/v1/items/{removed(service)}/notice").json()["url"]
    token = url.partition("?notice=")[2]
    with caplog.at_level(logging.DEBUG):
        client.get(f"/appeal?notice={token}")
        client.post(f"/appeal?notice={token}", data={"text": "x"})
    told = [str(vars(record)) for record in caplog.records if record.name.startswith("tidegate")]
    assert told
    assert not any(token[40:] in line for line in told)
