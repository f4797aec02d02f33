"""The pages of the audit record: rows are found, and the chain is verified apart."""

import msgspec
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.review.filling import fill, follow
from tests.review.looking import axe, fits, shots, visitor
from tests.service.asking import ONCE, browser, make_user
from tests.service.banking import make_bank
from tidegate.store import audit, checkpoint
from tidegate.store.audit import Row
from tidegate.store.tables import audit as table
from tidegate.store.verify import verify

pytestmark = ONCE


@pytest.fixture
def lead(app, service):
    make_user(service, "lena", "lead")
    return browser(app, "lena")


def append(service, count=1, *, actor="key:1", action="a.b", subject="s", now=None):
    with service.store.write() as connection:
        for _ in range(count):
            audit.append(
                connection,
                actor=actor,
                action=action,
                subject=subject,
                body={},
                now=now or service.clock(),
            )


def listed(client, **asked):
    """Return the numbers of the rows that a search shows."""
    text = client.get("/console/audit", params=asked).text
    rows = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [int(one.partition('"')[0]) for one in rows.split('href="/console/audit/')[1:]]


def test_the_record_is_searched_verified_and_signed(service, base, chromium):
    make_user(service, "lena", "lead")
    make_bank(service.store)
    with visitor(chromium, base, "lena") as page:
        page.goto("/console/audit")
        page.get_by_label("To what").fill("bank:press")
        page.get_by_role("button", name="Search").click()
        assert page.locator("td.main").all_inner_texts() == ["bank.create"]
        page.locator("td.number").get_by_role("link").click()
        assert "fits" in page.get_by_role("main").inner_text()
        page.get_by_text("The whole row").click()
        shots(page, "audit-row")
        page.goto("/console/audit")
        page.get_by_role("button", name="Verify it").click()
        service.chain.join()
        page.reload()
        assert "up to row" in page.locator("#chain").inner_text()
        axe(page)
        fits(page)
        shots(page, "audit-list")
        with page.expect_download() as found:
            page.get_by_role("button", name="Download a checkpoint").click()
        made = found.value.path().read_bytes()
    key = load_pem_public_key(service.chain.public_key())
    signed = checkpoint.read(made, key)
    with service.store.read() as connection:
        assert verify(connection, checkpoints=[signed]).problem is None


def test_rows_are_found_by_who_what_to_what_and_when(lead, service):
    append(service, actor="key:1", action="bank.create", subject="bank:a")
    append(service, actor="key:2", action="bank.change", subject="bank:a")
    append(service, actor="key:2", action="banking", subject="bank:b")
    with service.store.read() as connection:
        third, second, first = [row.seq for row in audit.newest(connection, limit=3)]
    assert listed(lead, actor="key:2") == [third, second]
    assert listed(lead, action="bank") == [second, first]
    assert listed(lead, action="bank.create") == [first]
    assert listed(lead, subject="bank:a") == [second, first]
    assert listed(lead, subject="bank:a", actor="key:1") == [first]
    assert third in listed(lead, since="2027-01-15", until="2027-01-15")
    assert listed(lead, since="2027-01-16") == []
    assert listed(lead, until="2027-01-14") == []
    names = lead.get("/console/audit", params={"actor": "lena"}).text
    assert "login" in names
    assert lead.get("/console/audit", params={"actor": "nobody here"}).status_code == 422
    assert lead.get("/console/audit", params={"since": "monday"}).status_code == 422


def test_rows_are_listed_page_by_page(lead, service):
    append(service, 60)
    first = listed(lead)
    assert len(first) == 50
    assert listed(lead, after=first[-1])[0] == first[-1] - 1


def test_a_row_is_given_as_it_is_exported(lead, service):
    append(service, subject="bank:a")
    (seq,) = listed(lead, subject="bank:a")
    row = msgspec.json.decode(lead.get(f"/console/audit/{seq}/json").content, type=Row)
    assert audit.digest(row) == row.hash
    assert lead.get("/console/audit/999").status_code == 404


def test_a_row_that_was_altered_is_told_and_nothing_is_signed(lead, service):
    append(service, 3, subject="bank:a")
    seq = listed(lead, subject="bank:a")[1]
    with service.store.write() as connection:
        for name in ("audit_no_update", "audit_no_delete"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute(sa.update(table).where(table.c.seq == seq).values(reason="another"))
    assert "does not fit" in lead.get(f"/console/audit/{seq}").text
    follow(lead, fill(lead, "/console/audit/verify"))
    service.chain.join()
    shown = lead.get("/console/audit").text
    assert f"row {seq} was altered" in shown
    assert "Download a checkpoint" not in shown
    assert fill(lead, "/console/audit/checkpoint").status_code == 409


def test_who_may_not_read_the_record_is_shown_none_of_it(app, service):
    make_user(service, "cem", "curator")
    curator = browser(app, "cem")
    for path in ("", "/1", "/1/json", "/key"):
        assert curator.get(f"/console/audit{path}").status_code == 403
    assert fill(curator, "/console/audit/verify").status_code == 403
    assert "/console/audit" not in curator.get("/console/banks").text
