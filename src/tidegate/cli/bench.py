"""``tidegate models bench``: how fast the models are on this machine."""

import gc
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli import exits
from tidegate.cli.say import line, stages
from tidegate.detectors import ManifestError, Model, models, survey
from tidegate.detectors.catalogue import open_model
from tidegate.detectors.engines import version
from tidegate.detectors.runtime import MOST, Runtime, chosen
from tidegate.detectors.speed import Speed, forget_peak, made, measure, peak
from tidegate.media import MediaError, Reader
from tidegate.pipeline.find import find
from tidegate.pipeline.opened import opened

EPILOG = (
    "TIDEGATE_RUNTIME and TIDEGATE_DEVICE choose what runs the models. Exit status: [bold]0[/] "
    "measured, [bold]64[/] wrong usage, [bold]70[/] a model or what should run it is not whole, "
    "[bold]130[/] stopped by Ctrl-C (nothing is written)."
)

BATCHES = (1, 2, 4, 8)
"""Pictures in a run, unless the user says otherwise."""

PICTURES = 8
"""Pictures that are prepared; more would take memory and tell nothing more."""

HEIGHT, WIDTH = 768, 1024
"""Of the pictures that are made."""


def bench(
    model_id: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Models to measure. Default: all installed."),
    ] = None,
    media: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help=f"Measure with the first {PICTURES} images or videos of a folder. Default: "
            f"pictures of noise, {WIDTH}×{HEIGHT}.",
        ),
    ] = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            max=MOST,
            help="Pictures in a run. May be repeated. Default: 1, 2, 4 and 8, as far as a "
            "model's manifest allows.",
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(min=0.01, max=3600.0, help="What a model should take, loading aside."),
    ] = 3.0,
    json: Annotated[
        bool, typer.Option("--json", help="Write one JSON document to standard output.")
    ] = False,
) -> int:
    """Measure how many pictures a second each model prepares and judges, and its memory.

    On a processor a run takes one thread: so many a second per core.
    """
    asked = _asked(model_id)
    _check(asked, batch or ())
    runtime = msgspec.structs.replace(chosen(), batch=MOST)
    pictures = _pictures(media)
    found = []
    try:
        with stages() as tell:
            for done, model in enumerate(asked):
                tell("measuring", done / len(asked))
                found.append(_measured(model, runtime, pictures, batch or BATCHES, seconds))
            tell("measuring", 1.0)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    told = {
        "machine": {"processors": os.cpu_count(), "architecture": platform.machine()},
        "runtime": {
            "library": runtime.library,
            "version": version(runtime.library),
            "device": runtime.device,
        },
        "pictures": {
            "origin": "noise" if media is None else "media",
            "sizes": [[p.shape[1], p.shape[0]] for p in pictures],
        },
        "models": found,
    }
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    else:
        _show(told)
    return exits.OK


def _asked(ids: Sequence[str] | None) -> list[Model]:
    """Return the models to measure: those named, or all that a scan asks."""
    if not ids:
        return [model for model in models() if model.expected]
    found, broken = survey()
    known = {model.manifest.id: model for model in found}
    if unknown := next((name for name in ids if name not in known), None):
        why = next((one.reason for one in broken if one.id == unknown), "no such model")
        raise typer.BadParameter(f"{unknown}: {why}; 'tidegate models list' lists them")
    return [known[name] for name in dict.fromkeys(ids)]


def _check(asked: Sequence[Model], batches: Sequence[int]) -> None:
    for manifest in (model.manifest for model in asked):
        if over := [size for size in batches if size > manifest.batch]:
            raise typer.BadParameter(
                f"--batch {over[0]}: {manifest.id} takes {manifest.batch} pictures at most"
            )


def _pictures(media: Path | None) -> list[NDArray[np.uint8]]:
    if media is None:
        return made(PICTURES, HEIGHT, WIDTH)
    if not media.is_dir():
        raise typer.BadParameter(f"--media: {media} is no folder")
    pictures: list[NDArray[np.uint8]] = []
    with Reader() as reader:
        for file in find([media]):
            if len(pictures) == PICTURES:
                break
            try:
                with opened(file, reader.budget) as source:
                    if source is None:
                        continue
                    with reader.read(source, colour=True) as reading:
                        frame = next(reading, None)
                        if frame is not None and frame.rgb is not None:
                            pictures.append(frame.rgb.copy())
            except (MediaError, OSError):
                continue  # There are others; how fast a model is does not hang on this one.
    if not pictures:
        raise typer.BadParameter(f"--media: {media} has no picture that can be read")
    return pictures


def _measured(
    model: Model,
    runtime: Runtime,
    pictures: Sequence[NDArray[np.uint8]],
    batches: Sequence[int],
    seconds: float,
) -> dict[str, Any]:
    manifest = model.manifest
    gc.collect()  # What the model before it has left.
    forget_peak()
    before, began = peak(), time.perf_counter()
    detector = open_model(manifest, model.weights, runtime)
    loaded = time.perf_counter() - began
    sizes = sorted({size for size in batches if size <= manifest.batch})
    try:
        found = measure(detector, pictures, sizes, seconds)
    except Exception as error:
        # A runtime has errors of its own, which quote the graph.
        raise ManifestError(f"{manifest.id}: does not run: {type(error).__name__}") from None
    return {
        "id": manifest.id,
        "version": manifest.version,
        "load_seconds": round(loaded, 3),
        "memory_before": before,
        "prepare": found.prepare,
        "infer": found.infer,
    }


def _show(told: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    width = max((len(model["id"]) for model in told["models"]), default=0)
    table.add_column("model", overflow="fold", min_width=min(width, 24))
    table.add_column("batch")
    for name in ("images/s", "min–max", "per core", "min–max", "process"):
        table.add_column(name, justify="right")
    for model in told["models"]:
        rows = [("prepare", model["prepare"]), *(("infer", speed) for speed in model["infer"])]
        table.add_row(Text(line(model["id"])))
        for step, speed in rows:
            table.add_row(f"  {step}", *_cells(step, speed))
    console = Console()
    console.print(table)
    console.print(Text("\n".join(_notes(told)), "dim"), soft_wrap=True)


def _cells(step: str, speed: Speed) -> list[str]:
    cells = [str(speed.batch) if step == "infer" else "–"]
    for rate in (speed.elapsed, speed.core):
        cells += [f"{rate.median:g}", f"{rate.low:g}–{rate.high:g}"]
    return [*cells, f"{speed.memory >> 20} MiB" if speed.memory is not None else "–"]


def _notes(told: dict[str, Any]) -> list[str]:
    runtime, machine = told["runtime"], told["machine"]
    sizes = sorted({f"{width}×{height}" for width, height in told["pictures"]["sizes"]})
    origin = told["pictures"]["origin"]
    rounds = {speed.rounds for model in told["models"] for speed in model["infer"]}
    return [
        f"{runtime['library']} {runtime['version']} on {runtime['device']}; "
        f"{machine['processors']} processors, {machine['architecture']}",
        f"{len(told['pictures']['sizes'])} pictures of {origin}, {', '.join(sizes)}; medians of "
        f"{', '.join(map(str, rounds)) or 'no'} rounds, one thread asks",
        "images/s per core: in a second of processor time; process: its most memory so far",
    ]
