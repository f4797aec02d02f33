"""Comparing says what a scan would say, from either side."""

from typing import get_args

import numpy as np
import pytest
from PIL import Image

import tidegate
from demo import media
from tests.clips import encode, truncated
from tidegate import hashing
from tidegate.evidence import Transform
from tidegate.matching import add_entries
from tidegate.media import Reader
from tidegate.pipeline import SAMPLING, Found, compare, enrol
from tidegate.report.pictures import turn

SIZE = (320, 180)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A clip, a video with two pieces of it in the other order, and a video with a photo."""
    folder = tmp_path_factory.mktemp("compare")
    frames = list(media.frames("bikes.mp4", SIZE))
    photo = next(media.panned("rocket.jpg", 0.04, SIZE))
    between = list(media.panned("retina.jpg", 3.0, SIZE))
    for name, shown, crf in (
        ("clip.mp4", frames, 18),
        ("pieces.mp4", [*frames[150:250], *between, *frames[:100]], 26),
        ("slides.mp4", [*between, *[photo] * 75, *between, *[photo] * 75], 23),
        ("whole.mp4", frames[:150], 23),
    ):
        options = {"crf": str(crf), "preset": "veryfast"}
        encode(folder / name, shown, options=options, muxer={"movflags": "faststart"})
    Image.fromarray(photo[:, ::-1]).save(folder / "photo.png")
    truncated(folder / "whole.mp4", folder / "cut.mp4", 0.6)
    return folder


@pytest.fixture(scope="module")
def against(folder):
    with Reader() as reader:

        def against(a, b, **options):
            return compare(Found(folder / a, True), Found(folder / b, True), reader, **options)

        yield against


def test_it_says_what_a_scan_says(folder, against):
    with Reader(sampling=SAMPLING) as reader:
        found = Found(folder / "clip.mp4", True)
        entry = enrol(found, reader, "1", category=None, note="", added="").entry
    bank = add_entries(tidegate.Bank(name="clips"), [entry])
    with tidegate.Scanner(banks=[bank], detectors=(), jobs=1) as scanner:
        matches = scanner.scan(folder / "pieces.mp4").evidence.matches
    made = against("pieces.mp4", "clip.mp4").comparison
    assert len(made.pieces) == 2
    assert [(p.distance, p.a, p.b, p.transform, p.speed) for p in made.pieces] == [
        (m.distance, m.span, m.entry_span, m.transform, m.speed)
        for m in sorted(matches, key=lambda m: m.span.start)
    ]
    assert (made.a_share, made.b_share) == (matches[0].query_share, matches[0].entry_share)


def test_pieces_in_another_order(against):
    made = against("pieces.mp4", "clip.mp4").comparison
    later, earlier = made.pieces
    assert (later.a.start, later.b.start) == pytest.approx((0.0, 6.0), abs=0.5)
    assert (earlier.a.start, earlier.b.start) == pytest.approx((7.0, 0.0), abs=0.5)
    assert made.a_share == pytest.approx(8 / 11, abs=0.1)
    assert made.b_share == pytest.approx(0.8, abs=0.1)
    assert (made.verdict, made.complete) == ("same", True)


def test_pairs_are_frames_that_show_the_same(against):
    _, pairs = against("pieces.mp4", "clip.mp4", pictures=True)
    assert {pair.piece for pair in pairs} == {0, 1}
    assert len(pairs) == 12
    near = [pair.distance is not None and pair.distance <= 31 for pair in pairs]
    assert sum(near) >= 10
    for pair in pairs:
        assert (pair.a.second < 4.2) == (pair.piece == 0)
        shift = pair.b.second - pair.a.second
        assert shift == pytest.approx(6.0 if pair.piece == 0 else -7.0, abs=0.6)


@pytest.mark.parametrize("names", [("photo.png", "slides.mp4"), ("slides.mp4", "photo.png")])
def test_every_stretch_in_which_a_video_shows_a_picture(against, names):
    made, pairs = against(*names, pictures=True)
    film = "a" if names[0] == "slides.mp4" else "b"
    spans = [getattr(piece, film) for piece in made.pieces]
    assert [span.start for span in spans] == pytest.approx([3.0, 9.0], abs=0.5)
    assert [span.end for span in spans] == pytest.approx([6.0, 12.0], abs=0.5)
    assert {piece.transform for piece in made.pieces} == {"flip_horizontal"}
    assert getattr(made, f"{film}_share") == pytest.approx(0.5, abs=0.05)
    assert all(pair.distance <= 31 for pair in pairs)
    assert made.nearest.distance == made.pieces[0].distance
    bits = hashing.hamming(bytes.fromhex(made.nearest.a_pdq), bytes.fromhex(made.nearest.b_pdq))
    assert bits == made.nearest.distance


@pytest.mark.parametrize("transform", get_args(Transform))
def test_a_turned_picture_is_shown_in_the_position_that_matched(
    against, folder, tmp_path, transform
):
    photo = np.asarray(media.photo("rocket.jpg"))
    Image.fromarray(photo).save(folder / "upright.png")
    (back,) = [
        t
        for t in get_args(Transform)
        if np.array_equal(
            turn(turn(np.arange(6).reshape(2, 3), transform), t), [[0, 1, 2], [3, 4, 5]]
        )
    ]
    Image.fromarray(np.ascontiguousarray(turn(photo, transform))).save(folder / "turned.png")
    made, (pair,) = against("turned.png", "upright.png", pictures=True)
    assert (made.pieces[0].transform, made.pieces[0].distance) == (back, 0)
    assert (pair.a.jpeg, pair.distance) == (pair.b.jpeg, 0)


def test_turn_is_the_position_that_is_hashed():
    photo = np.asarray(media.photo("rocket.jpg"))
    hashes, _ = hashing.dihedral(photo)
    for transform, row in zip(get_args(Transform), hashes, strict=True):
        turned = np.ascontiguousarray(turn(photo, transform))
        assert hashing.hamming(hashing.pdq(turned).hash, row.tobytes()) <= 2


def test_a_video_that_ends_too_early_is_never_different(against):
    made = against("cut.mp4", "slides.mp4").comparison
    assert (made.verdict, made.complete) == ("unknown", False)
    made = against("cut.mp4", "clip.mp4").comparison
    assert (made.verdict, made.complete) == ("same", False)
    assert made.a.unknowns


def test_unrelated_videos_show_their_nearest_frames(against):
    made, (pair,) = against("clip.mp4", "slides.mp4", pictures=True)
    assert (made.verdict, made.complete, made.pieces) == ("different", True, ())
    assert (made.a_share, made.b_share) == (0.0, 0.0)
    assert made.nearest.distance > 31
    assert (pair.a.second, pair.b.second) == (made.nearest.a, made.nearest.b)
    assert pair.distance == made.nearest.distance


def test_a_video_is_all_of_itself(against):
    made = against("clip.mp4", "clip.mp4").comparison
    assert made.exact == "sha256"
    assert (made.a_share, made.b_share) == (1.0, 1.0)
