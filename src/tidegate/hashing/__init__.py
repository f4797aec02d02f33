"""Fingerprints: exact digests of the bytes, and PDQ of the picture."""

from tidegate.hashing.digests import Digests, digests
from tidegate.hashing.pdq import MIN_QUALITY, MIN_SIDE, Pdq, dihedral, hamming, pdq, pdq_many
from tidegate.hashing.views import PRESETS, Preset, parts, views
from tidegate.native import describe as path_in_use

__all__ = [
    "MIN_QUALITY",
    "MIN_SIDE",
    "PRESETS",
    "Digests",
    "Pdq",
    "Preset",
    "digests",
    "dihedral",
    "hamming",
    "parts",
    "path_in_use",
    "pdq",
    "pdq_many",
    "views",
]
