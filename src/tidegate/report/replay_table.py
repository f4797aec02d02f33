"""A replay on the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tidegate.evidence import Action, strength
from tidegate.report import evaluation_words, replay_words
from tidegate.report.replay import Blame, Changed, Replay, Sweep
from tidegate.report.table import STYLES
from tidegate.report.visible import shorten, visible

SHOWN = 10
"""Changes, and rules, that a terminal shows."""

PATH = 40
"""Characters of a path."""


def shown(made: Replay) -> Iterator[RenderableType]:
    """Yield the parts of a replay, in their order."""
    yield _head(made)
    if made.flows:
        yield _matrix(made)
    for title, blames in (
        ("rules that changes are due to", made.rules),
        ("categories that they are about", made.categories),
    ):
        if blames:
            yield _blames(title, blames)
    if rest := _rest(made):
        yield rest
    if made.first:
        yield _first(made.first)
    for sweep in made.sweeps:
        yield _sweep(sweep)
    if made.damage:
        yield _damage(made)


def _head(made: Replay) -> Text:
    text = Text(f"{replay_words.headline(made)}.", "bold")
    if made.changed:
        text.append(f" {replay_words.moves(made)}.", "default")
    told = [
        f"{made.new}, held against {replay_words.against(made)}; {replay_words.period(made)}",
        replay_words.reviewed(made),
    ]
    if made.outside:
        told.append(f"{made.outside:,} records are of another time.")
    for line in filter(None, told):
        text.append(f"\n{visible(line)}", "dim")
    for notice in replay_words.notices(made):
        text.append(f"\n{visible(notice)}", "bold yellow")
    return text


def _matrix(made: Replay) -> Table:
    old, new = replay_words.actions(made)
    counts = {(flow.old, flow.new): flow.items for flow in made.flows}
    table = _table(("was", "left"), *((replay_words.goal(action), "right") for action in new))
    for before in old:
        cells = [Text(before, STYLES[before])]
        for after in new:
            count = counts.get((before, after), 0)
            cells.append(Text(f"{count:,}" if count else "·", _style(before, after, count)))
        table.add_row(*cells)
    return table


def _style(old: Action, new: Action | None, count: int) -> str:
    if not count or old == new:
        return "dim"
    if new is None:
        return "italic magenta"
    return "bold red" if strength(new) > strength(old) else "bold green"


def _blames(title: str, blames: Sequence[Blame]) -> Table:
    table = _table((title, "left"), ("stricter", "right"), ("weaker", "right"))
    for one in blames[:SHOWN]:
        name = Text(visible(replay_words.rule(one)))
        table.add_row(name, Text(f"{one.stricter:,}"), Text(f"{one.weaker:,}"))
    if len(blames) > SHOWN:
        table.add_row(Text(f"and {len(blames) - SHOWN:,} more", "dim"))
    return table


def _rest(made: Replay) -> Text:
    lines = [f"{one.kind} {one.value}: {replay_words.effect(one)}" for one in made.effects]
    lines += [f"breaker {line}" for line in replay_words.breakers(made)]
    lines += [f"rules in shadow: {replay_words.shadow(flow)}" for flow in made.shadow]
    return Text("\n".join(map(visible, lines)))


def _first(changes: Sequence[Changed]) -> Group:
    # Two lines each: rules have long names, and half a name is no name.
    parts: list[RenderableType] = [Text("look at first", "dim")]
    for one in changes[:SHOWN]:
        step = Text(f"{shorten(visible(one.path), PATH)}  ")
        step.append(one.old, STYLES[one.old]).append(" → ", "dim")
        step.append(one.new, STYLES[one.new])
        step.append(f"  {replay_words.moment(one.at)}", "dim")
        why = Text(visible(replay_words.why(one)))
        if one.notes:
            why.append(f"; {', '.join(one.notes)}", "yellow")
        parts += [step, Padding(why, (0, 0, 0, 4))]
    return Group(*parts)


def _sweep(sweep: Sweep) -> Table:
    table = _table(
        (f"{sweep.category}: from", "left"),
        ("items", "right"),
        ("precision", "left"),
        ("recall", "left"),
    )
    for step in sweep.steps[::10]:
        table.add_row(
            Text(f"{step.threshold:.1f}"),
            Text(f"{step.items:,}"),
            Text(evaluation_words.rate(step.precision)),
            Text(evaluation_words.rate(step.recall)),
        )
    table.caption = Text(replay_words.swept(sweep), "dim")
    table.caption_justify = "left"
    return table


def _damage(made: Replay) -> Text:
    text = Text("not replayed", "italic magenta")
    for one in made.damage[:SHOWN]:
        text.append(f"\n  {visible(one.file)}:{one.line}: {visible(one.reason)}", "default")
    if made.unreadable > SHOWN:
        text.append(f"\n  {made.unreadable:,} in all; --json lists more", "dim")
    return text


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title, justify in columns:
        table.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table
