"""A model on ONNX Runtime that gives each picture a score per category."""

import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tidegate.detectors.manifest import Manifest, ManifestError
from tidegate.detectors.preprocess import tensor


class Classifier:
    """A loaded model. Safe to share between threads.

    Each call runs on the calling thread alone (one intra-op thread), so the number of
    workers decides how many cores are used.

    Args:
        manifest: The model.
        weights: Path of the weights; by default the file that the manifest names.

    Raises:
        ManifestError: The weights are missing, or are not those of the manifest.
    """

    def __init__(self, manifest: Manifest, weights: Path | None = None) -> None:
        self.manifest = manifest
        path = weights if weights is not None else _installed(manifest)
        self._session = _open(manifest, path)
        labels = manifest.output.labels
        # Only mapped columns are ever read: what is not in here does not exist for us.
        self._columns = {
            category: [labels.index(label) for label, c in manifest.labels.items() if c == category]
            for category in manifest.categories
        }

    @property
    def id(self) -> str:
        """Short name of the detector."""
        return self.manifest.id

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories that it answers for."""
        return self.manifest.categories

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return a picture of shape (height, width, 3) as this model's tensor."""
        return tensor(rgb, self.manifest.input)

    def scores(self, tensors: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return the scores of prepared pictures.

        Args:
            tensors: Results of :meth:`prepare`, at least one.

        Returns:
            Array of shape (pictures, categories) with values in [0, 1]. Several labels
            of one category add up, for they are alternatives.
        """
        limit = self.manifest.batch
        parts = [self._run(tensors[i : i + limit]) for i in range(0, len(tensors), limit)]
        return np.concatenate(parts)

    def _run(self, tensors: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        feed = {self.manifest.input.name: np.stack(tensors)}
        (output,) = self._session.run([self.manifest.output.name], feed)
        scores = np.empty((len(tensors), len(self._columns)), dtype=np.float64)
        for index, columns in enumerate(self._columns.values()):
            scores[:, index] = output[:, columns].sum(axis=1)
        return scores.clip(0.0, 1.0)


def _installed(manifest: Manifest) -> Path:
    wanted = manifest.file
    try:
        path = Path(str(metadata.distribution(wanted.package).locate_file(wanted.path)))
    except metadata.PackageNotFoundError:
        raise ManifestError(
            f"{manifest.id}: the package {wanted.package} is not installed"
        ) from None
    if not path.is_file():
        raise ManifestError(f"{manifest.id}: {wanted.package} has no file {wanted.path}")
    return path


def _open(manifest: Manifest, path: Path) -> onnxruntime.InferenceSession:
    weights = path.read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    if digest != manifest.file.sha256:
        raise ManifestError(
            f"{manifest.id}: {path.name} has sha256 {digest}, not {manifest.file.sha256}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
