import asyncio
import io
import threading
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PIL import Image

from demo.media import source
from tests.service.asking import ONCE
from tests.service.test_judging import bank_of
from tests.service.working import Banks, judge_of, photo, put_in_force, send, working
from tidegate.store.clock import SECOND


@pytest.fixture
def item(service, admin):
    put_in_force(service)
    with working(service, judge_of(service)):
        return send(admin).json()["id"]


def links(client, item):
    answer = client.get(f"/v1/items/{item}/media")
    assert answer.status_code == 200, answer.text
    return answer.json()


@ONCE
def test_a_picture_is_made_anew_and_small(admin, item):
    made = links(admin, item)
    for variant, side in (("thumbnail", 240), ("preview", 1024)):
        answer = admin.get(made[variant])
        assert answer.status_code == 200
        with Image.open(io.BytesIO(answer.content)) as image:
            assert (image.format, max(image.size) <= side) == ("JPEG", True)
            assert not image.getexif()
        assert answer.content not in photo()
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store"
        assert "sandbox" in answer.headers["content-security-policy"]


@ONCE
def test_a_link_is_for_whoever_asked_and_for_a_while(admin, as_role, item, clock):
    link = links(admin, item)["preview"]
    assert as_role("reviewer").get(link).status_code == 403
    for other in (
        link.replace("/preview", "/thumbnail"),
        link.replace("expires=1", "expires=2"),
        link[:-1] + ("0" if link[-1] != "0" else "1"),
    ):
        assert admin.get(other).status_code == 403, other
    clock.pass_by(121 * SECOND)
    assert admin.get(link).status_code == 403


@ONCE
def test_there_is_no_way_without_a_link(admin, item):
    answer = admin.get(f"/v1/media/{item}/preview")
    assert answer.status_code == 422
    assert admin.get(f"/v1/media/{item}/original?expires=1&signature=x").status_code == 422


@ONCE
@pytest.mark.parametrize("role", ["viewer"])
def test_who_may_not_see_media_has_no_links(as_role, item, role):
    assert as_role(role).get(f"/v1/items/{item}/media").status_code == 403


QUARANTINING = "  - {id: bad, where: {role: block}, action: quarantine}"


def test_what_is_quarantined_is_never_shown(service, admin):
    """Neither it nor the same bytes of another item, nor by a link from before."""
    put_in_force(service)
    with working(service, judge_of(service)):
        before = send(admin).json()["id"]
    link = links(admin, before)["preview"]
    from tests.service.working import ALLOWING

    bad = "  - {id: bad, where: {role: block}, action: remove}"
    assert bad in ALLOWING
    put_in_force(service, ALLOWING.replace(bad, QUARANTINING))
    banks = Banks()
    banks.replace(bank_of())
    with working(service, judge_of(service, banks=banks)):
        item = send(admin).json()
    assert item["action"] == "quarantine"
    for one in (item["id"], before):
        assert admin.get(f"/v1/items/{one}/media").status_code == 403
    assert admin.get(link).status_code == 403


@ONCE
def test_what_is_not_decided_is_not_shown(service, admin):
    item = send(admin, wait=None).json()["id"]
    assert admin.get(f"/v1/items/{item}/media").status_code == 409


@ONCE
def test_what_is_deleted_is_gone(admin, item):
    link = links(admin, item)["preview"]
    admin.delete(f"/v1/items/{item}/media")
    assert admin.get(f"/v1/items/{item}/media").status_code == 410
    assert admin.get(link).status_code == 410


@ONCE
def test_what_has_no_picture_has_none(service, admin):
    put_in_force(service)
    with working(service, judge_of(service)):
        item = send(admin, photo()[:300]).json()["id"]
    answer = admin.get(links(admin, item)["preview"])
    assert answer.status_code == 404
    assert "no picture can be made" in answer.json()["detail"]


@ONCE
def test_a_frame_of_a_video_by_its_second(service, admin):
    put_in_force(service)
    with working(service, judge_of(service)):
        item = send(admin, source("carphone_pristine.mp4").read_bytes()).json()["id"]
    link = links(admin, item)["preview"]
    assert set(parse_qs(urlsplit(link).query)) == {"expires", "signature"}
    first, later = admin.get(link), admin.get(f"{link}&at=3")
    assert first.status_code == later.status_code == 200
    assert first.content != later.content
    assert admin.get(f"{link}&at=9999").status_code == 404


@ONCE
def test_what_was_put_in_the_place_of_a_stored_object_is_not_shown(service, admin, tmp_path):
    put_in_force(service)
    service.sources.objects = tmp_path
    (tmp_path / "a.jpg").write_bytes(photo())
    with working(service, judge_of(service)):
        sent = admin.post("/v1/items", json={"key": "a.jpg"}, params={"wait": "10"}).json()
    link = links(admin, sent["id"])["preview"]
    assert admin.get(link).status_code == 200
    (tmp_path / "a.jpg").write_bytes(photo("coffee.png"))
    assert admin.get(link).status_code == 404


@ONCE
def test_who_waits_for_a_picture_keeps_nobody_from_asking_something_else(
    service, admin, item, app, monkeypatch
):
    link, go_on = links(admin, item)["preview"], threading.Event()

    def jpeg(source, side, second):
        go_on.wait()
        return b"a picture"

    monkeypatch.setattr(service.pictures, "jpeg", jpeg)

    async def ask():
        transport = httpx.ASGITransport(app)
        base = "http://127.0.0.1:8787"
        async with httpx.AsyncClient(
            transport=transport, base_url=base, headers=admin.headers
        ) as client:
            seeing = [asyncio.create_task(client.get(link)) for _ in range(60)]
            try:
                # More than there are threads for requests, and each of them has begun.
                await asyncio.wait(seeing, timeout=0.2)
                asked = await asyncio.wait_for(client.get(f"/v1/items/{item}"), 30)
            finally:
                go_on.set()
            return asked.status_code, {(await one).status_code for one in seeing}

    assert asyncio.run(ask()) == (200, {200})
