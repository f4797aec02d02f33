"""Values as pages say them; the filters of the templates."""

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from tidegate import taxonomy
from tidegate.report import words
from tidegate.store import clock
from tidegate.store.clock import DAY, HOUR, MINUTE, SECOND


def when(micros: int | None) -> str | Markup:
    """Return a time for people, that machines can read as well."""
    if micros is None:
        return "–"
    text = clock.text(micros)
    shown = f"{text[:10]} {text[11:16]} UTC"
    return Markup('<time datetime="{}">{}</time>').format(text, shown)


def span(micros: int) -> str:
    """Return a length of time in its largest unit, for example ``3 h``."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if micros >= unit:
            return f"{micros // unit} {name}"
    return f"{max(0, micros) // SECOND} s"


def category(name: str | None) -> str:
    """Return the title of a category."""
    known = taxonomy.CATEGORIES.get(name or "")
    return "–" if known is None else known.title


def badge(action: str | None) -> Markup:
    """Return an action as a badge."""
    if action is None:
        return Markup('<span class="badge">not decided</span>')
    return Markup('<span class="badge" data-action="{0}">{0}</span>').format(action)


FILTERS: dict[str, Callable[..., Any]] = {
    "badge": badge,
    "category": category,
    "size": words.size,
    "span": span,
    "when": when,
}
"""By name."""
