"""Policy: decisions as data. Pure functions, no input or output, no clock."""

from tidegate.policy.error import PolicyError
from tidegate.policy.parse import parse
from tidegate.policy.program import Program, decide, digest, finding
from tidegate.policy.schema import BankRule, Policy, Row, Rule, UnknownRule

__all__ = [
    "BankRule",
    "Policy",
    "PolicyError",
    "Program",
    "Row",
    "Rule",
    "UnknownRule",
    "decide",
    "digest",
    "finding",
    "parse",
]
