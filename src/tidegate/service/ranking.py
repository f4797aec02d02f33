"""Which case comes first: confidence × severity × reach × priority × age, and not first come.

The weight of a case doubles with every :data:`DOUBLING` that it waits. So between two cases the
order never changes while they wait, and what is kept is a number that does not change with time:
the logarithm of the weight at the start of 1970,

    rank = log2(confidence × severity × reach × (1 + priority / 25)) − opened_at / DOUBLING

A case of the least weight is ahead of a new one of the greatest after five days: nothing waits for
ever.
"""

from collections.abc import Mapping
from math import log2, log10
from types import MappingProxyType

from tidegate.store.clock import HOUR

DOUBLING = 6 * HOUR
"""Microseconds in which the weight of a case that waits doubles."""

PRIORITY = 50
"""Of a case that no queue of the policy gives one, 0 to 100."""

LEAST_CONFIDENCE = 0.01
"""What is less likely weighs as much as this: every case has a weight."""

SEVERITY: Mapping[str, float] = MappingProxyType(
    {
        "child_safety.known_material": 32.0,
        "extremism.known_material": 16.0,
        "ncii.known_material": 16.0,
        "selfharm.depicted": 16.0,
        "violence.gore": 8.0,
        "violence.physical": 8.0,
        "sexual.activity": 8.0,
        "sexual.explicit": 8.0,
        "hate.symbol": 8.0,
        "violence.weapon": 4.0,
        "regulated.drugs": 4.0,
        "sexual.nudity": 4.0,
        "sexual.drawn": 4.0,
        "known.other": 4.0,
        "sexual.objects": 2.0,
        "regulated.tobacco": 2.0,
        "regulated.alcohol": 2.0,
        "regulated.gambling": 2.0,
        "offensive.gesture": 2.0,
        "sexual.suggestive": 1.0,
        "commercial.qrcode": 1.0,
        "commercial.text_overlay": 1.0,
    }
)
"""How bad it is that content of a category is seen, or wrongly taken down, while it waits: 1 to 32.

Our judgement, not a measurement. Twice the severity is worth six hours of waiting.
"""

UNNAMED = 4.0
"""The severity of what concerns no single category: nobody knows what it is."""


def severity(category: str | None) -> float:
    """Return the severity of a category of content, or of none."""
    return SEVERITY.get(category or "", UNNAMED)


def spread(reach: float, copies: int) -> float:
    """Return what reach and copies weigh: 1 for one item that nobody is known to see.

    Ten times the people is one more, and so is twice the copies.

    Args:
        reach: How many people may come to see it, all copies together.
        copies: Items in the case, 1 or more.
    """
    return 1 + log10(1 + reach) + log2(copies)


def lift(before: tuple[float, int], after: tuple[float, int]) -> float:
    """Return by how much a case ranks higher when its reach and its copies change.

    Args:
        before: Its reach and its copies, as :func:`spread` has them.
        after: The same afterwards.
    """
    return log2(spread(*after) / spread(*before))


def rank(
    *,
    confidence: float,
    severity: float,
    reach: float = 0.0,
    copies: int = 1,
    priority: int = PRIORITY,
    opened_at: int,
) -> float:
    """Return where a case stands in a queue: the highest comes first.

    Args:
        confidence: How sure the policy is of its reason, 0 to 1.
        severity: Of its category.
        reach: How many people may come to see it, all copies together.
        copies: Items in it.
        priority: That the policy gives it in the queue, 0 to 100.
        opened_at: When it was opened, in microseconds since 1970.
    """
    sure = max(confidence, LEAST_CONFIDENCE)
    weight = sure * severity * spread(reach, copies) * (1 + priority / 25)
    return log2(weight) - opened_at / DOUBLING
