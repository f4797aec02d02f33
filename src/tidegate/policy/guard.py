"""The guard of a rule: a CEL expression over what is known of an item.

Our adapter around ``cel-expr-python``; the language is that of
https://github.com/google/cel-spec, less what :mod:`tidegate.policy.guardcheck` takes away, over
the names of :mod:`tidegate.policy.names`.

An answer is true, false or unknown. A name that is not bound is an error to CEL, and its
errors are our unknown: they are swallowed only where the answer does not hang on them, as in
``false && unknown``. They are never false.

A guard may be asked from several threads at once. What :func:`bind` returns is for one thread.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from cel_expr_python import cel

from tidegate.policy import celtree, guardcheck, guardwords
from tidegate.policy.names import NAMES, choices
from tidegate.policy.schema import Names

MOST_CHARACTERS = 2000
"""Longest guard."""

MOST_NODES = 200
"""Largest guard, in nodes of its tree: what it can cost, for it has no loops."""

Bound: TypeAlias = Any
"""What an item's values become for :meth:`Guard.holds`."""

_MISSING = re.compile(r'No value with name "(.+?)" found')
_BEFORE = {
    ".": re.compile(r"[A-Za-z_][A-Za-z0-9_.\s]*$"),
    "(": re.compile(r"[A-Za-z_][A-Za-z0-9_]*\s*$"),
}
_NO_KEY = re.compile(r'Key not found in map : "(.*)"')


_ARITHMETIC = frozenset({"_+_", "_-_", "_*_", "_/_", "_%_", "-_", "int", "double"})


class GuardError(ValueError):
    """A guard that is wrong.

    Attributes:
        line: Line within the guard, from 1.
        column: Column within the line, from 1.
        message: What is wrong and how to mend it, on one line.
        text: The line of the guard.
    """

    def __init__(self, source: str, offset: int, message: str) -> None:
        before = source[:offset]
        self.line = before.count("\n") + 1
        start = before.rfind("\n") + 1
        self.column = offset - start + 1
        self.text = source[start:].split("\n", 1)[0]
        self.message = message
        super().__init__(f"{self.line}:{self.column}: {message}")

    def caret(self, width: int = 88) -> str:
        """Return the line, and below it a caret at the column.

        Args:
            width: Longest line, in characters; of a longer one the part around the column.
        """
        start = max(0, self.column - 1 - width // 2) if len(self.text) > width else 0
        shown = "".join(c if c.isprintable() else " " for c in self.text[start : start + width])
        return f"{shown.rstrip()}\n{' ' * (self.column - 1 - start)}^"


class Guard:
    """A compiled guard.

    Attributes:
        source: The expression.
        reads: Names that it reads.
        cost: Nodes of its tree.
        literals: Values that are written out in it.
        computes: Whether it adds, divides or converts, so that what it compares with its
            literals is not the values themselves.
    """

    def __init__(self, source: str, declared: Names) -> None:
        """Compile and check.

        Args:
            source: The expression.
            declared: What the policy declares.

        Raises:
            GuardError: It is malformed, or names or does what a guard cannot.
        """
        _check_text(source)
        self.source = source
        try:
            self._expression = _environment().compile(source)
        except RuntimeError as error:
            offset, message = guardwords.told(str(error), source, choices(declared))
            raise GuardError(source, offset, message) from None
        try:
            tree = celtree.read(self._expression.serialize(), MOST_NODES)
            self.reads = guardcheck.check(tree, source, declared)
        except celtree.TooManyNodesError:
            raise GuardError(
                source,
                0,
                f"the guard has more than {MOST_NODES} parts: split it into several rules",
            ) from None
        except guardcheck.Fault as fault:
            offset = _start(source, fault.offset)
            raise GuardError(source, offset, fault.message) from None
        if self._expression.return_type() != cel.Type.BOOL:
            raise GuardError(source, 0, "a guard is true or false: compare it with something")
        self.cost = tree.total()
        nodes = list(tree.walk())
        self.literals = frozenset(n.value for n in nodes if n.kind == "constant")
        self.computes = any(n.kind == "call" and n.text in _ARITHMETIC for n in nodes)
        # The plan of evaluation is made when first asked for: now, not under several threads.
        self._expression.eval(bind({}))

    def holds(self, values: Mapping[str, object] | Bound) -> bool | str:
        """Return whether the guard holds.

        Args:
            values: Values by name, or what :func:`bind` made of them.

        Returns:
            True, False, or where that cannot be told, one line that says why.
        """
        answer = self._expression.eval(
            values if isinstance(values, cel.Activation) else bind(values)
        ).plain_value()
        return answer if answer.__class__ is bool else _why(answer)


def bind(values: Mapping[str, object]) -> Bound:
    """Make values ready for any number of guards.

    Args:
        values: By name; of the type that :mod:`tidegate.policy.names` says, lists as lists. A
            name whose value is not known is left out. Names that no guard reads cost time.
    """
    return _environment().Activation(values)


class Guards:
    """Guards that are asked about the same items, fast where few of them hold.

    Nearly all of a guard's time goes into the call, whatever it says. So all are first asked
    in one disjunction, which is false only where every one of them is; if it is not, each half
    of them in turn.

    Attributes:
        reads: Names that one of them reads.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self.reads = frozenset[str]().union(*(guard.reads for guard in guards))
        self._tree = _tree(guards) if guards else None

    def hold(self, values: Mapping[str, object]) -> tuple[bool | str, ...]:
        """Return for each guard in its place what :meth:`Guard.holds` says."""
        return _ask(self._tree, bind(values), hopeful=False) if self._tree else ()


class _Fork(NamedTuple):
    """Some guards: their disjunction, or ``None`` where CEL finds it too large; and halves."""

    any: Any
    none: tuple[bool, ...]
    first: "_Fork | Guard"
    second: "_Fork | Guard"


def _tree(guards: Sequence[Guard]) -> _Fork | Guard:
    if len(guards) == 1:
        return guards[0]
    half = len(guards) // 2
    none = (False,) * len(guards)
    return _Fork(_disjunction(guards), none, _tree(guards[:half]), _tree(guards[half:]))


def _disjunction(guards: Sequence[Guard]) -> Any:
    # The line ends because a guard may end in a comment.
    source = " || ".join(f"({guard.source}\n)" for guard in guards)
    try:
        expression = _environment().compile(source)
    except RuntimeError:
        return None
    expression.eval(bind({}))
    return expression


def _ask(tree: _Fork | Guard, bound: Bound, *, hopeful: bool) -> tuple[bool | str, ...]:
    """Ask all guards of a tree; ``hopeful`` where not all of them are false, as one knows."""
    if isinstance(tree, Guard):
        return (tree.holds(bound),)
    if not hopeful and tree.any is not None:
        if tree.any.eval(bound).plain_value() is False:
            return tree.none
        hopeful = True
    first = _ask(tree.first, bound, hopeful=False)
    return first + _ask(tree.second, bound, hopeful=hopeful and not any(first))


@cache
def _environment() -> Any:
    plain = {
        "bool": cel.Type.BOOL,
        "int": cel.Type.INT,
        "double": cel.Type.DOUBLE,
        "string": cel.Type.STRING,
    }
    types = {
        **plain,
        "list(string)": cel.Type.List(cel.Type.STRING),
        **{f"map(string, {of})": cel.Type.Map(cel.Type.STRING, plain[of]) for of in plain},
    }
    return cel.NewEnv(variables={name: types[said.type] for name, said in NAMES.items()})


def _check_text(source: str) -> None:
    """Refuse what the compiler should not even see."""
    if len(source) > MOST_CHARACTERS:
        message = f"the guard is too long: {len(source)} characters, not {MOST_CHARACTERS}"
        raise GuardError(source, 0, message)
    if not source.strip():
        raise GuardError(
            source, 0, "the guard is empty: write true where the rule is for every item"
        )
    for offset, character in enumerate(source):
        category = unicodedata.category(character)
        if (category[0] == "C" or category in {"Zl", "Zp"}) and character not in "\t\r\n":
            raise GuardError(
                source,
                offset,
                f"the guard holds a character that cannot be seen (U+{ord(character):04X})",
            )


def _start(source: str, offset: int) -> int:
    """Return where a name starts: CEL places one at its last dot, a call at its bracket."""
    before = _BEFORE.get(source[offset : offset + 1])
    found = before.search(source, 0, offset) if before else None
    return found.start() if found else offset


def _why(answer: object) -> str:
    """Turn CEL's error into one line."""
    told = str(answer)
    if match := _MISSING.search(told):
        return f"{match[1]} is not known"
    if match := _NO_KEY.search(told):
        return f"bank {guardwords.quoted(match[1])} was not asked"
    return f"cannot be computed: {' '.join(told.partition(': ')[2].split())}"
