from datetime import UTC, datetime
from typing import Any

import pytest

from tidegate.matching import Bank, BankError, Entry, Frame, add_entries, merge, next_id
from tidegate.matching.bank import MOST_FRAMES

PDQ = "0f" * 32
NOW = datetime(2025, 6, 1, tzinfo=UTC)


def entry(id: str = "1", **fields: Any) -> Entry:
    return Entry(**{"id": id, "pdq": (Frame(PDQ),), **fields})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": ""}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"id": "x" * 201}, "id"),
        ({"pdq": ()}, "no fingerprint"),
        ({"pdq": (Frame("0F" * 32),)}, "no pdq"),
        ({"pdq": (Frame("0f" * 16),)}, "no pdq"),
        ({"sha256": ("0f" * 16,)}, "no sha256"),
        ({"md5": (PDQ,)}, "no md5"),
        ({"pdq": (Frame(PDQ, 2.0), Frame(PDQ, 1.0))}, "order"),
        ({"pdq": (Frame(PDQ, -1.0),)}, "order"),
        ({"pdq": (Frame(PDQ, float("nan")),)}, "order"),
        ({"duration": float("nan")}, "duration"),
        ({"category": "context.art"}, "category"),
        ({"category": "people"}, "category"),
        ({"kind": "audio"}, "kind"),
        ({"state": "asleep"}, "state"),
        ({"disabled_until": "tomorrow"}, "ISO 8601"),
        ({"disabled_until": "2025-01-01T00:00:00"}, "time zone"),
        ({"disabled_until": "9999-12-31T23:59:59-05:00"}, "no year from 1 to 9999"),
        ({"disabled_until": "0001-01-01T00:00:00+05:00"}, "no year from 1 to 9999"),
        ({"pdq": (Frame(PDQ),) * (MOST_FRAMES + 1)}, "600001 frames, more than 600000"),
    ],
)
def test_a_wrong_entry_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(BankError, match=reason):
        entry(**fields)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": ""}, "name"),
        ({"name": "../etc"}, "name"),
        ({"name": "-x"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"category": "context.news"}, "category"),
        ({"role": "punish"}, "role"),
        ({"max_distance": 65}, "max_distance"),
        ({"max_distance": -1}, "max_distance"),
        ({"entries": (entry("1"), entry("1"))}, "twice"),
    ],
)
def test_a_wrong_bank_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(BankError, match=reason):
        Bank(**{"name": "bank", **fields})


@pytest.mark.parametrize(
    ("state", "until", "active"),
    [
        ("active", None, True),
        ("withdrawn", None, False),
        ("withdrawn", "2025-01-01T00:00:00Z", False),
        ("disabled", None, False),
        ("disabled", "2025-05-31T23:59:59Z", True),
        ("disabled", "2025-06-01T00:00:00+00:00", True),
        ("disabled", "2025-06-01T00:00:00-02:00", False),
    ],
)
def test_an_entry_is_active_by_its_state_and_the_time(
    state: str, until: str | None, active: bool
) -> None:
    assert entry(state=state, disabled_until=until).active(NOW) is active


def test_a_hash_of_low_quality_is_not_usable_and_one_of_unknown_quality_is() -> None:
    assert not Frame(PDQ, 0.0, 49).usable
    assert Frame(PDQ, 0.0, 50).usable
    assert Frame(PDQ).usable


def test_the_next_id_follows_the_largest_number() -> None:
    assert next_id(Bank(name="bank")) == "1"
    assert next_id(Bank(name="bank", entries=(entry("9"), entry("x"), entry("٣")))) == "10"


def test_a_taken_id_is_refused() -> None:
    bank = add_entries(Bank(name="bank"), [entry("1")])
    with pytest.raises(BankError, match="twice"):
        add_entries(bank, [entry("1")])


def test_merging_keeps_what_is_new_and_renumbers_what_clashes() -> None:
    bank = Bank(name="bank", entries=(entry("1"), entry("3", md5=("0" * 32,))))
    new = entry("1", md5=("1" * 32,))
    free = entry("7", md5=("2" * 32,))
    merged = merge(bank, [entry("2"), new, free, new])
    assert [e.id for e in merged.entries] == ["1", "3", "4", "7"]
    assert merge(merged, merged.entries) == merged


def test_numbers_for_ids_never_grow_beyond_those_that_count_as_numbers() -> None:
    bank = Bank(name="bank", entries=(entry("9" * 18), entry("1"), entry("9" * 200)))
    assert next_id(bank) == "2"
    new = [entry("1", md5=(f"{n:032x}",)) for n in range(3)]
    assert [e.id for e in merge(bank, new).entries[3:]] == ["2", "3", "4"]
