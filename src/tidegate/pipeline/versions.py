"""The versions of everything that makes evidence, whatever the item is."""

from collections.abc import Sequence
from importlib import metadata

import tidegate
from tidegate import taxonomy
from tidegate.detectors import Classifier

_LIBRARIES = ("numpy", "onnxruntime")


def versions(detectors: Sequence[Classifier]) -> dict[str, str]:
    """Return name and version of Tidegate, its taxonomy, its detectors and what runs them.

    Those of the decoders are told by each reading: not all have a part in every item.
    """
    return {
        "tidegate": tidegate.__version__,
        "taxonomy": str(taxonomy.VERSION),
        **{f"detector:{d.id}": d.manifest.version for d in detectors},
        **{library: metadata.version(library) for library in _LIBRARIES},
    }
