"""What a policy that somebody writes comes to: its errors, its cases, what it would change."""

import time
from typing import NamedTuple

import msgspec

from tidegate.pipeline.load import shipped_cases
from tidegate.policy import Policy, PolicyError, Program, parse
from tidegate.policy.cases import parse_cases
from tidegate.policy.difference import Change, difference, line, summary
from tidegate.policy.parse import examine
from tidegate.policy.space import TooManyKindsError
from tidegate.policy.trying import Coverage, Outcome, coverage, run
from tidegate.service.policies import NAME
from tidegate.service.state import Service
from tidegate.store import policies, policycases

CASES = "cases"
"""What a file of cases is called where something is wrong with it."""

SECONDS = 10.0
"""After so long no further case is tried: finding an item that a sample draws takes time."""

MOST_ERRORS = 50
"""Errors that are listed."""


class Different(NamedTuple):
    """In what a policy differs from the one in force.

    Attributes:
        old: Id and version of the one in force.
        new: Id and version of the other.
        summary: In a few lines.
        changes: Each one, in words, with which way it goes.
        why: Why they cannot be compared; empty where they can be.
    """

    old: str
    new: str
    summary: tuple[str, ...] = ()
    changes: tuple[tuple[Change, str], ...] = ()
    why: str = ""


class Tried(NamedTuple):
    """What came of the cases of a policy.

    Attributes:
        source: Their text.
        outcomes: Of each case that was tried.
        coverage: Which rules they reach, or ``None`` where none was tried.
        untried: How many cases there was no time for.
        error: Why they cannot be tried, or ``None``.
    """

    source: str
    outcomes: tuple[Outcome, ...] = ()
    coverage: Coverage | None = None
    untried: int = 0
    error: PolicyError | None = None

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The cases that are not decided as expected."""
        return tuple(outcome for outcome in self.outcomes if outcome.mismatches)


class Checked(NamedTuple):
    """What a text comes to.

    Attributes:
        policy: The policy, or ``None`` where it does not load.
        errors: All that is wrong with it, in the order of its lines.
        tried: What came of its cases, where it loads.
        different: In what it differs from the one in force, where it loads.
    """

    policy: Policy | None
    errors: tuple[PolicyError, ...] = ()
    tried: Tried | None = None
    different: Different | None = None


def checked(at: Service, source: str) -> Checked:
    """Return what a text comes to."""
    try:
        policy, errors = examine(source, NAME)
    except PolicyError as error:
        return Checked(None, (error,))
    if errors:
        return Checked(None, errors[:MOST_ERRORS])
    return Checked(policy, (), tried(policy, kept_cases(at, policy)), different(at, policy))


def different(at: Service, new: Policy) -> Different:
    """Return in what a policy differs from the one in force."""
    with at.store.read() as connection:
        source, version = policies.active(connection)
    old = parse(source, f"policy {version}")
    try:
        found = difference(old, new)
    except TooManyKindsError as error:
        return Different(old.name, new.name, why=str(error))
    changes = tuple((change, line(change)) for change in found.changes)
    return Different(old.name, new.name, tuple(summary(found)), changes)


def kept_cases(at: Service, policy: Policy) -> str:
    """Return the cases that are kept of a policy, or else those that come with Tidegate."""
    with at.store.read() as connection:
        held = policycases.get(connection, policy.id)
    return shipped_cases().get(policy.id, "") if held is None else held.source


def tried(policy: Policy, source: str) -> Tried:
    """Try a policy on cases, as long as there is time."""
    if not source.strip():
        return Tried(source)
    try:
        cases = parse_cases(source, CASES, policy)
    except PolicyError as error:
        return Tried(source, error=error)
    if placed := [case.name for case in cases.cases if case.place is not None]:
        detail = f"{placed[0]}: its item is in a file, and the console has none: write its evidence"
        return Tried(source, error=PolicyError(CASES, None, detail))
    program, until = Program(policy), time.monotonic() + SECONDS
    outcomes: list[Outcome] = []
    for case in cases.cases:
        if time.monotonic() > until:
            break
        try:
            outcomes += run(program, msgspec.structs.replace(cases, cases=(case,)), {})
        except ValueError as error:
            return Tried(source, error=PolicyError(CASES, None, str(error)))
    untried = len(cases.cases) - len(outcomes)
    return Tried(source, tuple(outcomes), coverage(policy, outcomes), untried)


def message(error: PolicyError) -> str:
    """Return what is wrong, without the place where."""
    return str(error).partition(": ")[2] or str(error)
