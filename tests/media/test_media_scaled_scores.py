"""What a JPEG decoded smaller is for: a classifier's score of it is nearly the same."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo import media
from tests.clips import Rgb
from tests.media.media_seen import Seen
from tidegate.detectors import Classifier, models
from tidegate.detectors.preprocess import least_side
from tidegate.media import Reader


@pytest.fixture(scope="module")
def opennsfw() -> Classifier:
    (model,) = (model for model in models() if model.manifest.id == "opennsfw")
    return model.load()


def score(detector: Classifier, rgb: Rgb) -> float:
    return float(detector.scores([detector.prepare(rgb)])[0, 0])


@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "coffee.png"])
def test_scores_of_smaller_pictures(
    opennsfw: Classifier, reader: Reader, tmp_path: Path, name: str
) -> None:
    rng = np.random.default_rng(1)
    pixels = np.asarray(media.photo(name).resize((2200, 1650), Image.Resampling.LANCZOS))
    grainy = (pixels + rng.normal(0, 4, pixels.shape)).clip(0, 255).astype(np.uint8)
    Image.fromarray(grainy).save(tmp_path / "a.jpg", quality=90)
    with Reader(least_side=least_side(opennsfw.manifest.input)) as smaller:
        found = Seen(smaller, tmp_path / "a.jpg").rgb
    assert found.shape == (825, 1100, 3)
    whole = Seen(reader, tmp_path / "a.jpg").rgb
    assert score(opennsfw, found) == pytest.approx(score(opennsfw, whole), abs=0.02)
