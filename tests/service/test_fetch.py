import datetime
import gzip
import hashlib
import io
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.service.origin import Origin, Say, answer
from tidegate.service.addresses import Allowance, read_networks
from tidegate.service.dial import Lookup, Resolver, system_lookup
from tidegate.service.fetch import Caps, Fetched, Fetcher
from tidegate.service.fetch_error import FetchError

NAME = "media.example"
LOCAL = read_networks(["127.0.0.1/32"])
Serve = Callable[..., Origin]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[Origin] = []

    def start(say: Say, tls: ssl.SSLContext | None = None) -> Origin:
        running.append(Origin(say, tls))
        return running[-1]

    yield start
    for origin in running:
        origin.close()


def at_home(name: str) -> list[str]:
    return ["127.0.0.1"]


def fetcher(
    *origins: Origin,
    lookup: Lookup = at_home,
    tls: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time.monotonic,
    **caps: float,
) -> Fetcher:
    allowance = Allowance(
        schemes=frozenset({"https", "http"}),
        ports=frozenset(origin.port for origin in origins),
        networks=LOCAL,
    )
    return Fetcher(
        allowance,
        Caps(**caps),  # type: ignore[arg-type]
        resolver=Resolver(lookup),
        tls=tls or ssl.create_default_context(),
        clock=clock,
    )


def get(client: Fetcher, url: str) -> tuple[Fetched, bytes]:
    into = io.BytesIO()
    return client.get(url, into), into.getvalue()


def fails(client: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        client.get(url, io.BytesIO())
    assert "127.0.0" not in str(caught.value)
    assert "10.0.0" not in str(caught.value)
    return caught.value


def test_a_body_comes_with_its_digest(serve: Serve) -> None:
    body = b"pixels" * 100_000
    origin = serve(lambda _: answer(body, content_type="image/png"))
    url = f"http://{NAME}:{origin.port}/a?b=c"
    fetched, got = get(fetcher(origin), url)
    assert got == body
    assert fetched == Fetched(len(body), hashlib.sha256(body).hexdigest(), url, "image/png")


def test_the_request_says_who_asks_and_nothing_else(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9/")
    origin = serve(lambda _: answer(b"x", set_cookie="a=b"))
    client = fetcher(origin)
    for _ in range(2):
        get(client, f"http://{NAME}:{origin.port}/a")
    line, *headers = origin.asked[1].decode().strip().split("\r\n")
    assert line == "GET /a HTTP/1.1"
    names = dict(header.split(": ", 1) for header in headers)
    assert names.pop("User-Agent").startswith("Tidegate/")
    assert names == {
        "Host": f"{NAME}:{origin.port}",
        "Accept": "image/*, video/*;q=0.9, */*;q=0.1",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


# Names and addresses


@pytest.mark.parametrize(
    "found",
    [
        ["10.0.0.5"],
        ["127.0.0.2"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["fe80::1%eth0"],
        ["127.0.0.1", "10.0.0.5"],
        ["127.0.0.1"] * 9 + ["10.0.0.5"],
        ["8.8.8.8", "fd00:ec2::254"],
        [],
        ["nonsense"],
    ],
)
def test_one_bad_address_refuses_the_name(serve: Serve, found: list[str]) -> None:
    origin = serve(lambda _: answer(b"secret"))
    error = fails(fetcher(origin, lookup=lambda _: found), f"http://{NAME}:{origin.port}/")
    assert error.cause == "host"
    assert origin.asked == []


def test_a_name_that_is_not_there_and_one_that_leads_inside_look_the_same(serve: Serve) -> None:
    def missing(name: str) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    origin = serve(lambda _: answer())
    url = f"http://{NAME}:{origin.port}/"
    absent = fails(fetcher(origin, lookup=missing), url)
    inside = fails(fetcher(origin, lookup=lambda _: ["10.0.0.5"]), url)
    assert (str(absent), absent.cause) == (str(inside), inside.cause)
    assert "10.0.0.5" in inside.detail


def test_an_address_in_the_url_is_checked_too(serve: Serve) -> None:
    origin = serve(lambda _: answer(b"secret"))
    strangers = Fetcher(
        Allowance(schemes=frozenset({"http"}), ports=frozenset({origin.port})),
        tls=ssl.create_default_context(),
    )
    for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
        assert fails(strangers, f"http://{host}:{origin.port}/").cause == "host"
    assert origin.asked == []


def test_a_name_is_looked_up_once_and_that_address_is_connected_to(serve: Serve) -> None:
    """DNS rebinding: the second answer is another one, and nobody asks for it."""
    origin = serve(lambda _: answer(b"x"))
    answers = iter([["127.0.0.1"], ["10.0.0.5"]])
    client = fetcher(origin, lookup=lambda _: next(answers))
    get(client, f"http://{NAME}:{origin.port}/")
    assert next(answers) == ["10.0.0.5"]


def test_the_next_address_is_tried_where_one_is_dead(serve: Serve) -> None:
    origin = serve(lambda _: answer(b"x"))
    client = Fetcher(
        Allowance(
            schemes=frozenset({"http"}),
            ports=frozenset({origin.port}),
            networks=read_networks(["127.0.0.0/8"]),
        ),
        resolver=Resolver(lambda _: ["127.0.0.9", "127.0.0.1"]),
        tls=ssl.create_default_context(),
    )
    assert get(client, f"http://{NAME}:{origin.port}/")[1] == b"x"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = Fetcher(
        Allowance(schemes=frozenset({"http"}), ports=frozenset({port}), networks=LOCAL),
        resolver=Resolver(at_home),
        tls=ssl.create_default_context(),
    )
    error = fails(client, f"http://{NAME}:{port}/")
    assert (error.cause, error.again) == ("unreachable", True)


def test_a_resolver_that_hangs_costs_a_bounded_time_and_number_of_threads(serve: Serve) -> None:
    let_go = threading.Event()
    done = threading.Semaphore(0)

    def hang(name: str) -> list[str]:
        let_go.wait(60)
        done.release()
        return ["127.0.0.1"]

    resolver = Resolver(hang, most=2)
    try:
        for _ in range(2):
            with pytest.raises(FetchError, match="too long") as slow:
                resolver.resolve(NAME, Allowance(networks=LOCAL), 0.01)
            assert slow.value.cause == "slow"
        with pytest.raises(FetchError) as busy:
            resolver.resolve(NAME, Allowance(networks=LOCAL), 0.01)
        assert busy.value.cause == "busy"
    finally:
        let_go.set()
    for _ in range(2):
        assert done.acquire(timeout=60)


def test_the_system_is_asked_for_the_name_itself_not_within_search_domains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 0))
        return [entry, entry]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert system_lookup("db.prod") == ["192.0.2.7"]
    system_lookup("coop")
    assert asked == ["db.prod.", "coop"]


# Redirects


def test_a_redirect_is_followed_and_looked_up_anew(serve: Serve) -> None:
    asked: list[str] = []

    def lookup(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    def say(request: bytes) -> list[bytes]:
        if request.startswith(b"GET /there?x=1 "):
            return answer(b"here")
        return answer(status="302 Found", location=f"//other.example:{origin.port}/there?x=1#y")

    origin = serve(say)
    fetched, body = get(fetcher(origin, lookup=lookup), f"http://{NAME}:{origin.port}/")
    assert body == b"here"
    assert fetched.url == f"http://other.example:{origin.port}/there?x=1"
    assert asked == [NAME, "other.example"]


@pytest.mark.parametrize(
    ("location", "cause"),
    [
        ("http://10.0.0.5:{port}/", "host"),
        ("http://inside.example:{port}/", "host"),
        ("http://[::1]:{port}/", "host"),
        ("http://2130706433:{port}/", "url"),
        ("http://user@media.example:{port}/", "url"),
        ("http://media.example:22/", "port"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://media.example:{port}/", "scheme"),
        ("/\\\\10.0.0.5/", "url"),
        ("/a\tb", "url"),
        ("http://[::1", "redirect"),
        ("", "redirect"),
    ],
)
def test_a_redirect_is_checked_from_scratch(serve: Serve, location: str, cause: str) -> None:
    def lookup(name: str) -> list[str]:
        return ["127.0.0.1" if name == NAME else "10.0.0.5"]

    origin = serve(lambda _: answer(status="302 Found", location=location.format(port=origin.port)))
    error = fails(fetcher(origin, lookup=lookup), f"http://{NAME}:{origin.port}/")
    assert error.cause == cause
    assert len(origin.asked) == 1


def test_three_redirects_and_no_more(serve: Serve) -> None:
    def say(request: bytes) -> list[bytes]:
        left = int(request.split()[1].strip(b"/"))
        return answer(status="307 Again", location=f"/{left - 1}") if left else answer(b"end")

    origin = serve(say)
    client = fetcher(origin)
    assert get(client, f"http://{NAME}:{origin.port}/3")[1] == b"end"
    assert fails(client, f"http://{NAME}:{origin.port}/4").cause == "redirect"
    assert len(origin.asked) == 4 + 4


# Bodies


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial", "404 Not Found", "503 Busy"])
def test_only_200_is_a_body(serve: Serve, status: str) -> None:
    origin = serve(lambda _: answer(status=status))
    error = fails(fetcher(origin), f"http://{NAME}:{origin.port}/")
    assert (error.cause, error.status) == ("status", int(status[:3]))
    assert error.again == (status[:3] == "503")


def test_a_body_that_announces_too_much_is_not_read(serve: Serve) -> None:
    origin = serve(lambda _: answer(b"x" * 10, content_length="101"))
    assert fails(fetcher(origin, size=100), f"http://{NAME}:{origin.port}/").cause == "size"


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_without_a_length_is_capped_while_it_streams(serve: Serve, chunked: bool) -> None:
    def say(_: bytes) -> Iterator[bytes]:
        coding = {"transfer_encoding": "chunked"} if chunked else {}
        yield answer(content_length="", **coding)[0]
        while True:
            yield b"400\r\n" + b"x" * 1024 + b"\r\n" if chunked else b"x" * 1024

    origin = serve(say)
    into = io.BytesIO()
    with pytest.raises(FetchError) as caught:
        fetcher(origin, size=300_000).get(f"http://{NAME}:{origin.port}/", into)
    assert caught.value.cause == "size"
    assert len(into.getvalue()) <= 300_000


def test_a_body_of_just_the_cap_passes(serve: Serve) -> None:
    origin = serve(lambda _: answer(b"x" * 100))
    client = fetcher(origin, size=100)
    assert get(client, f"http://{NAME}:{origin.port}/")[0].size == 100


def test_bytes_after_the_announced_length_are_not_part_of_it(serve: Serve) -> None:
    origin = serve(lambda _: answer(b"abcdef", content_length="3"))
    assert get(fetcher(origin), f"http://{NAME}:{origin.port}/")[1] == b"abc"


@pytest.mark.parametrize(
    "pieces",
    [
        answer(b"abc", content_length="9"),
        answer(b"abc", content_length="-3"),
        answer(b"abc", content_length="3, 4"),
        answer(b"abc", content_length="9" * 5000),
        answer(b"abc", content_length="", transfer_encoding="gzip, chunked"),
        answer(b"5\r\nabc", content_length="", transfer_encoding="chunked"),
        answer(b"zz\r\nabc", content_length="", transfer_encoding="chunked"),
        [b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 200_000 + b"\r\n\r\n"],
        [b"SSH-2.0-OpenSSH_9.2\r\n"],
        [b""],
    ],
    ids=range(10),
)
def test_what_is_not_http_or_breaks_off_is_an_error(serve: Serve, pieces: list[bytes]) -> None:
    origin = serve(lambda _: pieces)
    assert fails(fetcher(origin), f"http://{NAME}:{origin.port}/").cause == "broken"


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "x-unknown"])
def test_a_compressed_body_is_refused_unread(serve: Serve, coding: str) -> None:
    bomb = gzip.compress(b"\0" * 1_000_000)
    origin = serve(lambda _: answer(bomb, content_encoding=coding))
    assert fails(fetcher(origin), f"http://{NAME}:{origin.port}/").cause == "encoding"


def test_a_gzip_file_is_kept_as_it_is(serve: Serve) -> None:
    packed = gzip.compress(b"\0" * 1_000_000)
    origin = serve(lambda _: answer(packed, content_encoding="identity"))
    assert get(fetcher(origin), f"http://{NAME}:{origin.port}/")[1] == packed


def test_a_file_that_cannot_be_written_is_the_callers_error(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "read-only").touch()
    origin = serve(lambda _: answer(b"x"))
    with (tmp_path / "read-only").open("rb") as into, pytest.raises(OSError, match="write"):
        fetcher(origin).get(f"http://{NAME}:{origin.port}/", into)


# Time


def ticking(seconds: float) -> Callable[[], float]:
    """A clock that moves on whenever somebody looks."""
    count = itertools.count()
    return lambda: next(count) * seconds


@pytest.mark.parametrize("in_head", [True, False])
def test_a_server_that_drips_meets_the_total_cap(serve: Serve, in_head: bool) -> None:
    def say(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n" + (b"X: " if in_head else b"\r\n")
        while True:
            time.sleep(0.001)
            yield b"a"

    origin = serve(say)
    client = fetcher(origin, clock=ticking(1.0), total=40.0)
    error = fails(client, f"http://{NAME}:{origin.port}/")
    assert (error.cause, error.again) == ("slow", True)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"])
def test_a_server_that_falls_silent_meets_the_read_cap(serve: Serve, head: bytes) -> None:
    let_go = threading.Event()

    def say(_: bytes) -> Iterator[bytes]:
        yield head
        let_go.wait(60)

    origin = serve(say)
    try:
        assert fails(fetcher(origin, read=0.05), f"http://{NAME}:{origin.port}/").cause == "slow"
    finally:
        let_go.set()


def test_redirects_share_the_total_cap(serve: Serve) -> None:
    origin = serve(lambda _: answer(status="302 Found", location="/"))
    client = fetcher(origin, clock=ticking(1.0), total=30.0, redirects=1000)
    assert fails(client, f"http://{NAME}:{origin.port}/").cause == "slow"


# TLS


class Authority(NamedTuple):
    trust: ssl.SSLContext
    server: ssl.SSLContext


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate for `media.example` that signs itself, and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    return Authority(ssl.create_default_context(cafile=file), server)


def test_the_certificate_is_checked_against_the_name_not_the_address(
    serve: Serve, authority: Authority
) -> None:
    shown: list[str | None] = []
    authority.server.sni_callback = lambda _, name, __: shown.append(name)
    origin = serve(lambda _: answer(b"safe"), authority.server)
    client = fetcher(origin, tls=authority.trust)
    assert get(client, f"https://{NAME}:{origin.port}/")[1] == b"safe"
    assert shown == [NAME]
    for host in ("other.example", "127.0.0.1"):
        assert fails(client, f"https://{host}:{origin.port}/").cause == "tls"
    assert len(origin.asked) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(
    serve: Serve, authority: Authority
) -> None:
    origin = serve(lambda _: answer(b"x"), authority.server)
    assert fails(fetcher(origin), f"https://{NAME}:{origin.port}/").cause == "tls"
    assert origin.asked == []


def test_a_server_without_tls_is_not_talked_to_in_the_clear(
    serve: Serve, authority: Authority
) -> None:
    origin = serve(lambda _: answer(b"x"))
    client = fetcher(origin, tls=authority.trust, read=0.05, connect=0.05)
    assert fails(client, f"https://{NAME}:{origin.port}/").cause in ("tls", "slow")
    assert origin.asked == []


def test_no_redirect_from_https_to_http(serve: Serve, authority: Authority) -> None:
    plain = serve(lambda _: answer(b"x"))
    safe = serve(
        lambda _: answer(status="302 Found", location=f"http://{NAME}:{plain.port}/"),
        authority.server,
    )
    client = fetcher(plain, safe, tls=authority.trust)
    assert fails(client, f"https://{NAME}:{safe.port}/").cause == "redirect"
    assert plain.asked == []


# Webhooks


def test_a_post_carries_its_body_and_headers(serve: Serve) -> None:
    origin = serve(lambda _: answer(b"no" * 5000, status="429 Later", retry_after="7"))
    got = fetcher(origin).post(f"http://{NAME}:{origin.port}/hook", b"{}", {"X-Id": "1"})
    assert (got.status, got.retry_after, got.excerpt) == (429, "7", b"no" * 1024)
    head, _, body = origin.asked[0].partition(b"\r\n\r\n")
    assert body == b"{}"
    assert b"\r\nX-Id: 1\r\n" in head
    assert b"\r\nContent-Length: 2" in head


def test_a_post_follows_no_redirect_and_goes_nowhere_inside(serve: Serve) -> None:
    origin = serve(lambda _: answer(status="307 There", location="/x"))
    assert fetcher(origin).post(f"http://{NAME}:{origin.port}/", b"", {}).status == 307
    inside = fetcher(origin, lookup=lambda _: ["10.0.0.5"])
    with pytest.raises(FetchError) as caught:
        inside.post(f"http://{NAME}:{origin.port}/", b"", {})
    assert caught.value.cause == "host"
    assert len(origin.asked) == 1


def test_a_large_post_arrives_whole(serve: Serve) -> None:
    origin = serve(lambda _: answer())
    body = bytes(range(256)) * 400
    fetcher(origin).post(f"http://{NAME}:{origin.port}/", body, {})
    assert origin.asked[0].endswith(body)


def test_a_url_and_its_secrets_are_in_no_error(serve: Serve) -> None:
    origin = serve(lambda _: answer(status="404 No"))
    error = fails(fetcher(origin), f"http://{NAME}:{origin.port}/?signature=hunter2")
    assert "hunter2" not in f"{error!r}{error.detail}"
