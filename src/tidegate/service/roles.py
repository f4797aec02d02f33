"""What may be done here, and which role may do it: two closed tables, and nothing else decides.

Every route names the scopes that it needs (:func:`~tidegate.service.auth.needs`). A person has
the scopes of their role. An API key has scopes of its own, and its role is the least that has
them all. Nobody gives away what they do not have.
"""

from collections.abc import Iterable
from typing import Literal, get_args

Role = Literal["viewer", "reviewer", "lead", "curator", "admin"]

Scope = Literal[
    "items.read",
    "items.write",
    "media.read",
    "review",
    "banks.read",
    "banks.write",
    "policies.read",
    "policies.write",
    "webhooks",
    "keys",
    "users",
    "audit",
    "hma",
    "metrics",
]

SCOPES: dict[Scope, str] = {
    "items.read": "Read items, their evidence, decisions and history.",
    "items.write": "Submit items, have them judged again, delete their media.",
    "media.read": "See media, re-encoded and by links that end soon.",
    "review": "Take items from the queue and overrule a decision.",
    "banks.read": "Read banks and their entries, search in them.",
    "banks.write": "Make and change banks and entries, undo what an entry caused.",
    "policies.read": "Read policies and their versions.",
    "policies.write": "Add policies, put one in force, go back to an older one.",
    "webhooks": "Make, change, test and read webhooks and their deliveries.",
    "keys": "Make, exchange and revoke API keys.",
    "users": "Make users, change their roles, disable them.",
    "audit": "Read the audit chain.",
    "hma": "Look hashes up by the routes of HMA.",
    "metrics": "Read the figures for Prometheus.",
}
"""Each scope in words."""

_READ: frozenset[Scope] = frozenset({"items.read", "policies.read"})
_LOOK: frozenset[Scope] = _READ | {"media.read", "banks.read"}

ROLES: dict[Role, frozenset[Scope]] = {
    # Sees what was decided, and why. Not the media: the fewer eyes on them, the better.
    "viewer": _READ,
    # Decides on items, and so has to see them and what they met.
    "reviewer": _LOOK | {"review"},
    # Answers for the reviewers: has items judged again or deleted, reads who did what.
    "lead": _LOOK | {"review", "items.write", "audit", "metrics"},
    # Answers for what is known and for the rules. Overrules no single item: who sets the rules
    # does not also decide the cases. Looks up as HMA's clients do, to try a bank out.
    "curator": _LOOK | {"banks.write", "policies.write", "hma"},
    # Answers for the installation. Everything, so that there is one who can mend anything;
    # each step is in the audit chain, which nobody here can change.
    "admin": frozenset(get_args(Scope)),
}
"""The scopes of each role, from the one that may least to the one that may all."""


def least_role(scopes: Iterable[Scope]) -> Role:
    """Return the first role that has all of these scopes."""
    wanted = frozenset(scopes)
    return next(role for role, has in ROLES.items() if wanted <= has)
