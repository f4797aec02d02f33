"""Reasons in words, for people. One line each, the same words everywhere."""

from tidegate.evidence import Kind, Match, Signal, Transform, Unknown
from tidegate.figures import clock, pace, part, percent, stretch
from tidegate.policy.schema import Rule

_TURNED: dict[Transform, str] = {
    "none": "",
    "rotate90": "turned by 90°",
    "rotate180": "turned by 180°",
    "rotate270": "turned by 270°",
    "flip_vertical": "mirrored top to bottom",
    "flip_horizontal": "mirrored left to right",
    "transpose": "mirrored and turned",
    "transverse": "mirrored and turned",
}

_WHOLE: dict[Kind, str] = {"image": "picture", "animation": "animation", "video": "clip"}


def match(found: Match, kind: Kind) -> str:
    """Return a match in words.

    For example ``known.other: 9 bits from entry 12 of bank press-photos, 00:14–00:31,
    83 % of the clip``.
    """
    entry = f"entry {found.entry} of bank {found.bank}"
    if found.kind == "pdq":
        bits = "1 bit" if found.distance == 1 else f"{found.distance} bits"
        parts = [f"{found.category}: {bits} from {entry}"]
    else:
        parts = [f"{found.category}: the same bytes ({found.kind}) as {entry}"]
    if _TURNED[found.transform]:
        parts.append(_TURNED[found.transform])
    if part(found.view):
        parts.append(part(found.view))
    if found.span is not None:
        parts.append(stretch(found.span))
        parts.append(f"{percent(found.query_share)} of the {_WHOLE[kind]}")
    if found.entry_span is not None:
        parts.append(f"{stretch(found.entry_span)} of the entry")
    if pace(found.speed):
        parts.append(pace(found.speed))
    return ", ".join(parts)


def signal(found: Signal) -> str:
    """Return a signal in words, for example ``sexual.explicit: 0.93 by opennsfw, at 00:05``."""
    text = f"{found.category}: {found.score:.2f} by {found.detector}"
    if found.peak is not None:
        text += f", at {clock(found.peak)}"
    if found.span is not None:
        text += f" within {stretch(found.span)}"
    if found.review_only:
        text += ", for review only"
    return text


def unknown(found: Unknown) -> str:
    """Return a missing answer in words, for example ``unknown (truncated): …``."""
    text = f"unknown ({found.cause}): {found.detail}"
    if found.span is not None:
        text += f", {stretch(found.span)}"
    return text


def guard(rule: Rule, *, weak: bool = False) -> str:
    """Return a rule whose guard holds in words, for example ``Avatars are strict``.

    Args:
        rule: The rule.
        weak: Whether it rests on signals for review only.
    """
    text = rule.title or f"rules.{rule.id} holds: {_short(' '.join(rule.when.split()))}"
    if rule.then.cap is not None and weak:
        text += ", by a signal for review only, which caps nothing"
    elif rule.then.cap is not None:
        text += f", no score or guard leads to more than {rule.then.cap}"
    return text


def _short(text: str, most: int = 100) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
