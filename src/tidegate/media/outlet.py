"""The way out of the child: what the decoders tell, and to whom they give frames."""

import math
import socket

import numpy as np
from numpy.typing import NDArray

from tidegate.evidence import Cause, MediaInfo, Span, Unknown, seconds
from tidegate.media import memory, wire
from tidegate.media.error import MediaError, over
from tidegate.media.luma import Luma
from tidegate.media.settings import Budget

_LARGE = 64 * 1024**2


class StoppedError(BaseException):
    """Nobody wants the rest of the job. No decoder's ``except Exception`` may catch it."""


class GoneError(BaseException):
    """The parent is gone, and with it every reason to go on."""


class Outlet:
    """Carries one job's results to the parent. Waits while both slots are taken.

    Attributes:
        seen: Frames decoded so far; the decoders count them here.
        judged: Frames handed out so far.
    """

    def __init__(self, sock: socket.socket, slots: memory.Slots) -> None:
        self._socket = sock
        self._slots = slots
        self._free = [0, 1]
        self._largest = 0
        self._budget = Budget()
        self._pixels = 0
        self.seen = self.judged = 0

    def begin(self, budget: Budget) -> None:
        """Get ready for the next job: the parent holds no frame of the last one."""
        if self._largest > _LARGE:
            self._slots.forget()
        self._free = [0, 1]
        self._budget = budget
        self._largest = self._pixels = self.seen = self.judged = 0

    def facts(self, info: MediaInfo) -> None:
        """Tell what the media is. The last call counts."""
        self._send(wire.Facts(info=info))

    def room(self, height: int, width: int) -> NDArray[np.uint8]:
        """Return where the next frame's RGB goes: decoded there, it need not be copied."""
        self._wait()
        return self._slots.rgb(self._free[0], height, width)

    def frame(
        self,
        rgb: NDArray[np.uint8] | None,
        second: float = 0.0,
        *,
        key: bool = True,
        luma: Luma | None = None,
    ) -> None:
        """Hand out a judged frame, as RGB, luma or both; wait until a slot is free."""
        self._wait()
        slot = self._free.pop(0)
        shown = luma.plane if luma else rgb
        assert shown is not None
        height, width = shown.shape[:2]
        if luma:
            self._slots.luma(slot, height, width)[...] = luma.plane
        if rgb is not None:
            place = self._slots.rgb(slot, height, width, behind=luma is not None)
            if not np.may_share_memory(place, rgb):
                place[...] = rgb
        self._largest = max(self._largest, height * width * memory.BYTES)
        self.judged += 1
        self._send(
            wire.Picture(
                slot=slot,
                width=width,
                height=height,
                second=seconds(second),
                key=key,
                seen=self.seen,
                rgb=rgb is not None,
                luma=_range(luma),
            )
        )

    def unknown(self, cause: Cause, detail: str, span: Span | None = None) -> None:
        """Tell what could not be judged."""
        if span and not (math.isfinite(span.start) and math.isfinite(span.end)):
            span = None
        if span:
            start = min(max(0.0, span.start), wire.LONGEST_TIME)
            end = min(max(start, span.end), wire.LONGEST_TIME)
            span = Span(start=seconds(start), end=seconds(end))
        # A library's words may hold what the file holds.
        told = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in detail)
        told = told[: wire.LONGEST_TEXT]
        self._send(
            wire.Trouble(unknown=Unknown(stage="media", cause=cause, detail=told, span=span))
        )

    def spend(self, pixels: int) -> None:
        """Count pixels that are about to be decoded, or have been.

        Raises:
            MediaError: With them the item has more than its budget of decoded pixels.
        """
        self._pixels += pixels
        if self._pixels > self._budget.total_pixels:
            detail = over(self._pixels, "decoded pixels", self._budget.total_pixels, "total_pixels")
            raise MediaError("too_many_pixels", detail)

    def count(self) -> None:
        """Count a decoded frame, and look whether the rest is still wanted."""
        self.seen += 1
        self._heed()

    def done(self) -> None:
        """Say that the job is over."""
        self._send(wire.Done())

    def _wait(self) -> None:
        """Wait for a free slot."""
        self._heed()
        while not self._free:
            self._obey()

    def _heed(self) -> None:
        """Take the orders that have come, without waiting for more."""
        while wire.readable(self._socket.fileno()):
            self._obey()

    def _obey(self) -> None:
        """Wait for an order and do what it says."""
        try:
            order = wire.ORDERS.decode(wire.receive(self._socket))
        except (EOFError, OSError) as error:
            raise GoneError from error
        match order:
            case wire.Release(slot=slot):
                self._free.append(slot)
            case wire.Stop():
                raise StoppedError

    def _send(self, message: wire.Answer) -> None:
        try:
            wire.send(self._socket, message)
        except OSError as error:
            raise GoneError from error


def _range(luma: Luma | None) -> wire.Range:
    if luma is None:
        return "none"
    return "limited" if luma.limited else "full"
