"""What all pages have alike: one HTML file that needs nothing else and loads nothing else."""

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tidegate.figures import clock, percent, stretch
from tidegate.report import palette, words
from tidegate.report.pictures import Picture
from tidegate.report.visible import visible


def page(template: str, css: str, **values: object) -> str:
    """Return a template as a self-contained document that may run no script.

    Args:
        template: Its name in the package.
        css: The whole style sheet, for which alone the document's policy makes room.
        values: What the template shows.
    """
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(css),  # noqa: S704 - ours, from the package
            style_digest=digest,
            **values,
        )
    )


def style(*more: str) -> str:
    """Return the style sheet of all pages, followed by what a page adds to it."""
    light, dark = palette.variables(0), palette.variables(1)
    themes = f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    ours = sheet("report.css"), sheet("evidence.css")
    return "\n".join((themes, palette.classes(), *ours, *more))


@cache
def sheet(name: str) -> str:
    """Return a style sheet of the package."""
    return resources.files("tidegate.report").joinpath("templates", name).read_text("utf-8")


def uri(picture: Picture) -> str:
    """Return a picture as an address that holds it."""
    return "data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode()


def _finalize(value: object) -> object:
    """Make every text that reaches the page safe to look at; escaping comes after."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def environment(*packages: str) -> Environment:
    """Return the templates of packages; of two with one name that of the first.

    Whatever text they show is escaped and safe to look at, and a value that is missing is an error.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _environment() -> Environment:
    made = environment("tidegate.report")
    made.filters |= {
        "bound": words.bound,
        "effect": words.effect,
        "facts": words.facts,
        "lowered": words.lowered,
        "category": words.title,
        "clock": clock,
        "elapsed": words.elapsed,
        "family": palette.family,
        "match": words.match,
        "media": words.media,
        "percent": percent,
        "size": words.size,
        "skipped": words.skipped,
        "stretch": stretch,
    }
    made.globals["plural"] = words.plural
    return made
