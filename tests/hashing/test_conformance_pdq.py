"""The reference's own pictures and hashes; see shared/conformance/README.md."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tidegate.hashing import Pdq, hamming, pdq

DEFAULT = Path(__file__).parents[3] / "shared" / "conformance"
FOLDER = Path(os.environ.get("CONFORMANCE_DATA", DEFAULT)) / "pdq"
MODES = ("mode-CMYK.jpg", "mode-HSV.webp", "mode-L.png", "mode-LA.png", "mode-P.png")
MODES += ("mode-RGBA.png", "mode-YCbCr.jpg")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no conformance data in {FOLDER}")


def hashed(name: str) -> Pdq:
    with Image.open(FOLDER / name) as picture:
        return pdq(np.asarray(ImageOps.exif_transpose(picture).convert("RGB")))


def test_pictures_are_as_near_as_the_reference_asks() -> None:
    with (FOLDER / "expected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        found = hashed(row["file"])
        assert found.quality >= 80
        assert hamming(found.hash, bytes.fromhex(row["hash"])) <= int(row["max_distance"])


@pytest.mark.parametrize("name", MODES)
def test_colour_modes_hash_as_their_rgb_twin(name: str) -> None:
    assert hamming(hashed(name).hash, hashed("bridge-aaa-orig.jpg").hash) <= 10
