"""``labels.csv``: what people say that media shows.

The first line names the columns: ``path``, one for each category of the taxonomy that is
labelled, and any number of ``slice:NAME``. A slice is a column of the user's by whose values
error rates are told apart; nothing but the file ever says in which group an item is.
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tidegate import taxonomy

SLICE = "slice:"
"""What the names of the user's own columns begin with."""

MOST_BYTES = 64 * 1024**2
MOST_ROWS = 100_000
MOST_SLICES = 20
MOST_GROUPS = 100
"""Values of one slice: a column with more is an id or a remark, and no grouping."""
LONGEST = 4096
"""Characters of one cell."""

_VALUES = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
_SEPARATORS = ",;\t"


class LabelsError(ValueError):
    """A file of labels that must not be used. The message names the file, line and reason."""


class Row(NamedTuple):
    """One item.

    Attributes:
        path: Relative to the folder with the media, as the file has it; or what else
            names the item.
        truth: By category. A category whose cell is empty is not in it.
        groups: By slice, the value; empty where the cell is.
    """

    path: str
    truth: Mapping[str, bool]
    groups: Mapping[str, str]


class Labels(NamedTuple):
    """A file of labels.

    Attributes:
        name: Of the file.
        key: Column that names the items.
        categories: Ids of the labelled categories, in the order of the file.
        rows: In the order of the file.
    """

    name: str
    key: str
    categories: tuple[str, ...]
    rows: tuple[Row, ...]


def read_labels(
    path: str | os.PathLike[str], *, keys: Sequence[str] = ("path",), beneath: bool = True
) -> Labels:
    """Read a file of labels: CSV in UTF-8, separated by commas, semicolons or tabs.

    Args:
        path: The file.
        keys: Columns that may name the items; the file has one of them.
        beneath: Whether the names are paths beneath a folder with the media.

    Raises:
        LabelsError: It cannot be read, or is not what it should be.
    """
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise LabelsError(f"{name}: cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise LabelsError(f"{name}: is larger than {MOST_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LabelsError(f"{name}:{line}: is not UTF-8 text") from None
    return _Parser(name, keys, beneath).labels(text)


def _name(cell: str) -> str:
    """Return the name of a column without the spaces around it."""
    name = cell.strip()
    return SLICE + name.removeprefix(SLICE).strip() if name.startswith(SLICE) else name


class _Parser:
    """Knows the file's name, for every error."""

    def __init__(self, name: str, keys: Sequence[str], beneath: bool) -> None:
        self._name = name
        self._keys = keys
        self._key = keys[0]
        self._beneath = beneath
        self._line = 1

    def labels(self, text: str) -> Labels:
        rows = self._cells(text)
        header = next(rows, None)
        if header is None:
            raise self._wrong("is empty")
        header = [_name(cell) for cell in header]
        self._check_header(header)
        found = list(self._rows(header, rows))
        if not found:
            raise self._wrong("has a header and no item")
        categories = tuple(name for name in header if name in taxonomy.CATEGORIES)
        return Labels(self._name, self._key, categories, tuple(found))

    def _cells(self, text: str) -> Iterator[list[str]]:
        """Yield the rows that are not blank, and keep in mind where each begins."""
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=self._separator(text), strict=True
        )
        while True:
            self._line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise self._wrong(f"is no CSV: {error}") from None
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield cells

    @staticmethod
    def _separator(text: str) -> str:
        first = text.lstrip().partition("\n")[0]
        return max(_SEPARATORS, key=first.count)

    def _check_header(self, header: Sequence[str]) -> None:
        named = [key for key in self._keys if key in header]
        if len(named) != 1:
            raise self._wrong(
                "the first line names the columns, separated by commas, semicolons or tabs, and "
                f"one of them is {' or '.join(map(repr, self._keys))}"
            )
        self._key = named[0]
        slices = sum(name.startswith(SLICE) for name in header)
        if slices > MOST_SLICES:
            raise self._wrong(f"has {slices} slices, and at most {MOST_SLICES} are told apart")
        seen: set[str] = set()
        for number, name in enumerate(header, 1):
            if name in seen:
                raise self._wrong(f"column {name!r} comes twice")
            seen.add(name)
            if name == self._key or name in taxonomy.CATEGORIES:
                continue
            if not name.startswith(SLICE):
                raise self._wrong(
                    f"column {number}, {name!r}, is no category of taxonomy "
                    f"v{taxonomy.VERSION}; a column of your own is '{SLICE}{name or 'NAME'}'"
                )
            if not 0 < len(name.removeprefix(SLICE)) <= LONGEST:
                raise self._wrong(f"column {number}: '{SLICE}' is followed by a name")
        if len(header) == slices + 1:
            raise self._wrong("no column is a category of the taxonomy")

    def _rows(self, header: Sequence[str], rows: Iterator[list[str]]) -> Iterator[Row]:
        lines: dict[str, int] = {}
        values: dict[str, set[str]] = {}
        for cells in rows:
            row = self._row(header, cells)
            if row.path in lines:
                raise self._wrong(f"{row.path!r} is in line {lines[row.path]} already")
            lines[row.path] = self._line
            if len(lines) > MOST_ROWS:
                raise self._wrong(f"has more than {MOST_ROWS:,} items")
            for name, value in row.groups.items():
                known = values.setdefault(name, set())
                known.add(value)
                if len(known) > MOST_GROUPS:
                    raise self._wrong(
                        f"'{SLICE}{name}' has more than {MOST_GROUPS} values, and is no grouping"
                    )
            yield row

    def _row(self, header: Sequence[str], cells: Sequence[str]) -> Row:
        if len(cells) != len(header):
            raise self._wrong(f"has {len(cells)} cells, and the first line {len(header)}")
        truth: dict[str, bool] = {}
        groups: dict[str, str] = {}
        path = ""
        for name, cell in zip(header, cells, strict=True):
            if len(cell) > LONGEST:
                raise self._wrong(f"{name!r} has more than {LONGEST:,} characters")
            if name == self._key:
                path = self._path(cell)
            elif name.startswith(SLICE):
                groups[name.removeprefix(SLICE)] = cell.strip()
            elif cell.strip():
                truth[name] = self._truth(name, cell.strip())
        return Row(path, truth, groups)

    def _path(self, cell: str) -> str:
        if not self._beneath and cell:
            return cell
        path = PurePosixPath(cell)
        if not path.parts:
            raise self._wrong(f"has no {self._key}")
        if path.is_absolute() or ".." in path.parts or "\0" in cell:
            raise self._wrong(f"{cell!r} is no path beneath the folder with the media")
        return str(path)

    def _truth(self, category: str, cell: str) -> bool:
        try:
            return _VALUES[cell.casefold()]
        except KeyError:
            raise self._wrong(
                f"{category} is {cell!r}: it is 1, yes or true, 0, no or false, or empty where "
                "nobody has looked"
            ) from None

    def _wrong(self, reason: str) -> LabelsError:
        return LabelsError(f"{self._name}:{self._line}: {reason}")
