import base64
import re
from collections.abc import Callable
from html.parser import HTMLParser

import msgspec
import pytest

from tidegate import taxonomy
from tidegate.evidence import Item, Report
from tidegate.report import Picture, peaks, render, withheld


class Page(HTMLParser):
    """Tags with attributes, and the text outside the style sheet."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] and self.tags[-1][0] != "style":
            self.text += data

    def names(self) -> set[str]:
        return {tag for tag, _ in self.tags}


def card(html: str, name: str) -> str:
    return next(part for part in html.split("<article ")[1:] if f"<bdi>{name}</bdi>" in part)


def encoded(picture: Picture) -> str:
    return base64.b64encode(picture.jpeg).decode()


@pytest.fixture(scope="module")
def html(report: Report, pictures: dict[int, list[Picture]]) -> str:
    return render(report, pictures, "uploads/2024-05")


def test_the_file_loads_nothing(html: str) -> None:
    page = Page(html)
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/jpeg;base64,", "#"))
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert page.names().isdisjoint({"script", "link", "iframe", "object", "embed", "base", "form"})
    assert not re.search(r"https?://|@import", html)
    assert re.findall(r"url\(([^)]*)\)", html) == ["#hatch"]


def test_the_policy_of_the_page_allows_nothing_else(html: str) -> None:
    policy = next(a["content"] for t, a in Page(html).tags if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_strongest_first_then_by_path(html: str) -> None:
    actions = re.findall(r'<article class="item action-(\w+)', html)
    assert actions == ["quarantine", "remove", "remove", "review", "allow", "allow"]
    assert html.index("launch-compilation.mp4</bdi>") < html.index("breakfast table.jpg</bdi>")


def test_the_head_counts_and_says_what_is_not_covered(html: str) -> None:
    text = " ".join(Page(html).text.split())
    assert "6 items. 3 to act on, 1 not judged." in text
    assert "3 other files skipped" in text
    assert "Looked for Sexually explicit. Known content in the banks press-photos" in text
    missing = text.partition("Not covered ")[2].partition(" Known content")[0]
    titles = [taxonomy.get(c).title for c in taxonomy.detectable() if c != "sexual.explicit"]
    assert missing == ", ".join(titles) + "."
    assert "Interrupted" not in text


def test_interrupted_is_said(allowed: Item, report_of: Callable[..., Report]) -> None:
    assert "Interrupted: the scan was stopped" in render(
        report_of(allowed, interrupted=True), {}, "t"
    )


def test_without_banks_known_content_was_not_looked_for(
    allowed: Item, report_of: Callable[..., Report]
) -> None:
    evidence = msgspec.structs.replace(allowed.evidence, banks=(), covered=())
    item = msgspec.structs.replace(allowed, evidence=evidence)
    html = render(report_of(item), {}, "t")
    assert "Known content: no bank was asked." in html
    assert "No category: no detector answered." in html


def test_reasons_come_with_rule_bounds_and_note(html: str) -> None:
    text = card(html, "launch-compilation.mp4")
    assert "banks.press-photos.remove" in text
    assert "distance 9 ≤ 31" in text
    assert "share of the entry 83 % ≥ 50 %" in text
    assert "Agency clip, licence withdrawn" in text
    assert "1 rule nearly fired" in text


def test_a_silenced_reason_says_by_what(html: str) -> None:
    text = card(html, "IMG_20240511_140233_HDR.jpg")
    assert 'class="action-review overruled"' in text
    assert "overruled by <code>banks.own-press.allow</code>" in text


def test_unknown_is_said_and_never_clean(html: str) -> None:
    broken = card(html, "holiday.jpg")
    assert "not judged" in broken
    assert "no JPEG scan could be decoded" in broken
    partly = card(html, "launch-compilation.mp4")
    assert "unknown in part" in partly
    assert "truncated: the file ends at 00:25" in partly
    assert "clean" not in Page(html).text.lower()


def test_frames_are_labelled_with_what_peaked(html: str) -> None:
    text = card(html, "launch-compilation.mp4")
    assert re.search(r"<b>00:18</b><span>press-photos / 12: 9 bits</span>", text)
    assert re.search(r"<b>00:0\d</b><span>Sexually explicit, score 0\.9\d</span>", text)
    assert text.count("data:image/jpeg") == 2


def test_peaks_are_those_of_matches_and_signals(video: Item) -> None:
    assert [peak.category for peak in peaks(video.evidence)] == ["known.other", "sexual.explicit"]


def test_a_withheld_picture_is_not_in_the_file(
    html: str, report: Report, pictures: dict[int, list[Picture]]
) -> None:
    for index, item in enumerate(report.items):
        present = [encoded(picture) in html for picture in pictures.get(index, ())]
        assert present == [not withheld(item)] * len(present)
    text = card(html, "0093.jpg")
    assert "No picture of it is in this file" in text
    assert "<img" not in text
    assert "f8a1" not in text


def test_known_abuse_material_is_withheld_whatever_the_policy_says(
    quarantined: Item, pictures: dict[int, list[Picture]], report_of: Callable[..., Report]
) -> None:
    lenient = msgspec.structs.replace(quarantined.decision, action="allow")
    item = msgspec.structs.replace(quarantined, decision=lenient)
    assert withheld(item)
    assert encoded(pictures[4][0]) not in render(report_of(item), {0: pictures[4]}, "t")


def test_hostile_text_stays_text(hostile: Report, pictures: dict[int, list[Picture]]) -> None:
    html = render(hostile, {0: pictures[0]}, "<img src=x onerror=alert(1)>\u202e")
    page = Page(html)
    assert "script" not in page.names()
    assert "alert(1)" in page.text
    assert "⟨U+202E⟩" in page.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f]", html)
    assert html.encode("utf-8")


def test_an_empty_report_is_a_page(report_of: Callable[..., Report]) -> None:
    assert "0 items. None to act on." in render(report_of(), {}, "empty")
