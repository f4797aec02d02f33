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

STYLES: dict[State, str] = {
    "ok": "green",
    "slow": "yellow",
    "missing": "yellow",
    "off": "red",
    "broken": "red",
}


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Write the findings as JSON.")] = False,
) -> int:
    """Examine this installation: the native library, the decoders, their confinement, the models.

    Exit status 70 where something is broken, or a part of what keeps it safe is off.
    """
    findings = list(examine())
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(findings) + b"\n")
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        for _ in range(3):
            table.add_column(overflow="fold")
        for finding in findings:
            state = Text(finding.state, STYLES[finding.state])
            told = (
                f"{finding.detail}\nto mend it: {finding.remedy}"
                if finding.remedy
                else finding.detail
            )
            table.add_row(state, Text(finding.name), Text(told))
        Console().print(table)
    return exits.FAILED if any(f.state in ("off", "broken") for f in findings) else exits.OK
