"""Which items no one is ever shown."""

from tidegate.evidence import Item

_NEVER_SHOWN = "child_safety.known_material"


def withheld(item: Item) -> bool:
    """Return whether the item's pictures must stay out of every report.

    A match counts whatever the policy made of it: a lenient policy must not be the
    reason that such a picture is shown.
    """
    if item.decision.action == "quarantine":
        return True
    return any(match.category == _NEVER_SHOWN for match in item.evidence.matches)
