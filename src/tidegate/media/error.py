"""The one error of this room."""

import errno

from tidegate.evidence import Cause, Span, Unknown
from tidegate.media.settings import Budget


class MediaError(Exception):
    """Media could not be opened or decoded, wholly or from some second on.

    Attributes:
        cause: Why, in the vocabulary of the evidence.
        detail: One line for people.
        span: Which part is lost, or ``None`` for all of it.
    """

    def __init__(self, cause: Cause, detail: str, span: Span | None = None) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail
        self.span = span

    @property
    def unknown(self) -> Unknown:
        """The same as a value of the evidence."""
        return Unknown(stage="media", cause=self.cause, detail=self.detail, span=self.span)


def over(observed: float, unit: str, limit: float, setting: str) -> str:
    """Return the line that says which budget was passed, by what, and where it is set."""
    return f"{_told(observed)} {unit} are over the budget of {_told(limit)} (budget.{setting})"


def _told(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def is_exhaustion(error: BaseException) -> bool:
    """Return whether memory ran out. A thread that finds no room for its stack says EAGAIN."""
    if isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.ENOMEM):
        return True
    return isinstance(error, MemoryError)


def exhausted(budget: Budget) -> str:
    """Return the line that says that memory did not suffice."""
    return f"needs more than {budget.memory:,} bytes of memory (budget.memory)"


def check_pixels(width: int, height: int, budget: Budget) -> None:
    """Refuse a frame by the size in its header.

    Raises:
        MediaError: It has more pixels than the budget allows, or none.
    """
    pixels = width * height
    if pixels > budget.pixels:
        detail = over(pixels, "pixels a frame", budget.pixels, "pixels")
        raise MediaError("too_many_pixels", detail)
    if pixels <= 0:
        raise MediaError("corrupt", "has no width or no height")
