"""Keys: a number for a content or a digest, by which tables are sorted and looked up.

Whoever hands in lists chooses what is in them, and must not choose the keys: thousands of
entries with the same key would have to be compared one by one. So each bank has a salt of
its own, and single fingerprints are hashed by a family that promises a collision of any
two with a chance of 2⁻⁶⁴ over the salts (vector multiply-shift: Dietzfelbinger, "Universal
hashing and k-wise independent random variables via integer arithmetic without primes",
STACS 1996; here twice 32 bits), which NumPy computes for millions; the rest by BLAKE2b.
"""

from collections.abc import Sequence
from hashlib import blake2b, shake_256

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.matching.bank import Entry, content
from tidegate.matching.columns import MD5, PICTURE, SHA256, matrix
from tidegate.matching.index import HASH_BYTES

SALT_BYTES = 16

_WORDS = HASH_BYTES // 4


class Keys:
    """Makes the keys of a bank. Equal contents have equal keys, others hardly ever.

    Attributes:
        check: Tells whether two banks have the same keys.
    """

    def __init__(self, salt: bytes) -> None:
        """Take the salt of the bank, at most 64 bytes."""
        self._salt = salt
        stream = np.frombuffer(shake_256(salt).digest(2 * (_WORDS + 2) * 8), "<u8")
        # One addend, one factor for the kind, and one for each word.
        self._factors = stream.reshape(2, _WORDS + 2).astype(np.uint64)
        self.check = blake2b(b"check", key=salt, digest_size=8).hexdigest()

    def single(self, kind: NDArray[np.uint8], held: NDArray[np.uint8]) -> NDArray[np.uint64]:
        """Return the key of each single fingerprint.

        Args:
            kind: (n,) what each is.
            held: (n, 32) the fingerprints, zeros behind an MD5.
        """
        words = np.ascontiguousarray(held).view("<u4")
        found = np.zeros((2, len(kind)), np.uint64)
        for half, (addend, of_kind, *factors) in zip(found, self._factors, strict=True):
            half += addend
            half += kind.astype(np.uint64) * of_kind
            for column, factor in enumerate(factors):
                half += words[:, column].astype(np.uint64) * factor
        high, low = found >> np.uint64(32)
        keys: NDArray[np.uint64] = high << np.uint64(32) | low
        return keys

    def digests(self, kind: int, held: NDArray[np.uint8]) -> NDArray[np.uint64]:
        """Return the keys of digests of a kind, (n, 16 or 32) uint8."""
        padded = np.zeros((len(held), HASH_BYTES), np.uint8)
        padded[:, : held.shape[1]] = held
        return self.single(np.full(len(held), kind, np.uint8), padded)

    def of(self, entries: Sequence[Entry]) -> NDArray[np.uint64]:
        """Return the key of the content of each entry."""
        keys = np.zeros(len(entries), np.uint64)
        places, kinds, held = [], [], []
        for place, entry in enumerate(entries):
            if single := _single(entry):
                places.append(place)
                kinds.append(single[0])
                held.append(single[1].ljust(HASH_BYTES, b"\0"))
            else:
                text = msgspec.json.encode(content(entry))
                digest = blake2b(text, key=self._salt, digest_size=8).digest()
                keys[place] = int.from_bytes(digest)
        if places:
            keys[places] = self.single(np.array(kinds, np.uint8), matrix(held))
        return keys


def _single(entry: Entry) -> tuple[int, bytes] | None:
    """Return what an entry holds that is a picture with a single fingerprint."""
    prints = [
        *((PICTURE, frame.pdq) for frame in entry.pdq),
        *((SHA256, digest) for digest in entry.sha256),
        *((MD5, digest) for digest in entry.md5),
    ]
    moved = bool(entry.pdq) and entry.pdq[0].second != 0.0
    if len(prints) > 1 or entry.kind == "video" or moved:
        return None
    return prints[0][0], bytes.fromhex(prints[0][1])
