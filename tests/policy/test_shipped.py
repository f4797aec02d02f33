"""The policies that come along: each with cases that make every rule of it fire."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tidegate import taxonomy
from tidegate.evidence import (
    ACTIONS,
    Evidence,
    Facts,
    Match,
    MediaInfo,
    Signal,
    Unknown,
    Uploader,
    strength,
)
from tidegate.pipeline.load import load_cases, load_policy, shipped, shipped_cases
from tidegate.policy import PolicyError, Program, parse
from tidegate.policy.trying import coverage, run
from tidegate.schemas import text

NAMES = tuple(shipped())
POLICIES = {name: parse(text_, name) for name, text_ in shipped().items()}
PAGES = Path(__file__).parents[2] / "docs" / "policies"


def test_there_are_three_each_with_cases_and_a_page():
    assert NAMES == ("art-and-medical", "default", "strict-family")
    assert tuple(shipped_cases()) == NAMES
    assert all((PAGES / f"{name}.md").is_file() for name in NAMES)
    assert all(POLICIES[name].id == name for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_case_is_decided_as_expected_and_every_rule_fires(name):
    policy = POLICIES[name]
    cases, items = load_cases(name, policy)
    outcomes = run(Program(policy), cases, items)
    assert [(one.case.name, one.mismatches) for one in outcomes if one.mismatches] == []
    assert coverage(policy, outcomes).missed == ()


@pytest.mark.parametrize("name", NAMES)
def test_it_fits_the_schemas(name):
    for schema, shipped_text in (
        ("policy-v1.json", shipped()[name]),
        ("cases-v1.json", shipped_cases()[name]),
    ):
        jsonschema.validate(yaml.safe_load(shipped_text), yaml.safe_load(text(schema)))


def test_the_schema_knows_the_categories_and_actions():
    schema = yaml.safe_load(text("policy-v1.json"))
    policy = schema["$defs"]["Policy"]["properties"]
    assert tuple(policy["thresholds"]["propertyNames"]["enum"]) == taxonomy.detectable()
    assert sorted(schema["$defs"]["BankRule"]["properties"]["action"]["enum"]) == sorted(ACTIONS)
    for definition in schema["$defs"].values():
        for name, said in definition.get("properties", {}).items():
            assert said.get("description"), name
    given = yaml.safe_load(shipped()["default"])
    for wrong in (
        {"thresholds": {"people.face": {"label": 0.5}}},
        {"thresholds": {"sexual.explicit": {"allow": 0.5}}},
        {"id": "Not An Id"},
        {"needs": ["child_safety.known_material"]},
        {"treshold": {}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(given | wrong, schema)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_speaks_of_every_rule(name):
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    policy = POLICIES[name]
    ids = [
        *policy.thresholds,
        *(one.id for section in ("banks", "rules", "sampling", "breakers", "unknowns")
          for one in getattr(policy, section)),
    ]  # fmt: skip
    assert [one for one in ids if f"`{one}`" not in page] == []
    cited = set(re.findall(r"`(?:banks|rules|sampling|breakers|unknowns)\.([a-z-]+)`", page))
    assert cited <= set(ids)


scores = st.floats(0, 1)
signals = st.builds(
    Signal,
    category=st.sampled_from(taxonomy.detectable()),
    score=scores,
    detector=st.sampled_from(["one", "two", "three"]),
    version=st.just("1"),
    review_only=st.booleans(),
)
matches = st.builds(
    Match,
    bank=st.just("b"),
    entry=st.just("1"),
    category=st.sampled_from(taxonomy.bankable()),
    role=st.sampled_from(["block", "review", "allow"]),
    kind=st.sampled_from(["pdq", "sha256"]),
    distance=st.integers(0, 31),
)
unknowns = st.builds(
    Unknown,
    stage=st.just("media"),
    cause=st.sampled_from(["corrupt", "truncated", "deadline"]),
    detail=st.just("d"),
)
evidences = st.builds(
    Evidence,
    sha256=st.just("0" * 64),
    media=st.just(MediaInfo(kind="image", format="jpeg", width=9, height=9)),
    signals=st.lists(signals, max_size=4).map(tuple),
    matches=st.lists(matches, max_size=2).map(tuple),
    unknowns=st.lists(unknowns, max_size=1).map(tuple),
    covered=st.just(taxonomy.detectable()),
)
facts = st.builds(
    Facts,
    surface=st.sampled_from([None, "avatar", "cover", "elsewhere"]),
    locale=st.sampled_from([None, "de-AT", "en"]),
    context=st.sets(
        st.sampled_from([c.id for c in taxonomy.CATEGORIES.values() if c.source == "context"])
    ).map(tuple),
    uploader=st.builds(
        Uploader,
        account_days=st.sampled_from([None, 0, 100]),
        removals=st.sampled_from([None, 0, 9]),
        trusted=st.sampled_from([None, True, False]),
    ),
)
PROGRAMS = {name: Program(policy) for name, policy in POLICIES.items()}


@given(st.sampled_from(NAMES), evidences, facts)
def test_scores_alone_never_remove_anything(name, evidence, stated):
    blind = Evidence(
        sha256=evidence.sha256,
        media=evidence.media,
        signals=evidence.signals,
        covered=evidence.covered,
    )
    decision = PROGRAMS[name].decide(blind, stated)
    assert strength(decision.action) <= strength("hold")


@given(st.sampled_from(NAMES), evidences, facts)
def test_what_was_not_seen_is_never_simply_allowed(name, evidence, stated):
    if evidence.unknowns and not any(m.role == "allow" for m in evidence.matches):
        assert PROGRAMS[name].decide(evidence, stated).action != "allow"


@given(st.sampled_from(NAMES), evidences, facts)
def test_no_context_lowers_known_child_abuse_material(name, evidence, stated):
    match = Match(
        bank="hashes",
        entry="1",
        category="child_safety.known_material",
        role="block",
        kind="sha256",
        distance=0,
    )
    met = Evidence(
        sha256=evidence.sha256,
        media=evidence.media,
        signals=evidence.signals,
        matches=(*evidence.matches, match),
        unknowns=evidence.unknowns,
        covered=evidence.covered,
    )
    assert PROGRAMS[name].decide(met, stated).action == "quarantine"


def test_a_shipped_name_is_a_policy_and_a_path_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_policy("strict-family").name == "strict-family/1"
    assert load_policy().name == load_policy("default").name == "default/2"
    mine = shipped()["default"].replace("id: default", "id: mine")
    Path("strict-family").write_text(mine)
    with pytest.raises(PolicyError) as error:
        load_policy("strict-family")
    assert str(error.value) == (
        "strict-family: is a policy that comes with Tidegate, and a file here too: "
        "write ./strict-family for the file"
    )
    assert load_policy("./strict-family").id == "mine"
    assert load_policy(Path("strict-family")).id == "mine"
    Path("default").write_text("nothing")
    assert load_policy().name == "default/2"


def test_a_slip_in_the_name_of_a_policy_is_told():
    with pytest.raises(PolicyError) as error:
        load_policy("strict-famly")
    assert str(error.value) == (
        "strict-famly: cannot be read: No such file or directory (did you mean 'strict-family'?)"
    )
