from tests.store.making import NOW
from tidegate.store import audit, auditsearch
from tidegate.store.auditsearch import Wanted, search
from tidegate.store.clock import HOUR, MINUTE


def append(store, *, actor="key:1", action="a.b", subject="s", now=NOW, count=1):
    with store.write() as connection:
        for _ in range(count):
            audit.append(connection, actor=actor, action=action, subject=subject, body={}, now=now)


def found(store, *, before=None, limit=50, **wanted):
    with store.read() as connection:
        return search(connection, Wanted(**wanted), before=before, limit=limit)


def numbers(store, **asked):
    return [row.seq for row in found(store, **asked).rows]


def test_each_field_narrows_and_all_together_do(store):
    append(store, actor="key:1", action="bank.create", subject="bank:a")
    append(store, actor="key:2", action="bank.change", subject="bank:a")
    append(store, actor="key:2", action="banker", subject="bank:b")
    assert numbers(store) == [3, 2, 1]
    assert numbers(store, actor="key:2") == [3, 2]
    assert numbers(store, action="bank") == [2, 1]
    assert numbers(store, action="bank.change") == [2]
    assert numbers(store, action="%") == []
    assert numbers(store, subject="bank:a") == [2, 1]
    assert numbers(store, subject="bank:a", actor="key:1", action="bank") == [1]


def test_a_time_is_found_whatever_the_number_of_rows(store):
    for hour in range(40):
        append(store, now=NOW + hour * HOUR)
    since, until = NOW + 10 * HOUR, NOW + 13 * HOUR
    assert numbers(store, since=since, until=until) == [13, 12, 11]
    assert numbers(store, since=NOW + 39 * HOUR) == [40]
    assert numbers(store, until=NOW + 1) == [1]
    assert numbers(store, since=NOW + 40 * HOUR) == []
    assert numbers(store, until=NOW) == []


def test_rows_that_were_committed_out_of_their_order_are_found(store):
    append(store, now=NOW + 5 * MINUTE)
    append(store, now=NOW)
    append(store, now=NOW + 6 * MINUTE)
    assert numbers(store, since=NOW, until=NOW + MINUTE) == [2]


def test_pages_follow_one_another_without_a_gap(store):
    append(store, count=7)
    seen, before = [], None
    while True:
        page = found(store, before=before, limit=3)
        seen += [row.seq for row in page.rows]
        if page.cursor is None:
            break
        before = page.cursor
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_what_is_rare_is_looked_for_in_windows_and_nothing_is_left_out(store, monkeypatch):
    monkeypatch.setattr(auditsearch, "WINDOW", 10)
    append(store, actor="key:rare")
    append(store, count=25)
    seen, before, looked = [], None, 0
    for _ in range(3):
        page = found(store, actor="key:rare", before=before)
        seen += [row.seq for row in page.rows]
        looked += page.looked
        before = page.cursor
    assert seen == [1]
    assert looked == 26
    assert before is None


def test_a_subject_is_found_at_once_however_far_back(store, monkeypatch):
    monkeypatch.setattr(auditsearch, "WINDOW", 10)
    append(store, subject="bank:a")
    append(store, count=25)
    assert numbers(store, subject="bank:a") == [1]


def test_an_empty_chain_has_nothing(store):
    page = found(store, since=NOW, until=NOW + HOUR)
    assert (page.rows, page.cursor, page.looked) == ([], None, 0)
