import pytest

from tidegate.pipeline import load_policy
from tidegate.policy import PolicyError, parse

HEAD = "tidegate_policy: 1\nid: p\nversion: 3\n"
BANKS = """banks:
  - {id: a, where: {role: allow}, action: allow}
  - {id: b, where: {role: block}, action: remove}
  - {id: r, where: {role: review}, action: review}
"""
UNKNOWNS = "unknowns:\n  - {id: u, where: {}, action: review}\n"
GOOD = HEAD + BANKS + UNKNOWNS


def test_the_default_policy_loads():
    policy = load_policy()
    assert policy.name == "default/2"
    assert policy.rows("sexual.explicit")[0].review == 0.80


def test_a_minimal_policy_loads():
    assert parse(GOOD, "p.yaml").name == "p/3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: [", "p.yaml:1:5: the file ends: what is missing?"),
        (GOOD + "version: 4\n", "p.yaml:10:1: 'version' is written twice"),
        (
            GOOD + "thresholds:\n  violence.gore: {hold: 0.5, hold: 0.9}\n",
            "p.yaml:11:30: 'hold' is written twice",
        ),
        (
            GOOD + "thresholds:\n  violence.gore: {hold: .nan}\n",
            "p.yaml:11:25: must be more than 0.0 (at thresholds.violence.gore.hold)",
        ),
        ("x: &x [*x]", "p.yaml:1:8: aliases (*name) are not allowed: write it out"),
        (
            GOOD + "needs: !!set {sexual.explicit}\n",
            "p.yaml:10:8: a text cannot begin with '!', and tags are not allowed: put all of "
            "it in quotes, or in a block behind >-",
        ),
        ("[" * 5000, "p.yaml: is nested too deeply"),
        ("", "p.yaml: wants a mapping, and is nothing"),
        (
            GOOD + "prompts: []\n",
            "p.yaml:10:1: 'prompts' has no meaning here: there are tidegate_policy, id, version, "
            "banks, unknowns, title, names, needs, thresholds, rules, sampling, breakers",
        ),
        (
            GOOD + "thresholds:\n  people.uyghur: {label: 0.5}\n",
            "p.yaml:11:3: 'people.uyghur' is not a category of taxonomy v1",
        ),
        (
            GOOD + "thresholds:\n  known.other: {label: 0.5}\n",
            "p.yaml:11:3: known.other is never scored by a detector: write a rule under 'banks'",
        ),
        (
            GOOD + "thresholds:\n  violence.gore: {allow: 0.5}\n",
            "p.yaml:11:19: 'allow' has no meaning here (at thresholds.violence.gore): there are "
            "where, label, restrict, review, hold, remove, quarantine",
        ),
        (
            GOOD + "thresholds:\n  violence.gore: {label: 0.9, remove: 0.5}\n",
            "p.yaml:11:39: violence.gore: 'remove' is stronger than 'label' but asks for a lower "
            "score (0.5 < 0.9)",
        ),
        (
            HEAD + BANKS.replace("{role: block}", "{role: blok}") + UNKNOWNS,
            "p.yaml:6:27: 'blok' has no meaning here (at banks.1.where.role): "
            "did you mean 'block'?",
        ),
        (
            HEAD + BANKS.replace("action: remove", "action: allow") + UNKNOWNS,
            "p.yaml:6:5: rule 'b': only a match in an allow bank can allow",
        ),
        (
            HEAD + BANKS + "  - {id: c, where: {role: block}, action: hold}\n" + UNKNOWNS,
            "p.yaml:8:5: rules 'b' and 'c' have the same conditions: change one",
        ),
        (
            HEAD
            + "names: {banks: [x]}\n"
            + BANKS.replace("{role: review}", "{bank: x}")
            + UNKNOWNS,
            "p.yaml:5:1: no rule is for every match in a bank of role 'review': add one",
        ),
        (
            HEAD + BANKS + "unknowns:\n  - {id: u, where: {}, action: allow}\n",
            "p.yaml:9:5: rule 'u': a missing answer is not clean, it cannot 'allow'",
        ),
        (
            HEAD + BANKS + "unknowns:\n  - {id: u, where: {cause: corrupt}, action: hold}\n",
            "p.yaml:8:1: no rule is for every missing answer: add one with 'where: {}'",
        ),
    ],
)
def test_a_policy_that_does_not_load_says_what_and_where(text, message):
    with pytest.raises(PolicyError) as error:
        parse(text, "p.yaml")
    assert str(error.value) == message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PolicyError, match=r"none\.yaml: cannot be read: No such file"):
        load_policy(tmp_path / "none.yaml")
