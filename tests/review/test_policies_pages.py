"""The pages of policies: written, checked, tried on cases and on what was, put in force, rolled
back."""

import re

import pytest

from tests.review.filling import fill, follow
from tests.review.looking import axe, csrf_of, fits, shots, visitor
from tests.service.asking import ONCE, browser, make_user
from tests.service.banking import evidence, pdq_of
from tests.store.making import accept
from tidegate.evidence import Facts, MediaInfo, Signal
from tidegate.pipeline.load import shipped, shipped_cases
from tidegate.policy import Program, parse
from tidegate.service.start import _put_in_force as put_in_force
from tidegate.store import contents, decisions, policies
from tidegate.store.clock import DAY, HOUR
from tidegate.store.contents import Key

pytestmark = ONCE

DEFAULT = shipped()["default"]

STRICTER = DEFAULT.replace("version: 2", "version: 3", 1).replace(
    "violence.weapon: {review: 0.20}", "violence.weapon: {review: 0.20, remove: 0.60}", 1
)
assert STRICTER.count("remove: 0.60") == 1

WRONG = STRICTER.replace("remove: 0.60", "remvoe: 0.60", 1)
LINE = next(n for n, line in enumerate(WRONG.splitlines(), 1) if "remvoe" in line)


@pytest.fixture
def in_force(service):
    put_in_force(service)
    with service.store.read() as connection:
        return policies.active(connection).version


@pytest.fixture
def curator(app, service, in_force):
    make_user(service, "cem", "curator")
    return browser(app, "cem")


def decided(service, number, score, *, at):
    """Record what the default policy decides of a picture that shows a weapon so much."""
    program = Program(parse(DEFAULT, "default"))
    found = evidence(number, pdq_of(number))
    signals = tuple(
        Signal(category=category, score=value, detector="nsfwjs", version="1")
        for category, value in (("violence.weapon", score), ("sexual.explicit", 0.01))
    )
    found = type(found)(
        sha256=found.sha256,
        size=1,
        media=MediaInfo(kind="image", format="jpeg", width=8, height=8, duration=0.0),
        signals=signals,
        covered=("violence.weapon", "sexual.explicit"),
    )
    key = Key(sha256=found.sha256, pipeline="p")
    with service.store.write() as connection:
        item = accept(connection, number, now=at)
        contents.put(connection, key, found, now=at)
        made = decisions.New(
            item=item,
            origin="machine",
            author="worker:1",
            decision=program.decide(found, Facts()),
            facts=Facts(),
            content=key,
        )
        decisions.record(connection, made, now=at)
    return item


def write(client, path, **fields):
    """Send a form as the editor does."""
    data = {"csrf": csrf_of(client)} | fields
    return client.post(path, files={name: (None, value) for name, value in data.items()})


def kept(client, source=STRICTER):
    return write(client, "/console/policies", source=source).headers["location"]


def test_a_policy_is_written_mended_tried_put_in_force_and_rolled_back(
    service, in_force, clock, base, chromium
):
    make_user(service, "cem", "curator")
    for number, score in ((1, 0.1), (2, 0.5), (3, 0.7), (4, 0.9)):
        decided(service, number, score, at=clock() - HOUR)
    with visitor(chromium, base, "cem") as page:
        page.goto("/console/policies")
        assert page.get_by_role("link", name="default/2").first.is_visible()
        shots(page, "policies-list")
        page.get_by_role("link", name="Write a new version").click()
        source = page.get_by_label("The policy, YAML")
        assert source.input_value() == DEFAULT
        source.fill(WRONG)
        # It is checked as one types, and the line is told, marked and led to.
        link = page.get_by_role("link", name=f"Line {LINE}")
        link.wait_for()
        assert "does not load" in page.locator("#verdict").inner_text()
        assert page.locator(".gutter .wrong").inner_text() == str(LINE)
        axe(page)
        shots(page, "policies-wrong")
        link.click()
        start = source.evaluate("one => one.value.slice(0, one.selectionStart).split('\\n').length")
        assert start == LINE
        assert source.evaluate("one => one === document.activeElement")
        source.fill(STRICTER)
        page.get_by_text("default/3 loads").wait_for()
        assert "violence.weapon: remove never → 0.60" in page.locator("#checked").inner_text()
        assert page.locator(".gutter .wrong").count() == 0
        axe(page)
        fits(page)
        shots(page, "policies-edit")
        page.get_by_label("Why").fill("weapons go")
        page.get_by_role("button", name="Keep this version").click()
        assert "default/3" in page.get_by_role("heading", level=1).inner_text()
        for tab in ("In words", "As written", "Test cases", "What it changes"):
            page.get_by_role("link", name=tab, exact=True).click()
            shots(page, f"policies-{tab.split()[-1].lower()}")
        page.get_by_role("link", name="Replay", exact=True).click()
        page.get_by_role("button", name="Replay").click()
        assert "2 of 4 recorded decisions would change" in page.get_by_role("main").inner_text()
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="review"))
        assert row.first.get_by_role("cell").all_inner_texts() == ["2", "1", "–"]
        assert page.get_by_role("img", name="Old and new actions of decisions").is_visible()
        axe(page)
        fits(page)
        shots(page, "policies-replay")
        page.get_by_role("main").get_by_role("link", name="Put it in force…").click()
        assert "violence.weapon: remove never → 0.60" in page.get_by_role("main").inner_text()
        shots(page, "policies-activate")
        page.get_by_label("Why").fill("tried on a week")
        page.get_by_role("button", name="Put it in force").click()
        assert "is in force" in page.get_by_role("status").inner_text()
        with service.store.read() as connection:
            active = policies.active(connection)
        assert active.source == STRICTER
        page.get_by_role("link", name="Go back to the one before").click()
        assert "Go back to default/2?" in page.get_by_role("heading", level=1).inner_text()
        page.get_by_label("Why").fill("too much went")
        page.get_by_role("button", name="Go back to it").click()
    with service.store.read() as connection:
        assert policies.active(connection).version == in_force
        assert policies.activations(connection, limit=1)[0].reason == "too much went"


def test_the_editor_works_without_a_script(service, in_force, base, chromium):
    make_user(service, "cem", "curator")
    with visitor(chromium, base, "cem", script=False) as page:
        page.goto("/console/policies/new")
        page.get_by_label("The policy, YAML").fill(WRONG)
        page.get_by_role("button", name="Check").click()
        assert f"Line {LINE}, column" in page.locator("#checked").inner_text()
        assert "remvoe" in page.locator(".excerpt").inner_text()
        assert page.get_by_label("The policy, YAML").input_value() == WRONG
        page.get_by_label("The policy, YAML").fill(STRICTER)
        page.get_by_role("button", name="Keep this version").click()
        assert page.url.rpartition("/")[0].endswith("/console/policies")
    with service.store.read() as connection:
        assert policies.listed(connection, limit=1)[0].source == STRICTER


def test_all_errors_of_a_text_are_told_with_their_lines(curator):
    rules = (
        "rules:\n"
        "  - {id: a, when: 'face == 1', then: {action: review}}\n"
        "  - {id: b, when: 'name == 1', then: {action: review}}\n"
    )
    two = f"{DEFAULT}\n{rules}"
    first = len(DEFAULT.splitlines()) + 3
    shown = write(curator, "/console/policies/check", source=two).text
    assert "It does not load: 2 errors" in shown
    assert f'data-line="{first}"' in shown
    assert f'data-line="{first + 1}"' in shown


def test_a_text_that_does_not_load_is_not_kept(curator, service):
    refused = write(curator, "/console/policies", source=WRONG)
    assert refused.status_code == 422
    assert "It is not kept" in refused.text
    for nothing in ("  ", "a" * 140_000):
        assert write(curator, "/console/policies", source=nothing).status_code == 422
        assert write(curator, "/console/policies/check", source=nothing).status_code == 422
    with service.store.read() as connection:
        assert len(policies.listed(connection, limit=9)) == 1


def test_a_text_is_kept_as_it_is_in_a_file(curator, service):
    path = kept(curator, STRICTER.replace("\n", "\r\n"))
    assert curator.get(f"{path}/file").text == STRICTER


def test_cases_pass_or_fail_by_name_and_are_kept_for_all_versions(curator):
    path = kept(curator)
    shown = curator.get(f"{path}/cases").text
    assert "all " in shown  # Those that come with Tidegate.
    assert "pass" in shown
    cases = (
        "tidegate_cases: 1\ncases:\n"
        "- {name: a rifle goes, signals: {violence.weapon: 0.7, sexual.explicit: 0.0},"
        " expect: {action: remove}}\n"
        "- {name: a knife stays, signals: {violence.weapon: 0.1, sexual.explicit: 0.0},"
        " expect: {action: remove}}\n"
    )
    tried = write(curator, f"{path}/cases", cases=cases).text
    assert "1 of 2 fail" in tried
    assert re.search(r"a knife stays.*?expected <b>remove</b>, got <b>allow</b>", tried, re.DOTALL)
    assert "all " in curator.get(f"{path}/cases").text  # They were tried, and not kept.
    answer = write(curator, f"{path}/cases", cases=cases, keep="1", kept="0", reason="ours")
    assert "1 of 2 fail" in follow(curator, answer).text
    # The editor of any version tells of them.
    other = write(curator, "/console/policies/check", source=DEFAULT).text
    assert "2 of 2 fail" in other
    # Somebody who has not seen this change does not undo it unawares.
    late = write(curator, f"{path}/cases", cases=shipped_cases()["default"], keep="1", kept="0")
    assert late.status_code == 409
    broken = write(curator, f"{path}/cases", cases="tidegate_cases: 9", keep="1", kept="1")
    assert broken.status_code == 422
    assert "they do not load" in broken.text


def test_a_case_that_names_a_file_is_refused(curator):
    path = kept(curator)
    cases = "tidegate_cases: 1\ncases: [{name: a, item: /etc/passwd, expect: {action: allow}}]"
    assert "its item is in a file" in write(curator, f"{path}/cases", cases=cases).text


def test_what_was_held_against_another_policy_is_not_put_in_force(curator, in_force, service):
    path = kept(curator)
    assert fill(curator, f"{path}/activate", against=path[-36:]).status_code == 409
    done = fill(curator, f"{path}/activate", against=in_force, reason="so")
    assert done.status_code == 303
    # Whoever looked at the same page before is told, and nothing happens twice.
    assert fill(curator, f"{path}/activate", against=in_force).status_code == 409
    assert fill(curator, "/console/policies/roll-back", version="x").status_code == 409
    with service.store.read() as connection:
        assert len(policies.activations(connection, limit=9)) == 2


def test_there_is_nothing_to_go_back_to_at_first(curator):
    answer = curator.get("/console/policies/roll-back")
    assert "There is no policy to go back to" in follow(curator, answer).text


def test_a_replay_tells_what_it_did_not_see(curator, service, clock):
    path = kept(curator)
    assert "Nothing was decided in that time" in curator.get(f"{path}/replay?days=7").text
    decided(service, 1, 0.9, at=clock() - 10 * DAY)
    assert "Nothing was decided in that time" in curator.get(f"{path}/replay?days=7").text
    assert "1 of 1 recorded decision would change" in curator.get(f"{path}/replay?days=30").text


def test_who_only_reads_is_shown_no_way_to_change_and_can_use_none(app, service, curator):
    path = kept(curator)
    make_user(service, "vera", "viewer")
    viewer = browser(app, "vera")
    for page in (path, f"{path}/text", f"{path}/cases", f"{path}/difference", f"{path}/replay"):
        shown = viewer.get(page)
        assert shown.status_code == 200
        assert "Put in force" not in shown.text
        assert "Keep them" not in shown.text
    for page in ("/console/policies/new", f"{path}/activate", "/console/policies/roll-back"):
        assert viewer.get(page).status_code == 403
    assert write(viewer, "/console/policies/check", source=DEFAULT).status_code == 403
    assert fill(viewer, f"{path}/activate").status_code == 403
