"""How far people agree when they judge the same things. Pure functions of counts.

Cohen's kappa sets the observed agreement against the one that chance would give with the same
shares of answers: 1 is full agreement, 0 is chance, below 0 is less than chance. Weighted, an
answer that is near on the scale counts in part. With answers that are nearly always the same,
chance alone agrees nearly always, and kappa is small however seldom people differ (the
prevalence paradox): it is told with the plain share of agreement, never without.

Sources: J. Cohen, "A coefficient of agreement for nominal scales", Educational and
Psychological Measurement 20 (1960), and "Weighted kappa", Psychological Bulletin 70 (1968);
J. L. Fleiss, J. Cohen, B. S. Everitt, "Large sample standard errors of kappa and weighted
kappa", Psychological Bulletin 72 (1969); A. R. Feinstein, D. V. Cicchetti, "High agreement but
low kappa", Journal of Clinical Epidemiology 43 (1990).
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

from tidegate.evidence import Value
from tidegate.report.statistics import LEVEL, Interval, Rate, rate, wilson

LEAST = 50
"""Pairs below which no kappa is told: its interval would say next to nothing, and be wrong."""

TOO_FEW = "too few"
ONE_ANSWER = "one answer alone"

Pairs = Mapping[tuple[str, str], int]
"""How often a first and a second answer came together."""

_SAME = 1e-12
"""Below this a difference of shares is the rounding of floats."""


class Kappa(Value, frozen=True, kw_only=True):
    """Cohen's kappa of pairs of answers.

    Attributes:
        n: Pairs.
        value: -1 to 1; ``None`` where it is not told.
        interval: At :data:`~tidegate.report.statistics.LEVEL`; ``None`` where there is no value.
        missing: Why there is no value: :data:`TOO_FEW` pairs, or :data:`ONE_ANSWER`, with which
            chance agrees always and kappa is undefined. Else empty.
    """

    n: int
    value: float | None
    interval: Interval | None
    missing: str = ""


class Agreement(Value, frozen=True, kw_only=True):
    """How far first and second answers agree.

    Attributes:
        agreed: Pairs of the same answer, of all.
        plain: Kappa; answers are the same or not.
        weighted: Kappa; answers that are near on the scale agree in part.
    """

    agreed: Rate
    plain: Kappa
    weighted: Kappa


class _Shares(NamedTuple):
    """What kappa follows from; the agreement is that of the weights."""

    observed: float
    chance: float
    kappa: float
    variance: float


def agreement(pairs: Pairs, scale: Sequence[str], *, least: int = LEAST) -> Agreement:
    """Return how far pairs of answers agree.

    Args:
        pairs: Their counts.
        scale: All answers, in their order.
        least: Pairs below which no kappa is told.
    """
    same = sum(count for (first, second), count in pairs.items() if first == second)
    return Agreement(
        agreed=rate(same, sum(pairs.values())),
        plain=kappa(pairs, scale, least=least),
        weighted=kappa(pairs, scale, weighted=True, least=least),
    )


def kappa(
    pairs: Pairs, scale: Sequence[str], *, weighted: bool = False, least: int = LEAST
) -> Kappa:
    """Return Cohen's kappa.

    The interval is that of Fleiss, Cohen and Everitt on the logarithm of ``1 - kappa``: it stays
    below 1, and is wide downwards where few pairs differ. Where none does it has no width by
    any such formula; then its lower end follows from Wilson's of the agreement.

    Args:
        pairs: Their counts.
        scale: All answers, in their order; two or more.
        weighted: Whether two answers agree by 1 less their distance on the scale over its
            length, rather than fully or not at all.
        least: Pairs below which it is not told.

    Raises:
        ValueError: An answer is not on the scale, or a count is negative.
    """
    n = sum(pairs.values())
    if (
        any(one not in scale for pair in pairs for one in pair)
        or min(pairs.values(), default=0) < 0
    ):
        raise ValueError("pairs of answers that are not on the scale, or less than none")
    if n < max(1, least):
        return Kappa(n=n, value=None, interval=None, missing=TOO_FEW)
    found = _shares(pairs, scale, weighted=weighted)
    if found is None:
        return Kappa(n=n, value=None, interval=None, missing=ONE_ANSWER)
    return Kappa(n=n, value=found.kappa, interval=_interval(found, n))


def _shares(pairs: Pairs, scale: Sequence[str], *, weighted: bool) -> _Shares | None:
    """Return what kappa follows from, or ``None`` where chance agrees always."""
    n, span = sum(pairs.values()), len(scale) - 1
    place = {answer: at for at, answer in enumerate(scale)}

    def weight(first: str, second: str) -> float:
        if weighted:
            return 1 - abs(place[first] - place[second]) / span
        return float(first == second)

    firsts, seconds = dict.fromkeys(scale, 0.0), dict.fromkeys(scale, 0.0)
    for (first, second), count in pairs.items():
        firsts[first] += count / n
        seconds[second] += count / n
    # With how much weight an answer agrees by chance with those of the others.
    row = {a: math.fsum(seconds[b] * weight(a, b) for b in scale) for a in scale}
    column = {b: math.fsum(firsts[a] * weight(a, b) for a in scale) for b in scale}
    observed = math.fsum(count / n * weight(*pair) for pair, count in pairs.items())
    chance = math.fsum(firsts[a] * row[a] for a in scale)
    if 1 - chance < _SAME:
        return None
    value = (observed - chance) / (1 - chance)
    spread = math.fsum(
        count / n * (weight(a, b) - (row[a] + column[b]) * (1 - value)) ** 2
        for (a, b), count in pairs.items()
    )
    variance = (spread - (value - chance * (1 - value)) ** 2) / (n * (1 - chance) ** 2)
    return _Shares(observed, chance, value, max(0.0, variance))


def _interval(found: _Shares, n: int) -> Interval:
    apart = 1 - found.kappa
    if apart < _SAME:
        low = (wilson(n, n).low - found.chance) / (1 - found.chance)
        return Interval(low=max(-1.0, low), high=1.0)
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    factor = math.exp(z * math.sqrt(found.variance) / apart)
    return Interval(low=max(-1.0, 1 - apart * factor), high=1 - apart / factor)
