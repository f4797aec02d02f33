"""What detectors said of labelled media, held against the labels: values written and drawn.

Items that could not be judged are *unknown*: they are counted as such, and neither found nor
not found. Rates are of the judged items; beside each stands what it would be, were every
unknown item an error or none.
"""

from tidegate.evidence import Unknown, Value
from tidegate.report.statistics import LEVEL, Bin, Estimate, Interval, Point, Rate

SCHEMA_VERSION = 1
"""The version of the JSON that evaluations are written in."""

SMALL = 30
"""A rate of a group that rests on fewer items is marked."""


class Counts(Value, frozen=True, kw_only=True):
    """Labelled items.

    Attributes:
        positive: Positive ones that were judged.
        negative: Negative ones that were judged.
        unknown_positive: Positive ones that could not be judged.
        unknown_negative: Negative ones that could not be judged.
    """

    positive: int
    negative: int
    unknown_positive: int
    unknown_negative: int

    @property
    def unknown(self) -> int:
        """Items that could not be judged."""
        return self.unknown_positive + self.unknown_negative


class Measured(Value, frozen=True, kw_only=True):
    """A rate, and how far the items that could not be judged might move it.

    Attributes:
        judged: Among the judged items.
        worst: With every unknown item counted as an error.
        best: With none of them an error.
    """

    judged: Rate
    worst: Rate
    best: Rate


class Rates(Value, frozen=True, kw_only=True):
    """How often a threshold is right.

    Attributes:
        tp: Positives found.
        fp: Negatives found.
        fn: Positives not found.
        tn: Negatives not found.
        recall: Share of the positives that is found.
        fpr: Share of the negatives that is found.
        precision: Share of the found that is positive, as frequent as they are here;
            unmeasured where all items are of one kind.
    """

    tp: int
    fp: int
    fn: int
    tn: int
    recall: Measured
    fpr: Measured
    precision: Measured


class Differences(Value, frozen=True, kw_only=True):
    """Where the rates of a group may lie beside those of all; ``None`` where unmeasured."""

    recall: Interval | None
    fpr: Interval | None
    precision: Interval | None


class Group(Value, frozen=True, kw_only=True):
    """The items that share a value in a column of the user's.

    Attributes:
        value: As the file has it; ``None`` for items where it is empty.
        counts: Its items.
        rates: Of these items.
        differences: From the rates of all items, this group among them.
        small: Names of the rates that rest on fewer than :data:`SMALL` items.
    """

    value: str | None
    counts: Counts
    rates: Rates
    differences: Differences
    small: tuple[str, ...]


class Slice(Value, frozen=True, kw_only=True):
    """A column of the user's, with its groups in the order of their values."""

    column: str
    groups: tuple[Group, ...]


class AtPrevalence(Value, frozen=True, kw_only=True):
    """Precision, were positives this frequent."""

    prevalence: float
    precision: Estimate


class Operating(Value, frozen=True, kw_only=True):
    """A detector at one threshold.

    Attributes:
        threshold: Items that score at least this count as found.
        rates: Of all labelled items.
        precision_at: At each prevalence that was asked for.
        slices: By each column of the user's.
    """

    threshold: float
    rates: Rates
    precision_at: tuple[AtPrevalence, ...]
    slices: tuple[Slice, ...]


class Scored(Value, frozen=True, kw_only=True):
    """An item and its score."""

    path: str
    score: float


class Opinion(Value, frozen=True, kw_only=True):
    """One detector on one category, or some number of several that agree.

    Attributes:
        detectors: Ids.
        agree: How many of them have to reach the threshold: the score of an item is their
            ``agree``-th best.
        counts: Items labelled for the category.
        operating: At each threshold, lowest first.
        points: At every score that an item has, highest first.
        average_precision: ``None`` where there are no positives.
        roc_area: ``None`` where there are no positives or no negatives.
        bins: The reliability diagram.
        calibration_error: ``None`` where there are no positives or no negatives.
        false_alarms: The highest-scoring negatives that the lowest threshold finds.
        misses: The lowest-scoring positives that the highest threshold does not find.
    """

    detectors: tuple[str, ...]
    agree: int
    counts: Counts
    operating: tuple[Operating, ...]
    points: tuple[Point, ...]
    average_precision: float | None
    roc_area: float | None
    bins: tuple[Bin, ...]
    calibration_error: float | None
    false_alarms: tuple[Scored, ...]
    misses: tuple[Scored, ...]


class CategoryResult(Value, frozen=True, kw_only=True):
    """One category.

    Attributes:
        category: Id in the taxonomy.
        unlabelled: Items without a label for it: they are not in any of its numbers.
        opinions: Of each detector; then, where there are several, of any one of them, of any
            two that agree, and so on to all.
    """

    category: str
    unlabelled: int
    opinions: tuple[Opinion, ...]


class Unjudged(Value, frozen=True, kw_only=True):
    """An item of which something could not be told."""

    path: str
    unknowns: tuple[Unknown, ...]


class Evaluation(Value, frozen=True, kw_only=True):
    """Detectors, held against labels.

    Attributes:
        schema: Version of this JSON.
        tidegate: Version of Tidegate.
        taxonomy: Version of the taxonomy.
        labels: Name of the file with the labels.
        items: Items in it.
        level: Confidence of every interval.
        small: Number of items under which a group's rate is marked.
        detectors: Version of each detector that was asked.
        categories: What is labelled and has a detector, in the order of the taxonomy.
        uncovered: Categories that are labelled and that no detector asked answers for.
        unlabelled: Categories that a detector answers for and no item is labelled for.
        unjudged: Items that could not be judged, in the order of the file.
    """

    schema: int = SCHEMA_VERSION
    tidegate: str
    taxonomy: int
    labels: str
    items: int
    level: float = LEVEL
    small: int = SMALL
    detectors: dict[str, str]
    categories: tuple[CategoryResult, ...]
    uncovered: tuple[str, ...]
    unlabelled: tuple[str, ...]
    unjudged: tuple[Unjudged, ...]
