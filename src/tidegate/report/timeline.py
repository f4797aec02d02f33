"""What happened when in a video, laid out for drawing.

Places along time are in percent, so that the drawing stretches with the page while its
text keeps its size. Heights are in pixels.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.evidence import Action, Evidence, Item, Match, Signal, Span, Track
from tidegate.figures import clock, stretch
from tidegate.report import words
from tidegate.report.palette import family

CHART = 92
"""Height of a lane with scores."""
BAR = 26
"""Height of a lane with spans only."""

_MARGIN = 8
_COLUMNS = 600
_MATCH_LANES = 12
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600)
_TICKS = 9


@dataclass(frozen=True)
class Tick:
    """A mark on the time axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Bar:
    """A span, with what it says when pointed at.

    ``weight`` is how strongly it is drawn: a low score must not look like a find.
    """

    at: float
    width: float
    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Dot:
    """A peak."""

    at: float
    y: float
    text: str


@dataclass(frozen=True)
class Threshold:
    """A score from which a rule fires. ``text`` is empty where it would cover another."""

    y: float
    action: Action
    text: str
    hint: str


@dataclass(frozen=True)
class Lane:
    """One category or one bank entry over time.

    Attributes:
        kind: ``score``, ``match`` or ``unknown``.
        title: What it is.
        note: The figures, in words.
        family: Name of its colour.
        height: Pixels.
        bars: Spans.
        dots: Peaks.
        line: SVG path of the scores in a box 1000 wide and ``height`` high, or empty.
        area: The same path, closed at the base.
        thresholds: Scores from which rules fire.
    """

    kind: str
    title: str
    note: str
    family: str
    height: int
    bars: tuple[Bar, ...] = ()
    dots: tuple[Dot, ...] = ()
    line: str = ""
    area: str = ""
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """All lanes of an item over its length.

    Attributes:
        duration: Seconds.
        ticks: Marks on the axis.
        lanes: Bank entries first, then categories, then what is unknown.
        left_out: Bank entries that were met and have no lane, for there are too many.
    """

    duration: float
    ticks: tuple[Tick, ...]
    lanes: tuple[Lane, ...]
    left_out: int


def timeline(item: Item) -> Timeline | None:
    """Return the timeline of a video or animation, or ``None`` where there is no time."""
    evidence = item.evidence
    if evidence.media is not None and evidence.media.kind == "image":
        return None
    duration = _duration(evidence)
    if duration <= 0:
        return None
    entries = _grouped_matches(evidence.matches)
    lanes = [_match_lane(found, duration) for found in entries[:_MATCH_LANES]]
    lanes += _score_lanes(item, duration)
    if evidence.unknowns:
        lanes.append(_unknown_lane(evidence, duration))
    return Timeline(
        duration=duration,
        ticks=ticks(duration),
        lanes=tuple(lanes),
        left_out=max(0, len(entries) - _MATCH_LANES),
    )


def _duration(evidence: Evidence) -> float:
    """Return the length, or the last second that anything is known of."""
    ends = [evidence.media.duration if evidence.media else 0.0]
    ends += [track.seconds[-1] for track in evidence.tracks if track.seconds]
    spans = [m.span for m in evidence.matches] + [s.span for s in evidence.signals]
    spans += [u.span for u in evidence.unknowns]
    ends += [span.end for span in spans if span is not None]
    return max(ends)


def ticks(duration: float) -> tuple[Tick, ...]:
    """Return the marks on the axis of so many seconds, more than 0."""
    step = next((s for s in _STEPS if duration / s <= _TICKS), duration / _TICKS)
    decimals = 1 if step < 1 else 0
    count = int(duration / step + 1e-9) + 1
    return tuple(Tick(100 * i * step / duration, clock(i * step, decimals)) for i in range(count))


def _bar(span: Span | None, duration: float, text: str, weight: float = 1.0) -> Bar:
    if span is None:
        return Bar(0.0, 100.0, f"{text}, all of it", weight)
    start, end = 100 * span.start / duration, 100 * span.end / duration
    return Bar(round(start, 3), round(end - start, 3), f"{text}, {stretch(span)}", weight)


def _grouped_matches(matches: Iterable[Match]) -> list[list[Match]]:
    groups: dict[tuple[str, str], list[Match]] = {}
    for match in matches:
        groups.setdefault((match.bank, match.entry), []).append(match)
    return list(groups.values())


def _match_lane(found: list[Match], duration: float) -> Lane:
    best = found[0]
    role = "known good" if best.role == "allow" else words.title(best.category)
    return Lane(
        kind="match",
        title=f"{best.bank} / {best.entry}",
        note=f"{role}, {words.match(best)}",
        family="other" if best.role == "allow" else family(best.category),
        height=BAR,
        bars=tuple(_bar(m.span, duration, words.match(m)) for m in found),
        dots=tuple(
            Dot(100 * m.peak / duration, BAR / 2, f"nearest at {clock(m.peak)}")
            for m in found
            if m.peak is not None
        ),
    )


def _score_lanes(item: Item, duration: float) -> list[Lane]:
    tracks = {(t.category, t.detector): t for t in item.evidence.tracks if t.seconds}
    signals: dict[tuple[str, str], list[Signal]] = {key: [] for key in tracks}
    for signal in item.evidence.signals:
        signals.setdefault((signal.category, signal.detector), []).append(signal)
    lanes = []
    for (category, detector), seen in signals.items():
        track = tracks.get((category, detector))
        height = BAR if track is None else CHART
        lanes.append(
            Lane(
                kind="score",
                title=words.title(category),
                note=_score_note(detector, seen, track),
                family=family(category),
                height=height,
                bars=tuple(
                    _bar(s.span, duration, f"score {s.score:.2f}", round(s.score, 2)) for s in seen
                ),
                dots=_score_dots(seen, duration, height, charted=track is not None),
                line=_line(track, duration) if track else "",
                area=_area(track, duration) if track else "",
                thresholds=_thresholds(item, category) if track else (),
            )
        )
    return lanes


def _score_note(detector: str, seen: list[Signal], track: Track | None) -> str:
    if seen:
        best = seen[0]
        when = f" at {clock(best.peak)}" if best.peak is not None else ""
        return f"{detector}, highest {best.score:.2f}{when}"
    assert track is not None
    score, second = max(zip(track.scores, track.seconds, strict=True), key=lambda pair: pair[0])
    return f"{detector}, highest {score:.2f} at {clock(second)}"


def _score_dots(
    seen: list[Signal], duration: float, height: int, *, charted: bool
) -> tuple[Dot, ...]:
    return tuple(
        Dot(
            100 * signal.peak / duration,
            _y(signal.score) if charted else height / 2,
            f"{signal.score:.2f} at {clock(signal.peak)}",
        )
        for signal in seen
        if signal.peak is not None
    )


def _y(score: float) -> float:
    return round(_MARGIN + (1 - score) * (CHART - 2 * _MARGIN), 2)


def _points(track: Track, duration: float) -> list[tuple[float, float]]:
    """Return the curve, thinned so that the highest score of each column stays."""
    highest: dict[int, tuple[float, float]] = {}
    for second, score in zip(track.seconds, track.scores, strict=True):
        column = int(_COLUMNS * second / duration)
        if column not in highest or score > highest[column][1]:
            highest[column] = (second, score)
    return [(1000 * second / duration, _y(score)) for second, score in highest.values()]


def _line(track: Track, duration: float) -> str:
    points = _points(track, duration)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _area(track: Track, duration: float) -> str:
    points = _points(track, duration)
    base = _y(0)
    return f"{_line(track, duration)}L{points[-1][0]:.1f} {base}L{points[0][0]:.1f} {base}Z"


def _thresholds(item: Item, category: str) -> tuple[Threshold, ...]:
    """Return the thresholds that the decision names for this category, highest first."""
    known: dict[float, Action] = {}
    decision = item.decision
    for reason in (*decision.reasons, *decision.near, *decision.rest):
        for bound in reason.bounds:
            if reason.action and reason.category == category and bound.of == "score":
                known.setdefault(bound.threshold, reason.action)
    lines: list[Threshold] = []
    for score, action in sorted(known.items(), reverse=True):
        y = _y(score)
        crowded = any(abs(y - line.y) < 13 for line in lines if line.text)
        name = f"{action} from {score:.2f}"
        lines.append(Threshold(y, action, "" if crowded else name, name))
    return tuple(lines)


def _unknown_lane(evidence: Evidence, duration: float) -> Lane:
    return Lane(
        kind="unknown",
        title="Unknown",
        note=words.plural(len(evidence.unknowns), "answer") + " missing",
        family="other",
        height=BAR,
        bars=tuple(_bar(u.span, duration, words.unknown(u)) for u in evidence.unknowns),
    )
