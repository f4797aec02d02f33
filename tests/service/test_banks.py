"""``/v1/banks``, and what it does to the items that entries have met."""

import json
import tempfile
from contextlib import closing

import msgspec
import pytest

from tests.pipeline.asked import POLICY
from tests.service.appealed import appeal
from tests.service.asking import Asking, bearer, make_key
from tests.service.banking import (
    FAR,
    MD5,
    NEAR,
    PDQ,
    blank,
    decide,
    evidence,
    make_bank,
    match,
    pdq_of,
    photo,
    put,
    set_state,
)
from tests.service.origin import Origin, answer
from tests.service.telling import add_hook, written
from tests.service.working import ALLOWING, judge_of, put_in_force, send, working
from tests.store.making import NOW, accept
from tidegate.evidence import Skipped
from tidegate.matching import load_bank
from tidegate.pipeline.load import shipped
from tidegate.service.addresses import Allowance, read_networks
from tidegate.service.fetch import Fetcher
from tidegate.service.forms import LARGEST_JSON
from tidegate.service.hasher import Hasher
from tidegate.service.undo import Undoing
from tidegate.store import appeals, audit, banks, cases, decisions, items, jobs
from tidegate.store.clock import DAY

ONCE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


SCORING = POLICY.format(thresholds="{sexual.explicit: {review: 0.5}}", rules="[]")
BLOCKING = shipped()["default"]


@pytest.fixture
def curator(as_role):
    return as_role("curator")


@pytest.fixture
def press(curator, service):
    assert curator.post("/v1/banks", json={"name": "press"}).status_code == 201
    return "/v1/banks/press"


def add(client, bank=("/v1/banks/press"), **fields):
    made = client.post(f"{bank}/entries", json={"pdq": [PDQ]} | fields)
    assert made.status_code == 201, made.text
    return made.json()


def told(service, action):
    with service.store.read() as connection:
        rows = audit.newest(connection, limit=100)
    return [row for row in rows if row.action == action]


def test_a_bank_is_made_shown_changed_and_deleted(curator, service):
    new = {"name": "press", "role": "review", "max_distance": 20, "reason": "ticket 1"}
    made = curator.post("/v1/banks", json=new)
    assert made.status_code == 201
    assert made.json()["category"] == "known.other"
    assert curator.post("/v1/banks", json=new).status_code == 409
    changed = curator.patch("/v1/banks/press", json={"max_distance": 10, "version": 1})
    assert changed.json()["max_distance"] == 10
    assert changed.json()["role"] == "review"
    stale = curator.patch("/v1/banks/press", json={"max_distance": 30, "version": 1})
    assert stale.status_code == 409
    add(curator)
    shown = curator.get("/v1/banks/press").json()
    assert shown["entries"] == {"active": 1, "disabled": 0, "withdrawn": 0}
    assert [bank["name"] for bank in curator.get("/v1/banks").json()["banks"]] == ["press"]
    assert curator.delete("/v1/banks/press", params={"reason": "over"}).status_code == 204
    assert curator.get("/v1/banks/press").status_code == 404
    assert curator.get("/v1/banks").json()["banks"] == []
    assert curator.post("/v1/banks", json=new).status_code == 201
    assert curator.get("/v1/banks/press").json()["entries"]["active"] == 0
    (row,) = told(service, "bank.delete")
    assert (row.subject, row.reason) == ("bank:press", "over")
    assert [json.loads(row.body) for row in told(service, "bank.change")] == [{"max_distance": 10}]


@ONCE
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "no/slash"),
        ("category", "sexual.nothing"),
        ("category", "context.satire"),
        ("role", "delete"),
        ("max_distance", 65),
        ("enabled_ratio", 1.1),
    ],
)
def test_a_bank_that_is_none_is_refused_by_the_field(curator, field, value):
    made = curator.post("/v1/banks", json={"name": "press"} | {field: value})
    assert made.status_code == 422
    assert made.json()["errors"][0]["pointer"] == f"/body/{field}"


def test_an_entry_is_added_by_hash_and_in_force_at_once(curator, press, service):
    made = add(curator, note="ticket 7", md5=[MD5])
    assert (made["state"], made["pdq"], made["md5"]) == ("active", [PDQ], [MD5])
    ((_, entry, distance),) = service.replica.banks().near(NEAR)
    assert (entry.id, entry.note, distance) == (made["id"], "ticket 7", 2)
    assert add(curator, note="again", md5=[MD5])["id"] == made["id"]
    (row,) = told(service, "entries.add")
    assert json.loads(row.body)["count"] == 1


def test_who_wants_to_hear_of_entries_hears_of_each_change_once(curator, press, service):
    hook = add_hook(service, events=("bank.entry.added", "bank.entry.changed"))
    made = add(curator, md5=[MD5])
    add(curator, md5=[MD5])
    wanted = {"ids": [made["id"]], "state": "withdrawn", "reason": "wrong"}
    assert curator.post(f"{press}/entries/state", json=wanted).status_code == 200
    assert [m.event for m in written(service, hook)] == ["bank.entry.added", "bank.entry.changed"]


@ONCE
def test_an_entry_is_added_by_file(curator, press, service):
    form = {"file": ("mug.jpg", photo()), "entry": (None, json.dumps({"note": "ticket 8"}))}
    made = curator.post(f"{press}/entries", files=form)
    assert made.status_code == 201, made.text
    entry = made.json()
    assert (entry["kind"], entry["note"], entry["provenance"]) == ("image", "ticket 8", "mug.jpg")
    assert len(entry["sha256"]) == len(entry["md5"]) == len(entry["pdq"]) == 1
    assert list(service.replica.banks().near(entry["pdq"][0]))


@ONCE
def test_a_blank_picture_is_kept_by_its_digests(curator, press):
    entry = curator.post(f"{press}/entries", files={"file": ("a.jpg", blank())}).json()
    assert entry["sha256"]
    found = curator.get(f"{press}/entries", params={"hash": f"sha256:{entry['sha256'][0]}"})
    assert [each["id"] for each in found.json()["entries"]] == [entry["id"]]


@ONCE
@pytest.mark.parametrize(
    ("files", "pointer"),
    [
        ({"file": ("a.jpg", b"no picture")}, "/body/file"),
        ({"photo": ("a.jpg", b"x")}, "/body/file"),
        ({"file": ("a.jpg", b"x"), "entry": (None, "{")}, "/body"),
        ({"file": ("a.jpg", b"x"), "entry": (None, '{"colour": 1}')}, "/body/colour"),
    ],
)
def test_a_form_that_is_no_entry_is_refused(curator, press, files, pointer):
    made = curator.post(f"{press}/entries", files=files)
    assert made.status_code == 422
    assert made.json()["errors"][0]["pointer"] == pointer
    assert str(press) not in made.text


@ONCE
@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "punycode", "undefined"])
def test_the_text_of_a_form_is_utf_8_and_nothing_else(curator, press, charset):
    part = 'Content-Disposition: form-data; name="entry"\r\n\r\n{"note": "+2AA- \\ud800"}'
    form = f"--x\r\n{part}\r\n--x--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    assert curator.post(f"{press}/entries", content=form, headers=kind).status_code == 400


@ONCE
def test_an_entry_is_added_by_url(curator, press, service, tmp_path):
    def say(request):
        if b"/a.jpg" in request:
            return answer(photo(), content_type="image/jpeg")
        return answer(status="404 Not Found")

    with closing(Origin(say)) as origin:
        allowed = Allowance(
            schemes=frozenset({"http"}),
            ports=frozenset({origin.port}),
            networks=read_networks(["127.0.0.0/8"]),
        )
        service.hasher.close()
        service.hasher = Hasher(tmp_path / "hashing", Fetcher(allowed))
        where = f"http://127.0.0.1:{origin.port}"
        made = curator.post(f"{press}/entries", json={"url": f"{where}/a.jpg"})
        assert made.status_code == 201, made.text
        assert made.json()["kind"] == "image"
        gone = curator.post(f"{press}/entries", json={"url": f"{where}/b.jpg"})
    assert gone.status_code == 422
    assert gone.json()["errors"][0]["pointer"] == "/body/url"


@ONCE
def test_a_url_that_leads_inside_is_not_fetched(curator, press):
    made = curator.post(f"{press}/entries", json={"url": "https://127.0.0.1/a.jpg"})
    assert made.status_code == 422


@ONCE
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"pdq": ["12"]},
        {"pdq": [PDQ], "category": "context.satire"},
        {"pdq": [PDQ], "url": "https://example.org"},
        {"pdq": [PDQ], "colour": "red"},
    ],
)
def test_what_is_no_entry_is_refused(curator, press, wanted):
    assert curator.post(f"{press}/entries", json=wanted).status_code == 422


def test_entries_are_disabled_enabled_and_withdrawn_at_once(curator, press, service):
    one, two = add(curator)["id"], add(curator, pdq=[NEAR])["id"]

    def change(state, *ids, **rest):
        wanted = {"ids": ids, "state": state, "reason": "why not"} | rest
        return curator.post(f"{press}/entries/state", json=wanted)

    def met():
        return {near.entry.id for near in service.replica.banks().near(PDQ)}

    until = "2999-01-01T00:00:00+00:00"
    shown = change("disabled", one, until=until).json()["entries"]
    assert (shown[0]["state"], shown[0]["disabled_until"]) == ("disabled", until)
    assert met() == {two}
    change("active", one)
    assert met() == {one, two}
    change("withdrawn", one, two)
    assert met() == set()
    assert change("active", one).status_code == 409
    assert change("withdrawn", "999").status_code == 404
    assert change("active", one, until=until).status_code == 422
    assert curator.post(f"{press}/entries", json={"pdq": [PDQ]}).status_code == 409
    (row,) = told(service, "entries.withdraw")
    assert row.reason == "why not"
    assert json.loads(row.body)["entries"] == [one, two]


@pytest.mark.parametrize("entry", ["no-number", "\0", "١٧", "9" * 40])
def test_an_id_that_is_none_is_not_found(curator, press, entry):
    change = {"ids": [entry], "state": "withdrawn"}
    assert curator.post(f"{press}/entries/state", json=change).status_code == 404
    assert curator.post(f"{press}/dry-run", json={"entry": entry}).status_code == 404


@ONCE
def test_all_entries_change_or_none(curator, press, service):
    one = add(curator)["id"]
    wanted = {"ids": [one, "999"], "state": "withdrawn"}
    assert curator.post(f"{press}/entries/state", json=wanted).status_code == 404
    assert curator.get(f"{press}/entries/{one}").json()["state"] == "active"
    assert not told(service, "entries.withdraw")


def test_entries_are_found_by_note_category_state_and_hash(curator, press):
    one = add(curator, note="Ticket 100%")["id"]
    two = add(curator, pdq=[NEAR], category="ncii.known_material")["id"]
    three = add(curator, pdq=[FAR], note="ticket_2", md5=[MD5])["id"]

    def ids(**query):
        found = curator.get(f"{press}/entries", params=query)
        assert found.status_code == 200, found.text
        return [entry["id"] for entry in found.json()["entries"]]

    assert ids() == [three, two, one]
    assert ids(note="ticket") == [three, one]
    assert ids(note="100%") == [one]
    assert ids(note="t_2") == [three]
    assert ids(category="ncii.known_material") == [two]
    assert ids(hash=NEAR) == [two, one]
    assert ids(hash=NEAR.upper(), distance=0) == [two]
    assert ids(hash=MD5) == [three]
    assert ids(hash=f"sha256:{PDQ}") == []
    curator.post(f"{press}/entries/state", json={"ids": [one], "state": "disabled"})
    assert ids(state="disabled") == [one]
    assert ids(state="active") == [three, two]
    assert curator.get(f"{press}/entries", params={"hash": "12"}).status_code == 422
    assert curator.get(f"{press}/entries", params={"after": "x"}).status_code == 422


@ONCE
def test_entries_are_listed_page_by_page(curator, press, service):
    ids = put(service.store, "press", *map(pdq_of, range(7)))
    seen, after = [], None
    while True:
        query = {"limit": 3} | ({"after": after} if after else {})
        page = curator.get(f"{press}/entries", params=query).json()
        seen += [entry["id"] for entry in page["entries"]]
        if (after := page["next"]) is None:
            break
    assert seen == ids[::-1]


def test_a_list_is_imported_once(curator, press, service):
    text = "\n".join([*map(pdq_of, range(50)), f"md5 {MD5}", f"{PDQ} a note"])
    sent = curator.post(f"{press}/import", content=text, params={"source": "shared.txt"})
    assert sent.json() == {"read": 52, "added": 52}
    again = curator.post(f"{press}/import", content=text)
    assert again.json() == {"read": 52, "added": 0}
    ((_, entry, _),) = service.replica.banks().near(PDQ)
    assert entry.note == "a note"
    (row,) = told(service, "entries.add")
    assert json.loads(row.body)["source"] == "shared.txt"


@ONCE
def test_a_list_that_is_wrong_in_one_line_adds_nothing(curator, press):
    text = "\n".join([PDQ, "no hash"])
    sent = curator.post(f"{press}/import", content=text)
    assert sent.status_code == 422
    assert sent.json()["errors"][0]["detail"].startswith("line 2: ")
    assert curator.get(press).json()["entries"]["active"] == 0


@ONCE
def test_a_bank_is_exported_as_the_command_line_reads_it_and_imported_with_its_states(
    curator, press, tmp_path
):
    one, two = add(curator, note="ticket")["id"], add(curator, pdq=[FAR])["id"]
    curator.post(f"{press}/entries/state", json={"ids": [two], "state": "withdrawn"})
    sent = curator.get(f"{press}/export")
    assert 'filename="press.bank"' in sent.headers["content-disposition"]
    path = tmp_path / "press.bank"
    path.write_bytes(sent.content)
    bank = load_bank(path)
    assert bank.name == "press"
    assert [(e.id, e.state, e.note) for e in bank.entries] == [
        (one, "active", "ticket"),
        (two, "withdrawn", ""),
    ]
    curator.post("/v1/banks", json={"name": "copy", "category": "ncii.known_material"})
    curator.post("/v1/banks/copy/import", content=sent.content)
    copied = curator.get("/v1/banks/copy/entries").json()["entries"]
    assert {(e["state"], e["category"]) for e in copied} == {
        ("active", "known.other"),
        ("withdrawn", "known.other"),
    }


@pytest.fixture
def caused(service, press, curator):
    """An entry that had two items removed, a third that a person kept, and one it did not."""
    put_in_force(service, ALLOWING)
    entry = add(curator)["id"]
    with service.store.write() as connection:
        ids = [accept(connection, number, now=NOW) for number in range(4)]
    met = match("press", entry)
    made = [
        decide(service.store, item, evidence(number, PDQ, *([met] if number < 3 else [])))
        for number, item in enumerate(ids)
    ]
    with service.store.write() as connection:
        before = decisions.get(connection, made[2])
        by_person = decisions.New(
            item=ids[2], origin="reviewer", author="user:1", decision=before.decision
        )
        decisions.record(connection, by_person, now=6)
    return entry, ids, made


def test_it_tells_which_decisions_an_entry_caused(curator, press, caused):
    entry, ids, made = caused
    page = curator.get(f"{press}/entries/{entry}/decisions", params={"limit": 2}).json()
    rest = curator.get(f"{press}/entries/{entry}/decisions", params={"after": page["next"]}).json()
    found = page["decisions"] + rest["decisions"]
    assert [each["decision"] for each in found] == sorted(made[:3])
    assert {each["item"]: each["in_force"] for each in found} == {
        ids[0]: True,
        ids[1]: True,
        ids[2]: False,
    }


def test_what_an_entry_caused_is_undone_but_for_what_a_person_decided(
    curator, press, caused, service
):
    entry, ids, _ = caused
    undo = f"{press}/entries/{entry}/undo"
    assert curator.post(undo, json={"reason": "a mistake"}).status_code == 409
    set_state(service.store, "press", [entry], "withdrawn")
    begun = curator.post(undo, json={"reason": "a mistake"})
    assert begun.status_code == 202
    undoing = Undoing(service.store, service.clock)
    assert undoing.step()
    assert not undoing.step()
    job = begun.json()["job"]
    assert curator.get(f"{press}/undo/{job}").json() == {"job": job, "state": "done", "error": None}
    with service.store.read() as connection:
        actions = [items.get(connection, item).action for item in ids]
        first = decisions.history(connection, ids[0])
        kept = decisions.history(connection, ids[2])
        undone = decisions.get(connection, first[0].id)
    assert actions == ["allow", "allow", "remove", "remove"]
    assert [each.action for each in first] == ["allow", "remove"]
    assert first[0].reason == "a mistake"
    assert first[0].author.startswith("key:")
    assert undone.evidence.matches == ()
    assert len(kept) == 2
    assert len(told(service, "entries.undo")) == 1
    assert sum(row.reason == "a mistake" for row in told(service, "decision.record")) == 2


def test_an_appeal_against_what_is_undone_is_over(curator, press, caused, service):
    entry, ids, _ = caused
    made = appeal(service, ids[0])
    set_state(service.store, "press", [entry], "withdrawn")
    curator.post(f"{press}/entries/{entry}/undo", json={"reason": "a mistake"})
    assert Undoing(service.store, service.clock).step()
    with service.store.read() as connection:
        assert appeals.get(connection, made.id).state == "reversed"
        assert cases.need(connection, made.case).state == "closed"


@ONCE
def test_an_undo_that_died_goes_on_and_does_nothing_twice(
    curator, press, caused, service, clock, monkeypatch
):
    entry, ids, _ = caused
    set_state(service.store, "press", [entry], "disabled")
    curator.post(f"{press}/entries/{entry}/undo", json={})
    undoing = Undoing(service.store, service.clock)
    reverse = undoing._reverse

    def dying(connection, job, each):
        if each.item == ids[1]:
            raise KeyboardInterrupt
        reverse(connection, job, each)

    monkeypatch.setattr(undoing, "_reverse", dying)
    with pytest.raises(KeyboardInterrupt):
        undoing.step()
    clock.pass_by(DAY)
    with service.store.write() as connection:
        jobs.requeue(connection, now=service.clock())
    clock.pass_by(DAY)
    assert Undoing(service.store, service.clock).step()
    with service.store.read() as connection:
        assert [items.get(connection, item).action for item in ids[:2]] == ["allow", "allow"]
        assert [len(decisions.history(connection, item)) for item in ids[:2]] == [2, 2]


@ONCE
def test_what_was_never_looked_at_on_account_of_the_match_is_judged_again(curator, press, service):
    put_in_force(service, SCORING)
    entry = add(curator)["id"]
    with service.store.write() as connection:
        item = accept(connection, now=NOW)
        jobs.finish(connection, *lease(connection), now=NOW)
    skipped = Skipped(
        detector="m", version="1", categories=("sexual.explicit",), because="it met an entry"
    )
    found = msgspec.structs.replace(evidence(1, PDQ, match("press", entry)), skipped=(skipped,))
    decide(service.store, item, found)
    set_state(service.store, "press", [entry], "withdrawn")
    curator.post(f"{press}/entries/{entry}/undo", json={"reason": "a mistake"})
    assert Undoing(service.store, service.clock).step()
    with service.store.write() as connection:
        (job,) = lease(connection)
        assert (job.kind, job.item) == (items.JUDGE, item)
        assert items.get(connection, item).action == "remove"


def lease(connection):
    return jobs.lease(connection, worker="w", kinds=(items.JUDGE,), seconds=9, now=NOW + 1)


@ONCE
def test_items_are_held_against_what_is_in_the_banks_now(curator, press, service, admin):
    put_in_force(service, BLOCKING)
    entry = curator.post(f"{press}/entries", files={"file": ("a.jpg", photo())}).json()["id"]
    judging = judge_of(service, banks=service.replica)
    with working(service, judging):
        met = send(admin, photo()).json()
        curator.post(f"{press}/entries/state", json={"ids": [entry], "state": "withdrawn"})
        after = send(admin, photo()).json()
    assert [each["entry"] for each in met["evidence"]["matches"]] == [entry]
    assert after["evidence"]["matches"] == []
    told = curator.get(f"{press}/entries/{entry}/decisions").json()["decisions"]
    assert [each["item"] for each in told] == [met["id"]]


@ONCE
def test_a_dry_run_tells_what_an_entry_would_have_met(curator, press, service, clock):
    with service.store.write() as connection:
        ids = [accept(connection, number, now=NOW - number * DAY) for number in range(4)]
    for number, item in enumerate(ids[:3]):
        decide(service.store, item, evidence(number, NEAR if number != 1 else FAR), action="allow")

    def run(**wanted):
        told = curator.post(f"{press}/dry-run", json=wanted)
        assert told.status_code == 200, told.text
        return told.json()

    week = run(pdq=[PDQ])
    assert (week["looked"], week["unknown"], week["whole"], week["met"]) == (3, 1, True, 2)
    assert [hit["item"] for hit in week["items"]] == [ids[0], ids[2]]
    assert week["items"][0] == {"item": ids[0], "action": "allow", "distance": 2, "second": 0.0}
    assert [hit["item"] for hit in run(pdq=[PDQ], days=1.5)["items"]] == [ids[0]]
    assert run(pdq=[PDQ], distance=1)["met"] == 0
    assert run(sha256=[f"{1:064x}"])["items"][0]["item"] == ids[1]
    assert run(md5=[f"{2:032x}"])["items"][0]["item"] == ids[2]
    entry = add(curator, pdq=[FAR])["id"]
    assert run(entry=entry)["items"][0]["item"] == ids[1]
    assert curator.post(f"{press}/dry-run", json={"entry": "999"}).status_code == 404
    assert curator.post(f"{press}/dry-run", json={}).status_code == 422
    assert len(list(service.replica.banks().near(PDQ))) == 0


@ONCE
def test_a_list_may_be_as_large_as_an_upload(service, app):
    client = Asking(app, headers=bearer(make_key(service, {"banks.read", "banks.write"})[1]))
    client.post("/v1/banks", json={"name": "press"})
    many = "\n".join(f"{pdq_of(number)} {'x' * 2000}" for number in range(600))
    assert len(many) > service.settings.body_bytes
    assert client.post("/v1/banks/press/import", content=many).json()["added"] == 600


@ONCE
def test_json_is_short_even_where_a_file_may_be_large(service, app, curator, press):
    large = b'{"pdq":[' + b'"a",' * LARGEST_JSON + b'"a"]}'
    kind = {"Content-Type": "application/json"}
    assert curator.post(f"{press}/entries", content=large, headers=kind).status_code == 413
    hma = Asking(app, headers=bearer(make_key(service, {"hma", "banks.write"})[1]))
    assert hma.post("/hma/c/bank/press/content", content=large, headers=kind).status_code == 413


@ONCE
def test_no_two_entries_of_any_bank_have_the_same_id(service):
    make_bank(service.store, "one")
    make_bank(service.store, "two")
    ids = [*put(service.store, "one", PDQ, FAR), *put(service.store, "two", PDQ, FAR)]
    assert len(set(ids)) == 4
    with service.store.read() as connection:
        assert {banks.find(connection, each).bank for each in ids} == {"one", "two"}


@ONCE
def test_who_searches_through_all_entries_of_a_bank_holds_up_nobody_else(service, curator, press):
    add(curator, note="ticket 77")
    slow, apart = service.slow.run, []
    service.slow.run = lambda work, *rest: apart.append(work) or slow(work, *rest)
    for filters in ({"note": "77"}, {"state": "active"}, {"category": "known.other"}):
        assert curator.get(f"{press}/entries", params=filters).status_code == 200
    assert len(apart) == 3
    found = curator.get(f"{press}/entries", params={"note": "77"}).json()["entries"]
    assert [entry["note"] for entry in found] == ["ticket 77"]
    apart.clear()
    for quick in ({}, {"hash": PDQ}):
        assert len(curator.get(f"{press}/entries", params=quick).json()["entries"]) == 1
    assert apart == []


@ONCE
def test_a_file_in_a_form_goes_to_the_data_folder_and_nowhere_else(
    service, curator, press, monkeypatch, tmp_path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    form = {"file": ("large.jpg", photo() + bytes(3_000_000)), "entry": (None, '{"note": "n"}')}
    made = curator.post(f"{press}/entries", files=form)
    assert (made.status_code, made.json()["note"]) == (201, "n")
    assert list((service.data / "hashing").iterdir()) == []


@ONCE
@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("file", ("a", b"x")), ("file", ("b", b"x"))], 400),
        ([(f"f{number}", (None, b"x")) for number in range(17)], 400),
        ([("entry", (None, b"\xff"))], 400),
        ([("entry", (None, b"x" * 70_000))], 413),
    ],
)
def test_a_form_has_one_file_and_few_short_texts(curator, press, files, status):
    answer = curator.post(f"{press}/entries", files=files)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_entry_may_begin_disabled_to_be_tried_out_before_it_matches(curator, press):
    new = {"pdq": [PDQ], "state": "disabled"}
    made = curator.post(f"{press}/entries", json=new).json()
    assert made["state"] == "disabled"
    met = curator.get(f"{press}/entries", params={"hash": PDQ}).json()["entries"]
    assert met == []
    change = {"ids": [made["id"]], "state": "active"}
    curator.post(f"{press}/entries/state", json=change)
    met = curator.get(f"{press}/entries", params={"hash": PDQ}).json()["entries"]
    assert [one["id"] for one in met] == [made["id"]]
    refused = curator.post(f"{press}/entries", json=new | {"state": "withdrawn"})
    assert refused.status_code == 422
