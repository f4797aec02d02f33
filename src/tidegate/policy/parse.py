"""From YAML text to a checked policy. Pure: the caller reads the file."""

from typing import Annotated, Any

import msgspec

from tidegate.policy.check import problems
from tidegate.policy.document import Document
from tidegate.policy.error import PolicyError
from tidegate.policy.guard import Guard, GuardError
from tidegate.policy.schema import Policy, Row, Rows


def parse(text: str, name: str) -> Policy:
    """Read a policy and check all that can be checked without evidence.

    Args:
        text: The YAML.
        name: Name of the file, for the error.

    Raises:
        PolicyError: It is malformed, names what is not known, contradicts itself or leaves
            a case without a rule.
    """
    policy, errors = examine(text, name)
    if errors:
        raise errors[0]
    return policy


def examine(text: str, name: str) -> tuple[Policy, tuple[PolicyError, ...]]:
    """Read a policy and find all that is wrong with it.

    Args:
        text: The YAML.
        name: Name of the file, for the errors.

    Returns:
        The policy, and what is wrong with it in the order of its lines. It must only be used
        where that is nothing.

    Raises:
        PolicyError: It is no YAML or of another shape, so that nothing more can be said.
    """
    document = Document(text, name)
    policy = document.convert(Policy, _closer)
    errors = [document.error(path, told) for path, told in problems(policy, document.line)]
    for index, rule in enumerate(policy.rules):
        try:
            Guard(rule.when, policy.names)
        except GuardError as error:
            path = ("rules", index, "when")
            message = f"rule '{rule.id}': {error.message}"
            errors.append(document.error_within(path, error.line, error.column, message))
    return policy, tuple(sorted(errors, key=lambda error: (error.line or 0, error.column or 0)))


def _closer(plain: Any, error: msgspec.ValidationError) -> msgspec.ValidationError:
    """Return an error that says in which row of thresholds it is, where it is in one.

    Of a value in a mapping, msgspec does not tell the key.
    """
    if "$.thresholds[...]" not in str(error):
        return error
    for category, row in plain["thresholds"].items():
        try:
            msgspec.convert(row, Row | Annotated[tuple[Row, ...], Rows])
        except msgspec.ValidationError as found:
            message, _, where = str(found).partition(" - at `$")
            return msgspec.ValidationError(f"{message} - at `$.thresholds[`{category}`]{where}")
    return error
