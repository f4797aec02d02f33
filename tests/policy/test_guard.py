import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.policy.guard import Guard, GuardError, Guards, bind
from tidegate.policy.schema import Names

DECLARED = Names(surfaces=("avatar", "post"), banks=("press-photos", "terror"))


def guard(source):
    return Guard(source, DECLARED)


def test_a_guard_holds_or_not():
    young = guard("sexual.explicit > 0.5 && (surface == 'avatar' || uploader.account_days < 7)")
    assert young.holds({"sexual.explicit": 0.6, "surface": "avatar"}) is True
    assert young.holds({"sexual.explicit": 0.4}) is False
    told = {"sexual.explicit": 0.6, "surface": "post", "uploader.account_days": 7}
    assert young.holds(told) is False


def test_what_is_not_known_is_unknown_and_named():
    assert guard("sexual.explicit > 0.5").holds({}) == "sexual.explicit is not known"
    assert guard("!(sexual.explicit > 0.5)").holds({}) == "sexual.explicit is not known"
    assert guard("second.sexual.explicit > 0.5").holds({"sexual.explicit": 0.9}) == (
        "second.sexual.explicit is not known"
    )
    assert guard("uploader.trusted ? true : true").holds({}) == "uploader.trusted is not known"


@pytest.mark.parametrize("by", ["met['terror']", "distance['terror'] < 9"])
def test_a_bank_that_was_not_asked_is_unknown(by):
    values = {"met": {"press-photos": True}, "distance": {"press-photos": 3}}
    assert guard(by).holds(values) == "bank 'terror' was not asked"


def test_what_cannot_be_computed_is_unknown():
    answer = guard("item.size * 9223372036854775807 > 3").holds({"item.size": 9})
    assert answer == "cannot be computed: integer overflow"


@pytest.mark.parametrize("value", ["0.9", None, [0.9]])
def test_a_value_of_another_type_is_unknown(value):
    assert isinstance(guard("sexual.explicit > 0.5").holds({"sexual.explicit": value}), str)


@pytest.mark.parametrize(
    ("source", "values", "holds"),
    [
        (".surface == 'avatar'", {"surface": "avatar"}, True),
        ("'avatar' != surface", {"surface": "avatar"}, False),
        ("surface in ['avatar', 'post']", {"surface": "post"}, True),
        ("'context.art' in context", {"context": ["context.art"]}, True),
        ("size(context) == 0 && context.size() == 0", {"context": []}, True),
        ("'deadline' in unknowns", {"unknowns": ["deadline"]}, True),
        ("'surface' in stated", {"stated": []}, False),
        ("met['terror'] && !met['press-photos']", {"met": {"terror": True}}, None),
        ("entry_share['terror'] >= 0.5", {"entry_share": {"terror": 0.5}}, True),
        ("locale.startsWith('de-')", {"locale": "de-AT"}, True),
        ("item.format in ['gif', 'webp']", {"item.format": "jpeg"}, False),
        ("double(item.width) / 2.0 > 99.5", {"item.width": 200}, True),
        ("item.size % 2 == 1", {"item.size": 3}, True),
        ("-item.size == -3 && item.size >= int(2.5)", {"item.size": 3}, True),
        ("sexual.explicit - second.sexual.explicit < 0.1", {"sexual.explicit": 0.5}, None),
        ("true", {}, True),
    ],
)
def test_the_language(source, values, holds):
    answer = guard(source).holds(values)
    assert isinstance(answer, str) if holds is None else answer is holds


def test_a_guard_knows_what_it_reads_and_costs():
    one = guard("sexual.explicit > 0.5 && (met['terror'] || size(unknowns) > 0)")
    assert one.reads == {"sexual.explicit", "met", "unknowns"}
    assert one.cost == 12
    assert one.source == "sexual.explicit > 0.5 && (met['terror'] || size(unknowns) > 0)"
    assert guard("true").reads == frozenset()


def test_guards_share_what_is_bound():
    bound = bind({"surface": "avatar"})
    assert guard("surface == 'avatar'").holds(bound) is True
    assert guard("surface == 'post'").holds(bound) is False


# An oracle: the same grammar in Python, with None for unknown.

LEAVES = {
    "true": lambda v: True,
    "false": lambda v: False,
    "uploader.trusted": lambda v: v.get("uploader.trusted"),
    "sexual.explicit > 0.5": lambda v: _with(v.get("sexual.explicit"), lambda x: x > 0.5),
    "0.25 >= violence.gore": lambda v: _with(v.get("violence.gore"), lambda x: x <= 0.25),
    "uploader.removals != 2": lambda v: _with(v.get("uploader.removals"), lambda x: x != 2),
    "surface == 'avatar'": lambda v: _with(v.get("surface"), lambda x: x == "avatar"),
    "item.kind in ['video', 'animation']": lambda v: _with(
        v.get("item.kind"), lambda x: x in ("video", "animation")
    ),
    "'context.art' in context": lambda v: _with(v.get("context"), lambda x: "context.art" in x),
    "met['terror']": lambda v: _with(v.get("met"), lambda x: x.get("terror")),
}


def _with(value, compute):
    return None if value is None else compute(value)


def _and(one, other):
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _not(one):
    return None if one is None else not one


def oracle(tree, values):
    if isinstance(tree, str):
        return LEAVES[tree](values)
    operator, *parts = tree
    if operator == "?":
        chosen = oracle(parts[0], values)
        return None if chosen is None else oracle(parts[1 if chosen else 2], values)
    answers = [oracle(part, values) for part in parts]
    if operator == "!":
        return _not(answers[0])
    if operator == "&&":
        return _and(*answers)
    if operator == "||":
        return _not(_and(*map(_not, answers)))
    return None if None in answers else (answers[0] == answers[1]) is (operator == "==")


def written(tree):
    if isinstance(tree, str):
        return tree
    operator, *parts = tree
    texts = [f"({written(part)})" for part in parts]
    if operator == "!":
        return f"!{texts[0]}"
    if operator == "?":
        return f"{texts[0]} ? {texts[1]} : {texts[2]}"
    return f" {operator} ".join(texts)


TREES = st.recursive(
    st.sampled_from(sorted(LEAVES)),
    lambda t: st.one_of(
        st.tuples(st.just("!"), t),
        st.tuples(st.sampled_from(["&&", "||", "==", "!="]), t, t),
        st.tuples(st.just("?"), t, t, t),
    ),
    max_leaves=12,
)
SCORES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "sexual.explicit": SCORES,
        "violence.gore": SCORES,
        "uploader.trusted": st.booleans(),
        "uploader.removals": st.integers(0, 3),
        "surface": st.sampled_from(["avatar", "post"]),
        "item.kind": st.sampled_from(["image", "animation", "video"]),
        "context": st.lists(st.sampled_from(["context.art", "context.news"]), max_size=2),
        "met": st.dictionaries(st.sampled_from(["terror", "press-photos"]), st.booleans()),
    },
)


@given(TREES, VALUES)
def test_three_valued_logic(tree, values):
    wanted = oracle(tree, values)
    if not _compiles(written(tree)):
        return
    answer = guard(written(tree)).holds(values)
    assert isinstance(answer, str) if wanted is None else answer is wanted


@given(st.lists(TREES, max_size=6), VALUES)
def test_the_same_values_give_the_same_answers(trees, values):
    sources = [source for tree in trees if _compiles(source := written(tree))]
    first, again = ([guard(source) for source in sources] for _ in range(2))
    wanted = tuple(one.holds(values) for one in first)
    turned = dict(reversed(values.items()))
    assert tuple(one.holds(turned) for one in again) == wanted
    together = Guards(first)
    assert together.hold(values) == wanted
    assert together.hold({n: v for n, v in values.items() if n in together.reads}) == wanted


def test_guards_too_deep_to_be_asked_at_once_are_asked_one_by_one():
    depths = ("(" * depth + "surface == 'post'" + ")" * depth for depth in range(40, 0, -1))
    deepest = next(source for source in depths if _compiles(source))
    both = Guards([guard(deepest), guard("surface == 'avatar' // here")])
    assert both.hold({"surface": "avatar"}) == (False, True)
    assert both.hold({"surface": "post"}) == (True, False)
    assert both.hold({}) == ("surface is not known",) * 2
    assert Guards([]).hold({}) == ()


def _compiles(source):
    try:
        guard(source)
    except GuardError as error:
        if "nested too deeply" in error.message:
            return False
        raise
    return True


def test_one_guard_in_many_threads():
    both = Guards([guard("sexual.explicit > 0.5 && surface == 'post'"), guard("met['terror']")])
    wrong = []
    start = threading.Barrier(4)

    def ask(number):
        start.wait()
        for step in range(500):
            score = ((step + number) % 10) / 10
            values = {"sexual.explicit": score, "surface": "post", "met": {"terror": step % 3 == 0}}
            if both.hold(values) != (score > 0.5, step % 3 == 0):
                wrong.append((number, step))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
