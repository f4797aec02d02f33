"""``tidegate policy replay``: a policy, tried on what was decided before."""

import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from tidegate import taxonomy
from tidegate.cli import exits
from tidegate.cli.files import check_target, write_whole
from tidegate.cli.say import line, stages
from tidegate.pipeline import replay as replaying
from tidegate.pipeline.labels import LabelsError
from tidegate.pipeline.load import load_policy
from tidegate.pipeline.record import RecordError
from tidegate.pipeline.records import find_files
from tidegate.pipeline.reviews import Reviews, read_reviews
from tidegate.report.replay import Replay
from tidegate.report.replay_html import render_replay
from tidegate.report.replay_table import shown

EPILOG = (
    "Exit status: [bold]0[/] nothing changes, [bold]1[/] something does, [bold]2[/] some records "
    "could not be replayed, or it cannot be told what becomes of some (they are counted, the rest "
    "is replayed all the same; wins over 1), or there was none to replay, [bold]64[/] wrong "
    "usage, [bold]70[/] a file cannot be read or written, [bold]130[/] stopped by Ctrl-C (nothing "
    "is written)."
)

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}

WHEN = "30d, 12h, 2w back from now, or a time like 2026-11-01 or 2026-11-01T08:00Z (UTC)"


def replay(
    records: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDS", help="Files of records, or folders with *.jsonl and *.parquet."
        ),
    ],
    policy: Annotated[
        str, typer.Option(metavar="FILE", help="The policy to try; a file, or one that is shipped.")
    ],
    old: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Policy to hold it against. Default: the decisions as recorded."
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help=f"Records from then on: {WHEN}.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Records before then; as --since.")
    ] = None,
    reviews: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What people found: CSV with a column 'sha256' or 'path', and one for each "
            "category (1, 0, or empty where nobody has looked).",
        ),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(metavar="CATEGORY", help="Try all thresholds of it. May be repeated."),
    ] = None,
    top: Annotated[int, typer.Option(min=0, max=10_000, help="Changes to list.")] = replaying.TOP,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a self-contained page.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Write one JSON document to standard output.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes. Default: all processors.")
    ] = None,
) -> int:
    """Decide recorded items again under another policy, without their media.

    Tells how many decisions change, from what to what, by which rule, and which items to look
    at first.
    """
    now = datetime.now(UTC)
    if html is not None:
        check_target(html, records, "replay")
    sweeps = tuple(dict.fromkeys(sweep or ()))
    if unknown := next((one for one in sweeps if one not in taxonomy.detectable()), None):
        raise typer.BadParameter(f"--sweep: {unknown!r} is no category that a detector can score")
    try:
        job = replaying.Job(
            new=load_policy(policy),
            old=None if old is None else load_policy(old),
            since=None if since is None else _moment("--since", since, now),
            until=None if until is None else _moment("--until", until, now),
            reviews=Reviews() if reviews is None else read_reviews(reviews),
            sweeps=sweeps,
            top=top,
        )
        files = find_files(records)
        with stages() as tell:
            made = replaying.replay(
                files,
                job,
                jobs=jobs or os.cpu_count() or 1,
                tell=lambda share: tell("replaying", share),
            )
    except (LabelsError, RecordError) as error:
        raise typer.BadParameter(str(error)) from None
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    if html is not None:
        write_whole(html, render_replay(made))
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
    else:
        _show(made)
    if html is not None:
        Console(stderr=json).print(Text(line(f"Report: {html}")), soft_wrap=True)
    if made.unreadable or made.untold or not made.records:
        return exits.UNJUDGED
    return exits.ACT if made.changed else exits.OK


def _moment(option: str, text: str, now: datetime) -> datetime:
    """Return a time that is told from now, or by itself; without a zone it is in UTC."""
    if back := re.fullmatch(r"(\d{1,6})([hdw])", text):
        try:
            return now - timedelta(**{_UNITS[back[2]]: int(back[1])})
        except OverflowError:
            raise typer.BadParameter(f"{option}: {text} is before all time") from None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: {text!r} is no time: {WHEN}") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _show(made: Replay) -> None:
    console = Console()
    for number, part in enumerate(shown(made)):
        if number:
            console.print()
        console.print(part)
