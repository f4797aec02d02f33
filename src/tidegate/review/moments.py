"""A video as a strip of frames: where something was strongest, and evenly between."""

from typing import NamedTuple

from tidegate.evidence import Evidence
from tidegate.figures import clock
from tidegate.report.palette import family
from tidegate.report.peaks import peaks

MOST = 14
"""Frames of a strip: each is decoded for whoever looks."""

PEAKS = 8
"""Of these, at most so many where something was strongest."""

APART = 0.4
"""Seconds by which two frames of a strip differ at least."""


class Moment(NamedTuple):
    """A frame of the strip.

    Attributes:
        second: When it is shown.
        clock: That, as a player shows it.
        texts: What was strongest there; empty for a frame in between.
        family: Name of the colour of the first of these.
    """

    second: float
    clock: str
    texts: tuple[str, ...]
    family: str


def moments(evidence: Evidence, duration: float) -> list[Moment]:
    """Return the frames of a strip, in the order of their seconds.

    Args:
        evidence: What is known of a video or an animation.
        duration: Seconds of it.
    """
    found: dict[float, tuple[list[str], str]] = {}
    for peak in peaks(evidence):
        near = next((s for s in found if abs(s - peak.second) < APART), None)
        if near is not None:
            found[near][0].append(peak.text)
        elif len(found) < PEAKS:
            found[peak.second] = [peak.text], family(peak.category)
    even = MOST - len(found)
    step = duration / even
    for number in range(even):
        second = round(step * (number + 0.5), 3)
        if all(abs(second - other) >= min(APART, step / 2) for other in found):
            found[second] = [], "other"
    decimals = 1 if duration < 2 * MOST else 0
    return [
        Moment(second, clock(second, decimals), tuple(texts), colour)
        for second, (texts, colour) in sorted(found.items())
    ]
