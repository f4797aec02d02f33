"""Evidence in words, as the report and the terminal say it."""

from collections.abc import Iterable

from tidegate import taxonomy
from tidegate.evidence import Bound, Effect, Facts, Item, Match, MediaInfo, Reason, Skipped, Unknown
from tidegate.figures import clock, pace, part, percent


def title(category: str) -> str:
    """Return the category's name for people, or its id where the taxonomy has none."""
    known = taxonomy.CATEGORIES.get(category)
    return known.title if known else category


def plural(count: int, noun: str) -> str:
    """Return ``1 item``, ``2 items``, ``1,000 items``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size(count: int) -> str:
    """Return a number of bytes in decimal units, as file managers do."""
    if count < 1000:
        return plural(count, "byte")
    value, unit = count / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value >= 999.5:
            value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"


def elapsed(seconds: float) -> str:
    """Return how long something took."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return clock(seconds)


def media(info: MediaInfo) -> tuple[str, ...]:
    """Return the facts of the media, most telling first."""
    coded = info.codec if info.codec and info.codec != info.format else None
    facts = [
        f"{info.kind}, {coded} in {info.format}" if coded else f"{info.kind}, {info.format}",
        f"{info.width}×{info.height}",
    ]
    if info.kind != "image":
        facts.append(clock(info.duration, 0 if info.duration >= 1 else 2))
        facts.append(
            f"{plural(info.frames_judged, 'frame')} judged of {info.frames_seen:,} decoded"
        )
    return tuple(facts)


def facts(stated: Facts) -> tuple[str, ...]:
    """Return what the platform says of an item; empty where it says nothing."""
    uploader = stated.uploader
    told = {
        "surface": stated.surface,
        "locale": stated.locale,
        "context": ", ".join(stated.context) or None,
        "uploader": uploader.id,
        "account of": None
        if uploader.account_days is None
        else plural(uploader.account_days, "day"),
        "removed before": None if uploader.removals is None else plural(uploader.removals, "item"),
        "trusted": None if uploader.trusted is None else ("yes" if uploader.trusted else "no"),
    }
    return tuple(f"{name} {value}" for name, value in told.items() if value is not None)


def match_distance(found: Match) -> str:
    """Return how near a match is: ``9 bits``, or ``same sha256``."""
    return plural(found.distance, "bit") if found.kind == "pdq" else f"same {found.kind}"


def match(found: Match) -> str:
    """Return how a match met, without saying what that means."""
    how = match_distance(found)
    if found.transform != "none":
        how += f", {found.transform.replace('_', ' ')}"
    if part(found.view):
        how += f", {part(found.view)}"
    if found.span is not None:
        how += f", {percent(found.query_share)} of this item"
    if pace(found.speed):
        how += f", {pace(found.speed)}"
    return how


_OPERATORS = {"distance": "≤>"}
_NAMES = {
    "score": "score",
    "distance": "distance",
    "query_share": "share of this item",
    "entry_share": "share of the entry",
    "detectors": "detectors that agree",
}


def _quantity(of: str, value: float, digits: int) -> str:
    if of in ("distance", "detectors"):
        return f"{value:g}"
    if of == "score":
        return f"{value:.{2 + digits}f}"
    return f"{value * 100:.{digits}f} %"


def bound(made: Bound) -> str:
    """Return a comparison as it came out: ``score 0.94 ≥ 0.80``.

    Values that differ are shown with as many digits as it takes to tell them apart.
    """
    operator = _OPERATORS.get(made.of, "≥<")[0 if made.holds else 1]
    for digits in range(5):
        observed = _quantity(made.of, made.observed, digits)
        threshold = _quantity(made.of, made.threshold, digits)
        if observed != threshold or made.observed == made.threshold:
            break
    return f"{_NAMES[made.of]} {observed} {operator} {threshold}"


def unknown(value: Unknown) -> str:
    """Return cause and detail of something that could not be answered."""
    cause = value.cause.replace("_", " ")
    return f"{cause}: {value.detail}" if value.detail else cause


def skipped(value: Skipped) -> str:
    """Return that a detector was not asked, and why."""
    return f"{value.detector} {value.version} was not asked: {value.because}"


def unknowns(item: Item) -> tuple[Unknown, ...]:
    """Return what is unknown of an item, and what its policy lacks besides."""
    return (*item.evidence.unknowns, *item.decision.missing)


def lowered(reason: Reason) -> str:
    """Return what a rule asked for before something lowered that; empty where nothing did."""
    if reason.capped_by is None:
        return ""
    text = f"lowered from {reason.capped_from} by {reason.capped_by}"
    return f"{text}, which is for review only" if reason.capped_by.startswith("detector ") else text


def alarms(items: Iterable[Item]) -> list[str]:
    """Return who is to be told, by how many items, and which rules or breakers ask for it."""
    raised: dict[str, list[tuple[str, ...]]] = {}
    for item in items:
        for one in item.decision.effects:
            if one.kind == "alarm":
                raised.setdefault(one.value, []).append(one.rules)
    return [
        f"Alarm {name} by {plural(len(rules), 'item')}: "
        f"{', '.join(sorted({rule for each in rules for rule in each}))}"
        for name, rules in sorted(raised.items())
    ]


def effect(value: Effect) -> str:
    """Return what is to be done besides the action: ``queue nudity at priority 60``."""
    text = f"{value.kind} {value.value}"
    return f"{text} at priority {value.priority}" if value.kind == "queue" else text


def strongest(item: Item) -> Reason | None:
    """Return the reason that the decision rests on, or ``None`` where no rule fired."""
    standing = (r for r in item.decision.reasons if r.overruled_by is None)
    return next(standing, next(iter(item.decision.reasons), None))


def outcome(item: Item) -> str:
    """Return the decision's ground in one sentence. It never calls an item clean."""
    reason = strongest(item)
    if reason is not None and reason.overruled_by is not None:
        return f"{reason.text}; overruled by {reason.overruled_by}"
    if reason is not None:
        return reason.text
    missing = len(item.evidence.unknowns) + len(item.decision.missing)
    if missing:
        return f"No rule fired on what is known; {plural(missing, 'unknown')}."
    return "No rule fired."
