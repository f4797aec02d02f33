"""What the installed decoders can read: a question of the machine, not of a file."""

from importlib import metadata
from typing import NamedTuple

import av
import pillow_heif
from av.codec.codec import Codec, UnknownCodecError
from PIL import features

VIDEO = {
    "H.264": ("h264",),
    "HEVC": ("hevc",),
    "VP9": ("vp9", "libvpx-vp9"),
    "AV1": ("libdav1d", "libaom-av1"),  # FFmpeg's own needs hardware.
    "MPEG-4": ("mpeg4",),
}
"""Video that Tidegate promises to read, and FFmpeg's decoders that can."""


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
    found = [Ability("JPEG", f"simplejpeg {metadata.version('simplejpeg')}")]
    for name, feature in (("PNG", "zlib"), ("WebP", "webp"), ("AVIF", "avif")):
        version = features.version(feature)
        found.append(Ability(name, f"Pillow, {feature} {version}" if version else None))
    found.append(Ability("HEIC", f"libheif {pillow_heif.libheif_version()}"))
    found += [Ability(name, _decoder(decoders)) for name, decoders in VIDEO.items()]
    return tuple(found)


def decoders() -> dict[str, dict[str, str]]:
    """Return name and version of the libraries that decode each format that is judged."""
    pillow = _versions("pillow")
    video = {"av": av.__version__, "ffmpeg": av.ffmpeg_version_info}
    heif = pillow_heif.libheif_info()
    return {
        "jpeg": pillow | _feature("libjpeg_turbo") | _versions("simplejpeg"),
        "png": pillow | (_feature("zlib_ng") or _feature("zlib")),
        "gif": pillow,
        "bmp": pillow,
        "webp": pillow | _feature("webp", "libwebp"),
        "avif": pillow | _feature("avif", "libavif") | _avif_codecs(),
        "tiff": pillow | _feature("libtiff"),
        "heic": _versions("pillow-heif")
        | {"libheif": heif["libheif"], "libheif_decoders": ", ".join(heif["decoders"].values())},
        **dict.fromkeys(("mp4", "matroska", "avi", "mpegts"), video),
    }


def _avif_codecs() -> dict[str, str]:
    if not features.check("avif"):
        return {}
    from PIL import _avif

    return {"avif_codecs": _avif.codec_versions()}


def _versions(package: str) -> dict[str, str]:
    return {package: metadata.version(package)}


def _feature(feature: str, name: str = "") -> dict[str, str]:
    """Return name and version of a library in Pillow; empty where it was built without."""
    version = features.version(feature)
    return {name or feature: version} if version else {}


def _decoder(names: tuple[str, ...]) -> str | None:
    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    for name in names:
        try:
            return f"FFmpeg, {Codec(name, 'r').name} (libavcodec {version})"
        except UnknownCodecError:
            continue
    return None
