"""Which changes are to be looked at first."""

import pytest

from tests.pipeline.recorded import record
from tidegate.evidence import Evidence
from tidegate.pipeline.notable import weigh
from tidegate.pipeline.record import Review


@pytest.mark.parametrize(
    ("old", "new", "weight"),
    [
        ("label", "review", 2),
        ("review", "hold", 2),  # Half as far, but taken from view.
        ("hold", "review", 2),
        ("hold", "quarantine", 2),  # It was out of view before.
    ],
)
def test_what_is_taken_from_view_or_given_back_counts_twice(old, new, weight):
    assert weigh(record(Evidence()), old, new, (), None).weight == weight


def test_what_a_person_found_otherwise_comes_first():
    seen = record(Evidence())
    agrees, differs = Review(action="restrict"), Review(action="hold")
    assert weigh(seen, "review", "restrict", (), agrees).weight == 1
    assert weigh(seen, "review", "restrict", (), differs).weight == 4
