"""Which row of thresholds is for an item."""

from itertools import product

import pytest

from tidegate.evidence import Evidence, Facts, MediaInfo, Signal, Uploader
from tidegate.policy import PolicyError, Program, parse

HEAD = """
tidegate_policy: 1
id: p
version: 1
names: {surfaces: [avatar, post]}
banks:
  - {id: a, where: {role: allow}, action: allow}
  - {id: b, where: {}, action: review}
unknowns:
  - {id: any, where: {}, action: review}
thresholds:
  sexual.explicit:
"""

ROWS = """
    - {review: 0.90, hold: 0.95}
    - {where: {surface: avatar}, review: 0.80}
    - {where: {locale: de-*}, review: 0.70}
    - {where: {locale: de-AT}, review: 0.60}
    - {where: {account_days_below: 30}, review: 0.50}
    - {where: {account_days_below: 7}, review: 0.40}
    - {where: {context: [context.medical]}, review: never, hold: never}
    - {where: {context: [context.medical], surface: avatar}, review: 0.20}
    - {where: {kind: video}, review: 0.85}
"""


def policy(rows):
    return parse(HEAD + rows, "p.yaml")


def asked(rows, facts, kind="image"):
    """Return the lowest score, in hundredths, at which a person is asked."""
    program = Program(policy(rows))
    for score in range(1, 101):
        evidence = Evidence(
            media=MediaInfo(kind=kind, format="x", width=9, height=9),
            signals=(
                Signal(category="sexual.explicit", score=score / 100, detector="d", version="1"),
            ),
        )
        if program.decide(evidence, facts).action != "allow":
            return score
    return None


@pytest.mark.parametrize(
    ("facts", "kind", "score"),
    [
        (Facts(), "image", 90),
        (Facts(), "video", 85),
        (Facts(surface="post"), "image", 90),
        (Facts(surface="avatar"), "image", 80),
        (Facts(surface="avatar"), "video", 80),
        (Facts(locale="de"), "image", 70),
        (Facts(locale="de-CH"), "image", 70),
        (Facts(locale="DE-at"), "image", 60),
        (Facts(locale="deu"), "image", 90),
        (Facts(locale="en-DE"), "image", 90),
        (Facts(uploader=Uploader(account_days=30)), "image", 90),
        (Facts(uploader=Uploader(account_days=29)), "image", 50),
        (Facts(uploader=Uploader(account_days=6)), "image", 40),
        (Facts(locale="de-AT", uploader=Uploader(account_days=6)), "image", 40),
        (Facts(surface="avatar", uploader=Uploader(account_days=6)), "image", 80),
        (Facts(context=("context.medical",)), "image", None),
        (Facts(context=("context.art",)), "image", 90),
        (Facts(context=("context.art", "context.medical"), surface="avatar"), "image", 20),
    ],
)
def test_the_most_specific_row_wins(facts, kind, score):
    assert asked(ROWS, facts, kind) == score


@pytest.mark.parametrize(
    ("facts", "kind"), [(Facts(surface="avatar"), "image"), (Facts(), "image")]
)
def test_the_order_of_rows_does_not_matter(facts, kind):
    lines = ROWS.strip("\n").split("\n")
    assert asked("\n" + "\n".join(reversed(lines)) + "\n", facts, kind) == asked(ROWS, facts, kind)


def test_what_a_narrow_row_does_not_speak_of_stays():
    program = Program(policy(ROWS))
    assert program.thresholds(Facts(surface="avatar"))["sexual.explicit"] == (0.8, 0.95)
    assert program.thresholds(Facts(context=("context.medical",)))["sexual.explicit"] == ()


@pytest.mark.parametrize(
    "rows",
    [
        "    - {where: {surface: avatar}, review: 0.5}\n"
        "    - {where: {surface: avatar}, review: 0.6}\n",
        "    - {where: {context: [context.art]}, review: 0.5}\n"
        "    - {where: {context: [context.news]}, review: 0.6}\n",
        "    - {where: {locale: de-AT}, review: 0.5}\n"
        "    - {where: {locale: DE-at}, review: 0.6}\n",
        "    - {review: 0.5}\n    - {review: 0.6}\n",
    ],
)
def test_a_tie_is_an_error(rows):
    with pytest.raises(PolicyError, match=r"neither is\s+more specific|make them one row"):
        policy(rows)


@pytest.mark.parametrize(
    "rows",
    [
        "    - {where: {surface: avatar}, review: 0.5}\n"
        "    - {where: {surface: post}, review: 0.6}\n",
        "    - {where: {surface: avatar}, review: 0.5}\n"
        "    - {where: {surface: avatar}, hold: 0.6}\n",
        "    - {where: {locale: de-*}, review: 0.5}\n    - {where: {locale: fr-*}, review: 0.6}\n",
        "    - {where: {context: [context.art]}, review: 0.5}\n"
        "    - {where: {context: [context.news]}, review: 0.6}\n"
        "    - {where: {context: [context.news, context.art]}, review: 0.7}\n",
    ],
)
def test_rows_that_no_item_can_tie_are_no_error(rows):
    policy(rows)


def test_a_policy_without_ties_means_one_thing_whatever_the_order():
    """Against brute force: of all rows that hold, the last by weight of its conditions wins."""
    rows = [
        ({}, 0.9),
        ({"surface": "avatar"}, 0.8),
        ({"context": ["context.art"]}, 0.3),
        ({"surface": "avatar", "kind": "video"}, 0.7),
        ({"context": ["context.art"], "kind": "video"}, 0.2),
    ]
    text = "".join(f"    - {{where: {where}, review: {score}}}\n" for where, score in rows)
    weight = {"context": 4, "surface": 2, "kind": 1}
    for surface, art, kind in product([None, "avatar", "post"], [False, True], ["image", "video"]):
        facts = Facts(surface=surface, context=("context.art",) if art else ())
        given = {"surface": surface, "context": ["context.art"] if art else None, "kind": kind}
        fitting = [r for r in rows if all(given[k] == v for k, v in r[0].items())]
        best = max(fitting, key=lambda r: sum(weight[k] for k in r[0]))
        assert asked(text, facts, kind) == round(best[1] * 100)


def test_a_stronger_action_may_not_ask_for_less_for_some_items():
    with pytest.raises(PolicyError, match="'hold' is stronger than 'review'"):
        policy("    - {review: 0.5, hold: 0.6}\n    - {where: {surface: avatar}, review: 0.7}\n")
