"""The page of a case: what it tells, what it does not, and what can be done with it."""

import re
from functools import partial

import numpy as np
import pytest

from tests.review.looking import csrf_of, heading
from tests.review.scenes import (
    HOUSE,
    case_of,
    jpeg,
    judged,
    make_bank,
    make_entry,
    matched,
    people,
    reviewed,
    turned,
)
from tests.service.asking import ONCE, browser, make_user
from tests.service.working import put_in_force
from tidegate.evidence import TRANSFORMS
from tidegate.report.pictures import turn
from tidegate.review.met import MATRIX
from tidegate.service import casework
from tidegate.service.casework import Answer
from tidegate.store import banks, cases, claims, decisions, items, queues, reviews, users
from tidegate.store.cases import New
from tidegate.store.clock import SECOND


@pytest.fixture
def staff(service):
    people(service)


@pytest.fixture
def as_person(app, staff):
    """Gives a browser in which somebody has logged in."""
    return lambda name: browser(app, name)


@pytest.fixture
def judge(service, admin, reader, staff, tmp_path):
    """Has a file judged, and gives the item."""
    return partial(judged, service, admin, reader, tmp_path)


@pytest.fixture
def case(service, admin, reader, staff, tmp_path):
    """A photo that a score has brought before people."""
    return reviewed(service, admin, reader, tmp_path, item='{"uploader": {"id": "a-8231"}}')


def path(case):
    return f"/console/cases/{case.id}"


def act(client, case, what, **fields):
    return client.post(f"{path(case)}/{what}", data={"csrf": csrf_of(client), **fields})


def decide(client, case, action="remove", *, version=None, **fields):
    asked = {"reason_of": "thresholds.regulated.alcohol", "action": action}
    wanted = case.version if version is None else version
    return act(client, case, "decide", **{**asked, "version": str(wanted), **fields})


def now_of(service, case):
    with service.store.read() as connection:
        return cases.need(connection, case.id)


def action_of(service, item):
    with service.store.read() as connection:
        return items.get(connection, item).action


def given(service, actor):
    """Return a person's actor as the record has it."""
    with service.store.read() as connection:
        return f"user:{users.by_name(connection, actor)[0].id}"


def words(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@ONCE
def test_it_says_why_the_case_is_here_and_what_would_have_changed_it(as_person, case):
    page = as_person("ada").get(path(case))
    assert heading(page) == "Alcohol"
    said = words(page)
    assert "score 0.86 ≥ 0.70" in said
    assert "It rests on this score alone (thresholds.regulated.alcohol.review)" in said
    assert "Alcohol would make it remove, but for score 0.86 &lt; 0.95" in said
    assert "label from 0.50, review from 0.70, remove from 0.95" in said
    assert "In: Alcoholic drinks and drinking them." in said
    assert "uploader a-8231" in said


@ONCE
def test_a_picture_is_veiled_and_by_a_link_for_whoever_looks(as_person, case):
    ada, ben = as_person("ada"), as_person("ben")
    page = ada.get(path(case)).text
    assert 'class="veiled" src="/v1/media/' in page
    assert not re.search(r'<img(?![^>]*class="veiled)', page)
    link = re.search(r'src="(/v1/media/[^"]*)"', page)[1].replace("&amp;", "&")
    assert ada.get(link).headers["content-type"] == "image/jpeg"
    assert ben.get(link).status_code == 403


@ONCE
def test_an_entry_stands_beside_what_met_it_with_what_is_known_of_it(
    service, admin, as_person, tmp_path, reader
):
    case = matched(service, admin, reader, tmp_path)
    page = as_person("ada").get(path(case))
    said = words(page)
    assert "Met entry" in said
    assert "of 256" in said
    assert "ticket 77" in said
    assert "No picture of the entry is kept" in said
    assert "How both differ" not in said


@ONCE
def test_the_picture_of_an_entry_that_an_item_was_made_into_is_shown(
    service, admin, as_person, staff, judge
):
    make_bank(admin)
    max_ = as_person("max")
    first = judge(jpeg()).id
    asked = {"csrf": csrf_of(max_), "bank": "press", "note": "from an item"}
    answer = max_.post(f"/console/items/{first}/bank", data=asked)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("/dry-run")
    entry = answer.headers["location"].split("/")[-2]
    assert judge(turned()).action == "allow"  # It matches nothing yet.
    enable(admin, entry)
    copy = judge(turned()).id
    page = as_person("ada").get(path(case_of(service, copy)))
    assert "from an item" in page.text
    assert page.text.count(f"/v1/media/{first}/preview") == 2
    assert 'transform="matrix(-1 0 0 1 1 0)"' in page.text
    with service.store.read() as connection:
        assert banks.named(connection, "press", [entry])[0].item == first


def enable(admin, entry):
    answer = admin.post("/v1/banks/press/entries/state", json={"ids": [entry], "state": "active"})
    assert answer.status_code == 200, answer.text


def test_pictures_are_laid_over_each_other_as_they_met():
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    for transform in TRANSFORMS:
        a, b, c, d, e, f = map(float, MATRIX[transform].split())
        wanted = turn(picture, transform)
        height, width = picture.shape[:2]
        for y in range(height):
            for x in range(width):
                u, v = (x + 0.5) / width, (y + 0.5) / height
                there = a * u + c * v + e, b * u + d * v + f
                row = int(there[1] * wanted.shape[0])
                column = int(there[0] * wanted.shape[1])
                assert wanted[row, column] == picture[y, x], transform


@ONCE
@pytest.mark.parametrize(
    "category",
    ["extremism.known_material", "child_safety.known_material", "ncii.known_material"],
)
def test_what_is_known_to_be_illegal_is_rendered_to_nobody(
    service, admin, as_person, staff, tmp_path, category, reader
):
    # Even where a policy only asks for a review.
    case = matched(service, admin, reader, tmp_path, category=category)
    person = as_person("max")
    page = person.get(path(case))
    assert "Such material is never shown" in page.text
    assert "/v1/media/" not in page.text
    assert "<img" not in page.text
    assert person.get(f"/v1/items/{case.item}/media").status_code == 403
    assert admin.get(f"/v1/items/{case.item}/media").status_code == 403


@ONCE
def test_a_link_from_before_a_match_was_known_shows_nothing_after(
    service,
    admin,
    reader,
    staff,
    judge,
    clock,
    tmp_path,
):
    item = judge(jpeg()).id
    link = admin.get(f"/v1/items/{item}/media").json()["preview"]
    assert admin.get(link).status_code == 200
    make_bank(admin, category="ncii.known_material")
    make_entry(service, reader, tmp_path, jpeg())
    clock.pass_by(SECOND)
    judge(jpeg())  # Somebody else sends the same bytes.
    assert admin.get(link).status_code == 403


def test_an_answer_leads_to_the_next_case_and_can_be_undone_there(service, as_person, case, judge):
    ada = as_person("ada")
    other = case_of(service, judge(jpeg("astronaut.png"), score=0.8).id)
    assert act(ada, case, "claim").status_code == 303
    answer = decide(ada, case, note="a bottle")
    assert answer.headers["location"] == path(other)
    assert action_of(service, case.item) == "remove"
    page = ada.get(path(other))
    assert "You answered" in page.text
    undo = re.search(r'action="(/console/reviews/[^"]+/undo)"', page.text)[1]
    assert ada.post(undo, data={"csrf": csrf_of(ada)}).headers["location"] == path(case)
    assert action_of(service, case.item) == "review"
    assert now_of(service, case).state == "open"


@ONCE
def test_what_has_left_is_not_undone(service, as_person, case, clock):
    ada = as_person("ada")
    act(ada, case, "claim")
    decide(ada, case)
    with service.store.read() as connection:
        (review,) = reviews.of_case(connection, case.id)
    clock.pass_by(31 * SECOND)
    assert "You answered" not in ada.get("/console/queues").text
    late = ada.post(f"/console/reviews/{review.id}/undo", data={"csrf": csrf_of(ada)})
    assert late.status_code == 409
    assert action_of(service, case.item) == "remove"


@ONCE
def test_the_second_of_two_is_told_what_happened_and_who_did_it(service, as_person, case, clock):
    ada, ben = as_person("ada"), as_person("ben")
    act(ada, case, "claim")
    told = act(ben, case, "claim")
    assert told.status_code == 409
    assert "Ada" in told.text or "ada has this case" in told.text
    clock.pass_by(121 * SECOND)
    assert act(ben, case, "claim").status_code == 303
    lost = ada.post(f"{path(case)}/renew", data={"csrf": csrf_of(ada)})
    assert lost.status_code == 409
    assert "en has this case" in lost.json()["lost"]
    decide(ben, case, "allow")
    told = decide(ada, case, "remove", note="mine")
    assert told.status_code == 409
    assert "en has decided this case" in told.text
    assert action_of(service, case.item) == "allow"


@ONCE
def test_a_page_that_is_renewed_keeps_the_case(as_person, case, clock):
    ada, ben = as_person("ada"), as_person("ben")
    act(ada, case, "claim")
    for _ in range(4):
        clock.pass_by(100 * SECOND)
        assert ada.post(f"{path(case)}/renew", data={"csrf": csrf_of(ada)}).status_code == 200
    assert act(ben, case, "claim").status_code == 409


@ONCE
def test_an_answer_to_what_has_changed_is_shown_again_with_what_was_filled_in(
    service, as_person, case
):
    ada = as_person("ada")
    act(ada, case, "claim")
    told = decide(ada, case, version=case.version + 7, note="a bottle")
    assert told.status_code == 409
    assert "This case has changed" in told.text
    assert "a bottle" in told.text
    told = decide(ada, case, reason_of="", note="a bottle")
    assert told.status_code == 422
    assert "a bottle" in told.text
    assert now_of(service, case).state == "open"


@ONCE
def test_the_reason_for_which_it_is_here_is_chosen_already(service, as_person, case):
    ada = as_person("ada")
    act(ada, case, "claim")
    page = ada.get(path(case)).text
    chosen = re.search(r'<option value="([^"]+)" selected', page)[1]
    assert chosen == "thresholds.regulated.alcohol"
    flags = ["context.art", "context.news"]
    decide(ada, case, "restrict", reason_of=chosen, context=flags, note="an advertisement")
    with service.store.read() as connection:
        (review,) = reviews.of_case(connection, case.id)
        made = decisions.get(connection, items.get(connection, case.item).decision)
    assert (review.action, review.category) == ("restrict", "regulated.alcohol")
    assert made.facts.context == tuple(flags)
    assert made.reason == "an advertisement"


@ONCE
def test_another_category_of_the_taxonomy_is_a_reason_too(service, as_person, case):
    ada = as_person("ada")
    act(ada, case, "claim")
    decide(ada, case, reason_of="category:violence.weapon")
    with service.store.read() as connection:
        (review,) = reviews.of_case(connection, case.id)
    assert (review.rule, review.category) == ("", "violence.weapon")


@ONCE
def test_skipping_and_escalating_take_the_case_away_from_whoever_does(service, as_person, case):
    ada, ben, lea = as_person("ada"), as_person("ben"), as_person("lea")
    act(ada, case, "claim")
    assert act(ada, case, "skip").headers["location"] == "/console/queues"
    taken = {"csrf": csrf_of(ada)}
    assert ada.post("/console/cases/next", data=taken).headers["location"] == "/console/queues"
    act(ben, case, "claim")
    act(ben, case, "escalate", note="not sure")
    assert now_of(service, case).queues == (queues.ESCALATED,)
    assert ben.get(path(case)).status_code == 404
    assert lea.get(path(case)).status_code == 200


@ONCE
def test_what_was_decided_can_be_reversed_with_a_reason(service, as_person, case, clock):
    ada, lea = as_person("ada"), as_person("lea")
    act(ada, case, "claim")
    decide(ada, case)
    clock.pass_by(3600 * SECOND)
    assert act(lea, case, "reverse").status_code == 422
    assert act(lea, case, "reverse", reason="it is juice").status_code == 303
    assert now_of(service, case).state == "open"
    assert action_of(service, case.item) == "remove"  # Until there is another answer.
    act(lea, case, "claim")
    decide(lea, case, "allow", version=now_of(service, case).version)
    assert action_of(service, case.item) == "allow"
    page = words(lea.get(path(case)))
    assert "remove by ada" in page
    assert "allow by lea" in page


@ONCE
def test_copies_are_one_case_until_one_is_split_off(service, as_person, case, judge):
    copy = judge(jpeg(quality=55), score=0.86).id
    ada = as_person("ada")
    act(ada, case, "claim")
    page = ada.get(path(case)).text
    assert "2 items alike" in page
    assert act(ada, case, "split", item=copy).status_code == 303
    assert case_of(service, copy).id != case.id
    assert now_of(service, case).copies == 1


@ONCE
def test_the_same_content_has_its_history(service, as_person, case, judge):
    ada = as_person("ada")
    act(ada, case, "claim")
    decide(ada, case, note="a bottle")
    again = judge(jpeg(), score=0.86, item='{"external_id": "post-9"}').id
    page = words(ada.get(path(case_of(service, again))))
    assert "The same content" in page
    assert re.search(r"remove [0-9a-f]{12}", page)


def second_opinion(service, case):
    """Open a second opinion of a case that was decided."""
    with service.store.write() as connection:
        new = New(
            kind="second",
            item=case.item,
            queues={"review": 1.0},
            category=case.category,
            confidence=case.confidence,
            parent=case.id,
        )
        return cases.open_case(connection, new, actor="system", now=service.clock())


@ONCE
def test_a_second_opinion_looks_as_any_other_case_and_tells_no_first_one(
    service, as_person, case, clock
):
    ada, ben = as_person("ada"), as_person("ben")
    ordinary = ben.get(path(case)).text
    act(ada, case, "claim")
    clock.pass_by(5 * SECOND)
    decide(ada, case, note="secret of ada")
    blind = second_opinion(service, case)
    clock.pass_by(60 * SECOND)
    page = ben.get(path(blind)).text
    assert "secret of ada" not in page
    assert "ada" not in page
    assert 'data-action="remove">remove</span>' not in page

    def plain(text, of):
        text = re.sub(r"expires=[^\"]*", "", text.replace(of.id, "CASE"))
        text = re.sub(r"\d\d:\d\d(:\d\d\S*)?( UTC)?|csrf\" value=\"[^\"]*|waits \d+ \w+", "", text)
        return re.sub(r'data-version="\d+"|sure to \d+ %|· 0 may see it|\s+', " ", text)

    assert plain(page, blind) == plain(ordinary, case)
    act(ben, blind, "claim")
    decide(ben, blind, "allow", version=1)
    decided = words(ben.get(path(blind)))
    assert "ada" not in decided
    assert "allow by ben" in decided


@ONCE
def test_whoever_answers_for_banks_mends_them_and_decides_nothing(
    service, admin, as_person, staff, tmp_path, reader
):
    case = matched(service, admin, reader, tmp_path)
    kim, ada = as_person("kim"), as_person("ada")
    page = kim.get(path(case)).text
    assert "This entry is wrong" in page
    assert "Take it" not in page
    assert act(kim, case, "claim").status_code == 403
    seen = ada.get(path(case)).text
    # Only who reviews is told of changes: the page of others does not ask for them.
    assert kim.get("/console/events", params={"case": case.id}).status_code == 403
    assert "data-version" in seen
    assert "data-version" not in page
    assert "This entry is wrong" not in seen
    assert "Add to a bank" not in seen
    entry = re.search(r'name="entry" value="(\d+)"', page)[1]
    fields = {"bank": "press", "entry": entry, "reason": "a mistake"}
    assert act(ada, case, "wrong", **fields).status_code == 403
    led = act(kim, case, "wrong", **fields)
    assert led.headers["location"] == f"/console/banks/press/entries/{entry}/undo"
    with service.store.read() as connection:
        (row,) = banks.named(connection, "press", [entry])
    assert (row.state, row.reason) == ("disabled", "a mistake")
    assert "Undo" in kim.get(led.headers["location"]).text


@ONCE
def test_whoever_reviews_nothing_sees_no_case(service, app, as_person, case):
    make_user(service, "vic", "viewer")
    vic = as_person("vic")
    assert vic.get(path(case)).status_code == 403
    assert vic.get("/console/queues").status_code == 403
    assert vic.get(f"/console/items/{case.item}/bank").status_code == 403
    assert as_person("ada").get(f"/console/items/{case.item}/bank").status_code == 403


@ONCE
def test_a_case_is_seen_by_who_works_on_its_queue_alone(service, as_person, case):
    with service.store.write() as connection:
        user = given(service, "ben").removeprefix("user:")
        queues.set_for_user(connection, user, ["appeals"], actor="system", now=service.clock())
    assert as_person("ben").get(path(case)).status_code == 404
    assert as_person("ada").get(path(case)).status_code == 200
    assert act(as_person("ben"), case, "claim").status_code == 404


@ONCE
def test_nothing_is_done_without_the_token_of_the_session(as_person, case):
    ada = as_person("ada")
    for what in ("claim", "decide", "skip", "escalate", "renew", "seen", "show", "split"):
        assert ada.post(f"{path(case)}/{what}", data={"action": "allow"}).status_code == 403, what


@ONCE
def test_what_is_not_decided_by_a_policy_any_more_is_told(service, as_person, case):
    put_in_force(service, HOUSE.replace("0.95", "0.99").replace("version: 1\n", "version: 2\n", 1))
    page = words(as_person("ada").get(path(case)))
    assert "The case was decided under house/1" in page


@ONCE
def test_an_unknown_is_told_and_never_taken_for_harmless(service, as_person, judge):
    sent = judge(jpeg()[:4000])
    page = words(as_person("ada").get(path(case_of(service, sent.id))))
    assert "What is unknown" in page
    assert "truncated" in page


def test_a_case_that_is_claimed_twice_at_once_is_given_once(service, as_person, case):
    ada, ben = given(service, "ada"), given(service, "ben")
    with service.store.write() as connection:
        found = casework.next_case(connection, ["review"], actor=ada, now=service.clock())
    with service.store.write() as connection:
        none = casework.next_case(connection, ["review"], actor=ben, now=service.clock())
    assert (found.id, none) == (case.id, None)
    with service.store.write() as connection:
        claims.release(connection, case.id, ada, now=service.clock())
        answer = Answer(action="allow")
        casework.decide(
            connection, case.id, answer, actor=ada, version=case.version, now=service.clock()
        )
    assert now_of(service, case).state == "decided"


@ONCE
def test_who_has_answered_a_case_sees_it_where_it_went_and_does_not_work_on_it(
    as_person, case, service, clock
):
    ada, lena = as_person("ada"), as_person("lea")
    assert decide(ada, case).status_code == 303
    clock.pass_by(casework.UNDO)
    assert act(lena, case, "reverse", reason="a statue").status_code == 303
    assert act(lena, case, "escalate").status_code == 303
    assert ada.get(path(case)).status_code == 200
    for what in ("claim", "renew", "release", "skip", "escalate", "split", "reverse"):
        assert act(ada, case, what, reason="no").status_code == 404, what
    now = now_of(service, case)
    assert decide(ada, case, "allow", version=now.version).status_code == 404
    assert (now.state, now.queues) == ("open", ("escalated",))
