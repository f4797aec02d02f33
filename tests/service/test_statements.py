"""What an uploader is told, word for word; and what they are never told."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.making import NOW
from tidegate import taxonomy
from tidegate.evidence import ACTIONS, Bound, Decision, Effect, Facts, Reason, Unknown, Uploader
from tidegate.service import statements
from tidegate.service.statements import appealed, statement, transparency, unsaid
from tidegate.store.appeals import Appeal
from tidegate.store.clock import DAY, SECOND
from tidegate.store.decisions import Recorded
from tidegate.store.items import Item

GOLDEN = Path(__file__).parent / "golden" / "statements.txt"

SECRETS = (
    "MARK",
    "press",
    "0.93",
    "31",
    "thresholds",
    "banks.",
    "rules.",
    "worker:",
    "user:",
    "opennsfw",
    "MODERATOR",
)
"""What stands somewhere in the decisions below, and is not for the uploader."""


def reason(category="violence.gore", action="remove", ground="signal", **fields):
    given = {
        "rule": f"thresholds.{category}.{action}",
        "action": action,
        "ground": ground,
        "index": 0,
        "category": category,
        "bounds": (Bound(of="score", observed=0.93, threshold=0.5, holds=True),),
        "text": f"{category}: 0.93 by opennsfw MARK, entry 31 of bank press",
    }
    return Reason(**given | fields)


def made(action="remove", *reasons, origin="machine", **fields):
    decision = Decision(
        action=action,
        judged=True,
        reasons=reasons,
        near=(reason("sexual.nudity"),),
        rest=(reason("regulated.alcohol"),),
        effects=(Effect(kind="queue", value="MARK", rules=("rules.MARK",)),),
        missing=(Unknown(stage="policy", cause="guard", detail="MARK"),),
        policy="default/2",
        policy_sha256="0" * 64,
    )
    return Recorded(
        id="d1",
        item="i1",
        number=1,
        origin=origin,
        author="user:MODERATOR" if origin == "reviewer" else "worker:MARK",
        decision=msgspec.structs.replace(decision, **fields),
        facts=Facts(surface="avatar", uploader=Uploader(id="MARK")),
        reason="an internal note MARK",
        created_at=NOW + 5 * SECOND,
    )


ITEM = Item(
    id="i1",
    source="url",
    reference="https://MARK.example/a.jpg",
    external_id="post-77120",
    metadata={"a": "MARK"},
    callback="https://MARK.example/",
    sha256="ab" * 32,
    state="judged",
    error=None,
    action="remove",
    decision="d1",
    version=1,
    created_at=NOW,
    judged_at=NOW,
)
UNTIL = NOW + 184 * DAY
GORE = reason()
KNOWN = reason("known.other", ground="match")

CASES = {
    "removed by the policy": made("remove", GORE, reason("regulated.alcohol", "label")),
    "removed by a person": made("remove", GORE, origin="reviewer"),
    "known content": made("remove", KNOWN),
    "held": made("hold", reason("sexual.explicit", "hold")),
    "limited": made("restrict", reason("violence.weapon", "restrict")),
    "labelled for two reasons": made(
        "label", reason("regulated.alcohol", "label"), reason("regulated.gambling", "label")
    ),
    "not to be checked": made("hold", reason(None, "hold", "unknown"), judged=False),
    "by a rule of its own": made("restrict", reason(None, "restrict", "guard")),
    "overruled": made("label", reason("sexual.nudity", "label"), reason(overruled_by="MARK")),
    "lowered": made("hold", reason(action="hold", capped_from="remove", capped_by="MARK")),
    "known illegal": made(
        "quarantine", reason("child_safety.known_material", "quarantine", "match")
    ),
    "reported by the person shown": made("remove", reason("ncii.known_material", ground="match")),
}

APPEAL = Appeal(
    id="a1",
    item="i1",
    decision="d1",
    case="c1",
    author="MARK",
    text="It is a play.",
    state="open",
    answer="",
    outcome=None,
    created_at=NOW + DAY,
    due_at=NOW + 8 * DAY,
    ended_at=None,
)


def ended(state, answer=""):
    return msgspec.structs.replace(
        APPEAL, state=state, answer=answer, outcome="d2", ended_at=NOW + 2 * DAY
    )


def after(appeal, days=3, *, outcome=None, present=None):
    return appealed(
        appeal, now=NOW + days * DAY, settled=30 * SECOND, outcome=outcome, present=present
    )


APPEALS = {
    "waiting": after(APPEAL),
    "overdue": after(APPEAL, 9),
    "upheld": after(ended("upheld", "It is no play.\nSee our rules."), outcome="remove"),
    "reversed by a person": after(ended("reversed", "You are right."), outcome="allow"),
    "reversed in part": after(ended("reversed"), outcome="restrict"),
    "reversed meanwhile": after(ended("reversed"), outcome="allow"),
    "upheld, and changed since": after(ended("upheld", "No."), outcome="remove", present="allow"),
}


def golden():
    told = [f"=== {name}\n\n{statement(ITEM, one, UNTIL).text()}" for name, one in CASES.items()]
    told.append(f"=== without an appeal\n\n{statement(ITEM, CASES['held'], None).text()}")
    told += [f"=== {name}\n\n" + "\n\n".join(one.text) + "\n" for name, one in APPEALS.items()]
    return "\n".join(told)


def test_the_words_are_these():
    assert golden() == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_told_that_helps_evasion_or_hurts_somebody(name):
    told = statement(ITEM, CASES[name], UNTIL).text().replace("post-77120", "")
    # Days and hours are figures, too.
    told = told.replace(statements.when(NOW), "").replace(statements.when(UNTIL), "")
    assert [secret for secret in SECRETS if secret in told] == []


@given(data=st.data())
def test_whatever_was_decided_nothing_of_evidence_or_people_is_told(data):
    texts = st.text("abcdefghij", min_size=1).map(lambda text: f"MARK-{text}")
    reasons = data.draw(
        st.lists(
            st.builds(
                reason,
                st.sampled_from([None, *taxonomy.CATEGORIES]),
                st.sampled_from(ACTIONS),
                st.sampled_from(["match", "signal", "unknown", "guard"]),
                rule=texts,
                text=texts,
                overruled_by=st.none() | texts,
            ),
            max_size=5,
        )
    )
    one = made(
        data.draw(st.sampled_from(ACTIONS)),
        *reasons,
        origin=data.draw(st.sampled_from(["machine", "reviewer"])),
        judged=data.draw(st.booleans()),
    )
    told = statement(ITEM, one, UNTIL).text()
    assert "MARK" not in told
    counting = {r.category for r in reasons if r.overruled_by is None}
    if unsaid(one.decision.action, counting):
        assert not any(category.title in told for category in taxonomy.CATEGORIES.values())
    for name in statements.UNSAID:
        assert taxonomy.get(name).title not in told


def test_the_longest_statement_gives_five_grounds():
    reasons = [reason(name, "label") for name in taxonomy.detectable()]
    told = statement(ITEM, made("label", *reasons), UNTIL).text()
    assert told.count("It was found to show") == statements.MOST_GROUNDS


def test_the_outcome_of_an_appeal_is_told_when_nobody_can_take_it_back_any_more():
    one = ended("reversed", "You are right.")
    before = appealed(
        one, now=one.ended_at + 30 * SECOND - 1, settled=30 * SECOND, outcome="allow", present=None
    )
    assert "You are right." not in before.text
    assert before.text == after(APPEAL).text


@pytest.mark.parametrize("name", CASES)
def test_the_transparency_database_is_told_in_its_own_words(name):
    told = transparency(CASES[name])
    assert told.decision_visibility.startswith("DECISION_VISIBILITY_")
    by_person = CASES[name].origin == "reviewer"
    assert told.automated_decision.endswith("PARTIALLY" if by_person else "FULLY")
    assert json.loads(msgspec.json.encode(told))["decision_ground"].endswith("INCOMPATIBLE_CONTENT")


def test_each_category_that_only_a_bank_can_assert_is_unsaid_but_the_platforms_own():
    bank = {c.id for c in taxonomy.CATEGORIES.values() if c.source == "bank"}
    assert bank - {"known.other"} == statements.UNSAID
