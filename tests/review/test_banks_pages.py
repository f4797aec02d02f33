"""The pages of banks: a photo is tried out before it matches, and what it has caused is undone."""

import pytest

from tests.review.filling import fill, follow
from tests.review.looking import axe, fits, shots, visitor
from tests.service.asking import ONCE, browser, make_user
from tests.service.banking import (
    NEAR,
    PDQ,
    decide,
    evidence,
    make_bank,
    match,
    pdq_of,
    photo,
    put,
    set_state,
)
from tests.service.working import judge_of, put_in_force, send, working
from tests.store.making import accept
from tidegate.service.entries import read
from tidegate.service.undo import Undoing
from tidegate.store import banks

pytestmark = ONCE


@pytest.fixture
def curator(app, service):
    make_user(service, "cem", "curator")
    return browser(app, "cem")


def entries_of(service, bank="press"):
    with service.store.read() as connection:
        return {entry.id: entry for entry in banks.search(connection, bank, limit=100)}


def test_a_photo_is_tried_out_before_it_matches(service, admin, base, chromium, tmp_path):
    make_user(service, "cem", "curator")
    put_in_force(service)
    with working(service, judge_of(service)):
        item = send(admin, photo(), item='{"external_id": "upload-7"}').json()["id"]
    file = tmp_path / "coffee.jpg"
    file.write_bytes(photo())
    with visitor(chromium, base, "cem") as page:
        page.goto("/console/banks")
        page.get_by_role("link", name="Make the first bank").click()
        page.get_by_label("Name").fill("press")
        page.get_by_label("Where it comes from").fill("our photo desk")
        shots(page, "banks-new")
        page.get_by_role("button", name="Make the bank").click()
        page.get_by_role("link", name="Add the first entry").click()
        shots(page, "banks-add")
        of_file = page.get_by_role("region", name="A picture or a video")
        of_file.get_by_label("File").set_input_files(file)
        of_file.get_by_label("Note").fill("ticket 77")
        of_file.get_by_role("button", name="Add the file").click()
        assert "matches nothing yet" in page.get_by_role("status").inner_text()
        (made,) = entries_of(service).values()
        assert made.state == "disabled"
        shots(page, "banks-entry")
        page.get_by_role("button", name="Dry run").click()
        assert "It would have met 1 item" in page.get_by_role("heading", level=1).inner_text()
        assert page.get_by_role("link", name="upload-7").get_attribute("href").endswith(item)
        picture = page.get_by_alt_text("Veiled picture of the item")
        picture.scroll_into_view_if_needed()
        picture.evaluate("one => one.decode()")
        assert picture.evaluate("one => one.naturalWidth") > 0
        assert "blur" in picture.evaluate("one => getComputedStyle(one).filter")
        axe(page)
        fits(page)
        shots(page, "banks-dryrun")
        page.get_by_role("link", name="Let it match").click()
        page.get_by_label("Why").fill("it meets what it should")
        page.get_by_role("button", name="Let it match").click()
        assert "It matches from now on" in page.get_by_role("status").inner_text()
    assert entries_of(service)[made.id].state == "active"
    assert entries_of(service)[made.id].reason == "it meets what it should"
    met = admin.get("/v1/banks/press/entries", params={"hash": made_pdq(service, made.id)}).json()
    assert [one["id"] for one in met["entries"]] == [made.id]


def made_pdq(service, entry):
    return read(entries_of(service)[entry]).pdq[0].pdq


def test_all_that_a_wrong_entry_has_caused_is_undone(service, clock, base, chromium):
    make_user(service, "cem", "curator")
    make_bank(service.store)
    (entry,) = put(service.store, "press", PDQ, note="a wrong one")
    put_in_force(service)
    for number in (1, 2):
        with service.store.write() as connection:
            item = accept(connection)
        decide(service.store, item, evidence(number, pdq_of(number), match("press", entry)))
    with visitor(chromium, base, "cem") as page:
        page.goto(f"/console/banks/press/entries/{entry}/undo")
        assert "2 decisions of its making are in force" in page.get_by_role("main").inner_text()
        page.get_by_role("link", name="Disable it first").click()
        page.get_by_label("Until").fill("2030-01-01T10:00")
        page.get_by_label("Why").fill("it is a stock photo")
        page.get_by_role("button", name="Disable it").click()
        assert "until 2030-01-01 10:00 UTC" in page.get_by_role("main").inner_text()
        shots(page, "banks-caused")
        page.get_by_role("link", name="Undo all of it").click()
        page.get_by_label("Why").fill("all of these are stock photos")
        axe(page)
        shots(page, "banks-undoing")
        page.get_by_role("button", name="Undo all of it").click()
        assert "2 decisions to go" in page.get_by_role("status").inner_text()
        Undoing(service.store, clock).step()
        # The page looks again by itself.
        page.get_by_text("Every item is decided anew").wait_for()
        shots(page, "banks-undone")
        page.goto(f"/console/banks/press/entries/{entry}/caused")
        assert page.get_by_role("cell", name="not any more").count() == 2


def test_an_undo_tells_how_far_it_is_without_a_script(curator, service, clock):
    make_bank(service.store)
    (entry,) = put(service.store, "press", PDQ)
    path = f"/console/banks/press/entries/{entry}"
    assert "matches still" in curator.get(f"{path}/undo").text
    assert fill(curator, f"{path}/undo").status_code == 409
    set_state(service.store, "press", [entry], "disabled")
    begun = fill(curator, f"{path}/undo", reason="wrong")
    assert "waits for its turn" in follow(curator, begun).text
    Undoing(service.store, clock).step()
    assert "Every item is decided anew" in curator.get(begun.headers["location"]).text


def test_a_file_is_read_only_of_who_may_and_with_the_sessions_token(curator, client, app, service):
    make_bank(service.store)
    files = {"file": ("a.jpg", b"\xff" * 1000)}
    path = "/console/banks/press/file"
    assert fill(curator, path, token="another", files=files).status_code == 403
    assert client.post(path, files=files).headers["location"].startswith("/console/login")
    make_user(service, "rosa", "reviewer")
    assert fill(browser(app, "rosa"), path, files=files).status_code == 403
    assert entries_of(service) == {}
    refused = fill(curator, path, files=files, note="kept in the form")
    assert refused.status_code == 422
    assert "kept in the form" in refused.text
    assert entries_of(service) == {}


def test_a_form_that_is_wrong_is_shown_again_with_what_was_filled_in(curator):
    answer = fill(curator, "/console/banks", name="a bank", max_distance="99", source="the desk")
    assert answer.status_code == 422
    assert 'value="a bank"' in answer.text
    assert 'value="the desk"' in answer.text
    assert "less than or equal to 64" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "There is no bank yet" in curator.get("/console/banks").text


def test_entries_are_found_by_note_state_and_hash(curator, service):
    make_bank(service.store)
    near, far = put(service.store, "press", PDQ, note="ticket 77") + put(
        service.store, "press", pdq_of(3), note="ticket 78"
    )
    set_state(service.store, "press", [far], "disabled")
    service.replica.follow()

    def shown(**asked):
        text = curator.get("/console/banks/press", params=asked).text
        return [one for one in (near, far) if f'/entries/{one}"' in text]

    assert shown() == [near, far]
    assert shown(note="TICKET 77") == [near]
    assert shown(state="disabled") == [far]
    assert shown(hash=NEAR) == [near]
    assert shown(hash=f"pdq:{NEAR.upper()}") == [near]
    assert shown(note="ticket 99") == []
    assert "No entry is like that" in curator.get("/console/banks/press?note=ticket+99").text
    assert curator.get("/console/banks/press?hash=zz").status_code == 422


def test_entries_are_listed_page_by_page(curator, service):
    make_bank(service.store)
    made = put(service.store, "press", *map(pdq_of, range(60)))
    first = curator.get("/console/banks/press").text
    onward = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = curator.get(onward).text
    listed = [one for one in made if f'/entries/{one}"' in first + second]
    assert listed == made
    assert 'rel="next"' not in second


def test_a_list_is_imported_and_exported(curator, service):
    make_bank(service.store)
    put(service.store, "press", PDQ)
    lines = f"pdq {PDQ}\npdq {pdq_of(1)}\npdq {pdq_of(2)}\n".encode()
    done = fill(curator, "/console/banks/press/import", files={"file": ("shared.txt", lines)})
    report = "shared.txt: 3 entries read, 1 of which the bank held already; 2 added."
    assert report in follow(curator, done).text
    wrong = fill(curator, "/console/banks/press/import", files={"file": ("x.txt", b"pdq zz")})
    assert wrong.status_code == 422
    assert "Line 1: " in wrong.text
    assert len(entries_of(service)) == 3
    assert len(curator.get("/console/banks/press/export").text.splitlines()) == 4


def test_hashes_are_added_by_hand(curator, service):
    make_bank(service.store)
    done = fill(
        curator,
        "/console/banks/press/add",
        by="hash",
        hashes=f"{PDQ}\nsha256:{'ab' * 32}\n{'cd' * 16}",
        state="active",
    )
    assert "matches from now on" in follow(curator, done).text
    again = fill(
        curator,
        "/console/banks/press/add",
        by="hash",
        hashes=f"{PDQ}\nsha256:{'ab' * 32}\n{'cd' * 16}",
    )
    assert again.status_code == 303
    assert len(entries_of(service)) == 1
    wrong = fill(curator, "/console/banks/press/add", by="hash", hashes="crc32:abcd")
    assert wrong.status_code == 422
    assert "crc32:abcd is no hash" in wrong.text


def test_a_bank_is_changed_as_it_was_looked_at_and_deleted(curator, service):
    make_bank(service.store)
    path = "/console/banks/press"
    changed = {"category": "known.other", "role": "review", "max_distance": "20", "version": "1"}
    assert "review" in follow(curator, fill(curator, f"{path}/change", **changed)).text
    assert fill(curator, f"{path}/change", **changed).status_code == 409
    assert "Delete press?" in curator.get(f"{path}/delete").text
    follow(curator, fill(curator, f"{path}/delete", reason="expired"))
    assert curator.get(path).status_code == 404


def test_who_only_reads_is_shown_no_way_to_change_and_can_use_none(app, service):
    make_bank(service.store)
    make_user(service, "rosa", "reviewer")
    reviewer = browser(app, "rosa")
    assert "Add an entry" not in reviewer.get("/console/banks/press").text
    for path in (":new", "press/add", "press/change", "press/delete", "press/import"):
        assert reviewer.get(f"/console/banks/{path}").status_code == 403
    assert fill(reviewer, "/console/banks/press/delete").status_code == 403
    make_user(service, "vera", "viewer")
    viewer = browser(app, "vera")
    assert viewer.get("/console/banks").status_code == 403
    assert "/console/banks" not in viewer.get("/console/items").text


def test_an_entry_that_was_made_of_an_item_leads_to_it(curator, service):
    make_bank(service.store)
    with service.store.write() as connection:
        item = accept(connection)
        new = banks.NewEntry(content="a", entry=f'{{"sha256":["{"ab" * 32}"]}}', item=item)
        (made,) = banks.add(connection, "press", [new], actor="key:1", reason="", now=1)
    shown = curator.get(f"/console/banks/press/entries/{made.id}").text
    assert f'href="/console/items/{item}"' in shown
    assert "what is not decided is not shown" in shown
