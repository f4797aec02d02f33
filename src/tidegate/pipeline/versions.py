"""The versions of everything that makes evidence, whatever the item is."""

from collections.abc import Sequence
from importlib import metadata

import tidegate
from tidegate import taxonomy
from tidegate.detectors import Classifier
from tidegate.detectors.engines import version


def versions(detectors: Sequence[Classifier]) -> dict[str, str]:
    """Return name and version of Tidegate, its taxonomy, its detectors and what runs them.

    What runs a model is told with its device: scores of two differ in their last digits. A
    detector of somebody's own, which only looks like ours, has none that we know of.
    Those of the decoders are told by each reading: not all have a part in every item.
    """
    runtimes = dict.fromkeys(d.runtime for d in detectors if isinstance(d, Classifier))
    return {
        "tidegate": tidegate.__version__,
        "taxonomy": str(taxonomy.VERSION),
        **{f"detector:{d.id}": d.manifest.version for d in detectors},
        **{f"runtime:{r.library}:{r.device}": version(r.library) for r in runtimes},
        "numpy": metadata.version("numpy"),
    }
