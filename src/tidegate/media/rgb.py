"""From any of Pillow's modes to upright 8-bit RGB, as a viewer on white would show it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile

ON_WHITE = "transparency shown on white"
SIXTEEN = "16 bits a channel reduced to 8"
CMYK = "CMYK converted to RGB"
STRETCHED = "values outside 0 to 255 stretched from lowest to highest"

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_ORIENTATION = 0x0112


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none that makes sense."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # Broken EXIF does not make the pixels unreadable.
        return 1
    return value if value in _TURNS else 1


def upright(image: Image.Image, turn: int) -> Image.Image:
    """Return the picture with an EXIF orientation applied."""
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def upright_size(width: int, height: int, turn: int) -> tuple[int, int]:
    """Return the width and height of a picture with an EXIF orientation applied."""
    return (height, width) if turn in _SIDEWAYS else (width, height)


def depth_notes(image: ImageFile.ImageFile) -> set[str]:
    """Return what loading this picture will reduce. Ask before it is loaded."""
    raw = str(image.tile[0].args) if image.tile else ""
    return {SIXTEEN} if ";16" in raw or image.mode.startswith("I;16") else set()


def to_rgb(image: Image.Image, notes: set[str]) -> Image.Image:
    """Return a loaded picture in RGB; add to the notes what was done to it."""
    if image.mode.startswith("I;16"):
        return _sixteen(image, notes)
    if image.mode in ("I", "F"):
        return _wide(image, notes)
    if image.mode == "LAB":
        return _lab(image)
    if image.has_transparency_data:
        return _on_white(image, notes)
    if image.mode == "CMYK":
        notes.add(CMYK)
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image, notes: set[str]) -> Image.Image:
    layer = image.convert("RGBA")
    alpha = layer.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return layer.convert("RGB")
    notes.add(ON_WHITE)
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer, mask=alpha)
    return white


def _sixteen(image: Image.Image, notes: set[str]) -> Image.Image:
    values = np.asarray(image).astype(np.uint32)
    grey = ((values * 255 + 32767) // 65535).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int) and (values == transparent).any():
        notes.add(ON_WHITE)
        grey[values == transparent] = 255
    notes.add(SIXTEEN)
    return Image.fromarray(grey).convert("RGB")


def _wide(image: Image.Image, notes: set[str]) -> Image.Image:
    """Reduce 32-bit integers and floats, whose white is nowhere written down."""
    values: NDArray[np.float64] = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if image.mode == "F" and low >= 0 and 0.05 < high <= 1:
        values = values * 255
    elif low < 0 or high > 255:
        notes.add(STRETCHED)
        values = (values - low) * (255 / (high - low))
    return Image.fromarray(np.rint(values).astype(np.uint8)).convert("RGB")


def _lab(image: Image.Image) -> Image.Image:
    transform = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None
    return converted
