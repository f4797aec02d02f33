"""The demo's claim, tested: copies are found, with the right span, and nothing else is."""

import shutil

import pytest

import tidegate
from demo import media
from tidegate.matching import add_entries
from tidegate.media import Reader
from tidegate.pipeline import SAMPLING, Found, enrol


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("known-copies")


@pytest.fixture(scope="module")
def scanner(folder):
    clip = folder / "clip.mp4"
    media.write(clip, media.known_clip(), crf=18)
    entries = []
    with Reader(sampling=SAMPLING) as reader:
        for path in (*map(media.source, media.KNOWN), clip):
            enrolled = enrol(Found(path, True), reader, path.name, category=None, note="", added="")
            entries.append(enrolled.entry)
    bank = add_entries(tidegate.Bank(name="press-photos"), entries)
    with tidegate.Scanner(banks=[bank]) as scanner:
        yield scanner


def test_every_copy_is_found_as_a_copy_of_its_original(scanner, folder):
    copies = media.copies(folder / "copies")
    items = list(scanner.scan_many(sorted(copies)))
    assert len(items) == len(media.KNOWN) * len(media.COPIES)
    found = {
        path: [match.entry for match in item.evidence.matches]
        for path, item in zip(sorted(copies), items, strict=True)
    }
    assert found == {path: [original] for path, original in copies.items()}
    assert {item.decision.action for item in items} == {"remove"}


def test_a_mirrored_copy_says_how_it_was_turned(scanner, folder):
    path = folder / "mirrored.png"
    media.COPIES["mirrored"][1](media.photo("rocket.jpg")).save(path)
    (match,) = scanner.scan(path).evidence.matches
    assert match.transform == "flip_horizontal"


def test_the_same_bytes_are_met_by_their_digest(scanner, folder):
    path = folder / "renamed.bin"
    shutil.copy(media.source("rocket.jpg"), path)
    (match,) = scanner.scan(path).evidence.matches
    assert (match.kind, match.entry) == ("sha256", "rocket.jpg")


@pytest.mark.parametrize(
    ("piece", "begins_at"),
    [(media.PIECE, media.PIECE_AT), ((0.0, 10.0), 3.7), ((5.2, 15.2), 11.13)],
)
def test_ten_seconds_inside_a_longer_video_are_found_with_their_span(
    scanner, folder, piece, begins_at
):
    path = folder / f"holiday-{begins_at}.mp4"
    media.longer_video(path, piece, begins_at)
    item = scanner.scan(path)
    (match,) = item.evidence.matches
    length = piece[1] - piece[0]
    assert match.entry == "clip.mp4"
    assert match.span.start == pytest.approx(begins_at, abs=1.0)
    assert match.span.end == pytest.approx(begins_at + length, abs=1.0)
    assert match.entry_span.start == pytest.approx(piece[0], abs=1.0)
    assert match.entry_span.end == pytest.approx(piece[1], abs=1.0)
    assert match.query_share == pytest.approx(length / item.evidence.media.duration, abs=0.08)
    assert item.decision.action == "remove"


def test_nothing_is_found_in_unrelated_media(scanner):
    names = [*media.UNRELATED, "carphone_pristine.mp4"]
    items = list(scanner.scan_many(map(media.source, names)))
    assert len(items) == len(names)
    for item in items:
        assert item.evidence.matches == ()
        assert item.decision.action == "allow"
