"""Writes the recorded results into the README of this folder, and draws them.

No figure is typed by hand: all that stands between two markers is written here.
"""

import re
from pathlib import Path

from benchmarks import record
from benchmarks.duel import Goal, Row, Spread
from benchmarks.plots import draw, drawn
from benchmarks.record import Run, figure, times

README = Path(__file__).parent / "README.md"

TOPICS = (
    *("hashing", "index", "video", "trimmed", "video_index"),
    *("confinement", "detectors", "guard", "policy", "service", "console"),
)

_SECTION = "<!-- {0} -->\n{1}<!-- /{0} -->"


def main() -> None:
    """Write all sections and plots."""
    text = README.read_text()
    recorded = {topic: record.load(topic) for topic in TOPICS}
    text = _fill(text, "goals", _goals(recorded))
    for topic, runs in recorded.items():
        text = _fill(text, topic, _topic(topic, runs) if runs else "Not measured yet.\n")
        if runs and drawn(runs[0]):
            draw(topic, runs[0])
    README.write_text(text)


def _fill(text: str, name: str, content: str) -> str:
    """Put content between the markers of a section."""
    section = re.compile(_SECTION.format(re.escape(name), ".*?"), re.DOTALL)
    if len(section.findall(text)) != 1:
        raise ValueError(f"the README has no section {name}, or more than one")
    return section.sub(lambda _: _SECTION.format(name, content), text)


def _goals(recorded: dict[str, tuple[Run, ...]]) -> str:
    """Return the table of all rows that have a goal."""
    lines = ["| case | peer | goal | newest run | run before | |", "|---|---|---|---|---|---|"]
    for runs in recorded.values():
        for row in runs[0].rows if runs else ():
            if row.goal is not None:
                before = _before(row, runs)
                lines.append(
                    f"| {row.case} | {row.peer} | {_goal(row.goal, row.unit)} | {_reached(row)} "
                    f"| {_reached(before) if before else '–'} | {_verdict(row, before)} |"
                )
    return "\n".join(lines) + "\n"


def _topic(topic: str, runs: tuple[Run, ...]) -> str:
    """Return the table, the plot and the circumstances of a topic."""
    newest = runs[0]
    lines = [
        "| case | ours | peer | peer's | ratio (min – max) | n | run before |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in newest.rows:
        before = _before(row, runs)
        lines.append(
            f"| {row.case} | {_told(row.ours, row)} | {row.peer} "
            f"| {_told(row.theirs, row) if row.theirs else '–'} "
            f"| {times(row.ratio) if row.ratio else '–'} | {row.rounds} "
            f"| {_reached(before) if before else '–'} |"
        )
    versions = ", ".join(f"{name} {version}" for name, version in newest.versions.items())
    plot = f"![{topic}](plots/{topic}.svg)\n\n" if drawn(newest) else ""
    return (
        "\n".join(lines)
        + f"\n\n{plot}"
        + f"{newest.date}, commit {newest.commit}, {newest.machine}, load before the run "
        + f"{newest.load:g}; {versions}. The run took {newest.seconds / 60:.0f} minutes.\n"
    )


def _told(spread: Spread, row: Row) -> str:
    """Return a median; a share with its interval."""
    if row.unit == "%" and spread.low != spread.high:
        return f"{spread.median:.1f} % ({spread.low:.0f} – {spread.high:.0f})"
    return figure(spread.median, row.unit)


def _reached(row: Row) -> str:
    """Return what a row is judged by."""
    if row.goal is not None and row.goal.ratio is None:
        return figure(row.ours.median, row.unit)
    return times(row.ratio) if row.ratio else figure(row.ours.median, row.unit)


def _goal(goal: Goal, unit: str) -> str:
    if goal.ratio is not None:
        return f"≥ {goal.ratio:g}×"
    return f"≥ {goal.least:g} {unit}" if goal.least is not None else f"≤ {goal.most:g} {unit}"


def _verdict(row: Row, before: Row | None) -> str:
    """A goal is reached when every run that is kept reaches it."""
    return "met" if row.met and (before is None or before.met) else "**not met**"


def _before(row: Row, runs: tuple[Run, ...]) -> Row | None:
    """Return the same row of the run before."""
    for run in runs[1:]:
        for other in run.rows:
            if (other.case, other.peer) == (row.case, row.peer):
                return other
    return None


if __name__ == "__main__":
    main()
