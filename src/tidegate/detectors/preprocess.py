"""From a picture to the tensor that a model was trained on."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tidegate.detectors.manifest import Input


def tensor(rgb: NDArray[np.uint8], spec: Input) -> NDArray[np.float32]:
    """Return one picture as the model wants it.

    Args:
        rgb: Picture of shape (height, width, 3).
        spec: The manifest's input section.

    Returns:
        Array of shape (crop, crop, 3), float32, contiguous.
    """
    side, offset = spec.resize, (spec.resize - spec.crop) // 2
    edge = offset + spec.crop
    picture = Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR)
    picture = picture.crop((offset, offset, edge, edge))
    if spec.jpeg_quality is not None:
        picture = _through_jpeg(picture, spec.jpeg_quality)
    values = np.asarray(picture, dtype=np.float32)
    if spec.colour == "bgr":
        values = values[:, :, ::-1]
    mean, std = (np.array(v, dtype=np.float32) for v in (spec.mean, spec.std))
    return np.ascontiguousarray((values - mean) / std)


def _through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    with io.BytesIO() as buffer:
        picture.save(buffer, format="JPEG", quality=quality)
        buffer.seek(0)
        with Image.open(buffer, formats=["JPEG"]) as decoded:
            decoded.load()
            return decoded
