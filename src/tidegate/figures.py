"""Times, speeds, shares and parts as people read them."""

from tidegate.evidence import Span, View


def clock(seconds: float, decimals: int = 0) -> str:
    """Return a time as a player shows it.

    Args:
        seconds: Seconds from the start.
        decimals: Digits after the second, 0 to 3. What is finer is cut, not rounded,
            as players do.

    Returns:
        ``00:14``, with hours where needed ``1:02:03``, with decimals ``00:14.25``.
    """
    milliseconds = max(0, round(seconds * 1000))
    whole, rest = divmod(milliseconds, 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    fraction = f".{rest:03d}"[: 1 + decimals] if decimals else ""
    if hours:
        return f"{hours}:{minute:02d}:{second:02d}{fraction}"
    return f"{minute:02d}:{second:02d}{fraction}"


def stretch(span: Span) -> str:
    """Return a span as ``00:14–00:31``, with decimals where it is shorter than a second."""
    decimals = 2 if span.length < 1 else 0
    start, end = clock(span.start, decimals), clock(span.end, decimals)
    return start if start == end else f"{start}–{end}"


def pace(speed: float) -> str:
    """Return a speed as ``at 1.25× speed``, and nothing where it is normal to within 1 %."""
    return f"at {speed:.2f}× speed" if abs(speed - 1.0) > 0.01 else ""


def percent(share: float) -> str:
    """Return a share as ``83 %``. Only all is 100 %, and only nothing is 0 %."""
    rounded = round(share * 100)
    if rounded == 100 and share < 1:
        rounded = 99
    if rounded == 0 and share > 0:
        return "under 1 %"
    return f"{rounded} %"


_PARTS: dict[View, str] = {
    "whole": "",
    "unframed": "inside its border",
    "centre": "its centre",
    "top_left": "its top left quarter",
    "top_right": "its top right quarter",
    "bottom_left": "its bottom left quarter",
    "bottom_right": "its bottom right quarter",
}


def part(view: View) -> str:
    """Return which part of a picture is meant, for example ``inside its border``; "" is all."""
    return _PARTS[view]
