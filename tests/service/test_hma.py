"""The routes of HMA: golden calls, in order, and what takes a file, a URL or a coin."""

import base64
import hashlib
import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.service.asking import Asking, bearer, make_key
from tests.service.banking import FAR, MD5, NEAR, PDQ, blank, make_bank, photo, put
from tests.service.origin import Origin, answer
from tests.store.making import NOW
from tidegate.service.addresses import Allowance, read_networks
from tidegate.service.fetch import Caps, Fetcher
from tidegate.service.hasher import Hasher
from tidegate.store import banks
from tidegate.store.clock import SECOND

ONCE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)

GOLDEN = json.loads((Path(__file__).parent / "golden" / "hma.json").read_text())["calls"]
SOON = NOW // SECOND + 86400


@pytest.fixture
def client(app, service):
    """A client of HMA, with a key that may look up and curate."""
    service.replica.follow()
    return Asking(app, headers=bearer(make_key(service, {"hma", "banks.read", "banks.write"})[1]))


@pytest.fixture
def origin(service, tmp_path):
    """Serves files on this machine, and lets them be fetched."""
    files = {}

    def say(request):
        path = request.split(b" ")[1].decode()
        if path not in files:
            return answer(status="404 Not Found")
        data, kind = files[path]
        return answer(data, content_type=kind)

    with closing(Origin(say)) as opened:
        allowance = Allowance(
            schemes=frozenset({"http"}),
            ports=frozenset({opened.port}),
            networks=read_networks(["127.0.0.0/8"]),
        )
        service.hasher.close()
        fetcher = Fetcher(allowance, Caps(size=1_000_000))
        service.hasher = Hasher(tmp_path / "hashing", fetcher)
        opened.files = files
        opened.url = f"http://127.0.0.1:{opened.port}"
        yield opened


def test_every_golden_call_answers_as_hma_does(client):
    names = {
        "PDQ": PDQ,
        "NEAR": NEAR,
        "FAR": FAR,
        "MD5": MD5,
        "ZERO": "0" * 64,
        "ONES": "f" * 64,
        "LONG": "x" * 256,
        "SOON": SOON,
    }
    for call in GOLDEN:
        body = {"json": filled(call["json"], names)} if "json" in call else {}
        told = client.request(call["method"], "/hma" + filled(call["path"], names), **body)
        assert told.status_code == call["status"], (call["name"], told.text)
        if "text" in call:
            assert told.text == call["text"]
        if "keep" in call:
            names[call["keep"]] = told.json()["id"]
            assert isinstance(told.json()["id"], int)
        if "answer" in call:
            assert told.json() == filled(call["answer"], names), call["name"]


def filled(part, names):
    """Put values in the place of their names; a name alone keeps the type of its value."""
    if isinstance(part, dict):
        return {key: filled(value, names) for key, value in part.items()}
    if isinstance(part, list):
        return [filled(value, names) for value in part]
    if not isinstance(part, str) or "$" not in part:
        return part
    if part[1:] in names:
        return names[part[1:]]
    for name in sorted(names, key=len, reverse=True):
        part = part.replace(f"${name}", str(names[name]))
    return part


@ONCE
def test_a_photo_is_hashed_and_looked_up_by_file(client, service):
    made = client.post("/hma/h/hash", files={"photo": ("a.jpg", photo(), "image/jpeg")})
    assert made.status_code == 200
    ((kind, pdq),) = made.json().items()
    assert (kind, len(pdq)) == ("pdq", 64)
    make_bank(service.store, "PRESS")
    (one,) = put(service.store, "PRESS", pdq)
    service.replica.follow()
    told = client.post("/hma/m/lookup", files={"photo": ("a.jpg", photo())})
    assert told.json() == {"pdq": {"PRESS": [{"bank_content_id": int(one), "distance": "0"}]}}


@ONCE
def test_a_video_is_hashed_by_its_bytes(client):
    made = client.post("/hma/h/hash", files={"video": ("a.mp4", b"whatever it is")})
    md5 = hashlib.md5(b"whatever it is", usedforsecurity=False).hexdigest()
    assert made.json() == {"video_md5": md5}
    told = client.post("/hma/m/lookup", files={"video": ("a.mp4", b"whatever it is")})
    assert told.json() == {"video_md5": {}}


@ONCE
def test_a_blank_picture_is_unhashable_and_no_error(client):
    client.post("/hma/c/banks", json={"name": "PRESS"})
    sent = {"photo": ("a.jpg", blank())}
    made = client.post("/hma/h/hash", files=sent)
    assert (made.status_code, made.json()) == (200, {"pdq": "unhashable"})
    assert made.headers["tidegate-unhashable"] == "pdq"
    told = client.post("/hma/m/lookup", files=sent)
    assert (told.status_code, told.json()) == (200, {"pdq": {}})
    assert told.headers["tidegate-unhashable"] == "pdq"
    raw = client.get("/hma/m/raw_lookup", params={"signal_type": "pdq", "signal": "unhashable"})
    assert raw.json() == {"matches": []}
    added = client.post("/hma/c/bank/PRESS/content", files=sent)
    assert added.status_code == 200
    assert added.json()["signals"] == {"pdq": "unhashable"}


@ONCE
@pytest.mark.parametrize(
    ("files", "query", "message"),
    [
        ({"sound": ("a.wav", b"x")}, {}, "no such content_type: 'sound'"),
        ({"photo": ("a.jpg", b"x")}, {"types": "video_md5"}, "signal type 'video_md5' doesn't "),
        ({"photo": ("a.jpg", b"x")}, {"types": ","}, "empty signal type selection"),
        ({"photo": ("a.jpg", b"no picture")}, {}, "the photo cannot be hashed: "),
    ],
)
def test_what_cannot_be_hashed_says_why(client, files, query, message):
    told = client.post("/hma/h/hash", files=files, params=query)
    assert told.status_code == 400
    assert told.json()["message"].startswith(message)


@ONCE
def test_one_file_a_call(client):
    files = [("photo", ("a.jpg", photo())), ("video", ("b.mp4", b"x"))]
    told = client.post("/hma/h/hash", files=files)
    assert told.status_code == 400
    assert set(told.json()) == {"message"}


@ONCE
def test_what_a_url_names_is_hashed_looked_up_and_added(client, origin, service):
    origin.files["/a.jpg"] = photo(), "image/jpeg"
    where = {"url": f"{origin.url}/a.jpg"}
    pdq = client.get("/hma/h/hash", params=where).json()["pdq"]
    client.post("/hma/c/banks", json={"name": "PRESS"})
    metadata = {"content_id": "1197433091", "json": {"any": {}}}
    added = client.post(
        "/hma/c/bank/PRESS/content", params=where, json={"metadata": metadata, "note": "n"}
    )
    assert added.status_code == 200
    number = added.json()["id"]
    assert added.json() == {"id": number, "signals": {"pdq": pdq}}
    shown = client.get(f"/hma/c/bank/PRESS/content/{number}", params={"include_signals": "true"})
    assert shown.json()["signals"] == {"pdq": pdq}
    assert shown.json()["note"] == "n"
    assert shown.json()["metadata"]["content_id"] == "1197433091"
    assert shown.json()["metadata"]["json"] == {"any": {}}
    hidden = client.get(f"/hma/c/bank/PRESS/content/{number}", params={"include_metadata": "false"})
    assert "metadata" not in hidden.json()
    matches = {"PRESS": [{"bank_content_id": number, "distance": "0"}]}
    assert client.get("/hma/m/lookup", params=where).json() == {"pdq": matches}
    chosen = client.get("/hma/m/lookup", params=where | {"signal_type": "pdq"})
    assert chosen.json() == matches
    again = client.post("/hma/c/bank/PRESS/content", params=where)
    assert again.json()["id"] == number


@ONCE
@pytest.mark.parametrize(
    ("path", "query", "status", "message"),
    [
        ("/gone", {}, 400, "Failed to fetch URL: "),
        ("/text", {}, 400, "unsupported url ContentType: 'text/plain'"),
        ("/large", {}, 413, "Content too large"),
        ("/a.jpg", {"content_type": "sound"}, 400, "no such content_type: 'sound'"),
    ],
)
def test_what_cannot_be_fetched_says_why(client, origin, path, query, status, message):
    origin.files |= {
        "/text": (b"words", "text/plain"),
        "/large": (bytes(1_000_001), "image/jpeg"),
        "/a.jpg": (photo(), "image/jpeg"),
    }
    told = client.get("/hma/h/hash", params={"url": origin.url + path} | query)
    assert told.status_code == status
    assert told.json()["message"].startswith(message)


@ONCE
@pytest.mark.parametrize(
    "url", ["ftp://example.com", "file:///etc/passwd", "https://127.0.0.1/", "not a url", ""]
)
def test_no_url_leads_inside(client, url):
    told = client.get("/hma/h/hash", params={"url": url})
    assert told.status_code == 400
    assert told.json()["message"].startswith("Failed to fetch URL: ")


@ONCE
@pytest.mark.parametrize(
    "metadata",
    [{"invalid_metadata": 5}, "words", {"json": "x" * 2000}, {"json": {"a": "x" * 2000}}],
)
def test_metadata_that_hma_does_not_know_is_refused(client, metadata):
    client.post("/hma/c/banks", json={"name": "PRESS"})
    told = client.post(
        "/hma/c/bank/PRESS/content",
        params={"url": "https://example.com"},
        json={"metadata": metadata},
    )
    assert told.status_code == 400
    assert "metadata" in told.json()["message"]


@ONCE
def test_a_video_that_cannot_be_decoded_is_known_by_its_bytes(client):
    client.post("/hma/c/banks", json={"name": "PRESS"})
    sent = {"video": ("a.mp4", b"whatever it is")}
    added = client.post("/hma/c/bank/PRESS/content", files=sent).json()
    found = client.post("/hma/m/lookup", files=sent).json()
    assert found == {"video_md5": {"PRESS": [{"bank_content_id": added["id"], "distance": "-"}]}}


@ONCE
def test_a_coin_decides_of_banks_that_are_partly_enabled(client, service):
    for name, ratio in (("HALF", 0.5), ("NONE", 0.0)):
        make_bank(service.store, name, rule=banks.Rule(enabled_ratio=ratio))
        put(service.store, name, PDQ)
    service.replica.follow()
    query = {"signal_type": "pdq", "signal": PDQ}

    def asked(**more):
        return set(client.get("/hma/m/lookup", params=query | more).json())

    by_seed = {seed: asked(seed=seed) for seed in map(str, range(20))}
    assert {frozenset(each) for each in by_seed.values()} == {frozenset(), frozenset({"HALF"})}
    assert by_seed == {seed: asked(seed=seed) for seed in by_seed}
    assert asked(bypass_coinflip="true") == {"HALF", "NONE"}
    raw = client.get("/hma/m/raw_lookup", params=query).json()
    assert len(raw["matches"]) == 2


@ONCE
def test_a_bank_made_by_a_client_asks_for_a_person(client):
    client.post("/hma/c/banks", json={"name": "PRESS", "enabled": False})
    shown = client.get("/v1/banks/PRESS").json()
    assert (shown["role"], shown["category"]) == ("review", "known.other")
    assert shown["enabled_ratio"] == 0.0


@ONCE
def test_a_key_comes_as_the_password_of_the_url_too(app, service):
    service.replica.follow()
    token = make_key(service, {"hma"})[1]
    pair = base64.b64encode(f"any:{token}".encode()).decode()
    client = Asking(app, headers={"Authorization": f"Basic {pair}"})
    assert client.get("/hma/status").text == "I-AM-ALIVE"
    assert client.get("/v1/banks").status_code == 401
    assert Asking(app).get("/hma/status").status_code == 401


@ONCE
def test_who_may_only_look_up_changes_nothing(app, service):
    client = Asking(app, headers=bearer(make_key(service, {"hma"})[1]))
    assert client.get("/hma/c/banks").status_code == 200
    assert client.post("/hma/c/banks", json={"name": "PRESS"}).status_code == 403
    assert client.delete("/hma/c/bank/PRESS").status_code == 403


@ONCE
def test_its_status_says_when_banks_are_not_there(app, service):
    client = Asking(app, headers=bearer(make_key(service, {"hma"})[1]))
    told = client.get("/hma/status")
    assert (told.status_code, told.text) == (503, "INDEX-NOT-LOADED")
    assert client.get("/hma/status/live").status_code == 200
