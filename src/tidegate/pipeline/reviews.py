"""What people found of recorded items, from a file: ``tidegate policy replay --reviews``.

The format is that of :mod:`tidegate.pipeline.labels`; an item is named by its ``sha256`` or by the
``path`` that its record has.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from tidegate.pipeline.labels import LabelsError, read_labels
from tidegate.pipeline.record import Record, Review


class Reviews(NamedTuple):
    """What people found, by item.

    Attributes:
        key: ``sha256`` or ``path``.
        truth: By the value of the key, whether the item shows a category.
    """

    key: str = "sha256"
    truth: Mapping[str, Mapping[str, bool]] = {}

    def of(self, record: Record) -> Review | None:
        """Return what is known of an item. The file goes before the record, by category."""
        truth = self.truth.get(self.name(record) or "")
        if truth is None:
            return record.review
        if record.review is None:
            return Review(truth=truth)
        return Review(truth={**record.review.truth, **truth}, action=record.review.action)

    def name(self, record: Record) -> str | None:
        """Return what the file calls an item; ``None`` where it says nothing of it."""
        name = record.evidence.sha256 if self.key == "sha256" else record.path
        return name if name in self.truth else None


def read_reviews(path: str | os.PathLike[str]) -> Reviews:
    """Read a file of reviews.

    Raises:
        LabelsError: It cannot be read, or is not what it should be.
    """
    labels = read_labels(path, keys=("sha256", "path"), beneath=False)
    truth = {}
    for row in labels.rows:
        name = row.path
        if labels.key == "sha256":
            name = name.strip().lower()
            if len(name) != 64 or set(name) - set("0123456789abcdef"):
                raise LabelsError(f"{labels.name}: {row.path!r} is no SHA-256 in hexadecimal")
        truth[name] = row.truth
    return Reviews(labels.key, truth)
