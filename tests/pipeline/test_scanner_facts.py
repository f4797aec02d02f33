"""What a platform says of items, given to a Scanner."""

import pytest

from demo import media
from tidegate import Scanner
from tidegate.evidence import Facts
from tidegate.pipeline import load_policy
from tidegate.policy.facts import FactsError

FAMILY = load_policy("strict-family")


def test_a_slip_of_the_pen_is_no_surface():
    assert FAMILY.names.surfaces
    right = FAMILY.names.surfaces[0]
    with pytest.raises(FactsError, match=f"did you mean '{right}'"):
        Scanner(FAMILY, detectors=(), facts=Facts(surface=right + "x"))
    with Scanner(FAMILY, detectors=(), jobs=1) as scanner:
        with pytest.raises(FactsError, match=f"did you mean '{right}'"):
            scanner.scan(media.source("rocket.jpg"), Facts(surface=right + "x"))
        assert scanner.scan(media.source("rocket.jpg"), Facts(surface=right)).facts.surface == right


def test_a_policy_that_names_no_surfaces_takes_any():
    with Scanner(detectors=(), facts=Facts(surface="anything"), jobs=1) as scanner:
        assert scanner.scan(media.source("rocket.jpg")).facts.surface == "anything"


def test_a_context_that_is_none_is_refused():
    with pytest.raises(FactsError, match=r"did you mean 'context\.art'"):
        Scanner(detectors=(), facts=Facts(context=("context.arts",)))


def test_facts_are_no_dictionary():
    with pytest.raises(TypeError, match=r"tidegate\.evidence\.Facts, not dict"):
        Scanner(detectors=(), facts={"surface": "avatar"})
