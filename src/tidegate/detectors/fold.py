"""The ways in which a label can be read, so that no spelling hides a word.

Case, accents, separators, camelCase, invisible characters, letters that look like others
(Unicode Technical Standard 39 calls them confusables) and digits for letters make no
difference. Nor do a capital I for an l, two v for a w and letters in circles or squares. An
emoji is read as its Unicode name.
"""

import re
import unicodedata
from collections.abc import Iterator

_LOOK_ALIKE = (  # Latin, then what is drawn like it: Cyrillic, Greek, Armenian, phonetic.
    ("abekmhopctyxisjdhqwrnug", "авекмнорстухіѕјԁһԛԝгпиԍ"),
    ("abeiknoptuxwvy", "αβεικηορτυχωνγ"),
    ("ouhngq", "օսհոցգ"),
    ("aegihtfsznrbylmcdtjkvw", "ɑɛɡɩħŧƒʂƶɴʀʙʏʟᴍᴄᴅᴛᴊᴋᴠᴡ"),
    ("aehiopuzgdbei", "ᴀᴇʜɪᴏᴘᴜᴢɢðƀǝȷ"),
)
_CONFUSABLE = {ord(seen): meant for pair in _LOOK_ALIKE for meant, seen in zip(*pair, strict=True)}
_CYRILLIC = {ord(seen): meant for seen, meant in zip(*_LOOK_ALIKE[0], strict=True)}
_SPELLED = str.maketrans({"æ": "ae", "œ": "oe", "ł": "l", "ø": "o", "đ": "d", "ı": "i"})
_LEET = {
    "0": "o", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "€": "e", "£": "l", "+": "t", "(": "c", "¢": "c",
}  # fmt: skip
_LEETS = tuple(str.maketrans(_LEET | dict.fromkeys("1!|", letter)) for letter in "il")

# Letters that Arabic and Persian write in more than one way.
_ARABIC = str.maketrans({"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ـ": None})

_ENCLOSED = re.compile(r"NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL LETTER ([A-Z])")
_FILLERS = "\u115f\u1160\u3164\uffa0"
"""Letters of Hangul that are drawn as nothing."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def fold(text: str) -> str:
    """Return lower case without accents and invisible characters: one spelling for many."""
    pieces = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept: list[str] = []
    for c in pieces:
        if not _invisible(c, kept[-1] if kept else ""):
            kept.append(c)
    plain = unicodedata.normalize("NFC", "".join(kept)).casefold()
    return plain.translate(_SPELLED).translate(_ARABIC)


def digits(text: str) -> str:
    """Return a text with digits of every kind as 0 to 9."""
    values = ((c, unicodedata.digit(c, None)) for c in text)
    return "".join(c if value is None else str(value) for c, value in values)


def _invisible(character: str, before: str) -> bool:
    """Whether it is an accent, or is drawn as nothing.

    A mark of its own script's block is none of these: it is how Hindi writes a vowel.
    """
    if unicodedata.combining(character) or character in _FILLERS:
        return True
    kind = unicodedata.category(character)
    if kind == "Mn":
        return not before or ord(before) >> 7 != ord(character) >> 7
    return kind in ("Cf", "Me")


def readings(label: str) -> Iterator[list[str]]:
    """Yield each way to read a label, as a list of its words."""
    named = digits("".join(_spoken(c) for c in label))
    told = set()
    spaced = _CAMEL.sub(" ", named)
    for text in dict.fromkeys(t for n in (named, spaced) for t in (n, n.replace("I", "l"))):
        folded = fold(text)
        looks = folded.translate(_CONFUSABLE)
        cyrillic = folded.translate(_CYRILLIC) if not folded.isascii() else folded
        for base in (folded, looks, cyrillic, *(looks.translate(leet) for leet in _LEETS)):
            for reading in (base, base.replace("vv", "w")):
                if reading not in told:
                    told.add(reading)
                    yield _words(reading)


def _spoken(character: str) -> str:
    """Return a symbol's name, such as that of an emoji, and all else as it is."""
    symbol = unicodedata.category(character) in ("So", "Sk")
    if not symbol or unicodedata.normalize("NFKC", character) != character:
        return character
    name = unicodedata.name(character, "")
    if (letter := _ENCLOSED.search(name)) is not None:
        return letter[1]
    return f" {name.lower()} "


def _words(text: str) -> list[str]:
    """Split at all that is no letter. Letters that stand alone in a row make a word."""
    spaced = "".join(c if unicodedata.category(c)[0] in "LM" else " " for c in text)
    words: list[str] = []
    spelling = False
    for word in spaced.split():
        if spelling and len(word) == 1:
            words[-1] += word
        else:
            words.append(word)
        spelling = len(word) == 1
    return words
