"""From YAML text to a checked policy. Pure: the caller reads the file."""

from typing import Any

import msgspec

from tidegate.policy.check import problems
from tidegate.policy.document import Document
from tidegate.policy.guard import Guard, GuardError
from tidegate.policy.schema import Policy, Row


def parse(text: str, name: str) -> Policy:
    """Read a policy and check all that can be checked without evidence.

    Args:
        text: The YAML.
        name: Name of the file, for the error.

    Raises:
        PolicyError: It is malformed, names what is not known, contradicts itself or leaves
            a case without a rule.
    """
    document = Document(text, name)
    policy = document.convert(Policy, _closer)
    for path, message in problems(policy):
        document.refuse(path, message)
    for index, rule in enumerate(policy.rules):
        try:
            Guard(rule.when, policy.names)
        except GuardError as error:
            path = ("rules", index, "when")
            message = f"rule '{rule.id}': {error.message}"
            document.refuse_within(path, error.line, error.column, message)
    return policy


def _closer(plain: Any, error: msgspec.ValidationError) -> msgspec.ValidationError:
    """Return an error that says in which row of thresholds it is, where it is in one.

    Of a value in a mapping, msgspec does not tell the key.
    """
    if "$.thresholds[...]" not in str(error):
        return error
    for category, row in plain["thresholds"].items():
        try:
            msgspec.convert(row, Row | tuple[Row, ...])
        except msgspec.ValidationError as found:
            message, _, where = str(found).partition(" - at `$")
            return msgspec.ValidationError(f"{message} - at `$.thresholds[`{category}`]{where}")
    return error
