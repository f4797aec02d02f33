"""``tidegate compare``: two files, held against each other."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tidegate.cli import budgets, exits
from tidegate.cli.budgets import Budgets
from tidegate.cli.files import check_target, write_whole
from tidegate.figures import pace
from tidegate.media import Reader, Sampling
from tidegate.pipeline import Found, compare, spare_threads
from tidegate.report import comparison_words as words
from tidegate.report import visible
from tidegate.report.comparison import Comparison, Piece
from tidegate.report.comparison_html import render_comparison
from tidegate.report.words import plural, unknown

EPILOG = (
    "Exit status: [bold]0[/] the answer is known, whatever it is, [bold]2[/] not all of both "
    "could be seen (what is known is told all the same), [bold]64[/] wrong usage."
)


def compare_(
    a: Annotated[Path, typer.Argument(metavar="A", help="An image, an animation or a video.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    json: Annotated[
        bool, typer.Option("--json", help="Write one JSON document to standard output.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a self-contained page with both side by side."),
    ] = None,
    distance: Annotated[
        int, typer.Option(min=0, max=64, help="Bits of 256 up to which two frames are the same.")
    ] = 31,
    gap: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=3600.0,
            help="Most seconds between the frames of a video that are looked for; 0 is all.",
        ),
    ] = Sampling().gap,
    budget: Budgets = None,
) -> int:
    """Say whether two images or videos show the same, how nearly, and when.

    B counts as known, as an entry of a bank: what is told of A is what a scan would tell.
    """
    limits = budgets.chosen(budget)
    for path in (a, b):
        if path.is_dir():
            raise typer.BadParameter(f"{path} is a folder: compare takes two files")
    if html is not None:
        check_target(html, (a, b), "compare")
    with Reader(limits, Sampling(gap=gap), threads=spare_threads(1)) as reader:
        made, pairs = compare(
            Found(a, named=True),
            Found(b, named=True),
            reader,
            limit=distance,
            pictures=html is not None,
        )
    if html is not None:
        write_whole(html, render_comparison(made, pairs))
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
    else:
        sys.stdout.write("\n".join(_lines(made)) + "\n")
    return exits.OK if made.complete else exits.UNJUDGED


def _lines(made: Comparison) -> list[str]:
    lines = [f"{words.headline(made)}. {words.meaning(made)}"]
    for label, side in (("A", made.a), ("B", made.b)):
        facts = [*words.facts(side)]
        if side.duration > 0:
            facts.append(words.covered(made, label))
        lines.append(f"{label}  {visible(side.path)}: {', '.join(facts)}")
        lines += [f"   unknown: {visible(unknown(value))}" for value in side.unknowns]
    if not made.stills:
        lines += map(_piece_line, made.pieces)
    if not made.complete:
        lines.append("Not all of both could be seen: what was not found may be there all the same.")
    return lines


def _piece_line(piece: Piece) -> str:
    how = plural(piece.distance, "bit") if piece.kind == "pdq" else f"same {piece.kind}"
    told = [words.between(piece), how]
    if played := pace(piece.speed):
        told.append(played)
    if piece.transform != "none" or piece.view != "whole":
        told.append(f"A {words.position(piece.transform, piece.view)}")
    return "   " + ", ".join(told)
