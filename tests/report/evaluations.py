"""Evaluations made by rule, for the tests of the page and of the text."""

import numpy as np

from tidegate.evidence import Unknown
from tidegate.report.evaluation import Evaluation, Unjudged
from tidegate.report.measuring import Answer, measure

EXPLICIT = "sexual.explicit"
LOST = Unknown(stage="media", cause="unreadable", detail="cannot be read: No such file")


def answers(
    positives: int = 60, negatives: int = 240, unknown: int = 6, detectors: tuple[str, ...] = ("a",)
) -> list[Answer]:
    """Items in groups of uneven size, scored well but not perfectly."""
    random = np.random.RandomState(5)
    made = []
    for number in range(positives + negatives):
        positive = number < positives
        shapes = (4.0, 1.6) if positive else (0.7, 7.0)
        surface = ("glossy", "matte", "matte", "", "<b>odd\u202egpj")[
            number % 5 if number % 31 else 4
        ]
        made.append(
            Answer(
                path=f"{'shown' if positive else 'plain'}/{number:03d}.jpg",
                truth={EXPLICIT: positive},
                groups={"surface": surface, "place": "inside" if number % 3 else "outside"},
                scores={(d, EXPLICIT): round(random.beta(*shapes), 4) for d in detectors},
            )
        )
    for number in range(unknown):
        lost = Answer(
            path=f"lost/{number}.jpg",
            truth={EXPLICIT: number % 2 == 0},
            groups={"surface": "matte", "place": "inside"},
            scores={},
            unknowns=(LOST,),
        )
        made.append(lost)
    return made


def evaluation(
    items: list[Answer], *detectors: str, thresholds: tuple[float, ...] = (0.5, 0.8)
) -> Evaluation:
    """Hold answers against their labels, as the pipeline does."""
    return Evaluation(
        tidegate="0.1.0",
        taxonomy=1,
        labels="labels.csv",
        items=len(items),
        detectors=dict.fromkeys(detectors, "1.0"),
        categories=(measure(items, EXPLICIT, detectors, thresholds, (0.001, 0.01, 0.1)),),
        uncovered=("violence.gore",),
        unlabelled=("sexual.drawn",),
        unjudged=tuple(Unjudged(path=a.path, unknowns=a.unknowns) for a in items if a.unknowns),
    )
