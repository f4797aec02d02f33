import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError
from argon2.low_level import Type

from tidegate.service.passwords import LONGEST, OWASP, PasswordError, Passwords
from tidegate.service.secret import Secret

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
GOOD = Secret("correct horse battery")


class Counting(PasswordHasher):
    """Counts what it verifies, and with which costs."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[object] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.verified.append(extract_parameters(str(hash)))
        return super().verify(hash, password)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP)


def test_the_costs_are_those_of_owasp() -> None:
    found = extract_parameters(Passwords(OWASP).hash(GOOD))
    assert found.type is Type.ID
    assert (found.memory_cost, found.time_cost, found.parallelism) == (19456, 2, 1)
    assert (found.salt_len, found.hash_len) == (16, 32)


def test_the_right_one_and_no_other_passes(passwords: Passwords) -> None:
    stored = passwords.hash(GOOD)
    assert passwords.check(GOOD, stored) == (True, None)
    assert passwords.check(Secret("correct horse Battery"), stored) == (False, None)
    assert passwords.check(Secret("correct horse battery "), stored) == (False, None)
    assert passwords.hash(GOOD) != stored


def test_the_hash_is_renewed_where_the_costs_have_changed(passwords: Passwords) -> None:
    stored = passwords.hash(GOOD)
    dearer = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    right, rehash = dearer.check(GOOD, stored)
    assert right
    assert rehash is not None
    assert dearer.check(GOOD, rehash) == (True, None)
    assert dearer.check(Secret("wrong wrong wrong"), stored) == (False, None)


def test_an_unknown_user_costs_as_much_as_a_wrong_password() -> None:
    hasher = Counting()
    passwords = Passwords(hasher)
    assert passwords.check(Secret("wrong wrong wrong"), passwords.hash(GOOD)) == (False, None)
    assert passwords.check(Secret("wrong wrong wrong"), None) == (False, None)
    assert len(hasher.verified) == 2
    assert hasher.verified[0] == hasher.verified[1]


def test_length_is_the_one_rule(passwords: Passwords) -> None:
    for text in ("a" * 12, "é" * 12, "            ", "🦉" * LONGEST):
        assert passwords.check(Secret(text), passwords.hash(Secret(text))).right
    for text in ("", "Tr0ub4dor&3", "e\u0301" * 11, "a" * (LONGEST + 1), "a" * 10_000_000):
        with pytest.raises(PasswordError) as caught:
            passwords.hash(Secret(text))
        assert "Tr0ub" not in str(caught.value)


def test_what_is_no_password_is_just_wrong(passwords: Passwords) -> None:
    stored = passwords.hash(GOOD)
    for value in (b"", b"\xff" * 20, b"a" * 10_000_000):
        assert passwords.check(Secret(value), stored) == (False, None)
    with pytest.raises(PasswordError, match="text"):
        passwords.hash(Secret(b"\xff" * 20))


def test_one_letter_typed_in_two_ways_is_one(passwords: Passwords) -> None:
    stored = passwords.hash(Secret("caf\u00e9 caf\u00e9 caf\u00e9"))
    assert passwords.check(Secret("cafe\u0301 cafe\u0301 cafe\u0301"), stored).right


def test_a_damaged_hash_is_not_a_wrong_password(passwords: Passwords) -> None:
    with pytest.raises(InvalidHashError):
        passwords.check(GOOD, "plain text")
