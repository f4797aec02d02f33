"""The form of an answer: how it begins, what was filled in, and what it says."""

from collections.abc import Iterable
from typing import NamedTuple, cast, get_args

from starlette.datastructures import FormData

from tidegate.evidence import Action
from tidegate.review.dossier import Dossier
from tidegate.review.filled import some
from tidegate.review.frame import text
from tidegate.service.casework import Answer, Choice
from tidegate.store.error import InvalidError

CATEGORY = "category:"
"""What a reason begins with that is a category of the taxonomy, and none of the policy."""


class Begun(NamedTuple):
    """What stands in the form.

    Attributes:
        reason: The reason that is chosen.
        note: What was written.
        context: Flags that are set.
    """

    reason: str
    note: str = ""
    context: tuple[str, ...] = ()


def begun(told: Dossier, choices: Iterable[Choice]) -> Begun:
    """Return what the form begins with: the reason for which the case is here."""
    offered = {choice.rule for choice in choices if choice.rule}
    reasons = () if told.made is None else told.made.decision.reasons
    context = () if told.made is None else told.made.facts.context
    for reason in reasons:
        # A threshold is named with its row and its action: the reason is its category's.
        for name in (reason.rule, f"thresholds.{reason.category}"):
            if reason.overruled_by is None and name in offered:
                return Begun(name, context=context)
    category = told.case.category
    return Begun(f"{CATEGORY}{category}" if category else "", context=context)


def again(given: FormData) -> Begun:
    """Return what was filled in."""
    return Begun(text(given, "reason_of"), text(given, "note"), some(given, "context"))


def read(given: FormData) -> Answer:
    """Return what somebody answers.

    Raises:
        InvalidError: They do not say what is to be done.
    """
    action = text(given, "action")
    if action not in get_args(Action):
        raise InvalidError("choose what is to be done")
    reason = text(given, "reason_of")
    rule = category = ""
    if action != "allow":  # Then nothing is against it, whatever stands in the list.
        if reason.startswith(CATEGORY):
            category = reason.removeprefix(CATEGORY)
        else:
            rule = reason
    return Answer(
        action=cast(Action, action),
        rule=rule,
        category=category,
        note=text(given, "note"),
        context=some(given, "context"),
    )
