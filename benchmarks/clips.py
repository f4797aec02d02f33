"""Videos to measure with, made of what packages ship: two real clips, and moves over photos."""

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from demo import media

Picture = NDArray[np.uint8]

Size = tuple[int, int]

RATE = 25

FULL_HD = (1920, 1080)

_GRAIN = 3
"""Standard deviation of the noise that stands for a sensor's, in grey levels."""


def film(seconds: float, size: Size = FULL_HD) -> Iterator[Picture]:
    """Yield frames of a cartoon, a street and moves over photos, five seconds each in turn."""
    return islice(_scenes(size), round(seconds * RATE))


def _scenes(size: Size) -> Iterator[Picture]:
    yield from islice(media.frames("bigbuckbunny.mp4", size), 5 * RATE)
    for number, name in enumerate((*media.KNOWN, *media.UNRELATED)):
        yield from move(name, 5.0, size, seed=number)
        if number % 4 == 3:
            yield from islice(media.frames("bikes.mp4", size), 5 * RATE)


def move(name: str, seconds: float, size: Size, seed: int) -> Iterator[Picture]:
    """Yield frames of a camera that travels and zooms over a photo, with grain."""
    rng = np.random.default_rng(seed)
    photo = media.photo(name)
    photo = ImageOps.fit(photo, (size[0] * 3 // 2, size[1] * 3 // 2))
    grain = rng.normal(0.0, _GRAIN, (size[1] + 64, size[0] + 64, 1)).astype(np.int8)
    # Corner and width of the window, as shares, at the start and at the end.
    width = rng.uniform(0.5, 1.0, 2)
    corner = rng.uniform(0.0, 1.0, (2, 2)) * (1.0 - width[:, np.newaxis])
    count = round(seconds * RATE)
    for index in range(count):
        at = index / count
        wide = width[0] + (width[1] - width[0]) * at
        left, top = (corner[0] + (corner[1] - corner[0]) * at) * photo.size
        box = (left, top, left + wide * photo.width, top + wide * photo.height)
        frame = np.asarray(photo.resize(size, Image.Resampling.BILINEAR, box=box))
        y, x = rng.integers(0, 64, 2)
        noise = grain[y : y + size[1], x : x + size[0]]
        yield np.clip(frame.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def encode(
    path: Path,
    frames: Iterable[Picture],
    size: Size,
    *,
    codec: str = "libx264",
    rate: int = RATE,
    options: dict[str, str] | None = None,
) -> None:
    """Write a video, scaled to a size; its suffix names the container."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, rate)
        # Tags and all: a run is repeated on the same file, whatever the machine's cores.
        stream.codec_context.thread_count = min(2, os.cpu_count() or 1)
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame.reformat(*size, format="yuv420p")))
        container.mux(stream.encode(None))
