import io

import numpy as np
from PIL import Image

from tidegate.report import thumbnail


def test_a_thumbnail_is_a_small_jpeg_without_metadata() -> None:
    rgb = np.zeros((300, 900, 3), np.uint8)
    rgb[:, :, 0] = 200
    picture = thumbnail(rgb, 1.5)
    assert (picture.second, picture.width, picture.height) == (1.5, 360, 120)
    with Image.open(io.BytesIO(picture.jpeg)) as image:
        assert image.format == "JPEG"
        assert image.size == (360, 120)
        assert not image.getexif()
        assert "icc_profile" not in image.info
        red, green, _ = np.asarray(image).mean(axis=(0, 1))
    assert red > 190 > 20 > green


def test_small_pictures_are_not_enlarged() -> None:
    picture = thumbnail(np.zeros((1, 20, 3), np.uint8), 0.0)
    assert (picture.width, picture.height) == (20, 1)


def test_a_very_thin_picture_keeps_a_pixel() -> None:
    assert thumbnail(np.zeros((2, 5000, 3), np.uint8), 0.0).height == 1
