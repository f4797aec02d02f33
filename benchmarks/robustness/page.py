"""The page: tables in Markdown and a plot in SVG, from the counts alone."""

from collections.abc import Sequence
from html import escape
from math import sqrt
from typing import NamedTuple

from benchmarks.robustness.measure import SETTINGS

Z = 1.959964
"""Standard deviations either side that hold 95 % of a normal distribution."""


class Share(NamedTuple):
    """How many of how many, with its 95 % Wilson interval.

    Attributes:
        hits: How many.
        of: Of how many, at least 1.
    """

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share itself."""
        return self.hits / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Return the lower and the upper end of the interval."""
        middle = (self.hits + Z * Z / 2) / (self.of + Z * Z)
        reach = Z / (self.of + Z * Z) * sqrt(self.hits * (1 - self.value) + Z * Z / 4)
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def percent(self) -> str:
        """Return as '93 (91–95)'."""
        low, high = self.interval
        return f"{100 * self.value:.0f} ({100 * low:.0f}–{100 * high:.0f})"

    def rate(self) -> str:
        """Return as a count with the upper end of its interval: '3 (≤ 8.8e-06)'."""
        return f"{self.hits:,} (≤ {self.interval[1]:.1e})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first column to the left and the others to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


LEFT, TOP, CELL, LINE = 300, 130, 84, 19
"""Of the plot in pixels: where the cells begin, and their width and height."""


def plot(groups: Sequence[tuple[str, Sequence[tuple[str, Sequence[Share]]]]]) -> str:
    """Return an SVG of a cell for each copy and setting, darker where more are found.

    Args:
        groups: Of each section its title and its lines: a name and a share a setting.
    """
    lines = sum(len(rows) + 1 for _, rows in groups)
    width, height = LEFT + CELL * len(SETTINGS) + 70, TOP + LINE * lines + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<title>Share of copies found within 31 bits, in per cent</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for column, setting in enumerate(SETTINGS):
        x = LEFT + CELL * (column + 0.5)
        parts.append(
            f'<text transform="translate({x:g} {TOP - 10}) rotate(-35)" fill="#1c2733">'
            f"{escape(setting.name)}</text>"
        )
    y = TOP
    for title, rows in groups:
        parts.append(
            f'<text x="10" y="{y + 14}" font-weight="600" fill="#1c2733">{escape(title)}</text>'
        )
        y += LINE
        for name, shares in rows:
            parts.append(
                f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end" fill="#3d4a57">'
                f"{escape(name)}</text>"
            )
            for column, share in enumerate(shares):
                parts.append(_cell(LEFT + CELL * column, y, share.value))
            y += LINE
    return "\n".join([*parts, "</svg>", ""])


def _cell(x: int, y: int, value: float) -> str:
    """Return one cell: from white, nothing found, to a deep blue, all found."""
    white, deep = (244, 246, 248), (22, 78, 122)
    red, green, blue = (round(a + (b - a) * value) for a, b in zip(white, deep, strict=True))
    ink = "#ffffff" if value > 0.5 else "#1c2733"
    return (
        f'<rect x="{x}" y="{y}" width="{CELL - 2}" height="{LINE - 2}" rx="2" '
        f'fill="rgb({red},{green},{blue})"/>'
        f'<text x="{x + CELL / 2 - 1:g}" y="{y + 13}" text-anchor="middle" fill="{ink}">'
        f"{100 * value:.0f}</text>"
    )
