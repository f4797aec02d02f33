"""From a picture to the tensor that a model was trained on."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tidegate.detectors.manifest import Input

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

_OVERSAMPLED = 3
"""Pixels of a picture, along each side, for one that the model sees: with as many its scores
hardly differ from those of the full size (docs/media.md)."""


def least_side(spec: Input) -> int:
    """Return how many pixels of a picture's shorter side are enough for a model.

    Args:
        spec: The manifest's input section.
    """
    return _OVERSAMPLED * spec.resize


def tensor(rgb: NDArray[np.uint8], spec: Input) -> NDArray[np.generic]:
    """Return one picture as the model wants it.

    Args:
        rgb: Picture of shape (height, width, 3).
        spec: The manifest's input section.

    Returns:
        Contiguous array of the manifest's dtype, of shape (crop, crop, 3) or, where the
        layout is NCHW, (3, crop, crop).
    """
    return values(square(rgb, spec), spec)


def square(rgb: NDArray[np.uint8], spec: Input) -> NDArray[np.uint8]:
    """Return a picture resized, cut and put through JPEG: (crop, crop, 3) RGB."""
    picture, side = Image.fromarray(rgb), (spec.resize, spec.resize)
    method = FILTERS[spec.filter]
    if spec.fit == "cover":
        picture = ImageOps.fit(picture, side, method)
    elif spec.fit == "contain":
        picture = ImageOps.pad(picture, side, method, color=(spec.fill,) * 3)
    else:
        picture = picture.resize(side, method)
    offset = (spec.resize - spec.crop) // 2
    picture = picture.crop((offset, offset, offset + spec.crop, offset + spec.crop))
    if spec.jpeg_quality is not None:
        picture = _through_jpeg(picture, spec.jpeg_quality)
    return np.asarray(picture)


def values(picture: NDArray[np.uint8], spec: Input) -> NDArray[np.generic]:
    """Return a picture of shape (crop, crop, 3) RGB as numbers in the model's order."""
    ordered = picture[:, :, ::-1] if spec.colour == "bgr" else picture
    if spec.dtype == "uint8":
        numbers: NDArray[np.generic] = ordered
    else:
        # In place, and what changes nothing not at all: for one picture it is most of the cost.
        sized = ordered.astype(np.float32, order="C")
        if spec.scale != 1:
            sized *= np.float32(spec.scale)
        sized -= np.array(spec.mean, dtype=np.float32)
        if any(one != 1 for one in spec.std):
            sized /= np.array(spec.std, dtype=np.float32)
        numbers = sized.astype(spec.dtype, copy=False)
    if spec.layout == "nchw":
        numbers = numbers.transpose(2, 0, 1)
    return np.ascontiguousarray(numbers)


def _through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    with io.BytesIO() as buffer:
        picture.save(buffer, format="JPEG", quality=quality)
        buffer.seek(0)
        with Image.open(buffer, formats=["JPEG"]) as decoded:
            decoded.load()
            return decoded
