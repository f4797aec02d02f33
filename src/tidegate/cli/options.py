"""Options that several commands share."""

from typing import Annotated

import typer

from tidegate.hashing import Preset

Views = Annotated[
    Preset,
    typer.Option(
        help="Parts of each frame that are looked up too: only the whole of it, standard: what "
        "is inside a border, thorough: the centre and the quarters as well."
    ),
]

Grey = Annotated[
    bool,
    typer.Option(
        "--grey", help="Decode JPEGs as luma alone: faster, and nearly always the same hash."
    ),
]
