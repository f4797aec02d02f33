"""``tidegate doctor``: what is in use here, and whether it works."""

import sys
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli import exits
from tidegate.pipeline.doctor import State, examine

STYLES: dict[State, str] = {"ok": "green", "slow": "yellow", "missing": "yellow", "broken": "red"}


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Write the findings as JSON.")] = False,
) -> int:
    """Examine this installation: the native library, the decoders, the models.

    Exit status 70 where something is broken, so that Tidegate would not do its work.
    """
    findings = list(examine())
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(findings) + b"\n")
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        for finding in findings:
            state = Text(finding.state, STYLES[finding.state])
            table.add_row(state, Text(finding.name), Text(finding.detail))
        Console().print(table)
    return exits.FAILED if any(f.state == "broken" for f in findings) else exits.OK
