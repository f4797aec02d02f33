"""Real pictures, from the packages that ship them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Photo = Callable[[str], NDArray[np.uint8]]


@pytest.fixture(scope="session")
def photo() -> Photo:
    skimage = pytest.importorskip("skimage", reason="pictures come from scikit-image")
    folder = Path(skimage.__file__).parent / "data"

    def load(name: str) -> NDArray[np.uint8]:
        with Image.open(folder / name) as picture:
            return np.asarray(picture.convert("RGB"))

    return load
