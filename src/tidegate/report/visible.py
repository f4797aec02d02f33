"""Text from outside, made safe to look at.

File names and notes are hostile input: a right-to-left override turns ``gpj.exe``
around, an escape sequence writes to the terminal, a lone surrogate cannot be encoded.
Each such character is shown by its number instead.
"""

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    # os.fsdecode carries bytes that are no UTF-8 as U+DC80 to U+DCFF.
    if 0xDC80 <= code <= 0xDCFF:
        return f"⟨byte {code - 0xDC00:02X}⟩"
    return f"⟨U+{code:04X}⟩"


def visible(text: str) -> str:
    """Return the text with control, format and unassigned characters spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def shorten(text: str, width: int) -> str:
    """Return the text in at most ``width`` characters, cut in the middle.

    The end keeps more than the start, for that is where file names differ.
    """
    if len(text) <= width:
        return text
    head = (width - 1) // 3
    tail = width - 1 - head
    return f"{text[:head]}…{text[len(text) - tail :]}"
