import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tidegate.service.secret import Secret
from tidegate.service.signing import SignatureError, SigningKey, new_key, sign, verify

GOLDEN = json.loads((Path(__file__).parent / "golden" / "signing.json").read_text())
DOCS = (Path(__file__).parents[2] / "docs" / "service-security.md").read_text()
AT = 1_790_000_000
OLD, NEW = SigningKey("k1", Secret("tgw_old")), SigningKey("k2", Secret("tgw_new"))


def fails(header: str, body: bytes = b"{}", now: float = AT, *keys: SigningKey) -> str:
    with pytest.raises(SignatureError) as caught:
        verify(header, body, keys or [OLD], now)
    return caught.value.cause


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_golden_signatures(vector: dict[str, Any]) -> None:
    keys = [SigningKey(key["id"], Secret(key["secret"])) for key in vector["keys"]]
    body = vector["body"].encode()
    assert sign(body, keys, vector["at"]) == vector["header"]
    for key in keys:
        assert verify(vector["header"], body, [key], vector["at"]) == key.id
        by_hand = hmac.new(
            key.secret.reveal(), f"{vector['at']}.".encode() + body, hashlib.sha256
        ).hexdigest()
        assert f"kid={key.id},v1={by_hand}" in vector["header"]


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_the_documentation_has_the_same(vector: dict[str, Any]) -> None:
    assert vector["header"] in DOCS
    assert vector["body"] in DOCS


def test_the_receiver_in_the_documentation_works() -> None:
    code = re.search(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert code
    space: dict[str, Any] = {}
    exec(code[1], space)
    accepts, secrets = space["is_ours"], {"k1": "tgw_old"}
    header = sign(b"{}", [OLD, NEW], AT)
    assert accepts(header, b"{}", secrets, AT + 299)
    assert not accepts(header, b"{ }", secrets, AT)
    assert not accepts(header, b"{}", secrets, AT + 301)
    assert not accepts(header, b"{}", {"k3": "tgw_old"}, AT)
    assert not accepts(sign(b"{}", [NEW], AT), b"{}", {"k2": "tgw_old"}, AT)
    for text in (
        "",
        "t=",
        "t=1,kid",
        "v1=00",
        "t=1,v1=é,kid=k1",
        "t=٣,kid=k1,v1=0",
        f"t={1:05000}",
    ):
        assert not accepts(text, b"{}", secrets, AT)


def test_another_body_time_or_key_is_wrong() -> None:
    header = sign(b"{}", [OLD], AT)
    assert fails(header, b"{ }") == "wrong"
    assert fails(header.replace(f"t={AT}", f"t={AT + 1}")) == "wrong"
    assert fails(header, b"{}", AT, SigningKey("k1", NEW.secret)) == "wrong"
    assert fails(header, b"{}", AT, NEW) == "unknown_key"


def test_an_old_or_a_future_one_is_refused() -> None:
    header = sign(b"{}", [OLD], AT)
    assert verify(header, b"{}", [OLD], AT + 300) == "k1"
    assert verify(header, b"{}", [OLD], AT - 300) == "k1"
    assert fails(header, now=AT + 301) == "too_old"
    assert fails(header, now=AT - 301) == "too_new"


def test_a_digit_cannot_move_between_time_and_body() -> None:
    signature = sign(b"1.x", [OLD], 17).partition(",")[2]
    assert fails(f"t=171,{signature}", b".x", now=171) == "wrong"


def test_both_sides_exchange_a_key_without_a_gap() -> None:
    for signing in ([OLD], [OLD, NEW], [NEW, OLD], [NEW]):
        header = sign(b"{}", signing, AT)
        assert verify(header, b"{}", [OLD, NEW], AT) in ("k1", "k2")
    both = sign(b"{}", [OLD, NEW], AT)
    assert verify(both, b"{}", [OLD], AT) == "k1"
    assert verify(both, b"{}", [NEW], AT) == "k2"


def test_a_right_pair_counts_beside_a_forged_one() -> None:
    header = sign(b"{}", [OLD], AT)
    assert verify(f"{header},kid=k2,v1={'0' * 64}", b"{}", [OLD, NEW], AT) == "k1"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "kid=k1,v1=" + "0" * 64,
        f"t={AT},v1=" + "0" * 64,
        f"t={AT},kid=k1,v1=" + "0" * 63,
        f"t={AT},kid=k1,v1=" + "G" * 64,
        f"t={AT},kid=k1,v1=" + "é" * 64,
        f"t={AT}, kid=k1, v1=" + "0" * 64,
        f"t=-1,kid=k1,v1={'0' * 64}",
        f"t=٣,kid=k1,v1={'0' * 64}",
        f"t={'9' * 20},kid=k1,v1={'0' * 64}",
        f"t={AT}" + f",kid=k1,v1={'0' * 64}" * 50,
        f"t={AT},kid=k1,v1={'0' * 64}\n",
    ],
)
def test_a_header_of_another_form_is_malformed(header: str) -> None:
    assert fails(header) == "malformed"


def test_new_keys_are_long_and_differ() -> None:
    first, second = new_key("k1"), new_key("k1")
    assert first.secret != second.secret
    assert len(first.secret.text()) == len("tgw_") + 43
    assert first.secret.text() not in repr(first)
    with pytest.raises(ValueError, match="key id"):
        new_key("a,v1=b")


def test_no_key_or_three_do_not_sign() -> None:
    for keys in ([], [OLD] * 3):
        with pytest.raises(ValueError, match="one key or two"):
            sign(b"", keys, AT)
