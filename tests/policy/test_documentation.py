"""docs/policy.md says what is so."""

import re
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
import yaml

from tidegate import taxonomy
from tidegate.evidence import ACTIONS, Cause, Stage
from tidegate.policy import Program, parse
from tidegate.policy.cases import parse_cases
from tidegate.policy.names import NAMES, SECOND
from tidegate.policy.trying import run
from tidegate.schemas import text

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
WHOLE = next(example for example in EXAMPLES if "tidegate_policy:" in example)

TYPES = {
    "bool": "true or false",
    "int": "whole number",
    "double": "decimal number",
    "string": "text",
    "list(string)": "list of texts",
    "map(string, bool)": "by bank, true or false",
    "map(string, int)": "by bank, whole number",
    "map(string, double)": "by bank, decimal number",
}


def completed(example):
    """Return a part of a policy in place of that of the whole one."""
    parts = yaml.safe_load(WHOLE) | yaml.safe_load(example)
    return yaml.safe_dump(parts, sort_keys=False, allow_unicode=True)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if "tidegate_cases:" not in e])
def test_every_example_loads_and_fits_the_schema(example):
    # As it stands, for the eyes of the parser, and completed.
    policy = example if example == WHOLE else completed(example)
    parse(policy, "example.yaml")
    jsonschema.validate(yaml.safe_load(policy), yaml.safe_load(text("policy-v1.json")))


def test_the_cases_are_decided_as_they_say():
    (example,) = (e for e in EXAMPLES if "tidegate_cases:" in e)
    policy = parse(WHOLE, "my.yaml")
    outcomes = run(Program(policy), parse_cases(example, "my.cases.yaml", policy), {})
    assert [(o.case.name, o.mismatches) for o in outcomes if o.mismatches] == []


def test_the_vocabulary_is_complete():
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
    told = {row for row in rows if row[1] in TYPES.values()}
    assert told == {
        (name, TYPES[said.type], said.says)
        for name, said in NAMES.items()
        if name.removeprefix(SECOND) not in taxonomy.CATEGORIES
    }


def test_every_action_cause_stage_and_flag_is_named():
    flags = [c.id for c in taxonomy.CATEGORIES.values() if c.source == "context"]
    for name in (*ACTIONS, *get_args(Cause), *get_args(Stage), *flags):
        assert f"`{name}`" in PAGE, name


def test_every_field_is_named():
    schema = yaml.safe_load(text("policy-v1.json"))
    for definition in schema["$defs"].values():
        for name in definition.get("properties", {}):
            assert re.search(rf"\b{name}\b", PAGE), name


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)#]+)", PAGE))
def test_every_link_leads_somewhere(link):
    assert (Path(__file__).parents[2] / "docs" / link).exists()
