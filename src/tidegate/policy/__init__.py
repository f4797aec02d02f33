"""Policy: decisions as data. Pure functions, no input or output, no clock."""

from tidegate.policy.decide import decide, digest, finding, rule_for
from tidegate.policy.parse import PolicyError, parse
from tidegate.policy.schema import BankRule, Policy, UnknownRule

__all__ = [
    "BankRule",
    "Policy",
    "PolicyError",
    "UnknownRule",
    "decide",
    "digest",
    "finding",
    "parse",
    "rule_for",
]
