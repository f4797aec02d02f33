from typing import get_args

import msgspec
import pytest

from tidegate import taxonomy
from tidegate.evidence import Facts, Uploader
from tidegate.policy.guard import Guard
from tidegate.policy.names import NAMES, SECOND, STATED, Type, choices
from tidegate.policy.schema import Names

ROUND = {
    "bool": "{}",
    "int": "{} == 1",
    "double": "{} >= 0.5",
    "string": "{} == '{}'",
    "list(string)": "'{1}' in {0}",
    "map(string, bool)": "{}['b']",
    "map(string, int)": "{}['b'] == 1",
    "map(string, double)": "{}['b'] >= 0.5",
}


def test_every_category_that_a_detector_scores_has_two_names():
    for category in taxonomy.CATEGORIES.values():
        detectable = category.source == "detector"
        assert (category.id in NAMES) is detectable
        assert (SECOND + category.id in NAMES) is detectable


def test_the_names_that_are_no_scores():
    """Whoever adds one reads docs/red-line.md first: content, never people."""
    assert [name for name in NAMES if name.removeprefix(SECOND) not in taxonomy.CATEGORIES] == [
        "item.kind",
        "item.format",
        "item.duration",
        "item.width",
        "item.height",
        "item.size",
        "surface",
        "locale",
        "context",
        "stated",
        "uploader.account_days",
        "uploader.removals",
        "uploader.trusted",
        "met",
        "distance",
        "query_share",
        "entry_share",
        "matched",
        "covered",
        "unknowns",
    ]


def test_what_can_be_stated_is_what_facts_may_lack():
    optional = {
        *(f.name for f in _fields(Facts) if f.default is None),
        *(f"uploader.{f.name}" for f in _fields(Uploader) if f.default is None and f.name != "id"),
    }
    assert set(STATED) == optional
    assert set(STATED) <= NAMES.keys()


def _fields(struct):

    return msgspec.structs.fields(struct)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_read_as_its_type_says(name):
    said = NAMES[name]
    assert said.type in get_args(Type)
    assert said.says
    assert said.says == said.says.strip()
    assert "\n" not in said.says
    declared = Names(surfaces=("s",), banks=("b",))
    element = choices(declared)[said.of][0] if said.of else "x"
    guard = Guard(ROUND[said.type].format(name, element), declared)
    assert guard.reads == {name}
    bound = {
        "bool": True,
        "int": 1,
        "double": 0.5,
        "string": element,
        "list(string)": [element],
        "map(string, bool)": {"b": True},
        "map(string, int)": {"b": 1},
        "map(string, double)": {"b": 0.5},
    }[said.type]
    assert guard.holds({name: bound}) is True
    assert guard.holds({}) == f"{name} is not known"
