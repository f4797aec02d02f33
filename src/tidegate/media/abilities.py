"""What the installed decoders can read: a question of the machine, not of a file."""

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import av
import pillow_heif
import simplejpeg
from av.codec.codec import Codec, UnknownCodecError
from PIL import features

from tidegate.media.sniff import FILMS

VIDEO = {
    "H.264": ("h264",),
    "HEVC": ("hevc",),
    "VP9": ("vp9", "libvpx-vp9"),
    "AV1": ("libdav1d", "libaom-av1"),  # FFmpeg's own needs hardware.
    "MPEG-4": ("mpeg4",),
}
"""Video that Tidegate promises to read, and FFmpeg's decoders that can."""

IMAGES = ("JPEG", "PNG", "WebP", "AVIF", "HEIC", "GIF", "BMP", "TIFF")
"""Pictures that it promises to read."""

_FEATURES = {"png": "zlib", "webp": "webp", "avif": "avif", "tiff": "libtiff"}
"""What Pillow may be built without, by format."""


class Ability(NamedTuple):
    """A kind of media, and what reads it.

    Attributes:
        name: The format or codec.
        decoder: Name and version of what decodes it, or ``None`` where nothing does.
    """

    name: str
    decoder: str | None


def abilities() -> tuple[Ability, ...]:
    """Return what can be read here; nothing is decoded to find out."""
    known = decoders()
    found = [Ability(name, _told(known.get(name.lower()))) for name in IMAGES]
    found += [Ability(name, _decoder(names)) for name, names in VIDEO.items()]
    return tuple(found)


def decoders() -> dict[str, dict[str, str]]:
    """Return name and version of the libraries that decode each format that is judged.

    A format that this installation cannot decode is not there.
    """
    pillow = _package("pillow")
    heif = pillow_heif.libheif_info()
    turbo, own = features.version("libjpeg_turbo"), _turbo()
    found = {
        # What simplejpeg refuses goes to Pillow, which has a copy of its own.
        "jpeg": _package("simplejpeg", f"libjpeg-turbo {own}" if own else "")
        | _package("pillow", f"libjpeg-turbo {turbo}" if turbo else ""),
        "gif": pillow,
        "bmp": pillow,
        "heic": _package("pillow-heif")
        | {"libheif": heif["libheif"]}
        | {name: said.split()[-1] for name, said in heif["decoders"].items() if said},
        **dict.fromkeys(sorted(FILMS), _package("av") | {"ffmpeg": av.ffmpeg_version_info}),
    }
    for name, feature in _FEATURES.items():
        if version := features.version(feature):
            found[name] = pillow | {feature: version}
    if zlib_ng := features.version("zlib_ng"):
        found["png"] = pillow | {"zlib-ng": zlib_ng}
    if "avif" in found:
        from PIL import _avif

        found["avif"] |= {"avif-codecs": _avif.codec_versions()}
    return found


def _package(name: str, holds: str = "") -> dict[str, str]:
    version = metadata.version(name)
    return {name: f"{version} ({holds})" if holds else version}


def _turbo() -> str | None:
    """Return the version of the libjpeg-turbo in simplejpeg, which only says so in its bytes."""
    for module in Path(simplejpeg.__file__).parent.glob("_jpeg*.so"):
        if found := re.search(rb"libjpeg-turbo version ([0-9.]+)", module.read_bytes()):
            return found[1].decode()
    return None


def _told(libraries: Mapping[str, str] | None) -> str | None:
    return ", ".join(map(" ".join, libraries.items())) if libraries else None


def _decoder(names: tuple[str, ...]) -> str | None:
    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    for name in names:
        try:
            return f"FFmpeg, {Codec(name, 'r').name} (libavcodec {version})"
        except UnknownCodecError:
            continue
    return None
