"""What somebody has seen, and how much they want to: theirs alone, and held by the server."""

import re
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

import tidegate
from tests.review.looking import csrf_of
from tests.review.scenes import jpeg, judged, people, reviewed
from tests.service.asking import ONCE, browser
from tidegate.store import exposure, preferences, users
from tidegate.store.clock import DAY, MINUTE, SECOND
from tidegate.store.preferences import Preferences, Veil
from tidegate.store.tables import audit

PAGE = "/console/wellness"


@pytest.fixture
def staff(service):
    people(service)


@pytest.fixture
def case(service, admin, reader, staff, tmp_path):
    return reviewed(service, admin, reader, tmp_path)


@pytest.fixture
def ada(app, staff):
    return browser(app, "ada")


def id_of(service, name="ada"):
    with service.store.read() as connection:
        return users.by_name(connection, name)[0].id


def want(service, name="ada", **values):
    with service.store.write() as connection:
        preferences.put(
            connection, id_of(service, name), Preferences(**values), now=service.clock()
        )


def book(service, seconds, *, category="violence.gore", name="ada"):
    with service.store.write() as connection:
        user, now = id_of(service, name), service.clock()
        return exposure.book(connection, user, category, seconds * SECOND, now=now)


def seen(service, name="ada"):
    with service.store.read() as connection:
        return exposure.today(connection, id_of(service, name), now=service.clock()) // SECOND


def tell(client, case, seconds):
    body = {"csrf": csrf_of(client), "seconds": str(seconds)}
    return client.post(f"/console/cases/{case.id}/seen", data=body)


def filled(client, **values):
    whole = {"blur": "strong", "grey": "1", "size": "medium", "keys": "1"}
    return client.post(PAGE, data={"csrf": csrf_of(client), **whole, **values})


def test_no_more_is_believed_than_has_passed(service, staff, clock):
    assert book(service, 25) == 25 * SECOND
    clock.pass_by(4 * SECOND)
    assert book(service, 25) == 4 * SECOND
    # In another window, of another category: the same seconds.
    assert book(service, 25, category="sexual.nudity") == 0
    clock.pass_by(3600 * SECOND)
    assert book(service, 3600) == exposure.MOST_AT_ONCE
    assert seen(service) == 25 + 4 + 30


@ONCE
def test_a_day_ends_at_midnight(service, staff, clock):
    book(service, 25)
    clock.pass_by(DAY)
    assert seen(service) == 0
    book(service, 7)
    with service.store.read() as connection:
        told = exposure.ledger(connection, id_of(service), since=0)
    assert [each.micros // SECOND for each in told] == [7, 25]


def test_what_was_seen_is_told_to_nobody_else(service, app, ada, case):
    with service.store.read() as connection:
        before = connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar()
    assert tell(ada, case, 12).json() == {"seconds": 12, "soft": False, "capped": False}
    want(service, hard=17)
    with service.store.read() as connection:
        after = connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar()
    assert after == before
    assert "12 s" in ada.get(PAGE).text
    assert "Alcohol" in ada.get(PAGE).text
    boss = browser(app, "max")
    assert "Nothing in the last" in boss.get(PAGE).text
    for path in app.openapi()["paths"]:
        assert "wellness" not in path
        assert "exposure" not in path
        assert "preferences" not in path
    for file in ("/console/dashboard", "/console/users", "/console/audit"):
        assert "12 s" not in boss.get(file).text


def test_nothing_but_the_page_of_a_person_reads_the_ledger():
    """Whoever reads it is named here: another reader is another decision."""
    root = Path(tidegate.__file__).parent
    sources = {str(file.relative_to(root)): file.read_text() for file in root.rglob("*.py")}
    assert {name for name, text in sources.items() if "exposure.ledger(" in text} == {
        "review/wellness.py"
    }
    assert {name for name, text in sources.items() if "exposure.today(" in text} == {
        "review/around.py",  # What whoever works is told of themselves.
        "review/wellness.py",
        "store/preferences.py",  # Whether their limit is reached.
    }
    table = re.compile(r"from tidegate.store.casetables import (\([^)]*\)|.*)")
    of = {name: table.findall(text) for name, text in sources.items()}
    assert {name for name, found in of.items() if any("exposure" in one for one in found)} == {
        "store/exposure.py"
    }


@ONCE
def test_at_the_hard_limit_the_server_gives_blotches_alone(service, app, ada, case, clock):
    link = ada.get(f"/v1/items/{case.item}/media").json()["preview"]
    assert ada.get(link).status_code == 200
    want(service, hard=1)
    for _ in range(2):
        clock.pass_by(40 * SECOND)
        tell(ada, case, 40)
    assert seen(service) == 60
    assert ada.get(link).status_code == 403  # One from before, too.
    for made in ada.get(f"/v1/items/{case.item}/media").json().values():
        assert "/preview?" not in made
        assert "/thumbnail?" not in made
    page = ada.get(f"/console/cases/{case.id}").text
    assert "/preview?" not in page
    assert "Hold to see it" not in page
    blotches = re.search(r'src="(/v1/media/[^"]+/veil\?[^"]+)"', page)[1].replace("&amp;", "&")
    with Image.open(BytesIO(ada.get(blotches).content)) as image:
        assert max(image.size) <= 64
        assert image.convert("RGB").getextrema()[0] == image.convert("RGB").getextrema()[2]
    shown = ada.post(f"/console/cases/{case.id}/show", data={"csrf": csrf_of(ada)})
    assert "peeked" not in shown.text
    clock.pass_by(DAY)
    tomorrow = browser(app, "ada").get(f"/v1/items/{case.item}/media").json()
    assert "/preview?" in tomorrow["preview"]


@ONCE
def test_a_limit_that_is_raised_holds_from_tomorrow(service, ada, clock):
    assert filled(ada, hard="10").status_code == 303
    filled(ada, hard="90")
    assert "Today it is 10 minutes." in ada.get(PAGE).text
    filled(ada, hard="")
    with service.store.read() as connection:
        kept = preferences.get(connection, id_of(service))
    today = exposure.day(service.clock())
    assert (kept.limit(today), kept.limit(today + 1)) == (10, None)
    filled(ada, hard="5")
    with service.store.read() as connection:
        assert preferences.get(connection, id_of(service)).limit(today) == 5


@ONCE
def test_a_reminder_comes_when_it_was_wanted(service, ada, clock):
    want(service, soft=1)
    book(service, 30)
    clock.pass_by(40 * SECOND)
    assert "unblurred today" not in ada.get("/console/queues").text
    book(service, 30)
    assert "You have seen 1 min unblurred today" in ada.get("/console/queues").text


@ONCE
def test_a_break_is_suggested_after_work_and_not_after_a_break(
    service, admin, reader, ada, tmp_path, clock
):
    want(service, rest=20)
    judge = partial(judged, service, admin, reader, tmp_path)
    for number, name in enumerate(("coffee.png", "astronaut.png", "chelsea.png")):
        item = judge(jpeg(name), score=0.8)
        assert item.action == "review"
        assert "without a break" not in ada.get("/console/queues").text, number
        taken = ada.post("/console/cases/next", data={"csrf": csrf_of(ada)}).headers["location"]
        fields = {"csrf": csrf_of(ada), "version": "1", "action": "allow"}
        assert ada.post(f"{taken}/decide", data=fields).status_code == 303
        clock.pass_by(8 * MINUTE)
    assert "You have worked for 24 min without a break" in ada.get("/console/queues").text
    clock.pass_by(11 * MINUTE)
    assert "without a break" not in ada.get("/console/queues").text


@ONCE
def test_categories_are_veiled_as_somebody_wants(service, ada, case):
    path = f"/console/cases/{case.id}"
    assert 'class="veiled" src=' in ada.get(path).text
    own = {"regulated.alcohol.own": "1", "regulated.alcohol.blur": "light"}
    filled(ada, **own, **{"regulated.alcohol.size": "large"})
    page = ada.get(path).text
    assert 'class="veiled blur light" src=' in page
    assert "case-grid large" in page
    with service.store.read() as connection:
        kept = preferences.get(connection, id_of(service))
    assert kept.veils == {"regulated.alcohol": Veil(blur="light", grey=False, size="large")}
    assert kept.veil == Veil()
    filled(ada, blur="none", grey="")
    assert 'class="veiled none" src=' in ada.get(path).text


@ONCE
@pytest.mark.parametrize(
    ("name", "value"),
    [("soft", "0"), ("hard", "-1"), ("rest", "1e3"), ("hard", "2000"), ("benign", "51")],
)
def test_what_makes_no_sense_is_not_kept(service, ada, name, value):
    assert filled(ada, **{name: value}).status_code == 422
    assert filled(ada, blur="rather").status_code == 422
    with service.store.read() as connection:
        assert preferences.get(connection, id_of(service)) == Preferences()


@ONCE
def test_the_past_can_be_forgotten_and_today_cannot(service, app, staff, clock):
    book(service, 25)
    clock.pass_by(DAY)
    book(service, 9)
    ada = browser(app, "ada")
    ada.post(f"{PAGE}/forget", data={"csrf": csrf_of(ada)})
    with service.store.read() as connection:
        (left,) = exposure.ledger(connection, id_of(service), since=0)
    assert left.micros == 9 * SECOND


@ONCE
def test_without_scripts_a_picture_is_shown_by_a_button_that_counts(service, ada, case):
    path = f"/console/cases/{case.id}"
    assert "peeked" not in ada.get(path).text
    shown = ada.post(f"{path}/show", data={"csrf": csrf_of(ada)})
    assert "peeked" in shown.text
    assert seen(service) == 10
    assert "peeked" not in ada.get(path).text


@ONCE
def test_the_log_does_not_tell_who_has_looked_for_how_long(ada, case, caplog):
    caplog.set_level("INFO", logger="tidegate.service.accesslog")
    places = [f"/console/cases/{case.id}", f"/console/items/{case.item}"]
    for place in places:
        for what in ("seen", "show"):
            said = {"csrf": csrf_of(ada), "seconds": "3"}
            assert ada.post(f"{place}/{what}", data=said).status_code == 200
        assert ada.get(place).status_code == 200
    assert [record.told["path"] for record in caplog.records] == places
