"""``tidegate models evaluate``: how often detectors are right, on media that you labelled."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tidegate import taxonomy
from tidegate.cli import budgets, exits
from tidegate.cli.budgets import Budgets
from tidegate.cli.files import check_target, write_whole
from tidegate.cli.say import line, stages
from tidegate.detectors import Classifier, Model, find, installed, survey
from tidegate.media import Sampling
from tidegate.pipeline.evaluate import PREVALENCES
from tidegate.pipeline.evaluate import evaluate as held_against
from tidegate.pipeline.labels import LabelsError, read_labels
from tidegate.report.evaluation_html import render_evaluation
from tidegate.report.evaluation_words import lines

EPILOG = (
    "Exit status: [bold]0[/] every item was judged, [bold]2[/] some could not be (they are "
    "listed, and counted as unknown), [bold]64[/] wrong usage, [bold]130[/] stopped by Ctrl-C "
    "(nothing is written: a part of the items would tell something else)."
)

THRESHOLD = 0.5
"""For a category for which neither the user nor a manifest names one."""


def evaluate(
    labels: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="CSV with a column 'path', one for each labelled category (1, 0, or empty where "
            "nobody has looked), and columns 'slice:NAME' to tell error rates apart by.",
        ),
    ],
    media: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder that the paths of the labels begin in.")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Model to ask. May be repeated. Default: all installed."),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CATEGORY=SCORE",
            help="Score from which an item counts as found, for example sexual.explicit=0.8. May "
            f"be repeated. Default: those of the manifests, or {THRESHOLD:g}.",
        ),
    ] = None,
    prevalence: Annotated[
        list[float] | None,
        typer.Option(
            metavar="SHARE",
            help="Tell the precision for where this share of all media is positive. May be "
            "repeated. Default: 0.001, 0.01 and 0.1.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a self-contained page with plots."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Write one JSON document to standard output.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(min=1, max=64, help="Items judged at once, each on a processor.")
    ] = 1,
    gap: Annotated[
        float,
        typer.Option(
            min=0.0, max=3600.0, help="Most seconds between judged frames; 0 is every frame."
        ),
    ] = Sampling().gap,
    budget: Budgets = None,
) -> int:
    """Measure detectors on media that you labelled: recall, false alarms, calibration.

    No media goes into the report, only paths and scores. Error rates are told apart by columns
    that you supply, and by nothing else.
    """
    limits = budgets.chosen(budget)
    if not media.is_dir():
        raise typer.BadParameter(f"--media: {media} is no folder")
    if html is not None:
        check_target(html, [labels], "evaluate")
    detectors = _chosen(model)
    thresholds = _thresholds(detectors, threshold or ())
    prevalences = sorted(set(prevalence or PREVALENCES))
    if not all(0 < share < 1 for share in prevalences):
        raise typer.BadParameter("--prevalence: a share is between 0 and 1")
    try:
        read = read_labels(labels)
    except LabelsError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        with stages() as tell:
            made = held_against(
                read,
                media,
                detectors,
                thresholds,
                prevalences=prevalences,
                budget=limits,
                sampling=Sampling(gap=gap),
                jobs=jobs,
                tell=lambda done: tell("judging", done / len(read.rows)),
            )
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    if html is not None:
        write_whole(html, render_evaluation(made))
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
    else:
        sys.stdout.write("".join(f"{line(told)}\n" for told in lines(made)))
    return exits.UNJUDGED if made.unjudged else exits.OK


def _chosen(ids: Sequence[str] | None) -> tuple[Classifier, ...]:
    if not ids:
        return installed()
    return tuple(_found(name).load() for name in dict.fromkeys(ids))


def _found(model_id: str) -> Model:
    if (model := find(model_id)) is not None:
        return model
    known = ", ".join(model.manifest.id for model in survey().models)
    raise typer.BadParameter(f"--model {model_id!r}: models are {known}")


def _thresholds(
    detectors: Iterable[Classifier], settings: Iterable[str]
) -> dict[str, tuple[float, ...]]:
    """Return the thresholds of each category: the user's, else the manifests', else one."""
    stated: dict[str, set[float]] = {}
    for detector in detectors:
        for category in detector.categories:
            actions = detector.manifest.thresholds.get(category, {})
            stated.setdefault(category, set()).update(actions.values())
    given: dict[str, set[float]] = {}
    for setting in settings:
        category, score = _threshold(setting)
        if category not in stated:
            raise typer.BadParameter(
                f"--threshold {setting!r}: no detector asked answers for {category}"
            )
        given.setdefault(category, set()).add(score)
    return {
        category: tuple(sorted(given.get(category, scores) or {THRESHOLD}))
        for category, scores in stated.items()
    }


def _threshold(setting: str) -> tuple[str, float]:
    category, _, text = setting.partition("=")
    if category not in taxonomy.CATEGORIES:
        raise typer.BadParameter(
            f"--threshold {setting!r}: {category!r} is no category of the taxonomy"
        )
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise typer.BadParameter(f"--threshold {setting!r}: a score is between 0 and 1")
    return category, score
