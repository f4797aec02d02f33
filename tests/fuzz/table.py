"""The outcomes of a run, for people."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.fuzz.outcome import Outcome
from tests.fuzz.run import memories, notable, violations


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield a table of the formats, the files worth a look, and what must not be."""
    yield f"{'format':10}{'files':>7}{'judged':>8}{'crashed':>9}{'slowest':>9}  causes"
    for format in sorted({outcome.format for outcome in outcomes}):
        yield _row(format, [outcome for outcome in outcomes if outcome.format == format])
    yield _row("all", outcomes)
    for outcome in filter(notable, outcomes):
        yield f"{outcome.number}: {outcome.format} ({outcome.seed}), {outcome.seconds:.1f} s"
        yield from (f"    {detail}" for detail in outcome.details)
    for parent, (start, end) in memories(outcomes).items():
        yield f"parent {parent} held {start / 1e6:.1f} MB early on, {end / 1e6:.1f} MB at the end"
    wrong = violations(outcomes)
    yield f"{len(wrong)} violations"
    yield from wrong


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    judged = sum(outcome.frames > 0 for outcome in outcomes)
    crashed = sum("crashed" in outcome.causes for outcome in outcomes)
    slowest = max(outcome.seconds for outcome in outcomes)
    causes = Counter(cause for outcome in outcomes for cause in set(outcome.causes))
    words = ", ".join(f"{cause} {count}" for cause, count in causes.most_common())
    return f"{name:10}{len(outcomes):7}{judged:8}{crashed:9}{slowest:8.2f}s  {words}"
