"""What a guard may say, beyond what CEL itself checks.

A guard looks at names that are known and compares them with what they can be. It cannot loop,
call out or read a clock, and it has no regular expressions: one can take a hundred milliseconds
to compile. A text of a closed set, such as a surface or a bank, is only ever compared with a
literal, so that each of them can be looked up when the policy loads.
"""

import math

from tidegate.policy import guardwords as words
from tidegate.policy.celtree import Node
from tidegate.policy.names import NAMES, SET, Of, choices
from tidegate.policy.schema import Names
from tidegate.policy.spelling import nearest

_COMPARISONS = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})
_CONVERSIONS = frozenset({"int", "double"})
_PLAIN = _COMPARISONS | {
    "_&&_",
    "_||_",
    "!_",
    "_?_:_",
    "_+_",
    "_-_",
    "_*_",
    "-_",
    "size",
    "startsWith",
    "endsWith",
    "contains",
}
"""Functions whose operands are checked one by one."""


class Fault(Exception):  # noqa: N818 - it becomes a GuardError
    """What is wrong, and where: characters from the start of the source."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


def check(tree: Node, source: str, declared: Names) -> frozenset[str]:
    """Return the names that a guard reads.

    Args:
        tree: The guard.
        source: Its text.
        declared: What the policy declares.

    Raises:
        Fault: The guard says something that it may not.
    """
    walk = _Walk(source, declared)
    walk.node(tree)
    return frozenset(walk.reads)


class _Walk:
    def __init__(self, source: str, declared: Names) -> None:
        self._source = source
        self._choices = choices(declared)
        self.reads: set[str] = set()

    def node(self, node: Node) -> None:
        if node.kind == "constant":
            _constant(node)
        elif node.kind == "name":
            self._has(node)
            self._free(node)
        elif node.kind == "call":
            self._call(node)
        elif node.kind == "list":
            raise Fault(node.offset, "a list stands only behind 'in': item.format in ['gif']")
        elif node.kind == "field":
            self._has(node)
            raise Fault(node.offset, self._no_field(node))
        else:
            raise Fault(
                node.offset,
                "a guard has no loops (all, exists, map, filter) and makes no objects: "
                "write the cases one by one, with || or &&",
            )

    def _has(self, node: Node) -> None:
        """Refuse the macro ``has``, which CEL places at its bracket.

        It would not ask whether a dotted name is known, but read it.
        """
        if self._source[node.offset : node.offset + 1] == "(":
            raise Fault(node.offset, words.NO_HAS)

    def _free(self, node: Node) -> None:
        """Check a name that stands by itself: those of closed sets do not."""
        if node.text not in NAMES:
            raise Fault(node.offset, words.no_name(node.text, self._choices))
        name = NAMES[node.text]
        if name.type.startswith("map"):
            raise Fault(
                node.offset,
                f"'{node.text}' is read for one bank at a time: write {node.text}['bank']",
            )
        if name.type.startswith("list"):
            raise Fault(
                node.offset,
                f"'{node.text}' is a list: write 'x' in {node.text}, or size({node.text})",
            )
        if name.of is not None:
            raise Fault(
                node.offset,
                f"'{node.text}' is only compared with texts in quotes, so that slips are found: "
                f"write {node.text} == 'x', or {node.text} in ['x', 'y']",
            )
        self.reads.add(node.text)

    def _call(self, node: Node) -> None:
        function, parts = node.text, node.parts
        if function == "@in":
            self._in(node)
        elif function == "_[_]":
            self._index(node)
        elif function in {"_/_", "_%_"}:
            self._divide(node)
        elif function in _CONVERSIONS:
            if node.overload.startswith("string"):
                raise Fault(node.offset, f"'{function}' turns numbers into numbers, never a text")
            self.node(parts[0])
        elif function not in _PLAIN:
            raise Fault(node.offset, words.no_function(function))
        elif function == "size" and _is(parts[0], "list"):
            self._has(parts[0])
            self.reads.add(parts[0].text)
        elif function in {"_==_", "_!=_"} and _closed(parts[0]):
            self._choose(parts[0], parts[1])
        elif function in {"_==_", "_!=_"} and _closed(parts[1]):
            self._choose(parts[1], parts[0])
        else:
            for part in parts:
                self.node(part)
            if function in _COMPARISONS:
                _share(parts[0], parts[1])
                _share(parts[1], parts[0])

    def _in(self, node: Node) -> None:
        wanted, among = node.parts
        if _is(among, "list"):
            self._choose(among, wanted)
        elif _is(among, "map"):
            raise Fault(
                node.offset,
                f"'in' would take a bank that was not asked for one not met: "
                f"write {among.text}['bank']",
            )
        elif among.kind != "list":
            self.node(among)
            raise Fault(node.offset, "behind 'in' stands a list: item.format in ['gif', 'webp']")
        elif _closed(wanted):
            for element in among.parts:
                self._choose(wanted, element)
        else:
            self.node(wanted)
            for element in among.parts:
                self.node(element)

    def _index(self, node: Node) -> None:
        by, key = node.parts
        if _is(by, "list"):
            raise Fault(node.offset, f"'{by.text}' is a list in no order: write 'x' in {by.text}")
        if not _is(by, "map"):
            raise Fault(
                node.offset, "[...] is for banks only: met, distance, query_share, entry_share"
            )
        self._choose(by, key)

    def _divide(self, node: Node) -> None:
        for part in node.parts:
            self.node(part)
        if node.parts[1].kind != "constant" or not node.parts[1].value:
            raise Fault(
                node.offset,
                "a guard divides by a number only, and not by 0: "
                "write a > 3 * b in place of a / b > 3",
            )

    def _choose(self, name: Node, literal: Node) -> None:
        """Check a text that something of a closed set is compared with."""
        self._has(name)
        of = NAMES[name.text].of
        assert of is not None
        if literal.kind != "constant" or not isinstance(literal.value, str):
            raise Fault(
                literal.offset,
                f"'{name.text}' goes with a text in quotes only, so that slips are found",
            )
        if literal.value not in self._choices[of]:
            raise Fault(literal.offset, self._no_choice(of, literal.value))
        self.reads.add(name.text)

    def _no_choice(self, of: Of, value: str) -> str:
        known = self._choices[of]
        message = f"{words.quoted(value)} is not {SET[of]}"
        if near := nearest(value, known):
            return f"{message}: did you mean '{near}'?"
        if not known:
            return f"{message}: it declares none"
        for name, said in NAMES.items():
            if said.type.startswith("list") and said.of and value in self._choices[said.of]:
                return f"{message}: write '{value}' in {name}"
        return f"{message}: there are {words.listed(known)}"

    def _no_field(self, node: Node) -> str:
        of = node.parts[0]
        if _is(of, "map"):
            return f"a bank stands in brackets and quotes: write {of.text}['{node.text}']"
        return f"'{node.text}' is not a part of anything here"


def _constant(node: Node) -> None:
    if isinstance(node.value, float) and not math.isfinite(node.value):
        raise Fault(node.offset, "this number is too large")
    if not isinstance(node.value, bool | int | float | str):
        raise Fault(
            node.offset,
            "a guard knows true, false, numbers and texts: no null, no bytes (b''), no 1u",
        )


def _share(name: Node, bound: Node) -> None:
    """Check that a score or a share is not compared with what it can never be."""
    if name.kind == "call" and name.text == "_[_]":
        name = name.parts[0]
    if name.kind != "name" or not NAMES[name.text].share:
        return
    sign = 1
    if bound.kind == "call" and bound.text == "-_":
        sign, bound = -1, bound.parts[0]
    if isinstance(bound.value, float) and not 0.0 <= (value := sign * bound.value) <= 1.0:
        message = f"'{name.text}' is in [0, 1], never {value:g}"
        if 1.0 < value <= 100.0:
            message += f": write {value / 100:g} for {value:g} %"
        raise Fault(bound.offset, message)


def _is(node: Node, type_: str) -> bool:
    return node.kind == "name" and node.text in NAMES and NAMES[node.text].type.startswith(type_)


def _closed(node: Node) -> bool:
    """Return whether a node is a text of a closed set."""
    return _is(node, "string") and NAMES[node.text].of is not None
