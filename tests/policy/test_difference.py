from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.evidence import ACTIONS, Facts, Uploader, strength
from tidegate.pipeline.load import shipped
from tidegate.policy import parse
from tidegate.policy.difference import Shift, difference, line, summary
from tidegate.policy.narrow import holds, meant
from tidegate.policy.schema import (
    Agreed,
    FactConditions,
    Policy,
    Row,
    UnknownConditions,
    UnknownRule,
)
from tidegate.policy.space import MOST_KINDS, TooManyKindsError, axes, example
from tidegate.policy.stricter import of_thresholds, of_unknowns

BASE = """
tidegate_policy: 1
id: p
version: 1
names: {surfaces: [avatar, cover], queues: [q, other], labels: [l], alarms: [on-call]}
needs: [sexual.explicit]
thresholds:
  sexual.explicit: [{label: 0.5, review: 0.8}]
  violence.gore: {review: 0.6}
banks:
  - {id: good, where: {role: allow}, distance: 10, action: allow}
  - {id: others, where: {}, action: remove}
rules:
  - {id: one, when: surface == 'avatar', then: {action: review, queue: q}}
  - {id: two, when: "'context.art' in context", then: {cap: review}, mode: shadow}
unknowns:
  - {id: all, where: {}, action: review}
  - {id: cut, where: {cause: truncated}, action: hold}
sampling:
  - {id: blind, share: 0.01, queue: q}
breakers:
  - {id: fuse, per: rule, limit: 50, within: hour, alarm: on-call}
"""


def changed(*replacements):
    text = BASE
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return difference(parse(BASE, "old"), parse(text, "new"))


@pytest.mark.parametrize("name", shipped())
def test_a_policy_does_not_differ_from_itself(name):
    policy = parse(shipped()[name], name)
    assert difference(policy, policy).changes == ()


@pytest.mark.parametrize(
    "replacement",
    [
        ("[{label: 0.5, review: 0.8}]", "{label: 0.5, review: 0.8}"),
        (
            "[{label: 0.5, review: 0.8}]",
            "[{label: 0.5}, {where: {kind: video}, review: 0.8},"
            " {where: {kind: image}, review: 0.8}, {where: {kind: animation}, review: 0.8}]",
        ),
        ("review: 0.6", "review: {score: 0.6, detectors: 1}"),
        ("[{label: 0.5, review: 0.8}]", "{label: 0.5, review: 0.8, hold: never}"),
        ("when: surface == 'avatar'", "when: surface=='avatar'"),
        ("when: surface == 'avatar'", "when: \"surface ==\\n  'avatar' // as ever\""),
        ("surfaces: [avatar, cover]", "surfaces: [cover, avatar, banner]"),
        ("queue: q}}", "queue: q, priority: 50}}"),
        (
            "share: 0.01",
            "share: 0.01, of: [quarantine, hold, remove, review, restrict, label, allow]",
        ),
    ],
)
def test_what_means_the_same_is_no_difference(replacement):
    assert changed(replacement).changes == ()


def test_the_order_of_rules_is_no_difference():
    policy = parse(BASE, "p")
    turned = {
        section: getattr(policy, section)[::-1]
        for section in ("banks", "rules", "unknowns", "sampling", "breakers")
    }
    assert difference(policy, msgspec.structs.replace(policy, **turned)).changes == ()


@pytest.mark.parametrize(
    ("replacement", "said"),
    [
        (
            ("review: 0.6", "review: 0.5"),
            "violence.gore: review 0.60 → 0.50; all items, stricter",
        ),
        (
            ("review: 0.6}", "review: 0.6, hold: 0.9}"),
            "violence.gore: hold never → 0.90; all items, stricter",
        ),
        (
            ("{review: 0.6}", "[{review: 0.6}, {where: {surface: avatar}, review: 0.7}]"),
            "violence.gore: review 0.60 → 0.70; surface avatar, weaker",
        ),
        (
            ("{review: 0.6}", "[{review: 0.6}, {where: {locale: de-*}, review: never}]"),
            "violence.gore: review 0.60 → never; locale de-*, weaker",
        ),
        (
            ("review: 0.6", "review: {score: 0.5, detectors: 2}"),
            "violence.gore: review 0.60 → 0.50 by 2 detectors at once; all items",
        ),
        (
            ("  violence.gore: {review: 0.6}\n", "  violence.weapon: {label: 0.2}\n"),
            "violence.weapon: label never → 0.20; all items, stricter",
        ),
        (
            ("  violence.gore: {review: 0.6}\n", ""),
            "violence.gore: review 0.60 → never; all items, weaker",
        ),
        (("needs: [sexual.explicit]\n", ""), "needs.sexual.explicit: removed, weaker"),
        (("action: remove}", "action: hold}"), "banks.others: action remove → hold, weaker"),
        (("distance: 10,", "distance: 20,"), "banks.good: distance 10 bits → 20 bits, weaker"),
        (("mode: shadow", "mode: live"), "rules.two: mode shadow → live, weaker"),
        (
            ("action: review, queue", "action: hold, queue"),
            "rules.one: action review → hold, stricter",
        ),
        (
            ("surface == 'avatar'", "surface == 'cover'"),
            "rules.one: when surface == 'avatar' → surface == 'cover'",
        ),
        (
            ("queue: q}}", "queue: other}}"),
            "rules.one: queue q at priority 50 → other at priority 50",
        ),
        (
            ("{cause: truncated}, action: hold", "{cause: truncated}, action: label"),
            "unknowns.cut: action hold → label, weaker",
        ),
        (("share: 0.01", "share: 0.02"), "sampling.blind: share 1 % → 2 %"),
        (
            ("limit: 50", "limit: 60"),
            "breakers.fuse: limit 50 within one hour → 60 within one hour",
        ),
        (
            ("id: blind", "id: blinder"),
            "sampling.blind: removed: 1 % of items: queue q at priority 10",
        ),
    ],
)
def test_what_differs_is_said_in_words(replacement, said):
    assert said in [line(change) for change in changed(replacement).changes]


def test_the_summary_counts_categories_for_the_same_items():
    found = changed(
        (
            "[{label: 0.5, review: 0.8}]",
            "[{label: 0.5, review: 0.8}, {where: {surface: avatar}, review: 0.7}]",
        ),
        ("{review: 0.6}", "[{review: 0.6}, {where: {surface: avatar}, review: 0.5}]"),
        ("mode: shadow", "mode: off"),
    )
    assert summary(found) == ["2 categories stricter: surface avatar", "1 rule from shadow to off"]


cells = st.sampled_from([0.25, 0.5, Agreed(score=0.5, detectors=2), "never", None])
wheres = st.builds(
    FactConditions,
    surface=st.sampled_from([None, None, "avatar", "cover"]),
    locale=st.sampled_from([None, None, "de-*", "de-AT", "DE-at-*", "de", "fr-*", "a-b-c-d-*"]),
    context=st.sampled_from([(), (), ("context.art",), ("context.art", "context.news")]),
    account_days_below=st.sampled_from([None, None, 1, 7, 30]),
    kind=st.sampled_from([None, None, "video", "image"]),
)
rows = st.lists(st.builds(Row, where=wheres, review=cells, hold=cells), max_size=4).map(tuple)

SURFACES = (None, "avatar", "cover", "banner")
LOCALES = (None, "en", "de", "de-DE", "de-AT", "de-AT-1901", "fr", "fr-CH", "a-b-c-d", "a-b-c")
FLAGS = tuple(product((False, True), repeat=2))
DAYS = (None, 0, 1, 6, 7, 29, 30, 400)


def plain(cell):
    if cell is None or isinstance(cell, float):
        return cell and (cell, 1)
    return cell.score, cell.detectors


def met(axis, facts, kind, given):
    """Return which conditions of some rows an item meets along one axis."""

    def only(where):
        if "." in axis.of:
            return FactConditions(context=(axis.of,) if axis.of in where.context else ())
        field = "account_days_below" if axis.of == "account" else axis.of
        return FactConditions(**{field: getattr(where, field)})

    return [holds(only(row.where), facts, kind) for row in given]


def names(axis, facts, kind, given):
    """Return the values of an axis that meet just the conditions that an item does."""
    examples = [example((axis,), (number,)) for number in range(len(axis.values))]
    return [
        value.name
        for value, (other, other_kind) in zip(axis.values, examples, strict=True)
        if met(axis, other, other_kind, given) == met(axis, facts, kind, given)
    ]


def policy_of(given):
    empty = parse(BASE, "p")
    return msgspec.structs.replace(empty, thresholds={"violence.gore": given})


@settings(deadline=None)
@given(rows, rows, st.data())
def test_whatever_differs_for_an_item_is_named_and_nothing_else_is(old, new, data):
    changes = difference(policy_of(old), policy_of(new)).changes
    along = axes([row.where for row in (*old, *new)])
    for kind, surface, locale, flags, days in data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["image", "animation", "video"]),
                st.sampled_from(SURFACES),
                st.sampled_from(LOCALES),
                st.sampled_from(FLAGS),
                st.sampled_from(DAYS),
            ),
            min_size=20,
            max_size=20,
        )
    ):
        named = ("context.art", "context.news")
        item = Facts(
            surface=surface,
            locale=locale,
            context=tuple(name for name, on in zip(named, flags, strict=True) if on),
            uploader=Uploader(account_days=days),
        )
        before, after = meant(old, item, kind), meant(new, item, kind)
        for action in ("review", "hold"):
            was = plain(before[action].cell) if action in before else None
            now = plain(after[action].cell) if action in after else None
            covering = [
                change
                for change in changes
                if action in change.shifts and covers(change, along, item, kind, (*old, *new))
            ]
            assert bool(covering) == (was != now)
            shifts = {change.shifts[action] for change in covering}
            assert shifts <= {Shift(old=said(was), new=said(now))}


def covers(change, along, facts, kind, given):
    for axis in along:
        wanted = change.items.get(axis.of)
        found = names(axis, facts, kind, given)
        assert found
        if wanted is not None and not {*found} & {*wanted}:
            return False
    return True


def said(cell):
    if cell is None:
        return "never"
    return f"{cell[0]:.2f}" + (f" by {cell[1]} detectors at once" if cell[1] > 1 else "")


MOMENTS = [
    tuple(scores) for n in (1, 2, 3) for scores in product((0.1, 0.25, 0.4, 0.5, 0.9), repeat=n)
]
"""What one, two or three detectors say."""


def strongest(thresholds, scores):
    met = [
        strength(action)
        for action, cell in thresholds.items()
        for score, detectors in [plain(cell)]
        if sum(one >= score for one in scores) >= detectors
    ]
    return max(met, default=0)


thresholds = st.dictionaries(
    st.sampled_from(ACTIONS[1:]),
    st.sampled_from([0.25, 0.5, Agreed(score=0.25, detectors=2), Agreed(score=0.5, detectors=3)]),
)


@given(thresholds, thresholds)
def test_stricter_and_weaker_is_what_comes_of_it_whatever_detectors_say(old, new):
    steps = {
        (after > before) - (after < before)
        for scores in MOMENTS
        for before, after in [(strongest(old, scores), strongest(new, scores))]
    }
    wanted = {frozenset({1}): "stricter", frozenset({-1}): "weaker"}
    assert of_thresholds(old, new) == wanted.get(frozenset(steps - {0}), "other")


def test_a_stronger_action_from_the_same_score_is_stricter_though_a_weaker_one_goes():
    found = changed(
        ("{review: 0.6}", "[{hold: 0.6}, {where: {surface: avatar}, hold: never, label: 0.6}]")
    )
    assert [line(change) for change in found.changes] == [
        "violence.gore: label never → 0.60, review 0.60 → never; surface avatar, weaker",
        "violence.gore: review 0.60 → never, hold never → 0.60; any surface but avatar, stricter",
    ]
    assert "categories" not in " ".join(summary(found))


@pytest.mark.parametrize(
    ("replacement", "said"),
    [
        # Without it such an answer meets the rule for all, which asks for less.
        (
            ("  - {id: cut, where: {cause: truncated}, action: hold}\n", ""),
            ["unknowns.cut: removed, weaker: a missing answer for cause truncated: hold"],
        ),
        (
            (
                "action: hold}\n",
                "action: hold}\n  - {id: x, where: {stage: media}, action: label}\n",
            ),
            ["unknowns.x: added, weaker: a missing answer at stage media: label"],
        ),
        (
            (
                "action: hold}\n",
                "action: hold}\n  - {id: x, where: {stage: media}, action: review}\n",
            ),
            ["unknowns.x: added: a missing answer at stage media: review"],
        ),
        (
            ("{cause: truncated}", "{cause: corrupt}"),
            [
                "unknowns.cut: where a missing answer for cause truncated → "
                "a missing answer for cause corrupt"
            ],
        ),
        (
            ("{cause: truncated}", "{cause: truncated, stage: media}"),
            [
                "unknowns.cut: where a missing answer for cause truncated → "
                "a missing answer for cause truncated, at stage media, weaker"
            ],
        ),
    ],
)
def test_a_rule_for_missing_answers_goes_the_way_of_what_comes_of_it(replacement, said):
    assert [line(change) for change in changed(replacement).changes] == said


def test_too_many_missing_answers_are_refused():
    rules = [
        UnknownRule(
            id=f"r{n}", where=UnknownConditions(detector=str(n), category=str(n)), action="hold"
        )
        for n in range(400)
    ]
    with pytest.raises(TooManyKindsError):
        of_unknowns(rules, rules)


@pytest.mark.parametrize(
    ("of", "given", "values"),
    [
        (
            "locale",
            ["de-*", "de-AT", "de"],
            {
                "de": "de",
                "de-AT": "de-at",
                "de-* without de-AT or de": "de-x0",
                "any other locale or none": None,
            },
        ),
        (
            "locale",
            ["de-*", "DE-AT-*"],
            {
                "de-* without DE-AT-*": "de-x0",
                "DE-AT-*": "de-at-x0",
                "any other locale or none": None,
            },
        ),
        (
            # A tag has no more than four parts: beneath this one there is nothing.
            "locale",
            ["sl-rozaj-biske-1994-*", "sl-rozaj-biske-1994"],
            {"sl-rozaj-biske-1994": "sl-rozaj-biske-1994", "any other locale or none": None},
        ),
        (
            "account_days_below",
            [7, 1, 30],
            {
                "younger than 1 day": 0,
                "1 to 6 days old": 1,
                "7 to 29 days old": 7,
                "30 days or older, or of unknown age": None,
            },
        ),
        ("surface", ["avatar"], {"avatar": "avatar", "any other surface or none": None}),
        ("context", [("context.art",)], {"set": True, "not set": False}),
        ("kind", ["video"], {"image": "image", "animation": "animation", "video": "video"}),
    ],
)
def test_what_conditions_tell_apart(of, given, values):
    (axis,) = axes([FactConditions(**{of: one}) for one in given])
    assert {value.name: value.example for value in axis.values} == values


def test_too_many_kinds_of_items_are_refused():
    flags = [FactConditions(surface=f"s{i}") for i in range(1000)]
    ages = [FactConditions(account_days_below=i + 1) for i in range(MOST_KINDS // 1000)]
    with pytest.raises(TooManyKindsError):
        axes([*flags, *ages])


def test_a_change_is_json():
    found = changed(("review: 0.6", "review: 0.5"))
    again = msgspec.json.decode(msgspec.json.encode(found), type=type(found))
    assert again == found
    assert isinstance(parse(BASE, "p"), Policy)
