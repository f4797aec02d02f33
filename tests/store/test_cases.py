import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.store.making import NOW, accept
from tidegate.store import audit, caselists, cases, claims, users
from tidegate.store.caselists import Filter
from tidegate.store.cases import New
from tidegate.store.clock import SECOND
from tidegate.store.error import ConflictError, InvalidError, MissingError

REVIEW = ["review"]


def open_case(connection, rank=0.0, *, queues=None, kind="review", now=NOW, **rest):
    item = rest.pop("item", None) or accept(connection)
    new = New(kind=kind, item=item, queues=queues or {"review": rank}, **rest)
    return cases.open_case(connection, new, actor="system", now=now)


def many(connection, *ranks):
    return [open_case(connection, rank).id for rank in ranks]


def ended(connection, case):
    return cases.close(connection, case, actor="system", reason="over", now=NOW)


def test_a_case_is_as_it_was_opened(store):
    with store.write() as connection:
        case = open_case(
            connection,
            queues={"low": 1.0, "high": 2.0},
            category="violence.gore",
            confidence=0.7,
            severity=8.0,
            reach=5,
            pdq="5a" * 32,
            due_at=NOW + 5,
        )
        assert cases.get(connection, case.id) == case
        assert case.queues == ("high", "low")
        assert (case.state, case.copies, case.version, case.holder(NOW)) == ("open", 1, 1, None)
        assert cases.of_item(connection, case.item) == case
        assert [one.item for one in cases.copies(connection, case.id, limit=9)] == [case.item]
        with pytest.raises(MissingError):
            cases.need(connection, "none")
        with pytest.raises(InvalidError):
            cases.open_case(
                connection, New(kind="review", item=case.item, queues={}), actor="a", now=NOW
            )


def test_a_page_has_the_best_first_and_each_case_once(store):
    with store.write() as connection:
        low, high, middle = many(connection, 1.0, 3.0, 2.0)
        both = open_case(connection, queues={"review": 0.5, "weapons": 2.5}).id
        elsewhere = open_case(connection, queues={"other": 9.0}).id
        order = [high, both, middle, low]
        seen, after = [], None
        while True:
            page = caselists.page(connection, ["review", "weapons"], limit=1, after=after)
            seen += [case.id for case in page.cases]
            after = page.cursor
            if after is None:
                break
        assert seen == order
        whole = caselists.page(connection, ["weapons", "review"], limit=99)
        assert [case.id for case in whole.cases] == order
        assert elsewhere not in seen
        ended(connection, high)
        assert caselists.page(connection, REVIEW, limit=1).cases[0].id == middle
        assert caselists.page(connection, [], limit=5) == ([], None)


def test_cases_of_one_rank_are_all_on_some_page(store):
    with store.write() as connection:
        made = sorted(many(connection, *[1.0] * 5))
        first = caselists.page(connection, REVIEW, limit=2)
        second = caselists.page(connection, REVIEW, limit=9, after=first.cursor)
        assert [case.id for case in first.cases + second.cases] == made


@pytest.mark.parametrize("cursor", ["x", "MS4w", "é", "bm9uZSBub25l" * 40, "aW5mIHg", "bmFuIHg"])
def test_a_cursor_that_is_none_is_refused(store, cursor):
    with store.read() as connection:
        with pytest.raises(InvalidError):
            caselists.page(connection, REVIEW, limit=1, after=cursor)
        with pytest.raises(InvalidError):
            caselists.search(connection, REVIEW, Filter(), limit=1, after=cursor)


@pytest.mark.parametrize("few", [0, caselists.FEW])
def test_a_page_of_a_category_is_in_the_order_of_the_queues(store, monkeypatch, few):
    monkeypatch.setattr(caselists, "FEW", few)
    with store.write() as connection:
        low = open_case(connection, 1.0, category="violence.gore").id
        open_case(connection, 5.0, category="regulated.drugs")
        both = open_case(
            connection, queues={"review": 0.5, "weapons": 2.5}, category="violence.gore"
        ).id
        over = open_case(connection, 9.0, category="violence.gore").id
        ended(connection, over)
        queues = ["review", "weapons"]
        first = caselists.page(connection, queues, limit=1, category="violence.gore")
        rest = caselists.page(
            connection, queues, limit=9, category="violence.gore", after=first.cursor
        )
        assert [case.id for case in (*first.cases, *rest.cases)] == [both, low]


def test_a_search_is_newest_first_and_within_the_queues(store):
    with store.write() as connection:
        old, new = many(connection, 2.0, 1.0)
        gore = open_case(connection, category="violence.gore", queues={"other": 1.0})
        ended(connection, old)
        everywhere = ["review", "other"]

        def found(queues=everywhere, **which):
            page = caselists.search(connection, queues, Filter(**which), limit=9)
            return [case.id for case in page.cases]

        assert found() == [gore.id, new, old]
        assert found(REVIEW) == [new, old]
        assert found(state="closed") == [old]
        assert found(category="violence.gore") == [gore.id]
        assert found(item=gore.item) == [gore.id]
        assert found(kinds=("appeal",)) == []
        first = caselists.search(connection, everywhere, Filter(), limit=2)
        rest = caselists.search(connection, everywhere, Filter(), limit=2, after=first.cursor)
        assert [case.id for case in rest.cases] == [old]
        assert rest.cursor is None


def test_depths_say_what_waits(store):
    with store.write() as connection:
        open_case(connection, now=NOW - 50)
        late = open_case(connection, 9.0, due_at=NOW - 1)
        open_case(connection, due_at=NOW + 99)
        ended(connection, open_case(connection, now=NOW - 99).id)
        claims.claim(connection, late.id, "user:1", now=NOW)
        review, other = caselists.depths(connection, ["review", "other"], now=NOW)
        assert (review.open, review.claimed, review.overdue) == (3, 1, 1)
        assert review.oldest == NOW - 50
        assert (other.open, other.oldest) == (0, None)
        (later,) = caselists.depths(connection, REVIEW, now=NOW + 121 * SECOND)
        assert later.claimed == 0


def test_the_next_case_is_the_best_that_is_free(store):
    with store.write() as connection:
        low, high, middle = many(connection, 1.0, 3.0, 2.0)

        def following(actor, now=NOW):
            case = claims.next_for(connection, REVIEW, actor, now=now)
            return case and case.id

        assert following("user:1") == high
        assert following("user:2") == middle
        assert following("user:1") == low
        assert following("user:2") is None
        # Who does not renew loses it.
        assert following("user:2", NOW + 121 * SECOND) == high
        case = cases.need(connection, high)
        assert (case.claimed_by, case.claimed_at) == ("user:2", NOW + 121 * SECOND)


def test_the_best_of_several_queues_comes_first(store):
    with store.write() as connection:
        open_case(connection, 1.0)
        best = open_case(connection, queues={"weapons": 2.0})
        found = claims.next_for(connection, ["review", "weapons"], "user:1", now=NOW)
        assert found.id == best.id
        assert claims.next_for(connection, [], "user:1", now=NOW) is None


def test_a_claim_names_who_has_it_and_lives_while_it_is_renewed(store):
    with store.write() as connection:
        ada = users.add(
            connection, name="Ada", role="reviewer", password="x", actor="system", now=NOW
        )
        case = open_case(connection).id
        mine = claims.claim(connection, case, f"user:{ada.id}", now=NOW)
        assert mine.claimed_until == NOW + 120 * SECOND
        with pytest.raises(ConflictError, match="Ada has this case until"):
            claims.claim(connection, case, "user:2", now=NOW)
        later = NOW + 100 * SECOND
        kept = claims.renew(connection, case, f"user:{ada.id}", now=later)
        assert kept.claimed_until == later + 120 * SECOND
        # Since when they have it is as before, and so is the version that they have seen.
        assert (kept.claimed_at, kept.version) == (NOW, 1)
        with pytest.raises(ConflictError, match="you have not claimed"):
            claims.renew(connection, case, "user:2", now=later + 121 * SECOND)
        # Nobody has taken it: it goes on.
        claims.renew(connection, case, f"user:{ada.id}", now=later + 121 * SECOND)


def test_a_case_that_somebody_else_has_taken_is_lost(store):
    with store.write() as connection:
        case = open_case(connection).id
        claims.claim(connection, case, "user:1", now=NOW)
        later = NOW + 121 * SECOND
        claims.claim(connection, case, "user:2", now=later)
        with pytest.raises(ConflictError, match="user:2 has this case"):
            claims.renew(connection, case, "user:1", now=later)
        # Giving it back takes it from nobody.
        assert claims.release(connection, case, "user:1", now=later).holder(later) == "user:2"
        assert claims.release(connection, case, "user:2", now=later).holder(later) is None


def test_what_is_skipped_goes_to_others(store):
    with store.write() as connection:
        case = open_case(connection).id
        claims.claim(connection, case, "user:1", now=NOW)
        claims.skip(connection, case, "user:1", now=NOW)
        assert claims.barred(connection, case) == {"user:1": "skipped"}
        assert claims.next_for(connection, REVIEW, "user:1", now=NOW) is None
        assert claims.next_for(connection, REVIEW, "user:2", now=NOW).id == case
        # By hand it still opens.
        claims.release(connection, case, "user:2", now=NOW)
        assert claims.claim(connection, case, "user:1", now=NOW).claimed_by == "user:1"


def test_who_has_answered_before_does_not_get_it_at_all(store):
    with store.write() as connection:
        case = open_case(connection, kind="second").id
        claims.bar(connection, case, "user:1", now=NOW)
        assert claims.next_for(connection, REVIEW, "user:1", now=NOW) is None
        with pytest.raises(ConflictError, match="another person"):
            claims.claim(connection, case, "user:1", now=NOW)


def test_what_is_escalated_stands_in_one_queue(store):
    with store.write() as connection:
        case = open_case(connection, queues={"review": 1.0, "weapons": 2.0}).id
        claims.claim(connection, case, "user:1", now=NOW)
        with pytest.raises(ConflictError):
            claims.escalate(connection, case, actor="user:2", reason="", now=NOW)
        passed = claims.escalate(connection, case, actor="user:1", reason="a coat of arms", now=NOW)
        assert (passed.queues, passed.escalated_by) == (("escalated",), "user:1")
        assert (passed.version, passed.holder(NOW)) == (2, None)
        assert cases.ranks(connection, case) == {"escalated": 2.0}
        assert claims.next_for(connection, ["review", "weapons"], "user:2", now=NOW) is None
        with pytest.raises(ConflictError, match="escalated it before"):
            claims.escalate(connection, case, actor="user:2", reason="", now=NOW)
        # Judged again, it stays there.
        again = cases.judged_again(
            connection,
            passed,
            category="",
            confidence=0.5,
            severity=1.0,
            queues={"review": 7.0},
            now=NOW,
        )
        assert again.queues == ("escalated",)


def test_an_ended_case_is_nobodys_and_says_how_it_ended(store):
    with store.write() as connection:
        case = open_case(connection, pdq="5a" * 32).id
        claims.claim(connection, case, "user:1", now=NOW)
        closed = cases.close(connection, case, actor="system", reason="the media is gone", now=NOW)
        assert (closed.state, closed.ended_at, closed.claimed_by) == ("closed", NOW, None)
        assert cases.of_item(connection, closed.item) is None
    with store.write() as connection:
        for refused in (claims.claim, claims.renew, claims.skip):
            with pytest.raises(ConflictError, match=r"system has closed .*: the media is gone"):
                refused(connection, case, "user:1", now=NOW)
        with pytest.raises(ConflictError, match="closed"):
            ended(connection, case)
        again = cases.reopen(connection, case, actor="user:2", reason="", now=NOW)
        assert (again.state, again.ended_at, again.version) == ("open", None, 3)
        assert claims.next_for(connection, REVIEW, "user:1", now=NOW).id == case
        with pytest.raises(ConflictError, match="is open"):
            cases.reopen(connection, case, actor="user:2", reason="", now=NOW)


def test_every_change_is_in_the_audit_chain(store):
    with store.write() as connection:
        case = open_case(connection).id
        claims.claim(connection, case, "user:1", now=NOW)
        claims.renew(connection, case, "user:1", now=NOW)
        claims.skip(connection, case, "user:1", now=NOW)
        claims.escalate(connection, case, actor="user:2", reason="hm", now=NOW)
        ended(connection, case)
    with store.read() as connection:
        rows = audit.newest(connection, subject=f"case:{case}", limit=9)
    assert [row.action for row in reversed(rows)] == [
        "case.open",
        "case.claim",
        "case.skip",
        "case.escalate",
        "case.close",
    ]


def test_eight_at_once_never_get_the_same_case(store):
    with store.write() as connection:
        made = many(connection, *map(float, range(20)))
    start = threading.Barrier(8)

    def work(actor):
        mine = []
        start.wait()
        while True:
            with store.write(durable=False) as connection:
                case = claims.next_for(connection, REVIEW, actor, now=NOW)
            if case is None:
                return mine
            mine.append(case.id)

    with ThreadPoolExecutor(8) as threads:
        given = [
            case for mine in threads.map(work, map("user:{}".format, range(8))) for case in mine
        ]
    assert sorted(given) == sorted(made)
