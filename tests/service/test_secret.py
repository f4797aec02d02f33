import copy
import io
import json
import logging
import pickle
import traceback

import msgspec
import pytest

from tidegate.service.secret import HIDDEN, Secret

HELD = "hunter2-hunter2"


@pytest.fixture
def secret() -> Secret:
    return Secret(HELD)


def test_no_way_of_printing_shows_it(secret: Secret) -> None:
    shown = [
        *(repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", f"{secret:>40}"),
        *(way(form, secret) for form, way in (("%s", str.__mod__), ("{}", str.format))),
        *(ascii(secret), repr([secret]), str({"key": secret}), str(Exception(secret))),
    ]
    assert all("hunter2" not in text for text in shown)
    assert repr(secret) == HIDDEN
    assert not hasattr(secret, "__dict__")


def test_no_log_shows_it(secret: Secret) -> None:
    stream = io.StringIO()
    logger = logging.Logger("test")
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning("key %s %r", secret, secret, extra={"key": secret})
    assert stream.getvalue() == f"key {HIDDEN} {HIDDEN}\n"


def test_no_traceback_with_its_locals_shows_it(secret: Secret) -> None:
    def use(key: Secret) -> None:
        raise RuntimeError("no")

    try:
        use(secret)
    except RuntimeError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert "hunter2" not in "".join(told.format())
        assert HIDDEN in "".join(told.format())


def test_it_is_not_encoded_by_accident(secret: Secret) -> None:
    for encode in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, hash):
        with pytest.raises(TypeError) as caught:
            encode(secret)  # type: ignore[operator]
        assert "hunter2" not in str(caught.value)


def test_it_is_compared_and_revealed(secret: Secret) -> None:
    assert secret == Secret(HELD.encode())
    assert secret != Secret("other")
    assert secret != HELD
    assert secret.reveal() == HELD.encode()
    assert secret.text() == HELD
    assert len(secret) == len(HELD)


def test_bytes_that_are_no_text_are_not_shown_either() -> None:
    with pytest.raises(ValueError, match="not text") as caught:
        Secret(b"\xffhunter2").text()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_keys_of_different_purposes_differ(secret: Secret) -> None:
    links, csrf = secret.derive("links"), secret.derive("csrf")
    assert len(links) == 32
    assert links == secret.derive("links")
    assert links != csrf
    assert links != Secret("another").derive("links")
