"""Pictures and animations by Pillow: every frame is decoded, those that differ are judged."""

import re

import msgspec
import numpy as np
import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from tidegate.evidence import Cause, MediaInfo, Span, seconds
from tidegate.media import rgb
from tidegate.media.boxes import cut_short
from tidegate.media.change import Change
from tidegate.media.error import MediaError, check_pixels, over
from tidegate.media.input import buffered
from tidegate.media.outlet import Outlet
from tidegate.media.wire import LONGEST_TIME, Job

_PLUGINS = {
    "jpeg": JpegImagePlugin.JpegImageFile.format,
    "png": PngImagePlugin.PngImageFile.format,
    "gif": GifImagePlugin.GifImageFile.format,
    "webp": WebPImagePlugin.WebPImageFile.format,
    "avif": AvifImagePlugin.AvifImageFile.format,
    "bmp": BmpImagePlugin.BmpImageFile.format,
    "tiff": TiffImagePlugin.TiffImageFile.format,
    "heic": "HEIF",
}

_PAGES = {"tiff": "pages shown one a second", "heic": "pictures shown one a second"}
"""Formats whose frames are pages without a time."""

_SHORTEST = 0.01
_DEFAULT = 0.1
"""Browsers show a frame with a delay of 10 ms or less for 100 ms."""

_TRUNCATED = ("truncated", "unexpected end", "end of file", "not enough", "too short", "eof")

_PIXELS = re.compile(r"(\d+) pixels")

pillow_heif.register_heif_opener()
pillow_heif.options.DECODE_THREADS = 1
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_ALWAYS


def decode(job: Job, descriptor: int, outlet: Outlet) -> None:
    """Decode a picture or an animation and hand out the frames that differ."""
    _Film(job, descriptor, outlet).run()


def open_image(job: Job, descriptor: int) -> ImageFile.ImageFile:
    """Read a picture's header, by the decoder of the sniffed format and no other.

    Raises:
        MediaError: It has more pixels than the budget allows, or no readable header.
    """
    # Pillow refuses what is over twice this, also where a canvas grows from frame to frame.
    Image.MAX_IMAGE_PIXELS = max(1, job.budget.pixels // 2)
    try:
        image = Image.open(buffered(descriptor), formats=[_PLUGINS[job.format]])
    except MemoryError:
        raise
    except Exception as error:
        raise explained(error, job, descriptor, "has no readable header") from error
    check_pixels(image.width, image.height, job.budget)
    return image


def explained(
    error: Exception, job: Job, descriptor: int, what: str, span: Span | None = None
) -> MediaError:
    """Return a decoder's error as one of ours."""
    if isinstance(error, MediaError):
        return MediaError(error.cause, error.detail, error.span or span)
    if isinstance(error, Image.DecompressionBombError):
        pixels = int(_PIXELS.findall(str(error))[0])
        detail = over(pixels, "pixels a frame", job.budget.pixels, "pixels")
        return MediaError("too_many_pixels", detail, span)
    detail = what if isinstance(error, UnidentifiedImageError) else f"{what}: {words(error)}"
    return MediaError(_cause(error, job, descriptor), detail, span)


def _cause(error: Exception, job: Job, descriptor: int) -> Cause:
    """Tell a file that ends too early from one that is broken, and from too little memory."""
    if "out of memory" in str(error).lower():  # So libheif says it.
        return "out_of_memory"
    if job.format in ("avif", "heic") and cut_short(descriptor):
        return "truncated"
    if isinstance(error, EOFError) or any(word in str(error).lower() for word in _TRUNCATED):
        return "truncated"
    return "corrupt"


def words(error: Exception) -> str:
    """Return an error in one line that names no object of ours."""
    text = " ".join(str(error).split())
    return type(error).__name__ if not text or "<" in text else text


def _has_more(image: ImageFile.ImageFile) -> bool:
    """Return whether there is more than one frame, without looking for all of them."""
    if image.format != _PLUGINS["tiff"]:
        return bool(getattr(image, "is_animated", False))
    try:
        image.seek(1)
    except EOFError:
        return False
    image.seek(0)
    return True


class _Film:
    """One picture or animation on its way to the outlet."""

    def __init__(self, job: Job, descriptor: int, outlet: Outlet) -> None:
        self._job = job
        self._descriptor = descriptor
        self._outlet = outlet
        self._image = open_image(job, descriptor)
        try:
            self._moves = _has_more(self._image)
        except Exception:  # Its second frame is broken: that shows when it is its turn.
            self._image, self._moves = open_image(job, descriptor), True
        self._paged = self._moves and job.format in _PAGES
        self._notes = {_PAGES[job.format]} if self._paged else set[str]()
        self._change = Change()
        self._second = 0.0
        self._info: MediaInfo | None = None

    def run(self) -> None:
        """Walk over the frames."""
        index = 0
        try:
            while self._load(index):
                self._judge()
                index += 1
                if not self._moves or not self._within(index):
                    break
            else:
                self._missing(index)
        except MemoryError:
            raise
        except Exception as error:
            raise self._explained(error, "cannot be decoded", index) from error
        finally:
            if self._info:
                self._tell()

    def _load(self, index: int) -> bool:
        """Load a frame; return whether there is one."""
        if index:
            try:
                self._image.seek(index)
            except EOFError:
                return False
        check_pixels(self._image.width, self._image.height, self._job.budget)
        self._outlet.spend(self._image.width * self._image.height)
        if index == 0:
            self._notes |= rgb.depth_notes(self._image)
            self._open_first()
        else:
            self._image.load()
        return True

    def _open_first(self) -> None:
        """Load the first frame and find out how it is to be turned."""
        if self._job.format == "png":
            # Asking a PNG for its orientation loads it, and hides what is wrong with it.
            self._load_first()
            self._turn = rgb.orientation(self._image)
        else:
            self._turn = rgb.orientation(self._image)
            self._load_first()

    def _load_first(self) -> None:
        """Load the first frame, or as much of it as there is."""
        try:
            self._image.load()
        except (MemoryError, Image.DecompressionBombError):
            raise
        except Exception as error:
            self._image = open_image(self._job, self._descriptor)
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            try:
                self._image.load()
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False
            self._moves = False
            trouble = self._explained(error, "is only partly there", 0)
            self._outlet.unknown(trouble.cause, trouble.detail)

    def _explained(self, error: Exception, what: str, index: int) -> MediaError:
        rest = Span(start=self._second, end=self._second) if index else None
        return explained(error, self._job, self._descriptor, what, rest)

    def _judge(self) -> None:
        """Count the frame, and hand it out if it differs from the last one."""
        # Some plugins turn the picture themselves while loading it, and say so.
        image = rgb.upright(rgb.to_rgb(self._image, self._notes), rgb.orientation(self._image))
        self._outlet.count()
        if self._info is None:
            self._info = self._describe(image)
            self._tell()
        if not self._moves or self._change.differs(image):
            self._outlet.frame(np.asarray(image), self._second)
        self._second += self._delay()

    def _describe(self, image: Image.Image) -> MediaInfo:
        return MediaInfo(
            kind="animation" if self._moves else "image",
            format=self._job.format,
            width=image.width,
            height=image.height,
            orientation=self._turn,
        )

    def _tell(self) -> None:
        assert self._info
        self._info = msgspec.structs.replace(
            self._info,
            duration=seconds(min(self._second, LONGEST_TIME)),
            frames_seen=self._outlet.seen,
            frames_judged=self._outlet.judged,
            notes=tuple(sorted(self._notes)),
        )
        self._outlet.facts(self._info)

    def _delay(self) -> float:
        """Return how long the current frame is shown."""
        if not self._moves:
            return 0.0
        if self._paged:
            return 1.0
        delay = self._image.info.get("duration", 0) / 1000
        return delay if delay > _SHORTEST else _DEFAULT

    def _within(self, index: int) -> bool:
        """Return whether the budget allows a further frame; if not, tell what is lost."""
        budget = self._job.budget
        rest = Span(start=self._second, end=self._second)
        if index >= budget.frames and self._more(index):
            detail = f"more than {budget.frames:,} frames (budget.frames)"
            self._outlet.unknown("too_many_frames", detail, rest)
            return False
        if self._second > budget.duration and self._more(index):
            detail = over(seconds(self._second), "seconds", budget.duration, "duration")
            self._outlet.unknown("too_long", detail, rest)
            return False
        return True

    def _more(self, index: int) -> bool:
        try:
            self._image.seek(index)
        except EOFError:
            return False
        return True

    def _missing(self, index: int) -> None:
        """Tell if the animation ended before it said it would."""
        count = getattr(self._image, "n_frames", index) if self._job.format != "gif" else index
        if index < count:
            detail = f"{index:,} of {count:,} frames are there"
            rest = Span(start=self._second, end=self._second)
            self._outlet.unknown("truncated", detail, rest)
