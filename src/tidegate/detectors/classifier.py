"""A model that gives each picture a score per category."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.batcher import Answer, Batcher
from tidegate.detectors.calibrate import calibrate, probabilities
from tidegate.detectors.home import find_weights
from tidegate.detectors.manifest import Manifest
from tidegate.detectors.preprocess import tensor
from tidegate.detectors.runtime import Runtime, chosen
from tidegate.detectors.session import Session


class Classifier:
    """A loaded model. Safe to share between threads.

    What threads ask at once goes into runs together
    (:class:`~tidegate.detectors.batcher.Batcher`). On a processor a run takes one thread, so
    the number of workers decides how many cores are used.

    Args:
        manifest: The model.
        weights: Path of the weights; by default where the manifest says they are.
        runtime: What runs it; by default what the environment asks for.

    Attributes:
        manifest: The model.
        runtime: What runs it.

    Raises:
        ManifestError: The weights are missing, or are not those of the manifest.
        UnavailableError: The runtime is not here.
    """

    def __init__(
        self, manifest: Manifest, weights: Path | None = None, runtime: Runtime | None = None
    ) -> None:
        self.manifest = manifest
        self._categories = manifest.categories  # It makes them anew each time.
        self.runtime = runtime or chosen()
        path = weights if weights is not None else find_weights(manifest)
        self._session = Session(manifest, path, self.runtime)
        self._batcher = Batcher(self._run, self.runtime.most(manifest.batch), self.runtime.at_once)
        labels, targets = manifest.output.labels, manifest.targets
        # Only mapped columns are ever read: what is not in here does not exist for us.
        self._columns = [
            [(labels.index(n), t.weight) for n, t in targets.items() if t.category == category]
            for category in self._categories
        ]

    @property
    def id(self) -> str:
        """Short name of the detector."""
        return self.manifest.id

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories that it answers for."""
        return self._categories

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.generic]:
        """Return a picture of shape (height, width, 3) as this model's tensor."""
        return tensor(rgb, self.manifest.input)

    def scores(self, tensors: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
        """Return the scores of prepared pictures.

        Args:
            tensors: Results of :meth:`prepare`, at least one.

        Returns:
            Array of shape (pictures, categories) with values in [0, 1].

        Raises:
            ArithmeticError: The model answers with what are no scores.
        """
        return np.concatenate([self._score(answer) for answer in self._batcher.ask(tensors)])

    def _outputs(self) -> list[str]:
        """Return the outputs that are asked for. No other of the graph ever is."""
        return [self.manifest.output.name]

    def _run(self, batch: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        return self._session.run(self._outputs(), batch)

    def _score(self, answer: Answer) -> NDArray[np.float64]:
        """Return the scores of one picture, of shape (1, categories)."""
        output = self.manifest.output
        (raw,) = answer
        expect(raw, (1, len(output.labels)))
        return self._by_category(raw, output.combine)

    def _by_category(self, raw: NDArray[np.generic], combine: str) -> NDArray[np.float64]:
        """Reduce values of labels, on the last axis, to scores of categories."""
        given = probabilities(raw, self.manifest)
        columns = []
        for mapped in self._columns:
            weighted = np.stack([given[..., index] * weight for index, weight in mapped])
            columns.append(weighted.sum(axis=0) if combine == "sum" else weighted.max(axis=0))
        return calibrate(np.stack(columns, axis=-1).clip(0.0, 1.0), self.manifest)


def expect(found: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    """Refuse an answer that is not numbers of this shape.

    Raises:
        ArithmeticError: It is something else.
    """
    if not np.issubdtype(found.dtype, np.floating) or found.shape != shape:
        raise ArithmeticError(f"the model answers {found.dtype} of {found.shape}, not {shape}")
