"""What takes long, in threads of its own: what is quick does not wait for it.

Routes share some forty threads. Were they all busy with URLs that do not answer, or with pictures
that wait for a decoder, nobody could log in or send an item meanwhile.
"""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

P = ParamSpec("P")
T = TypeVar("T")


class Apart:
    """Runs functions in a few threads; more of them wait, and hold no thread meanwhile.

    Args:
        threads: At once.
    """

    def __init__(self, threads: int) -> None:
        self._limiter = CapacityLimiter(threads)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function returns, or raise what it raises."""
        return await to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._limiter)
