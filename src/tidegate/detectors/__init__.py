"""Detectors: manifest, runtime, signals.

A detector turns a picture into scores for categories of the closed taxonomy. What a
model says beyond its manifest's allowlist does not leave this room.
"""

from tidegate.detectors.catalogue import Model, Survey, find, installed, models, survey
from tidegate.detectors.classifier import Classifier
from tidegate.detectors.coverage import Coverage, coverage
from tidegate.detectors.locator import Locator
from tidegate.detectors.manifest import Manifest, ManifestError
from tidegate.detectors.parse import parse
from tidegate.detectors.signals import Scores

__all__ = [
    "Classifier",
    "Coverage",
    "Locator",
    "Manifest",
    "ManifestError",
    "Model",
    "Scores",
    "Survey",
    "coverage",
    "find",
    "installed",
    "models",
    "parse",
    "survey",
]
