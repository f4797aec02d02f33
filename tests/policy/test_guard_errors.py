"""What is wrong with a guard: where, in which words, and that nothing gets past."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.policy.guard import MOST_CHARACTERS, MOST_NODES, Guard, GuardError
from tidegate.policy.names import NAMES
from tidegate.policy.schema import Names

DECLARED = Names(surfaces=("avatar", "post"), banks=("press-photos", "terror"))
GOLDEN = sorted((Path(__file__).parent / "golden" / "guards").glob("*.txt"))


def error(source, declared=DECLARED):
    with pytest.raises(GuardError) as caught:
        Guard(source, declared)
    return caught.value


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_messages(path):
    source, _, wanted = path.read_text(encoding="utf-8").partition("\n---\n")
    told = error(source)
    assert f"{told}\n{told.caret()}\n" == wanted


def test_the_place_is_within_the_guard():
    told = error("uploader.account_days < 7 &&\n  surfce == 'avatar'")
    assert (told.line, told.column) == (2, 3)
    assert told.text == "  surfce == 'avatar'"
    assert told.caret() == "  surfce == 'avatar'\n  ^"


def test_the_place_counts_characters_not_bytes():
    told = error("'äöü😀' == locale && locle == 'de'")
    assert (told.line, told.column) == (1, 21)


def test_the_caret_stays_beneath_in_a_long_line():
    told = error("uploader.trusted || " * 20 + "surfce == 'avatar'")
    line, caret = told.caret(60).split("\n")
    assert len(line) <= 60
    assert line[caret.index("^") :].startswith("surfce")


def test_what_the_policy_does_not_declare_is_refused():
    assert error("surface == 'avatar'", Names()).message.endswith("it declares none")
    assert error("met['terror']", Names()).message.endswith("it declares none")


@pytest.mark.parametrize(
    "name", [name for name, said in NAMES.items() if said.of is not None], ids=str
)
def test_texts_of_closed_sets_are_compared_with_literals_only(name):
    said = NAMES[name]
    if said.type == "string":
        ways = [f"{name} == locale", f"locale != {name}", f"{name} in [locale]", f"{name} < 'x'"]
        ways += [f"locale in [{name}]", f"{name} + 'x' == 'y'", f"size({name}) == 3"]
        ways += [f"(true ? {name} : 'x') == 'y'", f"{name}.contains('x')", f"{name} == 'nowhere'"]
    elif said.type == "list(string)":
        ways = [f"locale in {name}", f"{name} == ['x']", f"'x' in ({name} + {name})"]
        ways += [f"{name}[0] == 'x'", f"'nowhere' in {name}", f"{name}.exists(x, x == 'y')"]
    else:
        ways = [f"{name}[locale] == {name}['terror']", f"{name}.terror == {name}['terror']"]
        ways += [f"'terror' in {name}", f"size({name}) == 1", f"{name} == {name}"]
        ways += [f"{name}['ter' + 'ror'] == {name}['terror']", f"has({name}.terror)"]
    for way in ways:
        assert error(way).line == 1, way


@pytest.mark.parametrize(
    "source",
    [
        "[1, 2].all(x, x > 0)",
        "size([1, 2].map(x, x * 2)) == 2",
        "[1].exists_one(x, x == 1)",
        "size([1].filter(x, true)) == 1",
        "duration('1s') < duration('2s')",
        "timestamp(0).getFullYear() == 1970",
        "string(1) == '1'",
        "type(1) == int",
        "dyn('a') == 1",
        "uint(1) == 1u",
        "bytes('a') == b'a'",
        "size('a'.split('')) == 1",
        "'a'.matches('a')",
        "double('nan') == 0.0",
        "has(uploader.trusted)",
        "{'a': true}['a']",
        "[true][0]",
        "null == null",
        "optional.of(1).hasValue()",
        "math.greatest(1, 2) == 2",
        "google.protobuf.Int64Value{value: 1} == 1",
    ],
)
def test_what_a_guard_cannot_do(source):
    error(source)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 100_000,
        "[" * 1_900,
        "[" * 900 + "]" * 900,
        "!" * 1_900,
        "!(" * 600 + "true" + ")" * 600,
        "1" + "+1" * 900 + " == 1",
        "true?true:" * 190 + "true",
        "true&&" * 300 + "true",
        "met[" * 400,
        "\\" * 2_000,
        "'" * 1_999,
        "item.size > " + "9" * 1_900,
        "item.duration > 1e999",
        "true\x00",
        "\x00",
        "surface == '\ud800'",
        "surface == '\\ud800'",
        "\ufefftrue",
        "true\u2028",
        "true\x1b[31m",
        "\U000e0001true",
        "true || '" + "a" * MOST_CHARACTERS + "' == locale",
        "[0,1,2,3,4,5,6,7,8,9].exists(a," * 9 + "false" + ")" * 9,
        "locale.matches('" + "(a{1000})" * 200 + "')",
        "$", "`a`", "a\\b", "'''", "r'", "b\"", "0x", "1e", "..", "@in(1)", "_&&_(true, true)",
    ],
)  # fmt: skip
def test_hostile_guards_are_refused(source):
    told = error(source)
    assert "\n" not in told.message
    assert len(told.message) < 300
    assert told.message.isprintable()
    assert len(told.caret().split("\n")) == 2


TOKENS = st.sampled_from(
    [
        *NAMES,
        *"()[]{}?:,.!<>+-*/%'\"\\\n`é ",
        *("&&", "||", "==", "!=", "<=", ">=", " in ", "has(", "size(", ".exists("),
        *("0.5", "1", "1u", "true", "null", "'avatar'", "'terror'"),
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(TOKENS, max_size=25).map("".join)))
@example("sexual.explicit.")
@example("has(sexual)")
def test_any_text_is_a_guard_or_a_clear_error(source):
    made = attempt(source)
    if isinstance(made, Guard):
        assert made.reads <= NAMES.keys()
        assert 1 <= made.cost <= MOST_NODES
        assert isinstance(made.holds({}), bool | str)
    else:
        assert made.message.isprintable()
        lines = source.split("\n")
        assert 1 <= made.line <= len(lines)
        assert 1 <= made.column <= len(lines[made.line - 1]) + 1
        assert made.text == lines[made.line - 1]


def attempt(source):
    try:
        return Guard(source, DECLARED)
    except GuardError as error:
        return error
