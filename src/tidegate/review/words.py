"""Values as pages say them; the filters of the templates."""

from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape

from tidegate.figures import clock as moment
from tidegate.figures import percent, stretch
from tidegate.report import palette, words
from tidegate.report.visible import shorten, visible
from tidegate.store import clock
from tidegate.store.clock import DAY, HOUR, MINUTE, SECOND


def when(time: int | str | None) -> str | Markup:
    """Return a time for people, that machines can read as well.

    Args:
        time: In microseconds, or as the API says it: ISO 8601.
    """
    if time is None:
        return "–"
    text = clock.text(clock.parse(time) if isinstance(time, str) else time)
    shown = f"{text[:10]} {text[11:16]} UTC"
    return Markup('<time datetime="{}">{}</time>').format(text, shown)


def span(micros: int | None) -> str:
    """Return a length of time in its largest unit, for example ``3 h``."""
    if micros is None:
        return "–"
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if micros >= unit:
            return f"{micros // unit} {name}"
    return f"{max(0, micros) // SECOND} s"


def category(name: str | None) -> str:
    """Return the title of a category; its id where the taxonomy does not know it any more."""
    return words.title(name) if name else "–"


def badge(action: str | None) -> Markup:
    """Return an action as a badge."""
    if action is None:
        return Markup('<span class="badge gap">not decided</span>')
    return Markup('<span class="badge" data-action="{0}">{0}</span>').format(action)


def exact(text: object) -> Markup:
    """Return a text as it is, for the controls of a form: what comes back is what was there."""
    return escape("" if text is None else text)


def shortened(text: str) -> str:
    """Return a name in a line: what is long is cut in the middle."""
    return shorten(text, 60)


def lines(text: str) -> Markup:
    """Return a text of several lines, each made safe to look at."""
    return Markup("\n").join(visible(line.replace("\t", "    ")) for line in text.splitlines())


FILTERS: dict[str, Callable[..., Any]] = {
    "badge": badge,
    "bound": words.bound,
    "category": category,
    "clock": moment,
    "effect": words.effect,
    "elapsed": words.elapsed,
    "exact": exact,
    "facts": words.facts,
    "family": palette.family,
    "lines": lines,
    "lowered": words.lowered,
    "match": words.match,
    "media": words.media,
    "percent": percent,
    "shorten": shortened,
    "size": words.size,
    "skipped": words.skipped,
    "span": span,
    "stretch": stretch,
    "when": when,
}
"""By name. Those that the templates of reports use have the names that they have there."""
