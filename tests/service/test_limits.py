import threading
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st

from tests.service.asgi import Client
from tidegate.service.limits import BodyLimit, RateLimit
from tidegate.service.problems import install


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_then_the_rate(clock: Clock) -> None:
    limit = RateLimit(2.0, 3, clock=clock)
    assert [limit.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.take("a") == pytest.approx(0.5)
    clock.now += 0.49
    assert limit.take("a") > 0
    clock.now += 0.01
    assert limit.take("a") == 0.0
    assert limit.take("a") == pytest.approx(0.5)


def test_a_long_rest_gives_a_burst_and_no_more(clock: Clock) -> None:
    limit = RateLimit(2.0, 3, clock=clock)
    limit.take("a")
    clock.now += 3600
    assert [limit.take("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_waiting_as_long_as_told_is_enough(clock: Clock) -> None:
    limit = RateLimit(0.3, 2, clock=clock)
    for _ in range(50):
        clock.now += limit.take("a")
        if limit.take("a"):
            clock.now += limit.take("a")
            assert limit.take("a") == 0.0


def test_being_refused_costs_nothing(clock: Clock) -> None:
    limit = RateLimit(1.0, 1, clock=clock)
    limit.take("a")
    waits = [limit.take("a") for _ in range(100)]
    assert waits == [waits[0]] * 100
    clock.now += waits[0]
    assert limit.take("a") == 0.0


def test_keys_do_not_share(clock: Clock) -> None:
    limit = RateLimit(1.0, 1, clock=clock)
    assert limit.take("a") == limit.take("b") == 0.0
    assert limit.take("a") > 0


def test_a_dear_request_takes_more(clock: Clock) -> None:
    limit = RateLimit(1.0, 10, clock=clock)
    assert limit.take("a", 8) == 0.0
    assert limit.take("a", 8) == pytest.approx(6.0)
    assert limit.take("a", 2) == 0.0
    for cost in (0, -1, 10.5, float("nan")):
        with pytest.raises(ValueError, match="cost"):
            limit.take("a", cost)


def test_a_limit_needs_numbers_above_zero() -> None:
    for rate, burst, most in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="above zero"):
            RateLimit(rate, burst, most=most)


def test_memory_is_bounded_and_made_up_keys_gain_nothing(clock: Clock) -> None:
    limit = RateLimit(1.0, 2, most=100, clock=clock)
    assert limit.take("early") == limit.take("early") == 0.0
    passed = sum(limit.take(f"made-up {n}") == 0.0 for n in range(10_000))
    assert len(limit) == 100
    assert passed == 99 + 2
    assert limit.take("early") > 0  # It is not pushed out, and so not let in anew.


def test_keys_that_rest_are_swept(clock: Clock) -> None:
    limit = RateLimit(1.0, 2, most=100, clock=clock)
    for n in range(100):
        limit.take(f"first {n}")
    clock.now += 3
    assert limit.take("another") == 0.0
    assert len(limit) == 1


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 3)), max_size=60))
def test_no_key_gets_more_than_burst_and_rate(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    limit = RateLimit(1.0, 3, most=2, clock=clock)
    passed = dict.fromkeys(range(4), 0)
    for later, key in steps:
        clock.now += later
        passed[key] += limit.take(str(key)) == 0.0
        assert len(limit) <= 2
        # One bucket of its own, and the one that is shared.
        assert passed[key] <= 2 * (3 + (clock.now - 1000.0)) + 1e-3


def test_threads_take_no_more_together(clock: Clock) -> None:
    limit = RateLimit(1.0, 50, clock=clock)
    passed: list[float] = []
    threads = [
        threading.Thread(target=lambda: passed.extend(limit.take("a") for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed.count(0.0) == 50


@pytest.fixture(scope="module")
def client() -> Client:
    app = FastAPI()
    install(app)

    @app.post("/stream")
    async def stream(request: Request) -> int:
        return sum([len(piece) async for piece in request.stream()])

    @app.post("/json")
    async def take(body: dict[str, str]) -> int:
        return len(body)

    @app.post("/unread")
    async def unread() -> str:
        return "ok"

    app.add_middleware(BodyLimit, most=lambda scope: 100 if scope["path"] != "/json" else 20)
    return Client(app)


@pytest.mark.parametrize(("path", "most"), [("/stream", 100), ("/json", 20)])
def test_a_body_that_announces_too_much_is_refused(client: Client, path: str, most: int) -> None:
    response = client.post(path, content=b" " * (most + 1))
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/too-large"


def test_a_body_without_a_length_is_refused_where_it_is_too_many(client: Client) -> None:
    sent: list[bytes] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent.append(b" " * 10)
            yield sent[-1]

    for path, most in (("/stream", 100), ("/json", 20)):
        sent.clear()
        assert client.post(path, content=endless()).status_code == 413
        assert sum(map(len, sent)) == most + 10


def test_nothing_is_read_of_a_body_that_announces_too_much(client: Client) -> None:
    sent: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        sent.append(b" " * 101)
        yield sent[-1]

    response = client.post("/stream", content=body(), headers={"content-length": "101"})
    assert response.status_code == 413
    assert sent == []


@pytest.mark.parametrize("length", ["1", "x", "-5", "٣", "9" * 5000])
def test_a_length_that_lies_changes_nothing(client: Client, length: str) -> None:
    headers = {"content-length": length.encode()}
    response = client.post("/stream", content=b" " * 101, headers=headers)
    assert response.status_code == 413


def test_a_body_of_just_the_cap_passes(client: Client) -> None:
    assert client.post("/stream", content=b" " * 100).json() == 100
    assert client.post("/json", json={"a": "b"}).json() == 1
    assert client.post("/unread").json() == "ok"
