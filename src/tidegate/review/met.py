"""What an item met in the banks: each match with the entry beside it."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from tidegate.evidence import Evidence, Match, Transform
from tidegate.service.auth import Principal
from tidegate.service.media import Links, links_for
from tidegate.service.showing import hidden
from tidegate.service.state import Service
from tidegate.store import banks, items

MOST = 8
"""Entries that are shown; the nearest are first."""

MATRIX: Mapping[Transform, str] = {
    "none": "1 0 0 1 0 0",
    "rotate90": "0 -1 1 0 0 1",
    "rotate180": "-1 0 0 -1 1 1",
    "rotate270": "0 1 -1 0 1 0",
    "flip_vertical": "1 0 0 -1 0 1",
    "flip_horizontal": "-1 0 0 1 1 0",
    "transpose": "0 1 1 0 0 0",
    "transverse": "0 -1 -1 0 1 1",
}
"""How a picture that fills the unit square is turned: as SVG's ``matrix`` has it."""

BITS = 256
"""Of a PDQ."""


class Held(msgspec.Struct, omit_defaults=True):
    """As much of an entry as is shown: a video has hundreds of thousands of frames besides."""

    kind: Literal["image", "video"] = "image"
    note: str = ""
    provenance: str = ""
    duration: float = 0.0


class Met(NamedTuple):
    """An entry that an item met.

    Attributes:
        match: How they met: the best of their matches.
        more: How many other stretches met.
        row: The entry as it is now, or ``None`` where it is there no more.
        held: What it says.
        links: Its picture, or ``None`` where none is kept or it may not be shown.
        why: Why there is no picture, in a sentence; empty where there is one.
        here: Second of the item at which it met.
        there: Second of the entry at which it met.
    """

    match: Match
    more: int
    row: banks.Entry | None
    held: Held
    links: Links | None
    why: str
    here: float
    there: float

    @property
    def alike(self) -> float:
        """How alike both are, in [0, 1]."""
        return 1.0 if self.match.kind != "pdq" else 1 - self.match.distance / BITS

    @property
    def together(self) -> bool:
        """Whether the pictures show the same: neither is a part of the other."""
        return self.links is not None and self.match.view in ("whole", "unframed")

    @property
    def matrix(self) -> str:
        """How the item's picture is to be turned to lie on that of the entry."""
        return f"matrix({MATRIX[self.match.transform]})"


def met(
    connection: Connection, at: Service, who: Principal, evidence: Evidence
) -> tuple[list[Met], int]:
    """Return the entries that an item met, strongest first, and how many are left out."""
    groups: dict[tuple[str, str], list[Match]] = {}
    for match in evidence.matches:
        groups.setdefault((match.bank, match.entry), []).append(match)
    shown = list(groups.values())[:MOST]
    found = [_met(connection, at, who, group[0], len(group) - 1) for group in shown]
    return found, len(groups) - len(shown)


def _met(connection: Connection, at: Service, who: Principal, match: Match, more: int) -> Met:
    rows = banks.named(connection, match.bank, [match.entry])
    row = rows[0] if rows else None
    held = Held() if row is None else _DECODER.decode(row.entry)
    links, why = _picture(connection, at, who, row)
    return Met(
        match=match,
        more=more,
        row=row,
        held=held,
        links=links,
        why=why,
        here=match.peak or 0.0,
        there=_there(match),
    )


_DECODER = msgspec.json.Decoder(Held)


def _picture(
    connection: Connection, at: Service, who: Principal, row: banks.Entry | None
) -> tuple[Links | None, str]:
    if row is None:
        return None, "The entry is in the bank no more."
    item = None if row.item is None else items.get(connection, row.item)
    if item is None:
        return None, "No picture of the entry is kept: only its fingerprints are."
    if (reason := hidden(connection, item)) is not None:
        return None, f"{reason.text[0].upper()}{reason.text[1:]}."
    return links_for(connection, at, who, item.id), ""


def _there(match: Match) -> float:
    """Return the second of the entry that met the item's best second."""
    if match.entry_span is None:
        return 0.0
    since = 0.0 if match.span is None or match.peak is None else match.peak - match.span.start
    return max(0.0, min(match.entry_span.start + since * match.speed, match.entry_span.end))
