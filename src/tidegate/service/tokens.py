"""What machines and browsers show to be let in: API keys, sessions, the first link.

Only a SHA-256 of each is stored. A slow hash like Argon2 protects what people can remember,
for that can be guessed; of 256 random bits nobody guesses any, at any speed, and every request
would pay for it (OWASP "Password Storage Cheat Sheet" is about passwords; NIST SP 800-63B 5.1.2
asks for no salt or stretching where a secret has 112 bits or more).
"""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from tidegate.service.secret import Secret

_API_KEY = re.compile(r"tg_(?P<prefix>[a-z2-7]{10})_[A-Za-z0-9_-]{43}")
_SESSION = re.compile(r"tgs_[A-Za-z0-9_-]{43}")
_FIRST = re.compile(r"tga_[A-Za-z0-9_-]{43}")
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"

FIRST_LINK_SECONDS = 3600
"""How long the link of the first start is good for."""


class NewToken(NamedTuple):
    """A token, shown once.

    Attributes:
        token: For whom it is made.
        digest: For the database: SHA-256, in hexadecimal.
    """

    token: Secret
    digest: str


class NewKey(NamedTuple):
    """An API key, shown once.

    Attributes:
        token: The whole key, ``tg_<prefix>_<secret>``.
        prefix: Names it, visible to all.
        digest: For the database: SHA-256 of the whole key, in hexadecimal.
    """

    token: Secret
    prefix: str
    digest: str


def new_api_key() -> NewKey:
    """Make an API key of 256 random bits, beside the 50 that name it."""
    prefix = "".join(secrets.choice(_BASE32) for _ in range(10))
    token = Secret(f"tg_{prefix}_{secrets.token_urlsafe(32)}")
    return NewKey(token, prefix, digest(token))


def key_prefix(presented: Secret) -> str | None:
    """Return the prefix under which to look a presented key up, or ``None``: it is no key."""
    found = _API_KEY.fullmatch(_text(presented))
    return found["prefix"] if found else None


def new_session() -> NewToken:
    """Make the token of a session's cookie: 256 random bits, new at every login."""
    return _new("tgs")


def is_session(presented: Secret) -> bool:
    """Return whether it is worth looking up as a session."""
    return _SESSION.fullmatch(_text(presented)) is not None


def digest(token: Secret) -> str:
    """Return what is stored of a token, and looked up: SHA-256, in hexadecimal.

    The text of a token says what it is for, so one of a kind is never taken for another.
    """
    return hashlib.sha256(token.reveal()).hexdigest()


def matches(presented: Secret, stored: str) -> bool:
    """Return whether a token is the one that was stored, in constant time."""
    return hmac.compare_digest(digest(presented), stored)


class FirstLink(NamedTuple):
    """The link of the first start, for whoever makes the first admin; shown once.

    Attributes:
        url: It holds the token in its fragment, which no browser sends to any server: it is
            in no log and no ``Referer``. The page behind it posts the token.
        digest: For the database.
        expires: When it ends, in seconds since 1970.
    """

    url: Secret
    digest: str
    expires: float


def new_first_link(base: str, now: float) -> FirstLink:
    """Make the link.

    Args:
        base: Where the service listens, ``http://127.0.0.1:8080``.
        now: In seconds since 1970.
    """
    token, stored = _new("tga")
    url = Secret(f"{base.rstrip('/')}/welcome#{token.text()}")
    return FirstLink(url, stored, now + FIRST_LINK_SECONDS)


def opens_first(presented: Secret, stored: str, expires: float, now: float) -> bool:
    """Return whether a token is that of the link, and in time.

    Whoever asks has to delete ``stored`` in the transaction that makes the admin: that is what
    lets it work once.
    """
    known = _FIRST.fullmatch(_text(presented)) is not None
    return matches(presented, stored) and known and now < expires


def _new(kind: str) -> NewToken:
    token = Secret(f"{kind}_{secrets.token_urlsafe(32)}")
    return NewToken(token, digest(token))


def _text(presented: Secret) -> str:
    return presented.reveal().decode("ascii", "replace")
