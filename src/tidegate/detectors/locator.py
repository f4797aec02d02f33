"""A model that says where in a picture something is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.batcher import Answer
from tidegate.detectors.classifier import Classifier, expect
from tidegate.detectors.manifest import Boxes, Input
from tidegate.evidence import Box

Array = NDArray[np.float64]

MAX_BOXES = 100_000
"""Most boxes that a model may answer with for one picture, before any is left out."""

CANDIDATES = 1000
"""Most boxes of one category that are compared with one another, highest scores first."""


class Seen(NamedTuple):
    """Something that was seen at a place in a picture.

    Attributes:
        category: Id in the taxonomy.
        score: In [0, 1].
        box: Where, in the upright picture.
    """

    category: str
    score: float
    box: Box


class Located(NamedTuple):
    """What a detection model says of one picture.

    Attributes:
        scores: Highest score of any box by category, also of boxes that are not kept.
        seen: The boxes that are kept, highest scores first.
    """

    scores: Array
    seen: tuple[Seen, ...]


class Locator(Classifier):
    """A loaded detection model. Its :meth:`scores` are those of the best box of each category."""

    def locate(
        self, tensors: Sequence[NDArray[np.generic]], sizes: Sequence[tuple[int, int]]
    ) -> list[Located]:
        """Return what is seen in prepared pictures, and where.

        Args:
            tensors: Results of :meth:`prepare`, at least one.
            sizes: Height and width of each picture before it was prepared.

        Raises:
            ArithmeticError: The model answers with what are no boxes or no scores.
        """
        found = [self._boxes(answer) for answer in self._batcher.ask(tensors)]
        return [
            Located(self._best(scores), self._kept(scores, boxes, size))
            for (scores, boxes), size in zip(found, sizes, strict=True)
        ]

    def _outputs(self) -> list[str]:
        spec = _boxes_of(self)
        return [self.manifest.output.name] + ([spec.name] if spec.name else [])

    def _score(self, answer: Answer) -> Array:
        return self._best(self._boxes(answer)[0])[None]

    def _best(self, scores: Array) -> Array:
        return np.asarray(scores.max(axis=0, initial=0.0))

    def _boxes(self, answer: Answer) -> tuple[Array, Array]:
        """Return scores (boxes, categories) and boxes (boxes, 4) of one picture."""
        spec = _boxes_of(self)
        labels, offset = len(self.manifest.output.labels), 0 if spec.name else 4
        found = [f if spec.rows or f.ndim != 3 else f.swapaxes(1, 2) for f in answer]
        count = found[0].shape[1] if found[0].ndim == 3 else 0
        if count > MAX_BOXES:
            raise ArithmeticError(f"the model answers with {count:,} boxes")
        expect(found[0], (1, count, offset + labels))
        if spec.name:
            expect(found[1], (1, count, 4))
        corners = found[-1][..., :4].astype(np.float64)
        if not np.isfinite(corners).all():
            raise ArithmeticError("a box is not made of numbers")
        scores = self._by_category(found[0][..., offset:], "max")
        return scores[0], _corners(corners, spec, self.manifest.input)[0]

    def _kept(self, scores: Array, boxes: Array, size: tuple[int, int]) -> tuple[Seen, ...]:
        spec = _boxes_of(self)
        placed = _in_picture(boxes, self.manifest.input, size)
        whole = (placed[:, 2] > placed[:, 0]) & (placed[:, 3] > placed[:, 1])
        seen = [
            Seen(category, float(column[row]), Box(**_sides(placed[row])))
            for category, column in zip(self.categories, scores.T, strict=True)
            for row in _suppressed(column, placed, whole & (column >= spec.floor), spec)
        ]
        return tuple(sorted(seen, key=lambda s: -s.score)[: spec.limit])


def _boxes_of(locator: Locator) -> Boxes:
    spec = locator.manifest.output.boxes
    assert spec is not None, "parse() asks for boxes where the task is detect"
    return spec


def _corners(boxes: Array, spec: Boxes, given: Input) -> Array:
    """Return boxes as left, top, right, bottom in fractions of the tensor."""
    if spec.format == "yxyx":
        boxes = boxes[..., [1, 0, 3, 2]]
    elif spec.format == "cxcywh":
        half = boxes[..., 2:] / 2
        boxes = np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)
    return boxes / given.crop if spec.unit == "pixels" else boxes


def _in_picture(boxes: Array, given: Input, size: tuple[int, int]) -> Array:
    """Return boxes in fractions of the picture, without the border around a contained one."""
    height, width = size
    longest = max(size)
    share = np.array([width, height] * 2) / longest if given.fit == "contain" else np.ones(4)
    return ((boxes - (1 - share) / 2) / share).clip(0.0, 1.0)


def _suppressed(
    column: Array, boxes: Array, candidates: NDArray[np.bool_], spec: Boxes
) -> list[int]:
    """Return the rows that are kept of one category, highest scores first."""
    rows = np.flatnonzero(candidates)
    rows = rows[np.argsort(-column[rows], kind="stable")][:CANDIDATES]
    kept: list[int] = []
    while len(rows) and len(kept) < spec.limit:
        best, rows = rows[0], rows[1:]
        kept.append(int(best))
        rows = rows[_overlap(boxes[best], boxes[rows]) <= spec.iou]
    return kept


def _overlap(box: Array, others: Array) -> Array:
    """Return the intersection over union of a box with each of the others."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = sides.clip(0.0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(common / ((box[2:] - box[:2]).prod() + areas - common))


def _sides(box: Array) -> dict[str, float]:
    names = ("left", "top", "right", "bottom")
    return {name: round(float(side), 4) for name, side in zip(names, box, strict=True)}
