"""Why an item was decided as it was, step by step, on a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tidegate.evidence import Evidence, Item, Reason
from tidegate.report import words
from tidegate.report.coverage import coverage
from tidegate.report.visible import visible

Lines = list[Text]


def explanation(item: Item) -> RenderableType:
    """Return the steps from the bytes to the decision: one heading each, lines beneath."""
    decision = item.decision
    steps: list[tuple[str, Lines]] = [
        ("What it is", _media(item.evidence)),
        ("What was asked", _asked(item.evidence)),
        ("What was found", _found(item.evidence)),
        ("What is unknown", [_line(words.unknown(u)) for u in item.evidence.unknowns]),
        (f"Rules of policy {decision.policy} that fired", _rules(decision.reasons)),
        ("Rules that nearly fired", _rules(decision.near)),
        ("Rules that were asked and are far from firing", _rules(decision.rest)),
        ("Decision", _decision(item)),
    ]
    parts: list[RenderableType] = [Text(visible(item.path), "bold underline")]
    for number, (heading, lines) in enumerate(steps, 1):
        parts.append(_line(f"{number}. {heading}", "bold"))
        parts.append(Padding(Group(*(lines or [Text("nothing", "dim")])), (0, 0, 1, 3)))
    return Group(*parts)


def _line(text: str, style: str = "") -> Text:
    return Text(visible(text), style)


def _media(evidence: Evidence) -> Lines:
    lines: Lines = []
    if evidence.media is None:
        lines.append(Text("The content could not be read as an image or a video."))
    else:
        lines.append(_line(", ".join(words.media(evidence.media))))
        lines.extend(_line(note) for note in evidence.media.notes)
    if evidence.size is not None:
        lines.append(_line(f"{words.size(evidence.size)}, sha256 {evidence.sha256}"))
    return lines


def _asked(evidence: Evidence) -> Lines:
    asked = coverage([evidence])
    banks = ", ".join(asked.banks) or "none"
    lines = [_line(f"Banks: {banks}")]
    for name, version in evidence.versions.items():
        if name.startswith("detector:"):
            lines.append(_line(f"Detector {name.removeprefix('detector:')} {version}"))
    lines.append(_line(f"Looked for: {', '.join(asked.looked_for) or 'nothing by a detector'}"))
    lines.append(_line(f"Not looked for: {', '.join(asked.not_looked_for)}", "dim"))
    return lines


def _found(evidence: Evidence) -> Lines:
    lines: Lines = []
    for match in evidence.matches:
        title = words.title(match.category)
        lines.append(
            _line(
                f"Match with entry {match.entry} of bank {match.bank} ({match.role}): {title}, "
                f"{words.match(match)}"
            )
        )
        if match.note:
            lines.append(_line(f"  note of the entry: {match.note}", "dim"))
    for signal in evidence.signals:
        title = words.title(signal.category)
        lines.append(
            _line(f"Signal of {signal.detector} {signal.version}: {title}, {signal.score:.4f}")
        )
    return lines


def _rules(reasons: Sequence[Reason]) -> Lines:
    return [line for reason in reasons for line in _rule(reason)]


def _rule(reason: Reason) -> Iterable[Text]:
    yield _line(f"{reason.rule} → {reason.action}", "bold")
    yield _line(f"  because of {reason.text}")
    for bound in reason.bounds:
        sign = "✓" if bound.holds else "✗"
        yield _line(f"  {sign} {words.bound(bound)}", "" if bound.holds else "yellow")
    if reason.overruled_by is not None:
        yield _line(f"  overruled by {reason.overruled_by}", "yellow")


def _decision(item: Item) -> Lines:
    decision = item.decision
    standing = [r for r in decision.reasons if r.overruled_by is None]
    lines = [Text(decision.action, "bold")]
    if not standing:
        lines.append(Text("No rule asks for more."))
    else:
        lines.append(_line(f"{standing[0].rule} asks for the strongest action."))
    if not decision.judged:
        lines.append(
            Text("It rests on missing answers alone: the item could not be judged.", "magenta")
        )
    lines.append(_line(f"policy {decision.policy}, sha256 {decision.policy_sha256}", "dim"))
    return lines
