"""Which packets of a run need decoding, found before any is decoded.

The rule that picks frames is one on times alone, and packets have the times of their
frames. So it is tried out on the packets: the frames that it will not pick, and to which
none of the picked refers, are left out. Nothing is taken on trust. While the run is
decoded the same rule picks among the frames that come out, and where it picks another one
than was foreseen the run is decoded again in full.
"""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from av.video.frame import VideoFrame

from tidegate.media.ahead import VideoPacket
from tidegate.media.clock import Clock
from tidegate.media.peeked import Kind
from tidegate.media.pick import Picker
from tidegate.media.runs import Run, Step


class Plan(NamedTuple):
    """A run, foreseen.

    Attributes:
        needed: The packets to decode, in their order.
        frames: Second and key of each frame of the run, by its timestamp.
        picks: The seconds that will be picked, among them that of a frame which is held
            back until the next run begins.
        clock: The clock after all frames of the run.
        reaches: Whether the next run's keyframe is near enough after the last pick that no
            frame between them can be picked.
    """

    needed: Sequence[VideoPacket]
    frames: dict[int, tuple[float, bool]]
    picks: Sequence[float]
    clock: Clock
    reaches: bool


def foresee(run: Run, clock: Clock, picker: Picker[VideoFrame]) -> Plan | None:
    """Plan a run, or return ``None`` where its packets give no certainty.

    Args:
        run: What is to be decoded, with the decoder as new; its times are in order.
        clock: As it stands when all frames before the run are out.
        picker: As it stands then. Neither is changed.
    """
    steps = _shown(run, fresh=picker.last is None)
    piece = run.after is None and not run.last
    if piece or steps is None:
        return None
    clock = copy.copy(clock)
    tried: Picker[Any] = picker.copy()
    shift = clock.shift
    frames: dict[int, tuple[float, bool]] = {}
    picked: list[float] = []
    reaches = False
    for step in sorted(steps, key=_stamp):
        key = step.peeked.kind is not Kind.PLAIN
        second = clock.tick(_stamp(step))
        frames[_stamp(step)] = second, key
        picked += [pick[0] for pick in tried.take(second, key, None)]
    if clock.shift != shift:
        return None
    # What is held back now is picked when the next frame comes, or it never is.
    if run.after is None:
        picked += [pick[0] for pick in tried.end()]
    else:
        second = clock.peek(_stamp(run.after))
        if second <= clock.last:
            return None
        # Frames that refer across the next keyframe are shown after this one.
        newest = max(frames[_stamp(s)][0] for s in steps if s.peeked.kind is not Kind.PLAIN)
        reaches = tried.reaches(second) or picker.sampling.passes_over(newest, second)
        picked += [pick[0] for pick in tried.take(second, True, None) if pick[0] < second]
    seconds = set(picked)
    wanted = {stamp for stamp in frames if frames[stamp][0] in seconds}
    return Plan(_needed(steps, wanted, whole=run.last), frames, picked, clock, reaches)


def _shown(run: Run, *, fresh: bool) -> list[Step] | None:
    """Return the packets whose frames count, or ``None`` where one of them is odd.

    Of a run that begins with an open keyframe the frames shown before it do not: it was cut
    there because nobody needs them. Only a video that begins like this may need them.
    """
    first = run.steps[0]
    known = all(step.peeked.kind is not Kind.ODD for step in run.steps)
    timed = all(s.packet.pts is not None for s in [*run.steps, *([run.after] if run.after else [])])
    if not known or not timed or first.peeked.kind is Kind.PLAIN:
        return None
    steps = [step for step in run.steps if _stamp(step) >= _stamp(first)]
    whole = len(steps) == len(run.steps)
    return steps if whole or (first.peeked.kind is Kind.OPEN and not fresh) else None


def _needed(steps: Sequence[Step], wanted: set[int], *, whole: bool) -> list[VideoPacket]:
    """Leave out what follows the last wanted frame, and free frames that are not wanted.

    The end of a video is decoded in any case: what breaks off there is to be found.
    """
    last = max((i for i, step in enumerate(steps) if _stamp(step) in wanted), default=-1)
    top = max(step.peeked.layer for step in steps)
    return [
        step.packet
        for step in (steps if whole else steps[: last + 1])
        if _stamp(step) in wanted or not (step.peeked.free and step.peeked.layer == top)
    ]


def _stamp(step: Step) -> int:
    assert step.packet.pts is not None
    return step.packet.pts
