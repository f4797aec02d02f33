import asyncio
import hashlib

import pytest
from hypothesis import given
from hypothesis import settings as within
from hypothesis import strategies as st
from starlette.requests import Request

from tests.service.working import files, photo
from tidegate.service.parts import PIECE
from tidegate.service.problems import BadRequest, Invalid, Problem, TooLarge
from tidegate.service.room import Room
from tidegate.service.uploads import LARGEST_ITEM, received

B = b"xyz"


def part(name, data, *, filename=None):
    more = b'; filename="%s"' % filename if filename else b""
    return b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (
        B,
        name,
        more,
        data,
    )


END = b"--%s--\r\n" % B


def request(chunks, content_type="multipart/form-data; boundary=xyz"):
    """A request whose body comes in these pieces; ``None``: the sender goes away."""
    rest = iter(chunks)

    async def receive():
        chunk = next(rest, b"")
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": chunk != b""}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def take(room, chunks, *, most=10_000_000, **rest):
    async def go():
        async with received(request(chunks, **rest), room, most) as upload:
            return upload.file.sha256, upload.file.size, upload.item, upload.file.head

    return asyncio.run(go())


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def test_a_form_in_whatever_pieces_is_the_same_file(room, tmp_path):
    data = photo()
    body = part(b"item", b'{"surface":"avatar"}') + part(b"file", data, filename=b"a.jpg") + END
    for size in (17, 1000, len(body)):
        chunks = [body[i : i + size] for i in range(0, len(body), size)]
        found = take(room, chunks)
        told = (hashlib.sha256(data).hexdigest(), len(data), b'{"surface":"avatar"}', data[:4096])
        assert found == told
    assert files(tmp_path) == []


@given(data=st.binary(min_size=1, max_size=300), sizes=st.lists(st.integers(1, 50), min_size=1))
@within(max_examples=40, deadline=None)
def test_whatever_the_bytes_and_the_pieces(tmp_path_factory, data, sizes):
    body = part(b"file", data) + END
    chunks, at, number = [], 0, 0
    while at < len(body):
        size = sizes[number % len(sizes)]
        chunks.append(body[at : at + size])
        at, number = at + size, number + 1
    room = Room(tmp_path_factory.mktemp("room"))
    expected = hashlib.sha256(data).hexdigest()
    # Its own boundary within the data would end it early: that is how forms are.
    if b"--" + B not in data:
        assert take(room, chunks)[:2] == (expected, len(data))


def test_never_more_than_a_piece_is_in_memory(room, monkeypatch):
    written = []
    real = room.receive

    def receive(most):
        incoming = real(most)
        write = incoming.write
        incoming.write = lambda data: (written.append(len(data)), write(data))
        return incoming

    monkeypatch.setattr(room, "receive", receive)
    chunk = b"x" * 65536
    body = [part(b"file", b"")[:-2], *[chunk] * 100, b"\r\n" + END]
    assert take(room, body)[1] == 6_553_600
    assert max(written) <= PIECE + len(chunk)


@pytest.mark.parametrize(
    ("body", "problem", "words"),
    [
        (part(b"file", b"x" * 101) + END, TooLarge, "larger than 100 bytes"),
        (part(b"file", b"") + END, Invalid, "is empty"),
        (part(b"item", b"{}") + END, Invalid, "is missing"),
        (part(b"file", b"x"), BadRequest, "cut short"),
        (part(b"file", b"x" * 50)[:60], BadRequest, "cut short"),
        (part(b"file", b"x") + part(b"file", b"y") + END, Invalid, "is there twice"),
        (part(b"file", b"x") + part(b"who", b"y") + END, Invalid, "a file and an item"),
        (part(b"item", b"x" * (LARGEST_ITEM + 1)) + END, TooLarge, "at most"),
        (b"nonsense", BadRequest, "no multipart form"),
        (b"--xyz\r\n" + b"A" * 10_000, BadRequest, "no multipart form"),
        (b"", BadRequest, "cut short"),
    ],
)
def test_a_form_that_is_not_taken_leaves_nothing(room, tmp_path, body, problem, words):
    with pytest.raises(Problem) as caught:
        take(room, [body], most=100)
    assert type(caught.value) is problem
    told = [fault.detail for fault in caught.value.errors] or [caught.value.detail]
    assert words in told[0]
    assert files(tmp_path) == []


def test_it_is_stopped_where_it_is_too_large(room):
    """The rest of a body that never ends is not read."""
    read = []

    def endless():
        yield part(b"file", b"")[:-2]
        while True:
            read.append(1)
            yield b"x" * 65536

    with pytest.raises(TooLarge):
        take(room, endless(), most=1_000_000)
    assert len(read) < 30


def test_a_sender_that_goes_away_leaves_nothing(room, tmp_path):
    with pytest.raises(BadRequest, match="cut short"):
        take(room, [part(b"file", b"x" * 1000)[:-50], None])
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 71]
)
def test_a_boundary_is_needed(room, kind):
    with pytest.raises(BadRequest, match="boundary"):
        take(room, [END], content_type=kind)
