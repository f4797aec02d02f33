"""``tidegate hash``: the fingerprints of files."""

import sys
from typing import Annotated, Any

import msgspec
import typer

from tidegate.cli import budgets, exits
from tidegate.cli.budgets import Budgets
from tidegate.cli.options import Grey
from tidegate.cli.paths import Paths, names
from tidegate.hashing import Preset
from tidegate.media import Reader, Sampling
from tidegate.pipeline import Fingerprint, find, fingerprint, spare_threads
from tidegate.report import visible


def hash_(
    paths: Paths,
    json: Annotated[
        bool, typer.Option("--json", help="Write one JSON line a file, with all there is.")
    ] = False,
    gap: Annotated[
        float,
        typer.Option(min=0.0, max=3600.0, help="Most seconds between hashed frames."),
    ] = Sampling().gap,
    every_frame: Annotated[
        bool, typer.Option("--every-frame", help="Hash every frame of a video: --gap 0.")
    ] = False,
    grey: Grey = False,
    views: Annotated[
        Preset,
        typer.Option(help="With --json: parts of still pictures that are hashed too."),
    ] = "whole",
    rotations: Annotated[
        bool, typer.Option("--rotations", help="With --json: also the eight positions of each.")
    ] = False,
    budget: Budgets = None,
) -> int:
    """Write PDQ, SHA-256 and MD5 of images, animations and videos.

    Without --json: 'pdq HASH QUALITY SECOND PATH' for each picture or frame.
    """
    if not json and (rotations or views != "whole"):
        raise typer.BadParameter("--rotations and --views need --json")
    limits = budgets.chosen(budget)
    status = exits.OK
    sampling = Sampling(gap=0.0 if every_frame else gap)
    with Reader(limits, sampling, grey=grey, threads=spare_threads(1)) as reader:
        for found in find(names(paths)):
            made = fingerprint(found, reader, rotations=rotations, views=views)
            if made is None:
                continue
            if json:
                sys.stdout.buffer.write(msgspec.json.encode(_document(made)) + b"\n")
            else:
                _write_lines(made)
            sys.stdout.flush()
            if made.unknowns or not made.usable:
                status = exits.UNJUDGED
    return status


def _document(made: Fingerprint) -> dict[str, Any]:
    """Return the JSON of a file: a still picture has its PDQ in the place of frames."""
    document: dict[str, Any] = msgspec.to_builtins(made)
    if made.media is not None and made.media.kind == "image":
        only = next(iter(document.pop("frames")), None)
        if only is not None:
            del only["second"]
            only["hash"] = only.pop("pdq")
        document["pdq"] = only
    return document


def _write_lines(made: Fingerprint) -> None:
    path = visible(made.path)
    for frame in made.frames:
        sys.stdout.write(f"pdq {frame.pdq} {frame.quality} {frame.second:.3f} {path}\n")
    for unknown in made.unknowns:
        sys.stderr.write(f"tidegate: {path}: {unknown.cause}: {visible(unknown.detail)}\n")
    if made.frames and not made.usable:
        sys.stderr.write(f"tidegate: {path}: too flat or too small to be matched\n")
