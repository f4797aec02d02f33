"""The versions of everything that makes evidence."""

from collections.abc import Sequence
from importlib import metadata

import tidegate
from tidegate import taxonomy
from tidegate.detectors import Classifier

_LIBRARIES = ("av", "numpy", "onnxruntime", "pillow", "pillow-heif", "simplejpeg")


def versions(detectors: Sequence[Classifier]) -> dict[str, str]:
    """Return name and version of Tidegate, its taxonomy, its detectors and decoders."""
    return {
        "tidegate": tidegate.__version__,
        "taxonomy": str(taxonomy.VERSION),
        **{f"detector:{d.id}": d.manifest.version for d in detectors},
        **{library: metadata.version(library) for library in _LIBRARIES},
    }
