"""Hash lists as others write them: plain text, CSV, JSON Lines, and what hashing tools print.

Plain text is the local file of python-threatexchange, ``type hash`` or ``hash`` a line,
or a hash and, after one space, whatever it is called by. CSV has a header line and JSON
Lines an object a line, with these names:

========================  =====================================================
``hash`` or ``signal``    the hash; its type is ``type`` or ``signal_type``, or
                          follows from its length: 64 digits are a PDQ, 32 an MD5
``pdq``, ``sha256``,      hashes that name their type themselves; one row may have
``md5``                   several, of the same content
``quality``               of the PDQ, 0 to 100
``id``                    unique; the line number where it is missing
``category``              of the taxonomy; that of the bank where it is missing
``note``, ``provenance``  for people; ``source`` is read as ``provenance``
========================  =====================================================

Other names are ignored: foreign lists carry much that is of no use here.

The tools of the PDQ reference print ``hash,quality,filename``, or with details
``hash=…,norm=…,delta=…,quality=…,filename=…``; the haystacks that they search are such
files, or ``hash`` and anything behind a comma. What is not the quality becomes the note.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from tidegate.matching.bank import BankError, Entry, Frame, is_hex

Line = tuple[int, str]
"""A line of a file without its line break, and its number, from 1."""

TYPES = {"pdq": "pdq", "sha256": "sha256", "md5": "md5", "video_md5": "md5"}
"""Types of hashes by the names that lists use."""

_HASH = ("hash", "signal")
_TYPE = ("type", "signal_type")
_PROVENANCE = ("provenance", "source")

LONGEST_LINE = 1 << 20
"""Characters; what one line of a list says of one piece of content is far shorter."""

COLUMNS = frozenset((*_HASH, *TYPES))
"""Names of which a table has at least one."""


class LineError(BankError):
    """A line of a list is not what it should be."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")


def bounded(lines: Iterable[Line]) -> Iterator[Line]:
    """Pass lines on.

    Raises:
        LineError: A line is too long for a list.
    """
    for number, line in lines:
        if len(line) > LONGEST_LINE:
            raise LineError(number, f"longer than {LONGEST_LINE} characters")
        yield number, line


def speaks(line: str) -> bool:
    """Whether a line is neither blank nor a comment."""
    text = line.strip()
    return bool(text) and not text.startswith("#")


def is_csv_header(line: str) -> bool:
    """Whether a line names the columns of a table of hashes."""
    return not COLUMNS.isdisjoint(_column(name) for name in line.split(","))


Format = Literal["plain", "csv", "jsonl", "tool"]


def kind_of(first: str) -> Format:
    """Tell what a list is by its first line that speaks."""
    if first.lstrip().startswith("{"):
        return "jsonl"
    head, comma, _ = first.strip().partition(",")
    if head.startswith("hash=") or (comma and _is_hash(head)):
        return "tool"
    return "csv" if is_csv_header(first) else "plain"


def read_plain(lines: Iterable[Line]) -> Iterator[Entry]:
    """Read ``hash``, ``hash note``, ``type hash`` or ``type hash note`` a line.

    Raises:
        LineError: A line is none of them.
    """
    for number, line in lines:
        text = line.strip()
        if not speaks(line):
            continue
        first, *rest = text.split(maxsplit=1)
        if not rest:
            yield _entry(number, {"hash": first})
        elif not _is_hash(first):
            hashed, *note = rest[0].split(maxsplit=1)
            yield _entry(number, {"type": first, "hash": hashed, "note": "".join(note)})
        elif _is_hash(rest[0].split(maxsplit=1)[0]):
            raise LineError(number, "two hashes")
        elif text != f"{first} {rest[0]}" or rest[0].startswith("*"):
            # As sha256sum writes it: not to be taken for a PDQ.
            raise LineError(number, "a hash and a file name: say 'sha256 hash' or 'md5 hash'")
        else:
            yield _entry(number, {"hash": first, "note": rest[0]})


def read_tool(lines: Iterable[Line]) -> Iterator[Entry]:
    """Read what the tools of the PDQ reference print, a hash a line.

    Raises:
        LineError: A line is nothing of the kind.
    """
    for number, line in lines:
        if speaks(line):
            yield _entry(number, _tool_row(line.strip()))


def _tool_row(line: str) -> dict[str, str]:
    if not line.startswith("hash="):
        text, _, rest = line.partition(",")
        quality, comma, name = rest.partition(",")
        if comma and _is_quality(quality.strip()):
            return {"hash": text, "quality": quality, "note": name}
        return {"hash": text, "note": rest}
    # A file's name comes last and may hold commas.
    fields, _, name = line.partition(",filename=")
    row = dict(field.partition("=")[::2] for field in fields.split(","))
    return {"hash": row["hash"], "quality": row.get("quality", ""), "note": name}


def read_csv(lines: Iterable[Line]) -> Iterator[Entry]:
    """Read a table whose first line names the columns.

    Raises:
        LineError: A row is not what it should be.
    """
    number = 0

    def texts() -> Iterator[str]:
        nonlocal number
        for line_number, line in lines:
            number = line_number
            yield line + "\n"

    rows = csv.reader(texts(), strict=True)
    try:
        names = [_column(name) for name in next(rows)]
        for cells in rows:
            if not speaks(",".join(cells)):
                continue
            if len(cells) > len(names):
                raise LineError(number, f"{len(cells)} cells under {len(names)} names")
            yield _entry(number, dict(zip(names, cells, strict=False)))
    except csv.Error as error:
        raise LineError(number, str(error)) from None


def read_jsonl(lines: Iterable[Line]) -> Iterator[Entry]:
    """Read an object a line.

    Raises:
        LineError: A line is no object, or not what it should be.
    """
    decoder = msgspec.json.Decoder(dict[str, object])
    for number, line in lines:
        if not speaks(line):
            continue
        try:
            found = decoder.decode(line)
            row = {_column(k): str(v) for k, v in found.items() if v is not None}
        except msgspec.DecodeError as error:
            raise LineError(number, str(error)) from None
        except RecursionError:
            raise LineError(number, "nested too deep") from None
        yield _entry(number, row)


def _entry(number: int, row: Mapping[str, str]) -> Entry:
    """Make an entry of a row."""
    cells = {name: cell.strip() for name, cell in row.items()}
    hashes: dict[str, str] = {}
    for name in ("pdq", "sha256", "md5"):
        if cells.get(name):
            hashes[name] = cells[name].lower()
    if text := _first(cells, _HASH).lower():
        hashes[_type(number, _first(cells, _TYPE), text)] = text
    if not hashes:
        raise LineError(number, "no hash")
    try:
        return Entry(
            id=cells.get("id") or str(number),
            sha256=(hashes["sha256"],) if "sha256" in hashes else (),
            md5=(hashes["md5"],) if "md5" in hashes else (),
            pdq=(Frame(hashes["pdq"], 0.0, _quality(cells)),) if "pdq" in hashes else (),
            category=cells.get("category") or None,
            note=cells.get("note", ""),
            provenance=_first(cells, _PROVENANCE),
        )
    except BankError as error:
        raise LineError(number, str(error)) from None


def _type(number: int, word: str, text: str) -> str:
    """Return the type of a hash, by its word or else by its length."""
    if word:
        kind = TYPES.get(word.lower())
        if kind is None:
            raise LineError(number, f"{word[:80]!r} is no type: {', '.join(TYPES)}")
        return kind
    if is_hex(text, 64):
        return "pdq"
    if is_hex(text, 32):
        return "md5"
    raise LineError(number, f"{text[:80]!r} is no hash: 64 or 32 hexadecimal digits")


def _quality(cells: Mapping[str, str]) -> int | None:
    text = cells.get("quality", "")
    if not text:
        return None
    if not _is_quality(text):
        raise BankError(f"{text[:80]!r} is no quality: 0 to 100")
    return int(text)


def _is_quality(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100


def _is_hash(text: str) -> bool:
    return is_hex(text.lower(), 64) or is_hex(text.lower(), 32)


def _column(name: str) -> str:
    return name.strip().strip('"').lower()


def _first(cells: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((cells[name] for name in names if cells.get(name)), "")


READERS: Mapping[Format, Callable[[Iterable[Line]], Iterator[Entry]]] = {
    "plain": read_plain,
    "csv": read_csv,
    "jsonl": read_jsonl,
    "tool": read_tool,
}
"""How each kind of list is read."""
