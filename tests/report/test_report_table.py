import io
from collections.abc import Callable

from rich.console import Console, RenderableType

from tidegate.evidence import Item, Report
from tidegate.report import summary, table


def shown(what: RenderableType) -> str:
    console = Console(width=160, file=io.StringIO(), force_terminal=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if name in line)


def test_each_item_has_decision_reason_and_time(report: Report) -> None:
    text = shown(table(report))
    line = row(text, "launch-compilation.mp4")
    assert "remove" in line
    assert "9 bits from entry 12 of bank press-photos" in line
    assert line.rstrip().endswith("1.9 s")


def test_not_judged_is_never_shown_as_allowed(report: Report) -> None:
    line = row(shown(table(report)), "holiday.jpg")
    assert "review, not judged" in line
    assert "corrupt" in line
    assert "allow" not in line


def test_order_is_the_reports(report: Report) -> None:
    text = shown(table(report))
    names = [item.path.rpartition("/")[2] for item in report.items]
    assert [text.index(name) for name in names] == sorted(text.index(name) for name in names)


def test_hostile_names_are_text(hostile: Report) -> None:
    text = shown(table(hostile, path_width=80)) + shown(summary(hostile))
    assert "[bold red]" in text
    assert "⟨U+202E⟩" in text
    assert "⟨U+001B⟩" in text
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_summary_counts_and_lists_what_was_not_judged(report: Report) -> None:
    text = summary(report).plain
    assert text.startswith("6 items · 1 quarantine · 2 remove · 1 review · 2 allow")
    assert "3 files skipped" in text
    assert "1 item could not be judged:" in text
    assert "uploads/2024-05/photos/holiday.jpg\n    corrupt: no JPEG scan" in text


def test_summary_of_clean_run_is_short(allowed: Item, report_of: Callable[..., Report]) -> None:
    counts, lacking = summary(report_of(allowed)).plain.splitlines()
    assert counts == "1 item · 1 allow"
    assert lacking.startswith("Not covered by any detector: sexual.activity, ")
    assert "violence.gore" in lacking
    assert not {"sexual.explicit", "known.other"} & set(lacking.replace(",", "").split())
