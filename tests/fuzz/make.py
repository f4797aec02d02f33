"""Makes the real media that is mutated: small, and several kinds for each decoder.

``python -m tests.fuzz.make FOLDER``: a process of its own, because what an encoder did before
shows in what it does next, and a seed is to be the same each time.
"""

import io
import os
import struct
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pillow_heif
from av.video.stream import VideoStream
from PIL import Image

from tests.clips import clip, encode, numbered, photo, picture
from tests.fuzz.structure import boxes
from tests.fuzz.structure.part import lists

_SIZE = (96, 64)
_FRAMES = 10

_Maker = Callable[[Path], bytes]
"""Makes a file; the folder is for what it needs on the way."""


def make(folder: Path) -> None:
    """Make every seed into a folder, each named by its format and its name."""
    folder.mkdir()
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 is talkative.
    with tempfile.TemporaryDirectory() as scratch:
        for format, makers in _MAKERS.items():
            for name, maker in makers.items():
                (folder / f"{format}.{name}").write_bytes(maker(Path(scratch)))


def _still(format: str, mode: str = "RGB", **settings: object) -> _Maker:
    """A photo in one mode of a picture format."""

    return lambda folder: _saved(_photo_in(mode), format, **settings)


def _photo_in(mode: str) -> Image.Image:
    """A photo with alpha, 16 bits, a palette, or what else a mode has."""
    image = picture(size=_SIZE)
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    if mode in ("LA", "RGBA"):
        alpha = image.convert("L")
        image = image.convert(mode)
        image.putalpha(alpha)
        return image
    return image.convert(mode)


def _moving(format: str, **settings: object) -> _Maker:
    """Photos after one another, as an animation or as pages."""

    def maker(folder: Path) -> bytes:
        names = ("coffee.png", "chelsea.png", "rocket.jpg", "astronaut.png")
        first, *rest = (picture(name, _SIZE) for name in names)
        return _saved(first, format, save_all=True, append_images=rest, **settings)

    return maker


def _saved(image: Image.Image, format: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **settings)
    return buffer.getvalue()


def _as_it_is(name: str) -> _Maker:
    return lambda folder: photo(name).read_bytes()


def _turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "a photo"
    return exif.tobytes()


def _timeless(folder: Path) -> bytes:
    """An AVIF that moves, without the moment at which it was made."""
    parts = boxes.parse(_moving("AVIF", duration=50, speed=10, max_threads=1)(folder))
    for part in (part for siblings in lists(parts) for part in siblings):
        if part.kind in (b"mvhd", b"tkhd", b"mdhd"):
            part.body[4:20] = bytes(16)
    return boxes.join(parts)


def _gif_on_a_canvas(folder: Path) -> bytes:
    """Frames smaller than the canvas, with transparency and every way of disposal."""
    frames = [Image.fromarray(numbered(i, _SIZE)) for i in range(4)]
    for i, frame in enumerate(frames[1:]):
        frame.paste((255, 0, 0), (8 * i, 8 * i, 8 * i + 24, 8 * i + 24))
    rest = [frame.convert("RGBA") for frame in frames[1:]]
    settings = {"disposal": [0, 1, 2, 3], "duration": [0, 20, 100, 300], "loop": 0}
    return _saved(frames[0], "GIF", save_all=True, append_images=rest, **settings)


def _bmp_from_above(folder: Path) -> bytes:
    """32 bits with masks, its first row on top."""
    data = bytearray(_still("BMP", "RGBA")(folder))
    data[22:26] = (-_SIZE[1]).to_bytes(4, "little", signed=True)
    return bytes(data)


def _small_bmp(folder: Path) -> bytes:
    """With the header of OS/2, of 12 bytes."""
    pixels = np.asarray(picture(size=_SIZE))[::-1, :, ::-1].tobytes()
    width, height = _SIZE
    return struct.pack("<2sIHHI", b"BM", 26 + len(pixels), 0, 0, 26) + (
        struct.pack("<IHHHH", 12, width, height, 1, 24) + pixels
    )


def _tiles(folder: Path) -> bytes:
    """A TIFF in four tiles, big-endian, which Pillow reads and does not write."""
    pixels = np.asarray(picture(size=(96, 64)))
    tiles = [pixels[y : y + 32, x : x + 48].tobytes() for y in (0, 32) for x in (0, 48)]
    sizes, start = [len(tile) for tile in tiles], 8 + 2 + 12 * 11 + 4
    bits, places = start, start + 6
    first = places + 4 * len(tiles) * 2
    offsets = [first + sum(sizes[:index]) for index in range(len(tiles))]
    entries = (
        *((256, 4, 1, 96), (257, 4, 1, 64), (258, 3, 3, bits), (259, 3, 1, 1 << 16)),
        *((262, 3, 1, 2 << 16), (277, 3, 1, 3 << 16), (284, 3, 1, 1 << 16)),
        *((322, 4, 1, 48), (323, 4, 1, 32)),
        *((324, 4, 4, places), (325, 4, 4, places + 16)),
    )
    directory = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    head = b"MM\0*" + struct.pack(">IH", 8, len(entries)) + directory + bytes(4)
    return head + struct.pack(">3H8I", 8, 8, 8, *offsets, *sizes) + b"".join(tiles)


def _heif(*images: Image.Image) -> bytes:
    file = pillow_heif.HeifFile()
    for image in images:
        file.add_from_pillow(image)
    buffer = io.BytesIO()
    file.save(buffer, quality=50)
    return buffer.getvalue()


def _heif_of(mode: str) -> _Maker:
    return lambda folder: _heif(_photo_in(mode))


def _two_heifs(folder: Path) -> bytes:
    return _heif(picture(size=_SIZE), picture("chelsea.png", _SIZE))


def _film(suffix: str, codec: str, **settings: object) -> _Maker:
    """A clip of one codec in the container of a suffix, the same each time it is made."""

    def maker(folder: Path) -> bytes:
        given: dict[str, Any] = {"gop": 5} | settings
        given["options"] = {"threads": "1", **given.get("options", {})}
        given["muxer"] = {"fflags": "+bitexact", **given.get("muxer", {})}
        frames = (numbered(index, _SIZE) for index in range(_FRAMES))
        return encode(folder / f"made.{suffix}", frames, codec, **given).read_bytes()

    return maker


def _again(suffix: str) -> _Maker:
    """A real clip, its packets put into another container."""

    def maker(folder: Path) -> bytes:
        path = folder / f"made.{suffix}"
        options = {"fflags": "+bitexact"}
        with av.open(str(clip(_REAL))) as old, av.open(str(path), "w", options=options) as new:
            stream = new.add_stream_from_template(old.streams.video[0])
            for packet in old.demux(old.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    new.mux(packet)
        return path.read_bytes()

    return maker


def _with_company(suffix: str) -> _Maker:
    """Two videos and a sound in one container."""

    def maker(folder: Path) -> bytes:
        path = folder / f"made.{suffix}"
        with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
            films: list[VideoStream] = [
                container.add_stream("libx264", 25, options=_X264),
                container.add_stream("mpeg4", 25),
            ]
            for stream in films:
                stream.width, stream.height = _SIZE
                stream.pix_fmt = "yuv420p"
                stream.codec_context.thread_count = 1
            sound = container.add_stream("mp2", rate=16_000, layout="mono")
            for index in range(_FRAMES):
                for stream in films:
                    frame = av.VideoFrame.from_ndarray(numbered(index, _SIZE), format="rgb24")
                    frame.pts, frame.time_base = index, Fraction(1, 25)
                    container.mux(stream.encode(frame))
                wave = (9999 * np.sin(np.arange(640) / 9)).astype(np.int16)[None]
                noise = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
                noise.sample_rate, noise.pts = 16_000, 640 * index
                noise.time_base = Fraction(1, 16_000)
                container.mux(sound.encode(noise))
            for stream in films:
                container.mux(stream.encode(None))
            container.mux(sound.encode(None))
        return path.read_bytes()

    return maker


_REAL = "carphone_distorted.mp4"

_X264 = {"bf": "2", "qp": "28"}
"""A fixed quantiser: what the rate control decides is not the same each time."""

_X265 = {"x265-params": "pools=none:frame-threads=1:log-level=none"}
_AV1 = {"preset": "10", "svtav1-params": "lp=1"}
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}

_MAKERS: dict[str, dict[str, _Maker]] = {
    "jpeg": {
        "plain": _still("JPEG"),
        "progressive": _still("JPEG", progressive=True, subsampling=0),
        "grey": _still("JPEG", "L", restart_marker_blocks=4),
        "cmyk": _still("JPEG", "CMYK", icc_profile=b"no profile"),
        "turned": _still("JPEG", exif=_turned(6), comment="a photo"),
    },
    "bmp": {
        "rgb": _still("BMP"),
        "palette": _still("BMP", "P"),
        "bits": _still("BMP", "1"),
        "above": _bmp_from_above,
        "small": _small_bmp,
    },
    "png": {
        "rgb": _still("PNG"),
        "stored": _still("PNG", compress_level=0),
        "16 bits": _still("PNG", "I;16"),
        "palette": _still("PNG", "P"),
        "alpha": _still("PNG", "LA", exif=_turned(3)),
        "moving": _moving("PNG", duration=40, default_image=True),
        "real": _as_it_is("chessboard_RGB.png"),
    },
    "gif": {
        "still": _still("GIF"),
        "moving": _moving("GIF", duration=50, loop=0),
        "canvas": _gif_on_a_canvas,
        "real": _as_it_is("no_time_for_that_tiny.gif"),
    },
    "webp": {
        "lossy": _still("WEBP"),
        "lossless": _still("WEBP", "RGBA", lossless=True, exif=_turned(8)),
        "alpha": _still("WEBP", "RGBA"),
        "moving": _moving("WEBP", duration=50),
        "moving lossless": _moving("WEBP", duration=50, lossless=True),
    },
    "avif": {
        "still": _still("AVIF", speed=10, max_threads=1),
        "alpha": _still("AVIF", "RGBA", speed=10, max_threads=1, exif=_turned(5)),
        "full": _still("AVIF", speed=10, max_threads=1, subsampling="4:4:4"),
        "moving": _timeless,
    },
    "heic": {
        "pictures": _two_heifs,
        "alpha": _heif_of("RGBA"),
        "grey": _heif_of("L"),
    },
    "tiff": {
        "strips": _still("TIFF"),
        "lzw": _still("TIFF", compression="tiff_lzw", tiffinfo={278: 8}),
        "deflate": _still("TIFF", "L", compression="tiff_adobe_deflate"),
        "jpeg": _still("TIFF", compression="jpeg"),
        "fax": _still("TIFF", "1", compression="group4"),
        "packbits": _still("TIFF", "P", compression="packbits"),
        "16 bits": _still("TIFF", "I;16", big_tiff=True),
        "cmyk": _still("TIFF", "CMYK"),
        "tiles": _tiles,
        "pages": _moving("TIFF", compression="tiff_lzw"),
        "real": _as_it_is("multipage.tif"),
    },
    "mp4": {
        "real": lambda folder: clip(_REAL).read_bytes(),
        "h264": _film("mp4", "libx264", options=_X264),
        "hevc": _film("mp4", "libx265", options=_X265),
        "av1": _film("mp4", "libsvtav1", options=_AV1),
        "vp9": _film("mp4", "libvpx-vp9", options={"deadline": "realtime"}),
        "mpeg4": _film("mp4", "mpeg4", options={"bf": "2"}),
        "fragments": _film("mp4", "libx264", options=_X264, muxer=_FRAGMENTS),
        "turned": _film("mov", "libx264", options=_X264, rotate=90),
        "prores": _film("mov", "prores", pix_fmt="yuv422p10le"),
        "company": _with_company("mp4"),
    },
    "matroska": {
        "real": _again("mkv"),
        "h264": _film("mkv", "libx264", options=_X264),
        "hevc": _film("mkv", "libx265", options=_X265),
        "av1": _film("webm", "libsvtav1", options=_AV1),
        "vp8": _film("webm", "libvpx", options={"deadline": "realtime"}),
        "vp9": _film("webm", "libvpx-vp9", options={"deadline": "realtime"}),
        "ffv1": _film("mkv", "ffv1"),
        "company": _with_company("mkv"),
    },
    "avi": {
        "mpeg4": _film("avi", "mpeg4", options={"bf": "2"}),
        "h264": _film("avi", "libx264", options=_X264),
        "mjpeg": _film("avi", "mjpeg", pix_fmt="yuvj420p"),
        "huffyuv": _film("avi", "huffyuv", pix_fmt="yuv422p"),
        "raw": _film("avi", "rawvideo"),
        "company": _with_company("avi"),
    },
    "mpegts": {
        "real": _again("ts"),
        "h264": _film("ts", "libx264", options=_X264),
        "hevc": _film("ts", "libx265", options=_X265),
        "mpeg2": _film("ts", "mpeg2video", options={"bf": "2"}),
        "mpeg4": _film("ts", "mpeg4"),
        "company": _with_company("ts"),
    },
}


if __name__ == "__main__":
    make(Path(sys.argv[1]))
