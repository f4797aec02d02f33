import numpy as np
import pytest
from PIL import Image

from demo import media
from tidegate import hashing
from tidegate.media import Reader, open_source


@pytest.fixture(scope="module")
def reader():
    with Reader(grey=True) as reader:
        yield reader


def only(reader, path, *, colour=False):
    with open_source(path) as source:
        reading = reader.read(source, colour=colour)
        ((frame, picture),) = [(frame, frame.picture.copy()) for frame in reading]
        assert reading.unknowns == []
    return frame, picture


def test_a_jpeg_comes_as_its_luma(reader, tmp_path):
    media.photo("coffee.png").save(tmp_path / "photo.jpg", quality=85)
    frame, luma = only(reader, tmp_path / "photo.jpg")
    assert frame.rgb is None
    assert not frame.limited
    with Image.open(tmp_path / "photo.jpg") as picture:
        picture.draft("L", None)
        assert np.abs(luma.astype(int) - np.asarray(picture.convert("L"))).max() <= 1
        exact = hashing.pdq(np.asarray(Image.open(tmp_path / "photo.jpg")))
    found = hashing.pdq(luma)
    assert hashing.hamming(found.hash, exact.hash) <= 8
    assert abs(found.quality - exact.quality) <= 1


def test_it_is_upright(reader, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = media.photo("coffee.png")
    photo.save(tmp_path / "turned.jpg", exif=exif)
    photo.save(tmp_path / "plain.jpg")
    _, turned = only(reader, tmp_path / "turned.jpg")
    _, plain = only(reader, tmp_path / "plain.jpg")
    assert (turned == np.rot90(plain, -1)).all()


def test_colour_is_there_where_it_is_asked_for(reader, tmp_path):
    media.photo("coffee.png").save(tmp_path / "photo.jpg")
    frame, rgb = only(reader, tmp_path / "photo.jpg", colour=True)
    assert frame.luma is None
    assert rgb.shape[2] == 3


def test_what_is_no_jpeg_is_exact_all_the_same(reader, tmp_path):
    photo = media.photo("coffee.png")
    photo.save(tmp_path / "photo.png")
    frame, rgb = only(reader, tmp_path / "photo.png")
    assert frame.luma is None
    assert (rgb == np.asarray(photo.convert("RGB"))).all()
