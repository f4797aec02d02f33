"""Formats, colour modes and orientations, by real photos."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.clips import Rgb, conformance, photo, picture
from tests.media.media_seen import Seen
from tidegate.media import Budget, Reader

PHOTO = np.asarray(picture())


def error(a: Rgb, b: Rgb) -> float:
    assert a.shape == b.shape
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("suffix", "format", "most"),
    [
        ("jpg", "jpeg", 6.0),
        ("png", "png", 0.0),
        ("webp", "webp", 4.0),
        ("avif", "avif", 4.0),
        ("heic", "heic", 5.0),
        ("gif", "gif", 12.0),
        ("bmp", "bmp", 0.0),
        ("tiff", "tiff", 0.0),
    ],
)
def test_formats(reader: Reader, tmp_path: Path, suffix: str, format: str, most: float) -> None:
    # The name lies; the content decides.
    path = save(tmp_path / f"a.{suffix}", picture()).rename(tmp_path / "a.txt")
    seen = Seen(reader, path)
    assert error(seen.rgb, PHOTO) <= most
    facts = seen.facts
    assert (facts.kind, facts.format, facts.width, facts.height) == ("image", format, 320, 240)
    assert (facts.frames_seen, facts.frames_judged, facts.duration) == (1, 1, 0.0)
    assert facts.notes == ()
    assert seen.unknowns == []


@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "rocket.jpg", "retina.jpg"])
def test_photos_as_pillow_sees_them(reader: Reader, name: str) -> None:
    with Image.open(photo(name)) as image:
        assert error(Seen(reader, photo(name)).rgb, np.asarray(image.convert("RGB"))) < 1


@pytest.mark.parametrize(("mode", "most"), [("L", 0), ("1", 0), ("P", 0)])
@pytest.mark.parametrize("suffix", ["png", "tiff", "gif", "bmp"])
def test_few_colours(reader: Reader, tmp_path: Path, mode: str, most: float, suffix: str) -> None:
    image = picture().convert(mode)
    seen = Seen(reader, save(tmp_path / f"a.{suffix}", image))
    assert error(seen.rgb, np.asarray(image.convert("RGB"))) <= most
    assert seen.facts.notes == ()


def test_grey_jpeg(reader: Reader, tmp_path: Path) -> None:
    grey = picture().convert("L")
    seen = Seen(reader, save(tmp_path / "a.jpg", grey))
    assert error(seen.rgb, np.asarray(grey.convert("RGB"))) < 6


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_cmyk_is_near_its_rgb_twin(reader: Reader, tmp_path: Path, suffix: str) -> None:
    seen = Seen(reader, save(tmp_path / f"a.{suffix}", picture().convert("CMYK")))
    assert error(seen.rgb, PHOTO) < 4
    assert seen.facts.notes == ("CMYK converted to RGB",)


def test_sixteen_bit_grey(reader: Reader, tmp_path: Path) -> None:
    grey = np.asarray(picture().convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    for suffix in ("png", "tiff"):
        seen = Seen(reader, save(tmp_path / f"a.{suffix}", deep))
        assert error(seen.rgb[..., 0], grey) == 0
        assert seen.facts.notes == ("16 bits a channel reduced to 8",)


def test_sixteen_bit_colour(reader: Reader, tmp_path: Path) -> None:
    import av

    wide = PHOTO.astype(np.uint16) * 257
    frame = av.VideoFrame.from_ndarray(wide, format="rgb48le").reformat(format="rgb48be")
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = 320, 240, "rgb48be"  # type: ignore[attr-defined]
    codec.time_base = 1  # type: ignore[assignment]
    (packet,) = codec.encode(frame)  # type: ignore[attr-defined]
    path = tmp_path / "a.png"
    path.write_bytes(bytes(packet))
    seen = Seen(reader, path)
    assert error(seen.rgb, PHOTO) <= 1
    assert seen.facts.notes == ("16 bits a channel reduced to 8",)


def test_float_tiff(reader: Reader, tmp_path: Path) -> None:
    grey = np.asarray(picture().convert("L"))
    unit = Seen(reader, save(tmp_path / "a.tiff", Image.fromarray(grey.astype(np.float32) / 255)))
    assert error(unit.rgb[..., 0], grey) < 1
    wide = Image.fromarray(grey.astype(np.float32) * 100 - 5000)
    seen = Seen(reader, save(tmp_path / "b.tiff", wide))
    assert np.corrcoef(seen.rgb[..., 0].ravel(), grey.ravel())[0, 1] > 0.999
    assert "stretched" in seen.facts.notes[0]


def test_no_number_in_a_float_tiff(reader: Reader, tmp_path: Path) -> None:
    empty = Image.fromarray(np.full((20, 30), np.nan, np.float32))
    assert Seen(reader, save(tmp_path / "a.tiff", empty)).rgb.max() == 0


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_alpha_on_white(reader: Reader, tmp_path: Path, mode: str, suffix: str) -> None:
    image = picture().convert(mode)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    white = Image.new("RGBA", image.size, "white")
    expected = np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    seen = Seen(reader, save(tmp_path / f"a.{suffix}", image, **options))
    assert error(seen.rgb, expected) <= 1
    assert seen.facts.notes == ("transparency shown on white",)


def test_opaque_alpha_is_no_note(reader: Reader, tmp_path: Path) -> None:
    seen = Seen(reader, save(tmp_path / "a.png", picture().convert("RGBA")))
    assert error(seen.rgb, PHOTO) == 0
    assert seen.facts.notes == ()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_one_transparent_colour(reader: Reader, tmp_path: Path, mode: str) -> None:
    black = Image.new("RGB", (40, 20), "black")
    black.paste("red" if mode in ("RGB", "P") else "white", (0, 0, 20, 20))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(black.convert("L")).astype(np.uint16) * 257)
    else:
        image = black.convert(mode)
    key: object = (0, 0, 0) if mode == "RGB" else image.getpixel((30, 10))
    seen = Seen(reader, save(tmp_path / "a.png", image, transparency=key))
    assert seen.rgb[10, 30].tolist() == [255, 255, 255]
    assert seen.facts.notes[-1] == "transparency shown on white"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif", "heic"])
def test_orientation(reader: Reader, tmp_path: Path, suffix: str, orientation: int) -> None:
    image = picture(size=(96, 64))
    exif = Image.Exif()
    exif[0x0112] = orientation
    # As bytes, pillow-heif turns it into the boxes that HEIC has for it.
    path = save(tmp_path / f"a.{suffix}", image, exif=exif.tobytes())
    exif_image = image.copy()
    exif_image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(exif_image))
    seen = Seen(reader, path)
    assert error(seen.rgb, expected) < 8
    facts = seen.facts
    assert (facts.height, facts.width) == expected.shape[:2]
    assert facts.orientation == (1 if suffix == "heic" else orientation)


def test_broken_exif_is_ignored(reader: Reader, tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", picture(), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\xff")
    seen = Seen(reader, path)
    assert error(seen.rgb, PHOTO) < 6
    assert seen.unknowns == []


@pytest.mark.parametrize("size", [(1, 1), (1, 999), (999, 1)])
def test_thin_pictures(reader: Reader, tmp_path: Path, size: tuple[int, int]) -> None:
    for suffix in ("png", "jpg", "gif", "webp"):
        seen = Seen(reader, save(tmp_path / f"a.{suffix}", Image.new("RGB", size, "red")))
        assert seen.rgb.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "avif", "heic", "bmp", "tiff"])
def test_too_many_pixels_are_refused_by_the_header(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", picture())
    with Reader(Budget(pixels=320 * 240 - 1)) as reader:
        seen = Seen(reader, path)
    assert seen.frames == []
    assert seen.causes == ["too_many_pixels"]
    assert seen.unknowns[0].detail == (
        "76,800 pixels a frame are over the budget of 76,799 (budget.pixels)"
    )


def test_as_many_pixels_as_allowed(tmp_path: Path) -> None:
    with Reader(Budget(pixels=320 * 240)) as reader:
        for suffix in ("png", "jpg", "gif", "webp", "avif", "heic", "bmp", "tiff"):
            seen = Seen(reader, save(tmp_path / f"a.{suffix}", picture()))
            assert seen.causes == [], suffix


def test_conformance_colour_modes(reader: Reader) -> None:
    folder = conformance()
    if folder is None:
        pytest.skip("no conformance data: set CONFORMANCE_DATA")
    original = Seen(reader, folder / "pdq" / "bridge-aaa-orig.jpg").rgb
    for path in sorted((folder / "pdq").glob("mode-*")):
        seen = Seen(reader, path)
        grey = original.mean(axis=-1).ravel()
        assert seen.unknowns == []
        least = 0.4 if path.name == "mode-1.png" else 0.97
        assert np.corrcoef(seen.rgb.mean(axis=-1).ravel(), grey)[0, 1] > least, path.name


def test_what_looks_like_a_scan_behind_the_picture_is_none(tmp_path: Path) -> None:
    path = tmp_path / "motion.jpg"
    picture().save(path)
    with path.open("ab") as file:
        file.write(b"\xff\xda\x00\x02" * 5000)
    budget = Budget(total_pixels=2 * 320 * 240)
    with Reader(budget) as reader:
        assert Seen(reader, path).causes in ([], ["corrupt"])
        assert len(Seen(reader, path).frames) == 1


def test_each_scan_costs_as_much_as_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "scans.jpg"
    picture().save(path)
    data = path.read_bytes()
    start = data.index(b"\xff\xda")
    path.write_bytes(data[:start] + data[start:-2] * 40 + data[-2:])
    with Reader(Budget(total_pixels=39 * 320 * 240)) as reader:
        seen = Seen(reader, path)
    assert seen.frames == []
    assert seen.causes == ["too_many_pixels"]
    assert "(budget.total_pixels)" in seen.unknowns[0].detail


def test_a_thumbnail_is_no_scan_where_it_matters(tmp_path: Path) -> None:
    small, path = tmp_path / "small.jpg", tmp_path / "a.jpg"
    picture().resize((64, 48)).save(small)
    picture().save(path)
    data, thumbnail = path.read_bytes(), small.read_bytes()
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    path.write_bytes(data[:2] + segment + data[2:])
    with Reader(Budget(total_pixels=320 * 240)) as reader:
        seen = Seen(reader, path)
    assert (len(seen.frames), seen.causes) == (1, [])


def test_scans_do_not_hide_behind_a_reserved_marker(tmp_path: Path) -> None:
    path = tmp_path / "hidden.jpg"
    picture().save(path)
    data = path.read_bytes()
    start = data.index(b"\xff\xda")
    scan = data[start:-2]
    path.write_bytes(data[:start] + (scan + b"\xff\x02\xff\xff") * 40 + data[-2:])
    with Reader(Budget(total_pixels=30 * 320 * 240)) as reader:
        seen = Seen(reader, path)
    assert seen.causes == ["too_many_pixels"]
