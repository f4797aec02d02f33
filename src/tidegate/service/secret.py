"""A value that must not be seen: no log, error, repr, pickle or JSON shows it by accident."""

import hashlib
import hmac
from typing import NoReturn, final

HIDDEN = "Secret(hidden)"
"""What a secret looks like wherever it is printed."""


@final
class Secret:
    """Bytes that only ``reveal`` and ``text`` give out, so that every place that does is found.

    Two secrets are compared in constant time. A secret cannot be hashed, copied by pickling
    or encoded: whoever wants to store one has to say so.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | bytes) -> None:
        self._value = value.encode() if isinstance(value, str) else bytes(value)

    def reveal(self) -> bytes:
        """Return the bytes."""
        return self._value

    def text(self) -> str:
        """Return the bytes as UTF-8 text.

        Raises:
            ValueError: They are none.
        """
        try:
            return self._value.decode()
        except UnicodeDecodeError:  # Its message shows the bytes.
            raise ValueError("the secret is not text") from None

    def derive(self, purpose: str) -> "Secret":
        """Return a key for one purpose: 32 bytes that tell nothing of this one or of others.

        HMAC-SHA256 as a pseudorandom function; this secret has to be a key of at least 128
        bits of entropy, not a password (NIST SP 800-108r1, section 4).
        """
        return Secret(hmac.digest(self._value, b"tidegate:" + purpose.encode(), hashlib.sha256))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is neither pickled nor copied")
