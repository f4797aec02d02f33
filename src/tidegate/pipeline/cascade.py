"""Whom it is still worth asking, while the evidence of one item grows.

What is cheap comes first: the digests of the bytes, then PDQ, then the models, the one with
the smallest weights before the others. A model is not asked where no answer of its could
change what is done, and the evidence says so.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from tidegate.detectors import Classifier
from tidegate.evidence import Action, Effect, Evidence, Facts, Signal, Skipped
from tidegate.policy import Program


class Cascade:
    """Knows the policy, and so what can still change.

    Args:
        program: Decides.
        facts: What the platform says of the item.
        ask_all: Whether every detector is asked, whatever is known by then.
    """

    def __init__(self, program: Program, facts: Facts, *, ask_all: bool = False) -> None:
        self._program = program
        self._facts = facts
        self._ask_all = ask_all

    def worth_asking(
        self, evidence: Evidence, detectors: Collection[Classifier]
    ) -> list[Classifier]:
        """Return the detectors whose answer could change what is done, cheapest first.

        What an answer costs is told by the size of the weights: a fair order, not a measure.

        Args:
            evidence: What is known by now. It must count what is not asked yet as covered.
            detectors: Those that have not been asked.
        """
        by_cost = sorted(detectors, key=lambda d: d.manifest.file.size)
        if self._ask_all:
            return by_cost
        quiet = _quiet(evidence, by_cost)
        worth = [d for d in by_cost if self._could_change(evidence, d, quiet)]
        left = [d for d in by_cost if d not in worth]
        # A guard that reads a score may ask for something because the score is missing.
        if left and self._outcome(quiet) != self._outcome(_without(_quiet(evidence, worth), left)):
            return by_cost
        return worth

    def holds(self, evidence: Evidence, detectors: Collection[Classifier]) -> bool:
        """Return whether more evidence could take nothing back of what this leads to.

        That of exact matches stays. What rests on something that was not met, not seen or
        not stated by now need not.
        """
        decision = self._program.decide(_quiet(evidence, detectors), self._facts)
        return not decision.missing and all(r.ground == "match" for r in decision.reasons)

    def skipped(self, evidence: Evidence, detectors: Iterable[Classifier]) -> tuple[Skipped, ...]:
        """Return what the evidence is to say of detectors that were not asked."""
        return tuple(
            _skipped(detector, self._because(evidence, detector)) for detector in detectors
        )

    def matters(self, evidence: Evidence, category: str, *, review_only: bool) -> bool:
        """Return whether a higher score of a category could change what is done."""
        return self._program.could_change(
            evidence, (category,), self._facts, review_only=review_only
        )

    @property
    def thresholds(self) -> Mapping[str, Sequence[float]]:
        """For each category, the scores of a video at which something is asked for."""
        return self._program.thresholds(self._facts)

    def _could_change(self, evidence: Evidence, detector: Classifier, quiet: Evidence) -> bool:
        return any(
            self._program.could_change(
                known,
                detector.categories,
                self._facts,
                review_only=detector.manifest.review_only,
            )
            for known in (evidence, quiet)
        )

    def _outcome(self, evidence: Evidence) -> tuple[Action, bool, tuple[Effect, ...]]:
        decision = self._program.decide(evidence, self._facts)
        return decision.action, decision.judged, decision.effects

    def _because(self, evidence: Evidence, detector: Classifier) -> str:
        decision = self._program.decide(evidence, self._facts)
        standing = [r for r in decision.reasons if r.overruled_by is None and r.action]
        nothing = Evidence(media=evidence.media, covered=evidence.covered)
        if not standing or not self._program.could_change(
            nothing, detector.categories, self._facts
        ):
            return f"nothing in policy {decision.policy} hangs on what it answers for"
        rule, action = standing[0].rule, standing[0].action
        return f"{rule} asks for {action}, and no score could change that"


def _quiet(evidence: Evidence, detectors: Iterable[Classifier]) -> Evidence:
    """Return what would be known if these had seen nothing."""
    more = tuple(
        Signal(category=c, score=0.0, detector=d.id, version=d.manifest.version)
        for d in detectors
        for c in d.categories
    )
    return msgspec.structs.replace(evidence, signals=(*evidence.signals, *more))


def _without(evidence: Evidence, detectors: Iterable[Classifier]) -> Evidence:
    """Return what would be known if these were not asked."""
    return msgspec.structs.replace(evidence, skipped=tuple(_skipped(d, "") for d in detectors))


def _skipped(detector: Classifier, because: str) -> Skipped:
    return Skipped(
        detector=detector.id,
        version=detector.manifest.version,
        categories=detector.categories,
        because=because,
        review_only=detector.manifest.review_only,
    )


def answering(detectors: Sequence[Classifier]) -> tuple[str, ...]:
    """Return the categories that detectors answer for, each once."""
    return tuple(dict.fromkeys(c for d in detectors for c in d.categories))
