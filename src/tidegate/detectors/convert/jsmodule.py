"""Reads what a JavaScript file of plain data exports, without running it.

Bundlers wrap a JSON file as ``...exports={format:"graph-model",nodes:[...]}},{}...``:
keys lose their quotes, ``true`` becomes ``!0`` and ``0.5`` becomes ``.5``. The value is
written back as JSON here. Whatever is no plain data is refused.
"""

import json
import re
from collections.abc import Iterator

from tidegate.detectors.convert import ConversionError

# The wrapper has other exports (`exports:{}`, `exports=f()`).
_START = re.compile(r'exports=(?=[\[{"])')

_TOKEN = re.compile(
    r"""(?P<text>"[^"\\]*(?:\\.[^"\\]*)*")
      | (?P<key>[A-Za-z_$][\w$]*)(?=:)
      | (?P<word>true|false|null)(?!\w)
      | (?P<flag>![01])
      | (?P<number>-?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)
      | (?P<mark>[{}\[\]:,])""",
    re.VERBOSE | re.ASCII,
)

_DEPTH = {"{": 1, "[": 1, "}": -1, "]": -1}


def exported(script: bytes, name: str) -> str:
    """Return the exported list, object or string as JSON.

    Args:
        script: The file.
        name: Its name, for the error.

    Raises:
        ConversionError: It exports nothing, or something that is no plain data.
    """
    try:
        text = script.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConversionError(f"{name}: not UTF-8 at byte {error.start}") from None
    start = _START.search(text)
    if start is None:
        raise ConversionError(f"{name}: exports no plain data")
    return "".join(_tokens(text, start.end(), name))


def _tokens(text: str, position: int, name: str) -> Iterator[str]:
    """Give the tokens of one value as JSON; it ends where its brackets are closed."""
    depth = 0
    while True:
        token = _TOKEN.match(text, position)
        if token is None:
            raise ConversionError(f"{name}: no plain data at character {position}")
        yield _as_json(token)
        position = token.end()
        depth += _DEPTH.get(token[0], 0)
        if depth <= 0:
            return


def _as_json(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "key":
            return json.dumps(token[0])
        case "flag":
            return "true" if token[0] == "!0" else "false"
        case "number":
            return re.sub(r"^(-?)\.", r"\g<1>0.", token[0])
        case _:
            return token[0]
