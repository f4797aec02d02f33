import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from tidegate.store import clock, ids


def test_ids_are_uuids_of_version_7_with_the_time_in_front():
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(ids.new())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_each_id_is_larger_than_the_one_before():
    made = [ids.new() for _ in range(2000)]
    assert all(a < b for a, b in pairwise(made))


def test_a_clock_that_steps_back_makes_no_smaller_ids(monkeypatch):
    first = ids.new()
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    assert first < ids.new() < ids.new()


def test_no_two_threads_make_the_same_id():
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: ids.new(), range(4000)))
    assert len(set(made)) == 4000


def test_times_are_written_and_read_to_the_microsecond():
    assert clock.text(1_800_000_000_123_456) == "2027-01-15T08:00:00.123456+00:00"
    assert clock.parse("2027-01-15T09:00:00.123456+01:00") == 1_800_000_000_123_456
    for wrong in ("2027-01-15T09:00:00", "soon"):
        with pytest.raises(ValueError, match=r"time zone|isoformat"):
            clock.parse(wrong)
