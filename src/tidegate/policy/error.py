"""A policy that does not load, and where the trouble is."""


class PolicyError(ValueError):
    """A policy that does not load. The message says what, where and how to mend it.

    Attributes:
        line: In the file, counted from 1, or ``None`` where no line is to blame.
        column: In the line, counted from 1, or ``None``.
        excerpt: The line with a caret under the column, for people; may be empty.
    """

    def __init__(
        self,
        name: str,
        line: int | None,
        message: str,
        *,
        column: int | None = None,
        excerpt: str = "",
    ) -> None:
        place = ":".join(str(part) for part in (name, line, column) if part is not None)
        super().__init__(f"{place}: {message}")
        self.line = line
        self.column = column
        self.excerpt = excerpt


def excerpt(text: str, line: int, column: int) -> str:
    """Return a line of a text with a caret under a column, both counted from 1.

    A long line is cut around the column.
    """
    lines = text.splitlines()
    if not 1 <= line <= len(lines):
        return ""
    shown = lines[line - 1].replace("\t", " ")
    start = max(0, min(column - 40, len(shown) - 80))
    cut = shown[start : start + 80].rstrip()
    margin = f"{line:>4} | "
    return f"{margin}{cut}\n{' ' * (len(margin) - 2)}| {' ' * (column - 1 - start)}^"
