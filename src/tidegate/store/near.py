"""Which open cases show nearly the same picture: by the sixteen words of a PDQ hash.

A PDQ hash has 256 bits. Two of them that differ by 15 bits at most are the same in at least one
of sixteen words of 16 bits, for 15 bits can spoil no more than 15 words (the pigeonhole principle;
for hashes, multi-index hashing, Norouzi, Punjani and Fleet 2012). So whoever has a word in common
is a candidate, and the Hamming distance tells.
"""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from tidegate.store.casetables import case_words, cases

WORDS = 16
"""Words of a hash, of 16 bits each."""

LIMIT = WORDS - 1
"""Bits by which near copies differ at most."""

MOST_OF_A_WORD = 64
"""Open cases that are looked at for each word, the newest. Of a word that more have in common, a
case may be missed: then its copy is a case of its own."""


class Near(NamedTuple):
    """An open case with nearly the same picture.

    Attributes:
        case: Its id.
        distance: Bits in which the hashes differ, 0 to :data:`LIMIT`.
    """

    case: str
    distance: int


def words(pdq: str) -> tuple[int, ...]:
    """Return the words of a hash, 0 to 65535 each.

    Args:
        pdq: 64 hexadecimal digits.
    """
    return tuple(int(pdq[at : at + 4], 16) for at in range(0, 4 * WORDS, 4))


def distance(one: str, other: str) -> int:
    """Return the bits in which two hashes differ, 0 to 256."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def remember(connection: Connection, case: str, pdq: str) -> None:
    """Have an open case found by its hash."""
    connection.execute(sa.insert(case_words), _rows(case, pdq))


def forget(connection: Connection, case: str, pdq: str) -> None:
    """Have a case found by its hash no more."""
    connection.execute(
        _FORGOTTEN, [{f"of_{k}": v for k, v in row.items()} for row in _rows(case, pdq)]
    )


def find(connection: Connection, pdq: str) -> list[Near]:
    """Return the open cases whose hash differs by 15 bits at most, the nearest first.

    Args:
        connection: To read by.
        pdq: 64 hexadecimal digits.
    """
    asked = {f"w{band}": word for band, word in enumerate(words(pdq))}
    rows = connection.execute(_CANDIDATES, asked)
    found = (Near(row.id, distance(row.pdq, pdq)) for row in rows)
    return sorted((one for one in found if one.distance <= LIMIT), key=lambda one: one[::-1])


def _rows(case: str, pdq: str) -> list[dict[str, int | str]]:
    return [{"band": band, "word": word, "case": case} for band, word in enumerate(words(pdq))]


def _of_word(band: int) -> sa.Select[tuple[str]]:
    query = sa.select(case_words.c.case).where(
        case_words.c.band == band, case_words.c.word == sa.bindparam(f"w{band}", type_=sa.Integer)
    )
    limited = query.order_by(case_words.c.case.desc()).limit(MOST_OF_A_WORD).subquery()
    return sa.select(limited.c.case)


# Made once: each item that goes before a person asks.
_CANDIDATES = sa.select(cases.c.id, cases.c.pdq).where(
    cases.c.id.in_(sa.union_all(*(_of_word(band) for band in range(WORDS))))
)

# By the whole key: there is no index by case.
_FORGOTTEN = sa.delete(case_words).where(
    *(case_words.c[name] == sa.bindparam(f"of_{name}") for name in ("band", "word", "case"))
)
