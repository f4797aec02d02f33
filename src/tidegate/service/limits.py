"""How often, and how much: rate limits by key, and a cap on the bodies of requests.

Both are of one process. Many processes behind one address each give their share; a limit over
all of them belongs in what stands before them.
"""

import threading
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.service.problems import TooLarge


class RateLimit:
    """A token bucket for each key, in bounded memory.

    Kept as one number a key, the time at which its bucket is full again (the generic cell rate
    algorithm, ITU-T I.371, annex A). A key whose time has passed is as good as one never seen
    and is swept. Where more keys than ``most`` are at work at once, those that are new share
    one bucket: neither memory nor the sum of what is let through grows with made-up keys.

    Args:
        rate: Tokens a second.
        burst: Tokens in a full bucket.
        most: Keys that are remembered.
        clock: Seconds that only grow.

    Raises:
        ValueError: A rate, burst or number of keys that is not above zero.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if rate <= 0 or burst <= 0 or most < 1:
            raise ValueError("rate, burst and most have to be above zero")
        self._seconds = 1.0 / rate
        self._burst = burst
        self._most = most
        self._clock = clock
        self._full: dict[str, float] = {}
        self._shared = clock()
        self._sweep_from = clock()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._full)

    def take(self, key: str, cost: float = 1.0) -> float:
        """Take tokens out of a key's bucket.

        Args:
            key: Whose.
            cost: How many.

        Returns:
            0.0 where they were there. Else nothing is taken, and it is the seconds after
            which they will be.

        Raises:
            ValueError: More than a bucket holds, or less than none.
        """
        if not 0 < cost <= self._burst:
            raise ValueError(f"a cost is above 0 and at most {self._burst:g}")
        with self._lock:
            now = self._clock()
            own = key in self._full or self._room(now)
            full = max(now, self._full.get(key, now) if own else self._shared)
            then = full + cost * self._seconds
            wait = then - self._burst * self._seconds - now
            # A millionth of a token is the rounding of clocks, not somebody in a hurry.
            if wait > self._seconds * 1e-6:
                return wait
            if own:
                self._full[key] = then
            else:
                self._shared = then
            return 0.0

    def _room(self, now: float) -> bool:
        """Return whether one more key can be remembered; sweep where that may help."""
        if len(self._full) >= self._most and now >= self._sweep_from:
            self._full = {key: full for key, full in self._full.items() if full > now}
            # Sweeping again at once would make each made-up key cost a walk over all of them.
            self._sweep_from = now + self._burst * self._seconds / 2
        return len(self._full) < self._most


class BodyLimit:
    """ASGI middleware that ends a request whose body is too large while it streams.

    A body that announces more is refused before a byte of it is read; one that announces less
    than it has, or nothing, at the byte that is too many. It raises `TooLarge` from where the
    body is read, so that the answer is made like that of any other problem.

    Args:
        app: The application.
        most: Bytes that a request may have, from its scope (path and method).
    """

    def __init__(self, app: ASGIApp, most: Callable[[Scope], int]) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most(scope)
        refused = _announced(scope) > most
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message: Message = {} if refused else await receive()
            seen += len(message.get("body", b""))
            if refused or seen > most:
                raise TooLarge(f"a body here has {most:,} bytes at most")
            return message

        await self._app(scope, counted, send)


def _announced(scope: Scope) -> int:
    """Return what the header says; 0 where it says nothing that is a number."""
    text = Headers(scope=scope).get("content-length", "")
    # Python reads no more digits than some thousands.
    return int(text[:20]) if text.isascii() and text.isdigit() else 0
