import hashlib

import pytest

from tidegate.service import tokens
from tidegate.service.secret import Secret

KEY = Secret(b"k" * 32)


def test_an_api_key_is_known_by_its_prefix_and_its_hash() -> None:
    key = tokens.new_api_key()
    text = key.token.text()
    assert text.startswith(f"tg_{key.prefix}_")
    assert len(text) == len("tg_") + 10 + len("_") + 43
    assert tokens.key_prefix(key.token) == key.prefix
    assert key.digest == hashlib.sha256(text.encode()).hexdigest()
    assert tokens.matches(key.token, key.digest)
    assert not tokens.matches(tokens.new_api_key().token, key.digest)
    assert text not in repr(key)


def test_two_keys_differ_in_both_parts() -> None:
    keys = [tokens.new_api_key() for _ in range(100)]
    assert len({key.prefix for key in keys}) == 100
    assert len({key.digest for key in keys}) == 100


@pytest.mark.parametrize(
    "value",
    [b"", b"tg_", b"tg_abcdefghij_", b"tg_abcdefghij_" + b"a" * 42, b"tg_abcdefghij_" + b"a" * 44,
     b"tg_ABCDEFGHIJ_" + b"a" * 43, b"tgs_" + b"a" * 43, b"tg_abcdefghij_" + b"a" * 43 + b"\n",
     b"tg_abcdefghij_" + b"\xff" * 43, b"x" * 1_000_000],
)  # fmt: skip
def test_what_is_no_key_is_not_looked_up(value: bytes) -> None:
    assert tokens.key_prefix(Secret(value)) is None


def test_a_changed_letter_is_another_key() -> None:
    key = tokens.new_api_key()
    text = key.token.text()
    for place in range(len(text)):
        other = text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1 :]
        assert not tokens.matches(Secret(other), key.digest)


def test_a_session_is_no_key_and_no_first_link() -> None:
    session = tokens.new_session()
    assert tokens.is_session(session.token)
    assert tokens.matches(session.token, session.digest)
    assert tokens.key_prefix(session.token) is None
    assert not tokens.is_session(tokens.new_api_key().token)
    assert not tokens.opens_first(session.token, session.digest, expires=2.0, now=1.0)


def test_the_first_link_opens_for_an_hour_and_stays_out_of_logs() -> None:
    link = tokens.new_first_link("http://127.0.0.1:8080/", now=1000.0)
    where, _, token = link.url.text().partition("#")
    assert where == "http://127.0.0.1:8080/welcome"
    assert link.expires == 1000.0 + 3600
    assert tokens.opens_first(Secret(token), link.digest, link.expires, now=4599.0)
    assert not tokens.opens_first(Secret(token), link.digest, link.expires, now=4600.0)
    other = tokens.new_first_link("http://127.0.0.1:8080", now=1000.0)
    assert not tokens.opens_first(Secret(token), other.digest, other.expires, now=1001.0)
    assert token not in repr(link)
