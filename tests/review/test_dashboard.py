"""The dashboard and the pages of quality: what leads see, and what nobody sees."""

import csv
import io
import itertools

import pytest

from tests.review.looking import axe, csrf_of, fits, heading, shots, visitor
from tests.service.asking import ONCE, browser, make_user
from tests.service.casing import POLICY, answer, need, other_picture, send
from tests.service.working import put_in_force
from tests.store.making import NOW
from tidegate.review import plots
from tidegate.review.sheets import Cell, Column, Sheet, about, harmless, lasted, written
from tidegate.service import casework
from tidegate.store import golden, items, quality, queues
from tidegate.store.caselists import Depth
from tidegate.store.clock import DAY, HOUR, MINUTE, SECOND
from tidegate.store.quality import Seen
from tidegate.store.queues import REVIEW

DASHBOARD = "/console/dashboard"


@pytest.fixture
def worked(service, clock):
    """A service in which a lead and two reviewers have worked for some days."""
    put_in_force(service, POLICY)
    people = [
        f"user:{make_user(service, name, role).id}"
        for name, role in (("ada", "lead"), ("=ben()", "reviewer"), ("cyd", "reviewer"))
    ]
    with service.store.write() as connection:
        change = {"version": 0, "actor": people[0], "now": NOW}
        queues.change(connection, REVIEW, second_share=1.0, golden_share=0.0, **change)
        for number in range(12):
            now = NOW + number * 5 * HOUR
            case = send(
                connection,
                pdq=other_picture(5000 + number),
                now=now,
                category="violence.weapon" if number % 3 else "sexual.explicit",
            )
            for hours in range(5):
                quality.look(connection, now=now + hours * HOUR)
            if number > 9:
                continue
            said = answer("remove", "thresholds.sexual.explicit")
            version = need(connection, case).version
            casework.decide(
                connection, case.id, said, actor=people[1], version=version, now=now + 2 * HOUR
            )
            second = casework.next_case(connection, [REVIEW], actor=people[2], now=now + 3 * HOUR)
            said = answer("allow" if number == 3 else "remove")
            casework.decide(
                connection,
                second.id,
                said,
                actor=people[2],
                version=second.version,
                now=now + 3 * HOUR,
            )
    clock.pass_by(3 * DAY)
    return service


@pytest.fixture
def lead(app, worked):
    return browser(app, "ada")


def table(answered):
    assert answered.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answered.text)))


@ONCE
def test_a_lead_sees_what_waits_and_what_was_decided(lead):
    page = lead.get(DASHBOARD)
    assert heading(page) == "Dashboard"
    for said in ("Open cases by queue", "Decisions by day", "90 % (60 % to 98 %), n = 10"):
        assert said in page.text
    assert page.text.count("<svg") >= 2
    rows = {row["queue"]: row for row in table(lead.get(f"{DASHBOARD}/queues.csv"))}
    assert (rows["review"]["open"], rows["disagreements"]["open"]) == ("2", "1")


@ONCE
def test_each_table_comes_as_a_file_of_the_time_that_was_asked_for(lead, app, clock):
    answered = lead.get(f"{DASHBOARD}/times.csv?days=7")
    assert 'filename="tidegate-times-7-days.csv"' in answered.headers["content-disposition"]
    (row,) = [row for row in table(answered) if row["queue"] == "review"]
    # Second answers are no decisions.
    assert row["n"] == "10"
    assert float(row["median_seconds"]) == pytest.approx(7200, rel=0.05)
    assert float(row["p90_seconds"]) == pytest.approx(7200, rel=0.05)
    (every, *_) = table(lead.get(f"{DASHBOARD}/agreement.csv"))
    assert (every["hits"], every["n"], every["kappa"]) == ("9", "10", "")
    assert every["kappa_missing"] == "too few"
    assert lead.get(f"{DASHBOARD}/nothing.csv").status_code == 404
    clock.pass_by(10 * DAY)
    lead = browser(app, "ada")
    assert table(lead.get(f"{DASHBOARD}/decisions.csv?days=7")) == []
    assert table(lead.get(f"{DASHBOARD}/decisions.csv?days=30")) != []


@ONCE
def test_a_name_that_is_a_formula_is_text_in_a_spreadsheet(lead):
    rows = table(lead.get(f"{DASHBOARD}/decisions.csv"))
    assert {row["reviewer"] for row in rows} == {"'=ben()"}
    assert sum(int(row["n"]) for row in rows) == 10


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_of_a_file_is_a_formula(text):
    sheet = Sheet("s", "S", "", "", (Column("A", ("a",)),), ((Cell(text, (text,)),),))
    rows = list(csv.reader(io.StringIO(written(sheet), newline="")))
    assert rows[1] == [f"'{text}"]
    assert harmless(-0.5) == -0.5


@ONCE
def test_second_answers_count_nobody_as_deciding(lead):
    """Who was asked blind has decided nothing: that others were is not told by the counts."""
    assert "cyd" not in lead.get(f"{DASHBOARD}/decisions.csv").text


@ONCE
@pytest.mark.parametrize("role", ["viewer", "reviewer", "curator"])
def test_it_is_for_leads_and_admins(app, service, role):
    make_user(service, "eve", role)
    eve = browser(app, "eve")
    for path in ("", "/queues.csv", "/queues", "/golden", "/golden/:new?item=x"):
        assert eve.get(DASHBOARD + path).status_code == 403
    form = {"csrf": csrf_of(eve), "queue": REVIEW, "version": "0", "role": "reviewer"}
    assert eve.post(f"{DASHBOARD}/queues", data=form).status_code == 403


@ONCE
def test_an_empty_service_has_a_dashboard(app, service):
    make_user(service)
    page = browser(app).get(f"{DASHBOARD}?days=90")
    assert page.status_code == 200
    assert "unmeasured, n = 0" in page.text
    assert "Nothing was decided in this time." in page.text


@ONCE
def test_a_time_that_is_not_offered_is_the_usual_one(lead):
    for days in ("0", "-1", "100000", "x"):
        assert "decisions in 30 days" in lead.get(f"{DASHBOARD}?days={days}").text


@ONCE
def test_a_queue_is_changed(lead, worked):
    form = {
        "csrf": csrf_of(lead),
        "queue": "escalated",
        "version": "0",
        "role": "admin",
        "second_share": "12.5",
        "golden_share": "5",
        "benign_share": "0",
        "reason": "trial",
    }
    done = lead.post(f"{DASHBOARD}/queues", data=form)
    assert (done.status_code, done.headers["location"]) == (303, f"{DASHBOARD}/queues")
    with worked.store.read() as connection:
        kept = queues.settings(connection, "escalated")
    assert (kept.role, kept.second_share, kept.golden_share) == ("admin", 0.125, 0.05)
    # Somebody who still has the old page.
    assert lead.post(f"{DASHBOARD}/queues", data=form).status_code == 409


@ONCE
def test_a_share_that_is_none_is_told_beside_what_was_filled_in(app, service):
    make_user(service)
    admin = browser(app)
    form = {"csrf": csrf_of(admin), "queue": REVIEW, "role": "reviewer", "golden_share": "7"}
    for share in ("101", "-1", "a", "nan", "1e400"):
        page = admin.post(f"{DASHBOARD}/queues", data=form | {"second_share": share})
        assert page.status_code == 422
        assert "is a number from 0 to 100" in page.text
        assert 'value="7"' in page.text


@pytest.fixture
def decided(worked):
    """An item that was decided."""
    with worked.store.read() as connection:
        return items.page(connection, items.Filter(action="remove"), limit=1).items[0]


@ONCE
def test_a_golden_case_is_made_shown_and_retired(lead, worked, decided):
    form = f"{DASHBOARD}/golden/:new?item={decided.id}"
    assert f'href="{form}"' in lead.get(f"/console/items/{decided.id}").text
    page = lead.get(form)
    assert heading(page) == "Make a golden case"
    form = {
        "csrf": csrf_of(lead),
        "item": decided.id,
        "queue": REVIEW,
        "category": "violence.weapon",
        "action": "restrict",
        "note": "a toy",
    }
    assert lead.post(f"{DASHBOARD}/golden", data=form | {"action": "hold"}).status_code == 422
    assert lead.post(f"{DASHBOARD}/golden", data=form | {"category": "x"}).status_code == 422
    assert lead.post(f"{DASHBOARD}/golden", data=form | {"queue": ""}).status_code == 422
    assert lead.post(f"{DASHBOARD}/golden", data=form).status_code == 303
    with worked.store.read() as connection:
        (made,) = golden.page(connection, limit=10)
    assert (made.action, made.note, made.item) == ("restrict", "a toy", decided.id)
    shown = lead.get(f"{DASHBOARD}/golden/{made.id}")
    assert "a toy" in shown.text
    assert made.id in lead.get(f"{DASHBOARD}/golden").text
    retire = f"{DASHBOARD}/golden/{made.id}/retire"
    form = {"csrf": csrf_of(lead), "reason": "old"}
    assert lead.post(retire, data=form).status_code == 303
    assert "retired" in lead.get(f"{DASHBOARD}/golden/{made.id}").text
    assert lead.post(retire, data=form).status_code == 409
    assert lead.get(f"{DASHBOARD}/golden/none").status_code == 404
    assert lead.get(f"{DASHBOARD}/golden/:new?item=none").status_code == 404


@ONCE
def test_the_pages_are_good_to_read_for_everybody(base, chromium, worked, decided, lead):
    with worked.store.write() as connection:
        new = golden.New(
            item=decided.id,
            queue=REVIEW,
            category="violence.weapon",
            action="remove",
            note="A toy that cannot be told from the real thing.",
        )
        made = golden.make(connection, new, actor="user:x", now=NOW)
    pages = {
        "dashboard": "?days=7",
        "dashboard-queues": "/queues",
        "dashboard-golden": "/golden",
        "dashboard-golden-show": f"/golden/{made.id}",
        "dashboard-golden-new": f"/golden/:new?item={decided.id}",
    }
    with visitor(chromium, base, "ada") as page:
        for name, path in pages.items():
            page.goto(DASHBOARD + path)
            for summary in page.locator("details > summary").all():
                if summary.is_visible():
                    summary.click()
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                axe(page)
            fits(page)
            page.reload()
            shots(page, name)


def test_a_gap_in_what_was_seen_is_a_gap_in_the_line():
    seen = [Seen(hour, "a", 5, 0, None) for hour in (0, 1, 2, 9, 10)]
    waiting = [Depth(queue="a", open=7, claimed=0, oldest=None, overdue=0)]
    made = plots.depths(seen, waiting, since=0, now=11 * HOUR, every=1)
    (line,) = made.lines
    assert line.path.count("M") == 2
    assert "a 7" in made.about


def test_many_queues_are_a_few_lines_with_labels_apart():
    seen = [Seen(hour, f"q{n}", n, 0, None) for hour in range(5) for n in range(1, 10)]
    waiting = [
        Depth(queue=f"q{n}", open=n, claimed=0, oldest=None, overdue=0) for n in range(1, 10)
    ]
    made = plots.depths(seen, waiting, since=0, now=5 * HOUR, every=1)
    assert [line.name for line in made.lines] == ["q9", "q8", "q7", "q6", "q5", plots.OTHERS]
    labels = sorted(line.label for line in made.lines)
    assert all(b - a >= 14.9 for a, b in itertools.pairwise(labels))
    assert labels[0] >= 0
    assert labels[-1] <= plots.HEIGHT


def test_what_is_known_to_a_few_per_cent_is_told_in_two_digits():
    told = [about(n * SECOND) for n in (0, 7, 59.9, 3595, 7150, 86_000, 110_000, 2_000_000)]
    assert told == ["0 s", "7 s", "1 min", "1 h", "2 h", "1 d", "1.3 d", "23 d"]


def test_lengths_of_time_are_told_in_two_units():
    told = [lasted(n) for n in (None, 0, 59 * SECOND, 90 * SECOND, 2 * HOUR, 26 * HOUR + MINUTE)]
    assert told == ["–", "0 s", "59 s", "1 min 30 s", "2 h", "1 d 2 h"]
