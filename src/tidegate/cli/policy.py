"""``tidegate policy``: policies checked, tested, explained and compared before they decide."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from tidegate import taxonomy
from tidegate.cli import exits, facts, pack, policyshow, replay
from tidegate.cli.facts import AccountDays, Context, Locale, Surface
from tidegate.cli.say import complain, say
from tidegate.pipeline.load import load_cases, load_policy, read_policy, shipped, shipped_cases
from tidegate.policy import PolicyError, Program, parse
from tidegate.policy.difference import difference
from tidegate.policy.parse import examine
from tidegate.policy.space import TooManyKindsError
from tidegate.policy.trying import coverage, run

app = typer.Typer(help="Check, test, explain and compare policies.", no_args_is_help=True)
app.command("replay", epilog=replay.EPILOG)(replay.replay)
app.command("pack", epilog=pack.EPILOG)(pack.pack)

FILE = "A policy file, or the name of one that comes with Tidegate."
Policy = Annotated[str, typer.Argument(metavar="FILE", help=FILE)]


@app.command(
    epilog="Exit status: [bold]0[/] all load, [bold]64[/] one does not; the running policy "
    "of nobody is touched."
)
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help=f"{FILE} May be repeated.")],
) -> int:
    """Load policies and say what they hold; or all that is wrong, where, and how to mend it."""
    loads = [_check(file) for file in files]
    return exits.OK if all(loads) else exits.USAGE


def _check(file: str) -> bool:
    try:
        name, text = read_policy(file)
        policy, errors = examine(text, name)
    except PolicyError as first:
        errors = (first,)
    for error in errors:
        complain(str(error), error.excerpt)
    if len(errors) > 1:
        complain(f"{file}: {len(errors)} errors")
    if not errors:
        say(policyshow.brief(policy))
    return not errors


@app.command(
    "test",
    epilog="Exit status: [bold]0[/] every case is decided as expected, [bold]1[/] one is not, "
    "or rules are covered less than asked for, [bold]64[/] a file does not load.",
)
def try_cases(
    file: Policy,
    cases: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The cases. Default: my.cases.yaml beside my.yaml."),
    ] = None,
    require_coverage: Annotated[
        float,
        typer.Option(
            metavar="PERCENT", min=0.0, max=100.0, help="Fail where fewer of the rules fire."
        ),
    ] = 0.0,
) -> int:
    """Decide the cases beside a policy, and compare with the decisions that are expected.

    Tells the rules that no case makes fire, too.
    """
    policy = load_policy(file)
    known, items = load_cases(file, policy, cases)
    try:
        outcomes = run(Program(policy), known, items)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    covered = coverage(policy, outcomes)
    console = Console()
    for part in policyshow.tried(policy, outcomes, covered):
        console.print(part, soft_wrap=True)
    short = 100 * covered.share < require_coverage
    if short:
        complain(f"{100 * covered.share:.0f} % of the rules fire, not {require_coverage:g} %")
    failed = any(outcome.mismatches for outcome in outcomes)
    return exits.ACT if failed or short else exits.OK


@app.command()
def explain(
    file: Policy,
    category: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Only thresholds of this category. May be repeated."),
    ] = None,
    surface: Surface = None,
    locale: Locale = None,
    context: Context = None,
    account_days: AccountDays = None,
) -> int:
    """Say in plain words what a policy does, with an item of which nothing or this is stated.

    (For a decision: tidegate explain ITEM.json.)
    """
    policy = load_policy(file)
    for one in category or ():
        if one not in taxonomy.detectable():
            raise typer.BadParameter(f"--category: {one!r} is no category that is scored")
    stated = facts.stated(policy, surface, locale, context, account_days)
    console = Console()
    console.print(policyshow.explanation(policy, stated, tuple(category or ())))
    return exits.OK


@app.command(
    epilog="Exit status: [bold]0[/] they decide alike, [bold]1[/] they differ, [bold]64[/] one "
    "does not load."
)
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=FILE)],
    new: Annotated[str, typer.Argument(metavar="NEW", help=FILE)],
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> int:
    """Say in words in what two policies differ: what is stricter or weaker, for which items."""
    try:
        found = difference(load_policy(old), load_policy(new))
    except TooManyKindsError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    else:
        console = Console()
        for part in policyshow.differing(found):
            console.print(part, soft_wrap=True)
    return exits.ACT if found.changes else exits.OK


@app.command("list")
def list_() -> int:
    """List the policies that come with Tidegate."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("name", "version", "what it does"):
        table.add_column(column, overflow="fold")
    for name, text in shipped().items():
        policy = parse(text, f"{name}.yaml")
        table.add_row(name, str(policy.version), policy.title)
    Console().print(table)
    return exits.OK


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As 'tidegate policy list' has it.")],
    cases: Annotated[bool, typer.Option("--cases", help="Its cases instead.")] = False,
) -> int:
    """Print a policy that comes with Tidegate, to start from: show default > my.yaml."""
    texts = shipped_cases() if cases else shipped()
    if name not in texts:
        raise typer.BadParameter(f"{name!r} does not come along; there are {', '.join(texts)}")
    sys.stdout.write(texts[name])
    return exits.OK
