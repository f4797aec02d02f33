"""Contrast by the formula of WCAG 2."""

from collections.abc import Mapping

import pytest

from tidegate import taxonomy
from tidegate.report.palette import ACTION, FAMILY, PAPER, Colour, family


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("colours", "least"), [(ACTION, 4.5), (FAMILY, 3.0)])
@pytest.mark.parametrize("theme", [0, 1])
def test_colours_stand_out_from_the_page(
    colours: Mapping[str, Colour], least: float, theme: int
) -> None:
    low = {n: c for n, c in colours.items() if contrast(c[theme], PAPER[theme]) < least}
    assert not low


def test_badges_can_be_read() -> None:
    assert all(contrast(c.light, "#ffffff") >= 4.5 for c in ACTION.values())
    assert all(contrast(c.dark, "#0b1216") >= 4.5 for c in ACTION.values())


def test_every_category_that_can_be_found_has_a_colour() -> None:
    assert "other" not in {family(name) for name in taxonomy.bankable()}
