"""Policies that do not load, and all that is said of each."""

from pathlib import Path

import pytest

from tidegate.policy import PolicyError, parse

GOLDEN = Path(__file__).parent / "golden" / "load"
NAMES = sorted(file.stem for file in GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_is_wrong_where_and_how_to_mend_it(name):
    text = (GOLDEN / f"{name}.yaml").read_text(encoding="utf-8")
    with pytest.raises(PolicyError) as error:
        parse(text, f"{name}.yaml")
    told = f"{error.value}\n{error.value.excerpt}".rstrip() + "\n"
    assert told == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert "\n" not in str(error.value)
