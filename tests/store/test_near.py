from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.making import NOW, accept
from tidegate.store import cases, near
from tidegate.store.cases import New

HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
BITS = st.sets(st.integers(0, 255), max_size=24)


def flipped(pdq, bits):
    number = int(pdq, 16)
    for bit in bits:
        number ^= 1 << bit
    return f"{number:064x}"


@given(pdq=HASHES, bits=BITS)
def test_what_differs_by_fifteen_bits_at_most_has_a_word_in_common(pdq, bits):
    other = flipped(pdq, bits)
    assert near.distance(pdq, other) == len(bits)
    shared = any(a == b for a, b in zip(near.words(pdq), near.words(other), strict=True))
    assert shared or len(bits) > near.LIMIT


@given(pdq=HASHES)
def test_words_are_the_hash_in_sixteen_pieces(pdq):
    assert len(near.words(pdq)) == near.WORDS
    assert "".join(f"{word:04x}" for word in near.words(pdq)) == pdq


def test_the_search_finds_what_brute_force_finds(store):
    with store.write() as connection:
        item = accept(connection)

    @settings(max_examples=25, deadline=None)
    @given(
        kept=st.lists(st.tuples(st.sampled_from(("5a" * 32, "0f" * 32)), BITS), max_size=8),
        asked=st.tuples(st.sampled_from(("5a" * 32, "0f" * 32)), BITS),
    )
    def check(kept, asked):
        with store.write() as connection:
            made = {}
            for base, bits in kept:
                pdq = flipped(base, bits)
                new = New(kind="review", item=item, queues={"review": 0.0}, pdq=pdq)
                made[cases.open_case(connection, new, actor="system", now=NOW).id] = pdq
            pdq = flipped(*asked)
            found = near.find(connection, pdq)
            assert dict(found) == {
                case: near.distance(pdq, other)
                for case, other in made.items()
                if near.distance(pdq, other) <= 15
            }
            assert [one.distance for one in found] == sorted(one.distance for one in found)
            for case in made:
                cases.close(connection, case, actor="system", reason="", now=NOW)
            assert near.find(connection, pdq) == []

    check()


def test_a_word_that_everybody_has_costs_a_bounded_number_of_looks(store):
    with store.write() as connection:
        item = accept(connection)
        for number in range(near.MOST_OF_A_WORD + 20):
            # The first word is the same for all of them, the others are not.
            pdq = "abcd" + f"{number * 7919 % 65536:04x}" * 15
            new = New(kind="review", item=item, queues={"review": 0.0}, pdq=pdq)
            newest = cases.open_case(connection, new, actor="system", now=NOW)
        found = near.find(connection, newest.pdq)
        assert (newest.id, 0) in found
