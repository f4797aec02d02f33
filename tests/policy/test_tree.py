"""Where something in a text value stands in the file, whatever the style of the value."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tidegate.policy.tree import find, read, within

WORDS = st.lists(st.sampled_from(["a", "&&", "'b'", '"', "\\", "ä→", "x == 'y'"]), min_size=1)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=4).map("\n".join)


@given(TEXTS, st.sampled_from([None, "'", '"', "|", ">"]), st.integers(10, 80), st.data())
def test_each_visible_character_is_found(value, style, width, data):
    dumped = yaml.dump(
        [{"when": value}], default_style=style, width=width, allow_unicode=data.draw(st.booleans())
    )
    tree, plain = read(dumped)
    assert plain == [{"when": value}]
    offset = data.draw(
        st.sampled_from([i for i, character in enumerate(value) if not character.isspace()])
    )
    before = value[:offset]
    line, column = before.count("\n") + 1, offset - before.rfind("\n")
    place = within(tree, (0, "when"), dumped, line, column)
    shown = dumped.splitlines()[place.line - 1][place.column - 1 :]
    written = {"'": ("'", "''"), '"': ('\\"',), "\\": ("\\",)}.get(value[offset], (value[offset],))
    assert shown.startswith((*written, value[offset], "\\x", "\\u"))
    assert find(tree, (0, "when"))[1].value == value


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        ("when: |+2\n    a\n   b\n", 2, 2, (3, 4)),
        ("when: >-  # a comment\n\n  a\n  b c\n", 2, 5, (4, 5)),
        ('when: "a\\\n  b"\n', 1, 2, (2, 3)),
        ("when: 'it''s' # not this\n", 1, 6, (1, 13)),
        ("when: a\n", 1, 2, (1, 8)),
        ("when: ''\n", 1, 1, (1, 8)),
    ],
)
def test_what_stands_at_borders(text, line, column, expected):
    tree, _ = read(text)
    assert within(tree, ("when",), text, line, column) == expected
