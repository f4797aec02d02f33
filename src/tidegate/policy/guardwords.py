"""What is wrong with a guard, in our words: what CEL's compiler says, and how to mend it."""

import re
from collections.abc import Mapping, Sequence

from tidegate import taxonomy
from tidegate.policy.names import NAMES, SECOND, Of
from tidegate.policy.spelling import nearest

_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?=\n \| |\nERROR: |\Z)", re.DOTALL)
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\s*\.\s*[A-Za-z_][A-Za-z0-9_]*)*")
_INT_BEHIND = re.compile(r"\s*(-?[0-9]+)(?![\w.])")
_INT_BEFORE = re.compile(r"(?<![\w.])(-?[0-9]+)\s*$")

_MEANT = {
    "and": "&&",
    "AND": "&&",
    "or": "||",
    "OR": "||",
    "not": "!",
    "NOT": "!",
    "&": "&&",
    "|": "||",
    "=": "==",
    "=>": ">=",
    "=<": "<=",
    "<>": "!=",
    "True": "true",
    "TRUE": "true",
    "False": "false",
    "FALSE": "false",
}
"""What other languages say, and what CEL says."""

_LISTS = frozenset(name for name, said in NAMES.items() if said.type.startswith("list"))
_TYPES = {
    "double": "a decimal number",
    "int": "a whole number",
    "uint": "an unsigned number",
    "string": "a text",
    "bool": "true or false",
    "bytes": "bytes",
}

_WHO = frozenset(
    {"uploader", "user", "author", "account", "person", "people", "face", "faces", "subject"}
)
"""First parts of names that may be meant to say something of a person."""

NO_HAS = "a guard has no 'has': what is not known makes it unknown, see 'covered' and 'stated'"


def quoted(text: str) -> str:
    """Return a text in quotes, on one line and not long."""
    return repr(text if len(text) <= 60 else text[:57] + "…")


def listed(known: Sequence[str], most: int = 6) -> str:
    """Return what there is, as far as it fits on a line."""
    return ", ".join(known[:most]) + (", …" if len(known) > most else "")


def no_name(name: str, known: Mapping[Of, Sequence[str]]) -> str:
    """Return what is wrong with a name that does not exist."""
    if name in _MEANT:
        return f"write {_MEANT[name]} in place of {name}"
    category = taxonomy.CATEGORIES.get(name.removeprefix(SECOND))
    if category is not None and category.source == "bank":
        return f"no detector scores {category.id}: write '{category.id}' in matched"
    if category is not None and category.source == "context":
        return f"{category.id} is no score: write '{category.id}' in context"
    if any(name in texts for texts in known.values()):
        return f"a text stands in quotes: write '{name}'"
    message = f"{quoted(name)} is not a name that a guard can read"
    about_somebody = name.partition(".")[0] in _WHO
    if near := nearest(name, NAMES, alike=0.8 if about_somebody else 0.6):
        return f"{message}: did you mean {near}?"
    if about_somebody:
        account = listed([n for n in NAMES if n.startswith("uploader.")])
        return (
            f"{message}: nothing about a person can be read (docs/red-line.md), "
            f"and of an account {account}"
        )
    within = [n for n in NAMES if n.startswith(name.rpartition(".")[0] + ".")]
    if not within:
        within = [n for n in NAMES if n.startswith(name + ".")]
    return f"{message}: there are {listed(within)}" if within else message


def no_function(name: str) -> str:
    """Return what is wrong with a function that a guard may not call."""
    if name == "matches":
        return "a guard has no regular expressions: use startsWith, endsWith, contains or in [...]"
    if name in {"timestamp", "duration"} or name.startswith("get"):
        return f"'{name}' is not for guards: they know no time, the same item gets the same answer"
    return f"a guard has no function {quoted(name)}: there are size, startsWith, endsWith, " + (
        "contains, int and double"
    )


def told(by_cel: str, source: str, known: Mapping[Of, Sequence[str]]) -> tuple[int, str]:
    """Turn what CEL's compiler says into our words.

    Args:
        by_cel: Its message; there may be several errors in it, of which the first counts.
        source: The guard.
        known: What there is, for suggestions.

    Returns:
        Where it is, in characters from the start of the source, and what is wrong.
    """
    found = _ERROR.search(by_cel)
    if by_cel.startswith("CANCELLED") or (found and found[1] == "-1"):
        return 0, "the guard is nested too deeply: split it into several rules"
    if found is None:
        return 0, f"CEL does not take it: {_one_line(by_cel)}"
    offset = _offset(source, int(found[1]), int(found[2]))
    problem = found[3].removesuffix(" [INVALID_ARGUMENT]")
    if match := re.fullmatch(r"undeclared reference to '(.*?)' \(in container ''\)", problem):
        return _undeclared(match[1].lstrip("."), source, offset, known)
    if match := re.fullmatch(r"found no matching overload for '(.+?)' applied to '(.*)'", problem):
        return offset, _overload(match[1], match[2], source, offset)
    if "cannot be the operand of a select operation" in problem:
        return _no_part(source, offset, known)
    if problem.startswith("Syntax error: "):
        return _syntax(problem.removeprefix("Syntax error: "), source, offset)
    if problem.startswith("invalid ") and problem.endswith(" literal"):
        return offset, "this number is too large"
    if problem.startswith("reserved identifier"):
        return offset, f"'{problem.rpartition(' ')[2]}' is a word that CEL keeps for itself"
    if problem.startswith("has()"):
        return offset, NO_HAS
    return offset, f"CEL does not take it: {_one_line(problem)}"


def _undeclared(
    name: str, source: str, offset: int, known: Mapping[Of, Sequence[str]]
) -> tuple[int, str]:
    if source[offset : offset + 1] == "(":
        start = offset - len(name)
        return (start if source[start:offset] == name else offset), no_function(name)
    start, _ = _path(source, offset)
    return start, no_name(name, known)


def _no_part(source: str, offset: int, known: Mapping[Of, Sequence[str]]) -> tuple[int, str]:
    start, name = _path(source, offset)
    if name:
        return start, no_name(name, known)
    return offset, "this has no parts: a '.' stands only within names"


def _path(source: str, offset: int) -> tuple[int, str]:
    """Return where the dotted name around a place starts, and the name."""
    for match in _PATH.finditer(source):
        if match.start() <= offset < match.end():
            return match.start(), re.sub(r"\s", "", match[0])
    return offset, ""


def _overload(function: str, types: str, source: str, offset: int) -> str:
    operator = function.replace("@in", "in").replace("_[_]", "[ ]").replace("_?_:_", "? :")
    operator = operator.strip("_")
    given = re.findall(r"(?:[a-z_]+)(?:\([^)]*\))?", types[1:-1])
    if function in {"_&&_", "_||_", "!_"}:
        wrong = _described([name for name in given if name != "bool"])
        return f"'{operator}' goes with conditions, not with {wrong}: compare it with something"
    if "null_type" in given:
        return "a guard knows no null: what is not known makes it unknown"
    if set(given) == {"int", "double"}:
        near = _INT_BEHIND.match(source, offset + len(operator)) or _INT_BEFORE.search(
            source, 0, offset
        )
        if near:
            return f"this is about decimal numbers: write {near[1]}.0 in place of {near[1]}"
        return f"'{operator}' wants numbers of one kind: write double(...) around the whole number"
    if function in {"_<_", "_<=_", "_>_", "_>=_"} and given[0] == "bool":
        return f"'{operator}' cannot follow a comparison: write a < b && b < c"
    if function == "@in" and len(given) > 1 and not given[1].startswith(("list", "map")):
        return "behind 'in' stands a list: item.format in ['gif', 'webp']"
    if function == "_[_]" and given[0].startswith("map"):
        return "a bank stands in quotes: met['bank']"
    if function in {"_==_", "_!=_"} and "string" in given and "list" in types:
        name = next((n for n in _PATH.findall(source) if n in _LISTS), "the list")
        return f"a list is asked by 'in': write 'x' in {name}"
    message = f"'{operator}' does not go with {_described(given)}"
    if "string" in given and not {"int", "double"}.isdisjoint(given):
        message += ": a number stands without quotes, a text within"
    return message


def _described(types: Sequence[str]) -> str:
    def one(name: str) -> str:
        if name.startswith("list"):
            return "a list"
        return "a map by bank" if name.startswith("map") else _TYPES.get(name, name)

    return " and ".join(map(one, types))


def _syntax(problem: str, source: str, offset: int) -> tuple[int, str]:
    rest = source[offset:]
    word = re.match(r"[A-Za-z]+|=[><]|.", rest.lstrip(), re.DOTALL)
    before = re.search(r"\b(not|NOT)\s*$", source[:offset])
    if before:
        return before.start(), f"write ! in place of {before[1]}"
    if source[:offset].endswith("<") and rest.startswith(">"):
        return offset - 1, "write != in place of <>"
    if match := re.search(r"missing '(.)'", problem):
        return offset, f"a '{match[1]}' is missing"
    if not rest.strip():
        return len(source.rstrip()), "it ends too early: something is missing here"
    if rest[0] in "'\"":
        if problem.startswith("token"):
            return offset, "the text that begins here does not end, or holds a wrong '\\'"
        return offset, "an operator is missing before this text"
    if word and word[0] in _MEANT:
        return offset, f"write {_MEANT[word[0]]} in place of {word[0]}"
    if rest[0] == "," and offset and source[offset - 1].isdigit():
        return offset, "a decimal number is written with a point: 0.5"
    return offset, f"{quoted(word[0] if word else rest[:1])} cannot stand here"


def _offset(source: str, line: int, column: int) -> int:
    """Return the place of a line and a column, both from 1; 0 where there is none."""
    if line < 1 or column < 1:
        return 0
    before = source.split("\n")[: line - 1]
    return min(sum(len(text) + 1 for text in before) + column - 1, len(source))


def _one_line(text: str) -> str:
    plain = " ".join(text.split())
    return quoted(plain)
