"""Passwords, by Argon2id (RFC 9106).

The cost is the one that OWASP's "Password Storage Cheat Sheet" names as the least: 19 MiB of
memory, two passes, one lane. A hash made with other costs is made anew at the next login.
Length is the one rule (OWASP ASVS 5.0, 6.2; NIST SP 800-63B advises against rules of composition).
"""

import secrets
import threading
import unicodedata
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type

from tidegate.service.secret import Secret

SHORTEST = 12
"""Characters (code points, after NFC)."""

LONGEST = 256
"""Characters; a bound on what one login costs, far above any passphrase."""

OWASP = PasswordHasher(
    memory_cost=19 * 1024, time_cost=2, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)


class PasswordError(ValueError):
    """A new password that breaks the rule; the message may be shown, it does not hold it."""


class Checked(NamedTuple):
    """Whether a password is right.

    Attributes:
        right: It is that of this user.
        rehash: What to store in place of the old hash, or ``None`` where that is up to date.
    """

    right: bool
    rehash: str | None = None


class Passwords:
    """Hashes and checks passwords; safe to share between threads.

    Args:
        hasher: The cost.
        at_once: How many are hashed at a time, at 19 MiB each; others wait.
    """

    def __init__(self, hasher: PasswordHasher = OWASP, at_once: int = 4) -> None:
        self._hasher = hasher
        self._places = threading.BoundedSemaphore(at_once)
        self._nobody = hasher.hash(secrets.token_bytes(32))

    def hash(self, password: Secret) -> str:
        """Return what to store of a new password, salt and costs with it.

        Raises:
            PasswordError: Too short, too long, or not text.
        """
        text = _normal(password)
        if len(text) < SHORTEST:
            raise PasswordError(f"a password needs {SHORTEST} characters or more")
        with self._places:
            return self._hasher.hash(text)

    def check(self, password: Secret, stored: str | None) -> Checked:
        """Check a password at login.

        Args:
            password: As it was typed.
            stored: The user's hash, or ``None`` where there is no such user: that costs as
                much as a wrong password, so that the time does not tell who is one.

        Raises:
            argon2.exceptions.InvalidHashError: What is stored is not a hash of Argon2.
        """
        try:
            text = _normal(password)
        except PasswordError:  # Nobody has one of these.
            return Checked(right=False)
        with self._places:
            try:
                self._hasher.verify(self._nobody if stored is None else stored, text)
            except VerifyMismatchError:
                return Checked(right=False)
            if stored is None or not self._hasher.check_needs_rehash(stored):
                return Checked(right=stored is not None)
            return Checked(right=True, rehash=self._hasher.hash(text))


def _normal(password: Secret) -> str:
    """Return one spelling for what is typed alike on different keyboards (RFC 8265, 4.2)."""
    # Checked before the work too: what is longer by far than composing can make up for.
    too_long = PasswordError(f"a password has {LONGEST} characters at most")
    if len(password) > LONGEST * 16:
        raise too_long
    try:
        text = unicodedata.normalize("NFC", password.text())
    except ValueError:
        raise PasswordError("a password has to be text") from None
    if len(text) > LONGEST:
        raise too_long
    return text
