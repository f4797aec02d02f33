"""What is wrong with a text that is no YAML, in our words: where, and how to mend it.

YAML's own parser says what it expected, at the place where it gave up. That is often behind the
mistake, and past the end of the file where a quote is missing.
"""

import re
from typing import Any, NamedTuple

import yaml


class Wrong(NamedTuple):
    """What is wrong, and where in the text: characters from its start, or ``None``."""

    message: str
    at: int | None


_QUOTE_ALL = "put all of it in quotes, or in a block behind >-"

NO_TAG = f"a text cannot begin with '!', and tags are not allowed: {_QUOTE_ALL}"

_NO_START = re.compile(r"found character '(?P<sign>.+)' that cannot start any token", re.DOTALL)
_IN_BRACKETS = re.compile(r"expected ',' or '(?P<end>[\]}])', but got .+")
_NO_END = re.compile(r"expected <block end>, but found '(?P<found>.+)'")

_OPENS = {"}": "{", "]": "["}

_SAID = (
    (r"sequence entries are not allowed here", "a list begins in a line of its own"),
    (r"found unknown escape character .+", "within \"…\" a '\\' is written twice; not within '…'"),
    (r"but found another document", "a second document begins here: a file holds one"),
    (r"expected the node content, but found '<stream end>'", "the file ends: what is missing?"),
    (r"expected the node content, but found .+", "a value is missing before this"),
    (r"found unhashable key", "a key is a text, no '{…}' and no '[…]'"),
    (r"expected chomping or indentation .+", "behind | or > the text begins in the next line"),
    (r"expected alphabetic or numeric character.+", f"this is not read as a text: {_QUOTE_ALL}"),
)
"""What YAML's parser says where it gave up, and what we do."""


def told(error: yaml.YAMLError, text: str) -> Wrong:
    """Return what is wrong with a text that YAML's parser refused.

    Args:
        error: What it raised.
        text: The text.
    """
    if isinstance(error, yaml.reader.ReaderError):
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return Wrong(f"holds a character that cannot be seen (U+{code:04X})", error.position)
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Wrong("is no YAML", None)
    problem, end = error.problem or "", error.problem_mark.index
    start = error.context_mark.index if error.context_mark is not None else end
    if error.context == "while scanning a quoted scalar":
        return Wrong("the text that begins here does not end: a quote is missing", start)
    if (opened := _quote_before(text, end)) is not None:
        return Wrong("the text that begins here ends lines below: is its quote missing?", opened)
    if problem == "could not find expected ':'":
        return Wrong("this key has no ': ' behind it, or this text is not indented", start)
    if found := _NO_START.fullmatch(problem):
        if found["sign"] == r"\t":
            return Wrong("a tab: YAML is indented by spaces", end)
        return Wrong(f"a text cannot begin with '{found['sign']}': {_QUOTE_ALL}", end)
    if problem == "mapping values are not allowed here":
        return Wrong(_colon(text, end), end)
    if found := _IN_BRACKETS.fullmatch(problem):
        if "\n" in text[start:end] or end >= len(text):
            return Wrong(f"this '{_OPENS[found['end']]}' is not closed, or misses a ','", start)
        return Wrong(f"a ',' is missing before this, or it is part of a text: {_QUOTE_ALL}", end)
    if found := _NO_END.fullmatch(problem):
        return Wrong(_no_end(found["found"]), end)
    for pattern, message in _SAID:
        if re.fullmatch(pattern, problem, re.DOTALL):
            return Wrong(message, end)
    return Wrong(f"is no YAML: {' '.join(problem.split())}", end)


def _colon(text: str, index: int) -> str:
    before = text[text.rfind("\n", 0, index) + 1 : index]
    if ": " in before:
        return f"a text that holds ': ' needs quotes: {_QUOTE_ALL}"
    return "this line is indented further than the one above it, which needs nothing beneath it"


def _no_end(found: str) -> str:
    if found in _OPENS:
        return f"this '{found}' closes nothing"
    if found in ("<block mapping start>", "<block sequence start>", "-", "?"):
        return "this line does not go with those above it: check how far it is indented"
    return f"a text ends before this, and nothing can follow: {_QUOTE_ALL}"


def _quote_before(text: str, index: int) -> int | None:
    """Return where a text in quotes begins that ends in another line, just before a place."""
    last: Any = None
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if token.start_mark.index >= index:
                break
            last = token
    except yaml.YAMLError:
        pass
    if not isinstance(last, yaml.ScalarToken) or last.style not in ("'", '"'):
        return None
    between = text[last.end_mark.index : index]
    if between.strip() or "\n" in between or last.start_mark.line == last.end_mark.line:
        return None
    start: int = last.start_mark.index
    return start
