"""One colour for each action and for each family of categories.

Each colour stands on the light and on the dark page with enough contrast: actions carry
text (4.5 to 1), families are shapes (3 to 1). Colour is never the only sign: every badge
and every lane says in words what it is.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tidegate.evidence import Action


class Colour(NamedTuple):
    """A colour on the light page and its twin on the dark page."""

    light: str
    dark: str


PAPER = Colour("#ffffff", "#131c22")
"""What cards are made of."""

ACTION: Mapping[Action, Colour] = {
    "allow": Colour("#3d6b58", "#93c9ae"),
    "label": Colour("#2b658f", "#93c0e4"),
    "restrict": Colour("#4a57a6", "#b0b9f2"),
    "review": Colour("#835600", "#ecc060"),
    "hold": Colour("#a2450c", "#f4a36e"),
    "remove": Colour("#b0241c", "#ff978e"),
    "quarantine": Colour("#42204f", "#dcb8f2"),
}

FAMILY: Mapping[str, Colour] = {
    "sexual": Colour("#aa4499", "#d98fce"),
    "violence": Colour("#c4561a", "#f0945c"),
    "selfharm": Colour("#882255", "#e284ab"),
    "hate": Colour("#332288", "#a499ea"),
    "regulated": Colour("#117733", "#6fc58b"),
    "offensive": Colour("#857518", "#d6c65a"),
    "commercial": Colour("#2b7fa8", "#7cc4e8"),
    "extremism": Colour("#661100", "#dd947e"),
    "child_safety": Colour("#3d3d46", "#c9c9d2"),
    "ncii": Colour("#1b8073", "#5ccbbb"),
    "known": Colour("#0b5fa5", "#7db2f0"),
    "other": Colour("#5b6670", "#a7b2bb"),
}


def family(category: str) -> str:
    """Return the name of the family that a category belongs to."""
    name = category.partition(".")[0]
    return name if name in FAMILY else "other"


def variables(theme: int) -> str:
    """Return the CSS custom properties of one theme: 0 is light, 1 is dark."""
    named = {"paper": PAPER}
    named |= {f"action-{name}": colour for name, colour in ACTION.items()}
    named |= {f"family-{name}": colour for name, colour in FAMILY.items()}
    return "".join(f"--{name}:{colour[theme]};" for name, colour in named.items())


def classes() -> str:
    """Return the CSS rules that give an element its action's or its family's colour."""
    actions = [f".action-{name}{{--action:var(--action-{name})}}" for name in ACTION]
    families = [f".family-{name}{{--family:var(--family-{name})}}" for name in FAMILY]
    return "\n".join(actions + families)
