import contextlib

import pytest
from cel_expr_python import cel
from hypothesis import given
from hypothesis import strategies as st

from tidegate.policy import celtree

ENVIRONMENT = cel.NewEnv(variables={"a.b": cel.Type.DOUBLE, "s": cel.Type.STRING})


def serial(source):
    return ENVIRONMENT.compile(source).serialize()


def test_the_tree_of_an_expression():
    tree = celtree.read(serial("a.b > -0.5 && s in ['x', \"é\"]"), 20)
    assert (tree.kind, tree.text, tree.overload) == ("call", "_&&_", "logical_and")
    more, among = tree.parts
    assert [(p.kind, p.text, p.value) for p in more.parts] == [
        ("name", "a.b", None),
        ("constant", "", -0.5),
    ]
    assert more.overload == "greater_double"
    assert [p.kind for p in among.parts] == ["name", "list"]
    assert [p.value for p in among.parts[1].parts] == ["x", "é"]
    assert tree.total() == 9


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775807", 2**63 - 1),
        ("1.5e3", 1500.0),
        ("''", ""),
        ("null", None),
        ("b'x'", b""),
        ("1u", b""),
    ],
)
def test_constants(source, value):
    node = celtree.read(serial(source), 1)
    assert node.kind == "constant"
    assert (node.value, type(node.value)) == (value, type(value))


def test_places_are_characters():
    tree = celtree.read(serial("'😀é' ==\n s"), 3)
    assert tree.offset == 5
    assert tree.parts[1].offset == 9


def test_a_receiver_is_the_first_part():
    tree = celtree.read(serial("s.startsWith('x')"), 3)
    assert (tree.text, tree.parts[0].text, tree.parts[1].value) == ("startsWith", "s", "x")


def test_loops_and_messages_are_other():
    assert celtree.read(serial("[1].exists(x, x == 1)"), 50).kind == "other"
    assert celtree.read(serial("{'a': 1}"), 50).kind == "other"


def test_too_many_nodes():
    assert celtree.read(serial("s == 'x'"), 3).total() == 3
    with pytest.raises(celtree.TooManyNodesError):
        celtree.read(serial("s == 'x'"), 2)


WHOLE = serial("a.b > 0.5 && s == 'x'")


@given(st.data())
def test_damaged_bytes_never_do_more_than_raise(data):
    at = data.draw(st.integers(0, len(WHOLE) - 1))
    cut = WHOLE[:at] + data.draw(st.binary(max_size=4)) + WHOLE[at + data.draw(st.integers(0, 4)) :]
    with contextlib.suppress(ValueError):
        assert celtree.read(cut, 20).total() <= 20
