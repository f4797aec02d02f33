"""Signed webhooks: who receives one can tell that it is ours, whole, and not an old one.

The header is ``Tidegate-Signature: t=1790000000,kid=k1,v1=<64 hexadecimal digits>``. What is
signed is the time in decimal digits, a full stop, and the body byte for byte, by HMAC-SHA256
(RFC 2104, FIPS 198-1) under the secret's text. While keys are exchanged ``kid`` and ``v1`` are
there twice, and either pair will do. Test vectors are in ``docs/service-security.md``.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from tidegate.service.secret import Secret

HEADER = "Tidegate-Signature"
TOLERANCE = 300
"""Seconds that a signature may be old, or ahead of the receiver's clock."""

MOST_KEYS = 2
"""Keys that sign at once: the one in use and the one that follows it."""

_LONGEST = 1024
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_HEADER = re.compile(r"t=(?P<at>[0-9]{1,12})(?P<pairs>(,kid=[A-Za-z0-9_-]{1,32},v1=[0-9a-f]{64})+)")
_PAIR = re.compile(r",kid=([^,]+),v1=([^,]+)")

SignatureCause = Literal["malformed", "too_old", "too_new", "unknown_key", "wrong"]


class SignatureError(Exception):
    """A body whose signature is not to be trusted.

    Attributes:
        cause: Why.
    """

    def __init__(self, cause: SignatureCause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class SigningKey(NamedTuple):
    """A key of a webhook.

    Attributes:
        id: Names it, visible to all: 1 to 32 letters, digits, ``-`` and ``_``.
        secret: The text that both sides hold.
    """

    id: str
    secret: Secret


def new_key(key_id: str) -> SigningKey:
    """Make a key of 256 random bits.

    Raises:
        ValueError: The id is not one.
    """
    if not _KEY_ID.fullmatch(key_id):
        raise ValueError("a key id is 1 to 32 letters, digits, - and _")
    return SigningKey(key_id, Secret(f"tgw_{secrets.token_urlsafe(32)}"))


def sign(body: bytes, keys: Sequence[SigningKey], at: int) -> str:
    """Return the header's value.

    Args:
        body: As it is sent.
        keys: One, or two while they are exchanged.
        at: When it is sent, in seconds since 1970. A retry signs anew.

    Raises:
        ValueError: No key, or more than two.
    """
    if not 1 <= len(keys) <= MOST_KEYS:
        raise ValueError(f"a webhook is signed by one key or two, not {len(keys)}")
    return f"t={at}" + "".join(f",kid={key.id},v1={_digest(body, key, at)}" for key in keys)


def verify(
    header: str,
    body: bytes,
    keys: Iterable[SigningKey],
    now: float,
    tolerance: float = TOLERANCE,
) -> str:
    """Check a signature, and return the id of the key that made it.

    Args:
        header: The header's value.
        body: As it was received, before anything parsed it.
        keys: Those that are accepted.
        now: In seconds since 1970.
        tolerance: Seconds that the time in it may be off, either way.

    Raises:
        SignatureError: Not signed by one of these keys, or not now.
    """
    read = _HEADER.fullmatch(header) if len(header) <= _LONGEST else None
    if read is None:
        raise SignatureError("malformed", f"{HEADER} is not t=…,kid=…,v1=…")
    at = int(read["at"])
    if at < now - tolerance:
        raise SignatureError("too_old", "the signature is too old")
    if at > now + tolerance:
        raise SignatureError("too_new", "the signature is of the future")
    accepted = {key.id: key for key in keys}
    known = [(accepted[k], v1) for k, v1 in _PAIR.findall(read["pairs"]) if k in accepted]
    if not known:
        raise SignatureError("unknown_key", "none of the keys that signed it is known")
    for key, v1 in known:
        if hmac.compare_digest(_digest(body, key, at), v1):
            return key.id
    raise SignatureError("wrong", "the signature is not that of this body")


def _digest(body: bytes, key: SigningKey, at: int) -> str:
    return hmac.digest(key.secret.reveal(), b"%d." % at + body, hashlib.sha256).hex()
