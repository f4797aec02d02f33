"""Detectors that count what they are shown, and policies to show them under."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from tests.detectors import examples
from tidegate.detectors import parse as parse_manifest
from tidegate.detectors.catalogue import open_model
from tidegate.evidence import Facts, Item
from tidegate.matching import Bank, Matcher
from tidegate.media import Reader, open_source
from tidegate.pipeline.judge import judge
from tidegate.policy import Policy, Program, parse

POLICY = """
tidegate_policy: 1
id: test
version: 1
names: {{surfaces: [avatar]}}
thresholds: {thresholds}
rules: {rules}
banks:
  - {{id: good, where: {{role: allow}}, action: allow}}
  - {{id: doubtful, where: {{role: review}}, action: review}}
  - {{id: bad, where: {{role: block}}, action: remove}}
unknowns:
  - {{id: unseen, where: {{}}, action: review}}
"""


def policy(thresholds: str, rules: str = "[]") -> Policy:
    return parse(POLICY.format(thresholds=thresholds, rules=rules), "test.yaml")


class Asked:
    """A real, tiny model whose score is a picture's mean brightness, and how often it is asked.

    Attributes:
        pictures: How many pictures it was shown.
        score: What it answers instead, where that is set.
    """

    def __init__(
        self, folder: Path, name: str, *categories: str, size: int = 1, weak: bool = False
    ) -> None:
        labels = {f"thing{place}": category for place, category in enumerate(categories)}
        model = examples.brightness([[1 / 3] * 3] * len(labels))
        text = examples.manifest(
            labels, id=name, input__scale=1 / 255, output__combine="max", review_only=weak
        )
        file, weights = examples.stored(folder, model, text)
        self._real = open_model(parse_manifest(file.read_text(), file.name), weights)
        told = msgspec.structs.replace(self._real.manifest.file, size=size)
        self.manifest = msgspec.structs.replace(self._real.manifest, file=told)
        self.pictures = 0
        self.score: float | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def scores(self, tensors: list[np.ndarray]) -> np.ndarray:
        self.pictures += len(tensors)
        found = self._real.scores(tensors)
        return found if self.score is None else np.full_like(found, self.score)


def judged(
    reader: Reader,
    path: Path,
    rules: Policy,
    banks: Sequence[Bank] = (),
    detectors: Sequence[Asked] = (),
    facts: Facts = Facts(),  # noqa: B008
    **settings: bool,
) -> Item:
    """Judge one file as a scanner does, with a reader that is warm already."""
    program = Program(rules)
    with open_source(path) as source:
        found = judge(
            source,
            reader,
            Matcher(banks),
            detectors,  # type: ignore[arg-type]
            {},
            program,
            facts,
            **({"pictures": False} | settings),  # type: ignore[arg-type]
        )
    decision = program.decide(found.evidence, facts)
    return Item(path=str(path), evidence=found.evidence, decision=decision, elapsed=0.0)
