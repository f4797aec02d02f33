from typing import Annotated

import pytest
from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel, field_validator

from tests.service.asgi import Client
from tidegate.service import problems
from tidegate.service.problems import Problem


class Body(BaseModel):
    name: str
    count: int

    @field_validator("name")
    @classmethod
    def _check(cls, value: str) -> str:
        if value.startswith("bad"):
            raise ValueError(f"{value} is bad")
        return value


class Stale(Problem):
    """As another module would add one."""

    slug, title, status = "stale-policy", "The policy has changed", 409


def build() -> FastAPI:
    app = FastAPI(responses=problems.problem_responses(problems.Invalid, problems.TooMany))
    problems.install(app)

    @app.get("/stale")
    def stale() -> None:
        raise Stale("version 3 is active by now")

    @app.get("/login")
    def login() -> None:
        raise problems.Unauthenticated

    @app.get("/often")
    def often() -> None:
        raise problems.TooMany(2.4)

    @app.get("/crash")
    def crash() -> None:
        raise RuntimeError("postgresql://tidegate:hunter2@10.0.0.5/db")

    @app.get("/teapot")
    def teapot() -> None:
        raise HTTPException(418, "secret words")

    @app.get("/framework")
    def framework() -> None:
        raise HTTPException(404, "secret words")

    @app.post("/body")
    def body(body: Body, limit: Annotated[int, Query(le=10)] = 1) -> None: ...

    return app


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(build())


def test_a_problem_is_answered_by_its_type(client: Client) -> None:
    response = client.get("/stale")
    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "type": "/problems/stale-policy",
        "title": "The policy has changed",
        "status": 409,
        "detail": "version 3 is active by now",
    }


def test_what_http_asks_for_comes_along(client: Client) -> None:
    assert client.get("/login").headers["www-authenticate"] == 'Bearer realm="tidegate"'
    assert client.get("/often").headers["retry-after"] == "3"
    assert client.post("/stale").headers["allow"] == "GET"


def test_unknown_routes_and_methods_are_problems_too(client: Client) -> None:
    assert client.get("/none").json() == {
        "type": "/problems/not-found",
        "title": "Not found",
        "status": 404,
    }
    assert client.post("/stale").json()["type"] == "/problems/method-not-allowed"


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [("/crash", 500, "/problems/internal"), ("/teapot", 418, "about:blank"),
     ("/framework", 404, "/problems/not-found")],
)  # fmt: skip
def test_nothing_of_the_inside_is_told(client: Client, path: str, status: int, kind: str) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == kind
    for word in ("hunter2", "10.0.0.5", "RuntimeError", "Traceback", "secret"):
        assert word not in response.text


def test_a_request_that_is_not_valid_is_told_where(client: Client) -> None:
    response = client.post("/body?limit=11", json={"name": 7, "count": "hunter2"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["type"] == "/problems/invalid"
    assert {fault["pointer"] for fault in told["errors"]} == {
        "/query/limit",
        "/body/name",
        "/body/count",
    }
    assert "hunter2" not in response.text


def test_what_was_sent_is_not_sent_back(client: Client) -> None:
    for sent in (b'{"name": "bad hunter2", "count": 1}', b'{"name": hunter2', b'"hunter2"'):
        response = client.post("/body", content=sent, headers={"content-type": "application/json"})
        assert response.status_code == 422
        assert response.json()["errors"]
        assert "hunter2" not in response.text


def test_a_list_of_faults_is_bounded() -> None:
    app = FastAPI()
    problems.install(app)

    @app.post("/")
    def many(body: list[int]) -> None: ...

    response = Client(app).post("/", json=["x"] * 1000)
    assert len(response.json()["errors"]) == problems.MOST_ERRORS


def test_a_pointer_is_escaped_and_bounded() -> None:
    app = FastAPI()
    problems.install(app)

    @app.post("/")
    def keys(body: dict[str, int]) -> None: ...

    client = Client(app)
    fault = client.post("/", json={"a/b~c": "x"}).json()["errors"][0]
    assert fault["pointer"] == "/body/a~1b~0c"
    fault = client.post("/", json={"k" * 100_000: "x"}).json()["errors"][0]
    assert len(fault["pointer"]) <= 200


def test_every_kind_has_a_slug_of_its_own() -> None:
    kinds = list(problems.KINDS.values())
    assert len({kind.slug for kind in kinds}) == len(kinds)
    assert all(kind.title and 400 <= kind.status < 600 for kind in kinds)


def test_openapi_names_the_media_type() -> None:
    app = build()
    for schema in (app.openapi(), app.openapi()):
        responses = schema["paths"]["/body"]["post"]["responses"]
        assert list(responses["422"]["content"]) == ["application/problem+json"]
        assert list(responses["429"]["content"]) == ["application/problem+json"]
        assert list(responses["200"]["content"]) == ["application/json"]
        assert "HTTPValidationError" not in schema["components"]["schemas"]
        assert "pointer" in schema["components"]["schemas"]["Fault"]["properties"]
