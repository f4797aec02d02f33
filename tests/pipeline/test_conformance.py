"""The reference's own data: every frame of its clips, hashed by our decoder and our PDQ."""

import csv
import os
from pathlib import Path

import pytest

from tidegate import hashing
from tidegate.media import Reader, Sampling, open_source

FOLDER = Path(os.environ.get("CONFORMANCE_DATA", Path(__file__).parents[3] / "shared/conformance"))

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="no conformance data: set CONFORMANCE_DATA to its folder"
)


def hashes(path):
    with Reader(sampling=Sampling(gap=0)) as reader, open_source(path) as source:
        reading = reader.read(source, colour=False)
        found = [hashing.pdq(frame.picture, limited=frame.limited) for frame in reading]
        assert reading.unknowns == []
    return found


@pytest.mark.parametrize("clip", sorted(p.stem for p in FOLDER.glob("vpdq/*.mp4")))
def test_every_frame_of_a_clip_is_as_the_reference_has_it(clip):
    with (FOLDER / "vpdq" / f"{clip}.txt").open() as file:
        expected = [(int(quality), bytes.fromhex(pdq)) for _, quality, pdq, _ in csv.reader(file)]
    found = hashes(FOLDER / "vpdq" / f"{clip}.mp4")
    assert len(found) == len(expected)
    telling = [
        hashing.hamming(ours.hash, theirs)
        for ours, (quality, theirs) in zip(found, expected, strict=True)
        if quality >= 80
    ]
    assert telling
    assert sum(distance <= 10 for distance in telling) >= 0.999 * len(telling)


def test_the_pictures_are_as_the_reference_has_them():
    with (FOLDER / "pdq" / "expected.csv").open() as file:
        for row in csv.DictReader(file):
            (found,) = hashes(FOLDER / "pdq" / row["file"])
            distance = hashing.hamming(found.hash, bytes.fromhex(row["hash"].zfill(64)))
            assert distance <= int(row["max_distance"]), row["file"]


def test_colour_modes_hash_as_their_rgb_twin():
    (twin,) = hashes(FOLDER / "pdq" / "bridge-aaa-orig.jpg")
    for path in sorted(FOLDER.glob("pdq/mode-*")):
        (found,) = hashes(path)
        # The reference exempts one bit a pixel, for it takes the bits for the values 0 and 1.
        assert hashing.hamming(found.hash, twin.hash) <= 10, path.name
