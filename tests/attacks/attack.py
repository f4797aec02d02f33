"""What an attack is: how to make it, and what must come of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tidegate.evidence import Cause, Unknown

Make = Callable[[], bytes]
Place = Callable[[Path], object]


class Outcome(NamedTuple):
    """What must come of a file.

    Attributes:
        frames: Whether frames must come out; ``None`` where decoders may differ.
        causes: Causes that its unknowns may have.
        unknown: Whether there must be an unknown.
    """

    frames: bool | None
    causes: frozenset[Cause]
    unknown: bool

    def complaint(self, frames: int, unknowns: Iterable[Unknown]) -> str:
        """Return in words how an outcome differs from this one; empty where it does not."""
        told = [(unknown.cause, unknown.detail) for unknown in unknowns]
        if not frames and not told:
            return "neither frames nor an unknown"
        if self.frames is not None and self.frames != bool(frames):
            return f"{frames} frames, unknown: {told}"
        if self.unknown and not told:
            return f"{frames} frames and nothing unknown"
        if any(cause not in self.causes for cause, _ in told):
            return f"not only {sorted(self.causes)}: {told}"
        return ""


def seen(*causes: Cause) -> Outcome:
    """Frames; and where causes are given, something unknown beside them."""
    return Outcome(True, frozenset(causes), bool(causes))


def refused(*causes: Cause) -> Outcome:
    """No frame, for one of these causes."""
    return Outcome(False, frozenset(causes), True)


def broken(*causes: Cause) -> Outcome:
    """Something is unknown; whether frames come too is up to the decoder."""
    return Outcome(None, frozenset(causes), True)


def lenient(*causes: Cause) -> Outcome:
    """Frames, and perhaps something unknown beside them."""
    return Outcome(True, frozenset(causes), False)


def either(*causes: Cause) -> Outcome:
    """Frames or something unknown, as the decoder likes; never neither."""
    return Outcome(None, frozenset(causes), False)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One hostile file.

    Attributes:
        name: Its name, and that of the file.
        about: What it attacks, in a line.
        place: Puts it at a path.
        outcome: What must come of it under :data:`tests.attacks.BUDGET`.
        default: The same under ``Budget()``, where that is to be tried.
        passed_over: Whether it is no media or a link, which is skipped where it is met in a
            folder and unknown only where it is named.
        file: Name of the file, where that is the attack.
    """

    name: str
    about: str
    place: Place
    outcome: Outcome
    default: Outcome | None = None
    passed_over: bool = False
    file: str = ""

    def put(self, folder: Path) -> Path:
        """Make it in a folder and return its path."""
        path = folder / (self.file or self.name)
        self.place(path)
        return path


class Family(list[Attack]):
    """Attacks of one kind."""

    def bytes(
        self,
        name: str,
        about: str,
        outcome: Outcome,
        make: Make,
        *,
        default: Outcome | None = None,
        passed_over: bool = False,
        file: str = "",
    ) -> None:
        """Add an attack that is a regular file of these bytes."""
        self.place(
            name,
            about,
            outcome,
            lambda path: path.write_bytes(make()),
            default=default,
            passed_over=passed_over,
            file=file,
        )

    def place(
        self,
        name: str,
        about: str,
        outcome: Outcome,
        place: Place,
        *,
        default: Outcome | None = None,
        passed_over: bool = False,
        file: str = "",
    ) -> None:
        """Add an attack that is put into its place by a function."""
        self.append(
            Attack(
                name=name,
                about=about,
                place=place,
                outcome=outcome,
                default=default,
                passed_over=passed_over,
                file=file,
            )
        )
