"""From what a model answers to probabilities."""

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.manifest import Isotonic, Manifest, Output, Platt, Temperature

Array = NDArray[np.float64]

SMALLEST = 1e-7
"""Probabilities are kept so far from 0 and 1 before their logit is taken."""

ROUNDING = 1e-3
"""How far a probability of a model may be outside [0, 1]."""


def probabilities(raw: NDArray[np.generic], manifest: Manifest) -> Array:
    """Apply the activation to a model's answer, with its temperature.

    Args:
        raw: Array of shape (..., labels).
        manifest: The model.

    Returns:
        Array of the same shape with values in [0, 1].

    Raises:
        ArithmeticError: A value is not finite, or is no probability where the manifest says
            that it is one.
    """
    numbers = raw.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ArithmeticError("a score is not a number")
    given, output = manifest.calibration, manifest.output
    heat = given.temperature if isinstance(given, Temperature) else 1.0
    if output.activation == "none":
        if numbers.size and (numbers.min() < -ROUNDING or numbers.max() > 1 + ROUNDING):
            raise ArithmeticError("a score is no probability")
        numbers = numbers.clip(0.0, 1.0)
        return numbers if heat == 1.0 else _activate(_unactivated(numbers, output) / heat, output)
    return _activate(numbers / heat, output)


def calibrate(scores: Array, manifest: Manifest) -> Array:
    """Apply the calibration by category.

    Args:
        scores: Array of shape (..., categories) with values in [0, 1], in the order of
            the manifest's categories.
        manifest: The model.

    Returns:
        Array of the same shape with values in [0, 1].
    """
    given = manifest.calibration
    if isinstance(given, Platt):
        slopes, intercepts = np.array([given.lines[c] for c in manifest.categories]).T
        return _sigmoid(_logit(scores) * slopes + intercepts)
    if isinstance(given, Isotonic):
        columns = [
            np.interp(scores[..., i], *np.array(given.tables[category]).T)
            for i, category in enumerate(manifest.categories)
        ]
        return np.stack(columns, axis=-1)
    return scores


def _activate(logits: Array, output: Output) -> Array:
    if output.activation == "softmax" or (output.activation == "none" and output.combine == "sum"):
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
    return _sigmoid(logits)


def _unactivated(scores: Array, output: Output) -> Array:
    """Return logits of probabilities: of alternatives, or of each by itself."""
    if output.combine == "sum":
        return np.asarray(np.log(scores.clip(SMALLEST, 1.0)))
    return _logit(scores)


def _logit(scores: Array) -> Array:
    kept = scores.clip(SMALLEST, 1.0 - SMALLEST)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def _sigmoid(logits: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))
