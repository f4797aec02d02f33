"""What a platform says of an item must mean something: a slip of the pen switches rows off."""

from collections.abc import Sequence
from difflib import get_close_matches

from tidegate import taxonomy
from tidegate.evidence import Facts
from tidegate.policy.schema import Policy


class FactsError(ValueError):
    """A fact that means nothing.

    Attributes:
        fact: Which one: ``surface`` or ``context``.
    """

    def __init__(self, fact: str, message: str) -> None:
        super().__init__(message)
        self.fact = fact


def check_facts(facts: Facts, policy: Policy) -> None:
    """Refuse facts that cannot be meant.

    Args:
        facts: What the platform says.
        policy: Where it declares surfaces, another one is a slip of the pen.

    Raises:
        FactsError: A surface is none of the policy's, or a context is no flag.
        TypeError: These are no facts.
    """
    if not isinstance(facts, Facts):
        raise TypeError(f"facts are tidegate.evidence.Facts, not {type(facts).__name__}")
    surfaces = policy.names.surfaces
    if facts.surface is not None and surfaces and facts.surface not in surfaces:
        raise FactsError(
            "surface",
            f"{policy.name} has no surface {facts.surface!r}{_meant(facts.surface, surfaces)}",
        )
    flags = taxonomy.contexts()
    for flag in facts.context:
        if flag not in flags:
            meant = _meant(flag, flags).replace("it has", "there are")
            raise FactsError("context", f"{flag!r} is no context flag{meant}")


def _meant(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
