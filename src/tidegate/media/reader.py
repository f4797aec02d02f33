"""From an open source to frames, with a child process in between."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidegate.closing import Closing
from tidegate.evidence import Cause, MediaInfo, Span, Unknown, seconds
from tidegate.media import memory, wire
from tidegate.media.error import MediaError, over
from tidegate.media.luma import Luma
from tidegate.media.settings import Budget, Sampling, confinement
from tidegate.media.sniff import FILMS, UNSUPPORTED
from tidegate.media.source import Source
from tidegate.media.worker import ITEMS, UnconfinedError, Worker

_MOST_UNKNOWNS = 100
_MOST_NOTES = 16
_STOP_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A judged frame, as RGB, luma or both.

    Its pixels are upright, contiguous and read-only. They are valid until the next frame is
    asked for; copy what is needed for longer. They are fewer than the media's width and
    height say where the reader has a ``least_side`` and the frame is that of a JPEG.

    Attributes:
        second: When it is shown; 0.0 for a still picture.
        rgb: Height x width x 3; ``None`` where it has luma and no colour was asked for.
        luma: Height x width, as the video has it; ``None`` for an animation, for a video
            that is not coded as luma and chroma, and for a still picture unless its reader
            is ``grey``.
        key: Whether it is a keyframe; True for a still picture.
    """

    second: float
    rgb: NDArray[np.uint8] | None
    luma: Luma | None
    key: bool

    @property
    def picture(self) -> NDArray[np.uint8]:
        """What to hash: the luma, height x width, or without one the RGB."""
        if self.luma is not None:
            return self.luma.plane
        assert self.rgb is not None
        return self.rgb

    @property
    def limited(self) -> bool:
        """Whether black is 16 and white 235 in :attr:`picture`."""
        return self.luma is not None and self.luma.limited


class Reading(Closing):
    """The frames of one item, in order of time. Iterate it once.

    Bad media never raises. What could not be decoded is in ``unknowns``, and the frames
    before it still count.

    Attributes:
        info: What the media is, known from the first frame on and final at the end;
            ``None`` where that was never found out.
        until: Moment of ``time.monotonic`` at which the item's time is over:
            ``budget.seconds`` from when the decoder was ready.
        decoders: Name and version of the libraries that decode its format; empty where no
            decoder was asked.
        unknowns: What could not be judged; complete at the end.
    """

    def __init__(self, budget: Budget) -> None:
        self.info: MediaInfo | None = None
        self.unknowns: list[Unknown] = []
        self._budget = budget
        self._worker: Worker | None = None
        self.until = math.inf
        self.decoders: Mapping[str, str] = {}
        self._job: wire.Job | None = None
        self._descriptor = -1
        self._pixels = 0
        self._slot: int | None = None
        self._judged = 0
        self._seen = 0
        self._second = 0.0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        if self._worker is None:
            raise StopIteration
        if self._worker.foreign:
            self._worker = None
            self._fail("crashed", "this process was forked while the item was read")
            raise StopIteration
        try:
            frame = self._next(self._worker)
        except TimeoutError:
            limit = f"{self._budget.seconds:,.10g}"
            self._fail("deadline", f"takes more than {limit} seconds (budget.seconds)")
        except EOFError:
            if self._again(self._worker):
                return next(self)
            self._fail(*self._worker.epitaph())
        except wire.GarbledError as error:
            if self._again(self._worker):
                return next(self)
            self._fail("crashed", f"the decoder said what it must not: {error}")
        else:
            if frame is not None:
                return frame
            if self._exhausted and self._again(self._worker):
                return next(self)
            self._end()
        raise StopIteration

    def close(self) -> None:
        """Let go of the rest. The reader can be used again."""
        if self._worker is None:
            return
        if self._worker.foreign:
            self._worker = None
            return
        try:
            self._worker.send(wire.Stop())
            until = time.monotonic() + _STOP_SECONDS
            while not isinstance(self._worker.receive(until), wire.Done):
                pass
        except (TimeoutError, EOFError, wire.GarbledError):
            self._worker.drop()
        self._end()

    def _begin(
        self,
        worker: Worker,
        source: Source,
        job: wire.Job,
        until: float | None,
    ) -> None:
        """Send the job. The item's clock starts when the child can take it."""
        self._worker, self._job, self._descriptor = worker, job, source.file.fileno()
        if self._prepare(worker):
            self.decoders = worker.decoders.get(job.format, {})
            self.until = time.monotonic() + self._budget.seconds if until is None else until
            self._give(worker)

    def _prepare(self, worker: Worker) -> bool:
        """Have a decoder; return whether there is one."""
        try:
            worker.prepare()
        except UnconfinedError as error:
            self._fail("crashed", f"{error} (TIDEGATE_CONFINEMENT)")
        except (TimeoutError, EOFError, wire.GarbledError):
            worker.close()
            self._fail("crashed", "no decoder starts: python -m tidegate.media.nursery says why")
        else:
            return True
        return False

    def _give(self, worker: Worker) -> None:
        """Give the decoder the item."""
        assert self._job is not None
        try:
            worker.begin(self._job, self._descriptor)
        except EOFError:
            if not self._again(worker):
                self._fail(*worker.epitaph())

    def _again(self, worker: Worker) -> bool:
        """Give an item that has shown nothing yet to a new decoder, where the last was used.

        It may have failed for what an earlier item did to it. One that fails on a new decoder
        fails for what it is itself.
        """
        if self._judged or worker.served < 2:
            return False
        worker.drop()
        if worker.gone:
            return False
        self.unknowns.clear()
        self.info = None
        if self._prepare(worker):
            self._give(worker)
        return True

    @property
    def _exhausted(self) -> bool:
        return any(unknown.cause == "out_of_memory" for unknown in self.unknowns)

    def _next(self, worker: Worker) -> Frame | None:
        """Return the next frame, or ``None`` at the end."""
        if time.monotonic() >= self.until:
            raise TimeoutError
        if self._slot is not None:
            worker.send(wire.Release(slot=self._slot))
        while True:
            match worker.receive(self.until):
                case wire.Picture() as picture:
                    return self._open(worker, picture)
                case wire.Facts(info=info):
                    self._check_facts(info)
                    self.info = info
                case wire.Trouble(unknown=unknown):
                    self._check_trouble(unknown)
                    self.unknowns.append(unknown)
                case wire.Done():
                    return None
                case wire.Ready() | wire.Probed():
                    raise wire.GarbledError("an answer to what nobody asked")

    def _open(self, worker: Worker, picture: wire.Picture) -> Frame:
        """Check a picture's header and map its pixels."""
        pixels = picture.width * picture.height
        if pixels > self._budget.pixels or pixels * memory.BYTES > worker.slots.size:
            raise wire.GarbledError(f"a frame of {pixels:,} pixels")
        assert self._job is not None
        if not picture.rgb and (picture.luma == "none" or self._job.colour):
            raise wire.GarbledError("a frame without what was asked for")
        if not self._second <= picture.second <= seconds(self._budget.duration + 0.001):
            raise wire.GarbledError("a frame at no time")
        self._pixels += pixels
        if self._judged >= self._budget.frames or self._pixels > self._budget.total_pixels:
            raise wire.GarbledError("frames over the budget")
        self._slot = picture.slot
        self._judged += 1
        self._seen = picture.seen
        self._second = picture.second
        place, slots = (picture.slot, picture.height, picture.width), worker.slots
        rgb = luma = None
        if picture.luma != "none":
            luma = Luma(slots.luma(*place), limited=picture.luma == "limited")
        if picture.rgb:
            rgb = slots.rgb(*place, behind=luma is not None)
        return Frame(second=picture.second, rgb=rgb, luma=luma, key=picture.key)

    def _check_facts(self, info: MediaInfo) -> None:
        """Refuse what no decoder of ours says. The numbers go into the evidence."""
        assert self._job is not None
        texts = (info.codec or "", *info.notes)
        if info.format != self._job.format:
            raise wire.GarbledError("another format")
        if not 0 <= info.duration <= wire.LONGEST_TIME:
            raise wire.GarbledError("an impossible duration")
        if min(info.width, info.height) < 1 or info.width * info.height > self._budget.pixels:
            raise wire.GarbledError("an impossible size")
        if not 0 <= info.frames_seen <= wire.MOST or info.orientation not in range(1, 9):
            raise wire.GarbledError("an impossible number")
        if info.rotation not in (0, 90, 180, 270) or len(info.notes) > _MOST_NOTES:
            raise wire.GarbledError("an impossible number")
        if any(len(text) > wire.LONGEST_TEXT or not text.isprintable() for text in texts):
            raise wire.GarbledError("an impossible text")

    def _check_trouble(self, unknown: Unknown) -> None:
        """Refuse what no decoder of ours says."""
        span, detail = unknown.span, unknown.detail
        if len(self.unknowns) >= _MOST_UNKNOWNS:
            raise wire.GarbledError("too many troubles")
        if (unknown.stage, unknown.detector, unknown.categories) != ("media", None, ()):
            raise wire.GarbledError("a trouble of somebody else")
        if len(detail) > wire.LONGEST_TEXT or not detail.isprintable():
            raise wire.GarbledError("an impossible text")
        if span and not 0 <= span.start <= span.end <= wire.LONGEST_TIME:
            raise wire.GarbledError("an impossible span")

    def _fail(self, cause: Cause, detail: str) -> None:
        """End the item because its child has failed, and the child with it."""
        self.unknowns.append(MediaError(cause, detail, self._rest()).unknown)
        if self._worker:
            self._worker.drop()
        self._end()

    def _rest(self) -> Span | None:
        """Return the part after the last frame, or ``None`` where there was no frame."""
        if not self._judged:
            return None
        end = self.info.duration if self.info else 0.0
        return Span(start=self._second, end=max(end, self._second))

    def _end(self) -> None:
        """Let go of the decoder, with the counts as the parent knows them."""
        if self._worker:
            # What memory an item has used up, it may have left in pieces.
            self._worker.retire(worn=self._exhausted)
        self._worker = None
        if self.info:
            seen = max(self._seen, self.info.frames_seen)
            self.info = msgspec.structs.replace(
                self.info, frames_seen=seen, frames_judged=self._judged
            )
        if not self._judged and not self.unknowns:
            self.unknowns.append(MediaError("no_frames", "holds no frame").unknown)


class Reader:
    """Decodes one item after another in a child process of its own.

    The child, a decoder, is started by the first item. It is replaced when it dies or
    overruns, which costs its own item alone, and when it has served some dozens of them. A
    reader belongs to one thread at a time; threads that decode at the same time have a
    reader each.
    """

    def __init__(
        self,
        budget: Budget | None = None,
        sampling: Sampling | None = None,
        *,
        grey: bool = False,
        least_side: int | None = None,
        threads: int = 1,
        items: int = ITEMS,
    ) -> None:
        """Make a reader; the child is not started yet.

        Args:
            budget: The most that one item may cost.
            sampling: Which frames of a video are judged.
            grey: Whether JPEGs that are read without colour are decoded as their luma
                alone, which is faster. Their hashes are then near to the exact ones, not
                the same: see docs/media.md.
            least_side: Pixels of the shorter side that are enough, where frames are for
                classifiers and nothing else: a JPEG is then decoded at the half, quarter or
                eighth of its size that leaves as many, which is faster. Such frames must
                not be hashed: their PDQ is another one. ``None`` for the full size.
            threads: How many threads decode one video, 1 to 64. Frames come out the same.
                More than one is for when fewer items are read at a time than there are
                processors.
            items: How many items one decoder serves; 1 gives each a process of its own.

        Raises:
            ValueError: ``least_side``, ``threads`` or ``items`` is out of range.
            SettingError: ``TIDEGATE_CONFINEMENT`` says what means nothing.
        """
        confinement()
        if items < 1:
            raise ValueError(f"a decoder serves one item at least, not {items}")
        if least_side is not None and least_side < 1:
            raise ValueError(f"a picture keeps one pixel at least, not {least_side}")
        if not 1 <= threads <= 64:
            raise ValueError(f"a video is decoded by 1 to 64 threads, not {threads}")
        self.budget = budget or Budget()
        self.sampling = sampling or Sampling()
        self.grey = grey
        self.least_side = least_side
        self.threads = threads
        self._items = items
        self._worker: Worker | None = None
        self._reading: Reading | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the decoder, or ``None`` while there is none."""
        return self._worker.pid if self._worker else None

    @property
    def lacking(self) -> str:
        """What of the confinement was not active for the last item; empty where all was."""
        return self._worker.lacking if self._worker else ""

    def heeds_colour(self, source: Source) -> bool:
        """Return whether :meth:`read` heeds its ``colour``: all else always comes as RGB."""
        return source.format in FILMS or (self.grey and source.format == "jpeg")

    def read(
        self,
        source: Source,
        sampling: Sampling | None = None,
        *,
        colour: bool = True,
        until: float | None = None,
    ) -> Reading:
        """Start to decode a source. An earlier reading that is still open is closed.

        Args:
            source: What to decode.
            sampling: For this reading, in place of the reader's own.
            colour: Whether frames of a video need RGB beside their luma, which costs more
                than many a frame's decoding. What has no luma comes as RGB all the same.
            until: The :attr:`Reading.until` of an earlier reading, where both are to
                share the time of one item.
        """
        if self._reading:
            self._reading.close()
        reading = self._reading = Reading(self.budget)
        try:
            _check(source, self.budget)
        except MediaError as error:
            reading.unknowns.append(error.unknown)
            return reading
        worker = self._worker
        if worker is not None:
            worker.look()
        if worker is None or worker.gone:
            self.close()
            try:
                worker = self._worker = Worker(self.budget, self.threads, self._items)
            except OSError as error:
                detail = f"no decoder can be started here: {error.strerror}"
                reading.unknowns.append(MediaError("crashed", detail).unknown)
                return reading
        job = wire.Job(
            format=source.format or "",
            budget=self.budget,
            sampling=sampling or self.sampling,
            colour=colour,
            grey=self.grey,
            least_side=self.least_side,
            threads=self.threads,
        )
        reading._begin(worker, source, job, until)
        return reading

    def close(self) -> None:
        """End the child process. The next item starts another one."""
        worker, self._worker = self._worker, None
        if worker:
            worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._reading:
            self._reading.close()
        self.close()


def _check(source: Source, budget: Budget) -> None:
    """Refuse what no child needs to see."""
    if source.size > budget.bytes:
        raise MediaError("too_large", over(source.size, "bytes", budget.bytes, "bytes"))
    if source.format is None:
        raise MediaError("unsupported", "is no known image or video format")
    if source.format in UNSUPPORTED:
        raise MediaError("unsupported", f"{source.format} is not a format that is judged")
