"""Policies, tests and differences as they are shown on a terminal."""

from collections.abc import Iterator, Sequence
from typing import get_args

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tidegate import taxonomy
from tidegate.cli.say import line
from tidegate.evidence import Facts, Kind
from tidegate.policy import Policy, difference, digest, prose
from tidegate.policy.difference import Difference
from tidegate.policy.narrow import meant, row_name
from tidegate.policy.schema import Rule
from tidegate.policy.trying import Coverage, Outcome

_KINDS: tuple[Kind, ...] = get_args(Kind)


def brief(policy: Policy) -> str:
    """Return what a policy holds, in one line."""
    modes = [rule.mode for rule in policy.rules]
    told = [f"{mode} {modes.count(mode)}" for mode in ("shadow", "off") if mode in modes]
    rules = _counted(len(policy.rules), "rule") + (f" ({', '.join(told)})" if told else "")
    held = [
        _counted(len(policy.thresholds), "category", "categories") + " with thresholds",
        _counted(len(policy.banks), "bank rule"),
        rules,
        _counted(len(policy.unknowns), "unknown rule"),
        _counted(len(policy.sampling), "sample"),
        _counted(len(policy.breakers), "breaker"),
    ]
    return f"{policy.name} loads: {', '.join(one for one in held if one[0] != '0')}"


def _counted(count: int, noun: str, nouns: str | None = None) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {nouns or f'{noun}s'}"


def tried(policy: Policy, outcomes: Sequence[Outcome], covered: Coverage) -> Iterator[Text]:
    """Yield what came of the cases: those that failed in full, then the coverage of rules."""
    failed = [outcome for outcome in outcomes if outcome.mismatches]
    for outcome in failed:
        yield _text(f"✗ {outcome.case.name}", "bold red")
        width = max(len(mismatch.of) for mismatch in outcome.mismatches)
        for of, expected, got in outcome.mismatches:
            yield _text(f"    {of:{width}}  expected  {expected}")
            yield _text(f"    {'':{width}}  got       {got}", "yellow")
        for reason in outcome.decision.reasons[:5]:
            yield _text(f"    {reason.rule} → {reason.action}: {reason.text}", "dim")
    held = len(outcomes) - len(failed)
    style = "red" if failed else "green"
    yield _text(f"{policy.name}: {held} of {_counted(len(outcomes), 'case')} as expected", style)
    reached, total = len(covered.reached), len(covered.reached) + len(covered.missed)
    yield _text(f"{reached} of {_counted(total, 'rule')} fire in some case")
    for name in covered.missed:
        yield _text(f"  never: {name}", "yellow")


def differing(found: Difference) -> Iterator[Text]:
    """Yield in what two policies differ: few lines for all, then one for each change."""
    yield _text(f"{found.old} → {found.new}", "bold")
    if not found.changes:
        yield _text("They decide alike.")
        return
    for told in difference.summary(found):
        yield _text(told)
    if found.old == found.new:
        yield _text(f"Both are {found.new}, which decisions cite: raise the version", "yellow")
    yield Text()
    styles = {"stricter": "red", "weaker": "cyan", "other": ""}
    for change in found.changes:
        yield _text(f"  {difference.line(change)}", styles[change.way])


def explanation(policy: Policy, facts: Facts, categories: Sequence[str]) -> RenderableType:
    """Return what a policy does with an item, in words.

    Args:
        policy: The policy.
        facts: What is stated of the item.
        categories: Whose thresholds to tell; of all where there are none, and then the rest of
            the policy too.
    """
    told = categories or tuple(policy.thresholds)
    parts: list[tuple[str, list[Text]]] = [
        ("Thresholds", [one for category in told for one in _thresholds(policy, facts, category)])
    ]
    if not categories:
        untold = [c for c in taxonomy.detectable() if c not in policy.thresholds]
        parts[0][1].append(_text(f"No threshold: {', '.join(untold) or 'none'}", "dim"))
        parts += [
            ("Matches", [_ruled(f"banks.{r.id}", prose.bank_rule(r)) for r in policy.banks]),
            ("Rules", [one for rule in policy.rules for one in _rule(rule)]),
            ("Missing answers", _unknowns(policy)),
            (
                "Samples for people, whatever was decided",
                [_ruled(f"sampling.{s.id}", prose.sample(s)) for s in policy.sampling],
            ),
            (
                "Breakers",
                [_ruled(f"breakers.{b.id}", prose.breaker(b)) for b in policy.breakers],
            ),
        ]
    shown: list[RenderableType] = [_text(f"{policy.name}: {policy.title or 'no title'}", "bold")]
    shown.append(_text(f"sha256 {digest(policy)}", "dim"))
    shown.append(_text(f"For an item of which is stated: {_stated(facts)}"))
    for heading, lines in parts:
        shown.append(_text(heading, "bold"))
        shown.append(Padding(Group(*(lines or [Text("none", "dim")])), (0, 0, 1, 3)))
    return Group(*shown)


def _stated(facts: Facts) -> str:
    days = facts.uploader.account_days
    parts = [f"surface {facts.surface}"] if facts.surface is not None else []
    parts += [f"locale {facts.locale}"] if facts.locale is not None else []
    parts += facts.context
    parts += [f"account {prose.days(days)} old"] if days is not None else []
    return ", ".join(parts) or "nothing"


def _thresholds(policy: Policy, facts: Facts, category: str) -> Iterator[Text]:
    rows = policy.rows(category)
    yield _text(category)
    by_kind = {kind: meant(rows, facts, kind) for kind in _KINDS}
    alike = all(found == by_kind["image"] for found in by_kind.values())
    for kind, found in by_kind.items():
        if alike and kind != "image":
            continue
        for action, (cell, row) in found.items():
            name = row_name(category, row, len(rows))
            of = "" if alike else f"{kind}: "
            where = prose.items(rows[row].where)
            told = _text(f"  {of}{action} from {prose.cell(cell)}")
            said = f"{name}.{action}, {where}" if where else f"{name}.{action}"
            yield told.append(f"  ({line(said)})", "dim")
        if not found:
            yield _text(f"  {'' if alike else f'{kind}: '}nothing is asked for")
    used = {row for found in by_kind.values() for _, row in found.values()}
    for number, other in enumerate(rows):
        if number not in used:
            cells = ", ".join(f"{action} {prose.cell(cell)}" for action, cell in other.cells())
            where = prose.items(other.where) or "all items"
            name = row_name(category, number, len(rows))
            yield _text(f"  not for this item: {name}, {where}: {cells}", "dim")


def _rule(rule: Rule) -> Iterator[Text]:
    yield _ruled(f"rules.{rule.id}", rule.title or "no title")
    yield _text(f"  {prose.mode(rule)}", "yellow" if rule.mode != "live" else "")
    yield _text(f"  when {' '.join(rule.when.split())}")
    yield _text(f"  then {prose.then(rule.then)}")
    yield _text(f"  where that cannot be told: {prose.unsure(rule)}", "dim")


def _unknowns(policy: Policy) -> list[Text]:
    lines = [_ruled(f"unknowns.{r.id}", prose.unknown_rule(r)) for r in policy.unknowns]
    if policy.needs:
        needs = ", ".join(policy.needs)
        lines.append(_text(f"An answer is missing, too, where no detector answers for {needs}"))
    return lines


def _ruled(name: str, says: str) -> Text:
    text = _text(name, "bold")
    return text.append(line(f": {says}"), "not bold")


def _text(text: str, style: str = "") -> Text:
    return Text(line(text), style)
