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


def explanation(item: Item, *, recorded: bool = False) -> RenderableType:
    """Return the steps from the bytes to the decision: one heading each, lines beneath.

    Args:
        item: The item.
        recorded: Whether it comes from a record, which holds no rules that did not fire.
    """
    decision = item.decision
    near, rest = _rules(decision.near), _rules(decision.rest)
    if recorded:
        near = rest = [Text("a record does not say", "dim")]
    steps: list[tuple[str, Lines]] = [
        ("What it is", _media(item)),
        ("What was asked", _asked(item.evidence)),
        ("What was found", _found(item.evidence)),
        ("What is unknown", [_line(words.unknown(u)) for u in words.unknowns(item)]),
        (f"Rules of policy {decision.policy} that fired", _rules(decision.reasons)),
        ("Rules that nearly fired", near),
        ("Rules that were asked and are far from firing", rest),
    ]
    if decision.shadow:
        steps.append(("Rules in shadow that would have fired", _rules(decision.shadow)))
    steps.append(("Decision", _decision(item)))
    parts: list[RenderableType] = [Text(visible(item.path), "bold underline")]
    for number, (heading, lines) in enumerate(steps, 1):
        parts.append(_line(f"{number}. {heading}", "bold"))
        parts.append(Padding(Group(*(lines or [Text("nothing", "dim")])), (0, 0, 1, 3)))
    return Group(*parts)


def _line(text: str, style: str = "") -> Text:
    return Text(visible(text), style)


def _media(item: Item) -> Lines:
    evidence = item.evidence
    lines: Lines = []
    if evidence.media is None:
        lines.append(Text("The content could not be read as an image or a video."))
    else:
        lines.append(_line(", ".join(words.media(evidence.media))))
        lines.extend(_line(note) for note in evidence.media.notes)
    if evidence.size is not None:
        lines.append(_line(f"{words.size(evidence.size)}, sha256 {evidence.sha256}"))
    if stated := words.facts(item.facts):
        lines.append(_line(f"The platform says: {', '.join(stated)}"))
    return lines


def _asked(evidence: Evidence) -> Lines:
    asked = coverage([evidence])
    banks = ", ".join(asked.banks) or "none"
    lines = [_line(f"Banks: {banks}")]
    skipped = {one.detector: one for one in evidence.skipped}
    for name, version in evidence.versions.items():
        if name.startswith("detector:"):
            detector = name.removeprefix("detector:")
            one = skipped.get(detector)
            lines.append(
                _line(f"Detector {words.skipped(one) if one else f'{detector} {version}'}")
            )
    lines.append(_line(f"Looked for: {', '.join(asked.looked_for) or 'nothing by a detector'}"))
    lines.append(_line(f"Not covered: {', '.join(asked.not_looked_for) or 'none'}", "dim"))
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
    yield _line(f"{reason.rule} → {reason.action or 'its effects'}", "bold")
    yield _line(f"  because of {reason.text}")
    for bound in reason.bounds:
        sign = "✓" if bound.holds else "✗"
        yield _line(f"  {sign} {words.bound(bound)}", "" if bound.holds else "yellow")
    if lowered := words.lowered(reason):
        yield _line(f"  {lowered}", "yellow")
    if reason.overruled_by is not None:
        yield _line(f"  overruled by {reason.overruled_by}", "yellow")


def _decision(item: Item) -> Lines:
    decision = item.decision
    standing = [r for r in decision.reasons if r.overruled_by is None and r.action is not None]
    lines = [Text(decision.action, "bold")]
    if not standing:
        lines.append(Text("No rule asks for more."))
    else:
        lines.append(_line(f"{standing[0].rule} asks for the strongest action."))
    if not decision.judged:
        lines.append(
            Text("It rests on missing answers alone: the item could not be judged.", "magenta")
        )
    for effect in decision.effects:
        lines.append(_line(f"{words.effect(effect)}, because of {', '.join(effect.rules)}"))
    if decision.shadow_action is not None:
        would = decision.shadow_action
        lines.append(_line(f"With the rules in shadow live it would be {would}.", "yellow"))
    lines.append(_line(f"policy {decision.policy}, sha256 {decision.policy_sha256}", "dim"))
    return lines
