import json
import logging
import re
from typing import Annotated

import jsonschema
import pytest
from fastapi import Depends
from fastapi.openapi.models import OpenAPI
from starlette.responses import Response

from tests.service.asking import ONCE, PASSWORD, Asking, bearer, browser, make_key, make_user
from tidegate.evidence import Decision, Evidence
from tidegate.service.app import UPLOADS, build
from tidegate.service.auth import Principal, needs
from tidegate.service.embedded import DecisionValue
from tidegate.service.headers import ALWAYS
from tidegate.service.logs import JsonLines
from tidegate.service.problems import MEDIA_TYPE
from tidegate.service.settings import Settings
from tidegate.service.shape import Shape
from tidegate.service.state import Service
from tidegate.service.state import service as the_service
from tidegate.store.engine import Store
from tidegate.store.error import ConflictError, InvalidError, MissingError, StateError, StoreError


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """What the API says of itself; no database is asked for that."""
    data = tmp_path_factory.mktemp("document")
    with Service(Settings(data=data), Store(None, data)) as service:
        return build(service).openapi()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def bodies(document):
    """Yield every body and answer: where it is, its media type, and what is said of it."""
    for name, operation in operations(document):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} body", kind, content
        for status, response in operation["responses"].items():
            for kind, content in response.get("content", {}).items():
                yield f"{name} {status}", kind, content


@ONCE
def test_the_document_is_openapi(document, client):
    OpenAPI(**document)
    assert document["openapi"].startswith("3.1")
    assert client.get("/openapi.json").json() == document
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = set(find(document, "$ref"))
    names = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references <= names


def find(part, key):
    if isinstance(part, dict):
        for name, value in part.items():
            if name == key and isinstance(value, str):
                yield value
            yield from find(value, key)
    elif isinstance(part, list):
        for one in part:
            yield from find(one, key)


def test_every_route_is_described(document):
    bare = [
        name
        for name, operation in operations(document)
        if not (
            operation.get("summary")
            and operation.get("description")
            and operation.get("tags")
            and all(one.get("description") for one in operation.get("parameters", []))
        )
    ]
    assert not bare


def test_every_body_and_answer_has_an_example_that_fits_its_schema(document):
    root = {"components": document["components"]}
    wrong = []
    for name, kind, content in bodies(document):
        if "json" not in kind:  # Bytes, or a form with bytes.
            continue
        if "example" not in content:
            wrong.append((name, "no example"))
        else:
            validator = jsonschema.Draft202012Validator({**content.get("schema", {}), **root})
            wrong += [(name, one.message) for one in validator.iter_errors(content["example"])]
    assert not wrong


def test_every_error_is_a_problem(document):
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and name != "GET /readyz":
                content = response["content"][MEDIA_TYPE]
                assert content["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
                assert content["example"]["status"] == int(status)


def test_every_guarded_route_says_what_it_needs_and_how_it_refuses(document):
    for name, operation in operations(document):
        guarded = "x-scopes" in operation
        assert guarded == ("security" in operation)
        if guarded:
            assert {"401", "403", "429", "503", "500"} <= set(operation["responses"]), name
            assert "Scope: " in operation["description"]
    assert document["components"]["securitySchemes"].keys() == {"key", "session"}


@ONCE
def test_evidence_and_decisions_are_described_by_their_own_schema(app):
    class Shown(Shape):
        decision: DecisionValue | None

    decided = Decision(
        action="allow", judged=True, reasons=(), near=(), rest=(), policy="p/1", policy_sha256="0"
    )

    @app.get("/v1/shown", tags=["t"], summary="s", openapi_extra={})
    def shown(who: Annotated[Principal, needs()]) -> Shown:
        return Shown(decision=decided)

    document = app.openapi()
    schemas = document["components"]["schemas"]
    assert schemas["Shown"]["properties"]["decision"]["anyOf"][0] == {
        "$ref": "#/components/schemas/Decision"
    }
    assert set(schemas["Evidence"]["properties"]) == set(Evidence.__struct_fields__)
    service = app.state.service
    client = Asking(app, headers=bearer(make_key(service, {"items.read"})[1]))
    assert client.get("/v1/shown").json()["decision"]["action"] == "allow"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
@ONCE
def test_no_page_is_served_that_loads_scripts_from_elsewhere(client, path):
    assert client.get(path).status_code == 404


@ONCE
def test_every_answer_says_what_a_browser_may_do_with_it(client, app):
    @app.get("/crash")
    def crash() -> None:
        raise RuntimeError

    for path in ("/healthz", "/nothing", "/v1/keys", "/crash", "/openapi.json"):
        headers = client.get(path).headers
        for name, value in ALWAYS.items():
            assert headers[name] == value
        assert "server" not in headers
        assert "strict-transport-security" not in headers


@ONCE
def test_a_route_may_say_otherwise(client, app):
    app.get("/mine")(lambda: Response(headers={"Cache-Control": "max-age=9"}))
    assert client.get("/mine").headers.get_list("cache-control") == ["max-age=9"]


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (InvalidError("name has 1 to 200 characters"), 422, True),
        (MissingError("there is no such key"), 404, True),
        (StateError("the key has ended already"), 409, True),
        (ConflictError("another request"), 409, True),
        (StoreError("db.inside:5432: the database cannot be used"), 503, False),
    ],
)
@ONCE
def test_errors_of_the_store_are_answered_as_what_they_are(client, app, error, status, told):
    @app.get("/fails")
    def fails() -> None:
        raise error

    answer = client.get("/fails")
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert (str(error) in answer.text) == told


@ONCE
def test_a_body_that_is_too_large_is_refused_before_it_is_read_whole(database, clock):
    settings = Settings(data=database.data, database=database.url, body_bytes=2000)
    with Service(settings, database.open(), now=clock) as service:
        client = Asking(build(service), headers=bearer(make_key(service, {"keys"})[1]))
        wanted = {"name": "n", "scopes": ["keys"], "reason": "x" * 2000}
        answer = client.post("/v1/keys", json=wanted)
        assert answer.status_code == 413
        assert answer.json()["type"] == "/problems/too-large"

        def endless():
            while True:
                yield b" " * 1000

        async def stream():
            for chunk in endless():
                yield chunk

        kind = {"Content-Type": "application/json"}
        assert client.post("/v1/keys", content=stream(), headers=kind).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/v1/keys/%00/revoke",
        "/v1/users/a%00b/disable",
        "/v1/keys?after=%00",
        "/v1/users?after=%00",
        "/v1/items?external_id=%00",
    ],
)
def test_a_nul_is_refused_before_a_database_sees_it(admin, path):
    method = "GET" if "?" in path else "POST"
    answer = admin.request(method, path, json={} if method == "POST" else None)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/login", '{"name": "a@", "password": "p"}'),
        ("/v1/login", '{"name": "a", "password": "p@"}'),
        ("/v1/keys", '{"name": "a@", "scopes": ["items.read"]}'),
        ("/v1/keys", '{"name": "a", "scopes": ["items.read"], "reason": "@"}'),
        ("/v1/users", '{"name": "a", "role": "lead", "password": "long enough @ it is"}'),
        ("/v1/users/none/disable", '{"reason": "@"}'),
    ],
)
def test_text_that_is_none_is_never_an_error_of_ours(admin, path, body, text):
    kind = {"Content-Type": "application/json"}
    answer = admin.post(path, content=body.replace("@", text), headers=kind)
    assert answer.status_code in (201, 401, 404, 422)


def test_what_may_be_as_large_as_an_upload_is_routes_that_take_files(document):
    taking = {
        path
        for path, methods in document["paths"].items()
        if any("requestBody" in one for one in methods.values())
    }
    assert set(UPLOADS) <= {re.sub(r"{\w+}", "{bank}", path) for path in taking}


class Lines(logging.Handler):
    """Keeps the lines of the log as they are written."""

    def __init__(self):
        super().__init__()
        self.setFormatter(JsonLines())
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


@pytest.fixture
def lines():
    handler, ours = Lines(), logging.getLogger("tidegate")
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    yield handler.lines
    ours.removeHandler(handler)
    ours.setLevel(before)


@ONCE
def test_each_request_is_one_line_without_its_query(client, lines):
    client.get("/v1/keys/some?signature=abc&token=tg_secret")
    (line,) = map(json.loads, lines)
    assert line["method"] == "GET"
    assert line["path"] == "/v1/keys/some"
    assert line["status"] == 404
    assert line["client"] == "127.0.0.1"
    assert line["ms"] >= 0
    assert "secret" not in lines[0]
    assert "abc" not in lines[0]


@ONCE
def test_a_line_says_who_asked_and_holds_no_secret(app, service, lines):
    make_user(service)
    ada = browser(app)
    key = ada.post("/v1/keys", json={"name": "n", "scopes": ["items.read"]}).json()
    Asking(app, headers=bearer(key["token"])).get("/v1/whoami")
    Asking(app, headers=bearer(key["token"][:-1])).get("/v1/whoami")
    asked = [json.loads(line) for line in lines]
    me = ada.get("/v1/whoami").json()["id"]
    assert [line["actor"] for line in asked] == [
        None,
        f"user:{me}",
        f"key:{key['key']['id']}",
        None,
    ]
    everything = "\n".join(lines)
    csrf, cookie = ada.headers["X-CSRF-Token"], ada.cookies["tidegate"]
    for secret in (PASSWORD, csrf, cookie, key["token"], key["token"][15:-1]):
        assert secret not in everything


@ONCE
def test_a_request_is_found_by_its_id(client, lines):
    answer = client.get("/healthz", headers={"X-Request-ID": "from-the-proxy-1"})
    assert answer.headers["x-request-id"] == "from-the-proxy-1"
    for wrong in ("short", "x" * 65, 'a"b\\c-d-e-f', "a b c d e f"):
        own = client.get("/healthz", headers={"X-Request-ID": wrong}).headers["x-request-id"]
        assert own != wrong
        assert len(own) == 36
    assert json.loads(lines[0])["request"] == "from-the-proxy-1"


@ONCE
def test_what_goes_wrong_inside_is_in_the_log_and_not_in_the_answer(client, app, lines):
    @app.get("/crash")
    def crash(at: Annotated[Service, Depends(the_service)]) -> None:
        password = "hunter2"  # noqa: F841
        raise RuntimeError("the inside")

    answer = client.get("/crash")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert "inside" not in answer.text
    failed, request = map(json.loads, lines)
    assert "RuntimeError: the inside" in failed["error"]
    assert failed["request"] == request["request"] == answer.headers["x-request-id"]
    assert request["status"] == 500


@ONCE
def test_a_line_of_the_log_is_one_line_whatever_was_asked(client, lines):
    client.get("/a%0Ab%1b[31m")
    (line,) = lines
    assert "\n" not in line
    assert "\x1b" not in line


@ONCE
def test_what_is_wrong_many_times_is_one_error(admin):
    # An error costs time that everybody waits for: a large body has room for 100,000.
    answer = admin.post("/v1/keys", json={f"f{number}": 0 for number in range(5000)})
    assert answer.json()["errors"] == [
        {"pointer": "/body", "detail": "Object has more fields than there are"}
    ]
    some = admin.post("/v1/keys", json={"name": "n", "scopes": ["hma"], "a": 0, "b": 0})
    assert [one["pointer"] for one in some.json()["errors"]] == ["/body/a", "/body/b"]


@ONCE
def test_every_list_of_a_request_ends_and_is_read_up_to_what_is_wrong(document, admin):
    lists = [
        (name, field, schema)
        for name, operation in operations(document)
        for field, schema in properties_of_body(document, operation)
        if any(one.get("type") == "array" for one in schema.get("anyOf", [schema]))
    ]
    assert {"scopes", "events", "ids", "pdq", "context"} <= {field for _, field, _ in lists}
    for name, field, schema in lists:
        assert "maxItems" in json.dumps(schema), (name, field)
        method, path = name.replace("{", "").replace("}", "").split()
        answer = admin.request(method, path, json={field: [{}] * 5000})
        assert answer.status_code == 422, (name, field)
        pointers = [one["pointer"] for one in answer.json()["errors"]]
        # The first that is wrong, and that they are too many.
        assert 1 <= sum(one.startswith(f"/body/{field}") for one in pointers) <= 2, (name, field)


def properties_of_body(document, operation):
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        while "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        yield from schema.get("properties", {}).items()
