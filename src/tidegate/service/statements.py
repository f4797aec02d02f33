"""What an uploader is told of a decision, in plain words: a statement of reasons.

It follows Article 17(3) of the Digital Services Act (Regulation (EU) 2022/2065): what was decided
and for how long, on which facts and grounds, whether software was at work, and what can be done
against it. It never shows the content, a score, a threshold, the path of a rule, a bank or an
entry, nor who decided: these help whoever wants to get around the rules, or hurt somebody.

Where content is known to be illegal, or was reported by the person shown, no ground is given:
:func:`unsaid`.
"""

from collections.abc import Iterable
from typing import Literal

from tidegate import taxonomy
from tidegate.evidence import Action, Decision, Reason, Value
from tidegate.store import clock
from tidegate.store.appeals import Appeal
from tidegate.store.decisions import Recorded
from tidegate.store.items import Item

MOST_GROUNDS = 5
"""Grounds that are given, the strongest."""

UNSAID: frozenset[str] = frozenset(
    category.id
    for category in taxonomy.CATEGORIES.values()
    if category.source == "bank" and category.id != "known.other"
)
"""Categories of which nothing is said: what an authority or a person who is shown has reported."""

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_TITLES: dict[Action, str] = {
    "allow": "Your content is shown",
    "label": "Your content carries a label",
    "restrict": "Your content is shown with limits",
    "review": "Your content is shown",
    "hold": "Your content is held back",
    "remove": "Your content was removed",
    "quarantine": "Your content was removed",
}

_DONE: dict[Action, str] = {
    "allow": "to show it",
    "label": "to put a label on it",
    "restrict": "to limit how it is shown",
    "review": "to have a person look at it, and to show it meanwhile",
    "hold": "to hold it back until a person has looked at it",
    "remove": "to remove it",
    "quarantine": "to remove it",
}
"""What was decided, behind ``it was decided``."""

_MEANS: dict[Action, str] = {
    "allow": "Nothing keeps others from seeing it.",
    "label": "Others see it with a label that says what it shows.",
    "restrict": "Others may see it blurred, only from a certain age on, or in fewer places.",
    "review": "Nothing keeps others from seeing it meanwhile.",
    "hold": "Nobody else sees it meanwhile.",
    "remove": "Nobody else sees it any more.",
    "quarantine": "Nobody else sees it any more.",
}

_FOR_GOOD = "This has no end date: it holds until the decision is changed."
_MEANWHILE = "This ends when a person has decided."

_VISIBILITY: dict[Action, str] = {
    "label": "DECISION_VISIBILITY_CONTENT_LABELLED",
    "restrict": "DECISION_VISIBILITY_OTHER",
    "hold": "DECISION_VISIBILITY_CONTENT_DISABLED",
    "remove": "DECISION_VISIBILITY_CONTENT_REMOVED",
    "quarantine": "DECISION_VISIBILITY_CONTENT_REMOVED",
}


class Part(Value, frozen=True, kw_only=True):
    """A part of a statement.

    Attributes:
        heading: What it is about.
        text: Its paragraphs.
    """

    heading: str
    text: tuple[str, ...]


class Statement(Value, frozen=True, kw_only=True):
    """A statement of reasons.

    Attributes:
        title: What was decided, in one line.
        parts: The rest.
    """

    title: str
    parts: tuple[Part, ...]

    def text(self) -> str:
        """Return all of it as plain text."""
        told = [self.title]
        for part in self.parts:
            told.append(part.heading)
            told += part.text
        return "\n\n".join(told) + "\n"


class Transparency(Value, frozen=True, kw_only=True):
    """What the DSA Transparency Database asks of a decision, as far as Tidegate knows it.

    Attributes:
        decision_visibility: What was done.
        decision_ground: Always that it is incompatible with the platform's terms: Tidegate judges
            by a policy, not by a law.
        category: The nearest statement category, or ``None`` where the ground has none.
        automated_detection: Whether software has found it.
        automated_decision: Whether software has decided.
    """

    decision_visibility: str
    decision_ground: Literal["DECISION_GROUND_INCOMPATIBLE_CONTENT"]
    category: str | None
    automated_detection: Literal["Yes"]
    automated_decision: Literal["AUTOMATED_DECISION_FULLY", "AUTOMATED_DECISION_PARTIALLY"]


def statement(item: Item, made: Recorded, until: int | None) -> Statement:
    """Return what an uploader is told of a decision.

    Args:
        item: The item.
        made: The decision.
        until: Until when it can be appealed against, or ``None`` where it cannot.
    """
    decision = made.decision
    secret = unsaid(decision.action, [reason.category for reason in counting(decision)])
    return Statement(
        title=title(decision.action),
        parts=(
            Part(heading="What was decided", text=_decided(item, made)),
            Part(heading="Why", text=_nothing() if secret else _why(decision)),
            Part(heading="Who decided", text=_who(made)),
            Part(heading="What you can do", text=_redress(until)),
        ),
    )


def ended(appeal: Appeal, *, now: int, settled: int) -> int | None:
    """Return when an appeal ended, or ``None`` while that is not told: it can be taken back.

    Args:
        appeal: The appeal.
        now: The present.
        settled: For how long after its end the answer can be taken back, in microseconds.
    """
    over = appeal.ended_at is not None and now >= appeal.ended_at + settled
    return appeal.ended_at if over else None


def appealed(
    appeal: Appeal, *, now: int, settled: int, outcome: Action | None, present: Action | None
) -> Part:
    """Return what an uploader is told of their appeal.

    Args:
        appeal: The appeal.
        now: The present.
        settled: As for :func:`ended`.
        outcome: What was decided by its end, or ``None``.
        present: What is done with the item now, where that was decided later; else ``None``.
    """
    told = [f"You appealed on {when(appeal.created_at)}."]
    ended_at = ended(appeal, now=now, settled=settled)
    if ended_at is None:
        told.append(
            f"It should have been answered by {when(appeal.due_at)}. It comes before others now."
            if appeal.due_at <= now
            else "A person who had no part in the decision will look at it, and answer by "
            f"{when(appeal.due_at)}."
        )
        return Part(heading="We have your appeal", text=tuple(told))
    at = when(ended_at)
    if appeal.state == "upheld":
        told.append(
            f"A person who had no part in the decision has looked at it again on {at}: the "
            "decision stays."
        )
    elif appeal.answer or restricts(outcome):
        told.append(
            f"A person who had no part in the decision has looked at it again on {at}, and has "
            "changed it."
        )
    else:
        told.append(f"The decision was changed on {at}.")
    if outcome is not None:
        told.append(f"{_TITLES[outcome]}. {_MEANS[outcome]}")
    if appeal.answer:
        told += ["The answer to you:", *lines(appeal.answer)]
    if present is not None:
        told.append(f"Since then it was decided anew. {_TITLES[present]}. {_MEANS[present]}")
    return Part(heading="Your appeal has been answered", text=tuple(told))


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text that hold something."""
    return tuple(line for line in map(str.strip, text.split("\n")) if line)


def restricts(action: Action | None) -> bool:
    """Return whether an action keeps something from others, or marks it."""
    return action is not None and action in _VISIBILITY


def transparency(made: Recorded) -> Transparency:
    """Return what the Transparency Database asks of a decision that restricts something."""
    category = next((taxonomy.get(name).dsa for name in grounds(made.decision)), None)
    by_person = made.origin == "reviewer"
    return Transparency(
        decision_visibility=_VISIBILITY[made.decision.action],
        decision_ground="DECISION_GROUND_INCOMPATIBLE_CONTENT",
        category=category,
        automated_detection="Yes",
        automated_decision=(
            "AUTOMATED_DECISION_PARTIALLY" if by_person else "AUTOMATED_DECISION_FULLY"
        ),
    )


def unsaid(action: Action, categories: Iterable[str | None]) -> bool:
    """Return whether the ground of a decision is better not told to the uploader.

    Args:
        action: What was decided.
        categories: Of the reasons that count.
    """
    return action == "quarantine" or any(category in UNSAID for category in categories)


def counting(decision: Decision) -> list[Reason]:
    """Return the reasons of a decision that count, the strongest first."""
    return [reason for reason in decision.reasons if reason.overruled_by is None]


def grounds(decision: Decision) -> list[str]:
    """Return the categories of content that a decision rests on, the strongest first."""
    said = [reason for reason in counting(decision) if reason.ground != "unknown"]
    # Those that ask for what was decided; where that was lowered, all of them.
    asking = [reason for reason in said if reason.action == decision.action] or said
    named = (reason.category for reason in asking if reason.category is not None)
    return list(dict.fromkeys(named))[:MOST_GROUNDS]


def title(action: Action) -> str:
    """Return what was decided, in one line."""
    return _TITLES[action]


def means(action: Action) -> str:
    """Return what a decision means for the content, in one line."""
    return _MEANS[action]


def when(at: int) -> str:
    """Return a time in words: ``23 November 2026, 08:30 UTC``."""
    return f"{day(at)}, {clock.text(at)[11:16]} UTC"


def day(at: int) -> str:
    """Return a day in words: ``23 November 2026``."""
    year, month, number = clock.text(at)[:10].split("-")
    return f"{int(number)} {_MONTHS[int(month) - 1]} {year}"


def _decided(item: Item, made: Recorded) -> tuple[str, ...]:
    name = f" The platform calls it {item.external_id}." if item.external_id else ""
    action = made.decision.action
    return (
        f"This is about content that reached us on {when(item.created_at)}.{name}",
        f"On {when(made.created_at)} it was decided {_DONE[action]}.",
        f"{_MEANS[action]} {_MEANWHILE if action == 'hold' else _FOR_GOOD}",
    )


def _why(decision: Decision) -> tuple[str, ...]:
    told = [_ground(taxonomy.get(category)) for category in grounds(decision)]
    if not told and not decision.judged:
        told = ["The content could not be checked, and what was not checked is not taken as good."]
    if not told:
        told = ["It met a rule of the platform on how and where content is shown."]
    policy, _, version = decision.policy.partition("/")
    rules = f"the policy “{policy}”" + (f", version {version}" if version else "")
    return (
        *told,
        f"The decision rests on the platform's own rules: {rules}. It does not say that the "
        "content is illegal.",
    )


def _ground(category: taxonomy.Category) -> str:
    if category.source == "bank":
        return "The platform knows this content already, and does not allow it."
    return f"It was found to show: {category.title}. That is: {category.includes}"


def _nothing() -> tuple[str, ...]:
    return (
        "The platform's rules do not allow it. To protect others, and because the law can forbid "
        "it, no more is said here.",
    )


def _who(made: Recorded) -> tuple[str, ...]:
    if made.origin == "reviewer":
        return ("A person decided. Software had looked at the content before.",)
    return (
        "Software looked at the content and decided by the platform's rules, without a person.",
    )


def _redress(until: int | None) -> tuple[str, ...]:
    elsewhere = (
        "Besides that you can turn to a certified body for out-of-court dispute settlement, or "
        "to a court, where the law gives you that right."
    )
    if until is None:
        return (elsewhere.replace("Besides that you", "You"),)
    return (
        f"If you think that this is wrong, you can appeal until {when(until)}, once and at no "
        "charge. A person who had no part in the decision will look at it.",
        elsewhere,
    )
