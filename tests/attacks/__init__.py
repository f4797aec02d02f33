"""Hostile files, all made here: ``python -m tests.attacks FOLDER`` writes them.

Each family is a module and each attack says what must come of it. None of it is malware:
what would run something runs nothing, and what refers to something refers to nothing.
"""

from tests.attacks.animations import animations
from tests.attacks.attack import Attack, Outcome
from tests.attacks.heifs import heifs
from tests.attacks.jpegs import jpegs
from tests.attacks.matroska import matroska
from tests.attacks.mp4 import mp4
from tests.attacks.pictures import pictures
from tests.attacks.places import places
from tests.attacks.polyglots import polyglots
from tests.attacks.references import references
from tests.attacks.streams import streams
from tests.attacks.tiffs import tiffs
from tidegate.media import Budget

__all__ = ["ATTACKS", "BUDGET", "Attack", "Outcome"]

ATTACKS: tuple[Attack, ...] = (
    *pictures,
    *tiffs,
    *jpegs,
    *heifs,
    *animations,
    *mp4,
    *matroska,
    *streams,
    *polyglots,
    *references,
    *places,
)

BUDGET = Budget(
    pixels=20_000_000,
    total_pixels=200_000_000,
    frames=500,
    duration=600.0,
    streams=100,
    seconds=10.0,
    memory=1024**3,
)
"""What the outcomes are for: small enough that tests are quick."""
