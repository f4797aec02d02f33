"""Golden vectors: pictures made by a rule, with the answers that a model must give."""

import math

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.classifier import Classifier
from tidegate.detectors.manifest import Golden, ManifestError
from tidegate.detectors.preprocess import values

TOLERANCE = 0.005
"""Largest difference, in log odds, that counts as the same answer. Processors round float32
differently, by about 1e-4 there; a wrong channel order, mean or layout does far more."""

CERTAIN = 1e-4
"""Scores nearer to 0 or 1 are as good as that: float32 has too few digits for their odds."""


def picture(seed: int, side: int) -> NDArray[np.uint8]:
    """Return the picture of shape (side, side, 3) that a seed stands for.

    It is coarse noise: 7 x 7 x 3 values of ``numpy.random.RandomState(seed).randint(0, 256)``,
    whose stream NumPy guarantees to stay the same (NEP 19), each repeated to a block.
    """
    coarse = np.random.RandomState(seed).randint(0, 256, (7, 7, 3)).astype(np.uint8)
    repeat = -(-side // 7)
    return np.ascontiguousarray(coarse.repeat(repeat, axis=0).repeat(repeat, axis=1)[:side, :side])


def answer(classifier: Classifier, seed: int) -> Golden:
    """Return what a model says of a seed's picture, for its manifest.

    The picture has the side of the tensor and is not resized, nor put through JPEG: what
    a library for pictures does may change from one version to the next.
    """
    given = classifier.manifest.input
    (row,) = classifier.scores([values(picture(seed, given.crop), given)])
    scores = dict(zip(classifier.categories, map(float, row), strict=True))
    return Golden(seed=seed, scores=scores)


def verify(classifier: Classifier) -> None:
    """Ask a model for its golden vectors, or for any answer where it has none.

    Raises:
        ManifestError: It cannot answer, or answers otherwise.
    """
    try:
        answer(classifier, seed=0)
        off = deviation(classifier)
    except Exception as error:
        # A runtime has errors of its own.
        raise ManifestError(f"{classifier.id}: does not run: {type(error).__name__}") from None
    if off > TOLERANCE:
        raise ManifestError(
            f"{classifier.id}: a golden vector's score is off by {off:.2g} in log odds, more "
            f"than {TOLERANCE:g}"
        )


def deviation(classifier: Classifier) -> float:
    """Return the largest difference from the manifest's golden vectors, in log odds.

    Odds tell models apart by scores near 0 as well, where noise has most of its scores.
    """
    worst = 0.0
    for golden in classifier.manifest.golden:
        given = answer(classifier, golden.seed).scores
        worst = max(worst, *(_apart(given[c], golden.scores[c]) for c in given))
    return worst


def _apart(score: float, other: float) -> float:
    """Return how far two scores are apart; infinitely where one is no number."""
    if not math.isfinite(score):
        return math.inf
    return abs(_odds(score) - _odds(other))


def _odds(score: float) -> float:
    kept = min(max(score, CERTAIN), 1 - CERTAIN)
    return math.log(kept / (1 - kept))
