"""Keys: the same for the same content however it comes, and not to be chosen by who hands it in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.matching.test_bankfile import entries as any_entry
from tidegate.matching import Entry, Frame, lookup
from tidegate.matching.bank import content
from tidegate.matching.columns import MD5, PICTURE, SHA256
from tidegate.matching.keys import Keys
from tidegate.matching.lookup import Lookup

KEYS = Keys(b"salt")


def test_a_fingerprint_has_the_same_key_whichever_way_it_comes() -> None:
    held = np.random.default_rng(0).integers(0, 256, (3, 32), np.uint8)
    held[2, 16:] = 0
    entries = [
        Entry(id="1", pdq=(Frame(held[0].tobytes().hex()),)),
        Entry(id="2", sha256=(held[1].tobytes().hex(),)),
        Entry(id="3", md5=(held[2, :16].tobytes().hex(),)),
    ]
    keys = KEYS.single(np.array([PICTURE, SHA256, MD5], np.uint8), held)
    assert KEYS.of(entries).tolist() == keys.tolist()
    assert KEYS.digests(SHA256, held[1:2]).tolist() == keys[1:2].tolist()
    assert KEYS.digests(MD5, held[2:, :16]).tolist() == keys[2:].tolist()


@given(some=st.lists(any_entry, max_size=8))
def test_keys_are_equal_where_contents_are(some: list[Entry]) -> None:
    keys = KEYS.of(some).tolist()
    again = KEYS.of(some[::-1]).tolist()[::-1]
    assert keys == again
    assert len(set(keys)) == len({content(entry) for entry in some})


def test_every_bit_and_the_kind_and_the_salt_count() -> None:
    bits = np.packbits(np.eye(256, dtype=np.uint8), axis=1)
    prefix = np.random.default_rng(0).integers(0, 256, (5000, 32), np.uint8)
    prefix[:, :24] = 7
    held = np.concatenate((bits, prefix, np.zeros((1, 32), np.uint8)))
    found: set[int] = set()
    for salt in (b"", b"salt", b"\0" * 16):
        for kind in (PICTURE, SHA256):
            found.update(Keys(salt).single(np.full(len(held), kind, np.uint8), held).tolist())
    assert len(found) == 6 * len(held)
    # As evenly spread as chance would have it: 4096 parts by the first bits, by the last ones.
    for shift in (52, 0):
        parts = {key >> shift & 4095 for key in found}
        assert len(parts) > 4000


@given(
    there=st.lists(st.integers(0, 9), max_size=12),
    keys=st.lists(st.integers(0, 9), max_size=12),
    many=st.integers(1, 4),
)
def test_keys_meet_as_if_all_were_compared(there: list[int], keys: list[int], many: int) -> None:
    table = Lookup.of(np.array(there, np.uint64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "MANY", many)
        met = [
            pair
            for place, number in table.meet(np.array(keys, np.uint64))
            for pair in zip(place.tolist(), number.tolist(), strict=True)
        ]
    assert met == [
        (at, n) for at, key in enumerate(keys) for n, other in enumerate(there) if key == other
    ]
