"""Golden vectors: inputs made by a rule, with the answers that a model must give."""

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.classifier import Classifier
from tidegate.detectors.manifest import Input

TOLERANCE = 5e-5
"""Largest difference in score that counts as the same answer. The vectors score near 0.001:
a wrong channel order, mean or layout moves them by far more."""


def golden_tensor(seed: int, spec: Input) -> NDArray[np.float32]:
    """Return the tensor of shape (crop, crop, 3) that a seed stands for.

    It is smooth noise: 7 x 7 x 3 values of ``numpy.random.RandomState(seed)``, whose
    stream NumPy guarantees to stay the same (NEP 19), uniform in [-100, 100], repeated to
    the size of the input.
    """
    coarse = np.random.RandomState(seed).uniform(-100, 100, (7, 7, 3))
    repeat = -(-spec.crop // 7)
    fine = coarse.repeat(repeat, axis=0).repeat(repeat, axis=1)
    return np.ascontiguousarray(fine[: spec.crop, : spec.crop], dtype=np.float32)


def deviation(classifier: Classifier) -> float:
    """Return the largest difference in score from the manifest's golden vectors."""
    worst = 0.0
    for golden in classifier.manifest.golden:
        given = classifier.scores([golden_tensor(golden.seed, classifier.manifest.input)])[0]
        for category, score in zip(classifier.categories, given, strict=True):
            worst = max(worst, abs(float(score) - golden.scores[category]))
    return worst
