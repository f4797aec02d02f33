"""Detectors: manifest, runtime, signals.

A detector turns a picture into scores for categories of the closed taxonomy. What a
model says beyond its manifest's allowlist does not leave this room.
"""

from functools import cache
from importlib import resources

from tidegate.detectors.classifier import Classifier
from tidegate.detectors.manifest import Manifest, ManifestError, parse
from tidegate.detectors.signals import Scores

__all__ = ["Classifier", "Manifest", "ManifestError", "Scores", "builtin", "parse"]


@cache
def builtin() -> tuple[Classifier, ...]:
    """Return the detectors that come with Tidegate, loaded once for each process.

    Raises:
        ManifestError: The weights of one are missing or altered.
    """
    folder = resources.files(__name__) / "models"
    manifests = [
        parse(file.read_text(encoding="utf-8"), file.name)
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".model.yaml")
    ]
    return tuple(Classifier(manifest) for manifest in manifests)
